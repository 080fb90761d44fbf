"""Stock levels out of the shop: every location, every change, and under the warehouse's own code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.shopify.simulator.rest import level_body
from hub.errors import InputRefused
from hub.mapping import MappingSet
from hub.sdk.records import Cursor, OutboundRecord, RawMessage


def drained(shop: ShopifyConnector, cursor: Cursor | None = None, limit: int = 2) -> tuple[list[RawMessage], Cursor]:
    found: list[RawMessage] = []
    while True:
        page = shop.poll("inventory_level", cursor, limit)
        found += page.messages
        cursor = page.cursor
        if not page.more:
            return found, page.cursor


def told(messages: list[RawMessage]) -> list[tuple[str, str, int]]:
    return sorted((one.payload["warehouse"], one.payload["sku"], one.payload["available"]) for one in messages)


@pytest.fixture
def east(sim: ShopifySimulator) -> str:
    """Another location, which stocks the valve."""
    place = sim.shop.add_location("East")
    valve = sim.shop.variant("VALVE-10")
    assert valve
    sim.shop.level(valve.inventory_item, place).available = 7
    return place.id


def test_every_location_is_read_and_named_as_the_settings_name_it(
    shop: ShopifyConnector, sim: ShopifySimulator, east: str
) -> None:
    for number in range(5):
        sim.add_product(f"MORE-{number}", "More", 1, stock=number)
    found, _ = drained(shop)
    main = [("WH", f"MORE-{number}", number) for number in range(5)]
    assert told(found) == [("East", "VALVE-10", 7), *main, ("WH", "SEAL-3", 500), ("WH", "VALVE-10", 50)]


def test_only_what_changed_is_read_again(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, east: str
) -> None:
    shop = connect(poll_overlap=0)
    sim.clock.advance(60)
    _, cursor = drained(shop)
    sim.clock.advance(60)
    sim.place_order([("VALVE-10", 3, None)], location="East", send_webhook=False)
    sim.clock.advance(5)
    found, cursor = drained(shop, cursor)
    assert told(found) == [("East", "VALVE-10", 4)]
    assert (found[0].payload["on_hand"], found[0].payload["committed"]) == (7, 3)
    sim.clock.advance(60)
    assert drained(shop, cursor)[0] == []


def test_a_change_while_a_window_is_read_is_in_the_next_one(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, east: str
) -> None:
    shop = connect(poll_overlap=0)
    sim.clock.advance(60)
    first = shop.poll("inventory_level", None, 2)
    assert first.more
    sim.clock.advance(5)
    sim.place_order([("VALVE-10", 1, None)], send_webhook=False)  # of the location that was read already
    _, cursor = drained(shop, first.cursor)
    assert ("WH", "VALVE-10", 49) in told(drained(shop, cursor)[0])


def test_a_notice_leads_to_the_level_with_its_sku(shop: ShopifyConnector, sim: ShopifySimulator, east: str) -> None:
    valve = sim.shop.variant("VALVE-10")
    assert valve
    level = next(one for one in valve.inventory_item.levels.values() if one.location.id == east)
    (notice,) = shop.webhook(sim.webhook("inventory_levels/update", level_body(level)))
    assert (notice.stream, notice.external_id) == ("inventory_notice", level.id)
    read = shop.fetch("inventory_level", notice.external_id)
    assert read
    assert (read.external_id, read.payload["sku"], read.payload["available"]) == (level.id, "VALVE-10", 7)
    del valve.inventory_item.levels[level.location.number]
    assert shop.fetch("inventory_level", notice.external_id) is None
    body = {name: value for name, value in level_body(level).items() if name != "admin_graphql_api_id"}
    with pytest.raises(InputRefused):
        list(shop.webhook(sim.webhook("inventory_levels/update", body)))


def test_what_was_written_is_what_is_read(
    shop: ShopifyConnector, sim: ShopifySimulator, level: Callable[..., OutboundRecord]
) -> None:
    result = shop.deliver(level("VALVE-10", "33"))
    read = shop.fetch("inventory_level", result.external_id)
    assert read
    (mapping,) = MappingSet.load(["mappings/shopify"]).inbound("shopify", "inventory_level")
    nobody: Any = None
    made = mapping.run(read.payload, meta={"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}, links=nobody)
    assert (made.record["sku"], made.record["warehouse"], str(made.record["available"])) == ("VALVE-10", "WH", "33")


def test_all_levels_are_read_in_the_background_at_first(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, east: str
) -> None:
    sim.clock.advance(60)
    shop = connect(bulk_import=True, poll_overlap=0)
    started = shop.poll("inventory_level", None, 50)
    assert not started.messages
    sim.clock.advance(5)
    waiting = shop.poll("inventory_level", started.cursor, 50)
    assert (waiting.messages, waiting.cursor) == ([], started.cursor)
    done = shop.poll("inventory_level", waiting.cursor, 50)
    assert told(list(done.messages)) == [("East", "VALVE-10", 7), ("WH", "SEAL-3", 500), ("WH", "VALVE-10", 50)]
    assert done.messages[0].dedupe_key in {one.dedupe_key for one in drained(shop, {"since": None})[0]}
    sim.place_order([("SEAL-3", 1, None)], send_webhook=False)
    assert told(drained(shop, done.cursor)[0]) == [("WH", "SEAL-3", 499)]
