"""Payments: money that came in for an order or an invoice, and money that went back."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Entity, Money, ShortText, Text, Timestamp


class PaymentStatus(StrEnum):
    """Where a payment stands. Only what is captured or settled has moved money."""

    PENDING = "pending"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    SETTLED = "settled"
    FAILED = "failed"
    VOIDED = "voided"
    EXPIRED = "expired"
    DISPUTED = "disputed"
    UNKNOWN = "unknown"


class Payment(Entity):
    """One movement of money. ``amount`` is positive; ``kind`` says which way it goes. Each is a fact of its own.

    No card number ever stands here: ``reference`` is the gateway's own id of the transaction.
    """

    entity: ClassVar[str] = "payment"
    prefix: ClassVar[str] = "pmt"
    rank: ClassVar[int] = 80
    events: ClassVar[bool] = True

    kind: Literal["payment", "authorization", "refund", "chargeback"] = Field(
        default="payment",
        description="A capture and a sale are payments; a refund and a chargeback go back to the buyer.",
    )
    number: ShortText = Field(description="The owner's number of the payment.")
    status: PaymentStatus
    amount: Money
    order: ShortText | None = Field(default=None, description="Canonical id of the order.")
    customer: ShortText | None = Field(default=None, description="Canonical id of the customer.")
    invoice: ShortText | None = Field(
        default=None, description="Number of the invoice or credit note that it settles, where the source knows it."
    )
    method: ShortText | None = Field(default=None, description="The gateway or the means: paypal, card, bank_transfer.")
    reference: Text | None = Field(default=None, description="The gateway's id of the transaction.")
    paid_at: Timestamp | None = None
    fee: Money | None = None
    note: Text | None = None

    def search_keys(self) -> list[tuple[str, str]]:
        """The payment's number and the invoice that it settles."""
        return [("payment", self.number)] + ([("invoice", self.invoice)] if self.invoice else [])
