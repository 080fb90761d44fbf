"""Shipments: what left, in which parcels."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar

from pydantic import Field

from hub.canonical.base import Address, Entity, Model, Number, ShortText, Text, Timestamp, Uom


class ShipmentStatus(StrEnum):
    """Where a shipment is."""

    PLANNED = "planned"
    PACKED = "packed"
    SHIPPED = "shipped"
    IN_TRANSIT = "in_transit"
    EXCEPTION = "exception"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class ShipmentLine(Model):
    """How much of one order line went. ``order_line`` is the line's id in the canonical order, where the shipper knows it."""

    sku: ShortText
    quantity: Number = Field(ge=0)
    uom: Uom = "C62"
    order_line: ShortText | None = None
    lot: Text | None = None
    serials: list[ShortText] = Field(default_factory=list)


class Tracking(Model):
    """One parcel's tracking."""

    number: ShortText
    carrier: Text | None = None
    url: Text | None = None


class Shipment(Entity):
    """One dispatch of goods for one order. Each is a fact of its own."""

    entity: ClassVar[str] = "shipment"
    prefix: ClassVar[str] = "shp"
    rank: ClassVar[int] = 60
    events: ClassVar[bool] = True

    order: ShortText = Field(description="Canonical id of the order.")
    number: ShortText = Field(description="The shipper's number of this dispatch.")
    status: ShipmentStatus
    lines: list[ShipmentLine]
    tracking: list[Tracking] = Field(default_factory=list)
    warehouse: ShortText | None = Field(default=None, description="The warehouse's code.")
    shipped_at: Timestamp | None = None
    eta: Timestamp | None = None
    carrier: Text | None = None
    service: Text | None = None
    ship_to: Address | None = None
    backorder_of: ShortText | None = Field(default=None, description="Number of the shipment that this one completes.")
    notify_customer: bool | None = None

    def search_keys(self) -> list[tuple[str, str]]:
        """The shipment's number, its tracking numbers and its SKUs."""
        keys = [("shipment", self.number)] + [("tracking", parcel.number) for parcel in self.tracking]
        return keys + [("sku", sku) for sku in dict.fromkeys(line.sku for line in self.lines)]
