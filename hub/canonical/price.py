"""Prices: what one article costs, for whom, from how many, and when."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import Currency, Entity, Money, Number, ShortText, Text, Timestamp, Uom


class Price(Entity):
    """One rule of a price list: an amount or a percentage, for a SKU, a category or everything, from a quantity, between two dates."""

    entity: ClassVar[str] = "price"
    prefix: ClassVar[str] = "prc"
    rank: ClassVar[int] = 25

    price_list: ShortText = Field(description="The owner's code of the price list.")
    price_list_name: Text | None = None
    currency: Currency
    applies_to: Literal["variant", "product", "category", "all"] = "variant"
    sku: ShortText | None = Field(default=None, description="The variant, where the rule is for one.")
    product: ShortText | None = Field(
        default=None, description="The product's code, where the rule is for all its variants."
    )
    category: Text | None = None
    kind: Literal["fixed", "percent", "formula"] = Field(
        default="fixed", description="A formula is known to its owner only; its words are in `ext`."
    )
    amount: Money | None = Field(default=None, description="The price of one unit, where the kind is fixed.")
    percent: Number | None = Field(
        default=None, description="The reduction as a fraction: 0.10 takes ten per cent off the list price."
    )
    min_quantity: Number | None = None
    uom: Uom = "C62"
    tax_included: bool | None = None
    valid_from: Timestamp | None = None
    valid_to: Timestamp | None = None
    rank_in_list: int | None = Field(default=None, description="Where several rules fit, the smallest wins.")

    def search_keys(self) -> list[tuple[str, str]]:
        """The SKU and the price list."""
        return [("price_list", self.price_list)] + ([("sku", self.sku)] if self.sku else [])
