"""Returns to Odoo: a receipt each, once, planned, carried out or cancelled as the return stands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.errors import Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Status
from tests.odoo.real import by_eight_workers
from tests.unit.connectors.test_odoo_deliver import connect, line, order, settle, shipment


@pytest.fixture(params=["19.0", "18.0"])
def sim(request: pytest.FixtureRequest) -> OdooSimulator:
    made = OdooSimulator(version=request.param)
    made.add_product("VALVE-10", "Valve", 19.99, {"WH": 100})
    made.add_product("00123", "Washer", 1, {"WH": 100})
    return made


@pytest.fixture
def url(sim: OdooSimulator) -> Iterator[str]:
    with sim.serve() as server:
        yield server.url
        assert server.errors == []


@pytest.fixture
def odoo(sim: OdooSimulator, url: str) -> OdooConnector:
    return connect(sim, url)


def sold(sim: OdooSimulator, odoo: OdooConnector, marker: str = "hub-t-ord_1") -> str:
    """An order of two valves and two washers that has left."""
    made = odoo.deliver(order(sim, marker, order_line=[line(sim), line(sim, "00123")], total=None)).external_id
    sim.ship(marker)
    return made


def returned(order_id: str, status: str = "received", quantity: str = "1", **values: Any) -> OutboundRecord:
    marker = values.pop("marker", "hub-t-ret_1")
    lines = [{"order_line": "l-VALVE-10", "quantity": quantity, "reason": "too <small>"}]
    data = {"order_id": order_id, "number": "RMA-1", "status": status, "lines": lines, **values}
    return OutboundRecord("return", "create", data, f"key-{marker}", marker)


def receipts(sim: OdooSimulator) -> list[dict[str, Any]]:
    return [picking for picking in sim.pickings if picking["return_id"]]


def delivered(sim: OdooSimulator, sku: str = "VALVE-10") -> Any:
    return next(one["delivered"] for one in sim.orders[0]["lines"] if one["sku"] == sku)


def test_goods_that_came_back_are_in_stock_and_no_longer_delivered(sim: OdooSimulator, odoo: OdooConnector) -> None:
    made = odoo.deliver(returned(sold(sim, odoo), tracking="R-1", note="Left at the door"))
    assert (made.applied, made.warnings) == ("created", ())
    (receipt,) = receipts(sim)
    assert (receipt["state"], receipt["carrier_tracking_ref"]) == ("done", "R-1")
    assert receipt["name"].startswith("WH/IN/")
    assert [(move["sku"], move["quantity"]) for move in receipt["moves"]] == [("VALVE-10", 1)]
    assert (sim.stock("VALVE-10"), sim.stock("00123")) == (99, 98)
    assert (delivered(sim), delivered(sim, "00123")) == (1, 2)
    note = sim.env["stock.picking"].rows[int(made.external_id)]["note"]
    assert note == "<p>RMA-1 [hub-t-ret_1]</p><p>Left at the door</p><p>too &lt;small&gt;</p>"


def test_what_was_written_is_read_as_the_same_return(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = sold(sim, odoo)
    made = odoo.deliver(returned(order_id))
    message = odoo.fetch("return", made.external_id)
    assert message is not None
    assert str(message.payload["sale"]["id"]) == order_id
    assert [(m["order_line"], m["quantity"]) for m in message.payload["moves"]] == [("l-VALVE-10", 1)]
    assert message.payload["return_id"][1].startswith("WH/OUT/")


def test_a_repeated_return_has_no_second_receipt(sim: OdooSimulator, odoo: OdooConnector) -> None:
    record = returned(sold(sim, odoo))
    first = odoo.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    found = odoo.find_effect(again)
    assert found is not None
    assert {found.external_id, odoo.deliver(again).external_id} == {first.external_id}
    assert [receipt["state"] for receipt in receipts(sim)] == ["done"]
    assert sim.stock("VALVE-10") == 99


def test_an_agreed_return_is_planned_and_carried_out_when_the_goods_come(
    sim: OdooSimulator, odoo: OdooConnector
) -> None:
    order_id = sold(sim, odoo)
    planned = odoo.deliver(returned(order_id, "approved", "2"))
    assert [(r["state"], sim.stock("VALVE-10")) for r in receipts(sim)] == [("assigned", 98)]
    assert odoo.fetch("return", planned.external_id) is None, "nothing has come back yet"
    later = replace(
        returned(order_id, "in_transit", "2", tracking="R-1"), operation="update", external_id=planned.external_id
    )
    assert [odoo.deliver(later).applied for _ in range(2)] == ["updated", "unchanged"]
    came = replace(later, data={**later.data, "status": "received"})
    assert [odoo.deliver(came).applied for _ in range(2)] == ["updated", "unchanged"]
    assert [(r["state"], sim.stock("VALVE-10")) for r in receipts(sim)] == [("done", 100)]


def test_less_may_come_than_was_agreed_and_nothing_is_left_open(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = sold(sim, odoo)
    planned = odoo.deliver(returned(order_id, "approved", "2"))
    came = replace(returned(order_id, "received", "1"), operation="update", external_id=planned.external_id)
    odoo.deliver(came)
    assert [(r["state"], sim.stock("VALVE-10")) for r in receipts(sim)] == [("done", 99)]
    said = odoo.deliver(replace(came, data={**came.data, "lines": [{"order_line": "l-VALVE-10", "quantity": "2"}]}))
    assert [warning.partition(":")[0] for warning in said.warnings] == ["RET-QTY"]
    assert sim.stock("VALVE-10") == 99, "what was received is not changed any more"


def test_a_return_that_is_called_off_is_cancelled(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = sold(sim, odoo)
    planned = odoo.deliver(returned(order_id, "approved"))
    off = replace(returned(order_id, "cancelled"), operation="update", external_id=planned.external_id)
    assert [odoo.deliver(off).applied for _ in range(2)] == ["updated", "unchanged"]
    assert [receipt["state"] for receipt in receipts(sim)] == ["cancel"]
    with pytest.raises(Rejected) as caught:
        odoo.deliver(replace(off, data={**off.data, "status": "received"}))
    assert caught.value.code == "RET-CONFLICT"
    came = odoo.deliver(returned(order_id, quantity="2", marker="hub-t-ret_2"))
    assert came.applied == "created", "the pieces may come back after all, as another return"
    with pytest.raises(Rejected) as caught:
        odoo.deliver(
            replace(
                returned(order_id, "cancelled", marker="hub-t-ret_2"),
                operation="update",
                external_id=came.external_id,
            )
        )
    assert caught.value.code == "RET-CONFLICT"


def test_no_more_comes_back_than_was_delivered(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = sold(sim, odoo)
    odoo.deliver(returned(order_id, "approved", "1"))
    with pytest.raises(Rejected) as caught:
        odoo.deliver(returned(order_id, quantity="2", marker="hub-t-ret_2"))
    assert caught.value.code == "RET-QTY"
    unsent = odoo.deliver(order(sim, "hub-t-ord_2")).external_id
    with pytest.raises(Rejected, match="has delivered nothing"):
        odoo.deliver(returned(unsent, marker="hub-t-ret_3"))
    with pytest.raises(Rejected, match="no goods that come back"):
        odoo.deliver(returned(order_id, lines=[], marker="hub-t-ret_4"))
    assert len(receipts(sim)) == 1


def test_pieces_of_two_deliveries_come_back_in_one_return(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = odoo.deliver(order(sim)).external_id
    odoo.deliver(shipment(order_id))
    odoo.deliver(shipment(order_id, "hub-t-shp_2"))
    odoo.deliver(returned(order_id, quantity="2"))
    (receipt,) = receipts(sim)
    assert sorted(move["quantity"] for move in receipt["moves"]) == [1, 1]
    assert (sim.stock("VALVE-10"), delivered(sim)) == (100, 0)


def test_another_warehouse_may_take_the_goods_back(sim: OdooSimulator, odoo: OdooConnector) -> None:
    order_id = sold(sim, odoo)
    sim.add_warehouse("RET", "Returns")
    made = odoo.deliver(returned(order_id, warehouse="RET", lines=[
        {"product_id": str(sim.product("00123")["id"]), "quantity": "1", "disposition": "scrap"},
    ]))  # fmt: skip
    assert (sim.stock("00123", "RET"), sim.stock("00123")) == (1, 98)
    assert [warning for warning in made.warnings if "scrap" in warning]
    with pytest.raises(Rejected, match="no warehouse MOON"):
        odoo.deliver(returned(order_id, warehouse="MOON", marker="hub-t-ret_2"))


@pytest.mark.parametrize("sim", ["19.0"], indirect=True)
def test_ten_returns_by_eight_workers_with_lost_answers_are_ten(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    orders = [sold(sim, odoo, f"hub-t-ord_{number}") for number in range(10)]
    sim.faults.add("POST /", [None, None, Reset(after_effect=True), None, Status(502), None, CutBody()], times=150)
    records = [returned(id_, marker=f"hub-t-ret_{id_}") for id_ in orders for _ in range(2)]
    assert by_eight_workers([lambda record=record: settle(odoo, record, tries=40) for record in records]) == []
    assert [receipt["state"] for receipt in receipts(sim)] == ["done"] * 10
    assert sim.stock("VALVE-10") == Decimal(100 - 20 + 10)
