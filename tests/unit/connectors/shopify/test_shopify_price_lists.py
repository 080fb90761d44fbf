"""Price lists as a whole: what they take off, how many pieces may be bought at once, and lists and catalogs that the shop does not have yet."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import HubError, OutcomeUnknown, Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.faults import Reset

Connect = Callable[..., ShopifyConnector]


def percent(value: str, **data: Any) -> OutboundRecord:
    given = {"price_list": "Dealers", "currency": "USD", "percent": value, **data}
    return OutboundRecord("price", "upsert", given, f"key-{value}", "hub-test-p")


def price(sim: ShopifySimulator, sku: str = "VALVE-10", **data: Any) -> OutboundRecord:
    variant = sim.shop.variant(sku)
    assert variant
    given = {"price_list": "Dealers", "currency": "USD", "variant_id": variant.id, "price": "17.50", **data}
    return OutboundRecord("price", "upsert", given, f"key-{sku}", f"hub-test-{sku}")


@pytest.fixture
def acme(sim: ShopifySimulator) -> list[str]:
    """A company with two locations."""
    made = sim.companies.create(input={"company": {"name": "ACME", "externalId": "ACME-1"}})["company"]
    sim.companies.add_location(made["id"], {"name": "East"})
    return [place["id"] for place in made["locations"]]


@pytest.mark.parametrize(
    ("value", "kind", "size"),
    [("0.1", "PERCENTAGE_DECREASE", 10), ("-0.055", "PERCENTAGE_INCREASE", 5.5), ("0", "PERCENTAGE_DECREASE", 0)],
)
def test_a_list_takes_a_percentage_off_or_adds_one(
    shop: ShopifyConnector, sim: ShopifySimulator, value: str, kind: str, size: float
) -> None:
    listed = sim.price_lists.add("Dealers", "USD", {"type": "PERCENTAGE_DECREASE", "value": 25})
    record = percent(value)
    sim.faults.add("POST /admin", Reset(after_effect=True), match="priceListUpdate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    found = shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found
    assert found.external_id == listed
    assert sim.price_lists.lists[listed]["parent"]["adjustment"] == {"type": kind, "value": size}
    assert shop.deliver(record).applied == "unchanged"
    assert shop.deliver_many([record])[0].applied == "unchanged"  # type: ignore[union-attr]


def test_a_percentage_that_the_shop_refuses(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    sim.price_lists.add("Dealers", "USD")
    with pytest.raises(Rejected, match="INVALID_ADJUSTMENT_VALUE"):
        shop.deliver(percent("1.5"))
    assert shop.deliver(percent("0")).applied == "unchanged"  # a list without an adjustment takes nothing off


def test_a_price_says_how_many_pieces_may_be_bought_at_once(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    listed = sim.price_lists.add("Dealers", "USD")
    record = price(sim, rule={"minimum": 10, "maximum": 100, "increment": 5})
    shop.deliver(record)
    (rule,) = sim.price_lists.lists[listed]["rules"].values()
    assert rule == {"minimum": 10, "maximum": 100, "increment": 5}
    told = shop.deliver_many(
        [price(sim, rule={"minimum": 12, "increment": 5}), price(sim, "SEAL-3", rule={"minimum": 6, "increment": 3})]
    )
    assert [getattr(one, "code", "") for one in told] == ["CON-REJECTED", ""]
    assert "QUANTITY_RULE_ADD_MINIMUM_NOT_A_MULTIPLE" in str(told[0])
    assert sorted(rule["minimum"] for rule in sim.price_lists.lists[listed]["rules"].values()) == [6, 10]


def test_a_list_and_its_catalog_are_made_once(connect: Connect, sim: ShopifySimulator, acme: list[str]) -> None:
    shop = connect(catalogs={"Dealers": ["ACME-1"]})
    assert shop.find_effect(price(sim)) is None
    assert not sim.price_lists.lists
    assert shop.deliver(price(sim)).applied == "created"
    (listed,) = sim.price_lists.lists.values()
    (catalog,) = sim.price_lists.catalogs.values()
    assert (listed["name"], listed["currency"], len(listed["prices"])) == ("Dealers", "USD", 1)
    assert (catalog["title"], catalog["status"], catalog["places"]) == ("Dealers", "ACTIVE", acme)
    assert shop.deliver(price(sim)).applied == "unchanged"
    assert shop.deliver(percent("0.2")).applied == "updated"
    assert (len(sim.price_lists.lists), len(sim.price_lists.catalogs)) == (1, 1)


@pytest.mark.parametrize("lost", ["priceListCreate", "catalogCreate"])
@pytest.mark.parametrize("after_effect", [True, False])
def test_a_list_whose_making_was_interrupted_is_completed(
    connect: Connect, sim: ShopifySimulator, acme: list[str], lost: str, *, after_effect: bool
) -> None:
    shop = connect(catalogs={"Dealers": acme[:1]})
    record = percent("0.2")
    sim.faults.add("POST /admin", Reset(after_effect=after_effect), match=lost)
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) or shop.deliver(again)
    (listed,) = sim.price_lists.lists.values()
    assert listed["parent"]["adjustment"] == {"type": "PERCENTAGE_DECREASE", "value": 20}
    assert [found["places"] for found in sim.price_lists.catalogs.values()] == [acme[:1]]


def test_eight_workers_make_one_list_and_one_catalog(connect: Connect, sim: ShopifySimulator, acme: list[str]) -> None:
    records = []
    for number in range(8):
        sim.add_product(f"MANY-{number}", f"Thing {number}", 20)
        records.append(price(sim, f"MANY-{number}"))
    sim.faults.add("POST /admin", Reset(after_effect=True), times=1, match="priceListCreate")

    def work(record: OutboundRecord) -> Any:
        try:
            return connect(catalogs={"Dealers": ["ACME-1"]}).deliver(record)
        except HubError as error:
            return error

    shop = connect(catalogs={"Dealers": ["ACME-1"]})
    with ThreadPoolExecutor(8) as pool:
        told = list(pool.map(work, records))
    for record, one in zip(records, told, strict=True):
        if isinstance(one, HubError):
            assert isinstance(one, OutcomeUnknown)
            shop.deliver(replace(record, attempt=2, maybe_sent=True))
    (listed,) = sim.price_lists.lists.values()
    assert {found["price"] for found in listed["prices"].values()} == {Decimal("17.50")}
    assert (len(listed["prices"]), len(sim.price_lists.catalogs)) == (8, 1)


def test_a_catalog_for_a_company_that_is_not_there(connect: Connect, sim: ShopifySimulator) -> None:
    with pytest.raises(Rejected) as refused:
        connect(catalogs={"Dealers": ["NOBODY"]}).deliver(price(sim))
    assert refused.value.code == "ACC-UNKNOWN"
    with pytest.raises(Rejected) as missing:
        connect().deliver(price(sim, price_list="Others"))
    assert missing.value.code == "XREF-MISSING"
