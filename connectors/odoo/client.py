"""Calls to an Odoo server: one client, whose transport is chosen by the server's version."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from connectors.odoo.config import OdooConfig
from connectors.odoo.faults import fault, is_busy, said
from connectors.odoo.transports import Json2, JsonRpc, Record, Transport, answer_of, as_json
from hub.errors import Rejected, RetryLater
from hub.sdk.http import HttpClient

JSON2_SINCE = 19
_OF_MODEL = frozenset(
    {
        "create",
        "search",
        "search_read",
        "search_count",
        "load",
        "fields_get",
        "name_search",
        "check_object_reference",
        "action_view_inventory",
        "context_get",
        "default_get",
    }
)
"""Methods that are called on a model, not on records: they take no list of ids."""


class OdooClient:
    """Typed calls to the models that the connector uses. May be shared by threads."""

    def __init__(self, config: OdooConfig, http: HttpClient) -> None:
        self.config = config
        self.http = http
        self._lock = threading.Lock()
        self._transport: Transport | None = None
        self._version: tuple[int, ...] | None = None
        self._fields: dict[str, dict[str, Record]] = {}

    @property
    def version(self) -> tuple[int, ...]:
        """The server's version, such as (19, 0)."""
        if self._version is None:
            self._version = _parsed(self.config.version) if self.config.version else self._ask_version()
        return self._version

    @property
    def transport(self) -> Transport:
        """JSON-2 where the server has it, JSON-RPC otherwise."""
        with self._lock:
            if self._transport is None:
                kind = Json2 if self.version[0] >= JSON2_SINCE else JsonRpc
                self._transport = kind(self.config, self.http)
            return self._transport

    def call(
        self,
        model: str,
        method: str,
        ids: Iterable[int] | None = None,
        *,
        effect: bool = False,
        context: Record | None = None,
        **arguments: Any,
    ) -> Any:
        """Call a method with named arguments. ``effect`` says that it writes: a lost answer is then an unknown outcome."""
        of = None if method in _OF_MODEL else list(ids or [])
        named = {**arguments, "context": {**self._context(), **(context or {})}}
        return self.transport.call(model, method, of, named, effect=effect)

    def search_read(
        self,
        model: str,
        domain: list[Any],
        fields: Iterable[str],
        *,
        order: str = "id",
        limit: int | None = None,
        offset: int = 0,
        context: Record | None = None,
    ) -> list[Record]:
        """Records that fit the domain."""
        arguments: Record = {"domain": domain, "fields": list(fields), "order": order}
        if limit is not None:
            arguments["limit"] = limit
        if offset:
            arguments["offset"] = offset
        found = self.call(model, "search_read", context=context, **arguments)
        return list(found)

    def read(
        self, model: str, ids: Iterable[int], fields: Iterable[str], *, context: Record | None = None
    ) -> dict[int, Record]:
        """Records by id. One that is not there is left out: Odoo gives no error for it."""
        wanted = sorted(set(ids))
        if not wanted:
            return {}
        domain = [["id", "in", wanted]]
        found = self.search_read(model, domain, fields, context={"active_test": False, **(context or {})})
        return {record["id"]: record for record in found}

    def write(self, model: str, ids: Iterable[int], values: Record, *, context: Record | None = None) -> None:
        """Change records."""
        self.call(model, "write", ids, effect=True, context=context, vals=values)

    def create(self, model: str, values: Record, *, context: Record | None = None) -> int:
        """Make one record that repeating would make twice. Where that matters use :meth:`upsert`."""
        made = self.call(model, "create", effect=True, context=context, vals_list=[values])
        return int(made[0] if isinstance(made, list) else made)

    def by_external_id(self, name: str) -> int | None:
        """The id of the record with this Odoo external id; none when there is no such record (any more)."""
        module, _, rest = name.partition(".")
        try:
            found = self.call(
                "ir.model.data", "check_object_reference", module=module, xml_id=rest, context={"active_test": False}
            )
        except Rejected:
            return None
        return int(found[1]) if found[1] else None

    def upsert(self, model: str, columns: list[str], rows: list[list[str]], *, once: bool = False) -> int:
        """Make or update the record whose Odoo external id is the column "id", in one transaction.

        Odoo keeps external ids unique in its database, so that workers that do this at the same time make one record,
        never two. That no ordinary `create` can promise: Odoo has no idempotency keys, and its reference fields are not unique.
        ``once`` leaves a record that is there already as it is, as Odoo's own modules do with the data that people may change.
        """
        context: Record = {"tz": "UTC", "tracking_disable": True}
        if once:
            context |= {"mode": "update", "noupdate": True}
        answer = self.call(model, "load", effect=True, context=context, fields=columns, data=rows)
        ids = answer.get("ids") if isinstance(answer, dict) else None
        if ids:
            return int(ids[0])
        messages = [str(m.get("message", "")) for m in (answer or {}).get("messages", []) if isinstance(m, dict)]
        if any(is_busy(message) for message in messages):
            raise RetryLater(f"Odoo was busy with the same records ({model}).", after=1.0)
        if any(
            "You are not allowed to" in message for message in messages
        ):  # an import reports a missing right as a message
            raise fault({"name": "odoo.exceptions.AccessError", "message": messages[0]}, f"{model}.load")
        raise Rejected(f"Odoo refused the {model}: {said(messages[0] if messages else '')}")

    def company(self) -> int:
        """The id of the company that the hub works for: the configured one, or the default of its Odoo user."""
        if self.config.company:
            return self.config.company
        uid = self.call("res.users", "context_get")["uid"]
        return int(self.read("res.users", [uid], ["company_id"])[uid]["company_id"][0])

    def company_currency(self) -> str:
        """The currency that the company keeps its books in."""
        id_ = self.company()
        return str(self.read("res.company", [id_], ["currency_id"])[id_]["currency_id"][1])

    def fields(self, model: str) -> dict[str, Record]:
        """The fields that this database has on the model: they differ by version and by installed modules."""
        if model not in self._fields:
            self._fields[model] = dict(self.call(model, "fields_get", attributes=["type", "string", "required"]))
        return self._fields[model]

    def has(self, model: str, field: str) -> bool:
        """Does this database have the field?"""
        return field in self.fields(model)

    def _context(self) -> Record:
        context: Record = {"lang": self.config.language}
        if self.config.company:
            context["allowed_company_ids"] = [self.config.company]
        return context

    def _ask_version(self) -> tuple[int, ...]:
        response = self.http.request("GET", self.config.url + "/json/version", deadline=self.config.deadline)
        if response.status != 404:  # Odoo 18 and older do not have the address
            response.raise_for()
            answer = answer_of(response, effect=False)
            if isinstance(answer, dict) and "version" in answer:
                return _parsed(str(answer["version"]))
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "id": 1,
            "params": {"service": "common", "method": "version", "args": []},
        }
        response = self.http.request(
            "POST",
            self.config.url + "/jsonrpc",
            content=as_json(body).encode(),
            headers={"Content-Type": "application/json"},
            deadline=self.config.deadline,
        )
        if response.status != 200:
            response.raise_for()
        answer = answer_of(response, effect=False)
        result = answer.get("result") if isinstance(answer, dict) else None
        if not isinstance(result, dict) or "server_version" not in result:
            raise Rejected(
                "the server did not say its Odoo version.",
                fix='Check the connection\'s url, or set version, such as "19.0", in its config.',
            )
        return _parsed(str(result["server_version"]))


def _parsed(version: str) -> tuple[int, ...]:
    """ "saas~18.2+e" and "19.0" as numbers."""
    digits = version.rpartition("~")[2].partition("+")[0].split(".")
    try:
        return tuple(int("".join(c for c in part if c.isdigit())) for part in digits[:2])
    except ValueError:
        raise Rejected(f"the server says the Odoo version {version[:20]!r}, which the hub cannot read.") from None


__all__ = ["OdooClient", "Record"]
