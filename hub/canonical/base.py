"""The types that every canonical entity is made of: money, quantities, codes, addresses, and the base class of entities."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    StringConstraints,
)

from hub.canonical.codes import is_country, is_currency, is_gtin, is_language, minor_units

PII: dict[str, Any] = {"pii": True}
"""Marks a field as personal data: masked for viewers, replaced in test cases, erased on request."""

_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")


def _plain_decimal(value: Any) -> Any:
    """Refuse what `Decimal` would accept but no system means: NaN, 1_000, Arabic digits, floats with their hidden digits."""
    if isinstance(value, float):
        raise ValueError("a number with a fraction must come as text or Decimal, never as a float")
    if isinstance(value, str):
        if not _PLAIN.fullmatch(value):
            raise ValueError("not a plain decimal number")
        return Decimal(value)
    return value


def _utc_text(value: datetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


def _decimal_text(value: Decimal) -> str:
    return format(value, "f")


def _known(check: Any, what: str) -> AfterValidator:
    def validate(value: str) -> str:
        if not check(value):
            raise ValueError(f"{value[:40]!r} is not a known {what}")
        return value

    return AfterValidator(validate)


Number = Annotated[
    Decimal,
    Field(allow_inf_nan=False, max_digits=38),  # first, so that pydantic's core checks it and not a Python function
    BeforeValidator(_plain_decimal),
    PlainSerializer(_decimal_text, return_type=str, when_used="json"),
]
"""An exact decimal number; text in JSON, so that no reader turns it into a float."""

Text = Annotated[str, StringConstraints(strip_whitespace=False, max_length=10_000)]
ShortText = Annotated[str, StringConstraints(min_length=1, max_length=255)]
Timestamp = Annotated[AwareDatetime, PlainSerializer(_utc_text, return_type=str, when_used="json")]
"""A point in time with its zone; ISO 8601 in JSON."""
Currency = Annotated[str, _known(is_currency, "ISO 4217 currency code")]
Country = Annotated[str, _known(is_country, "ISO 3166-1 alpha-2 country code")]
Language = Annotated[str, _known(is_language, "BCP 47 language tag")]
Gtin = Annotated[str, _known(is_gtin, "GTIN with a right check digit")]
Uom = Annotated[str, StringConstraints(pattern=r"^[A-Z0-9]{2,3}$")]
"""A UN/ECE Recommendation 20 unit code; C62 is "one piece"."""
Localized = dict[str, str]
"""Text by BCP 47 language tag; "und" where the source does not say the language."""


class Model(BaseModel):
    """The base of every canonical structure: no unknown fields, and null kept apart from absent (`model_fields_set`)."""

    model_config = ConfigDict(extra="forbid", validate_default=False, ser_json_inf_nan="strings")


class Money(Model):
    """An amount in one currency. ``amount`` may carry more digits than the currency's minor units (unit prices do)."""

    amount: Number
    currency: Currency

    def rounded(self) -> Money:
        """The amount rounded half up to the currency's minor units (JPY 0, USD 2, KWD 3)."""
        step = Decimal(1).scaleb(-minor_units(self.currency))
        return Money(amount=self.amount.quantize(step, rounding="ROUND_HALF_UP"), currency=self.currency)


class Address(Model):
    """A postal address, with the person or the company at it."""

    code: ShortText | None = Field(default=None, description="The customer's own code of this ship-to.")
    name: Text | None = Field(default=None, json_schema_extra=PII)
    company: Text | None = Field(default=None, json_schema_extra=PII)
    lines: list[Text] = Field(
        default_factory=list, json_schema_extra=PII, description="Street lines, first line first."
    )
    city: Text | None = Field(default=None, json_schema_extra=PII)
    region: Text | None = Field(default=None, description="State or province; ISO 3166-2 where the source gives it.")
    postcode: Text | None = Field(default=None, json_schema_extra=PII)
    country: Country | None = None
    phone: Text | None = Field(default=None, json_schema_extra=PII, description="E.164 where it could be read so.")
    email: Text | None = Field(default=None, json_schema_extra=PII)
    delivery_instructions: Text | None = Field(default=None, json_schema_extra=PII)
    residential: bool | None = None


class Entity(Model):
    """The base of every canonical record. The store keeps its id, version and links beside it.

    ``entity`` is the name used in mappings, flows, routing keys and tables.
    ``prefix`` begins the canonical ids of this entity.
    ``rank`` sorts entities so that a record comes after those it refers to.
    """

    entity: ClassVar[str]
    prefix: ClassVar[str]
    rank: ClassVar[int]
    events: ClassVar[bool] = False
    """True where each record is a fact of its own, so that no update may be skipped for a newer one."""

    ext: dict[str, dict[str, Any]] = Field(
        default_factory=dict, description="What only one system knows, by the name of its connector."
    )
    tags: list[ShortText] = Field(default_factory=list)

    def natural_key(self) -> str | None:
        """The text by which the same record is recognised in every system, or none when only links can tell."""
        return None

    def search_keys(self) -> list[tuple[str, str]]:
        """The business keys that a person would search this record by, as (kind, value): ("order", "1001"), ("sku", "VALVE-10")."""
        return []
