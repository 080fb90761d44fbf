"""From rows to records: their ids, versions and deletions, and rows of one record put together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from connectors.files.config import Reading
from connectors.files.formats.base import FileFault, Position, Row
from hub.sdk.jsonio import decimal_text, dump_json

MOST_ROWS = 10_000
"""Rows of one record: an order with more lines is a file whose id column is wrong."""


@dataclass(slots=True)
class Record:
    """One record. ``after`` is where the next one begins. With a ``fault`` it cannot be used; ``payload`` is then its raw text."""

    id: str
    payload: Any
    row: int
    line: int
    after: Position
    version: str = ""
    deleted: bool = False
    fault: str = ""
    same: bool = False
    """As it was in the file before."""


def records(rows: Iterator[Row], spec: Reading, name: str) -> Iterator[Record]:
    """The records in ``rows`` of the file ``name``."""
    singles = (_single(row, spec, name) for row in rows)
    return _grouped(singles) if spec.group else singles


def _single(row: Row, spec: Reading, name: str) -> Record:
    after = Position(row.number, row.offset, row.next_line)
    if row.fault:
        return Record(f"{name}:{row.number}", row.payload, row.number, row.line, after, fault=row.fault)
    identity, missing = _identity(row.payload, spec.id)
    if missing:
        fault = f"the field {missing}, which is a part of the id, is missing or empty"
        return Record(f"{name}:{row.number}", dump_json(row.payload).decode(), row.number, row.line, after, fault=fault)
    if spec.file_field:
        row.payload[spec.file_field] = name
    return Record(
        identity or f"{name}:{row.number}", row.payload, row.number, row.line, after,
        version=as_text(_field(row.payload, spec.version)) if spec.version else "",
        deleted=spec.deleted is not None and as_text(_field(row.payload, spec.deleted.field)) in spec.deleted.values,
    )  # fmt: skip


def _grouped(singles: Iterator[Record]) -> Iterator[Record]:
    """Rows one after the other with the same id, as the first of them with all of them under ``rows``."""
    open_one: Record | None = None
    for record in singles:
        if open_one is not None and not record.fault and record.id == open_one.id:
            if len(open_one.payload["rows"]) >= MOST_ROWS:
                raise FileFault(f"more than {MOST_ROWS} rows have the id {record.id[:60]!r}", record.line)
            open_one.payload["rows"].append(record.payload)
            open_one.after = record.after
            open_one.version = max(open_one.version, record.version)
            continue
        # Before a row that cannot be read nothing is complete: it may be one more row of the record that is open.
        if open_one is not None and not record.fault:
            yield open_one
        if record.fault:
            yield record
            open_one = None
        else:
            open_one = replace(record, payload={**record.payload, "rows": [record.payload]})
    if open_one is not None:
        yield open_one


def identity_of(payload: Any, fields: tuple[str, ...]) -> str:
    """The values of the id's fields; nothing where one is missing or there are no fields."""
    identity, missing = _identity(payload, fields)
    return "" if missing else identity


def _identity(payload: Any, fields: tuple[str, ...]) -> tuple[str, str]:
    parts = []
    for name in fields:
        value = as_text(_field(payload, name)).strip()
        if not value:
            return "", name
        parts.append(value)
    return "/".join(parts), ""


def _field(payload: Any, name: str) -> Any:
    """A field, by its name or by its place (``header.number``)."""
    if name in payload:
        return payload[name]
    for part in name.split("."):
        if not isinstance(payload, dict):
            return None
        payload = payload.get(part)
    return payload


def as_text(value: Any) -> str:
    """A plain value as text; nothing for null and for what is not plain."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int():
            return str(value)
        case Decimal():
            return decimal_text(value)
    return ""
