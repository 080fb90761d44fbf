"""Invoices, credit notes and payments at a real Odoo 19, with answers lost on the way."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.errors import Rejected
from tests.odoo.real import at_once, billing, by_eight_workers, connect, crediting, order, paying, refunding, settle

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(600)]


def test_invoices_and_payments_are_written_once_by_eight_workers_with_lost_answers(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], lossy: str, run: str
) -> None:
    """Each of five orders gets one invoice, one payment, one credit note and one refund, though each is sent by two workers."""
    orders = [odoo.deliver(order(products, f"hub-{run}-books-{number}")).external_id for number in range(5)]
    through = connect(settings, url=lossy)
    for step in (billing, paying, crediting, refunding):
        records = [step(id_, f"hub-{run}-{step.__name__}-{id_}") for id_ in orders]
        jobs = [partial(settle, lambda: through, record) for record in records for _ in range(2)]
        assert by_eight_workers(jobs) == [], step.__name__
    mine = ["invoice_line_ids.sale_line_ids.order_id", "in", [int(id_) for id_ in orders]]
    fields = ["move_type", "state", "payment_state", "amount_total", "amount_residual"]
    moves = odoo.client.search_read("account.move", [mine], fields)
    shown = sorted((row["move_type"], row["state"], row["amount_total"], row["amount_residual"]) for row in moves)
    assert shown == [("out_invoice", "posted", 23, 0)] * 5 + [("out_refund", "posted", Decimal("11.5"), 0)] * 5
    paid = odoo.client.search_read(
        "account.payment", [["memo", "ilike", f"{run} books"]], ["payment_type", "state", "amount", "is_reconciled"]
    )
    assert sorted((row["payment_type"], row["amount"], row["is_reconciled"]) for row in paid) == (
        [("inbound", 23, True)] * 5 + [("outbound", Decimal("11.5"), True)] * 5
    )
    assert {row["state"] for row in paid} <= {"in_process", "paid"}


def test_eight_workers_that_send_the_same_invoice_and_payment_at_once_make_one(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sold = odoo.deliver(order(products, f"hub-{run}-same-books")).external_id
    for record in (billing(sold, f"hub-{run}-same-inv"), paying(sold, f"hub-{run}-same-pay", memo=f"{run} same")):
        outcomes = at_once(lambda record=record: connect(settings).deliver(record).external_id)
        again = settle(lambda: odoo, replace(record, attempt=2, maybe_sent=True))
        assert {one for one in outcomes if one.isdigit()} <= {again.external_id}, outcomes
    mine = ["invoice_line_ids.sale_line_ids.order_id", "=", int(sold)]
    (invoice,) = odoo.client.search_read("account.move", [mine], ["state", "amount_residual", "payment_state"])
    assert (invoice["state"], invoice["amount_residual"]) == ("posted", 0)
    (payment,) = odoo.client.search_read(
        "account.payment", [["memo", "ilike", f"{run} same"]], ["is_reconciled", "move_id"]
    )
    assert payment["is_reconciled"] is True


def test_a_payment_that_came_before_its_invoice_settles_it(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sold = odoo.deliver(order(products, f"hub-{run}-before")).external_id
    paid = odoo.deliver(paying(sold, f"hub-{run}-before-pay"))
    assert [warning.split(":")[0] for warning in paid.warnings] == ["PAY-AMOUNT"]
    billed = odoo.deliver(billing(sold, f"hub-{run}-before-inv"))
    message = odoo.fetch("invoice", billed.external_id)
    assert message is not None
    assert message.payload["amount_residual"] == 0
    read = odoo.fetch("payment", paid.external_id)
    assert read is not None
    assert [one["name"] for one in read.payload["invoices"]] == [message.payload["name"]]
    assert read.payload["sale"]["client_order_ref"] == f"hub-{run}-before"


def test_an_invoice_is_printed_compared_and_cancelled_in_its_limits(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    printing = connect(settings, print_invoices=True)
    sold = odoo.deliver(order(products, f"hub-{run}-limits")).external_id
    with pytest.raises(Rejected) as caught:
        odoo.deliver(billing(sold, f"hub-{run}-lim-1", total="99.00"))
    assert caught.value.code == "AMT-TOTAL"
    corrected = billing(sold, f"hub-{run}-lim-1")
    made = printing.deliver(replace(corrected, attempt=2))
    message = odoo.fetch("invoice", made.external_id)
    assert message is not None
    assert (message.payload["state"], message.payload["ref"]) == ("posted", f"RE-hub-{run}-lim-1")
    if not made.warnings:  # a server without wkhtmltopdf prints nothing, and the result says so
        (document,) = message.payload["documents"]
        (file,) = odoo.client.read("ir.attachment", [document["id"]], ["datas"]).values()
        content = base64.b64decode(file["datas"])
        assert content.startswith(b"%PDF-")
        assert hashlib.sha1(content).hexdigest() == document["checksum"]
    else:
        assert "not printed" in made.warnings[0]
    with pytest.raises(Rejected, match="left"):
        odoo.deliver(billing(sold, f"hub-{run}-lim-2"))
    change = replace(corrected, operation="update", external_id=made.external_id)
    changed = {**corrected.data, "payment_reference": "RF18 5390", "due_date": "2027-01-31"}
    assert [odoo.deliver(replace(change, data=changed)).applied for _ in range(2)] == ["updated", "unchanged"]
    taken_back = replace(change, data={**corrected.data, "cancelled": True})
    assert [odoo.deliver(taken_back).applied for _ in range(2)] == ["updated", "unchanged"]
    (line,) = odoo.client.search_read("sale.order.line", [["order_id", "=", int(sold)]], ["qty_invoiced"])
    assert line["qty_invoiced"] == 0
    again = odoo.deliver(billing(sold, f"hub-{run}-lim-3"))
    odoo.deliver(paying(sold, f"hub-{run}-lim-pay", amount="10.00"))
    with pytest.raises(Rejected, match="settled"):
        odoo.deliver(replace(taken_back, external_id=again.external_id))


def test_a_payment_without_an_entry_makes_its_invoice_paid_whatever_its_amount(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    """The trap that the connector keeps out of: a second import of a draft payment takes its outstanding account away."""
    client = odoo.client
    sold = odoo.deliver(order(products, f"hub-{run}-trap")).external_id
    invoice = int(odoo.deliver(billing(sold, f"hub-{run}-trap-inv")).external_id)
    (move,) = client.read("account.move", [invoice], ["partner_id"]).values()
    journal = client.search_read("account.journal", [["type", "=", "bank"]], ["code"], limit=1)[0]["id"]
    columns = ["id", "payment_type", "partner_type", "partner_id/.id", "amount", "journal_id/.id", "invoice_ids/.id"]
    row = [f"__hub__.trap-{run}", "inbound", "customer", str(move["partner_id"][0]), "1.00", str(journal), str(invoice)]
    accounts = []
    for _ in range(2):
        made = client.upsert("account.payment", columns, [row])
        accounts.append(
            client.read("account.payment", [made], ["outstanding_account_id"])[made]["outstanding_account_id"]
        )
    assert accounts[0][1] == "Outstanding Receipts"
    assert accounts[1] is False
    client.call("account.payment", "action_post", [made], effect=True)
    (read,) = client.read("account.move", [invoice], ["payment_state", "amount_residual"]).values()
    assert (read["payment_state"], read["amount_residual"]) == ("paid", 23)
