"""The generic connector: signed JSON webhooks in, JSON over HTTP out. For systems that have no connector of their own yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.webhook.connector import WebhookConnector

__all__ = ["WebhookConnector"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that listing the connectors stays quick.
    if name == "WebhookConnector":
        from connectors.webhook.connector import WebhookConnector

        return WebhookConnector
    raise AttributeError(name)
