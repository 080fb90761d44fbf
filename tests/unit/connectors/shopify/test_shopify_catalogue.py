"""Products and variants into the shop: nothing that the shop or others made is taken away."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import OutcomeUnknown, Rejected
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import Reset


def variant(sku: str = "NEW-1", **data: Any) -> OutboundRecord:
    given = {"sku": sku, "title": "New thing", "price": "9.95", **data}
    return OutboundRecord("variant", "upsert", given, f"key-{sku}", "hub-test-v")


def product(**data: Any) -> OutboundRecord:
    return OutboundRecord("product", "upsert", {"code": "P 100/A", "title": "Pump", **data}, "key-p", "hub-test-p")


def test_a_new_variant_becomes_a_product_of_its_own_once(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    record = variant(barcode="4006381333931", cost="4.10", weight="1.5", weight_unit="kg", compare_at_price="12.00")
    sim.faults.add("POST /admin", Reset(after_effect=True), match="productSet")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    sim.shop.search_lags = True
    found = shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found
    made = sim.shop.variant("NEW-1")
    assert made
    assert found.external_id == made.id
    assert (made.price, made.compare_at_price, made.barcode) == (Decimal("9.95"), Decimal("12.00"), "4006381333931")
    assert (made.inventory_item.cost, made.inventory_item.grams) == (Decimal("4.10"), Decimal(1500))
    assert (made.product.handle, made.product.status, len(made.product.variants)) == ("new-1", "DRAFT", 1)


def test_only_what_differs_is_written(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    there = sim.shop.variant("VALVE-10")
    assert there
    there.barcode = "kept"
    result = shop.deliver(variant("VALVE-10", title="Other title", price="21.00"))
    assert (result.external_id, result.applied) == (there.id, "updated")
    assert (there.price, there.barcode, there.product.title) == (Decimal("21.00"), "kept", "Gate valve")
    assert shop.deliver(variant("VALVE-10", price="21.0")).applied == "unchanged"
    assert sim.effects("variant")[-1].data == {"id": there.id, "price": "21.00"}


def test_a_variant_of_a_product_that_is_there(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    glove = sim.shop.add_product("Glove", [{"sku": "GLOVE-S", "price": "7", "options": {"Size": "S"}}])
    record = variant("GLOVE-M", product_id=glove.id, options={"Size": "M"})
    assert shop.deliver(record).applied == "created"
    assert shop.deliver(replace(record, attempt=2)).applied == "unchanged"
    assert [found.sku for found in glove.variants] == ["GLOVE-S", "GLOVE-M"]


def test_a_handle_that_somebody_else_uses_is_not_overwritten(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    theirs = sim.shop.add_product("new 1", [{"sku": "THEIRS", "price": "1"}])
    assert theirs.handle == "new-1"
    with pytest.raises(Rejected) as refused:
        shop.deliver(variant("NEW-1"))
    assert refused.value.code == "XREF-CONFLICT"
    assert [found.sku for found in theirs.variants] == ["THEIRS"]


def test_a_price_that_shopify_refuses(shop: ShopifyConnector) -> None:
    with pytest.raises(Rejected, match="NEGATIVE_PRICE_VALUE"):
        shop.deliver(variant("VALVE-10", price="-1"))


def test_a_product_is_made_and_then_changed_field_by_field(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    made = shop.deliver(product(vendor="Acme", tags=["a"], status="active"))
    found = sim.shop.product_by_handle("p-100-a")
    assert found
    assert (found.id, found.status, found.tags) == (made.external_id, "ACTIVE", ["a"])
    sim.shop.add_variant(found, {"sku": "THEIRS", "price": "5", "options": {"Title": "x"}})
    found.tags, found.description_html = ["a", "shop"], "<p>theirs</p>"
    changed = shop.deliver(product(title="Pump 100", tags=["a", "b"]))
    assert changed.applied == "updated"
    assert (found.title, found.tags, found.description_html, found.vendor) == (
        "Pump 100",
        ["a", "b", "shop"],
        "<p>theirs</p>",
        "Acme",
    )
    assert [one.sku for one in found.variants] == [None, "THEIRS"]
    assert shop.deliver(product(title="Pump 100")).applied == "unchanged"
    assert shop.find_effect(product(title="Pump 100"))
    assert shop.find_effect(product(title="Pump 200")) is None


# --- many in one call


def kinds(told: Any) -> list[str]:
    return [one.applied if isinstance(one, DeliverResult) else one.code for one in told]


def gloves(sim: ShopifySimulator, count: int, sizes: int) -> None:
    """So many products of so many sizes each."""
    for number in range(count):
        options = [{"sku": f"G{number}-{size}", "price": "7", "options": {"Size": str(size)}} for size in range(sizes)]
        sim.shop.add_product(f"Glove {number}", options)


def test_many_variants_are_changed_by_one_call_for_each_product(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    gloves(sim, 2, 25)
    records = [variant(f"G{number}-{size}", price="8.50") for number in range(2) for size in range(25)]
    assert kinds(shop.deliver_many(records)) == ["updated"] * 50
    assert {found.price for found in sim.shop.variants.values() if (found.sku or "").startswith("G")} == {
        Decimal("8.50")
    }
    assert len(sim.journal) == 4  # the search, the reading, and one call for each of the two products
    assert kinds(shop.deliver_many(records)) == ["unchanged"] * 50


def test_of_many_variants_a_refused_one_is_named_and_the_others_are_changed(
    shop: ShopifyConnector, sim: ShopifySimulator
) -> None:
    gloves(sim, 1, 3)
    sim.shop.add_product("Twin", [{"sku": "TWIN", "price": "1"}, {"sku": "TWIN", "price": "1"}])
    there = sim.shop.variant("G0-2")
    assert there
    records = [
        variant("G0-0", price="9"),
        variant("G0-1", price="-1"),
        replace(variant("RENAMED", price="9"), external_id=there.id),
        replace(variant("GONE"), external_id="gid://shopify/ProductVariant/1"),
        variant("TWIN"),
        variant("BRAND-NEW"),
    ]
    told = shop.deliver_many(records)
    assert kinds(told) == ["updated", "CON-REJECTED", "updated", "ITM-UNKNOWN", "XREF-CONFLICT", "created"]
    assert "NEGATIVE_PRICE_VALUE" in str(told[1])
    assert [found.price for found in there.product.variants] == [Decimal(9), Decimal(7), Decimal(9)]
    assert there.sku == "RENAMED"
    assert sim.shop.product_by_handle("brand-new")


def test_further_variants_of_one_product_are_made_by_one_call(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    glove = sim.shop.add_product("Glove", [{"sku": "GLOVE-0", "price": "7", "options": {"Size": "0"}}])
    records = [variant(f"GLOVE-{size}", product_id=glove.id, options={"Size": str(size)}) for size in range(1, 21)]
    records[4].data["options"] = {"Size": "0"}
    told = shop.deliver_many(records)
    assert [one for one in kinds(told) if one != "created"] == ["CON-REJECTED"]
    assert "VARIANT_ALREADY_EXISTS" in str(told[4])
    assert len(glove.variants) == 20
    assert len(sim.journal) == 4  # the search, the product, the call, and the call without what was refused
    made = {found.sku: found.id for found in glove.variants}
    assert all(
        one.external_id == made[record.data["sku"]]
        for record, one in zip(records, told, strict=True)
        if isinstance(one, DeliverResult)
    )


def test_an_unclear_answer_to_many_new_variants_doubles_none(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    glove = sim.shop.add_product("Glove", [{"sku": "GLOVE-0", "price": "7", "options": {"Size": "0"}}])
    sim.shop.search_lags = True
    records = [variant(f"GLOVE-{size}", product_id=glove.id, options={"Size": str(size)}) for size in range(1, 6)]
    sim.faults.add("POST /admin", Reset(after_effect=True), match="productVariantsBulkCreate")
    assert {type(one) for one in shop.deliver_many(records)} == {OutcomeUnknown}
    found = [shop.find_effect(replace(record, attempt=2, maybe_sent=True)) for record in records]
    assert [one.external_id for one in found if one] == [one.id for one in glove.variants[1:]]
    assert kinds(shop.deliver_many(records)) == ["unchanged"] * 5
    assert len(glove.variants) == 6


def test_of_many_products_only_those_that_differ_take_a_call(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    made = [sim.shop.add_product(f"Pump {number}", []) for number in range(50)]
    records = [
        replace(product(code=f"P-{number}", title=found.title, tags=["a"]), external_id=found.id)
        for number, found in enumerate(made)
    ]
    for found in made[2:]:
        found.tags = ["a", "theirs"]
    records[5].data["title"] = "Pump five"
    records[6] = replace(records[6], external_id="gid://shopify/Product/1")
    records[7] = replace(records[7], external_id=records[5].external_id)
    told = shop.deliver_many(records)
    assert kinds(told[:8]) == ["updated"] * 2 + ["unchanged"] * 3 + ["updated", "CON-REJECTED", "updated"]
    assert kinds(told[8:]) == ["unchanged"] * 42
    assert (made[0].tags, made[2].tags, made[5].title) == (["a"], ["a", "theirs"], "Pump 7")
    assert (
        len(sim.journal) == 7
    )  # all read in one; two tagged, one changed; one looked for alone, one read and changed again
