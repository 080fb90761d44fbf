"""Reading one HTTP/1.1 answer as its bytes come in, on httptools: a C parser, strict as browsers and Node.js are."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import httptools

MOST_HEAD_BYTES = 64 * 1024
MOST_HEADERS = 200
CUT = "the connection ended in the middle of the answer"


class TooLarge(Exception):
    """The answer went over its cap."""


class BadAnswer(Exception):
    """What came back is no whole HTTP answer. Its text says why."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, decoded. ``headers`` has lower-case names; several cookies stand one a line, other repetitions by comma."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class AnswerReader:
    """Feed it what comes in until `whole`; then take the `answer`. Interim answers (1xx) are passed over."""

    method: str
    max_bytes: int
    whole: bool = False
    reusable: bool = False
    """May another request follow on the same connection?"""
    _status: int = 0
    _headers: dict[str, str] = field(default_factory=dict)
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _head_size: int = 0
    _lines: int = 0
    _head_done: bool = False
    _beyond: bool = False
    _parser: httptools.HttpResponseParser = field(init=False)

    def __post_init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what came in; nothing (``b""``) is the end of the connection. Raises `BadAnswer` and `TooLarge`."""
        if not data:
            self._ended()
            return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.whole:  # else it is what came after the answer, and concerns nobody
                raise BadAnswer("the answer is not HTTP") from None
            self._beyond = True
        if self._size > self.max_bytes:
            raise TooLarge
        if self._head_size > MOST_HEAD_BYTES or self._lines > MOST_HEADERS:
            raise BadAnswer("the head of the answer is too large")
        self.reusable = self.whole and self.reusable and not self._beyond

    def answer(self) -> Answer:
        """The answer, unpacked, never more than the cap of it in memory: a small answer may unpack to gigabytes."""
        return Answer(self._status, self._headers, self._unpacked())

    def _ended(self) -> None:
        until_end = self._head_done and "content-length" not in self._headers and not self._chunked()
        if not until_end:
            raise BadAnswer(CUT)
        self.whole, self.reusable = True, False

    def _chunked(self) -> bool:
        return "chunked" in self._headers.get("transfer-encoding", "").lower()

    def _unpacked(self) -> bytes:
        body = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        if self._headers.get("content-encoding", "").strip().lower() not in ("gzip", "x-gzip", "deflate") or not body:
            return body
        inflate = zlib.decompressobj(wbits=47)
        try:
            plain = inflate.decompress(body, self.max_bytes + 1)
        except zlib.error:
            raise BadAnswer("the answer could not be unpacked") from None
        if len(plain) > self.max_bytes:
            raise TooLarge
        if not inflate.eof:
            raise BadAnswer("the answer could not be unpacked")
        return plain

    # --- what the parser tells

    def on_message_begin(self) -> None:
        """An answer begins; after the last one of this call there must be none."""
        if self.whole:
            self._beyond = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header line."""
        self._head_size += len(name) + len(value)
        self._lines += 1
        if self.whole or self._lines > MOST_HEADERS:
            return
        key, said = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self._headers.get(key)
        # Cookies hold commas, so several of them come one a line.
        self._headers[key] = said if known is None else f"{known}{chr(10) if key == 'set-cookie' else ', '}{said}"

    def on_headers_complete(self) -> None:
        """The head is whole."""
        if self.whole:
            return
        self._status = self._parser.get_status_code()
        if 100 < self._status < 200 or self._status == 100:
            return
        self._head_done = True
        self.reusable = self._parser.should_keep_alive()
        if self.method == "HEAD":
            self.whole = True

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self.whole:
            self._beyond = True
            return
        self._size += len(body)
        if self._size <= self.max_bytes:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """The answer is whole, or it was an interim one."""
        if self._head_done:
            self.whole = True
        else:
            self._headers.clear()
