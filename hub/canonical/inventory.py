"""Warehouses and what is in them."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Address, Entity, Model, Number, ShortText, Text, Timestamp, Uom


class Warehouse(Entity):
    """A place that goods ship from."""

    entity: ClassVar[str] = "warehouse"
    prefix: ClassVar[str] = "whs"
    rank: ClassVar[int] = 15

    code: ShortText
    name: Text
    kind: Literal["dc", "store", "3pl", "dropship", "virtual", "in_transit"] = "dc"
    status: Literal["active", "closed"] = "active"
    address: Address | None = None
    priority: int | None = None

    def natural_key(self) -> str | None:
        """The warehouse code."""
        return self.code

    def search_keys(self) -> list[tuple[str, str]]:
        """The warehouse code."""
        return [("warehouse", self.code)]


class Incoming(Model):
    """Goods on their way in."""

    quantity: Number
    eta: Timestamp | None = None
    reference: ShortText | None = None


class InventoryLevel(Entity):
    """How much of one SKU one warehouse has. Quantities are absolute, never differences."""

    entity: ClassVar[str] = "inventory_level"
    prefix: ClassVar[str] = "inv"
    rank: ClassVar[int] = 40

    sku: ShortText
    warehouse: ShortText = Field(description="The warehouse's code.")
    available: Number = Field(description="What may be sold now: on hand, less what is reserved.")
    on_hand: Number | None = None
    reserved: Number | None = None
    incoming: list[Incoming] = Field(default_factory=list)
    forecast: Number | None = None
    safety: Number | None = None
    damaged: Number | None = None
    uom: Uom = "C62"
    as_of: Timestamp | None = None

    def natural_key(self) -> str | None:
        """SKU and warehouse."""
        return f"{self.sku}@{self.warehouse}"

    def search_keys(self) -> list[tuple[str, str]]:
        """The SKU and the warehouse."""
        return [("sku", self.sku), ("warehouse", self.warehouse)]
