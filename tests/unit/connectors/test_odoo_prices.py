"""Writing pricelists to Odoo: each rule once, in the right list and currency."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.errors import Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.io import make_io


@pytest.fixture
def sim() -> OdooSimulator:
    made = OdooSimulator()
    made.add_product("VALVE-10", "Valve", 19.99)
    return made


@pytest.fixture
def url(sim: OdooSimulator) -> Iterator[str]:
    with sim.serve() as server:
        yield server.url
        assert server.errors == []


def connect(sim: OdooSimulator, url: str, **config: Any) -> OdooConnector:
    return OdooConnector(OdooConnector.Config(**{**sim.connection_config(url), **config}), make_io(deadline=10.0))


def price(sim: OdooSimulator, **values: Any) -> OutboundRecord:
    data = {
        "price_list": "B2B", "currency": "USD", "applies_to": "variant", "product_id": str(sim.product("VALVE-10")["id"]),
        "fixed_price": "11.50", "min_quantity": "10", **values,
    }  # fmt: skip
    return OutboundRecord("price", "create", data, "key", "hub-t-prc_1")


def lists(sim: OdooSimulator) -> list[tuple[str, str]]:
    currencies = sim.env["res.currency"].rows
    return [(row["name"], currencies[row["currency_id"]]["name"]) for row in sim.env["product.pricelist"].rows.values()]


def test_a_pricelist_is_made_with_its_first_rule_and_taken_for_the_next(sim: OdooSimulator, url: str) -> None:
    before = lists(sim)
    odoo = connect(sim, url)
    odoo.deliver(price(sim))
    odoo.deliver(replace(price(sim, fixed_price="9.00", min_quantity="50"), marker="hub-t-prc_2"))
    odoo.deliver(replace(price(sim, currency="EUR"), marker="hub-t-prc_3"))
    assert sorted(lists(sim)[len(before) :]) == [("B2B", "EUR"), ("B2B", "USD")]
    assert len(sim.env["product.pricelist.item"].rows) == 3


def test_a_pricelist_that_people_made_is_taken_by_its_name_or_by_the_settings(sim: OdooSimulator, url: str) -> None:
    with sim.work() as env:
        first = env["product.pricelist"].insert({"name": "Dealers", "currency_id": 1})["id"]
        second = env["product.pricelist"].insert({"name": "Others", "currency_id": 1})["id"]
    connect(sim, url).deliver(price(sim, price_list_name="Dealers"))
    connect(sim, url, price_lists={"B2B": second}).deliver(replace(price(sim), marker="hub-t-prc_2"))
    assert [row["pricelist_id"] for row in sim.env["product.pricelist.item"].rows.values()] == [first, second]


def test_a_list_in_another_currency_and_an_unused_currency_are_refused(sim: OdooSimulator, url: str) -> None:
    euros = next(row["id"] for row in sim.env["product.pricelist"].rows.values() if row["name"] == "Default EUR")
    for config, values in (({"price_lists": {"B2B": euros}}, {}), ({}, {"currency": "PLN"})):
        with pytest.raises(Rejected) as caught:
            connect(sim, url, **config).deliver(price(sim, **values))
        assert caught.value.code == "CUR-UNSUPPORTED"
    assert sim.env["product.pricelist.item"].rows == {}


def test_a_category_is_named_by_its_path(sim: OdooSimulator, url: str) -> None:
    with sim.work() as env:
        goods = env["product.category"].insert({"name": "Goods"})["id"]
        valves = env["product.category"].insert({"name": "Valves", "parent_id": goods})["id"]
    wanted = price(sim, applies_to="category", category="Goods / Valves", percent_price="10")
    connect(sim, url).deliver(wanted)
    (rule,) = sim.env["product.pricelist.item"].rows.values()
    assert (rule["categ_id"], rule["product_id"], rule["compute_price"]) == (valves, False, "percentage")
    with pytest.raises(Rejected, match="no product category"):
        connect(sim, url).deliver(price(sim, applies_to="category", category="Moon"))


def test_a_rule_that_somebody_deleted_in_odoo_is_told(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    made = odoo.deliver(price(sim))
    sim.delete("price", made.external_id)
    with pytest.raises(Rejected, match="is gone"):
        odoo.deliver(replace(price(sim), operation="update", external_id=made.external_id))
    assert odoo.find_effect(replace(price(sim), maybe_sent=True)) is None
