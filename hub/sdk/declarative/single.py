"""Single records: read by their id with what belongs to them, or found by what people know them by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.errors import Rejected, RetryLater
from hub.sdk.declarative.answers import Answer
from hub.sdk.declarative.api import Api
from hub.sdk.declarative.calls import Call
from hub.sdk.declarative.file.streams import Etag
from hub.sdk.declarative.pages import Way, every_row, rows_in
from hub.sdk.declarative.paths import Getter, getter
from hub.sdk.declarative.rows import Row, Rows
from hub.sdk.records import ExternalRef, NaturalKey


@dataclass(frozen=True, slots=True)
class Sublist:
    """A list that belongs to a row and is asked for by itself."""

    name: str
    call: Call
    rows: Getter | None
    way: Way

    def put_into(self, api: Api, row: Row, scope: dict[str, Any]) -> None:
        """Read the whole list, and set it in the row."""

        def page(query: dict[str, Any], url: str | None) -> tuple[list[Any], Answer]:
            answer = api.read(self.call, scope, query, url).there()
            return rows_in(answer, self.rows, self.name), answer

        row[self.name] = list(every_row(page, self.way))


class Completion:
    """Makes a row whole: reads the lists that belong to it."""

    def __init__(self, rows: Rows, sublists: list[Sublist]) -> None:
        self._rows = rows
        self._sublists = sublists

    def __call__(self, api: Api, row: Row) -> Row:
        """The row with everything that belongs to it."""
        if self._sublists:
            scope = {"id": self._rows.id_of(row), "row": row}
            for sublist in self._sublists:
                sublist.put_into(api, row, scope)
        return row


@dataclass(frozen=True, slots=True)
class Current:
    """A record as it stands at the system, and its etag."""

    row: Row
    etag: str


class Fetcher:
    """Reads one record by its id."""

    def __init__(self, rows: Rows, call: Call, row: Getter | None, etag: Etag | None) -> None:
        self._rows, self._call, self._row = rows, call, row
        self._etag = etag
        self._etag_of = getter(etag.field) if etag is not None and etag.field else None

    def read(self, api: Api, external_id: str) -> Current | None:
        """The record, or none. What cannot be an id is not asked for; another record than the one asked for is none."""
        if not self._rows.usable(external_id):
            return None
        answer = api.read(self._call, {"id": self._rows.id_value(external_id)})
        if answer.missing:
            return None
        found = self._row(answer.data) if self._row is not None else answer.data
        if isinstance(found, list):
            found = found[0] if found else None
        if found is None or found == {}:
            if self._row is None:
                raise RetryLater(f"the system answered {answer.response.status} without the record")
            return None
        if not isinstance(found, dict):
            raise RetryLater(f"the system answered {answer.response.status} with something that is no record")
        if self._rows.id_of(found) != external_id:
            return None
        return Current(found, self._tag(answer, found))

    def _tag(self, answer: Answer, row: Row) -> str:
        if self._etag is None:
            return ""
        given = (
            self._etag_of(row)
            if self._etag_of is not None
            else answer.response.headers.get(str(self._etag.header).lower())
        )
        return given if isinstance(given, str) else ""


class Finder:
    """Finds one record by its natural key. What the system gives are candidates; what counts is the field itself."""

    def __init__(self, rows: Rows, call: Call, path: Getter | None, field: str, *, ignore_case: bool) -> None:
        self._rows, self._call, self._path = rows, call, path
        self._field = getter(field)
        self._same = str.casefold if ignore_case else str

    def find(self, api: Api, key: NaturalKey) -> ExternalRef | None:
        """The record with this key, or none."""
        if not key.value.strip() or any(ord(one) < 32 for one in key.value):
            return None
        answer = api.read(self._call, {"key": key.value, "kind": key.kind})
        if answer.missing:
            return None
        wanted = self._same(key.value)
        rows = rows_in(answer, self._path, self._rows.name)
        exact = [row for row in rows if (value := self._field(row)) is not None and self._same(str(value)) == wanted]
        if len({self._rows.id_of(row) for row in exact}) > 1:
            raise Rejected(
                f"the system has {len(exact)} records of {self._rows.name} with this {key.kind}", code="XREF-CONFLICT",
                fix="Keep one of them, or give the others another one.",
            )  # fmt: skip
        if not exact:
            return None
        return ExternalRef(self._rows.id_of(exact[0]), self._rows.version_of(exact[0]), exact[0])
