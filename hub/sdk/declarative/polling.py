"""Polling: what changed since a cursor, page by page, losing nothing to ties, late commits, or lists that shift while they are read.

Three ways of going on, by what the system offers:

- sorted by change: each page moves the moment that is asked for to its last row's; positions are only counted inside one moment.
- behind the last row: the same, with the row's id, so that nothing comes twice.
- any other order: the whole round asks for one moment, and the next round begins where this one was begun, by the system's own clock.

A round goes back ``overlap`` seconds; what was met there and has not changed since is not given again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from hub.errors import Rejected
from hub.sdk.connector import Clock
from hub.sdk.declarative.answers import Answer
from hub.sdk.declarative.api import Api
from hub.sdk.declarative.calls import Call
from hub.sdk.declarative.file.reading import Changes
from hub.sdk.declarative.maker import Pairs
from hub.sdk.declarative.pages import AfterRow, Numbered, Offset, Position, Way, rows_in
from hub.sdk.declarative.paths import Getter
from hub.sdk.declarative.rows import Row, Rows, fingerprint
from hub.sdk.declarative.times import safe_overlap, stamp, writer, zone_of
from hub.sdk.records import Cursor, Page, RawMessage

SETTLE = timedelta(seconds=2)
"""A row is only remembered as met when its time of change is this long ago: before, another change may carry the same time."""
MOST_MET = 1_000
MOST_KNOWN = 5_000
TIMES = ("since", "begun", "top", "hold")


@dataclass(slots=True)
class State:
    """A position in a round. It is stored as the cursor."""

    since: datetime | None = None
    begun: datetime | None = None
    top: datetime | None = None
    hold: datetime | None = None
    """The next round begins no later: from here on this round has passed times so young that more may still show under them."""
    next: Position | None = None
    met: dict[str, str] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)
    lost: bool = False

    @classmethod
    def of(cls, cursor: Cursor | None) -> State:
        """The state that a stored cursor describes."""
        given = cursor or {}
        times = {name: datetime.fromisoformat(given[name]) for name in TIMES if given.get(name)}
        at = given.get("next")
        met, known = dict(given.get("met") or {}), dict(given.get("known") or {})
        return cls(next=dict(at) if at else None, met=met, known=known, lost=bool(given.get("lost")), **times)

    def cursor(self) -> Cursor:
        """The same as JSON data."""
        said = {name: at.isoformat() for name in TIMES if (at := getattr(self, name)) is not None}
        return {**said, **{name: value for name in ("next", "met", "known", "lost") if (value := getattr(self, name))}}


@dataclass(frozen=True, slots=True)
class Asking:
    """How the system is asked for changes."""

    pairs: Pairs
    write: Callable[[datetime], Any]
    overlap: timedelta
    back: timedelta
    sorted: bool
    begin: datetime | None

    @classmethod
    def of(cls, changes: Changes, pairs: Pairs, begin: datetime | None) -> Asking:
        """What the file says of changes."""
        zone = zone_of(changes.zone)
        overlap = safe_overlap(timedelta(seconds=changes.overlap), zone)
        # A system that gives what changed after a moment is asked for an earlier one.
        back = timedelta(seconds=1) if changes.exclusive else timedelta()
        return cls(pairs, writer(changes.format, zone), overlap, back, changes.sorted, begin)

    def text(self, since: datetime) -> Any:
        """The moment as the system is asked for it."""
        return self.write(since - self.back)


class Polling:
    """Reads the changes of one stream."""

    def __init__(
        self,
        rows: Rows,
        call: Call,
        path: Getter | None,
        way: Way,
        asking: Asking | None,
        complete: Callable[[Api, Row], Row | None],
    ) -> None:
        self._rows, self._call, self._path, self._way, self._asking = rows, call, path, way, asking
        self._complete = complete
        self._in_order = isinstance(way, AfterRow) or (asking is not None and asking.sorted)

    @property
    def by_time(self) -> bool:
        """Whether the system can be asked for what changed since a moment."""
        return self._asking is not None

    def page(self, api: Api, cursor: Cursor | None, limit: int) -> Page:
        """The next page, at most ``limit`` messages."""
        state = State.of(cursor)
        if self._asking is not None and state.since is None:
            state.since = self._asking.begin
        at = state.next
        size = int((at or {}).get("size") or max(1, min(limit, self._way.most)))
        rows, answer, shifted = self._read(api, state, size)
        if shifted is not None:
            state.next = shifted
            return Page([], state.cursor(), more=True)
        moment = _moment_of(answer, api.io.clock)
        state.begun = state.begun or moment
        given, further = self._cut(state, size, rows, answer, limit)
        times = [self._rows.at_of(row) for row in given]
        fresh = self._fresh(state, given, times, moment)
        more = self._move(state, times, further, answer, api.io.clock)
        messages = [message for row, at in fresh if (message := self._message(api, state, row, at)) is not None]
        return Page(messages, state.cursor(), more=more)

    # --- reading one page

    def _read(self, api: Api, state: State, size: int) -> tuple[list[Row], Answer, Position | None]:
        """The rows at the position; or the position to go back to, where the list has shifted."""
        at = state.next
        try:
            rows, answer = self._ask(api, state, at, size)
        except Rejected:
            if at is None or not self._way.fragile or state.lost:
                raise
            # A page token, or an address, that the system does not know any more: the round begins again, once.
            api.io.log.warning("poll.position_lost", stream=self._rows.name)
            state.next, state.lost = None, True
            at = None
            rows, answer = self._ask(api, state, None, size)
        anchor = at.get("anchor") if at else None
        if anchor is None or at is None:
            return rows, answer, None
        if isinstance(self._way, Offset):
            if rows and self._rows.id_of(rows[0]) == anchor:
                return rows[1:], answer, None
            return [], answer, self._way.back(at, size)
        if isinstance(self._way, Numbered):
            before = self._way.back(at, size)
            earlier, _ = self._ask(api, state, before, size)
            if not earlier or self._rows.id_of(earlier[-1]) != anchor:
                return [], answer, before
        return rows, answer, None

    def _ask(self, api: Api, state: State, at: Position | None, size: int) -> tuple[list[Row], Answer]:
        scope: dict[str, Any] = {"limit": size}
        query: dict[str, Any] = {}
        url = self._way.url(at)
        since = _after_time(at, self._rows) or state.since
        if self._asking is not None and since is not None:
            scope["since"] = self._asking.text(since)
            query = self._asking.pairs(scope)
        answer = api.read(self._call, scope, {**query, **self._way.asked(at, size)}, url).there()
        rows = rows_in(answer, self._path, self._rows.name)
        if any(type(row) is not dict for row in rows):
            raise Rejected(f"the list of {self._rows.name} holds something that is no record")
        return rows, answer

    def _cut(
        self, state: State, size: int, rows: list[Row], answer: Answer, limit: int
    ) -> tuple[list[Row], Position | None]:
        """At most ``limit`` of the rows, and the position behind them. A page that is larger is read again for the rest."""
        skip, last = (state.next or {}).get("skip", (0, None))
        if skip and (skip > len(rows) or self._rows.id_of(rows[skip - 1]) != last):
            skip = 0  # the page is another one now
        given = rows[skip : skip + limit]
        if skip + len(given) < len(rows):
            if isinstance(self._way, AfterRow):
                return given, self._way.follow(None, 0, given, answer) or {}
            return given, {**(state.next or {}), "size": size, "skip": [skip + len(given), self._rows.id_of(given[-1])]}
        following = self._way.follow(state.next, size, rows, answer)
        if following is not None and self._way.by_count and rows:
            following["anchor"] = self._rows.id_of(rows[-1])
        return given, following

    # --- what is new, and where to go on

    def _fresh(
        self, state: State, rows: list[Row], times: list[datetime | None], now: datetime
    ) -> list[tuple[Row, str]]:
        """The rows that were not met before at this time of change, each with that time."""
        if self._asking is None:
            return [(row, "") for row in rows if self._changed(state, row)]
        fresh = []
        settled = now - SETTLE
        for row, at in zip(rows, times, strict=True):
            if at is None:
                fresh.append((row, ""))
                continue
            external_id = self._rows.id_of(row)
            # A time in the future must not carry the next round beyond what is written meanwhile.
            state.top = min(at, now) if state.top is None else max(state.top, min(at, now))
            mark = stamp(at)
            if state.met.get(external_id) == mark:
                continue
            state.met.pop(external_id, None)
            if at <= settled:
                state.met[external_id] = mark
            fresh.append((row, mark))
        young = now - self._asking.overlap
        if state.top is not None and state.top > young and state.hold is None:
            state.hold = young
        return fresh

    def _changed(self, state: State, row: Row) -> bool:
        """Is a row of a list without changes another one than in the round before? How often it was, is part of its fact."""
        if self._rows.versioned:
            return True
        external_id, content = self._rows.id_of(row), fingerprint(row)
        before, _, count = state.known.get(external_id, "").partition(":")
        if before == content:
            return False
        if external_id not in state.known and len(state.known) >= MOST_KNOWN:
            raise Rejected(
                f"{self._rows.name} has more than {MOST_KNOWN} rows, and none of them says when it changed",
                fix="Name a version, or changes, in the connector's file.",
            )
        state.known[external_id] = f"{content}:{int(count) + 1 if count else 0}"
        return True

    def _message(self, api: Api, state: State, row: Row, at: str) -> RawMessage | None:
        whole = self._complete(api, row)
        if whole is None:
            return None  # deleted since the list was read
        if whole is not row:
            at = self._rows.stamp_of(whole)
        serial = state.known.get(self._rows.id_of(row), "").partition(":")[2] if state.known else ""
        return self._rows.message(whole, "poll", at, serial=serial)

    def _move(
        self, state: State, times: list[datetime | None], further: Position | None, answer: Answer, clock: Clock
    ) -> bool:
        """Go on behind rows with these times. True = there is more in this round."""
        if not self._sorted_move(state, times, further):
            state.next = further
        if further is None:
            self._end(state, answer, clock)
        self._forget(state)
        return further is not None

    def _sorted_move(self, state: State, given: list[datetime | None], further: Position | None) -> bool:
        """In a list sorted by change, the next page is asked for by the last row's time, unless that is still the same moment."""
        if self._asking is None or not self._asking.sorted or isinstance(self._way, AfterRow):
            return False
        times = [at for at in given if at is not None]
        if times != sorted(times):
            raise Rejected(
                f"the rows of {self._rows.name} do not come in the order of their change",
                fix="Ask the system to sort them, or say sorted: false in the connector's file.",
            )
        if further is None or not times:
            return False
        last = times[-1]
        if state.since is not None and (
            last <= state.since or self._asking.text(last) == self._asking.text(state.since)
        ):
            return False
        state.since, state.next = last, None
        return True

    def _end(self, state: State, answer: Answer, clock: Clock) -> None:
        """The round is over: where the next one begins."""
        begun, state.begun, state.lost = state.begun or clock.now(), None, False
        state.next = self._way.lasting(answer)
        if self._asking is None:
            return
        newest = state.top if self._in_order else begun
        if newest is not None:
            state.since = min(newest - self._asking.overlap, state.hold or newest)
        state.hold = None

    def _forget(self, state: State) -> None:
        """Keep of what was met only what the next round may meet again, and not without end: the hub absorbs repeats."""
        if self._asking is None or not state.met:
            return
        newest = state.top if self._in_order else state.since
        keep_from = stamp(newest - self._asking.overlap) if newest is not None else ""
        met = {one: mark for one, mark in state.met.items() if mark >= keep_from}
        surplus = len(met) - MOST_MET
        state.met = dict(list(met.items())[surplus:]) if surplus > 0 else met


def _after_time(at: Position | None, rows: Rows) -> datetime | None:
    """The time of the row that a page begins behind."""
    return rows.read_time(at["after"][0]) if at and "after" in at else None


def _moment_of(answer: Answer, clock: Clock) -> datetime:
    """The time by the system's own clock, where its answer tells it: its times of change are by that clock, too."""
    try:
        at = parsedate_to_datetime(answer.response.headers.get("date", ""))
    except (TypeError, ValueError):
        return clock.now()
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)
