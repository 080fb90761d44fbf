"""Rows of a system as messages: their ids, versions and times, and what tells one fact from another."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from hub.errors import RetryLater
from hub.sdk.declarative.conditions import condition
from hub.sdk.declarative.file.reading import Poll
from hub.sdk.declarative.file.streams import Id, StreamPart, Version
from hub.sdk.declarative.paths import getter
from hub.sdk.declarative.times import reader, stamp, zone_of
from hub.sdk.jsonio import dump_json
from hub.sdk.records import RawMessage

Row = dict[str, Any]
Text = Callable[[Any], str]

_KINDS = {
    "integer": re.compile(r"[0-9]{1,19}"),
    "uuid": re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"),
    "text": re.compile(r"(?!\.{1,2}$)[^\x00-\x1f\x7f]{1,200}"),
}

_CONTROL = re.compile(r"@odata\.|^odata\.|^__metadata$")


class Rows:
    """Reads the rows of one stream."""

    def __init__(self, name: str, spec: StreamPart) -> None:
        self.name = name
        said = spec.id if isinstance(spec.id, Id) else Id(field=spec.id)
        self._id = getter(said.field)
        self._shape = _KINDS[said.kind]
        self.numeric = said.kind == "integer"
        self._version = _version(spec.version)
        changes = spec.poll.changes if isinstance(spec.poll, Poll) else None
        self.raw_time = getter(changes.field) if changes else None
        self.read_time = reader(zone_of(changes.zone) if changes else UTC)
        self._deleted = condition(spec.deleted.where, spec.deleted.has) if spec.deleted else None

    @property
    def versioned(self) -> bool:
        """Does a row say by itself that it has changed, by a version or by a time?"""
        return self._version is not None or self.raw_time is not None

    def id_of(self, row: Any) -> str:
        """The row's id. Raises `RetryLater` where it has none: then the answer is not what the file says."""
        value = self._id(row)
        if (type(value) is str and value) or type(value) is int:
            return str(value)
        raise RetryLater(
            f"a row of {self.name} has no id where the file says that it is", code="CON-DOWN",
            fix="Look at an answer of the system, and correct id or rows in the connector's file.",
        )  # fmt: skip

    def usable(self, external_id: str) -> bool:
        """Can this be an id at all? What cannot is never asked for."""
        return self._shape.fullmatch(external_id) is not None

    def id_value(self, external_id: str) -> str | int:
        """The id as the system has it: a number, where its ids are numbers."""
        return int(external_id) if self.numeric else external_id

    def at_of(self, row: Any) -> datetime | None:
        """The row's time of change; none where it has none."""
        return self.read_time(self.raw_time(row)) if self.raw_time is not None else None

    def stamp_of(self, row: Any) -> str:
        """The row's time of change as text that sorts; "" where it has none."""
        at = self.at_of(row)
        return stamp(at) if at is not None else ""

    def version_of(self, row: Any) -> str:
        """The row's version as text that sorts; "" where it has none."""
        if self._version is not None:
            return self._version(row)
        return self.stamp_of(row)

    def message(self, row: Row, topic: str, at: str, *, serial: str = "", deleted: bool = False) -> RawMessage:
        """The row as a message; ``at`` is its time of change. ``serial`` counts the changes of a row that has neither time nor version."""
        external_id = self.id_of(row)
        if self._version is not None:
            version = self._version(row)
            fact = (
                f"{self.name}:{external_id}:{version}" if version else f"{self.name}:{external_id}:{fingerprint(row)}"
            )
        else:
            # Times may have whole seconds: two changes in one differ only in what the row holds.
            version = at
            fact = f"{self.name}:{external_id}:{version or serial}:{fingerprint(row)}"
        return RawMessage(
            self.name,
            external_id,
            row,
            fact,
            topic,
            version,
            "",
            at,
            deleted or (self._deleted is not None and self._deleted(row)),
        )


def fingerprint(row: Any) -> str:
    """A short text that differs when the row does. What OData says about the row beside its data is no part of it.

    The same record has an etag and a context in one answer and none in another (https://docs.oasis-open.org/odata/odata-json-format/v4.01,
    "Control Information"; ``odata.`` without @ in OData 3, ``__metadata`` in OData 2).
    """
    text = dump_json(row, sort=True)
    if b"odata." in text or b"__metadata" in text:
        text = dump_json(_data_of(row), sort=True)
    return blake2b(text, digest_size=8).hexdigest()


def _data_of(value: Any) -> Any:
    """The value without OData's control information, at any depth."""
    if isinstance(value, dict):
        return {name: _data_of(one) for name, one in value.items() if not _CONTROL.search(name)}
    return [_data_of(one) for one in value] if isinstance(value, list) else value


def _version(said: str | Version | None) -> Text | None:
    if said is None:
        return None
    get = getter(said if isinstance(said, str) else said.field)
    write = _written(said.kind if isinstance(said, Version) else "")
    return lambda row: write(get(row))


def _written(kind: str) -> Text:
    read = reader()

    def moment(value: Any) -> str:
        at = read(value)
        return stamp(at) if at is not None else ""

    def number(value: Any) -> str:
        text = str(value)
        return f"{int(text):020d}" if type(value) in (int, str) and text.isascii() and text.isdigit() else ""

    def either(value: Any) -> str:
        return number(value) or (moment(value) if isinstance(value, str) else "") or _plain(value)

    return {"integer": number, "time": moment, "text": _plain}.get(kind, either)


def _plain(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""
