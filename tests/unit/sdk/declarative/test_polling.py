"""Whatever happens to a list while it is read: every row is read in its last state, and every round comes to an end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import Rejected, RetryLater
from hub.sdk.declarative.polling import MOST_MET
from hub.sdk.testing.simulator import Response

from .conftest import RowSimulator, at_door, described

PAGING = {
    "offset": "{kind: offset, offset: offset, size: limit, most: 4}",
    "offset_total": "{kind: offset, offset: offset, size: limit, most: 4, total: meta.total}",
    "page": "{kind: page, page: page, size: limit, most: 4}",
    "page_more": "{kind: page, page: page, size: limit, most: 4, more: meta.more}",
    "link": "{kind: link, size: limit, most: 4}",
    "next_url": "{kind: next_url, field: next, size: limit, most: 4}",
    "token": "{kind: token, field: meta.next, query: token, size: limit, most: 4}",
    "after": '{kind: after, query: {after_id: "{after.id}", after_time: "{after.time}"}, size: limit, most: 4}',
    "none": "{kind: none}",
}
WAYS = {"offset_total": "offset", "page_more": "page"}
CHANGES = 'changes: {{field: at, query: {{since: "{{since}}"}}, sorted: {sorted}, exclusive: {exclusive}}}'


def a_stream(paging: str, order: str = "time", *, exclusive: bool = False, changes: bool = True) -> str:
    asked = CHANGES.format(sorted=str(order == "time").lower(), exclusive=str(exclusive).lower()) if changes else ""
    return f"""
    streams:
      row:
        entity: order
        id: {{field: id, kind: integer}}
        poll:
          get: /rows
          rows: rows
          paging: {PAGING[paging]}
          {asked}
    """


class Reader:
    """Polls as the hub does, and keeps the last state of every row."""

    def __init__(self, simulator: RowSimulator, text: str) -> None:
        self.connector = at_door(described(text), simulator)
        self.cursor: dict[str, Any] | None = None
        self.state: dict[str, Any] = {}
        self.facts: dict[str, Any] = {}
        self.more = False

    def page(self, limit: int = 3) -> int:
        page = self.connector.poll("row", self.cursor, limit)
        assert len(page.messages) <= limit
        for message in page.messages:
            # The hub takes one fact once: another content under the same key would be lost.
            if self.facts.setdefault(message.dedupe_key, message.payload) == message.payload:
                self.state[message.external_id] = message.payload
            else:
                raise AssertionError(f"{message.dedupe_key} stands for two facts")
        self.cursor, self.more = page.cursor, page.more
        return len(page.messages)

    def round(self, limit: int = 3) -> int:
        found = 0
        for _ in range(400):
            found += self.page(limit)
            if not self.more:
                return found
        raise AssertionError("the round does not end")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 3)),
        st.tuples(st.just("change"), st.integers(0, 30)),
        st.tuples(st.just("remove"), st.integers(0, 30)),
        st.tuples(st.just("tick"), st.sampled_from([0, 1, 1, 5, 90])),
        st.tuples(st.just("page"), st.integers(1, 4)),
    ),
    max_size=60,
)  # fmt: skip


@pytest.mark.parametrize("order", ["time", "id"])
@pytest.mark.parametrize("paging", ["offset", "offset_total", "page", "page_more", "after", "none"])
@settings(max_examples=40, deadline=None)
@given(steps=STEPS, exclusive=st.booleans(), cap=st.sampled_from([2, 3, 1000]))
def test_nothing_is_lost_however_a_list_moves(paging: str, order: str, steps, exclusive: bool, cap: int) -> None:
    if paging == "after":
        order, exclusive = "time", False
    if paging.startswith("page") or paging == "none":
        cap = 1000  # a system that gives other sizes than asked for cannot be paged by number
    sim = RowSimulator(WAYS.get(paging, paging), order, exclusive=exclusive, cap=cap)
    reader = Reader(sim, a_stream(paging, order, exclusive=exclusive))
    for what, number in steps:
        if what == "put":
            for _ in range(number):
                sim.put()
        elif what == "tick":
            sim.clock.advance(number)
        elif what == "page":
            reader.page(number)
        elif sim.rows:
            chosen = sorted(sim.rows)[number % len(sim.rows)]
            (sim.put if what == "change" else sim.remove)(chosen)
    while reader.more:
        reader.page()
    sim.clock.advance(90)
    reader.round()
    for number, row in sim.rows.items():
        assert reader.state.get(str(number)) == row


@pytest.mark.parametrize("order", ["time", "id"])
@pytest.mark.parametrize("paging", ["link", "next_url", "token"])
@settings(max_examples=40, deadline=None)
@given(steps=st.lists(st.sampled_from(["put", "change", "tick", "page"]), max_size=40))
def test_links_and_tokens_read_everything_that_does_not_shift(paging: str, order: str, steps) -> None:
    sim = RowSimulator(paging, order)
    reader = Reader(sim, a_stream(paging, order))
    for what in steps:
        if what == "page":
            reader.round()
        elif what == "tick":
            sim.clock.advance(7)
        elif what == "change" and sim.rows:
            sim.put(min(sim.rows))
        else:
            sim.put()
    sim.clock.advance(90)
    reader.round()
    for number, row in sim.rows.items():
        assert reader.state.get(str(number)) == row


@pytest.mark.parametrize("paging", [one for one in PAGING if one != "none"])
def test_a_thousand_rows_of_one_moment(paging: str) -> None:
    sim = RowSimulator(WAYS.get(paging, paging))
    for _ in range(1000):
        sim.put()
    reader = Reader(sim, a_stream(paging).replace("most: 4", "most: 100"))
    sim.clock.advance(120)
    pages = 0
    while not pages or reader.more:
        reader.page(100)
        pages += 1
        assert pages < 40
    assert len(reader.state) == 1000
    assert len(reader.cursor["met"]) <= MOST_MET
    assert reader.round(100) == 0, "what has not changed is not given again"


def test_a_round_goes_on_from_the_systems_own_clock() -> None:
    sim = RowSimulator("link", "id")
    first = sim.put()
    reader = Reader(sim, a_stream("link", "id"))
    # The system's clock is ten minutes behind ours: by our clock the next change would lie before this round.
    sim.answers.append(Response.json({"rows": [sim.rows[first]]}, headers={"date": "Sun, 01 Mar 2026 00:00:00 GMT"}))
    sim.clock.advance(600)
    reader.round()
    assert reader.cursor["since"] == "2026-02-28T23:59:00+00:00"


def test_a_time_in_the_future_does_not_carry_the_next_round_away() -> None:
    sim = RowSimulator()
    sim.clock.advance(86_400 * 30)
    sim.put()
    sim.clock.advance(-86_400 * 30)
    reader = Reader(sim, a_stream("offset"))
    reader.round()
    made = sim.put()
    reader.round()
    assert str(made) in reader.state


def test_rows_that_are_not_sorted_are_not_taken_for_sorted() -> None:
    sim = RowSimulator("offset", "id")
    for _ in range(3):
        sim.put()
        sim.clock.advance(5)
    sim.put(1)
    with pytest.raises(Rejected, match="do not come in the order of their change"):
        Reader(sim, a_stream("offset", "time")).round()


def test_a_lost_page_token_begins_the_round_again() -> None:
    sim = RowSimulator("token", "id")
    for _ in range(6):
        sim.put()
    reader = Reader(sim, a_stream("token", "id"))
    reader.page()
    sim.answers.append(Response.json({"message": "the cursor has expired"}, 400))
    reader.round()
    assert len(reader.state) == 6


def test_a_position_that_is_lost_again_and_again_is_an_error() -> None:
    sim = RowSimulator("token", "id")
    for _ in range(6):
        sim.put()
    reader = Reader(sim, a_stream("token", "id"))
    expired = Response.json({"message": "the cursor has expired"}, 400)
    reader.page()
    sim.answers.append(expired)
    reader.page()
    sim.answers.append(expired)
    with pytest.raises(Rejected, match="expired"):
        reader.page()


def test_the_same_page_token_twice_is_an_error() -> None:
    sim = RowSimulator("token", "id")
    page = {"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z"}], "meta": {"next": "same"}}
    sim.answers += [Response.json(page), Response.json(page)]
    reader = Reader(sim, a_stream("token", "id"))
    reader.page()
    with pytest.raises(RetryLater, match="twice"):
        reader.page()


@pytest.mark.parametrize("way", ["link", "next_url"])
def test_a_next_page_at_another_host_is_refused(way: str) -> None:
    sim = RowSimulator(way, "id")
    page = {"rows": [{"id": 1, "at": "2026-01-01T00:00:00Z"}], "next": "https://evil.example/rows"}
    sim.answers.append(Response.json(page, headers={"link": '<https://evil.example/rows>; rel="next"'}))
    with pytest.raises(Rejected, match="another host"):
        Reader(sim, a_stream(way, "id")).page()


def test_a_list_without_times_gives_only_what_changed() -> None:
    sim = RowSimulator("offset", "id")
    for _ in range(5):
        sim.put()
    text = a_stream("offset", "id", changes=False)
    reader = Reader(sim, text)
    assert reader.round() == 5
    assert reader.round() == 0
    state = sim.rows[3]
    for n in (9, 1, 9):
        # The row goes to and fro: each time it is a fact of its own.
        sim.rows[3] = {**state, "n": n}
        assert reader.round() == (0 if n == state["n"] else 1) or n == 1
        assert reader.state["3"]["n"] == n


def test_an_answer_without_the_list_is_no_empty_page() -> None:
    sim = RowSimulator()
    reader = Reader(sim, a_stream("offset"))
    for answer in (Response.json({"data": []}), Response.json([]), Response.json({"rows": None}), Response(204)):
        sim.answers.append(answer)
        with pytest.raises(RetryLater, match="without the list"):
            reader.page()


def test_a_row_without_an_id_names_what_to_mend() -> None:
    sim = RowSimulator()
    sim.answers.append(Response.json({"rows": [{"at": "2026-01-01T00:00:00Z"}]}))
    with pytest.raises(RetryLater, match="no id where the file says") as caught:
        Reader(sim, a_stream("offset")).page()
    assert "correct id or rows" in caught.value.fix


def test_a_feed_goes_on_where_it_ended() -> None:
    sim = RowSimulator("token", "id")
    text = """
    streams:
      row:
        entity: order
        id: {field: id, kind: integer}
        version: n
        events: true
        poll: {get: /rows, rows: rows, paging: {kind: token, field: meta.next, query: token, size: limit, most: 4, keep: true}}
    """
    reader = Reader(sim, text)
    row = {"id": 1, "n": 1}
    sim.answers += [
        Response.json({"rows": [row], "meta": {"next": "a"}}), Response.json({"rows": [], "meta": {"next": "a"}}),
        Response.json({"rows": [{"id": 1, "n": 2}], "meta": {"next": "b"}}), Response.json({"rows": [], "meta": {"next": "b"}}),
    ]  # fmt: skip
    assert reader.round() == 1
    assert reader.cursor == {"next": {"token": "a"}}
    assert reader.round() == 1
    assert [request.query.get("token") for request in sim.seen] == [None, "a", "a", "b"]


def test_summaries_are_fetched_whole_and_lists_are_put_into_them() -> None:
    sim = RowSimulator("offset", "time")
    sim.put()
    text = """
    streams:
      row:
        entity: order
        id: {field: id, kind: integer}
        poll: {get: /rows, rows: rows, whole: false, changes: {field: at, query: {since: "{since}"}, sorted: true}}
        fetch: {get: "/rows/{id}"}
        parts:
          lines: {get: "/rows", query: {of: "{id}"}, rows: rows, paging: {kind: offset, offset: offset, size: limit, most: 2}}
    """
    reader = Reader(sim, text)
    for _ in range(4):
        sim.put()
    reader.round(10)
    assert [line["id"] for line in reader.state["1"]["lines"]] == [1, 2, 3, 4, 5]
    assert {request.query.get("of") for request in sim.seen if "of" in request.query} == {"1", "2", "3", "4", "5"}


@pytest.mark.parametrize("order", ["time", "id"])
@pytest.mark.parametrize("paging", ["offset", "page", "offset_total", "page_more"])
def test_a_list_that_shifts_between_two_pages_is_noticed(paging: str, order: str) -> None:
    sim = RowSimulator(WAYS.get(paging, paging), order)
    for _ in range(9):
        sim.put()
    reader = Reader(sim, a_stream(paging, order))
    reader.page(3)
    sim.clock.advance(1)
    sim.remove(1)
    sim.remove(2)
    reader.round(3)
    assert set(reader.state) == {str(number) for number in range(1, 10)}


@pytest.mark.parametrize("paging", ["offset", "page"])
def test_a_list_that_shifts_all_the_time_comes_to_an_end(paging: str) -> None:
    sim = RowSimulator(paging, "id")
    for _ in range(60):
        sim.put()
    reader = Reader(sim, a_stream(paging, "id"))
    pages = 0
    while not pages or reader.more:
        reader.page(3)
        sim.remove(min(sim.rows, default=0))
        pages += 1
        assert pages < 200
    assert set(reader.state) >= {str(number) for number in sim.rows}


@pytest.mark.parametrize("order", ["time", "id"])
def test_a_change_that_shows_late_is_found_within_the_overlap(order: str) -> None:
    sim = RowSimulator("offset", order)
    sim.put()
    sim.clock.advance(100)
    sim.put()
    reader = Reader(sim, a_stream("offset", order))
    reader.round()
    sim.clock.advance(-30)
    late = sim.put()  # its transaction began half a minute ago, and commits only now
    sim.clock.advance(30)
    reader.round()
    assert str(late) in reader.state


def test_a_zone_that_turns_its_clocks_back_is_read_again_over_the_hour() -> None:
    sim = RowSimulator("offset", "time")
    text = a_stream("offset").replace("sorted: true", "sorted: true, zone: Europe/Berlin, format: '%Y-%m-%dT%H:%M:%S'")
    row = {"id": 1, "n": 1, "at": "2026-02-28T23:30:00"}
    sim.answers.append(Response.json({"rows": [row]}))
    reader = Reader(sim, text)
    reader.round()
    assert reader.cursor["since"] == "2026-02-28T21:29:00+00:00", "22:30 in UTC, less an hour and a minute"
    sim.rows = {}
    reader.page()
    assert sim.seen[-1].query["since"] == "2026-02-28T22:29:00"


@pytest.mark.parametrize("paging", ["after", "offset", "page"])
def test_a_second_change_of_one_moment_is_found_however_long_its_round_goes_on(paging: str) -> None:
    sim = RowSimulator(paging)
    sim.put()
    reader = Reader(sim, a_stream(paging))
    reader.page(1)
    sim.put(1)
    for _ in range(5):
        sim.clock.advance(90)
        sim.put()
        reader.page(1)
    reader.round()
    sim.clock.advance(90)
    reader.round()
    assert reader.state["1"]["n"] == 2
