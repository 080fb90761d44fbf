"""Returns at a real Odoo 19: planned, received and called off, each once, with answers lost on the way."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.errors import Rejected
from hub.sdk.records import OutboundRecord
from tests.odoo.real import at_once, by_eight_workers, connect, drain, order, settle

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(600)]
LINE = "gid://shopify/LineItem/1"


def gone(odoo: OdooConnector, products: dict[str, int], marker: str) -> str:
    """An order of three pieces that has left; its id."""
    sold = odoo.deliver(order(products, marker, 3)).external_id
    data = {"order_id": sold, "number": "LS", "lines": [{"order_line": LINE, "quantity": "3"}]}
    odoo.deliver(OutboundRecord("shipment", "create", data, "k", f"{marker}-shp"))
    return sold


def returning(order_id: str, marker: str, status: str = "received", quantity: str = "1", **more: Any) -> OutboundRecord:
    data = {
        "order_id": order_id, "number": f"RMA {marker}", "status": status, "tracking": "R-1",
        "lines": [{"order_line": LINE, "quantity": quantity, "reason": "too small"}], **more,
    }  # fmt: skip
    return OutboundRecord("return", "create", data, "k", marker)


def receipts(odoo: OdooConnector, orders: list[str]) -> list[dict[str, Any]]:
    mine = [["sale_id", "in", [int(id_) for id_ in orders]], ["picking_type_id.code", "=", "incoming"]]
    return odoo.client.search_read(
        "stock.picking", mine, ["state", "return_id", "carrier_tracking_ref", "sale_id", "origin"]
    )


def delivered(odoo: OdooConnector, order_id: str) -> Any:
    (line,) = odoo.client.search_read("sale.order.line", [["order_id", "=", int(order_id)]], ["qty_delivered"])
    return line["qty_delivered"]


def on_hand(odoo: OdooConnector, product: int) -> Any:
    return odoo.client.read("product.product", [product], ["qty_available"])[product]["qty_available"]


def test_returns_are_received_once_by_eight_workers_with_lost_answers(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], lossy: str, run: str
) -> None:
    """Each of six orders gets one receipt, though its return is sent by two workers."""
    product = next(iter(products.values()))
    orders = [gone(odoo, products, f"hub-{run}-ret-{number}") for number in range(6)]
    before = on_hand(odoo, product)
    _, cursor = drain(odoo, "return")
    through = connect(settings, url=lossy)
    records = [returning(id_, f"hub-{run}-rma-{id_}") for id_ in orders for _ in range(2)]
    assert by_eight_workers([partial(settle, lambda: through, record) for record in records]) == []
    made = receipts(odoo, orders)
    assert sorted(str(row["sale_id"][0]) for row in made) == sorted(orders)
    assert {(row["state"], row["carrier_tracking_ref"]) for row in made} == {("done", "R-1")}
    assert all(row["return_id"] for row in made)
    assert [delivered(odoo, id_) for id_ in orders] == [2] * 6
    assert on_hand(odoo, product) == before + 6
    read = [m.payload for m in drain(odoo, "return", cursor)[0] if m.payload["id"] in {row["id"] for row in made}]
    assert {(m["moves"][0]["order_line"], m["moves"][0]["quantity"]) for m in read} == {(LINE, 1)}
    assert {m["id"] for m in read} == {row["id"] for row in made}


def test_eight_workers_that_send_the_same_return_at_once_make_one_receipt(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sold = gone(odoo, products, f"hub-{run}-ret-same")
    record = returning(sold, f"hub-{run}-rma-same", quantity="3")
    outcomes = at_once(lambda: connect(settings).deliver(record).external_id)
    again = settle(lambda: odoo, replace(record, attempt=2, maybe_sent=True))
    assert {one for one in outcomes if one.isdigit()} <= {again.external_id}, outcomes
    assert [row["state"] for row in receipts(odoo, [sold])] == ["done"]
    assert delivered(odoo, sold) == 0


def test_an_agreed_return_is_planned_then_received_in_part_and_another_is_called_off(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sold = gone(odoo, products, f"hub-{run}-ret-plan")
    first = odoo.deliver(returning(sold, f"hub-{run}-rma-1", "approved", "2"))
    assert [row["state"] for row in receipts(odoo, [sold])] == ["assigned"]
    assert delivered(odoo, sold) == 3
    with pytest.raises(Rejected) as caught:
        odoo.deliver(returning(sold, f"hub-{run}-rma-2", quantity="2"))
    assert caught.value.code == "RET-QTY", "two of three pieces are on their way back already"
    came = replace(returning(sold, f"hub-{run}-rma-1"), operation="update", external_id=first.external_id)
    assert [odoo.deliver(came).applied for _ in range(2)] == ["updated", "unchanged"]
    assert [row["state"] for row in receipts(odoo, [sold])] == ["done"], "nothing is left open"
    assert delivered(odoo, sold) == 2
    second = odoo.deliver(returning(sold, f"hub-{run}-rma-3", "in_transit", "2"))
    off = replace(
        returning(sold, f"hub-{run}-rma-3", "cancelled", "2"), operation="update", external_id=second.external_id
    )
    assert [odoo.deliver(off).applied for _ in range(2)] == ["updated", "unchanged"]
    assert sorted(row["state"] for row in receipts(odoo, [sold])) == ["cancel", "done"]
    assert delivered(odoo, sold) == 2


def test_a_return_without_an_order_line_is_found_by_its_product(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sold = gone(odoo, products, f"hub-{run}-ret-product")
    line = {"product_id": str(next(iter(products.values()))), "quantity": "1", "disposition": "scrap"}
    made = odoo.deliver(returning(sold, f"hub-{run}-rma-product", lines=[line]))
    assert [warning for warning in made.warnings if "scrap" in warning]
    assert delivered(odoo, sold) == 2
