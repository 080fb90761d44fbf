"""Companies, languages, hierarchy, and the check of a connection."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.errors import AuthFailed, RetryLater
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.io import make_io


@pytest.fixture
def sim() -> OdooSimulator:
    return OdooSimulator()


@pytest.fixture
def url(sim: OdooSimulator) -> Iterator[str]:
    with sim.serve() as server:
        yield server.url
        assert server.errors == []


def connect(sim: OdooSimulator, url: str, **config: Any) -> OdooConnector:
    return OdooConnector(OdooConnector.Config(**{**sim.connection_config(url), **config}), make_io())


def order(sim: OdooSimulator, marker: str, **values: Any) -> OutboundRecord:
    product = str(sim.product("VALVE-10")["id"])
    line = {"line": "l1", "product_id": product, "name": "Valve", "product_uom_qty": "2", "price_unit": "10.00"}
    address = {"name": "Jane", "street": "Main St 1", "city": "Berlin", "country_code": "DE"}
    data = {"invoice_address": address, "order_line": [line], "currency": "USD", "total": "20.00", **values}
    return OutboundRecord("order", "create", data, f"key-{marker}", marker)


def test_each_company_has_its_own_orders_warehouses_and_currency(sim: OdooSimulator, url: str) -> None:
    sim.add_product("VALVE-10", "Valve", 10, {"WH": 5})
    europe = sim.add_company("Europe GmbH", "EUR", "EU")
    first, second = connect(sim, url, company=1), connect(sim, url, company=europe)
    first.deliver(order(sim, "hub-t-1"))
    second.deliver(order(sim, "hub-t-2", currency="EUR"))
    assert [(o["company_id"], o["currency"]) for o in sim.orders] == [(1, "USD"), (europe, "EUR")]
    assert [m.payload["code"] for m in first.poll("warehouse", None, 50).messages] == ["WH"]
    assert [m.payload["code"] for m in second.poll("warehouse", None, 50).messages] == ["EU"]
    assert {m.payload["warehouse"]["code"] for m in second.poll("inventory_level", None, 50).messages} == {"EU"}
    sim.ship("hub-t-1")
    assert len(first.poll("shipment", None, 50).messages) == 1
    assert second.poll("shipment", None, 50).messages == []


def test_a_company_that_the_user_does_not_work_for_is_a_missing_right(sim: OdooSimulator, url: str) -> None:
    with pytest.raises(AuthFailed) as caught:
        connect(sim, url, company=99).poll("order", None, 10)
    assert caught.value.code == "CON-SCOPE"


def test_names_are_read_in_every_language_asked_for(sim: OdooSimulator, url: str) -> None:
    product = sim.add_product("VALVE-10", "Valve", 10)
    template = sim.env["product.product"].rows[product]["product_tmpl_id"]
    sim.env["product.template"].translations[template, "name", "de_DE"] = "Ventil"
    messages = connect(sim, url, languages=["de_DE"]).poll("variant", None, 50).messages
    names = {m.payload["default_code"]: m.payload["names"] for m in messages}
    assert names["VALVE-10"] == {"en-US": "Valve", "de-DE": "Ventil"}


def test_check_names_a_language_that_is_not_installed(sim: OdooSimulator, url: str) -> None:
    health = connect(sim, url, languages=["fr_FR"]).check()
    assert not health.ok
    assert "fr_FR" in health.summary


def test_check_warns_of_missing_service_products(sim: OdooSimulator, url: str) -> None:
    health = connect(sim, url, shipping_product="FREIGHT").check()
    assert health.ok
    assert "FREIGHT" in str(health.details["products"])


def test_a_partner_in_a_language_that_is_not_installed_is_made_without_it(sim: OdooSimulator, url: str) -> None:
    record = OutboundRecord(
        "customer", "create", {"name": "Ana", "email": "ana@example.com", "lang": "pt-BR"}, "k", "hub-t-c1"
    )
    connect(sim, url).deliver(record)
    assert sim.partners[0]["lang"] == "en_US"


def test_two_transactions_at_one_external_id_are_tried_again_later(sim: OdooSimulator, url: str) -> None:
    """As seen at the real server when eight workers send the same order at once."""
    sim.add_product("VALVE-10", "Valve", 10, {"WH": 5})
    odoo = connect(sim, url)
    sim.env.contended = 2  # the guest, then the order
    with pytest.raises(RetryLater):
        odoo.deliver(order(sim, "hub-t-1"))
    with pytest.raises(RetryLater):
        odoo.deliver(order(sim, "hub-t-1"))
    odoo.deliver(order(sim, "hub-t-1"))
    assert len(sim.orders) == 1


def test_a_contact_belongs_to_its_company(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    company = OutboundRecord(
        "customer", "create", {"name": "ACME", "is_company": True, "vat": "DE123456789"}, "k", "hub-t-c1"
    )
    parent = odoo.deliver(company).external_id
    person = {"name": "Jane", "email": "jane@acme.example", "parent_id": parent}
    made = odoo.deliver(OutboundRecord("customer", "create", person, "k", "hub-t-c2"))
    partners = {str(p["id"]): p for p in sim.partners}
    assert str(partners[made.external_id]["parent_id"]) == parent
    again = odoo.deliver(OutboundRecord("customer", "create", person, "k", "hub-t-c3"))
    assert again.external_id == made.external_id
