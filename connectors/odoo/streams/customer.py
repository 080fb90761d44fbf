"""Customers (res.partner): read with their addresses; found by e-mail address, made once, changed where they are known."""

from __future__ import annotations

from connectors.odoo.changes import Walk, iso
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import ChangingRecords, external_name, many2one
from connectors.odoo.streams.partners import Partners
from hub.errors import Rejected
from hub.sdk.connector import FULL, Clock, Stream
from hub.sdk.records import Cursor, DeliverResult, ExternalRef, NaturalKey, OutboundRecord, Page

_ADDRESS = (
    "name",
    "email",
    "phone",
    "street",
    "street2",
    "zip",
    "city",
    "country_code",
    "state_id",
    "type",
    "parent_id",
)
_OWN = ("is_company", "company_name", "vat", "ref", "lang", "active", "property_payment_term_id")
_CHILDREN = ("invoice", "delivery", "other")
"""The types of partners that are addresses of the one above them. Every other partner is a person or a company of its own."""


class Customers(ChangingRecords):
    """People and companies who buy. Their addresses are partners below them: a change of one is a change of its customer."""

    stream = Stream(
        "customer", "customer", poll=FULL, fetch=FULL, find=FULL, create=FULL, update=FULL, natural_key="email",
        state_carrying=True,
    )  # fmt: skip
    model = "res.partner"
    domain = ("|", ["customer_rank", ">", 0], ["parent_id.customer_rank", ">", 0])

    def __init__(self, client: OdooClient, config: OdooConfig, clock: Clock, partners: Partners) -> None:
        super().__init__(client, config, clock)
        self.partners = partners

    def fields(self) -> list[str]:
        """The fields to read. The pricelist that somebody chose for the customer, not the one that Odoo would take without it."""
        return [*_ADDRESS, *_OWN, self._pricelist]

    @property
    def _pricelist(self) -> str:
        own = "specific_property_product_pricelist"
        return own if self.client.has(self.model, own) else "property_product_pricelist"

    def poll(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of customers that changed themselves or in one of their addresses."""
        walk, overlap = Walk.of(cursor), self.config.overlap
        rows, more = walk.step(
            self.client, self.model, list(self.domain), self.fields(), limit, overlap=overlap, now=self.clock.now()
        )
        own = {row["id"]: row for row in rows if not _is_address(row)}
        above = {many2one(row["parent_id"]) or 0 for row in rows if _is_address(row)} - own.keys()
        fields = ["id", "write_date", *self.fields()]
        own |= self.client.read(self.model, above, fields) if above else {}
        return Page(self.messages(list(own.values())), walk.as_cursor(), more)

    def complete(self, records: list[Record]) -> list[Record]:
        """Add ``addresses``, and the pricelist under one name. The latest change of any of them is the customer's."""
        ids = [record["id"] for record in records]
        domain = [["parent_id", "in", ids], ["type", "in", list(_CHILDREN)]]
        rows = self.client.search_read(self.model, domain, [*_ADDRESS, "write_date"])
        completed = []
        for record in records:
            mine = [row for row in rows if many2one(row["parent_id"]) == record["id"]]
            latest = max([record["write_date"], *(row["write_date"] for row in mine)])
            completed.append(
                {
                    **record,
                    "write_date": latest,
                    "addresses": mine,
                    "pricelist_id": record.get(self._pricelist) or False,
                }
            )
        return completed

    def find(self, key: NaturalKey) -> ExternalRef | None:
        """The partner with this e-mail address."""
        try:
            found = self.partners.by_email(key.value)
        except Rejected as error:
            raise Rejected(error.message, code="XREF-CONFLICT", fix=error.fix) from None
        return ExternalRef(str(found["id"]), iso(found["write_date"])) if found else None

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The partner that this marker made. Where another was adopted there is nothing to find, and adopting it again is harmless."""
        if record.external_id:
            return None
        made = self.client.by_external_id(external_name(record.marker))
        return DeliverResult(str(made), "adopted") if made else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Change the partner that is known, adopt the one with the e-mail address, or make one."""
        if record.operation == "delete":
            raise self._unsupported("delete")
        values, warnings = self.partners.values(record.data)
        if record.external_id:
            self.client.write("res.partner", [int(record.external_id)], values)
            return DeliverResult(record.external_id, "updated", warnings=warnings)
        email = str(record.data.get("email") or "")
        found = self.partners.by_email(email) if email else None
        if found is not None:
            self.client.write("res.partner", [found["id"]], values)
            return DeliverResult(str(found["id"]), "adopted", warnings=warnings)
        made = self.partners.make(record.marker, {**values, "customer_rank": 1})
        return DeliverResult(str(made), "created", warnings=warnings)


def _is_address(row: Record) -> bool:
    return row["type"] in _CHILDREN and bool(row["parent_id"])
