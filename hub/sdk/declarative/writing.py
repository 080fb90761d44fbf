"""Writes: one request for each record, under an idempotency key or with a marker, so that a repeat makes nothing twice."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import unquote

from hub.errors import OutcomeUnknown, Rejected, RetryLater, Unsupported
from hub.sdk.declarative.answers import Answer
from hub.sdk.declarative.api import Api
from hub.sdk.declarative.calls import Call
from hub.sdk.declarative.conditions import condition
from hub.sdk.declarative.file.writing import Once, Update, Write
from hub.sdk.declarative.pages import rows_in
from hub.sdk.declarative.paths import Getter, steps
from hub.sdk.declarative.rows import Row, Rows
from hub.sdk.declarative.single import Current, Fetcher
from hub.sdk.declarative.templates import Fill
from hub.sdk.records import DeliverResult, OutboundRecord

Verb = Literal["create", "update", "delete"]
APPLIED: Mapping[Verb, Any] = {"create": "created", "update": "updated", "delete": "deleted"}


def verb_of(record: OutboundRecord) -> Verb:
    """What a write does: an upsert of a record that is known here is an update."""
    if record.operation == "upsert":
        return "update" if record.external_id else "create"
    return record.operation


def scope_of(record: OutboundRecord, rows: Rows) -> dict[str, Any]:
    """What the texts of a write may name."""
    scope: dict[str, Any] = {
        "record": record.data,
        "marker": record.marker,
        "idempotency_key": record.idempotency_key,
    }
    if record.external_id is not None:
        scope["id"] = rows.id_value(record.external_id)
    return scope


@dataclass(frozen=True, slots=True)
class Request:
    """One writing request, compiled."""

    spec: Write
    call: Call
    add: Fill | None
    row: Getter | None

    def body(self, data: Row, scope: Mapping[str, Any]) -> Any:
        """What is sent where the file gives no body: the record, with what is added, under its name."""
        made: Any = {**data, **self.add(scope)} if self.add is not None else data
        for name in reversed(steps(self.spec.wrap) if self.spec.wrap else ()):
            made = {str(name): made}
        return made


@dataclass(frozen=True, slots=True)
class LookUp:
    """How the record of an earlier attempt is found."""

    call: Call
    rows: Getter | None
    where: Fill


class Writer:
    """Writes one stream."""

    def __init__(
        self,
        rows: Rows,
        requests: Mapping[Verb, Request],
        once: Once | None,
        look_up: LookUp | None,
        fetcher: Fetcher | None,
    ) -> None:
        self._rows = rows
        self._requests = requests
        self._header = once.header if once is not None else None
        self._keeps = timedelta(hours=once.keeps) if once is not None and once.keeps else None
        self._look_up = look_up
        self._fetcher = fetcher

    def deliver(self, api: Api, record: OutboundRecord) -> DeliverResult:
        """The write."""
        verb = verb_of(record)
        if verb == "create":
            return self._create(api, record)
        if record.external_id is None:
            if verb == "delete":
                return DeliverResult(external_id=record.marker, applied="unchanged")
            raise Rejected(f"the {self._rows.name} to change is not known at the system", code="XREF-MISSING")
        if not self._rows.usable(record.external_id):
            raise Rejected(f"{record.external_id[:60]!r} cannot be the id of a {self._rows.name}")
        return self._change(api, record, record.external_id, verb)

    def find_effect(self, api: Api, record: OutboundRecord) -> DeliverResult | None:
        """Did an earlier attempt take effect? None also where a repeat can do no harm: then the system itself tells."""
        if verb_of(record) != "create":
            return None  # the same values on a known record, or a record that is gone: again is as once
        if self._look_up is not None:
            return self._looked_up(api, record, self._look_up)
        if self._header is None:
            raise Unsupported(
                "the system neither honours an idempotency key nor can it be asked for an earlier attempt"
            )
        if self._keeps is not None and _age(record, api.io.clock.now()) > self._keeps:
            raise Unsupported("the system has forgotten the idempotency key of the earlier attempt")
        return None

    # ---

    def _create(self, api: Api, record: OutboundRecord) -> DeliverResult:
        request, scope = self._requests["create"], scope_of(record, self._rows)
        answer = api.write(request.call, scope, json=request.body(record.data, scope), headers=self._key(record))
        row = _row(answer.there(), request.row)
        external_id = self._new_id(request.spec, answer, row)
        return DeliverResult(external_id, "created", self._rows.version_of(row) if row else "")

    def _change(self, api: Api, record: OutboundRecord, external_id: str, verb: Verb) -> DeliverResult:
        request, scope = self._requests[verb], scope_of(record, self._rows)
        data, headers = record.data, self._key(record)
        spec = request.spec
        if isinstance(spec, Update) and (spec.whole or spec.if_match):
            current = self._current(api, external_id)
            data = {**current.row, **record.data} if spec.whole else data
            if spec.if_match and current.etag:
                headers["if-match"] = current.etag
            scope["etag"] = current.etag
        body = request.body(data, scope) if verb == "update" else None
        answer = api.write(request.call, scope, json=body, headers=headers)
        if answer.missing and verb == "delete":
            return DeliverResult(external_id, "unchanged")
        row = _row(answer.there(), request.row)
        return DeliverResult(external_id, APPLIED[verb], self._rows.version_of(row) if row else "")

    def _current(self, api: Api, external_id: str) -> Current:
        assert self._fetcher is not None
        current = self._fetcher.read(api, external_id)
        if current is None:
            raise Rejected(
                f"the {self._rows.name} is not there any more", fix="Release it to have it made anew, or drop it."
            )
        return current

    def _looked_up(self, api: Api, record: OutboundRecord, look_up: LookUp) -> DeliverResult | None:
        scope = scope_of(record, self._rows)
        answer = api.read(look_up.call, scope)
        if answer.missing:
            return None
        fits = condition(look_up.where(scope))
        found = [row for row in rows_in(answer, look_up.rows, self._rows.name) if fits(row)]
        if len({self._rows.id_of(row) for row in found}) > 1:
            raise Rejected("the system holds this record more than once", code="HUB-DUPLICATE")
        if not found:
            return None
        return DeliverResult(self._rows.id_of(found[0]), "adopted", self._rows.version_of(found[0]))

    def _key(self, record: OutboundRecord) -> dict[str, str]:
        return {self._header.lower(): record.idempotency_key} if self._header else {}

    def _new_id(self, spec: Write, answer: Answer, row: Row) -> str:
        """The id of what was made. A success that does not tell it may be something else than a success."""
        if spec.location and (end := _end_of(answer.response.headers.get("location", ""))):
            return end
        try:
            return self._rows.id_of(row)
        except RetryLater:
            status = answer.response.status
            raise OutcomeUnknown(f"the system answered {status} without the id of the new {self._rows.name}") from None


def _row(answer: Answer, path: Getter | None) -> Row:
    """The written record in an answer; empty where the answer does not hold it."""
    found = path(answer.data) if path is not None else answer.data
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    return found if isinstance(found, dict) else {}


def _end_of(address: str) -> str:
    """The id at the end of an address: ``/orders/15`` or ``/Items(15)`` or ``/Items('A-1')``."""
    end = unquote(address.rstrip("/").rpartition("/")[2].partition("?")[0])
    if end.endswith(")") and "(" in end:
        return end[:-1].partition("(")[2].strip("'")
    return end


def _age(record: OutboundRecord, now: datetime) -> timedelta:
    try:
        return now - datetime.fromisoformat(record.first_sent_at)
    except ValueError:
        return timedelta()
