"""Customers (res.partner): found by e-mail address, made once, changed where they are known."""

from __future__ import annotations

from connectors.odoo.changes import iso
from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import OdooStream, external_name
from connectors.odoo.streams.partners import Partners
from hub.errors import Rejected
from hub.sdk.connector import FULL, Clock, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord


class Customers(OdooStream):
    """People and companies who buy."""

    stream = Stream(
        "customer", "customer", find=FULL, create=FULL, update=FULL, natural_key="email", state_carrying=True
    )

    def __init__(self, client: OdooClient, config: OdooConfig, clock: Clock, partners: Partners) -> None:
        super().__init__(client, config, clock)
        self.partners = partners

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
        made = self.partners.make(record.marker, values)
        return DeliverResult(str(made), "created", warnings=warnings)
