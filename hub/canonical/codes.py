"""Code lists of the world, from well-kept libraries: currencies, countries, languages, article numbers."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=1)
def _currencies() -> frozenset[str]:
    import pycountry

    return frozenset(currency.alpha_3 for currency in pycountry.currencies)


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    import pycountry

    return frozenset(country.alpha_2 for country in pycountry.countries) | {
        "XK"
    }  # Kosovo: user-assigned, and used by all carriers


@lru_cache(maxsize=1024)
def is_language(tag: str) -> bool:
    """Is this a well-formed BCP 47 tag whose language is known to the Unicode CLDR?"""
    from babel import Locale, UnknownLocaleError

    try:
        Locale.parse(tag, sep="-")
    except (UnknownLocaleError, ValueError):
        return False
    return True


def is_currency(code: str) -> bool:
    """Is this an ISO 4217 alphabetic code?"""
    return code in _currencies()


def is_country(code: str) -> bool:
    """Is this an ISO 3166-1 alpha-2 code?"""
    return code in _countries()


def is_gtin(code: str) -> bool:
    """Is this a GTIN-8, -12, -13 or -14 with a right check digit?"""
    from stdnum import ean

    return code.isascii() and ean.is_valid(code)


_MINOR_UNITS: dict[str, int] = {
    code: digits
    for digits, codes in {
        0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
        3: "BHD IQD JOD KWD LYD OMR TND",
        4: "CLF UYW",
    }.items()
    for code in codes.split()
}
"""The currencies whose minor units are not two, by ISO 4217. The CLDR (babel) says how prices are usually shown, which is less:
no digits for the Serbian dinar or the Iraqi one, though systems send and book them."""


def minor_units(currency: str) -> int:
    """How many digits after the point the currency has: JPY 0, USD 2, KWD 3."""
    return _MINOR_UNITS.get(currency, 2)
