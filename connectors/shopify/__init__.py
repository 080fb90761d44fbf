"""The Shopify connector: Admin GraphQL API, webhooks, and a simulated shop to test against."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.shopify.connector import ShopifyConnector

__all__ = ["ShopifyConnector"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that listing the connectors stays quick.
    if name == "ShopifyConnector":
        from connectors.shopify.connector import ShopifyConnector

        return ShopifyConnector
    raise AttributeError(name)
