"""Shopify's own published examples of orders, customers and products, as webhooks would carry them, through the connector and its mappings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.canonical import ENTITIES
from hub.mapping import MappingSet
from hub.sdk.jsonio import dump_json
from hub.sdk.records import RawMessage
from hub.sdk.testing.io import make_io

SPECS = Path(os.environ.get("HUB_VENDOR_SPECS", "../shared/specs"))
EXAMPLES = SPECS / "shopify" / "rest-2026-07-examples"
pytestmark = pytest.mark.skipif(
    not EXAMPLES.is_dir(),
    reason="Shopify's examples are not at hand: set HUB_VENDOR_SPECS to the folder of vendors' specifications",
)


class AllLinks:
    def resolve(self, entity: str, key: str, natural: bool) -> str:
        return f"{entity}:{key}"


def examples(name: str) -> list[dict[str, Any]]:
    """Every example of one resource, with everything that is in it, each once."""
    path = EXAMPLES / f"{name}.json"
    if not path.is_file():
        return []
    found: dict[str, dict[str, Any]] = {}
    for example in json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal):
        body = example.get("response_body") or {}
        for row in [body.get(name), *(body.get(f"{name}s") or [])]:
            # Some examples show a few chosen fields only, which no webhook does.
            if isinstance(row, dict) and "id" in row and len(row) > 15:
                found[json.dumps(row, sort_keys=True, default=str)] = row
    return list(found.values())


@cache
def world() -> tuple[ShopifySimulator, ShopifyConnector, MappingSet]:
    sim = ShopifySimulator()
    shop = ShopifyConnector(ShopifyConnector.Config(**sim.connection_config("http://127.0.0.1")), make_io())
    return sim, shop, MappingSet.load(["mappings/shopify"])


def messages(topic: str, body: dict[str, Any]) -> Iterator[RawMessage]:
    sim, shop, _ = world()
    yield from shop.webhook(sim.webhook(topic, json.loads(dump_json(body), parse_float=Decimal)))


def canonical(message: RawMessage) -> dict[str, dict[str, Any]]:
    made = {}
    for mapping in world()[2].inbound("shopify", message.stream):
        result = mapping.run(
            message.payload, meta={"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}, links=AllLinks()
        )
        if not result.filtered:
            made[mapping.entity] = (
                ENTITIES[mapping.entity].model_validate(result.record).model_dump(mode="json", exclude_unset=True)
            )
    return made


@pytest.mark.parametrize("order", examples("order"), ids=lambda order: f"{order['name']}-{order['id']}")
def test_an_order(order: dict[str, Any]) -> None:
    (message,) = messages("orders/updated", order)
    record = canonical(message)["order"]
    assert record["number"] == order["name"]
    assert [line["sku"] for line in record["lines"] if "sku" in line] == [
        line["sku"] for line in order["line_items"] if line["sku"]
    ]
    assert Decimal(record["totals"]["total"]["amount"]) == Decimal(order["total_price"])
    totals = {name: Decimal(money["amount"]) for name, money in record["totals"].items()}
    lines = sum(Decimal(line["unit_price"]["amount"]) * Decimal(line["quantity"]) for line in record["lines"])
    assert lines == totals["goods"]
    tax = Decimal(0) if order["taxes_included"] else totals["tax"]
    assert totals["goods"] - totals["discount"] + totals["freight"] + tax == totals["total"]


@pytest.mark.parametrize("customer", examples("customer"), ids=lambda customer: str(customer["id"]))
def test_a_customer(customer: dict[str, Any]) -> None:
    (message,) = messages("customers/update", customer)
    made = canonical(message)
    assert bool(made) == bool(customer["email"])
    if made:
        assert made["customer"]["email"] == customer["email"].lower()


@pytest.mark.parametrize("product", examples("product"), ids=lambda product: f"{product['id']}-{product['title']}")
def test_a_product(product: dict[str, Any]) -> None:
    found = list(messages("products/update", product))
    assert [message.payload["id"] for message in found] == [variant["id"] for variant in product["variants"]]
    made = [canonical(message) for message in found]
    skus = [variant["sku"] for variant in product["variants"] if variant["sku"]]
    assert [records["variant"]["sku"] for records in made if records] == skus
