"""XML in, one record element at a time. A document type, and with it every entity of its own making, is refused unread.

An element is the text in it; one with attributes or elements in it is an object: attributes as ``@name``, elements by name (a
list where there are several), its text as ``#text``. Prefixes of namespaces are left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from xml.parsers import expat

from connectors.files.config import Reading
from connectors.files.formats.base import PIECE, FileFault, Position, Row, codec_of
from hub.sdk.files import FileReader

MAX_DEPTH = 64


def rows(reader: FileReader, spec: Reading, at: Position) -> Iterator[Row]:
    """The rows behind ``at``; those before it are read again."""
    reader.seek(0)
    handler = _Handler(spec)
    parser = expat.ParserCreate(_encoding(spec, reader))
    # One call for the text between two tags, however long it is.
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = handler.doctype
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    handler.parser = parser
    number = 0
    more = True
    while more:
        data = reader.read(PIECE)
        more = bool(data)
        try:
            parser.Parse(data, not data)
        except expat.ExpatError as e:
            yield from _after(handler.take(), number, at.rows)
            raise FileFault(f"not well-formed XML: {expat.ErrorString(e.code)}", e.lineno) from None
        except ValueError as e:  # bytes that are not in the encoding that the file names
            raise FileFault(f"cannot be decoded: {e}", parser.CurrentLineNumber) from None
        found = handler.take()
        yield from _after(found, number, at.rows)
        number += len(found)
        if handler.open_bytes(len(data)) > spec.max_record:
            raise FileFault(f"a record is larger than {spec.max_record} bytes", parser.CurrentLineNumber)


def _encoding(spec: Reading, reader: FileReader) -> str | None:
    """The settings name the encoding unless the file does; a byte order mark says it in any case."""
    head = reader.read(256)
    reader.seek(0)
    codec, mark = codec_of(spec.encoding, head)
    if mark or b"encoding" in head.partition(b"?>")[0] or codec.startswith("utf-16"):
        return None
    return {"latin-1": "iso-8859-1"}.get(codec, codec)


def _after(found: list[tuple[int, Any]], before: int, rows_done: int) -> Iterator[Row]:
    for number, (line, payload) in enumerate(found, before + 1):
        if number <= rows_done:
            continue
        if isinstance(payload, dict):
            yield Row(payload, number, line)
        else:
            yield Row(payload, number, line, fault="the record has neither attributes nor elements")


@dataclass(slots=True)
class _Element:
    name: str
    values: dict[str, Any]
    text: list[str] = field(default_factory=list)


class _Handler:
    """Builds the records as the parser goes along. Only what is inside a record is kept."""

    def __init__(self, spec: Reading) -> None:
        self._way = spec.records.split("/")
        self._lists = frozenset(spec.lists)
        self._above: list[str] = []
        self._open: list[_Element] = []
        self._line = 0
        self._found: list[tuple[int, Any]] = []
        self._bytes = 0
        self.parser: Any = None

    def take(self) -> list[tuple[int, Any]]:
        """The records that are complete: (line, value)."""
        found, self._found = self._found, []
        return found

    def open_bytes(self, more: int) -> int:
        """Bytes read since the record that is open began, to within one piece."""
        self._bytes = self._bytes + more if self._open else 0
        return self._bytes

    def doctype(self, *_: Any) -> None:
        raise FileFault("there is a document type (<!DOCTYPE), which is never read", self.parser.CurrentLineNumber)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        name = name.rpartition(":")[2]
        if not self._open:
            self._above.append(name)
            if self._above != self._way:
                return
            self._line, self._bytes = self.parser.CurrentLineNumber, 0
        elif len(self._open) >= MAX_DEPTH:
            raise FileFault(f"elements are nested deeper than {MAX_DEPTH}", self.parser.CurrentLineNumber)
        values = {
            f"@{key.rpartition(':')[2]}": value for key, value in attributes.items() if not key.startswith("xmlns")
        }
        self._open.append(_Element(name, values))

    def text(self, data: str) -> None:
        if self._open:
            self._open[-1].text.append(data)

    def end(self, _name: str) -> None:
        if not self._open:
            self._above.pop()
            return
        element = self._open.pop()
        text = "".join(element.text)
        value: Any = text
        if element.values or not self._open:
            value = element.values
            if text.strip():
                value["#text"] = text
            value = value or text
        if not self._open:
            self._above.pop()
            self._found.append((self._line, value))
            return
        self._add(self._open[-1].values, element.name, value)

    def _add(self, values: dict[str, Any], name: str, value: Any) -> None:
        if name not in values:
            values[name] = [value] if name in self._lists else value
        elif isinstance(values[name], list):
            values[name].append(value)
        else:
            values[name] = [values[name], value]
