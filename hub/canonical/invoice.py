"""Invoices and credit notes, and how far they are paid."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Currency, Entity, Model, Money, Number, ShortText, Text, Timestamp, Uom


class InvoiceStatus(StrEnum):
    """Where an invoice stands."""

    DRAFT = "draft"
    ISSUED = "issued"
    SENT = "sent"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    VOID = "void"
    UNKNOWN = "unknown"


class InvoiceLine(Model):
    """One line. ``net`` is after the discount and without tax; ``total`` is with tax."""

    sku: ShortText | None = None
    title: Text | None = None
    quantity: Number
    uom: Uom = "C62"
    unit_price: Money | None = None
    net: Money
    total: Money | None = None
    order_line: ShortText | None = Field(default=None, description="The line's id in the canonical order.")


class Document(Model):
    """A file that belongs to a record, such as the invoice as a PDF. The file itself stays where ``url`` says."""

    kind: Literal["invoice_pdf", "e_invoice", "delivery_note", "other"] = "invoice_pdf"
    name: Text
    url: Text
    media_type: Text | None = None
    size: int | None = None
    checksum: Text | None = None


class Invoice(Entity):
    """An invoice, or the credit note that takes one back."""

    entity: ClassVar[str] = "invoice"
    prefix: ClassVar[str] = "ivc"
    rank: ClassVar[int] = 70

    kind: Literal["invoice", "credit_note"] = "invoice"
    number: ShortText
    status: InvoiceStatus
    order: ShortText | None = Field(default=None, description="Canonical id of the order.")
    customer: ShortText | None = Field(default=None, description="Canonical id of the customer.")
    reverses: ShortText | None = Field(default=None, description="Number of the invoice that a credit note takes back.")
    currency: Currency
    issued_on: date | None = None
    due_on: date | None = None
    lines: list[InvoiceLine] = Field(default_factory=list)
    net: Money
    tax: Money | None = None
    total: Money
    outstanding: Money | None = None
    reference: Text | None = Field(default=None, description="What the payer is to state.")
    documents: list[Document] = Field(default_factory=list)
    as_of: Timestamp | None = None

    def search_keys(self) -> list[tuple[str, str]]:
        """The invoice's number, and the number that it takes back."""
        keys = [("invoice", self.number)]
        return keys + ([("invoice", self.reverses)] if self.reverses else [])
