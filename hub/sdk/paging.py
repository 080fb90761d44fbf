"""Reading changes page by page, without a gap and with few repeats: by time of change, by link, by offset.

The trap of "changed since": vendors' times have whole seconds, are written before their transaction commits, and many records
share one. So a round goes by (time, id) together, the next round begins a little before the last one ended, and what was seen in
that overlap at the same time of change is not given twice - unless it was seen so soon after its change that a second change may
carry the same time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import urljoin

from hub.sdk.records import Cursor

Row = TypeVar("Row")

OVERLAP = timedelta(seconds=60)
SETTLE = timedelta(seconds=2)
_LINK = re.compile(r"<([^>]*)>([^<]*)")
_REL = re.compile(r";\s*rel\s*=\s*\"?([^\";,]*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Since:
    """What to ask for: records changed at or after ``at``; ``after`` is the last (time, id) of this round, where there is one."""

    at: datetime | None
    after: tuple[datetime, str] | None


@dataclass(slots=True)
class ChangeCursor(Generic[Row]):
    """A position in the order of changes. Ask with `since`, give every answer to `take`, store `cursor`.

    ``numeric_ids`` orders ids as numbers, as the vendor does. ``settle`` covers the resolution of the vendor's times and the
    difference between its clock and ours.
    """

    at_of: Callable[[Row], datetime]
    id_of: Callable[[Row], str]
    overlap: timedelta = OVERLAP
    settle: timedelta = SETTLE
    numeric_ids: bool = True
    _start: datetime | None = field(default=None, init=False)
    _after: tuple[datetime, str] | None = field(default=None, init=False)
    _top: datetime | None = field(default=None, init=False)
    _hold: datetime | None = field(default=None, init=False)
    _seen: dict[str, str] = field(default_factory=dict, init=False)

    def open(self, cursor: Cursor | None) -> ChangeCursor[Row]:
        """Go on from a stored cursor; none = from the beginning."""
        given = cursor or {}
        self._start = _time(given.get("start"))
        self._top = _time(given.get("top"))
        self._hold = _time(given.get("hold"))
        after = given.get("after")
        self._after = (_moment(after[0]), str(after[1])) if after else None
        self._seen = dict(given.get("seen") or {})
        return self

    @staticmethod
    def starting(moment: datetime) -> Cursor:
        """The position from which everything changed since then is read."""
        return {"start": _text(moment)}

    @property
    def since(self) -> Since:
        """What to ask the vendor for now."""
        return Since(self._after[0] if self._after else self._start, self._after)

    def take(self, rows: Sequence[Row], now: datetime) -> list[Row]:
        """The rows of a page that are new: behind the position in this round, and not seen before at this time of change."""
        fresh: list[Row] = []
        for row in sorted(rows, key=self._order):
            at, external_id = self.at_of(row), self.id_of(row)
            if self._after is not None and self._order(row) <= self._order_of(*self._after):
                continue
            self._after = (at, external_id)
            # A time in the future must not carry the next round beyond what is written meanwhile.
            self._top = min(at, now) if self._top is None else max(self._top, min(at, now))
            stamp = at.astimezone(UTC).isoformat()
            if self._seen.get(external_id) == stamp:
                continue
            if at <= now - self.settle:
                self._seen[external_id] = stamp
            fresh.append(row)
        young = now - self.overlap
        if self._hold is None and self._top is not None and self._top > young:
            # From here on this round passes times so young that more may still show under them, however long it goes on.
            self._hold = young
        return fresh

    def cursor(self, *, more: bool) -> Cursor:
        """The position to store. At the end of a round (``more`` is false) the next one begins ``overlap`` before its end."""
        start = self._start if more or self._top is None else min(self._top - self.overlap, self._hold or self._top)
        if self._top is not None:
            keep_from = (self._top - self.overlap).astimezone(UTC).isoformat()
            self._seen = {one: stamp for one, stamp in self._seen.items() if stamp >= keep_from}
        after = None if not more or self._after is None else [_text(self._after[0]), self._after[1]]
        hold = self._hold if more else None
        times = {"start": _text(start), "top": _text(self._top), "hold": _text(hold)}
        return {**times, "after": after, "seen": dict(self._seen)}

    def _order(self, row: Row) -> tuple[datetime, int, str]:
        return self._order_of(self.at_of(row), self.id_of(row))

    def _order_of(self, at: datetime, external_id: str) -> tuple[datetime, int, str]:
        if self.numeric_ids and external_id.isdigit():
            return at, int(external_id), ""
        return at, 0, external_id


def next_link(headers: Mapping[str, str], url: str, rel: str = "next") -> str | None:
    """The URL of the next page from a ``Link`` header (RFC 8288), or none. One on another host is not followed."""
    for target, parameters in _LINK.findall(headers.get("link", "")):
        found = _REL.search(parameters)
        if found and rel in found[1].lower().split():
            resolved = urljoin(url, target)
            return resolved if _origin(resolved) == _origin(url) else None
    return None


def all_pages(
    fetch: Callable[[Any], tuple[Sequence[Row], Any]], first: Any = None, *, limit: int = 10_000
) -> Iterator[Row]:
    """Every row of every page: ``fetch(token)`` gives the rows and the next token, none at the end.

    A token that comes back a second time, or more than ``limit`` pages, end the loop with an error: vendors have sent both.
    """
    token, seen = first, set()
    for _ in range(limit):
        rows, following = fetch(token)
        yield from rows
        if following is None:
            return
        if repr(following) in seen:
            raise RuntimeError("the system sent the same page token twice")
        seen.add(repr(following))
        token = following
    raise RuntimeError(f"more than {limit} pages")


def offset_pages(
    fetch: Callable[[int, int], Sequence[Row]], id_of: Callable[[Row], str], *, size: int = 100, overlap: int = 10
) -> Iterator[Row]:
    """Every row of a list that is read by offset. Pages overlap, so that rows deleted meanwhile do not push others past the reader.

    ``fetch(offset, limit)`` gives the rows; the list must have a fixed order with new rows at its end.
    """
    seen: set[str] = set()
    offset = 0
    while True:
        rows = fetch(offset, size)
        for row in rows:
            if id_of(row) not in seen:
                seen.add(id_of(row))
                yield row
        if len(rows) < size:
            return
        offset += max(1, size - overlap)


def _origin(url: str) -> tuple[str, str]:
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _moment(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _time(text: str | None) -> datetime | None:
    return _moment(text) if text else None


def _text(at: datetime | None) -> str | None:
    return at.astimezone(UTC).isoformat() if at is not None else None
