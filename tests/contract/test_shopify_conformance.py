"""Does the Shopify connector keep the contract? Every named behaviour, against the simulated shop."""

from connectors.shopify import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.sdk.testing.conformance import conformance

TestShopify = conformance(ShopifyConnector, simulator=ShopifySimulator)
