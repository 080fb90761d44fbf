"""The head of a new sale order: who buys, where it goes, in which currency, on which terms, and where it came from."""

from __future__ import annotations

import html
from datetime import UTC, datetime

from connectors.odoo.changes import FORMAT
from connectors.odoo.client import OdooClient, Record
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import external_name
from connectors.odoo.streams.partners import Partners
from hub.errors import Rejected
from hub.sdk.records import OutboundRecord


class OrderHead:
    """Makes the columns of a sale order's head for Odoo's `load`. What was looked up once is remembered."""

    def __init__(self, client: OdooClient, config: OdooConfig, partners: Partners) -> None:
        self.client = client
        self.config = config
        self.partners = partners
        self._pricelists: dict[str, int | None] = {}
        self._known: dict[tuple[str, str], int] = {}

    def cells(self, record: OutboundRecord, warnings: list[str]) -> dict[str, str]:
        """The columns; what Odoo has no record for is left out and told in ``warnings``."""
        data = record.data
        partner = self._partner(record, warnings)
        head = {"partner_id/.id": str(partner), "client_order_ref": record.marker}
        for kind, column in (("invoice", "partner_invoice_id/.id"), ("delivery", "partner_shipping_id/.id")):
            address = data.get(f"{kind}_address")
            if address:
                child, said = self.partners.address(partner, kind, dict(address))
                warnings += [warning for warning in said if warning not in warnings]
                head[column] = str(child)
        if data.get("origin"):
            head["origin"] = str(data["origin"])
        for name in ("date_order", "commitment_date"):
            if data.get(name):
                head[name] = _stamp(str(data[name]))
        if data.get("note"):
            head["note"] = html.escape(str(data["note"])).replace("\n", "<br/>")
        pricelist = self._pricelist(str(data.get("currency") or ""))
        if pricelist:
            head["pricelist_id/.id"] = str(pricelist)
        if self.config.company:
            head["company_id/.id"] = str(self.config.company)
        if self.config.warehouse:
            head["warehouse_id/.id"] = str(self._warehouse(self.config.warehouse))
        return {**head, **self._terms(data, warnings), **self._channel(str(data.get("channel") or ""))}

    def _partner(self, record: OutboundRecord, warnings: list[str]) -> int:
        data = record.data
        if data.get("partner_id"):
            return int(data["partner_id"])
        guest = data.get("invoice_address") or data.get("delivery_address")
        if not guest:
            raise Rejected("the order has neither a customer nor an address.", code="ACC-UNKNOWN")
        values, said = self.partners.values(dict(guest))
        warnings += said
        values["name"] = values.get("name") or values.pop("company_name", None) or "Guest"
        return self.partners.make(f"{record.marker}-guest", values)

    def _pricelist(self, currency: str) -> int | None:
        """A sale order's currency is that of its pricelist; none where the company's own currency is right."""
        if not currency:
            return None
        if currency in self.config.pricelists:
            return self.config.pricelists[currency]
        if currency not in self._pricelists:
            own = self.client.company_currency()
            self._pricelists[currency] = None if own == currency else self._pricelist_of(currency)
        return self._pricelists[currency]

    def _pricelist_of(self, currency: str) -> int:
        found = self.client.search_read("product.pricelist", [["currency_id.name", "=", currency]], ["name"], limit=1)
        if not found:
            raise Rejected(
                f"Odoo has no pricelist in {currency}.",
                code="CUR-UNSUPPORTED",
                fix=f"Enable {currency} and create a pricelist in it, or set pricelists in the connection's config.",
            )
        return int(found[0]["id"])

    def _warehouse(self, code: str) -> int:
        found = self.client.search_read("stock.warehouse", [["code", "=", code]], ["code"], limit=1)
        if not found:
            raise Rejected(f"Odoo has no warehouse {code!r}.", fix="Correct warehouse in the connection's config.")
        return int(found[0]["id"])

    def _terms(self, data: Record, warnings: list[str]) -> dict[str, str]:
        """Payment terms and incoterm. The customer's own hold where Odoo does not know them, and a warning says so."""
        head: dict[str, str] = {}
        terms = str(data.get("payment_terms") or "")
        if terms:
            if found := self._look_up("account.payment.term", "name", terms):
                head["payment_term_id/.id"] = str(found)
            else:
                warnings.append(f"Odoo has no payment terms {terms!r}: the customer's own hold")
        incoterm = str(data.get("incoterm") or "").upper()
        if incoterm and self.client.has("sale.order", "incoterm"):
            if found := self._look_up("account.incoterms", "code", incoterm):
                head["incoterm/.id"] = str(found)
            else:
                warnings.append(f"Odoo has no incoterm {incoterm!r}: the order goes without it")
        return head

    def _channel(self, channel: str) -> dict[str, str]:
        """Where the order came from: Odoo's source, made where there is none of this name; and the sales team."""
        head: dict[str, str] = {}
        team = self.config.sales_teams.get(channel, self.config.sales_team)
        if team:
            head["team_id/.id"] = str(team)
        if channel:
            head["source_id/.id"] = str(self._look_up("utm.source", "name", channel) or self._source(channel))
        return head

    def _source(self, channel: str) -> int:
        """A new source; where another worker makes it at this moment, Odoo says that its name is taken, and it is there."""
        row = [external_name(f"source-{channel}"), channel]
        try:
            made = self._known["utm.source", channel] = self.client.upsert("utm.source", ["id", "name"], [row])
        except Rejected:
            found = self._look_up("utm.source", "name", channel)
            if found is None:
                raise
            return found
        return made

    def _look_up(self, model: str, field: str, value: str) -> int | None:
        """The id of the record with this Odoo external id ("account.account_payment_term_30days") or this value."""
        if (model, value) not in self._known:
            id_ = self.client.by_external_id(value) if "." in value and " " not in value else None
            if id_ is None:
                found = self.client.search_read(model, [[field, "=", value]], [field], limit=1)
                id_ = int(found[0]["id"]) if found else None
            if id_ is None:
                return None  # asked again next time, so that what somebody adds for it is seen
            self._known[model, value] = id_
        return self._known[model, value]


def _stamp(text: str) -> str:
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC).strftime(FORMAT)
