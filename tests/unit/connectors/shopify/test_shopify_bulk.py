"""Whole catalogues by background queries, and prices of price lists."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify import bulk
from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import OutcomeUnknown, Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import Reset


def test_a_whole_catalogue_is_read_piece_by_piece(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(300):
        sim.shop.add_product(f"Product {index} 🎁", [{"sku": f"SKU-{index:04}", "price": f"{index}.99"}])
    monkeypatch.setattr(bulk, "_PIECE", 10_000)
    started = connect(bulk_import=True).poll("variant", None, 100)
    assert (started.messages, started.more) == ([], False)
    waiting = connect(bulk_import=True).poll("variant", started.cursor, 100)
    assert (waiting.messages, waiting.cursor) == ([], started.cursor)
    found, cursor, pages = [], waiting.cursor, 0
    while True:
        page = connect(bulk_import=True).poll("variant", cursor, 100)
        found += [message.payload["sku"] for message in page.messages]
        cursor, pages = page.cursor, pages + 1
        if not page.more:
            break
    assert found == ["VALVE-10", "SEAL-3", *(f"SKU-{index:04}" for index in range(300))]
    assert pages > 5
    assert set(cursor) == {"since"}
    later = connect(bulk_import=True).poll("variant", cursor, 250)
    assert later.messages[0].payload["currency"] == "USD"


def test_an_empty_catalogue_has_no_file(connect: Callable[..., ShopifyConnector], sim: ShopifySimulator) -> None:
    sim.shop.variants.clear()
    sim.background.looks = 0
    shop = connect(bulk_import=True)
    page = shop.poll("variant", shop.poll("variant", None, 100).cursor, 100)
    assert (page.messages, set(page.cursor)) == ([], {"since"})


def test_half_a_catalogue_is_not_taken_for_all_of_it(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    shop = connect(bulk_import=True)
    started = shop.poll("variant", None, 100)
    sim.background.fail(started.cursor["bulk"])
    with pytest.raises(RetryLater, match="FAILED"):
        shop.poll("variant", started.cursor, 100)


def test_a_polled_and_a_bulk_variant_are_one_fact(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    sim.background.looks = 0
    shop = connect(bulk_import=True)
    in_bulk = shop.poll("variant", shop.poll("variant", None, 100).cursor, 100).messages
    assert [message.dedupe_key for message in in_bulk] == [
        message.dedupe_key for message in connect().poll("variant", None, 100).messages
    ]


def price(sim: ShopifySimulator, **data: Any) -> OutboundRecord:
    listed = next(iter(sim.price_lists.lists), None) or sim.price_lists.add("Dealers", "USD")
    variant = sim.shop.variant("VALVE-10")
    assert variant
    given = {
        "price_list_id": listed,
        "variant_id": variant.id,
        "price": "17.50",
        "breaks": [{"minimum": 10, "price": "16.00"}],
        **data,
    }
    return OutboundRecord("price", "upsert", given, "key-p", "hub-test-p")


def test_a_price_and_its_breaks_are_set_once(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    record = price(sim)
    sim.faults.add("POST /admin", Reset(after_effect=True), match="quantityPricingByVariantUpdate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    assert shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert shop.deliver(price(sim)).applied == "unchanged"
    assert shop.deliver(price(sim, price="18.25", breaks=[], compare_at_price="20.00")).applied == "updated"
    (listed,) = sim.price_lists.lists.values()
    assert list(listed["prices"].values()) == [{"breaks": {}, "price": Decimal("18.25"), "compare": Decimal("20.00")}]
    assert len(sim.effects("price")) == 2


def test_one_break_is_set_beside_the_others(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    with pytest.raises(RetryLater, match="no price of this variant yet"):
        shop.deliver(price(sim, breaks=None, minimum="100", price="15.25"))
    base = shop.deliver(price(sim))
    step = shop.deliver(price(sim, breaks=None, minimum="100", price="15.25"))
    assert (step.applied, step.external_id) == ("created", f"{base.external_id}@100")
    assert shop.deliver(price(sim, breaks=None, minimum=100, price="15.250")).applied == "unchanged"
    assert shop.deliver(price(sim, breaks=None, price="17.00")).applied == "updated"
    (listed,) = sim.price_lists.lists.values()
    (found,) = listed["prices"].values()
    assert (found["price"], found["breaks"]) == (Decimal("17.00"), {10: Decimal("16.00"), 100: Decimal("15.25")})


def test_a_list_is_found_by_its_code_or_name(connect: Callable[..., ShopifyConnector], sim: ShopifySimulator) -> None:
    listed = sim.price_lists.add("Dealers", "USD")
    named = price(sim, price_list="dealers", price_list_id=None)
    assert connect().deliver(named).external_id.startswith(listed)
    coded = price(sim, price_list="ACME-2026", price_list_id=None)
    assert connect(price_lists={"ACME-2026": "Dealers"}).deliver(coded).applied == "unchanged"
    with pytest.raises(Rejected) as refused:
        connect().deliver(coded)
    assert refused.value.code == "XREF-MISSING"


@pytest.mark.parametrize(
    ("dates", "code"),
    [({"valid_from": "2999-01-01T00:00:00Z"}, "PRC-NOTYET"), ({"valid_to": "2001-01-01T00:00:00Z"}, "PRC-EXPIRED")],
)
def test_prices_out_of_their_dates(
    shop: ShopifyConnector, sim: ShopifySimulator, dates: dict[str, str], code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        shop.deliver(price(sim, **dates))
    assert refused.value.code == code


def test_prices_that_do_not_fit(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    with pytest.raises(Rejected) as refused:
        shop.deliver(price(sim, currency="EUR"))
    assert refused.value.code == "CUR-UNSUPPORTED"
    with pytest.raises(Rejected, match="no such price list"):
        shop.deliver(price(sim, price_list_id="gid://shopify/PriceList/1"))
    with pytest.raises(Rejected, match="PRICE_ADD_VARIANT_NOT_FOUND"):
        shop.deliver(price(sim, variant_id="gid://shopify/ProductVariant/1"))


# --- many in one call


def many(sim: ShopifySimulator, count: int, **data: Any) -> list[OutboundRecord]:
    """Prices of so many variants, in one list, each under a key of its own."""
    made = []
    for number in range(count):
        sku = f"MANY-{number}"
        variant = sim.shop.variant(sku) or sim.add_product(sku, f"Thing {number}", 20).variants[0]
        one = price(sim, variant_id=variant.id, **data)
        made.append(replace(one, idempotency_key=f"key-{number}", marker=f"hub-test-{number}"))
    sim.journal.clear()
    return made


def fixed(sim: ShopifySimulator) -> dict[str, Decimal]:
    (listed,) = sim.price_lists.lists.values()
    skus = {variant.id: variant.sku or "" for variant in sim.shop.variants.values()}
    return {skus[variant]: found["price"] for variant, found in listed["prices"].items()}


def test_a_hundred_prices_take_one_reading_and_one_writing_call(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    records = many(sim, 100)
    told = shop.deliver_many(records)
    assert [one.applied for one in told if isinstance(one, DeliverResult)] == ["created"] * 100
    assert set(fixed(sim).values()) == {Decimal("17.50")}
    assert len(sim.journal) == 2
    assert {one.applied for one in shop.deliver_many(records) if isinstance(one, DeliverResult)} == {"unchanged"}


def test_prices_with_many_breaks_go_out_in_calls_that_the_shop_takes(
    shop: ShopifyConnector, sim: ShopifySimulator
) -> None:
    breaks = [{"minimum": 10 * step, "price": f"{17 - step}.00"} for step in range(1, 8)]
    told = shop.deliver_many(many(sim, 50, breaks=breaks))
    assert all(isinstance(one, DeliverResult) for one in told)
    assert sum(b"quantityPricingByVariantUpdate" in entry.body for entry in sim.journal) == 2  # 350 breaks, 250 a call
    assert len(fixed(sim)) == 50


def test_of_many_prices_a_refused_one_is_named_and_the_others_are_set(
    shop: ShopifyConnector, sim: ShopifySimulator
) -> None:
    records = many(sim, 5)
    records[1].data["variant_id"] = "gid://shopify/ProductVariant/1"
    records[3].data["currency"] = "EUR"
    records[4].data["valid_from"] = "2999-01-01T00:00:00Z"
    nonsense = many(sim, 6, price="a lot")[5]
    told = shop.deliver_many([*records, nonsense])
    assert [getattr(one, "code", "") for one in told] == [
        "", "CON-REJECTED", "", "CUR-UNSUPPORTED", "PRC-NOTYET", "CON-REJECTED",
    ]  # fmt: skip
    assert "PRICE_ADD_VARIANT_NOT_FOUND" in str(told[1])
    assert set(fixed(sim)) == {"MANY-0", "MANY-2"}


def test_a_price_and_its_break_may_come_together_and_a_break_without_a_price_waits(
    shop: ShopifyConnector, sim: ShopifySimulator
) -> None:
    steps = many(sim, 3, breaks=None, minimum="100", price="15.25")
    prices = many(sim, 3, breaks=None)
    prices[1].data["currency"] = "EUR"
    prices[2].data["variant_id"] = steps[2].data["variant_id"] = "gid://shopify/ProductVariant/1"
    told = shop.deliver_many([*steps, *prices])
    assert [type(one).__name__ for one in told] == [
        "DeliverResult", "RetryLater", "RetryLater", "DeliverResult", "Rejected", "UserErrors",
    ]  # fmt: skip
    assert {getattr(one, "code", "") for one in told[1:3]} == {"DEP-PARKED"}
    (listed,) = sim.price_lists.lists.values()
    assert [found["breaks"] for found in listed["prices"].values()] == [{100: Decimal("15.25")}]
