"""Customers: people and companies who buy."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from hub.canonical.base import PII, Address, Entity, Language, Model, Money, ShortText, Text, Timestamp


class TaxId(Model):
    """A tax or company number, such as a VAT number."""

    kind: ShortText = Field(description="vat, eori, duns, gln, ...")
    value: ShortText = Field(json_schema_extra=PII)
    country: str | None = None


class Credit(Model):
    """How far the customer may buy on account."""

    limit: Money | None = None
    open_balance: Money | None = None
    status: Literal["ok", "watch", "hold", "stop"] = "ok"
    reviewed_at: Timestamp | None = None


class Customer(Entity):
    """A person or a company that buys. Its e-mail address, in lower case, is what systems recognise it by."""

    entity: ClassVar[str] = "customer"
    prefix: ClassVar[str] = "cus"
    rank: ClassVar[int] = 30

    kind: Literal["person", "company"] = "person"
    name: Text = Field(json_schema_extra=PII)
    first_name: Text | None = Field(default=None, json_schema_extra=PII)
    last_name: Text | None = Field(default=None, json_schema_extra=PII)
    company: Text | None = Field(default=None, json_schema_extra=PII)
    email: Text | None = Field(default=None, json_schema_extra=PII)
    phone: Text | None = Field(default=None, json_schema_extra=PII)
    status: Literal["invited", "active", "on_hold", "blocked", "disabled", "erased"] = "active"
    language: Language | None = None
    number: ShortText | None = Field(default=None, description="The owner's account number.")
    parent: ShortText | None = Field(default=None, description="Canonical id of the parent account.")
    addresses: list[Address] = Field(default_factory=list)
    bill_to: Address | None = None
    ship_to: Address | None = None
    tax_ids: list[TaxId] = Field(default_factory=list)
    tax_exempt: bool | None = None
    price_list: ShortText | None = None
    payment_terms: ShortText | None = None
    credit: Credit | None = None
    segments: list[ShortText] = Field(default_factory=list)
    accepts_marketing: bool | None = None
    note: Text | None = Field(default=None, json_schema_extra=PII)

    def natural_key(self) -> str | None:
        """The e-mail address in lower case; without one only links can tell."""
        return self.email.strip().casefold() if self.email and self.email.strip() else None

    def search_keys(self) -> list[tuple[str, str]]:
        """The account number. The e-mail address is personal data and is found through the record, not through this index."""
        return [("customer", self.number)] if self.number else []
