"""Which Odoo taxes stand for the rates that the shop charged.

What Odoo would charge by itself depends on its fiscal positions and differs even between versions, while the buyer has already
paid what the shop said. So by default the shop's rates choose the taxes, and the totals are compared afterwards in any case.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig

_NEAR = Decimal("0.00005")


@dataclass(frozen=True, slots=True)
class Match:
    """Odoo's taxes for one line: their ids, their rate together, and whether their prices include them."""

    ids: tuple[int, ...]
    rate: Decimal = Decimal(0)
    included: bool = False


class Taxes:
    """The sale taxes of one Odoo database."""

    def __init__(self, client: OdooClient, config: OdooConfig) -> None:
        self.client = client
        self.config = config
        self._lock = threading.Lock()
        self._known: list[Record] | None = None

    def match(self, rates: Sequence[Decimal], *, included: bool) -> Match | None:
        """The taxes with these rates (fractions: 0.19), or one tax with their sum; none when Odoo has no such tax."""
        wanted = [rate for rate in rates if rate]
        if not wanted:
            return Match((), included=included)
        found = [self._one(rate, included) for rate in wanted]
        if any(tax is None for tax in found):
            found = [self._one(sum(wanted, Decimal(0)), included)]
        taxes = [tax for tax in found if tax is not None]
        kinds = {bool(tax["price_include"]) for tax in taxes}
        if not taxes or len(kinds) > 1:
            return None
        return Match(tuple(tax["id"] for tax in taxes), sum(wanted, Decimal(0)), kinds.pop())

    def forget(self) -> None:
        """Read the taxes anew when they are next asked for."""
        self._known = None

    def _one(self, rate: Decimal, included: bool) -> Record | None:
        fixed = next((id_ for text, id_ in self.config.tax_map.items() if abs(Decimal(text) - rate) < _NEAR), None)
        if fixed is not None:
            return next((tax for tax in self._all() if tax["id"] == fixed), None)
        fits = [tax for tax in self._all() if abs(Decimal(str(tax["amount"])) / 100 - rate) < _NEAR]
        fits.sort(key=lambda tax: (bool(tax["price_include"]) != included, tax["sequence"], tax["id"]))
        return fits[0] if fits else None

    def _all(self) -> list[Record]:
        with self._lock:
            if self._known is None:
                domain = [["type_tax_use", "=", "sale"], ["amount_type", "=", "percent"]]
                fields = ["name", "amount", "price_include", "sequence", "company_id"]
                self._known = self.client.search_read("account.tax", domain, fields, order="sequence, id")
            return self._known
