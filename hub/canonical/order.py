"""Sales orders."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, ClassVar, Literal

from pydantic import Field

from hub.canonical.base import PII, Address, Currency, Entity, Model, Money, Number, ShortText, Text, Timestamp, Uom


class OrderStatus(StrEnum):
    """Where an order stands as a whole."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REVIEW = "review"
    HELD = "held"
    ACCEPTED = "accepted"
    PARTIALLY_ACCEPTED = "partially_accepted"
    REJECTED = "rejected"
    IN_FULFILMENT = "in_fulfilment"
    PARTIALLY_SHIPPED = "partially_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    COMPLETED = "completed"
    CANCEL_PENDING = "cancel_pending"
    CANCELLED = "cancelled"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class LineStatus(StrEnum):
    """Where one line of an order stands."""

    OPEN = "open"
    HELD = "held"
    BACKORDERED = "backordered"
    ALLOCATED = "allocated"
    SUBSTITUTED = "substituted"
    SHIPPED = "shipped"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    RETURNED = "returned"


class Discount(Model):
    """A reduction of a line or of the whole order. ``amount`` is positive."""

    amount: Money
    code: Text | None = None
    title: Text | None = None


class TaxLine(Model):
    """One tax on a line, on freight, or on the order. ``rate`` is a fraction: 0.19 is 19 per cent."""

    title: Text
    rate: Number | None = None
    amount: Money
    jurisdiction: Text | None = None


class OrderLine(Model):
    """One line. ``unit_price`` is before ``discounts``; whether it contains tax is said by the order's ``tax_included``."""

    id: ShortText = Field(description="The line's id in the system where the order was placed.")
    sku: ShortText | None = Field(
        default=None, description="None where the line sells something without a stock keeping unit."
    )
    title: Text | None = None
    quantity: Number = Field(ge=0)
    uom: Uom = "C62"
    unit_price: Money
    discounts: list[Discount] = Field(default_factory=list)
    taxes: list[TaxLine] = Field(default_factory=list)
    status: LineStatus = LineStatus.OPEN
    quantity_cancelled: Number | None = None
    quantity_shipped: Number | None = None
    quantity_invoiced: Number | None = None
    quantity_returned: Number | None = None
    requires_shipping: bool | None = None
    warehouse: ShortText | None = None
    promise_date: Timestamp | None = None
    substitution_of: ShortText | None = None
    properties: dict[str, Any] = Field(default_factory=dict, description="What the buyer added: engraving, gift text.")


class ShippingCharge(Model):
    """What shipping costs the buyer."""

    title: Text
    code: Text | None = None
    price: Money
    discounts: list[Discount] = Field(default_factory=list)
    taxes: list[TaxLine] = Field(default_factory=list)


class ShipGroup(Model):
    """Lines that go to one address."""

    ship_to: Address
    lines: list[ShortText] = Field(description="Ids of the lines.")
    method: Text | None = None
    requested_by: Timestamp | None = None


class Totals(Model):
    """The order's sums as its source states them. ``goods`` is before discounts; ``discount`` is positive."""

    goods: Money
    discount: Money | None = None
    freight: Money | None = None
    tax: Money | None = None
    duty: Money | None = None
    total: Money
    paid: Money | None = None
    outstanding: Money | None = None


class PaymentSummary(Model):
    """How the order is paid, as far as fulfilment needs to know."""

    status: Literal[
        "pending",
        "authorized",
        "partially_paid",
        "paid",
        "partially_refunded",
        "refunded",
        "voided",
        "expired",
        "unknown",
    ]
    gateways: list[Text] = Field(default_factory=list)
    terms: ShortText | None = None


class Marketplace(Model):
    """What a marketplace adds to an order."""

    order_id: ShortText
    fulfilment_by: Literal["merchant", "marketplace"] = "merchant"
    ship_by: Timestamp | None = None
    deliver_by: Timestamp | None = None
    fee: Money | None = None


class Order(Entity):
    """A sales order, as the buyer placed it and as it stands now."""

    entity: ClassVar[str] = "order"
    prefix: ClassVar[str] = "ord"
    rank: ClassVar[int] = 50

    number: ShortText = Field(description="The number that people use, such as #1001.")
    status: OrderStatus = OrderStatus.SUBMITTED
    channel: ShortText | None = None
    placed_at: Timestamp
    cancelled_at: Timestamp | None = None
    cancel_reason: Text | None = None
    currency: Currency
    presentment_currency: Currency | None = Field(default=None, description="What the buyer saw, where it differs.")
    tax_included: bool = False
    customer: ShortText | None = Field(
        default=None, description="Canonical id of the customer; none for a guest without e-mail."
    )
    buyer_email: Text | None = Field(default=None, json_schema_extra=PII)
    buyer_phone: Text | None = Field(default=None, json_schema_extra=PII)
    bill_to: Address | None = None
    ship_to: Address | None = None
    ship_groups: list[ShipGroup] = Field(
        default_factory=list, description="Only where lines go to different addresses."
    )
    lines: list[OrderLine]
    discounts: list[Discount] = Field(
        default_factory=list, description="On the order as a whole, not repeated from lines."
    )
    taxes: list[TaxLine] = Field(default_factory=list)
    shipping: list[ShippingCharge] = Field(default_factory=list)
    totals: Totals
    payment: PaymentSummary | None = None
    po_number: ShortText | None = None
    incoterm: ShortText | None = None
    note: Text | None = Field(default=None, json_schema_extra=PII)
    marketplace: Marketplace | None = None
    revision: int | None = None

    def search_keys(self) -> list[tuple[str, str]]:
        """The order number with and without its "#", the purchase order number, and every SKU."""
        keys = [("order", self.number.lstrip("#"))]
        if self.po_number:
            keys.append(("po", self.po_number))
        skus = dict.fromkeys(line.sku for line in self.lines if line.sku)
        return keys + [("sku", sku) for sku in skus]
