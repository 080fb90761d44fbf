from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest

from hub.sdk.paging import ChangeCursor, all_pages, next_link, offset_pages

T0 = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


@dataclass
class Row:
    id: str
    at: datetime
    version: int = 1


class Table:
    """A vendor whose times of change have whole seconds."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.now = T0

    def write(self, external_id: str) -> None:
        old = self.rows.get(external_id)
        self.rows[external_id] = Row(external_id, self.now.replace(microsecond=0), old.version + 1 if old else 1)

    def ask(self, since, limit: int) -> list[Row]:
        found = sorted(self.rows.values(), key=lambda row: (row.at, int(row.id)))
        if since.after is not None:
            found = [row for row in found if (row.at, int(row.id)) > (since.after[0], int(since.after[1]))]
        elif since.at is not None:
            found = [row for row in found if row.at >= since.at]
        return found[:limit]


def poll(table: Table, cursor, limit: int = 3):
    """One page, as a connector would read it; the cursor goes through JSON, as it does in the store."""
    changes: ChangeCursor[Row] = ChangeCursor(at_of=lambda row: row.at, id_of=lambda row: row.id).open(cursor)
    rows = table.ask(changes.since, limit)
    fresh = changes.take(rows, table.now)
    more = len(rows) == limit
    return fresh, json.loads(json.dumps(changes.cursor(more=more))), more


def round_(table: Table, cursor, got: dict[str, int], limit: int = 3):
    count = 0
    while True:
        fresh, cursor, more = poll(table, cursor, limit)
        count += len(fresh)
        for row in fresh:
            got[row.id] = max(row.version, got.get(row.id, 0))
        if not more:
            return cursor, count


def test_reads_everything_once_when_all_have_the_same_time() -> None:
    table, got = Table(), {}
    for n in range(1, 12):
        table.write(str(n))
    table.now += timedelta(seconds=10)
    cursor, count = round_(table, None, got)
    assert count == 11
    cursor, count = round_(table, cursor, got)
    assert count == 0
    assert set(got) == {str(n) for n in range(1, 12)}


def test_a_second_change_in_the_same_second_is_not_missed() -> None:
    table, got = Table(), {}
    table.write("1")
    cursor, _ = round_(table, None, got)
    table.write("1")
    table.now += timedelta(seconds=5)
    round_(table, cursor, got)
    assert got == {"1": 2}


def test_a_record_committed_late_with_an_earlier_time_is_found() -> None:
    table, got = Table(), {}
    table.write("5")
    table.now += timedelta(seconds=20)
    table.write("6")
    cursor, _ = round_(table, None, got)
    table.rows["7"] = Row("7", T0)
    cursor, _ = round_(table, cursor, got)
    assert "7" in got


def test_nothing_is_lost_under_change_and_every_end_of_the_process() -> None:
    dice = random.Random(7)
    table, got, cursor = Table(), {}, None
    for _ in range(400):
        table.now += timedelta(seconds=dice.random())
        for _ in range(dice.randrange(3)):
            table.write(str(dice.randrange(1, 40)))
        fresh, after, _ = poll(table, cursor)
        if dice.random() < 0.2:
            continue  # the process ended before the page was stored: the same cursor is used again
        cursor = after
        for row in fresh:
            got[row.id] = max(row.version, got.get(row.id, 0))
    for _ in range(3):
        table.now += timedelta(seconds=5)
        cursor, _ = round_(table, cursor, got)
    assert got == {row.id: row.version for row in table.rows.values()}
    assert len(cursor["seen"]) <= 40


def test_links_are_followed_on_the_same_host_only() -> None:
    url = "https://shop.example/items?page=1"
    assert next_link({"link": '<https://shop.example/items?page=2>; rel="next", </items?page=9>; rel=last'}, url) == (
        "https://shop.example/items?page=2"
    )
    assert next_link({"link": '</items?page=0>; rel="prev", </items?page=2>; title="x"; rel="start next"'}, url) == (
        "https://shop.example/items?page=2"
    )
    for other in (
        '<https://evil.example/items>; rel="next"',
        '<http://shop.example/items>; rel="next"',
        '</x>; rel="prev"',
        "",
    ):
        assert next_link({"link": other}, url) is None


def test_tokens_are_followed_to_the_end_and_not_in_circles() -> None:
    pages = {None: ([1, 2], "a"), "a": ([3], "b"), "b": ([], None)}
    assert list(all_pages(lambda token: pages[token])) == [1, 2, 3]
    with pytest.raises(RuntimeError, match="same page token"):
        list(all_pages(lambda token: ([1], "a")))
    counter = iter(range(100))
    with pytest.raises(RuntimeError, match="more than 5 pages"):
        list(all_pages(lambda token: ([1], next(counter)), limit=5))


def test_offsets_overlap_so_that_deletions_do_not_hide_rows() -> None:
    rows = [str(n) for n in range(250)]

    def fetch(offset: int, limit: int) -> list[str]:
        page = rows[offset : offset + limit]
        if offset == 0:
            del rows[0:5]
        return page

    assert list(offset_pages(fetch, lambda row: row)) == [str(n) for n in range(250)]


def test_a_second_change_of_one_moment_is_found_however_long_its_round_goes_on() -> None:
    table, got = Table(), {}
    table.write("1")
    fresh, cursor, _ = poll(table, None, 1)
    table.write("1")  # within the same second, after it was read
    for number in range(2, 6):
        table.now += timedelta(seconds=90)
        table.write(str(number))
        more, cursor, _ = poll(table, cursor, 1)
        fresh += more
    cursor, _ = round_(table, cursor, got)
    table.now += timedelta(seconds=90)
    round_(table, cursor, got)
    assert got["1"] == 2


def test_a_time_in_the_future_does_not_carry_the_next_round_away() -> None:
    table, got = Table(), {}
    table.now += timedelta(days=30)
    table.write("1")
    table.now -= timedelta(days=30)
    cursor, _ = round_(table, None, got)
    table.write("2")
    round_(table, cursor, got)
    assert "2" in got
