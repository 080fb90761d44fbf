"""Deliveries that are taken by the worker that makes them: as safe as claimed ones."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub.errors import OutcomeUnknown
from hub.pipeline import ProcessReport, process_batch, work_batch, work_taken
from hub.store.taking import Taking
from tests.integration.test_store_pipeline import Hub, clock, hub, mappings, order

__all__ = ["clock", "hub", "mappings"]

BUYER = {"id": "c1", "name": "B", "email": "b@example.com"}


def process(hub: Hub, most: int = 100, owner: str = "w", limit: int = 50) -> ProcessReport:
    claimed = hub.store.claim_messages(limit=limit, owner=owner)
    return process_batch(hub.store, hub.context, claimed, Taking({"erp": most}, {"erp": owner}, 60.0))


def send(hub: Hub, report: ProcessReport) -> Any:
    return work_taken(hub.store, hub.context, "erp", report.taken.get("erp", []))


def warm(hub: Hub) -> None:
    """Have the article linked at the target, so that an order of it needs nothing more."""
    hub.receive("order", order(900))
    hub.drain()
    hub.book.sent.clear()


def test_an_order_is_made_leased_and_frozen_and_its_trace_is_the_same(hub: Hub) -> None:
    claimed = hub.receive("order", order(1))
    hub.drain()
    taken = hub.receive("order", order(2))
    report = process(hub)
    (job,) = report.taken["erp"]
    assert report.targets == set()
    assert job.delivery.request is not None
    assert hub.store.in_flight() == {"delivery.leased": 1}
    assert hub.store.claim_deliveries("erp") == []
    assert send(hub, report).done == 1
    assert [sent.data["ref"] for sent in hub.book.sent] == ["#1", "#2"]
    assert hub.outcomes(taken) == hub.outcomes(claimed)
    first, second = (hub.store.trace(one).deliveries[0] for one in (claimed, taken))
    same = ("state", "attempt", "epoch", "failures", "maybe_sent", "operation", "reason")
    assert {name: first[name] for name in same} == {name: second[name] for name in same}
    assert second["request_body"] == {"ref": "#2", "lines": [{"product": "v1", "qty": 2}]}


def test_only_the_first_of_a_lane_is_taken_and_none_while_another_is_under_way(hub: Hub) -> None:
    hub.receive("order", order(1), version="1")
    first = process(hub)
    hub.receive("order", order(1, quantity=3, total="30.00"), version="2", key="again")
    second = process(hub)
    assert [job.delivery.record_version for job in first.taken["erp"]] == [1]
    assert (second.taken, second.targets) == ({}, {"erp"})
    assert hub.store.claim_deliveries("erp") == []
    send(hub, first)
    hub.drain()
    assert [sent.data["lines"][0]["qty"] for sent in hub.book.sent] == [2, 3]


def test_no_more_are_taken_than_can_be_sent(hub: Hub) -> None:
    for number in range(5):
        hub.receive("order", order(number))
    report = process(hub, most=2)
    assert len(report.taken["erp"]) == 2
    assert report.targets == {"erp"}
    assert len(hub.store.claim_deliveries("erp")) == 3


@pytest.mark.parametrize("closed", ["paused", "broken"])
def test_nothing_is_taken_for_a_connection_that_may_not_be_called(hub: Hub, closed: str) -> None:
    if closed == "paused":
        hub.store.pause("erp", "PAUSED", "")
    else:
        for _ in range(20):
            hub.store.note_calls("erp", bad=5)
    hub.receive("order", order(1))
    assert process(hub).taken == {}
    assert hub.store.in_flight() == {"delivery.pending": 1}


def test_what_waits_for_a_link_is_taken_and_prepared_afterwards(hub: Hub) -> None:
    hub.receive("order", order(1, buyer=BUYER))
    report = process(hub)
    by_stream = {job.delivery.stream: job for job in report.taken["erp"]}
    assert by_stream["customer"].rendered is not None
    assert by_stream["order"].rendered is None  # the customer is not there yet
    send(hub, report)
    hub.drain()
    assert Counter(sent.stream for sent in hub.book.sent) == {"customer": 1, "order": 1}


def test_a_worker_that_dies_before_it_sends_leaves_a_doubt_that_is_cleared_up(hub: Hub) -> None:
    warm(hub)
    hub.receive("order", order(1))
    process(hub)
    hub.clock.time += 61
    hub.store.reap(settle=5)
    hub.clock.time += 6
    (again,) = hub.store.claim_deliveries("erp")
    assert again.maybe_sent
    work_batch(hub.store, hub.context, [again])
    assert hub.book.looked_up == [hub.book.sent[0].marker]
    assert len(hub.book.sent) == 1


def test_a_lease_that_ran_out_before_it_was_sent_is_not_sent(hub: Hub) -> None:
    warm(hub)
    hub.receive("order", order(1))
    report = process(hub)
    hub.clock.time += 61
    hub.store.reap(settle=0)
    (again,) = hub.store.claim_deliveries("erp")
    report.taken["erp"][0].delivery.since -= 61
    send(hub, report)
    assert hub.book.sent == []
    work_batch(hub.store, hub.context, [again])
    assert len(hub.book.sent) == 1


def test_an_unknown_outcome_of_what_was_taken_is_looked_up(hub: Hub) -> None:
    hub.receive("order", order(1))
    hub.book.faults = [(OutcomeUnknown("no answer"), True)]
    send(hub, process(hub))
    hub.drain()
    assert len(hub.book.sent) == 1
    assert hub.store.conservation().delivered == 1


def test_a_released_message_takes_only_what_it_makes_anew(hub: Hub) -> None:
    message = hub.receive("order", order(1))
    send(hub, process(hub))
    hub.store.replay_message(message, "me")
    report = process(hub)
    assert report.taken == {}
    hub.drain()
    assert len(hub.book.records) == 1


def test_many_workers_that_take_and_claim_lose_nothing_and_keep_the_order(hub: Hub) -> None:
    for number in range(200):
        buyer, quantity = (
            {"id": f"c{number % 10}", "name": "B", "email": f"b{number % 10}@example.com"},
            1 + number // 100,
        )
        said = order(number % 100, buyer=buyer, quantity=quantity, total=f"{quantity}0.00")
        hub.receive("order", said, version=str(number), key=f"k{number}")
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(300):
                report = process(hub, most=5, owner=name, limit=9)
                claimed = hub.store.claim_deliveries("erp", limit=3, owner=name)
                send(hub, report)
                work_batch(hub.store, hub.context, claimed)
                if not hub.store.in_flight():
                    return
        except BaseException as error:
            faults.append(error)

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(work, "abcd"))
    hub.drain()
    assert not faults
    counts = hub.store.conservation()
    assert (counts.in_, counts.exceptions, counts.holds) == (200, 0, True)
    assert Counter(sent.stream for sent in hub.book.sent)["customer"] == 10
    last: dict[str, int] = {}
    for sent in hub.book.sent:
        if sent.stream == "order":
            quantity = sent.data["lines"][0]["qty"]
            assert quantity >= last.get(sent.data["ref"], 0)
            last[sent.data["ref"]] = quantity
    assert len(last) == 100
    assert len(hub.book.records) == 110
