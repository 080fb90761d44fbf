"""The generic webhook connector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from connectors.webhook.config import STREAMS, WebhookConfig
from connectors.webhook.inbound import message, verify
from connectors.webhook.outbound import Sender
from hub.sdk.challenges import echo_json, echo_query
from hub.sdk.connector import FULL, Capability, Connector, ConnectorIO, Manifest, Stream, Support
from hub.sdk.records import (
    Answer,
    DeliverResult,
    ExternalRef,
    Health,
    InboundRequest,
    NaturalKey,
    OutboundRecord,
    RawMessage,
)

_NATURAL = {"variant": "sku", "product": "code", "customer": "email", "warehouse": "code", "order": "number"}

_NO_KEY = Capability(Support.UNSUPPORTED, "a record of this kind has no natural key")


class WebhookConnector(Connector[WebhookConfig]):
    """Takes signed webhooks, and sends records as signed JSON requests."""

    manifest: ClassVar[Manifest] = Manifest(
        name="webhook",
        vendor="any",
        title="Signed webhooks in, JSON over HTTP out",
        sdk=">=1,<2",
        docs="docs/connectors/webhook.md",
        streams={
            name: Stream(
                name, name, webhook=FULL, find=FULL if name in _NATURAL else _NO_KEY, create=FULL, update=FULL, delete=FULL,
                natural_key=_NATURAL.get(name, ""), state_carrying=name not in {"shipment", "return"},
            )
            for name in STREAMS
        },
    )  # fmt: skip
    Config = WebhookConfig

    def __init__(self, config: WebhookConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._sender = Sender(config, io)

    def check(self) -> Health:
        """Does the receiver answer at all?"""
        takes = "takes webhooks" if self.config.secrets else "takes no webhooks (no secret)"
        if self.config.url is None:
            return Health(ok=bool(self.config.secrets), summary=f"{takes}; sends nothing (no url)")
        status = self._sender.reach()
        if status in {401, 403}:
            return Health(
                ok=False,
                summary=f"{takes}; the receiver refuses the credentials ({status})",
                fix="Check headers of the connection.",
            )
        return Health(ok=status < 500, summary=f"{takes}; the receiver answers ({status})", details={"status": status})

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        """Verify the signature over the raw body, then read the record."""
        verify(self.config, request, self.io.clock.now())
        yield message(self.config, request)

    def challenge(self, request: InboundRequest) -> Answer | None:
        """Echo what a vendor sends to see whether the address is ours, in the way that the settings say."""
        config = self.config
        token = config.challenge_proof.get_secret_value() if config.challenge_proof else ""
        if config.challenge_query:
            name = config.challenge_proof_query
            if said := echo_query(request, config.challenge_query, token=token, token_name=name):
                return said
        return (
            echo_json(request, config.challenge_field, field=config.challenge_field) if config.challenge_field else None
        )

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """Ask the receiver for a natural key, where it offers that."""
        if stream not in _NATURAL:
            raise self._unsupported("find", stream)
        return self._sender.find(stream, key)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Did an earlier attempt arrive?"""
        return self._sender.effect_of(record)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Send one record."""
        if record.stream not in STREAMS:
            raise self._unsupported(record.operation, record.stream)
        return self._sender.send(record)
