"""A simulated Shopify shop."""

from __future__ import annotations

from connectors.shopify.simulator.simulator import ShopifySimulator

__all__ = ["ShopifySimulator"]
