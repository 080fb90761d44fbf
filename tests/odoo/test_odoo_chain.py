"""The whole way at a real Odoo 19, on a network that swallows answers: from the first customer to the credit note, and stock at the shop."""

from __future__ import annotations

import base64
import hashlib
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.cli.demo.processes import HubProcesses
from hub.cli.demo.project import write_project
from hub.sdk.plugins import load_simulators
from hub.sdk.records import DeliverResult, OutboundRecord
from tests.odoo.real import billing, by_eight_workers, connect, count, crediting, drain, losing, order, settle

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(900)]
DEADLINE = 6.0
"""Seconds that the hub waits for an answer in the chain; a swallowed one is waited for in vain."""


def test_from_a_customer_to_a_credit_note_with_every_third_answer_swallowed(
    settings: dict[str, Any], odoo: OdooConnector, run: str, tmp_path: Path
) -> None:
    """Partner, product, pricelist, fifty orders by eight workers, confirmation, backorder, tracking, invoice, PDF, credit note, stock."""
    with losing(settings, wait=DEADLINE + 1) as (url, proxy):
        hub: Callable[..., OdooConnector] = partial(connect, settings, url=url, deadline=DEADLINE)
        through = hub()
        send: Callable[[OutboundRecord], DeliverResult] = partial(settle, lambda: through)
        partner = send(OutboundRecord("customer", "create", buyer(run), "k", f"hub-{run}-chain-cus")).external_id
        sku = f"CHAIN-{run}"
        product = int(send(OutboundRecord("variant", "create", article(sku), "k", f"hub-{run}-chain-var")).external_id)
        count(odoo, product, 200)
        rule = send(OutboundRecord("price", "create", price(run, product), "k", f"hub-{run}-chain-prc")).external_id
        read = odoo.fetch("price", rule)
        assert read is not None
        assert (read.payload["sku"], read.payload["min_quantity"], read.payload["fixed_price"]) == (sku, 10, 9)

        markers = [f"hub-{run}-chain-{number}" for number in range(50)]
        orders = [order({sku: product}, marker, 3, partner_id=partner) for marker in markers]
        quoting, confirming = hub(confirm_orders=False), hub()
        assert by_eight_workers([partial(settle, lambda: quoting, one) for one in orders]) == []
        assert states(odoo, markers) == dict.fromkeys(markers, "draft"), "exactly fifty orders"
        again = [replace(one, attempt=2) for one in orders]
        assert by_eight_workers([partial(settle, lambda: confirming, one) for one in again]) == []
        assert states(odoo, markers) == dict.fromkeys(markers, "sale")

        sold = ship_a_part(odoo, markers[0], sku)
        printing = hub(print_invoices=True, deadline=60.0)
        part = [{"order_line": "gid://shopify/LineItem/1", "quantity": "2"}]
        invoice = settle(lambda: printing, billing(sold, f"hub-{run}-chain-inv", lines=part))
        if not invoice.warnings:
            assert_printed(odoo, invoice.external_id)
        note = send(crediting(sold, f"hub-{run}-chain-crn")).external_id
        assert proxy.lost > 20
    mine = [["invoice_line_ids.sale_line_ids.order_id", "=", int(sold)]]
    fields = ["move_type", "state", "amount_total", "amount_residual", "reversed_entry_id"]
    first, second = odoo.client.search_read("account.move", mine, fields)
    assert (first["move_type"], first["state"], first["amount_total"], first["amount_residual"]) == (
        "out_invoice",
        "posted",
        23,
        11.5,
    )
    assert (second["id"], second["move_type"], second["amount_total"]) == (int(note), "out_refund", 11.5)
    assert second["reversed_entry_id"][0] == first["id"]
    (level,) = odoo.client.read("product.product", [product], ["free_qty", "qty_available"]).values()
    assert (level["free_qty"], level["qty_available"]) == (200 - 150, 200 - 2)
    assert at_the_shop(settings, sku, 50, tmp_path) == 50


def buyer(run: str) -> dict[str, Any]:
    return {
        "name": f"ACME {run}", "is_company": True, "email": f"chain-{run}@example.com", "street": "Main St 1", "zip": "01067",
        "city": "Dresden", "country_code": "DE",
    }  # fmt: skip


def article(sku: str) -> dict[str, Any]:
    return {
        "default_code": sku,
        "names": {"en": f"Valve {sku}"},
        "list_price": "10.00",
        "currency": "USD",
        "stocked": True,
    }


def price(run: str, product: int) -> dict[str, Any]:
    return {
        "price_list": f"CHAIN-{run}", "currency": "USD", "applies_to": "variant", "product_id": str(product), "fixed_price": "9.00",
        "min_quantity": "10", "date_start": "2026-12-01T00:00:00+01:00",
    }  # fmt: skip


def states(odoo: OdooConnector, markers: list[str]) -> dict[str, str]:
    """The states of the orders by marker. An order that was made twice fails here."""
    found = odoo.client.search_read("sale.order", [["client_order_ref", "in", markers]], ["client_order_ref", "state"])
    assert sorted(row["client_order_ref"] for row in found) == sorted(markers)
    return {row["client_order_ref"]: row["state"] for row in found}


def ship_a_part(odoo: OdooConnector, marker: str, sku: str) -> str:
    """People ship two of three pieces with a tracking number; the hub reads the shipment. Returns the order's id."""
    client = odoo.client
    _, cursor = drain(odoo, "shipment")
    (sold,) = client.search_read("sale.order", [["client_order_ref", "=", marker]], ["picking_ids"])
    (picking,) = client.read("stock.picking", sold["picking_ids"], ["move_ids"]).values()
    client.write("stock.move", picking["move_ids"], {"quantity": 2, "picked": True})
    client.write("stock.picking", [picking["id"]], {"carrier_tracking_ref": "JJD000390007"})
    action = client.call("stock.picking", "button_validate", [picking["id"]], effect=True)
    wizard = client.create("stock.backorder.confirmation", {}, context=action["context"])
    client.call("stock.backorder.confirmation", "process", [wizard], effect=True, context=action["context"])
    (message,) = [m for m in drain(odoo, "shipment", cursor)[0] if m.external_id == str(picking["id"])]
    assert [(m["sku"], m["quantity"], m["order_line"]) for m in message.payload["moves"]] == [
        (sku, 2, "gid://shopify/LineItem/1")
    ]
    assert message.payload["carrier_tracking_ref"] == "JJD000390007"
    (rest,) = client.search_read("stock.picking", [["backorder_id", "=", picking["id"]]], ["state"])
    assert rest["state"] == "assigned"
    return str(sold["id"])


def assert_printed(odoo: OdooConnector, invoice: str) -> None:
    """The invoice's PDF is there, and is what the hub tells of it."""
    message = odoo.fetch("invoice", invoice)
    assert message is not None
    (document,) = message.payload["documents"]
    (file,) = odoo.client.read("ir.attachment", [document["id"]], ["datas"]).values()
    content = base64.b64decode(file["datas"])
    assert content.startswith(b"%PDF-")
    assert hashlib.sha1(content).hexdigest() == document["checksum"]


def at_the_shop(settings: dict[str, Any], sku: str, wanted: int, folder: Path) -> Any:
    """What a shop says of the article after a hub between the two has run; the shop is the simulated one, Odoo and the hub are real."""
    shop = load_simulators()["shopify"]()
    shop.add_product(sku, f"Valve {sku}", "10.00")
    with shop.serve() as server, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        erp = {name: value for name, value in settings.items() if name != "deadline"}
        config = {**shop.connection_config(server.url), "locations": {"WH": "Main warehouse"}}
        write_project(folder / "hub", port=port, shop=config, erp=erp, database=None, broker=None)
        hub = HubProcesses(folder / "hub", port, cluster=False)
        hub.start(60.0)
        try:
            until = time.monotonic() + 240
            while shop.inventory(sku) != wanted and time.monotonic() < until:
                time.sleep(0.5)
            return shop.inventory(sku)
        finally:
            hub.stop()
