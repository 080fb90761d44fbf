"""Payments (account.payment): money that customers paid, or that went back to them, and the invoices that it settles.

A payment is made once under an external id, posted, and then set against the open items of its invoices: three calls, each of which
may be repeated. Odoo forgets the account of a draft payment whose journal is written again, so that a second `load` must leave it
as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from connectors.odoo.changes import iso
from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, cell, external_name, many2one
from connectors.odoo.streams.order_lines import number
from connectors.odoo.streams.settling import BOOKED, memo_field, open_item, settle
from hub.errors import Rejected
from hub.sdk.connector import FULL, Capability, Stream, Support
from hub.sdk.records import DeliverResult, OutboundRecord

_FIELDS = (
    "name", "state", "payment_type", "amount", "currency_id", "date", "payment_reference", "journal_id", "partner_id",
    "is_reconciled", "reconciled_invoice_ids", "move_id",
)  # fmt: skip
_FINAL = Capability(Support.UNSUPPORTED, "a payment is a fact: what was wrong is taken back by another payment")


class Payments(ChangingRecords):
    """Customers' payments and refunds that are booked, or were cancelled after it."""

    stream = Stream("payment", "payment", poll=FULL, fetch=FULL, create=FULL, update=_FINAL)
    model = "account.payment"
    domain = (["partner_type", "=", "customer"], ["state", "not in", ["draft"]])

    def fields(self) -> list[str]:
        """The fields of this Odoo version."""
        return [*_FIELDS, memo_field(self.client)]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``invoices``, ``sale`` (the order, where it is one) and ``journal``; one call for each kind of record."""
        wanted = {id_ for record in records for id_ in record["reconciled_invoice_ids"] or []}
        invoices = self.client.read("account.move", wanted, ["name", "ref", "move_type", "invoice_origin"])
        origins = {str(row["invoice_origin"]) for row in invoices.values() if row["invoice_origin"]}
        found = self.client.search_read(
            "sale.order", [["name", "in", sorted(origins)]], ["name", "client_order_ref", "origin"]
        ) if origins else []  # fmt: skip
        sales = {row["name"]: row for row in found}
        journals = self.client.read(
            "account.journal", {many2one(r["journal_id"]) or 0 for r in records}, ["name", "code"]
        )
        completed = []
        for record in records:
            mine = [invoices[id_] for id_ in record["reconciled_invoice_ids"] or [] if id_ in invoices]
            orders = [sales[row["invoice_origin"]] for row in mine if row["invoice_origin"] in sales]
            completed.append({
                **record, "memo": record[memo_field(self.client)], "invoices": mine, "sale": next(iter(orders), None),
                "journal": journals.get(many2one(record["journal_id"]) or 0),
            })  # fmt: skip
        return completed

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The payment that this marker made, when it is booked and set against what is open."""
        made = self.client.by_external_id(external_name(record.marker))
        if made is None:
            return None
        payment = self._read(made)
        done = payment["state"] in BOOKED and (
            open_item(self.client, payment) is None or not self._targets(record.data)
        )
        return None if payment["state"] == "draft" or not done else _result(payment, "adopted")

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the payment, post it, settle its invoices with it."""
        if record.operation == "delete" or record.external_id:
            raise self._unsupported("update" if record.external_id else "delete")
        again = record.maybe_sent or record.attempt > 1
        known = self.client.by_external_id(external_name(record.marker)) if again else None
        targets = self._targets(record.data)
        id_ = known if known is not None else self._make(record, targets)
        if self._read(id_)["state"] == "draft":
            self.client.call(self.model, "action_post", [id_], effect=True)
        left = settle(self.client, self._read(id_), targets)
        warnings = []
        if left is not None:
            amount = f"{abs(number(left['amount_residual']))} {record.data['currency']}"
            warnings = [f"PAY-AMOUNT: {amount} of the payment stay open on the customer's account"]
        return _result(self._read(id_), "created" if known is None else "adopted", warnings)

    def _make(self, record: OutboundRecord, targets: list[Record]) -> int:
        data = record.data
        currency = self.client.search_read("res.currency", [["name", "=", data["currency"]]], ["name"], limit=1)
        if not currency:
            raise Rejected(
                f"Odoo does not use the currency {data['currency']}.", code="CUR-UNSUPPORTED",
                fix=f"Activate {data['currency']} in Odoo.",
            )  # fmt: skip
        values = {
            "id": external_name(record.marker), "payment_type": "outbound" if data.get("kind") == "refund" else "inbound",
            "partner_type": "customer", "partner_id/.id": self._partner(data, targets), "amount": data["amount"],
            "currency_id/.id": currency[0]["id"], "date": data.get("date"), memo_field(self.client): self._memo(data),
            "payment_reference": data.get("reference"), "journal_id/.id": self._journal(str(data.get("method") or "")),
        }  # fmt: skip
        if targets and self.client.has(self.model, "invoice_ids"):
            values["invoice_ids/.id"] = ",".join(str(target["id"]) for target in targets)
        known = {name: cell(value) for name, value in values.items() if value not in (None, False, "")}
        return self.client.upsert(self.model, list(known), [list(known.values())], once=True)

    def _memo(self, data: Mapping[str, Any]) -> str:
        """The words of the payment, behind the order's name in Odoo: by it an invoice finds the payments that came before it."""
        id_ = int(data.get("order_id") or 0)
        order = self.client.read("sale.order", [id_], ["name"]).get(id_) if id_ else None
        words = str(data.get("memo") or data.get("kind") or "payment")
        return f"{order['name']} {words}" if order else words

    def _targets(self, data: Mapping[str, Any]) -> list[Record]:
        """The posted invoices (of a refund: credit notes) that the payment is for and that are still open, the oldest first."""
        kind = "out_refund" if data.get("kind") == "refund" else "out_invoice"
        domain: list[Any] = [["move_type", "=", kind], ["state", "=", "posted"]]
        if data.get("order_id"):
            domain.append(["invoice_line_ids.sale_line_ids.order_id", "=", int(data["order_id"])])
        if data.get("invoice"):
            domain += ["|", ["name", "=", data["invoice"]], ["ref", "=", data["invoice"]]]
        if not (data.get("order_id") or data.get("invoice")):
            return []
        fields = ["name", "partner_id", "commercial_partner_id", "amount_residual", "currency_id"]
        found = self.client.search_read("account.move", domain, fields)
        return [row for row in found if number(row["amount_residual"]) > 0]

    def _partner(self, data: Mapping[str, Any], targets: list[Record]) -> int:
        if targets:
            return many2one(targets[0]["commercial_partner_id"]) or many2one(targets[0]["partner_id"]) or 0
        partner = int(data["partner_id"]) if data.get("partner_id") else 0
        if data.get("order_id"):
            id_ = int(data["order_id"])
            order = self.client.read("sale.order", [id_], ["partner_invoice_id"]).get(id_, {})
            partner = many2one(order.get("partner_invoice_id")) or partner
        if not partner:
            raise Rejected("the payment has neither an invoice, an order nor a customer in Odoo.", code="ACC-UNKNOWN")
        row = self.client.read("res.partner", [partner], ["commercial_partner_id"]).get(partner, {})
        return many2one(row.get("commercial_partner_id")) or partner

    def _journal(self, method: str) -> int | None:
        code = self.config.payment_journals.get(method)
        if not code:
            return None
        found = self.client.search_read("account.journal", [["code", "=", code]], ["code"], limit=1)
        if not found:
            raise Rejected(
                f"Odoo has no journal {code!r} for payments by {method}.",
                fix="Correct payment_journals in the connection's config.",
            )
        return int(found[0]["id"])

    def _read(self, id_: int) -> Record:
        found = self.client.read(self.model, [id_], ["state", "move_id", "write_date", "name"])
        if not found:
            raise Rejected(
                "the Odoo payment is gone.", fix="Look in Odoo who deleted it; then release or close the exception."
            )
        return found[id_]


def _result(
    payment: Record, applied: Literal["created", "adopted"], warnings: list[str] | None = None
) -> DeliverResult:
    return DeliverResult(str(payment["id"]), applied, iso(payment["write_date"]), tuple(warnings or ()))
