"""Warehouses (stock.warehouse)."""

from __future__ import annotations

from connectors.odoo.client import Record
from connectors.odoo.streams.base import ChangingRecords, many2one
from hub.sdk.connector import FULL, Stream
from hub.sdk.records import ExternalRef, NaturalKey

_ADDRESS = ("name", "street", "street2", "zip", "city", "country_code", "phone")


class Warehouses(ChangingRecords):
    """Warehouses with their addresses."""

    stream = Stream("warehouse", "warehouse", poll=FULL, fetch=FULL, find=FULL, natural_key="code", state_carrying=True)
    model = "stock.warehouse"

    def fields(self) -> list[str]:
        """The fields to read."""
        return ["name", "code", "active", "company_id", "partner_id", "lot_stock_id", "view_location_id"]

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``address``, the warehouse's partner; none where it has none."""
        partners = self.client.read("res.partner", [p for r in records if (p := many2one(r["partner_id"]))], _ADDRESS)
        return [{**record, "address": partners.get(many2one(record["partner_id"]) or 0)} for record in records]

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The warehouse with this short name."""
        return self.find_one(self.model, [["code", "=", key.value]], key)
