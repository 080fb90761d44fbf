"""Returns: goods that came back, or are to come back."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Entity, Model, Number, ShortText, Text, Timestamp, Uom
from hub.canonical.shipment import Tracking


class ReturnStatus(StrEnum):
    """Where a return stands."""

    REQUESTED = "requested"
    APPROVED = "approved"
    REJECTED = "rejected"
    LABEL_SENT = "label_sent"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    INSPECTED = "inspected"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class ReturnLine(Model):
    """How much of one article comes back, and what becomes of it."""

    sku: ShortText | None = Field(
        default=None,
        description="None where the order's line has no stock keeping unit; its id then says what is meant.",
    )
    quantity: Number = Field(ge=0)
    uom: Uom = "C62"
    order_line: ShortText | None = Field(default=None, description="The line's id in the canonical order.")
    reason: Text | None = None
    condition: Text | None = None
    disposition: Literal["restock", "scrap", "repair", "exchange", "keep", "unknown"] | None = None


class Return(Entity):
    """One return of goods of one order."""

    entity: ClassVar[str] = "return"
    prefix: ClassVar[str] = "ret"
    rank: ClassVar[int] = 65
    events: ClassVar[bool] = True

    order: ShortText = Field(description="Canonical id of the order.")
    number: ShortText
    status: ReturnStatus
    lines: list[ReturnLine]
    warehouse: ShortText | None = Field(default=None, description="The code of the warehouse that takes it back.")
    shipment: ShortText | None = Field(default=None, description="Number of the shipment that comes back.")
    tracking: list[Tracking] = Field(default_factory=list, description="The parcels by which it comes back.")
    received_at: Timestamp | None = None
    note: Text | None = None

    def search_keys(self) -> list[tuple[str, str]]:
        """The return's number, its tracking numbers and its SKUs."""
        keys = [("return", self.number)] + [("tracking", parcel.number) for parcel in self.tracking]
        return keys + [("sku", sku) for sku in dict.fromkeys(line.sku for line in self.lines) if sku]
