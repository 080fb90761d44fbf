"""Polling: completeness under paging, ties and changes, one shape with webhooks, and pages that fit the query cost."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import AuthFailed, RateLimited, Rejected, RetryLater
from hub.sdk.jsonio import read_json
from hub.sdk.records import NaturalKey, RawMessage
from hub.sdk.testing.faults import BadAnswer, ExpiredToken, Status
from hub.sdk.testing.faults import RateLimited as Slow


def drain(
    shop: ShopifyConnector, stream: str = "order", cursor: Any = None, limit: int = 50
) -> tuple[list[RawMessage], Any]:
    found: list[RawMessage] = []
    for _ in range(200):
        page = shop.poll(stream, cursor, limit)
        found += page.messages
        cursor = page.cursor
        if not page.more:
            return found, cursor
    raise AssertionError("the poll does not end")


def same(polled: Any, sent: Any, at: str = "") -> list[str]:
    """Where the polled payload says something else than the webhook. The webhook may have more fields."""
    if isinstance(polled, dict):
        lost = [f"{at}.{key}" for key in polled if key not in sent]
        return lost + [fault for key in polled if key in sent for fault in same(polled[key], sent[key], f"{at}.{key}")]
    if isinstance(polled, list):
        if len(polled) != len(sent):
            return [f"{at}: {len(polled)} and {len(sent)}"]
        return [
            fault
            for index, pair in enumerate(zip(polled, sent, strict=True))
            for fault in same(*pair, f"{at}[{index}]")
        ]
    if at.endswith("_at"):
        return []
    return [] if polled == sent else [f"{at}: {polled!r} and {sent!r}"]


def test_a_polled_order_has_the_shape_of_its_webhook(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order(
        [
            {"sku": "VALVE-10", "quantity": 3, "properties": [("Engraving", "A")]},
            ("SEAL-3", 7, "3.99"),
            {"sku": None, "quantity": 1, "price": "5", "title": "Gift wrap 🎁", "requires_shipping": False},
        ],
        {
            "email": "a@example.com",
            "first_name": "Åse",
            "last_name": "Ødegård",
            "phone": "+4722225555",
            "tags": ["x", "y"],
        },
        shipping="12.50",
        discount="3.33",
        discount_code="TEN",
        note="Line one\nline two",
        po_number="PO 1",
        tags=["b", "a"],
        attributes=[("gift", "yes")],
        terms={"name": "Net 30", "type": "NET", "days": 30},
        financial="PENDING",
        company=(77, 78),
    )
    for _ in range(2):
        polled = shop.fetch("order", order.id)
        (sent,) = shop.webhook(sim.webhook_request("order", order.id))
        assert polled
        assert same(polled.payload, read_json(sent.body or b"")) == []
        assert (polled.external_id, polled.source_version) == (sent.external_id, sent.source_version)
        asked = order.fulfillment_orders[0]
        sim.shop.fulfill([(asked, [(asked.lines[0], 1)])], {"company": "UPS", "numbers": ["1Z", "2Z"]}, notify=True)
        sim.shop.refund(order, [("SEAL-3", 2, "CANCEL"), ("VALVE-10", 1, "RETURN")])


@pytest.mark.parametrize("limit", [1, 7, 50])
def test_all_orders_come_whatever_the_page(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, limit: int
) -> None:
    placed = [sim.place_order([("SEAL-3", 1, None)], send_webhook=False).id for _ in range(23)]
    found, _ = drain(connect(page_size=7), limit=limit)
    assert [message.external_id for message in found] == placed


def test_the_next_poll_brings_what_changed_and_repeats_only_the_overlap(
    shop: ShopifyConnector, sim: ShopifySimulator
) -> None:
    first = sim.place_order([("SEAL-3", 1, None)], send_webhook=False)
    found, cursor = drain(shop)
    sim.clock.advance(600)
    second = sim.place_order([("SEAL-3", 2, None)], send_webhook=False)
    again, cursor = drain(shop, cursor=cursor)
    assert {message.external_id for message in again} == {first.id, second.id}
    known = {message.dedupe_key for message in found}
    assert [message.external_id for message in again if message.dedupe_key not in known] == [second.id]
    third, _ = drain(shop, cursor=cursor)
    assert [message.external_id for message in third] == [second.id]


def test_two_changes_of_one_second_are_two_facts(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([("SEAL-3", 1, None)], send_webhook=False)
    before = shop.fetch("order", order.id)
    order.note = "changed in the same second"
    after = shop.fetch("order", order.id)
    assert before
    assert after
    assert before.source_version == after.source_version
    assert before.dedupe_key != after.dedupe_key


def test_an_order_that_changes_while_it_is_paged_is_not_lost(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    placed = [sim.place_order([("SEAL-3", 1, None)], send_webhook=False) for _ in range(6)]
    shop = connect(page_size=2)
    page = shop.poll("order", None, 50)
    sim.clock.advance(5)
    sim.shop.touch(placed[4])
    rest, _ = drain(shop, cursor=page.cursor)
    seen = [message.external_id for message in [*page.messages, *rest]]
    assert set(seen) == {order.id for order in placed}
    assert seen[-1] == placed[4].id


def test_a_poll_goes_on_where_another_worker_stopped(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    placed = [sim.place_order([("SEAL-3", 1, None)], send_webhook=False).id for _ in range(5)]
    page = connect(page_size=2).poll("order", None, 50)
    rest, _ = drain(connect(page_size=2), cursor=page.cursor)
    assert [message.external_id for message in [*page.messages, *rest]] == placed


def test_a_long_order_comes_with_all_its_lines(connect: Callable[..., ShopifyConnector], sim: ShopifySimulator) -> None:
    order = sim.place_order([("SEAL-3", index + 1, None) for index in range(500)], send_webhook=False)
    ((message,), _) = drain(connect(line_page=250))
    assert [line["quantity"] for line in message.payload["line_items"]] == list(range(1, 501))
    assert Decimal(message.payload["total_line_items_price"]) == order.goods


def test_a_page_that_costs_too_much_is_made_smaller(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    placed = [sim.place_order([("SEAL-3", 1, None)], send_webhook=False).id for _ in range(12)]
    found, _ = drain(connect(page_size=250, line_page=250), limit=250)
    assert [message.external_id for message in found] == placed
    assert any(b"MAX_COST" not in entry.body for entry in sim.journal)


def test_variants_come_with_currency_and_product(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    found, cursor = drain(shop, "variant", limit=1)
    assert [message.payload["sku"] for message in found] == ["VALVE-10", "SEAL-3"]
    assert found[0].payload["currency"] == "USD"
    assert found[0].payload["product"]["title"] == "Gate valve"
    sim.clock.advance(3600)
    sim.shop.variants[int(found[1].payload["id"])].updated = sim.shop.now()
    later, _ = drain(shop, "variant", cursor=cursor)
    assert {message.payload["sku"] for message in later} >= {"SEAL-3"}


def test_find_takes_only_what_is_equal(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    sim.add_product("VALVE-100", "Other valve", 30)
    sim.place_order([("SEAL-3", 1, None)], "Buyer@Example.com", send_webhook=False)
    found = shop.find("variant", NaturalKey("sku", "VALVE-10"))
    assert found
    assert found.external_id == sim.shop.variant("VALVE-10").id  # type: ignore[union-attr]
    assert shop.find("variant", NaturalKey("sku", "VALVE")) is None
    assert shop.find("variant", NaturalKey("sku", 'X" OR sku:*')) is None
    assert shop.find("customer", NaturalKey("email", "buyer@example.COM"))
    assert shop.find("customer", NaturalKey("email", "buyer@example")) is None
    assert shop.find("order", NaturalKey("number", "#1001"))
    assert shop.find("order", NaturalKey("number", "1001")) is None
    assert shop.find("warehouse", NaturalKey("code", "WH"))
    assert shop.find("warehouse", NaturalKey("code", "main WAREHOUSE"))
    assert shop.find("warehouse", NaturalKey("code", "W")) is None


def test_two_variants_with_one_sku_are_a_conflict(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    sim.add_product("VALVE-10", "A second one", 30)
    with pytest.raises(Rejected) as refused:
        shop.find("variant", NaturalKey("sku", "VALVE-10"))
    assert refused.value.code == "XREF-CONFLICT"


def test_throttling_is_told_by_the_body(shop: ShopifyConnector, sim: ShopifySimulator, clock: Any) -> None:
    sim.restore_rate = 10
    sim.faults.add("POST /admin", [Slow(9), Slow(9)])
    for _ in range(2):  # once with HTTP 200, once with 429
        with pytest.raises(RateLimited) as slow:
            shop.poll("order", None, 10)
        assert slow.value.after == 9
    assert sorted({entry.status for entry in sim.journal[-2:]}) == [200, 429]
    sim.faults.add("POST /admin", [Slow(1), Slow(1)])
    assert shop.poll("order", None, 10).messages == []
    assert clock.slept[-2:] == [1, 1]


def test_a_call_waits_until_the_bucket_holds_enough(
    connect: Callable[..., ShopifyConnector], clock: Any, sim: ShopifySimulator
) -> None:
    sim.bucket = sim._available = 450.0
    sim.restore_rate = 100.0
    shop = connect()
    for _ in range(6):
        shop.find("order", NaturalKey("number", "1"))
        shop.poll("order", None, 2)
    assert clock.slept
    assert max(clock.slept) <= 10


def test_a_bad_token_and_a_failing_shop(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    sim.faults.add(
        "POST /admin", [ExpiredToken(), Status(502), BadAnswer(), Status(402), BadAnswer(b"[]", "application/json")]
    )
    with pytest.raises(AuthFailed):
        shop.poll("order", None, 10)
    with pytest.raises(RetryLater):
        shop.poll("order", None, 10)
    with pytest.raises(RetryLater):
        shop.poll("order", None, 10)
    with pytest.raises(AuthFailed):
        shop.poll("order", None, 10)
    with pytest.raises(RetryLater):
        shop.poll("order", None, 10)
    assert shop.poll("order", None, 10).messages == []


def test_check_says_what_is_missing(
    shop: ShopifyConnector, connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    assert shop.check().ok
    old = connect(api_version="2024-01").check()
    assert not old.ok
    assert "2026-10" in old.fix
    sim.scopes = ("read_products",)
    poor = shop.check()
    assert not poor.ok
    assert "write_inventory" in poor.summary
    sim.scopes = ("read_orders", "read_products", "read_customers", "read_locations", "write_inventory",
                  "write_merchant_managed_fulfillment_orders")  # fmt: skip
    enough = shop.check()
    assert enough.ok
    assert {"write_orders", "write_order_edits"} <= set(enough.details["without"])
