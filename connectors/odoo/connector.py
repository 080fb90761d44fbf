"""The Odoo connector: its streams, and the check of a connection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import OdooStream
from connectors.odoo.streams.customer import Customers
from connectors.odoo.streams.inventory_level import InventoryLevels
from connectors.odoo.streams.invoice import Invoices
from connectors.odoo.streams.invoicing import Invoicing
from connectors.odoo.streams.order import Orders
from connectors.odoo.streams.order_lines import OrderLines
from connectors.odoo.streams.partners import Partners
from connectors.odoo.streams.payment import Payments
from connectors.odoo.streams.price import Prices
from connectors.odoo.streams.product import Products
from connectors.odoo.streams.shipment import Returns, Shipments
from connectors.odoo.streams.taxes import Taxes
from connectors.odoo.streams.variant import Variants
from connectors.odoo.streams.warehouse import Warehouses
from hub.errors import AuthFailed, ConfigError, HubError, Rejected
from hub.sdk.connector import Connector, ConnectorIO, Manifest
from hub.sdk.records import (
    Cursor,
    DeliverResult,
    ExternalRef,
    Health,
    NaturalKey,
    OutboundRecord,
    Page,
    RawMessage,
)

_STREAMS: tuple[type[OdooStream], ...] = (
    Products, Variants, Prices, Warehouses, Customers, InventoryLevels, Orders, Shipments, Returns, Invoices, Payments,
)  # fmt: skip
_OLDEST = 17
_NEEDED = ("sale.order", "stock.picking", "product.product", "res.partner")


class OdooConnector(Connector[OdooConfig]):
    """An Odoo database, reached by JSON-2 (19 and newer) or JSON-RPC (17 and 18)."""

    manifest: ClassVar[Manifest] = Manifest(
        name="odoo",
        vendor="Odoo S.A.",
        title="Odoo",
        api_version="17.0 - 19.0",
        docs="https://www.odoo.com/documentation/19.0/developer/reference/external_api.html",
        streams={kind.stream.name: kind.stream for kind in _STREAMS},
    )
    Config = OdooConfig

    def __init__(self, config: OdooConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self.client = OdooClient(config, io.http)
        partners = Partners(self.client, config)
        lines = OrderLines(self.client, config, Taxes(self.client, config))
        plain: list[OdooStream] = [
            kind(self.client, config, io.clock)
            for kind in (Products, Variants, Prices, Warehouses, InventoryLevels, Shipments, Returns, Payments)
        ]
        made = [
            *plain,
            Customers(self.client, config, io.clock, partners),
            Orders(self.client, config, io.clock, partners, lines),
            Invoices(self.client, config, io.clock, Invoicing(self.client, config)),
        ]
        self._streams = {stream.stream.name: stream for stream in made}

    def poll(self, stream: str, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changes."""
        return self._stream(stream, "poll").poll(cursor, limit)

    def cursor_since(self, stream: str, moment: datetime) -> Cursor:
        """The position from which everything changed since then is read."""
        return self._stream(stream, "poll").cursor_since(moment)

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        """One record as it is now."""
        return self._stream(stream, "fetch").fetch(external_id)

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """The record with this natural key."""
        return self._stream(stream, "find").find(key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """What an earlier attempt of this write did."""
        return self._stream(record.stream, "find_effect").find_effect(record)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """The write."""
        return self._stream(record.stream, "deliver").deliver(record)

    def _stream(self, name: str, operation: str) -> OdooStream:
        if name not in self._streams:
            raise self._unsupported(operation, name)
        return self._streams[name]

    def check(self) -> Health:
        """Version, credentials, access rights, modules, the service products that orders need, and the clock."""
        details: dict[str, object] = {}
        steps: tuple[tuple[str, Callable[[], object]], ...] = (
            ("version", self._check_version),
            ("languages", self._check_languages),
            ("database", self._check_access),
            ("products", self._check_products),
            ("clock", self._check_clock),
        )
        for name, step in steps:
            try:
                details[name] = step()
            except HubError as error:
                return Health(False, error.message, details, error.fix)
        return Health(True, f"Odoo {details['version']}, database {self.config.database}", details)

    def _check_version(self) -> str:
        version = self.client.version
        if version[0] < _OLDEST:
            raise ConfigError(
                f"Odoo {version[0]} is older than this connector supports.", fix=f"Use Odoo {_OLDEST} or newer."
            )
        return ".".join(str(part) for part in version)

    def _check_access(self) -> dict[str, object]:
        missing = []
        for model in _NEEDED:
            try:
                self.client.search_read(model, [], ["id"], limit=1)
            except AuthFailed as error:
                if error.code != "CON-SCOPE":
                    raise
                missing.append(model)
            except Rejected:
                missing.append(model)
        if missing:
            raise AuthFailed(
                f"the hub's Odoo user cannot read {', '.join(missing)}.",
                code="CON-SCOPE",
                fix="Install the Sales and Inventory apps, and give the user access to them in Odoo.",
            )
        warehouses = self.client.search_read("stock.warehouse", [], ["code"])
        tracking = self.client.has("stock.picking", "carrier_tracking_ref")
        return {"warehouses": [w["code"] for w in warehouses], "tracking": tracking}

    def _check_languages(self) -> list[str]:
        wanted = {self.config.language, *self.config.languages}
        domain = [["active", "=", True]]
        installed = {
            row["code"] for row in self.client.search_read("res.lang", domain, ["code"], context={"lang": "en_US"})
        }
        missing = sorted(wanted - installed)
        if missing:
            raise ConfigError(
                f"the Odoo database has no language {', '.join(missing)}.",
                fix="Install it in Odoo (Settings, Translations), or correct language and languages of the connection.",
            )
        return sorted(wanted)

    def _check_products(self) -> list[str]:
        wanted = [self.config.shipping_product, self.config.discount_product]
        found = self.client.search_read("product.product", [["default_code", "in", wanted]], ["default_code"])
        missing = sorted(set(wanted) - {row["default_code"] for row in found})
        return [f"orders that need it will be refused until a service product {name!r} exists" for name in missing]

    def _check_clock(self) -> float | None:
        response = self.io.http.request("GET", self.config.url + "/web/health", deadline=self.config.deadline)
        date = response.headers.get("date")
        if not date:
            return None
        theirs: datetime = parsedate_to_datetime(date)
        difference = (self.io.clock.now() - theirs.astimezone(UTC)).total_seconds()
        if abs(difference) > self.config.overlap:
            raise Rejected(
                f"the clocks of the hub and of Odoo differ by {abs(difference):.0f} s.",
                fix="Set both by NTP.",
            )
        return round(difference, 1)
