"""Invoices, credit notes and payments written to Odoo: each once, exact, settled, in their limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.errors import DeliveryError, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Status
from hub.sdk.testing.io import make_io

TAX = Decimal("1.15")


@pytest.fixture(params=["19.0", "18.0"])
def sim(request: pytest.FixtureRequest) -> OdooSimulator:
    made = OdooSimulator(version=request.param)
    made.add_product("VALVE-10", "Valve", 19.99, {"WH": 1000})
    made.add_product("00123", "Washer", 1, {"WH": 1000})
    return made


@pytest.fixture
def url(sim: OdooSimulator) -> Iterator[str]:
    with sim.serve() as server:
        yield server.url
        assert server.errors == []


def connect(sim: OdooSimulator, url: str, **config: Any) -> OdooConnector:
    settings = OdooConnector.Config(**{**sim.connection_config(url), "deadline": 10.0, **config})
    return OdooConnector(settings, make_io(deadline=10.0))


def sold(odoo: OdooConnector, sim: OdooSimulator, marker: str = "hub-t-ord_1", **more: Any) -> str:
    """A confirmed order of two valves at 10.00, four washers at 1.00 and 4.90 of shipping, all with 15 %; its id."""
    lines = [
        {"line": f"l-{sku}", "product_id": str(sim.product(sku)["id"]), "name": sku, "product_uom_qty": quantity,
         "price_unit": price, "tax_rates": ["0.15"]}
        for sku, quantity, price in (("VALVE-10", "2", "10.00"), ("00123", "4", "1.00"))
    ]  # fmt: skip
    data = {
        "partner_id": None, "origin": "#1001", "currency": "USD", "order_line": lines,
        "invoice_address": {"name": "Jane", "street": "Main St 1", "city": "Berlin", "zip": "10115", "country_code": "DE"},
        "shipping": [{"name": "Standard", "price_unit": "4.90", "tax_rates": ["0.15"]}], **more,
    }  # fmt: skip
    return odoo.deliver(OutboundRecord("order", "create", data, f"k-{marker}", marker)).external_id


def bill(order: str, marker: str = "hub-t-ivc_1", **more: Any) -> OutboundRecord:
    data = {"kind": "invoice", "order_id": order, "number": f"RE-{marker}", "currency": "USD", **more}
    return OutboundRecord("invoice", "create", data, f"k-{marker}", marker)


def pay(order: str | None, marker: str = "hub-t-pmt_1", **more: Any) -> OutboundRecord:
    data = {"kind": "payment", "order_id": order, "amount": "10.00", "currency": "USD", "memo": "#1001", **more}
    return OutboundRecord("payment", "create", data, f"k-{marker}", marker)


def settle(odoo: OdooConnector, record: OutboundRecord, tries: int = 40) -> DeliverResult:
    """Deliver as the hub does: look the effect up before anything is sent again."""
    for attempt in range(1, tries):
        now = replace(record, attempt=attempt, maybe_sent=record.maybe_sent)
        try:
            return (odoo.find_effect(now) if now.maybe_sent else None) or odoo.deliver(now)
        except OutcomeUnknown:
            record = replace(record, maybe_sent=True)
        except RetryLater:
            pass
    raise AssertionError("never settled")


def moves(sim: OdooSimulator, kind: str = "out_invoice") -> list[dict[str, Any]]:
    """The invoices or credit notes, with their amounts and their lines by SKU."""
    model, found = sim.env["account.move"], []
    for row in [one for one in model.rows.values() if one["move_type"] == kind]:
        names = ("amount_total", "amount_residual", "payment_state")
        lines = [
            (sim.env["product.product"].rows[line["product_id"]]["default_code"], line["quantity"])
            for line in model.lines(row)
        ]
        found.append({**row, **{name: model.value(row, name) for name in names}, "lines": lines})
    return found


def test_an_invoice_of_all_that_is_left_is_linked_to_its_order_and_posted(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    made = odoo.deliver(bill(order, total=str((Decimal("28.90") * TAX).quantize(Decimal("0.01")))))
    (invoice,) = moves(sim)
    assert (made.applied, made.external_id, made.warnings) == ("created", str(invoice["id"]), ())
    assert (invoice["state"], invoice["ref"], invoice["invoice_origin"]) == ("posted", "RE-hub-t-ivc_1", "S00001")
    assert [quantity for _, quantity in invoice["lines"]] == [2, 4, 1]
    assert sim.env["sale.order"].value(sim.env["sale.order"].rows[int(order)], "invoice_status") == "invoiced"
    with pytest.raises(Rejected, match="nothing left to invoice"):
        odoo.deliver(bill(order, "hub-t-ivc_2"))


def test_a_part_is_invoiced_by_line_and_by_product(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    lines = [
        {"order_line": "l-VALVE-10", "quantity": "1"},
        {"product_id": str(sim.product("00123")["id"]), "quantity": "3"},
    ]
    odoo.deliver(bill(order, lines=lines, total=str((Decimal(13) * TAX).quantize(Decimal("0.01")))))
    (invoice,) = moves(sim)
    assert invoice["lines"] == [("VALVE-10", 1), ("00123", 3)]
    with pytest.raises(Rejected) as caught:
        odoo.deliver(bill(order, "hub-t-ivc_2", lines=[{"order_line": "l-VALVE-10", "quantity": "2"}]))
    assert (caught.value.code, "only 1 are left" in caught.value.message) == ("AMT-TOTAL", True)
    with pytest.raises(Rejected) as caught:
        odoo.deliver(bill(order, "hub-t-ivc_3", lines=[{"order_line": "l-MOON", "quantity": "1"}]))
    assert caught.value.code == "XREF-MISSING"


@pytest.mark.parametrize(("total", "shipped"), [("33.24", True), ("27.60", False), (None, True)])
def test_the_charges_of_the_order_are_invoiced_where_they_bring_the_sum_nearer(
    sim: OdooSimulator, url: str, total: str | None, shipped: bool
) -> None:
    odoo = connect(sim, url, total_tolerance="0.01")
    lines = [{"order_line": "l-VALVE-10", "quantity": "2"}, {"order_line": "l-00123", "quantity": "4"}]
    odoo.deliver(bill(sold(odoo, sim), lines=lines, total=total))
    assert len(moves(sim)[0]["lines"]) == (3 if shipped else 2)


def test_a_total_that_differs_stays_a_draft_until_a_person_looked(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    with pytest.raises(Rejected) as caught:
        odoo.deliver(bill(order, total="99.00"))
    assert caught.value.code == "AMT-TOTAL"
    assert [(row["state"], row["name"]) for row in moves(sim)] == [("draft", False)]
    again = replace(bill(order, total="33.24"), attempt=2)
    assert odoo.find_effect(again) is None
    assert odoo.deliver(again).applied == "adopted"
    assert [row["state"] for row in moves(sim)] == ["posted"]
    warned = connect(sim, url, on_total_mismatch="warn").deliver(
        bill(sold(odoo, sim, "hub-t-ord_2"), "hub-t-ivc_2", total="99.00")
    )
    assert warned.warnings[0].startswith("AMT-TOTAL")


def test_a_credit_note_takes_a_part_back_and_settles_the_invoice(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    odoo.deliver(bill(order))
    note = bill(order, "hub-t-ivc_2", kind="credit_note", reverses="RE-hub-t-ivc_1", total="11.50",
                lines=[{"order_line": "l-VALVE-10", "quantity": "1"}])  # fmt: skip
    odoo.deliver(note)
    (invoice,), (credit,) = moves(sim), moves(sim, "out_refund")
    assert (credit["reversed_entry_id"], credit["amount_total"], credit["amount_residual"]) == (
        invoice["id"],
        Decimal("11.50"),
        0,
    )
    assert (invoice["payment_state"], invoice["amount_residual"]) == ("partial", Decimal("21.74"))
    lines = sim.env["sale.order.line"]
    assert [lines.value(row, "qty_invoiced") for row in lines.rows.values()][:2] == [1, 4]
    with pytest.raises(Rejected) as caught:
        odoo.deliver(replace(note, marker="hub-t-ivc_3", data={**note.data, "reverses": "RE-0"}))
    assert caught.value.code == "XREF-MISSING"


def test_a_payment_settles_its_invoice_and_a_refund_its_credit_note(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, payment_journals={"cash": "CSH1"})
    order = sold(odoo, sim)
    odoo.deliver(bill(order))
    assert odoo.deliver(pay(order, method="cash")).warnings == ()
    (invoice,) = moves(sim)
    assert (invoice["payment_state"], invoice["amount_residual"]) == ("partial", Decimal("23.24"))
    over = odoo.deliver(pay(order, "hub-t-pmt_2", amount="30.00"))
    assert over.warnings == ("PAY-AMOUNT: 6.76 USD of the payment stay open on the customer's account",)
    assert moves(sim)[0]["payment_state"] == "paid"
    journals = sim.env["account.journal"].rows
    assert [journals[row["journal_id"]]["code"] for row in sim.env["account.payment"].rows.values()] == ["CSH1", "BNK1"]
    odoo.deliver(bill(order, "hub-t-ivc_2", kind="credit_note"))
    odoo.deliver(pay(order, "hub-t-pmt_3", kind="refund", amount="33.24"))
    (credit,) = moves(sim, "out_refund")
    assert (credit["amount_residual"], credit["payment_state"]) == (0, "paid")
    with pytest.raises(Rejected, match="no journal 'NONE'"):
        connect(sim, url, payment_journals={"cash": "NONE"}).deliver(pay(order, "hub-t-pmt_4", method="cash"))


def test_a_payment_that_came_before_its_invoice_settles_it(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    assert odoo.deliver(pay(order, amount="33.24")).warnings
    odoo.deliver(bill(order))
    (invoice,) = moves(sim)
    assert (invoice["payment_state"], invoice["amount_residual"]) == ("paid", 0)


def test_an_invoice_is_printed_where_the_connection_wants_it(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, print_invoices=True)
    made = odoo.deliver(bill(sold(odoo, sim)))
    message = odoo.fetch("invoice", made.external_id)
    assert message is not None
    assert [document["name"] for document in message.payload["documents"]] == ["INV_2026_00001.pdf"]
    sim.env.printing = False
    unprinted = odoo.deliver(bill(sold(odoo, sim, "hub-t-ord_2"), "hub-t-ivc_2"))
    assert "Wkhtmltopdf" in unprinted.warnings[0]
    assert [row["state"] for row in moves(sim)] == ["posted", "posted"]


def test_an_invoice_is_cancelled_while_nothing_was_paid_on_it(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    order = sold(odoo, sim)
    made = odoo.deliver(bill(order))
    void = replace(
        bill(order), operation="update", external_id=made.external_id, data={**bill(order).data, "cancelled": True}
    )
    assert [odoo.deliver(void).applied for _ in range(2)] == ["updated", "unchanged"]
    again = odoo.deliver(bill(order, "hub-t-ivc_2"))
    odoo.deliver(pay(order))
    with pytest.raises(Rejected, match="settled already"):
        odoo.deliver(replace(void, external_id=again.external_id))


def test_what_has_no_owner_is_refused(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    for record in (bill("0", order_id=None, lines=[{"name": "x", "quantity": "1", "price_unit": "1"}]), pay(None)):
        with pytest.raises(Rejected) as caught:
            odoo.deliver(record)
        assert caught.value.code == "ACC-UNKNOWN"
    with pytest.raises(Rejected) as caught:
        odoo.deliver(pay(sold(odoo, sim), currency="PLN"))
    assert caught.value.code == "CUR-UNSUPPORTED"


def test_an_invoice_without_an_order_is_the_customers(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, taxes="none")
    with sim.work() as env:
        partner = env["res.partner"].insert({"name": "ACME"})["id"]
    line = {"name": "Consulting", "quantity": "2", "price_unit": "50.00"}
    record = bill("", order_id=None, partner_id=str(partner), lines=[line], total="100.00", due_date="2026-12-31")
    odoo.deliver(record)
    (row,) = sim.env["account.move"].rows.values()
    assert (row["partner_id"], row["invoice_date_due"], row["state"]) == (partner, "2026-12-31", "posted")


@pytest.mark.parametrize("sim", ["19.0"], indirect=True)
@pytest.mark.parametrize("step", ["invoice", "payment"])
def test_twenty_documents_by_eight_workers_with_lost_answers_are_twenty(
    sim: OdooSimulator, url: str, step: str
) -> None:
    """Each is sent by two workers at once, and every third answer is lost: no invoice and no payment is doubled."""
    odoo = connect(sim, url)
    orders = [sold(odoo, sim, f"hub-t-ord_{number}") for number in range(20)]
    if step == "payment":
        for order in orders:
            odoo.deliver(bill(order, f"hub-t-ivc_{order}"))
    make = bill if step == "invoice" else pay
    sim.faults.add("POST /", [None, None, Reset(after_effect=True), None, Status(502), None, CutBody()], times=200)
    work = iter([make(order, f"hub-t-{step}_{order}") for order in orders for _ in range(2)])
    lock, failures = threading.Lock(), []

    def worker() -> None:
        while True:
            with lock:
                record = next(work, None)
            if record is None:
                return
            try:
                settle(odoo, record)
            except DeliveryError as error:
                failures.append(error)

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failures == []
    assert [row["state"] for row in moves(sim)] == ["posted"] * 20
    if step == "payment":
        assert len(sim.env["account.payment"].rows) == 20
        assert {row["amount_residual"] for row in moves(sim)} == {Decimal("23.24")}
