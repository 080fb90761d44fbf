"""Records to files: the text of a file for some records, and its bytes. What cannot be written exactly is refused, never cut or changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from connectors.files.config import Writing
from connectors.files.records import as_text
from hub.errors import Rejected
from hub.sdk.jsonio import dump_json

Data = dict[str, Any]

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?[0-9][0-9.,]*")
_XML_NAME = re.compile(r"[A-Za-z_][\w.-]*")
_NOT_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def file_of(records: Sequence[Data], spec: Writing) -> bytes:
    """The bytes of a file with these records. Raises `Rejected`, with the field, for what the format cannot hold."""
    text = "".join(
        {"csv": _csv, "fixed": _fixed, "jsonl": _jsonl, "json": _json, "xml": _xml}[spec.format](records, spec)
    )
    try:
        if spec.encoding == "utf-16":
            return b"\xff\xfe" + text.encode("utf-16-le")
        return text.encode("utf-8-sig" if spec.bom and spec.encoding == "utf-8" else spec.encoding)
    except UnicodeEncodeError as e:
        raise Rejected(
            f"the character U+{ord(e.object[e.start]):04X} cannot be written in {spec.encoding}",
            fix="Replace it in the mapping, or write the file in another encoding.",
        ) from None


def _csv(records: Sequence[Data], spec: Writing) -> Iterator[str]:
    lines = _lines(records)
    columns = spec.column_names or list(lines[0])
    if spec.header:
        yield _row(columns, spec)
    for line in lines:
        _only(line, columns)
        yield _row([_plain(line.get(name), name) for name in columns], spec)


def _row(cells: Sequence[str], spec: Writing) -> str:
    """One line. The library's writer leaves a lone carriage return without quotes, and a reader then sees two lines."""
    quote = spec.quote
    written = []
    for value in cells:
        cell = _no_formula(value) if spec.formula_guard else value
        if any(one in cell for one in (spec.delimiter, quote, "\r", "\n")) or (not cell and len(cells) == 1):
            cell = f"{quote}{cell.replace(quote, quote * 2)}{quote}"
        written.append(cell)
    return spec.delimiter.join(written) + spec.line_end


def _no_formula(value: str) -> str:
    """A text that a spreadsheet would run is marked as text. Plain numbers, and with them telephone numbers, are none."""
    return f"'{value}" if value.startswith(_FORMULA) and not _NUMBER.fullmatch(value) else value


def _fixed(records: Sequence[Data], spec: Writing) -> Iterator[str]:
    for line in _lines(records):
        _only(line, spec.column_names)
        for column in spec.widths:
            value = _plain(line.get(column.name), column.name)
            if len(value) > column.width or not value.isprintable():
                why = (
                    f"has {len(value)} characters, and {column.width} fit"
                    if value.isprintable()
                    else "holds a line break or tab"
                )
                raise Rejected(f"the value of {column.name} {why}", where=column.name, fix="Shorten it in the mapping.")
            yield value.ljust(column.width) if column.align == "left" else value.rjust(column.width)
        yield spec.line_end


def _jsonl(records: Sequence[Data], spec: Writing) -> Iterator[str]:
    for record in records:
        yield dump_json(record).decode()
        yield spec.line_end


def _json(records: Sequence[Data], spec: Writing) -> Iterator[str]:
    array = "[" + f",{spec.line_end}".join(dump_json(record).decode() for record in records) + "]"
    yield f"{{{dump_json(spec.records).decode()}:{array}}}" if spec.records else array
    yield spec.line_end


def _xml(records: Sequence[Data], spec: Writing) -> Iterator[str]:
    *above, name = spec.records.split("/")
    encoding = {"cp1252": "windows-1252", "latin-1": "iso-8859-1"}.get(spec.encoding, spec.encoding)
    yield f'<?xml version="1.0" encoding="{encoding}"?>{spec.line_end}'
    yield "".join(f"<{one}>" for one in above) + spec.line_end
    for record in records:
        yield from _element(name, record, name)
        yield spec.line_end
    yield "".join(f"</{one}>" for one in reversed(above)) + spec.line_end


def _element(name: str, value: Any, where: str) -> Iterator[str]:
    if not _XML_NAME.fullmatch(name):
        raise Rejected(f"{name[:60]!r} is no name of an XML element", where=where)
    if isinstance(value, list):
        for number, one in enumerate(value):
            yield from _element(name, one, f"{where}[{number}]")
        return
    if not isinstance(value, dict):
        text = _xml_text(_plain(value, where), where)
        yield f"<{name}>{escape(text)}</{name}>" if text else f"<{name}/>"
        return
    attributes = "".join(
        f" {key[1:]}={quoteattr(_xml_text(_plain(one, f'{where}.{key}'), where))}"
        for key, one in value.items()
        if key.startswith("@") and _XML_NAME.fullmatch(key[1:])
    )
    yield f"<{name}{attributes}>"
    yield escape(_xml_text(_plain(value.get("#text"), where), where))
    for key, one in value.items():
        if key != "#text" and not key.startswith("@"):
            yield from _element(key, one, f"{where}.{key}")
    yield f"</{name}>"


def _xml_text(text: str, where: str) -> str:
    if found := _NOT_XML.search(text):
        raise Rejected(f"the character U+{ord(found[0]):04X} cannot be in XML", where=where)
    return text


def _lines(records: Sequence[Data]) -> list[Data]:
    """One line for each record, or for each of its ``rows``; every line has the same fields."""
    lines: list[Data] = []
    for record in records:
        rows = record.get("rows")
        if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
            head = {name: value for name, value in record.items() if name != "rows"}
            lines += [{**head, **row} for row in rows]
        elif rows == []:
            lines.append({name: value for name, value in record.items() if name != "rows"})
        else:
            lines.append(record)
    return lines


def _only(line: Data, columns: Sequence[str]) -> None:
    more = [name for name in line if name not in columns]
    if more:
        raise Rejected(
            f"the record has a field {more[0]!r}, and the file has no such column", where=more[0],
            fix="Add it to columns in the settings, or leave it out in the mapping.",
        )  # fmt: skip


def _plain(value: Any, where: str) -> str:
    if isinstance(value, (dict, list)):
        raise Rejected(
            f"the value of {where} is {'a list' if isinstance(value, list) else 'an object'}, and there is room for a plain one only",
            where=where, fix="Make it plain in the mapping, or put the lines of a record under `rows`.",
        )  # fmt: skip
    return as_text(value)
