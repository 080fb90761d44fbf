"""Partners (res.partner): finding them without guessing, making them once, and their delivery and invoice addresses."""

from __future__ import annotations

from typing import Any

from connectors.odoo.changes import fingerprint
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import cell, external_name, many2one
from hub.errors import Rejected

_PLAIN = (
    "name",
    "email",
    "phone",
    "street",
    "street2",
    "zip",
    "city",
    "vat",
    "ref",
    "comment",
    "is_company",
    "company_name",
)
_SAME = ("name", "street", "street2", "zip", "city", "phone", "email")
"""What makes two addresses the same, beside country and state."""


class Partners:
    """The partners of one Odoo database."""

    def __init__(self, client: OdooClient, config: OdooConfig) -> None:
        self.client = client
        self.config = config
        self._countries: dict[str, int] = {}
        self._states: dict[tuple[int, str], int | None] = {}
        self._languages: set[str] | None = None

    def values(self, data: Record) -> tuple[Record, list[str]]:
        """Odoo's field values for the mapping's partner data: codes of countries, states and languages become ids; and warnings."""
        warnings: list[str] = []
        values: Record = {name: data[name] for name in _PLAIN if name in data}
        country = str(data.get("country_code") or "")
        if country:
            values["country_id"] = self.country(country)
            region = str(data.get("state_code") or "")
            if region:
                state = self.state(values["country_id"], region)
                if state is None:
                    warnings.append("the region is not a state that Odoo knows; the address goes without it")
                values["state_id"] = state
        if data.get("parent_id"):
            values["parent_id"] = int(data["parent_id"])
        language = str(data.get("lang") or "").replace("-", "_")
        if language:
            installed = self.installed(language)
            if installed:
                values["lang"] = installed
        return values, warnings

    def country(self, code: str) -> int:
        """The id of the country with this ISO code."""
        if code not in self._countries:
            found = self.client.search_read("res.country", [["code", "=", code.upper()]], ["code"], limit=1)
            if not found:
                raise Rejected(
                    f"Odoo has no country {code!r}.", code="SHP-ADDR-INVALID", fix="Correct the address in the shop."
                )
            self._countries[code] = found[0]["id"]
        return self._countries[code]

    def state(self, country: int, region: str) -> int | None:
        """The id of the state with this code ("CA", "US-CA") or name in the country; none when there is no such state."""
        key = (country, region)
        if key not in self._states:
            code = region.partition("-")[2] or region
            domain = [["country_id", "=", country], "|", ["code", "=ilike", code], ["name", "=ilike", region]]
            found = self.client.search_read("res.country.state", domain, ["code"], limit=1)
            self._states[key] = found[0]["id"] if found else None
        return self._states[key]

    def installed(self, language: str) -> str | None:
        """The installed Odoo language for "de" or "de_DE"; Odoo refuses a partner with one that is not installed."""
        if self._languages is None:
            self._languages = {
                row["code"] for row in self.client.search_read("res.lang", [["active", "=", True]], ["code"])
            }
        if language in self._languages:
            return language
        return next(
            (code for code in sorted(self._languages) if code.partition("_")[0] == language.partition("_")[0]), None
        )

    def by_email(self, email: str) -> Record | None:
        """The customer with this e-mail address. Delivery and invoice addresses repeat it and do not count."""
        domain = [
            ["email_normalized", "=", email.strip().lower()],
            ["type", "not in", ["delivery", "invoice", "other"]],
        ]
        found = self.client.search_read("res.partner", domain, ["parent_id", "write_date"])
        if len(found) > 1:
            accounts = [partner for partner in found if not many2one(partner["parent_id"])]
            found = accounts or found
        if len(found) > 1 and self.config.on_ambiguous_customer == "reject":
            ids = ", ".join(str(partner["id"]) for partner in found[:5])
            raise Rejected(
                f"several Odoo partners have this customer's e-mail address (ids {ids}).",
                code="ACC-AMBIGUOUS",
                fix="Merge them in Odoo (Contacts, Action, Merge), then release it.",
            )
        return found[0] if found else None

    def make(self, marker: str, values: Record) -> int:
        """The partner that this marker makes: made once, and found again however often it is asked for.

        Its parent is set by a second call: Odoo's import of a contact below another reads fields that only accountants may read.
        """
        own = {name: value for name, value in values.items() if name != "parent_id"}
        columns, row = ["id"], [external_name(marker)]
        for name, value in own.items():
            columns.append(f"{name}/.id" if name.endswith("_id") else name)
            row.append(cell(value))
        made = self.client.upsert("res.partner", columns, [row])
        if values.get("parent_id"):
            self.client.write("res.partner", [made], {"parent_id": values["parent_id"]})
        return made

    def address(self, partner: int, kind: str, data: Record) -> tuple[int, list[str]]:
        """The child partner of this kind ("delivery", "invoice") with this address, found or made; the partner itself where it fits."""
        values, warnings = self.values(data)
        parts = [str(values.pop(name, None) or "").strip() for name in ("company_name", "name")]
        values["name"] = ", ".join(dict.fromkeys(part for part in parts if part))
        known = self._family(partner)
        for candidate in known:
            fits = candidate["id"] == partner or candidate["type"] == kind
            if fits and _same(candidate, values, own=candidate["id"] == partner):
                return candidate["id"], warnings
        made = {**values, "type": kind, "parent_id": partner}
        content = fingerprint([kind, *(str(values.get(name) or "") for name in (*_SAME, "country_id", "state_id"))])
        return self.make(f"partner-{partner}-{content}", made), warnings

    def _family(self, partner: int) -> list[Record]:
        fields = [*_SAME, "country_id", "state_id", "type", "parent_id"]
        return self.client.search_read("res.partner", ["|", ["id", "=", partner], ["parent_id", "=", partner]], fields)


def _same(known: Record, wanted: Record, *, own: bool) -> bool:
    """Are these the same address? The customer's own record may say less about the person (e-mail, phone) or more."""
    names = [name for name in _SAME if not (own and name in ("email", "phone"))]
    if any(_text(known.get(name)) != _text(wanted.get(name)) for name in names):
        return False
    return all((many2one(known.get(name)) or 0) == (wanted.get(name) or 0) for name in ("country_id", "state_id"))


def _text(value: Any) -> str:
    return " ".join(str(value).split()).casefold() if value else ""
