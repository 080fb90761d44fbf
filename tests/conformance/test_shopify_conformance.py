"""The Shopify connector keeps the contract."""

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.sdk.testing.conformance import conformance

TestShopify = conformance(ShopifyConnector, simulator=ShopifySimulator)
