"""Products and their sellable variants."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Country, Entity, Gtin, Localized, Model, Money, Number, ShortText, Text, Uom


class Lifecycle(StrEnum):
    """Where a product stands between idea and archive."""

    DRAFT = "draft"
    ACTIVE = "active"
    PHASE_OUT = "phase_out"
    DISCONTINUED = "discontinued"
    ARCHIVED = "archived"
    UNKNOWN = "unknown"


class Attribute(Model):
    """One property of a product, such as its colour."""

    code: ShortText
    value: Text
    unit: Uom | None = None
    language: str | None = None


class Media(Model):
    """A picture, film or document that belongs to a product."""

    kind: Literal["image", "video", "datasheet", "manual", "sds", "certificate"] = "image"
    url: Text
    position: int | None = None
    alt: Localized = Field(default_factory=dict)
    sha256: str | None = None


class Product(Entity):
    """What is offered: one product has one or more variants."""

    entity: ClassVar[str] = "product"
    prefix: ClassVar[str] = "prd"
    rank: ClassVar[int] = 10

    code: ShortText = Field(description="The owner's code of the product; the SKU where it has only one variant.")
    name: Localized
    type: Literal["simple", "configurable", "bundle", "kit", "service", "digital", "gift_card"] = "simple"
    status: Lifecycle = Lifecycle.ACTIVE
    brand: Text | None = None
    vendor: Text | None = None
    description: Localized = Field(default_factory=dict)
    short_description: Localized = Field(default_factory=dict)
    category: Text | None = None
    attributes: list[Attribute] = Field(default_factory=list)
    options: list[ShortText] = Field(default_factory=list, description="What its variants differ in: size, colour.")
    media: list[Media] = Field(default_factory=list)
    tax_class: Text | None = None
    hs_code: Text | None = None
    origin_country: Country | None = None

    def natural_key(self) -> str | None:
        """The product's code."""
        return self.code

    def search_keys(self) -> list[tuple[str, str]]:
        """The product's code."""
        return [("product", self.code)]


class Dimensions(Model):
    """Length, width and height in one unit."""

    length: Number
    width: Number
    height: Number
    uom: Uom = "CMT"


class Variant(Entity):
    """What is sold, stocked and shipped: a stock keeping unit."""

    entity: ClassVar[str] = "variant"
    prefix: ClassVar[str] = "var"
    rank: ClassVar[int] = 20

    sku: ShortText
    product: ShortText | None = Field(default=None, description="Canonical id of the product.")
    name: Localized = Field(default_factory=dict)
    status: Lifecycle = Lifecycle.ACTIVE
    blocked_for_sale: bool | None = None
    gtin: Gtin | None = None
    mpn: Text | None = None
    option_values: dict[str, str] = Field(default_factory=dict)
    list_price: Money | None = None
    cost: Money | None = Field(default=None, json_schema_extra={"visibility": "restricted"})
    weight: Number | None = None
    weight_uom: Uom | None = Field(default=None, description="KGM, GRM, LBR or ONZ.")
    dimensions: Dimensions | None = None
    uom: Uom = "C62"
    min_quantity: Number | None = None
    quantity_step: Number | None = None
    stocked: bool | None = Field(default=None, description="False for services and digital goods.")
    lot_control: bool | None = None
    serial_control: bool | None = None
    hazmat: bool | None = None
    replaced_by: ShortText | None = Field(default=None, description="SKU of the successor.")
    replaces: ShortText | None = None
    lead_time_days: int | None = None

    def natural_key(self) -> str | None:
        """The SKU."""
        return self.sku

    def search_keys(self) -> list[tuple[str, str]]:
        """The SKU and the article number."""
        return [("sku", self.sku)] + ([("gtin", self.gtin)] if self.gtin else [])
