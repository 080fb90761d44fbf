"""What the canonical model promises about numbers, codes, null and absent."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from hub.canonical import ENTITIES, Customer, InventoryLevel, Money, Order, Variant
from hub.canonical.base import Address
from hub.canonical.codes import minor_units
from hub.canonical.reasons import REASONS, reason


@pytest.mark.parametrize(
    "amount", ["١٩.٩٠", "1_9.90", "NaN", "Infinity", "1e3", "", " 1", "1.", "0x1", ".5", "--1", "+1", 1.5]
)
def test_a_number_is_a_plain_decimal_or_nothing(amount: object) -> None:
    with pytest.raises(ValidationError):
        Money(amount=amount, currency="EUR")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**12), max_value=10**12))
def test_money_survives_json_exactly(amount: Decimal) -> None:
    money = Money(amount=amount, currency="EUR")
    assert Money.model_validate_json(money.model_dump_json()) == money
    assert Money.model_validate_json(money.model_dump_json()).amount == amount


@pytest.mark.parametrize(
    ("amount", "currency", "rounded"),
    [
        ("12.505", "USD", "12.51"),
        ("12.5", "JPY", "13"),
        ("1.2345", "KWD", "1.235"),
        ("-0.005", "EUR", "-0.01"),
        ("2", "EUR", "2.00"),
    ],
)
def test_money_rounds_by_its_currency(amount: str, currency: str, rounded: str) -> None:
    assert str(Money(amount=Decimal(amount), currency=currency).rounded().amount) == rounded


@pytest.mark.parametrize(("currency", "digits"), [("JPY", 0), ("EUR", 2), ("KWD", 3), ("CLF", 4)])
def test_minor_units(currency: str, digits: int) -> None:
    assert minor_units(currency) == digits


@pytest.mark.parametrize("currency", ["eur", "EURO", "", "XX1", "€"])
def test_a_currency_is_an_iso_code(currency: str) -> None:
    with pytest.raises(ValidationError):
        Money(amount=Decimal(1), currency=currency)


def test_country_codes_are_checked() -> None:
    assert Address(country="DE").country == "DE"
    with pytest.raises(ValidationError):
        Address(country="Germany")


def test_null_and_absent_are_kept_apart() -> None:
    said_nothing = Variant(sku="A")
    said_none = Variant(sku="A", mpn=None)
    assert said_nothing.model_dump(exclude_unset=True) == {"sku": "A"}
    assert said_none.model_dump(exclude_unset=True) == {"sku": "A", "mpn": None}


def test_unknown_fields_are_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Variant.model_validate({"sku": "A", "colour": "red"})


def test_a_gtin_needs_its_check_digit() -> None:
    assert Variant(sku="A", gtin="4006381333931").gtin == "4006381333931"
    with pytest.raises(ValidationError):
        Variant(sku="A", gtin="4006381333932")


def test_natural_keys() -> None:
    assert Variant(sku="00123").natural_key() == "00123"
    assert InventoryLevel(sku="A", warehouse="WH", available=Decimal(3)).natural_key() == "A@WH"
    assert Customer(name="A", email=" Ann@Example.COM ").natural_key() == "ann@example.com"
    assert Customer(name="A").natural_key() is None


def test_an_order_is_found_by_its_number_with_and_without_hash() -> None:
    money = {"amount": "1.00", "currency": "EUR"}
    order = Order.model_validate(
        {
            "number": "#1001", "placed_at": "2026-03-10T12:00:00Z", "currency": "EUR", "po_number": "PO-7",
            "lines": [{"id": "1", "sku": "A", "quantity": "1", "unit_price": money},
                      {"id": "2", "sku": "A", "quantity": "2", "unit_price": money}],
            "totals": {"goods": money, "total": money},
        }
    )  # fmt: skip
    assert order.search_keys() == [("order", "1001"), ("po", "PO-7"), ("sku", "A")]
    assert order.model_dump(mode="json", exclude_unset=True)["placed_at"] == "2026-03-10T12:00:00Z"


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValidationError):
        InventoryLevel.model_validate({"sku": "A", "warehouse": "W", "available": "1", "as_of": "2026-03-10T12:00:00"})


def test_entities_come_before_those_that_refer_to_them() -> None:
    names = list(ENTITIES)
    assert names.index("customer") < names.index("order") < names.index("shipment")
    assert names.index("variant") < names.index("inventory_level")
    assert len({entity.prefix for entity in ENTITIES.values()}) == len(ENTITIES)


def test_every_reason_that_stops_work_tells_what_to_do() -> None:
    silent = [row.code for row in REASONS.values() if row.policy in ("stop", "hold_line") and not row.fix]
    assert silent == []
    assert reason("no such code").code == "HUB-BUG"
