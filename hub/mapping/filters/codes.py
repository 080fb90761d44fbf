"""Filters for the code lists of the world: countries, subdivisions, languages, phone numbers, article numbers, tax numbers."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from hub.mapping.filters.base import filter_, masked, need_count, need_text, wrong

_GROUP = "codes of the world"


def _short(value: str) -> str:
    """A code of up to three letters is shown as it is: it cannot name a person."""
    return repr(value) if len(value) <= 3 and value.isascii() and value.isalnum() else masked(value)


@lru_cache(maxsize=4096)
def _country(name: str, names: str | None) -> str | None:
    import pycountry

    said = name.strip()
    if said.upper() == "XK" or said.casefold() == "kosovo":
        return "XK"
    if not said.isascii() or not said.isdigit():
        try:
            found = pycountry.countries.lookup(said)
        except LookupError:
            found = None
        if found is not None:
            return str(found.alpha_2)
    if names:
        return _territories(names).get(said.casefold())
    return None


@lru_cache(maxsize=8)
def _territories(locale: str) -> dict[str, str]:
    from babel import Locale, UnknownLocaleError

    try:
        known = Locale.parse(locale, sep="-").territories
    except (UnknownLocaleError, ValueError):
        raise wrong("`country` does not know this language.", "Use a tag such as 'de' or 'pt-BR'.") from None
    return {str(text).casefold(): str(code) for code, text in known.items() if len(code) == 2 and code.isalpha()}


@filter_(
    "country",
    _GROUP,
    ("src.c | country", {"c": "de"}, "DE"),
    ("src.c | country", {"c": "AUT"}, "AT"),
    ("src.c | country", {"c": "Switzerland"}, "CH"),
    ("src.c | country(names='de')", {"c": "Österreich"}, "AT"),
    refused=(("src.c | country", {"c": "XX"}, "MAP-TYPE"), ("src.c | country", {"c": ""}, "MAP-TYPE")),
)
def country(value: Any, names: Any = None) -> str:
    """Reads a country (code of two or three letters, or English name) and gives its ISO 3166-1 code of two letters.

    `names` is the language in which names may be written besides English.
    """
    said = need_text(value, "country")
    code = _country(said, None if names is None else need_text(names, "country")) if len(said) <= 100 else None
    if code is None:
        raise wrong(
            f"`country` does not know this country, {_short(said)}.", "Correct it in the source, or use a lookup table."
        )
    return code


@filter_("country_alpha3", _GROUP, ("src.c | country_alpha3", {"c": "DE"}, "DEU"))
def country_alpha3(value: Any) -> str:
    """Gives the ISO 3166-1 code of three letters."""
    import pycountry

    code = country(value)
    found = pycountry.countries.get(alpha_2=code)
    return "XKX" if found is None else str(found.alpha_3)


@filter_(
    "country_name",
    _GROUP,
    ("src.c | country_name", {"c": "DE"}, "Germany"),
    ("src.c | country_name('fr')", {"c": "DE"}, "Allemagne"),
)
def country_name(value: Any, language: Any = "en") -> str:
    """Gives a country's name in a language."""
    from babel import Locale, UnknownLocaleError

    try:
        names = Locale.parse(need_text(language, "country_name"), sep="-").territories
    except (UnknownLocaleError, ValueError):
        raise wrong("`country_name` does not know this language.", "Use a tag such as 'de' or 'pt-BR'.") from None
    return str(names[country(value)])


def _known_subdivision(code: str) -> Any:
    import pycountry

    lookup: Any = pycountry.subdivisions.get
    return lookup(code=code)


def _subdivisions(country_code: str) -> Any:
    import pycountry

    lookup: Any = pycountry.subdivisions.get
    return lookup(country_code=country_code) or ()


@lru_cache(maxsize=4096)
def _subdivision(said: str, country_code: str) -> str | None:
    code = said.strip().upper()
    for full in (code, f"{country_code}-{code}"):
        if full.startswith(country_code + "-") and _known_subdivision(full):
            return full
    wanted = said.strip().casefold()
    for found in _subdivisions(country_code):
        if wanted in {part.strip().casefold() for part in (found.name, *found.name.split("["))}:
            return str(found.code)
    return None


@filter_(
    "subdivision",
    _GROUP,
    ("src.s | subdivision('CA')", {"s": "ON"}, "CA-ON"),
    ("src.s | subdivision('US')", {"s": "California"}, "US-CA"),
    refused=(("src.s | subdivision('US')", {"s": "Bavaria"}, "MAP-TYPE"),),
)
def subdivision(value: Any, region: Any) -> str:
    """Reads a state or province of a country (code or name) and gives its ISO 3166-2 code."""
    said, code = need_text(value, "subdivision"), country(region)
    found = _subdivision(said, code) if len(said) <= 100 else None
    if found is None:
        raise wrong(
            f"`subdivision` does not know this part of {code}, {_short(said)}.", "Use a lookup table for other names."
        )
    return found


@filter_("subdivision_code", _GROUP, ("src.s | subdivision_code", {"s": "CA-ON"}, "ON"))
def subdivision_code(value: Any) -> str:
    """Gives the part after the country of an ISO 3166-2 code."""
    before, hyphen, after = need_text(value, "subdivision_code").partition("-")
    if len(before) != 2 or not hyphen or not after:
        raise wrong(f"`subdivision_code` needs an ISO 3166-2 code such as CA-ON, but got {masked(value)}.")
    return after


@filter_("subdivision_name", _GROUP, ("src.s | subdivision_name", {"s": "CA-ON"}, "Ontario"))
def subdivision_name(value: Any) -> str:
    """Gives the name of an ISO 3166-2 code."""
    found = _known_subdivision(need_text(value, "subdivision_name"))
    if found is None:
        raise wrong(f"`subdivision_name` needs an ISO 3166-2 code such as CA-ON, but got {masked(value)}.")
    return str(found.name)


@lru_cache(maxsize=1024)
def _locale(said: str) -> tuple[str, ...] | None:
    from babel import Locale, UnknownLocaleError

    body = said.strip().replace("_", "-").partition(".")[0]
    try:
        found = Locale.parse(body, sep="-")
    except (UnknownLocaleError, ValueError, TypeError):
        return _language_name(said)
    return tuple(part for part in (found.language, found.script, found.territory) if part)


def _language_name(said: str) -> tuple[str, ...] | None:
    import pycountry

    try:
        found = pycountry.languages.lookup(said.strip())
    except LookupError:
        return None
    return (str(getattr(found, "alpha_2", found.alpha_3)),)


@filter_(
    "language",
    _GROUP,
    ("src.l | language", {"l": "de_DE"}, "de-DE"),
    ("src.l | language", {"l": "German"}, "de"),
    ("src.l | language('_')", {"l": "pt-BR"}, "pt_BR"),
    refused=(("src.l | language", {"l": "klingon!"}, "MAP-TYPE"),),
)
def language(value: Any, separator: Any = "-") -> str:
    """Reads a language tag, code or English name and gives a BCP 47 tag; with '_' it gives the form that ERPs use (de_DE)."""
    said = need_text(value, "language")
    parts = _locale(said) if 0 < len(said) <= 100 else None
    if parts is None:
        raise wrong(
            f"`language` does not know this language, {_short(said)}.",
            "Use a lookup table for the names of this system.",
        )
    return need_text(separator, "language").join(parts)


@lru_cache(maxsize=4096)
def _phone(said: str, region: str | None) -> str | None:
    import phonenumbers

    try:
        read = phonenumbers.parse(said, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(read):
        return None
    return str(phonenumbers.format_number(read, phonenumbers.PhoneNumberFormat.E164))


@filter_(
    "phone",
    _GROUP,
    ("src.p | phone", {"p": "+49 30 901820"}, "+4930901820"),
    ("src.p | phone('DE')", {"p": "030 / 901820"}, "+4930901820"),
    ("src.p | phone('DE', keep=true)", {"p": "ask Anna"}, "ask Anna"),
    refused=(
        ("src.p | phone('DE')", {"p": "ask Anna"}, "MAP-TYPE"),
        ("src.p | phone", {"p": "030 901820"}, "MAP-TYPE"),
    ),
)
def phone(value: Any, region: Any = None, keep: Any = False) -> str:
    """Reads a phone number and gives its E.164 form. A number without +country needs the country it is dialled in.

    With `keep`, what cannot be read stays as it is.
    """
    said = need_text(value, "phone")
    region = None if region is None else country(region)
    found = _phone(said, region) if len(said) <= 250 else None
    if found is not None:
        return found
    if keep:
        return said
    hint = "" if region else "Give the country: `| phone(address.country_code)`; "
    raise wrong(f"`phone` cannot read this number, {masked(value)}.", f"{hint}or keep it as it is: `keep=true`.")


@filter_(
    "gtin",
    _GROUP,
    ("src.ean | gtin", {"ean": "4006381333931"}, "4006381333931"),
    ("src.upc | gtin(14)", {"upc": "036000291452"}, "00036000291452"),
    refused=(("src.ean | gtin", {"ean": "4006381333932"}, "MAP-TYPE"),),
)
def gtin(value: Any, length: Any = None) -> str:
    """Checks the check digit of an EAN, UPC or GTIN; `length` (8, 12, 13, 14) fills it up with zeros on the left."""
    from hub.canonical.codes import is_gtin

    code = need_text(value, "gtin").strip().replace("-", "").replace(" ", "")
    if not (code.isascii() and code.isdigit() and is_gtin(code)):
        raise wrong(
            f"`gtin` needs an article number with a right check digit, but got {masked(value)}.",
            "Test it with `is_gtin` first.",
        )
    return code if length is None else code.rjust(need_count(length, "gtin", 8, 14), "0")


@filter_(
    "is_gtin",
    _GROUP,
    ("src.ean | is_gtin", {"ean": "4006381333932"}, False),
    ("src.ean | is_gtin", {"ean": None}, False),
)
def is_gtin(value: Any) -> bool:
    """Tells whether the value is an EAN, UPC or GTIN with a right check digit."""
    from hub.canonical.codes import is_gtin as check

    return isinstance(value, str) and value.isascii() and value.isdigit() and check(value)


@filter_(
    "vat",
    _GROUP,
    ("src.v | vat", {"v": "de 136 695 976"}, "DE136695976"),
    refused=(("src.v | vat", {"v": "DE136695977"}, "MAP-TYPE"),),
)
def vat(value: Any) -> str:
    """Checks a European VAT number by its country's rule and gives it without spaces."""
    from stdnum.eu import vat as rule
    from stdnum.exceptions import ValidationError

    try:
        return str(rule.validate(need_text(value, "vat")[:50]))
    except (ValidationError, ValueError):
        raise wrong(
            f"`vat` needs a European VAT number, but got {masked(value)}.",
            "Use `| if_null(...)`, $optional, or correct the source.",
        ) from None
