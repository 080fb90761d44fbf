"""A JSON array in, one element at a time: the file itself is the array, or an object with the array under a name.

The quick reader of the standard library finds where an element ends; what it is, is then read as strictly as everything from outside.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from connectors.files.config import Reading
from connectors.files.formats.base import FileFault, Lines, Position, Row
from hub.errors import InputRefused
from hub.sdk.files import FileReader
from hub.sdk.jsonio import read_object

_BLANK = re.compile(r"[ \t\r\n]*")
_decode = json.JSONDecoder(strict=False).raw_decode


def rows(reader: FileReader, spec: Reading, at: Position) -> Iterator[Row]:
    """The rows behind ``at``; those before it are read again, since only the beginning tells where an element begins."""
    number = 0
    for line, text in _elements(_Text(Lines(reader, spec).texts(), spec.max_record), spec.records):
        number += 1
        if number <= at.rows:
            continue
        try:
            yield Row(read_object(text), number, line)
        except InputRefused as e:
            yield Row(text, number, line, fault=e.message)


def _elements(text: _Text, name: str) -> Iterator[tuple[int, str]]:
    """The line and the text of each element of the array."""
    _enter(text, name)
    if text.peek() == "]":
        text.expect("]")
    else:
        while True:
            line = text.line
            yield line, text.value()[1]
            if text.expect(",", "]") == "]":
                break
    if not name and text.peek():
        raise FileFault("there is something behind the array", text.line)


def _enter(text: _Text, name: str) -> None:
    """Go to the first element."""
    if not name:
        text.expect("[", said="the file is no JSON array")
        return
    text.expect("{", said="the file is no JSON object")
    while text.peek() == '"':
        key, _ = text.value()
        text.expect(":")
        if key == name:
            text.expect("[", said=f"{name} is no array")
            return
        text.value()
        text.expect(",", "}")
    raise FileFault(f"there is no array {name!r}", text.line)


class _Text:
    """The text of a file, read as far as it is needed. ``line`` is where the next value begins."""

    def __init__(self, pieces: Iterator[str], limit: int) -> None:
        self._pieces = pieces
        self._limit = limit
        self._text = ""
        self._at = 0
        self.line = 1

    def peek(self) -> str:
        """The next character that is not blank; nothing at the end."""
        while True:
            end = _BLANK.match(self._text, self._at).end()  # type: ignore[union-attr]
            self.line += self._text.count("\n", self._at, end)
            self._at = end
            if end < len(self._text):
                return self._text[end]
            if not self._more():
                return ""

    def expect(self, *wanted: str, said: str = "") -> str:
        """Pass over one of these characters."""
        found = self.peek()
        if found not in wanted or not found:
            if not found:
                raise FileFault("the file ends before the array does", self.line)
            raise FileFault(said or f"{' or '.join(wanted)} is missing", self.line)
        self._at += 1
        return found

    def value(self) -> tuple[Any, str]:
        """The next value, and its text."""
        if not self.peek():
            raise FileFault("the file ends before the array does", self.line)
        while True:
            try:
                value, end = _decode(self._text, self._at)
            except json.JSONDecodeError as e:
                # It may only be that the rest has not been read yet.
                if len(self._text) - self._at > self._limit:
                    raise FileFault(f"a record is larger than {self._limit} bytes", self.line) from None
                if not self._more():
                    raise FileFault(f"not JSON: {e.msg}", self.line + self._text.count("\n", self._at, e.pos)) from None
                continue
            except RecursionError:
                raise FileFault("a record is nested too deeply", self.line) from None
            # A number at the end of a piece may go on in the next.
            if end == len(self._text) and self._more():
                continue
            text = self._text[self._at : end]
            self.line += text.count("\n")
            self._at = end
            return value, text

    def _more(self) -> bool:
        piece = next(self._pieces, "")
        self._text = self._text[self._at :] + piece
        self._at = 0
        return bool(piece)
