"""The judge of the ring is judged first: each kind of wrong is seen, and what is right is not called wrong."""

from __future__ import annotations

import random

import pytest

from tests.chaos.accounting import Effect, account
from tests.chaos.traffic import Fact, plan, shuffled


def order(record: int, number: int) -> Fact:
    return Fact(record, "order", number)


def shipment(record: int, number: int) -> Fact:
    return Fact(record, "shipment", number)


def made(fact: Fact) -> Effect:
    return Effect(fact, created=True)


def changed(fact: Fact) -> Effect:
    return Effect(fact, created=False)


TOLD = [order(1, 1), order(1, 2), order(1, 3), shipment(1, 1)]
RIGHT = [made(order(1, 1)), made(shipment(1, 1)), changed(order(1, 3))]


def test_what_is_right_is_clean_and_a_version_may_be_coalesced() -> None:
    found = account("ordered", TOLD, TOLD, RIGHT)
    assert found.clean, found.examples
    assert (found.attempted, found.acknowledged, found.effects, found.coalesced) == (4, 4, 3, 1)


@pytest.mark.parametrize(
    ("target", "effects", "wrong"),
    [
        ("keyed", RIGHT[:1], {"lost": 2}),
        ("ordered", [made(order(1, 1)), changed(order(1, 3))], {"lost": 1, "coalesced": 1}),
        ("keyed", [], {"lost": 3}),
        ("keyed", [made(order(1, 1)), made(order(1, 3))], {"duplicated": 1}),
        ("marker", [made(order(1, 3)), made(order(1, 3))], {"duplicated": 1}),
        ("keyed", [made(order(1, 1)), changed(order(1, 3)), changed(order(1, 3))], {"duplicated": 1}),
        ("marker", [made(order(1, 1)), changed(order(1, 3)), changed(order(1, 3))], {"repeated": 1, "duplicated": 0}),
        ("keyed", [made(order(1, 1)), changed(order(1, 3)), changed(order(1, 2))], {"inverted": 1}),
        ("ordered", [made(shipment(1, 1)), made(order(1, 3))], {"inverted": 1}),
        ("ordered", [made(order(1, 3)), made(shipment(1, 1)), made(shipment(1, 1))], {"duplicated": 1}),
        ("keyed", [made(order(1, 3)), made(order(9, 1))], {"unexpected": 1}),
    ],
)
def test_each_kind_of_wrong_is_seen(target: str, effects: list[Effect], wrong: dict[str, int]) -> None:
    found = account(target, TOLD, TOLD, effects)
    assert {name: getattr(found, name) for name in wrong} == wrong
    assert found.clean == (not any(count for name, count in wrong.items() if name not in ("repeated", "coalesced")))


def test_what_was_not_acknowledged_is_recovered_or_nothing() -> None:
    found = account("keyed", [order(1, 1), order(2, 1)], [], [made(order(1, 1))])
    assert found.clean
    assert (found.recovered, found.lost) == (1, 0)


def test_what_waits_at_the_exceptions_desk_is_not_lost() -> None:
    found = account("keyed", TOLD, TOLD, [], parked=[order(1, 3)])
    assert (found.parked, found.lost) == (3, 0)
    found = account("ordered", TOLD, TOLD, [made(order(1, 3))], parked=[shipment(1, 1)])
    assert (found.parked, found.lost) == (1, 0)


def test_the_plan_is_the_seeds_and_keeps_each_records_order() -> None:
    records = plan(7, 500)
    assert records == plan(7, 500) != plan(8, 500)
    assert sum(map(len, records)) == 500
    told = list(shuffled(records, random.Random(7)))
    assert len(set(told)) == 500
    assert len({fact.kind for fact in told}) == 2
    for facts in records:
        assert [fact for fact in told if fact.record == facts[0].record] == facts
        assert facts[0].kind == "order"
        numbers = [fact.number for fact in facts if fact.kind == "order"]
        assert numbers == sorted(numbers)
