"""Does the generic webhook connector keep the contract? Every named behaviour, against its simulated receiver."""

from connectors.webhook import WebhookConnector
from connectors.webhook.simulator import WebhookSimulator
from hub.sdk.testing.conformance import conformance

TestWebhook = conformance(WebhookConnector, simulator=WebhookSimulator, streams=["order", "customer"])
