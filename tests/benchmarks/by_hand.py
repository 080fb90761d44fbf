"""The Example ERP's connector as somebody would write it in Python: what the one that its file describes is measured against.

It reads the same list in the same pages and gives the same messages, and writes a customer with the same look-up before a repeat.
"""

from __future__ import annotations

from typing import Any

from connectors.example import ExampleConnector
from hub.errors import OutcomeUnknown
from hub.sdk import (
    FULL,
    Connector,
    ConnectorConfig,
    ConnectorIO,
    DeliverResult,
    Manifest,
    OutboundRecord,
    Page,
    RawMessage,
    StaticToken,
    Stream,
)


class ExampleByHand(Connector[ConnectorConfig]):
    """Orders and customers of the Example ERP."""

    manifest = Manifest(
        name="example", vendor="Example", title="Example ERP by hand",
        streams={"order": Stream("order", "order", poll=FULL), "customer": Stream("customer", "customer", create=FULL)},
    )  # fmt: skip
    Config = ExampleConnector.Config

    def __init__(self, config: ConnectorConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._url = config.url  # type: ignore[attr-defined]
        self._auth = StaticToken(io, config.api_token.get_secret_value())  # type: ignore[attr-defined]

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        """A page of orders, behind the last one."""
        size = min(limit, 200)
        asked: dict[str, Any] = {"limit": size}
        if cursor:
            asked |= {"changed_since": cursor["since"], "after_id": cursor["id"]}
        rows = self._auth.call("GET", f"{self._url}/api/orders", params=asked).raise_for().json()["items"]
        messages = [
            RawMessage(
                stream, str(row["id"]), row, f"{stream}:{row['id']}:{row['version']:020d}", "poll",
                f"{row['version']:020d}", "", row["updated_at"],
            )
            for row in rows
        ]  # fmt: skip
        last = {"since": rows[-1]["updated_at"], "id": rows[-1]["id"]} if rows else cursor
        return Page(messages, last, more=len(rows) == size)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """A new customer, once by its key."""
        answer = self._auth.call(
            "POST", f"{self._url}/api/customers", effect=True, json={**record.data, "reference": record.marker},
            headers={"idempotency-key": record.idempotency_key},
        ).raise_for().json()  # fmt: skip
        if not answer.get("id"):
            raise OutcomeUnknown("the answer does not name the customer")
        return DeliverResult(str(answer["id"]), "created", f"{answer['version']:020d}")
