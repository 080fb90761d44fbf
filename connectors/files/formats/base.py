"""What all formats have in common: rows, faults, and text read line by line out of bytes, with a place to go on from."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from connectors.files.config import Reading
from hub.sdk.files import FileReader

PIECE = 256 * 1024
_NAMES = {"utf-8": "UTF-8", "latin-1": "ISO 8859-1", "cp1252": "Windows-1252"}


class FileFault(Exception):
    """A file that cannot be read on from here. ``line`` is where, from 1; 0 = the file as a whole."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.message = message
        self.line = line

    def __str__(self) -> str:
        return f"line {self.line}: {self.message}" if self.line else self.message


@dataclass(slots=True)
class Row:
    """One record of a file. ``number`` counts from 1; ``offset`` and ``next_line`` are where the next one begins.

    ``fault`` says why it cannot be used; ``payload`` is then the raw text, as far as it is known.
    """

    payload: Any
    number: int
    line: int
    offset: int = 0
    next_line: int = 0
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Position:
    """Where to go on: behind ``rows`` rows, at the byte ``offset`` and the line ``line``. 0 = at the beginning."""

    rows: int = 0
    offset: int = 0
    line: int = 0


Rows = Callable[[FileReader, Reading, Position], Iterator[Row]]
"""What a format's module offers as ``rows``. Raises `FileFault` where it cannot go on."""


class Lines:
    """The lines of a file as text, each with its ``\\n``. ``offset`` and ``line`` are behind the lines that were given out.

    Raises `FileFault`, with the line, for bytes that are not in the encoding, for U+0000, and for a record larger than allowed.
    """

    def __init__(self, reader: FileReader, spec: Reading, at: Position = Position()) -> None:
        self._reader = reader
        self._limit = spec.max_record
        reader.seek(0)
        self._codec, start = codec_of(spec.encoding, reader.read(4))
        self._wide = self._codec.startswith("utf-16")
        self._newline = 2 if self._wide else 1
        self.offset = max(at.offset, start)
        self.line = at.line
        self._since = self.offset
        reader.seek(self.offset)
        self._lines = self._read()

    def __iter__(self) -> Iterator[str]:
        return self._lines

    def __next__(self) -> str:
        return next(self._lines)

    def mark(self) -> None:
        """A record ends here."""
        self._since = self.offset

    def skip(self, count: int) -> None:
        """Pass over lines."""
        for _ in range(count):
            next(self._lines, None)
        self.mark()

    def _read(self) -> Iterator[str]:
        rest = ""
        for text in self.texts():
            pieces = (rest + text).split("\n")
            rest = pieces.pop()
            for piece in pieces:
                self.line += 1
                self.offset += self._measure(piece) + self._newline
                self._check_size(0)
                yield piece + "\n"
            self._check_size(len(rest))
        if rest:
            self.line += 1
            self.offset += self._measure(rest)
            yield rest

    def texts(self) -> Iterator[str]:
        """The text in pieces, without regard to lines."""
        decoder = codecs.getincrementaldecoder(self._codec)("strict")
        more = True
        while more:
            data = self._reader.read(PIECE)
            more = bool(data)
            try:
                text = decoder.decode(data, final=not data)
            except UnicodeDecodeError as e:
                # What is before it comes first, so that the line is counted up to here.
                yield e.object[: e.start].decode(self._codec)
                name, where = _NAMES.get(self._codec, self._codec.upper()), e.object[e.start]
                raise FileFault(f"the byte 0x{where:02x} is not {name} text", self.line + 1) from None
            if "\0" in text:
                yield text[: text.index("\0")]
                raise FileFault("there is a character U+0000, which no text has", self.line + 1)
            if text:
                yield text

    def _measure(self, text: str) -> int:
        if self._wide:
            return len(text.encode(self._codec))
        return len(text) if self._codec != "utf-8" or text.isascii() else len(text.encode())

    def _check_size(self, more: int) -> None:
        if self.offset + more - self._since > self._limit:
            raise FileFault(
                f"a record is larger than {self._limit} bytes (a quote that is never closed?)", self.line + 1
            )


def codec_of(encoding: str, head: bytes) -> tuple[str, int]:
    """The codec without a byte order mark, and how many bytes the mark has."""
    if encoding == "utf-8":
        return "utf-8", 3 if head.startswith(codecs.BOM_UTF8) else 0
    if encoding.startswith("utf-16"):
        for codec, mark in (("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)):
            if head.startswith(mark) and encoding in ("utf-16", codec):
                return codec, 2
        # RFC 2781: without a mark it is big-endian; what Windows writes without one is not.
        return ("utf-16-le" if encoding == "utf-16" else encoding), 0
    return encoding, 0
