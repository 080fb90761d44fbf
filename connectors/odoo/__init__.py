"""Odoo: partners, sale orders, deliveries, stock, prices, invoices and payments of an Odoo server, 17 and newer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.odoo.connector import OdooConnector

__all__ = ["OdooConnector"]


def __getattr__(name: str) -> Any:
    """Load the connector when it is first asked for: finding the plugin must not import it."""
    if name == "OdooConnector":
        from connectors.odoo.connector import OdooConnector

        return OdooConnector
    raise AttributeError(name)
