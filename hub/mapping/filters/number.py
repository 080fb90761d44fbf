"""Filters for numbers and money. All arithmetic is decimal, and nothing is rounded unless the mapping says so."""

from __future__ import annotations

from decimal import Context, Decimal
from typing import Any

from hub.mapping.filters.base import (
    EXACT,
    MAX_DIGITS,
    PLAIN_NUMBER,
    exact,
    filter_,
    masked,
    need_count,
    need_text,
    wrong,
)

_GROUP = "numbers and money"
_RULES = {
    "half_up": "ROUND_HALF_UP",
    "half_even": "ROUND_HALF_EVEN",
    "half_down": "ROUND_HALF_DOWN",
    "up": "ROUND_UP",
    "down": "ROUND_DOWN",
    "ceiling": "ROUND_CEILING",
    "floor": "ROUND_FLOOR",
}


def _rounded(value: Decimal, digits: int, rule: Any, name: str) -> Decimal:
    if not isinstance(rule, str) or rule not in _RULES:
        raise wrong(f"`{name}` does not know this rounding rule.", f"Use one of {', '.join(_RULES)}.")
    step = Decimal(1).scaleb(-digits)
    return value.quantize(step, rounding=_RULES[rule], context=Context(prec=2 * MAX_DIGITS + 20))


@filter_(
    "number",
    _GROUP,
    ("src.price | number", {"price": "19.90"}, Decimal("19.90")),
    ("src.qty | number", {"qty": 3}, Decimal(3)),
    refused=(
        ("src.price | number", {"price": "19,90"}, "MAP-TYPE"),
        ("src.price | number", {"price": "١٩.٩٠"}, "MAP-TYPE"),
        ("src.price | number", {"price": "1_9.90"}, "MAP-TYPE"),
        ("src.price | number", {"price": "NaN"}, "MAP-TYPE"),
        ("src.price | number", {"price": "1.99e1"}, "MAP-TYPE"),
        ("src.price | number", {"price": True}, "MAP-TYPE"),
        ("src.price | number", {"price": None}, "MAP-TYPE"),
    ),
)
def number(value: Any) -> Decimal:
    """Reads a plain number exactly, digit by digit. Thousands separators, commas, exponents and NaN are refused."""
    if value.__class__ is str and PLAIN_NUMBER.fullmatch(value):
        return Decimal(value)
    return exact(value, "number")


@filter_(
    "int",
    _GROUP,
    ("src.qty | int", {"qty": "3"}, 3),
    ("src.qty | int", {"qty": Decimal("3.00")}, 3),
    refused=(("src.qty | int", {"qty": "3.5"}, "MAP-TYPE"),),
)
def whole(value: Any) -> int:
    """Reads a whole number. A number with a fraction is refused, not cut: use `round(0)` first."""
    read = exact(value, "int")
    result = int(read)
    if result != read:
        raise wrong("`int` got a number with a fraction.", "Write `| round(0)` before it, if it may be rounded.")
    return result


@filter_(
    "round",
    _GROUP,
    ("src.a | round(2)", {"a": "2.345"}, Decimal("2.35")),
    ("src.a | round(2, 'half_even')", {"a": "2.345"}, Decimal("2.34")),
    ("src.a | round", {"a": Decimal("2.5")}, Decimal(3)),
)
def round_(value: Any, digits: Any = 0, rule: Any = "half_up") -> Decimal:
    """Rounds to `digits` after the point: half_up (default), half_even, half_down, up, down, ceiling or floor."""
    return _rounded(exact(value, "round"), need_count(digits, "round", 0, MAX_DIGITS), rule, "round")


@filter_("abs", _GROUP, ("src.a | abs", {"a": "-5.50"}, Decimal("5.50")))
def absolute(value: Any) -> Decimal:
    """Gives the number without its sign."""
    return exact(value, "abs").copy_abs()


@filter_("plain", _GROUP, ("src.a | plain", {"a": Decimal("19.900")}, "19.9"), ("src.a | plain", {"a": 100}, "100"))
def plain(value: Any) -> str:
    """Writes a number as text without needless zeros after the point and without an exponent."""
    written = format(exact(value, "plain"), "f")
    return written.rstrip("0").rstrip(".") if "." in written else written


_DIGITS: dict[str, int] = {}


def _digits_of(currency: Any, name: str) -> int:
    known = _DIGITS.get(currency) if currency.__class__ is str else None
    if known is not None:
        return known
    from hub.canonical.codes import is_currency, minor_units

    code = need_text(currency, name)
    if not is_currency(code):
        fix = "Write `| currency` after it to read small letters." if is_currency(code.strip().upper()) else ""
        shown = repr(code) if len(code) <= 3 and code.isascii() and code.isalnum() else masked(code)
        raise wrong(f"`{name}` needs an ISO 4217 currency code such as EUR, but got {shown}.", fix)
    return _DIGITS.setdefault(code, minor_units(code))


@filter_(
    "currency",
    _GROUP,
    ("src.a | currency", {"a": " eur "}, "EUR"),
    refused=(("src.a | currency", {"a": "EURO"}, "MAP-TYPE"),),
)
def currency(value: Any) -> str:
    """Reads an ISO 4217 currency code in any case, and refuses what is none."""
    code = need_text(value, "currency").strip().upper()
    _digits_of(code, "currency")
    return code


@filter_(
    "currency_digits",
    _GROUP,
    ("src.a | currency_digits", {"a": "JPY"}, 0),
    ("src.a | currency_digits", {"a": "KWD"}, 3),
    ("src.a | currency_digits", {"a": "RSD"}, 2),
)
def currency_digits(value: Any) -> int:
    """Tells how many digits a currency has after the point: JPY 0, EUR 2, KWD 3."""
    return _digits_of(value, "currency_digits")


@filter_(
    "money",
    _GROUP,
    ("src.price | money('EUR')", {"price": "19.90"}, {"amount": Decimal("19.90"), "currency": "EUR"}),
    ("src.price | money('JPY')", {"price": "1990.00"}, {"amount": Decimal(1990), "currency": "JPY"}),
    ("src.price | money('EUR', digits=4)", {"price": "0.0175"}, {"amount": Decimal("0.0175"), "currency": "EUR"}),
    ("src.price | money('EUR', rule='half_up')", {"price": "1.005"}, {"amount": Decimal("1.01"), "currency": "EUR"}),
    (
        "src.price | money",
        {"price": {"amount": "5.0", "currency_code": "KWD"}},
        {"amount": Decimal("5.0"), "currency": "KWD"},
    ),
    refused=(
        ("src.price | money('JPY')", {"price": "1990.50"}, "MAP-TYPE"),
        ("src.price | money('euro')", {"price": "1"}, "MAP-TYPE"),
        ("src.price | money", {"price": "1"}, "MAP-TYPE"),
    ),
)
def money(value: Any, currency: Any = None, digits: Any = None, rule: Any = None) -> dict[str, Any]:
    """Makes money of an amount and its currency.

    More digits than the currency has are refused (JPY 1990.50), unless `digits` allows them, as for unit prices, or `rule`
    says how to round. An object with amount and currency (currency_code, currencyCode) needs no argument.
    """
    if value.__class__ is dict:
        value, currency = _amount_and_currency(value, currency)
    elif currency is None:
        raise wrong("`money` needs the currency.", "Write it as `| money(src.currency)`.")
    if value.__class__ is str and PLAIN_NUMBER.fullmatch(value):
        amount = Decimal(value)
        point = value.find(".")
        fraction = len(value) - point - 1 if point >= 0 else 0
    else:
        amount = exact(value, "money")
        exponent = amount.as_tuple().exponent
        fraction = -exponent if isinstance(exponent, int) else 0
    allowed = _DIGITS.get(currency) if currency.__class__ is str else None
    if allowed is None:
        allowed = _digits_of(currency, "money")
    if digits is not None:
        allowed = need_count(digits, "money", 0, MAX_DIGITS)
    if rule is not None:
        amount = _rounded(amount, allowed, rule, "money")
    elif fraction > allowed:
        amount = _without_zeros(amount, allowed, currency)
    return {"amount": amount, "currency": currency}


def _without_zeros(amount: Decimal, allowed: int, currency: str) -> Decimal:
    """The amount with the currency's digits, if what goes beyond them is only zeros."""
    shorter = _rounded(amount, allowed, "down", "money")
    if shorter != amount:
        raise wrong(
            f"The amount has more than {allowed} digits after the point, and {currency} has no such coins.",
            "Write money(..., digits=4) where that is right (unit prices), or money(..., rule='half_up') to round.",
        )
    return shorter


def _amount_and_currency(value: dict[str, Any], given: Any) -> tuple[Any, Any]:
    found = next((value[key] for key in ("currency", "currency_code", "currencyCode") if key in value), given)
    if "amount" not in value or found is None:
        raise wrong("`money` needs an object with an amount and a currency.")
    if given is not None and need_text(given, "money") != need_text(found, "money"):
        raise wrong(
            "`money` got an amount in another currency than the one given.",
            "Leave the argument out, or convert the amount.",
        )
    return value["amount"], found


@filter_(
    "minor_units",
    _GROUP,
    ("src.total | minor_units('EUR')", {"total": "19.90"}, 1990),
    ("src.total | minor_units('JPY')", {"total": "1990"}, 1990),
    refused=(("src.total | minor_units('EUR')", {"total": "19.905"}, "MAP-TYPE"),),
)
def minor_units(value: Any, currency: Any) -> int:
    """Gives an amount as a whole number of the currency's smallest unit: 19.90 EUR is 1990 cents."""
    scaled = exact(value, "minor_units").scaleb(_digits_of(currency, "minor_units"), EXACT)
    if scaled != scaled.to_integral_value():
        raise wrong("`minor_units` got an amount with parts of the smallest unit.", "Round it first.")
    return int(scaled)


@filter_("from_minor_units", _GROUP, ("src.total | from_minor_units('EUR')", {"total": 1990}, Decimal("19.90")))
def from_minor_units(value: Any, currency: Any) -> Decimal:
    """Gives the amount for a whole number of the currency's smallest unit: 1990 cents are 19.90 EUR."""
    return Decimal(whole(value)).scaleb(-_digits_of(currency, "from_minor_units"), EXACT)


_UNITS: dict[str, tuple[str, str, Decimal]] = {
    # code: (name, dimension, how many base units it is)
    "C62": ("piece", "count", Decimal(1)),
    "EA": ("each", "count", Decimal(1)),
    "H87": ("piece", "count", Decimal(1)),
    "PR": ("pair", "count", Decimal(2)),
    "DZN": ("dozen", "count", Decimal(12)),
    "GRO": ("gross", "count", Decimal(144)),
    "SET": ("set", "set", Decimal(1)),
    "MGM": ("milligram", "mass", Decimal("0.001")),
    "GRM": ("gram", "mass", Decimal(1)),
    "KGM": ("kilogram", "mass", Decimal(1000)),
    "TNE": ("tonne", "mass", Decimal(1_000_000)),
    "ONZ": ("ounce", "mass", Decimal("28.349523125")),
    "LBR": ("pound", "mass", Decimal("453.59237")),
    "MMT": ("millimetre", "length", Decimal("0.001")),
    "CMT": ("centimetre", "length", Decimal("0.01")),
    "MTR": ("metre", "length", Decimal(1)),
    "KMT": ("kilometre", "length", Decimal(1000)),
    "INH": ("inch", "length", Decimal("0.0254")),
    "FOT": ("foot", "length", Decimal("0.3048")),
    "YRD": ("yard", "length", Decimal("0.9144")),
    "MTK": ("square metre", "area", Decimal(1)),
    "CMK": ("square centimetre", "area", Decimal("0.0001")),
    "MLT": ("millilitre", "volume", Decimal("0.001")),
    "CLT": ("centilitre", "volume", Decimal("0.01")),
    "LTR": ("litre", "volume", Decimal(1)),
    "MTQ": ("cubic metre", "volume", Decimal(1000)),
    "GLL": ("US gallon", "volume", Decimal("3.785411784")),
    "SEC": ("second", "time", Decimal(1)),
    "MIN": ("minute", "time", Decimal(60)),
    "HUR": ("hour", "time", Decimal(3600)),
    "DAY": ("day", "time", Decimal(86400)),
}
_UNIT_NAMES = {
    "piece": "C62", "pieces": "C62", "pc": "C62", "pcs": "C62", "unit": "C62", "units": "C62", "unit(s)": "C62", "stk": "C62",
    "stück": "C62", "each": "EA", "pair": "PR", "pairs": "PR", "dozen": "DZN", "dozens": "DZN", "set": "SET", "mg": "MGM", "g": "GRM",
    "gram": "GRM", "grams": "GRM", "kg": "KGM", "kilogram": "KGM", "kilograms": "KGM", "t": "TNE", "tonne": "TNE", "oz": "ONZ",
    "ounce": "ONZ", "ounces": "ONZ", "lb": "LBR", "lbs": "LBR", "pound": "LBR", "pounds": "LBR", "mm": "MMT", "cm": "CMT",
    "m": "MTR", "metre": "MTR", "meter": "MTR", "km": "KMT", "in": "INH", "inch": "INH", "inches": "INH", "ft": "FOT", "foot": "FOT",
    "yd": "YRD", "yard": "YRD", "m2": "MTK", "m²": "MTK", "cm2": "CMK", "cm²": "CMK", "ml": "MLT", "cl": "CLT", "l": "LTR",
    "litre": "LTR", "liter": "LTR", "liters": "LTR", "litres": "LTR", "m3": "MTQ", "m³": "MTQ", "gal": "GLL", "gallon": "GLL",
    "s": "SEC", "min": "MIN", "minute": "MIN", "minutes": "MIN", "h": "HUR", "hour": "HUR", "hours": "HUR", "day": "DAY", "days": "DAY",
}  # fmt: skip


def _unit(value: Any, name: str) -> str:
    said = need_text(value, name).strip()
    code = said if said in _UNITS else _UNIT_NAMES.get(said.casefold())
    if code is None and said.upper() in _UNITS:
        code = said.upper()
    if code is None:
        raise wrong(
            f"`{name}` does not know this unit, {masked(value)}.",
            "Use a lookup table for the unit names of this system.",
        )
    return code


@filter_(
    "unit",
    _GROUP,
    ("src.uom | unit", {"uom": "kg"}, "KGM"),
    ("src.uom | unit", {"uom": "Units"}, "C62"),
    refused=(("src.uom | unit", {"uom": "hogshead"}, "MAP-TYPE"),),
)
def unit(value: Any) -> str:
    """Gives the UN/ECE Recommendation 20 code of a unit that is named in the usual way (kg, pcs, inch)."""
    return _unit(value, "unit")


@filter_("unit_name", _GROUP, ("src.uom | unit_name", {"uom": "KGM"}, "kilogram"))
def unit_name(value: Any) -> str:
    """Gives the English name of a unit code."""
    return _UNITS[_unit(value, "unit_name")][0]


@filter_(
    "convert",
    _GROUP,
    ("src.weight | convert('g', 'kg')", {"weight": "1250"}, Decimal("1.25")),
    ("src.weight | convert('lb', 'g')", {"weight": 2}, Decimal("907.18474")),
    refused=(("src.weight | convert('kg', 'm')", {"weight": 1}, "MAP-TYPE"),),
)
def convert(value: Any, source: Any, target: Any) -> Decimal:
    """Converts a quantity from one unit to another of the same kind. The result is exact, or has 12 digits after the point."""
    _, kind, factor = _UNITS[_unit(source, "convert")]
    _, other, divisor = _UNITS[_unit(target, "convert")]
    if kind != other:
        raise wrong(f"`convert` cannot turn {kind} into {other}.")
    result = Context(prec=100).divide(EXACT.multiply(exact(value, "convert"), factor), divisor)
    result = _rounded(result, 12, "half_even", "convert").normalize(Context(prec=100))
    exponent = result.as_tuple().exponent
    return result.quantize(Decimal(1)) if isinstance(exponent, int) and exponent > 0 else result
