"""Setting payments against invoices: their open items on the customer's account, in whichever order the two came."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.streams.base import many2one
from connectors.odoo.streams.order_lines import number
from hub.errors import Rejected

BOOKED = ("in_process", "paid", "posted")
"""The states of a payment that counts: posted until Odoo 17, the others since."""


def memo_field(client: OdooClient) -> str:
    """The field of the words that go with a payment: memo since 18, ref before."""
    return "memo" if client.has("account.payment", "memo") else "ref"


def open_item(client: OdooClient, payment: Record) -> Record | None:
    """The payment's open item; none where it is used up, or where Odoo books no entry for it."""
    move = many2one(payment["move_id"])
    if not move:
        return None
    domain = [["move_id", "=", move], ["account_type", "=", "asset_receivable"], ["reconciled", "=", False]]
    found = client.search_read("account.move.line", domain, ["amount_residual"], limit=1)
    return found[0] if found and number(found[0]["amount_residual"]) else None


def settle(client: OdooClient, payment: Record, invoices: Sequence[Record]) -> Record | None:
    """Set the payment against the invoices, one after the other, until it is used up; what is left of it is returned.

    Repeating it changes nothing: a used-up item settles no more.
    """
    for invoice in invoices:
        item = open_item(client, payment)
        if item is None:
            return None
        try:
            client.call("account.move", "js_assign_outstanding_line", [invoice["id"]], effect=True, line_id=item["id"])
        except Rejected:  # Odoo refuses an item that somebody else has just used up
            now = open_item(client, payment)
            if now is not None and now["amount_residual"] == item["amount_residual"]:
                raise
    return open_item(client, payment)


def waiting_payments(client: OdooClient, order: str) -> list[Record]:
    """The booked payments of an order that are not used up: those that came before its invoice. Their memo begins with its name."""
    domain: list[Any] = [
        [memo_field(client), "=like", f"{order} %"],
        ["state", "in", BOOKED],
        ["is_reconciled", "=", False],
    ]
    return client.search_read("account.payment", domain, ["move_id"])
