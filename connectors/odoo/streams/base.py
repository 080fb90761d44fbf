"""What every stream of the connector has in common."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote, unquote

from connectors.odoo.changes import Walk, fingerprint, iso
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from hub.errors import Rejected, Unsupported
from hub.sdk.connector import Clock, Stream
from hub.sdk.records import Cursor, DeliverResult, ExternalRef, NaturalKey, OutboundRecord, Page, RawMessage

MODULE = "__hub__"
"""The namespace of the Odoo external ids that the hub gives to what it creates."""


class OdooStream:
    """One stream: its reads and writes at an Odoo database. What it does not override it does not support."""

    stream: ClassVar[Stream]

    def __init__(self, client: OdooClient, config: OdooConfig, clock: Clock) -> None:
        self.client = client
        self.config = config
        self.clock = clock

    def poll(self, cursor: Cursor | None, limit: int) -> Page:  # noqa: ARG002
        """The next page of changes."""
        raise self._unsupported("poll")

    def cursor_since(self, moment: datetime) -> Cursor:  # noqa: ARG002
        """The position from which everything changed since then is read."""
        raise self._unsupported("reading from a point in time")

    def fetch(self, external_id: str) -> RawMessage | None:  # noqa: ARG002
        """One record as it is now."""
        raise self._unsupported("fetch")

    def find(self, key: NaturalKey) -> ExternalRef | None:  # noqa: ARG002
        """The record with this natural key."""
        raise self._unsupported("find")

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:  # noqa: ARG002
        """What an earlier attempt of this write did."""
        raise self._unsupported("find_effect")

    def deliver(self, record: OutboundRecord) -> DeliverResult:  # noqa: ARG002
        """The write."""
        raise self._unsupported("deliver")

    def _unsupported(self, operation: str) -> Unsupported:
        return Unsupported(f"the odoo connector does not support {operation} of {self.stream.name}.")

    def find_one(
        self, model: str, domain: list[Any], key: NaturalKey, context: Record | None = None
    ) -> ExternalRef | None:
        """The one record that fits. Two are a conflict that a person must settle."""
        found = self.client.search_read(model, domain, ["write_date"], limit=2, context=context)
        if len(found) > 1:
            raise Rejected(
                f"several Odoo records ({model}) have this {key.kind}.",
                code="XREF-CONFLICT",
                fix=f"Archive or merge all but one of them in Odoo ({model} {found[0]['id']}, {found[1]['id']}).",
            )
        return ExternalRef(str(found[0]["id"]), iso(found[0]["write_date"])) if found else None


class ChangingRecords(OdooStream):
    """A stream of records of one model, read by their ``write_date``."""

    model: ClassVar[str]
    domain: ClassVar[Sequence[Any]] = ()

    def fields(self) -> list[str]:
        """The fields to read."""
        raise NotImplementedError

    def complete(self, records: list[Record]) -> list[Record]:
        """The payloads: the records and what belongs to them, read for the whole page at once."""
        return records

    def poll(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed records."""
        walk = Walk.of(cursor)
        overlap = self.config.overlap
        records, more = walk.step(
            self.client, self.model, list(self.domain), self.fields(), limit, overlap=overlap, now=self.clock.now()
        )
        return Page(self.messages(records), walk.as_cursor(), more)

    def cursor_since(self, moment: datetime) -> Cursor:
        """The position from which everything changed since then is read."""
        return Walk.since(moment).as_cursor()

    def fetch(self, external_id: str) -> RawMessage | None:
        """The record with this id as it is now."""
        if not (external_id.isascii() and external_id.isdigit()):
            return None
        domain = [*self.domain, ["id", "=", int(external_id)]]
        asked = ["id", "write_date", *self.fields()]
        records = self.client.search_read(self.model, domain, asked, context={"active_test": False})
        return next(iter(self.messages(records)), None)

    def messages(self, records: list[Record]) -> Sequence[RawMessage]:
        """One message a record. The content is part of the dedupe key, for a record may change twice within one second."""
        payloads = self.complete(records) if records else []
        return [
            RawMessage(
                stream=self.stream.name,
                external_id=str(p["id"]),
                payload=p,
                topic=f"{self.model}/changed",
                dedupe_key=f"{self.stream.name}/{p['id']}@{iso(p['write_date'])}#{fingerprint(p)}",
                source_version=iso(p["write_date"]),
                occurred_at=iso(p["write_date"]),
            )
            for p in payloads
        ]


def many2one(value: object) -> int | None:
    """The id in Odoo's ``[id, name]``; none for false."""
    if isinstance(value, (list, tuple)) and value:
        return int(value[0])
    return int(value) if isinstance(value, int) and not isinstance(value, bool) else None


def cell(value: Any) -> str:
    """A value as Odoo's `load` takes it: everything is text, nothing is the empty text."""
    if value is None or value is False:
        return ""
    return "1" if value is True else str(value)


def external_name(marker: str, part: str = "", value: str = "") -> str:
    """The Odoo external id of what this marker creates; ``part`` and ``value`` name a piece of it, such as one order line."""
    name = _quoted(marker)
    if part:
        name += f"__{part}__{_quoted(value)}"
    return f"{MODULE}.{name}"


def external_value(name: object, part: str) -> str | None:
    """The ``value`` in an external id made by :func:`external_name`; none when it is not the hub's, or of another part."""
    text = str(name or "")
    head, found, value = text.rpartition(f"__{part}__")
    return unquote(value) if found and head.startswith(f"{MODULE}.") else None


def _quoted(text: str) -> str:
    """Odoo's external ids have one dot and no blanks; percent signs keep everything else readable and reversible."""
    return quote(text, safe="-_").replace(".", "%2E").replace("__", "_%5F")
