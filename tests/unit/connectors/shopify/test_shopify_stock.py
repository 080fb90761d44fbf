"""Stock levels: compare-and-set, idempotency keys, and places that do not stock the item yet."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.queries import document
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import OutcomeUnknown, Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Status, Timeout
from hub.sdk.testing.simulator import Request

Level = Callable[..., OutboundRecord]


def test_a_level_is_set_and_set_only_once(shop: ShopifyConnector, sim: ShopifySimulator, level: Level) -> None:
    assert shop.deliver(level("VALVE-10", "33.0")).applied == "updated"
    assert sim.inventory("VALVE-10") == 33
    assert shop.deliver(level("VALVE-10", 33)).applied == "unchanged"
    assert len(sim.effects("inventory_level")) == 1


def test_half_a_piece_cannot_be_sold(shop: ShopifyConnector, sim: ShopifySimulator, level: Level) -> None:
    shop.deliver(level("VALVE-10", "7.9"))
    assert sim.inventory("VALVE-10") == 7
    shop.deliver(level("VALVE-10", "-0.5"))
    assert sim.inventory("VALVE-10") == -1


def test_a_sale_in_between_is_seen_and_not_overwritten_unread(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    def sell(request: Request) -> bool:
        if b"inventorySetQuantities" in request.body and not sold:
            sold.append(sim.place_order([("VALVE-10", 2, None)], send_webhook=False))
        return False

    sold: list[Any] = []
    sim.faults.add("POST /admin", Status(500), times=1, match=sell)
    assert shop.deliver(level("VALVE-10", 40)).applied == "updated"
    assert sold
    assert sim.inventory("VALVE-10") == 40
    writes = [entry for entry in sim.journal if b"inventorySetQuantities" in entry.body]
    assert len(writes) == 2
    assert len(sim.effects("inventory_level")) == 1


def test_a_level_that_never_stands_still_is_tried_later(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    def sell(request: Request) -> bool:
        if b"inventorySetQuantities" in request.body:
            sim.place_order([("VALVE-10", 1, None)], send_webhook=False)
        return False

    record = level("VALVE-10", 20)
    sim.faults.add("POST /admin", Status(500), times=1, match=sell)
    with pytest.raises(RetryLater) as later:
        shop.deliver(record)
    assert later.value.code == "INV-CAS-STALE"


@pytest.mark.parametrize("fault", [Timeout(after_effect=True, seconds=3), Reset(after_effect=True), CutBody(), Reset()])
def test_an_unclear_answer_sets_the_level_once(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level, fault: Any
) -> None:
    record = level("VALVE-10", 12)
    sim.faults.add("POST /admin", fault, match="inventorySetQuantities")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    result = shop.find_effect(again) or shop.deliver(again)
    assert result.external_id
    assert sim.inventory("VALVE-10") == 12
    assert len(sim.effects("inventory_level")) == 1


def test_a_place_without_the_item_begins_to_stock_it(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, level: Level
) -> None:
    east = sim.shop.add_location("East")
    record = level("VALVE-10", 9)
    record.data["location_id"] = east.id
    assert connect().deliver(record).applied == "updated"
    assert sim.inventory("VALVE-10", "East") == 9
    assert [effect.verb for effect in sim.effects("inventory_level")] == ["activate", "update"]


def test_an_item_that_is_not_tracked_is_left_alone(shop: ShopifyConnector, sim: ShopifySimulator, level: Level) -> None:
    sim.add_product("GIFT", "Gift card", 10, tracked=False)
    result = shop.deliver(level("GIFT", 5))
    assert result.applied == "unchanged"
    assert result.warnings


def test_a_variant_that_is_gone(shop: ShopifyConnector, sim: ShopifySimulator, level: Level) -> None:
    record = level("VALVE-10", 5)
    sim.shop.variants.clear()
    with pytest.raises(Rejected) as refused:
        shop.deliver(record)
    assert refused.value.code == "ITM-UNKNOWN"


def test_a_known_key_repeats_its_answer_and_changes_nothing(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    record = level("VALVE-10", 30)
    shop.deliver(record)
    sim.place_order([("VALVE-10", 1, None)], send_webhook=False)
    sim.shop.level(sim.shop.variant("VALVE-10").inventory_item, sim.shop.location(None)).available = 50  # type: ignore[union-attr]
    # A replay meets the same quantity as the first attempt did; under the same key the shop would do nothing.
    shop.deliver(replace(record, attempt=2))
    assert sim.inventory("VALVE-10") == 30


def test_the_shop_demands_the_idempotency_directive(sim: ShopifySimulator) -> None:
    text = document("stock_set").replace("@idempotent(key: $key)", "").replace(", $key: String!", "")
    variables = {"input": {"name": "available", "reason": "correction", "quantities": []}}
    request = Request("POST", "/admin/api/2026-10/graphql.json", {}, {"x-shopify-access-token": sim.token})
    from hub.sdk.jsonio import dump_json

    request.body = dump_json({"query": text, "variables": variables})
    assert "idempotent" in sim.handle(request).body.decode()


# --- many in one call


def calls(sim: ShopifySimulator, what: str) -> int:
    return sum(what.encode() in entry.body for entry in sim.journal)


def stocked(sim: ShopifySimulator, level: Level, count: int) -> list[OutboundRecord]:
    for number in range(count):
        sim.add_product(f"MANY-{number}", f"Thing {number}", 1, stock=1000)
    records = [level(f"MANY-{number}", 10 + number) for number in range(count)]
    sim.journal.clear()
    return records


def test_a_hundred_levels_take_one_reading_and_one_writing_call(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    records = stocked(sim, level, 100)
    told = shop.deliver_many(records)
    assert [one.applied for one in told if isinstance(one, DeliverResult)] == ["updated"] * 100
    assert [sim.inventory(f"MANY-{number}") for number in range(100)] == [10 + number for number in range(100)]
    assert len(sim.journal) == 2
    assert {one.applied for one in shop.deliver_many(records) if isinstance(one, DeliverResult)} == {"unchanged"}
    assert calls(sim, "inventorySetQuantities") == 1


def test_of_many_levels_a_refused_one_is_named_and_the_others_are_set(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    records = stocked(sim, level, 6)
    records[1].data["available"] = "2000000000"
    records[2].data["variant_id"] = "gid://shopify/ProductVariant/1"
    records[4].data["available"] = "not a number"
    told = shop.deliver_many(records)
    assert [type(one).__name__ for one in told] == [
        "DeliverResult", "UserErrors", "Rejected", "DeliverResult", "Rejected", "DeliverResult",
    ]  # fmt: skip
    assert "INVALID_QUANTITY_TOO_HIGH" in str(told[1])
    assert [sim.inventory(f"MANY-{number}") for number in range(6)] == [10, 1000, 1000, 13, 1000, 15]
    assert calls(sim, "inventorySetQuantities") == 2


def test_of_many_levels_one_that_was_sold_meanwhile_is_read_again(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    def sell(request: Request) -> bool:
        if b"inventorySetQuantities" in request.body and not sold:
            sold.append(sim.place_order([("MANY-1", 2, None)], send_webhook=False))
        return False

    records = stocked(sim, level, 3)
    sold: list[Any] = []
    sim.faults.add("POST /admin", Status(500), times=1, match=sell)
    assert all(isinstance(one, DeliverResult) for one in shop.deliver_many(records))
    assert sold
    assert [sim.inventory(f"MANY-{number}") for number in range(3)] == [10, 11, 12]
    assert len(sim.effects("inventory_level")) == 3


def test_the_same_level_twice_among_many_ends_at_the_later_one(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    told = shop.deliver_many([level("VALVE-10", 7), level("SEAL-3", 8), level("VALVE-10", 9)])
    assert all(isinstance(one, DeliverResult) for one in told)
    assert (sim.inventory("VALVE-10"), sim.inventory("SEAL-3")) == (9, 8)


def test_an_unclear_answer_to_many_levels_is_unclear_for_those_in_the_call_only(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Level
) -> None:
    records = [*stocked(sim, level, 3), level("VALVE-10", 50)]
    sim.faults.add("POST /admin", Reset(after_effect=True), match="inventorySetQuantities")
    told = shop.deliver_many(records)
    assert [type(one) for one in told] == [OutcomeUnknown] * 3 + [DeliverResult]
    for record in records[:3]:
        assert shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert len(sim.effects("inventory_level")) == 3
