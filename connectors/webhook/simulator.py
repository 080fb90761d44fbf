"""A simulated system at the other end: it keeps what it is sent, once an idempotency key, and sends signed webhooks."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import Any, ClassVar
from urllib.parse import unquote

from hub.sdk.jsonio import dump_json, read_json
from hub.sdk.records import InboundRequest
from hub.sdk.testing.simulator import NotApplicable, Request, Response, Simulator
from hub.sdk.webhooks import sign_hmac_base64

MOST_KEYS = 2_000_000
VERIFY_TOKEN = "webhook-verify-token"  # noqa: S105 - a made-up token of a made-up system
SECRET = "webhook-simulator-key"  # noqa: S105 - a made-up key of a made-up system


class WebhookSimulator(Simulator):
    """Answers POST, PUT, DELETE and GET below ``/<stream>``. ``records[stream][id]`` is what it holds."""

    name: ClassVar[str] = "webhook"

    def __init__(self, *, seed: int = 1, clock: Any = None, honours_keys: bool = True) -> None:
        super().__init__(seed=seed, clock=clock)
        self.honours_keys = honours_keys
        self.records: dict[str, dict[str, dict[str, Any]]] = {}
        self.sources: dict[str, dict[str, dict[str, Any]]] = {}
        self._answers: dict[str, Response] = {}
        self._numbers = itertools.count(1)
        self._events = itertools.count(1)

    def connection_config(self, url: str) -> dict[str, Any]:
        """Settings that reach this system at ``url``."""
        return {
            "secret": SECRET, "url": url, "lookup": True, "idempotent": self.honours_keys, "challenge_query": "hub.challenge",
            "challenge_proof_query": "hub.verify_token", "challenge_proof": VERIFY_TOKEN,
        }  # fmt: skip

    def rotated_config(self, url: str) -> dict[str, Any]:
        """The settings after a change of the key, of which this system does not know yet."""
        return {**self.connection_config(url), "secret": "the-key-from-tomorrow", "previous_secret": SECRET}

    def challenge_request(self) -> tuple[InboundRequest, bytes]:
        """The test that WebSub and Meta make of an address."""
        query = {"hub.mode": "subscribe", "hub.challenge": "1158201444", "hub.verify_token": VERIFY_TOKEN}
        return InboundRequest("GET", "/", {}, b"", query), b"1158201444"

    def respond(self, request: Request) -> Response:
        """Keep, change, delete or list records."""
        stream, _, external_id = unquote(request.path).strip("/").partition("/")
        if request.method == "GET":
            return self._list(stream, external_id, request.query)
        key = request.headers.get("idempotency-key", "")
        if self.honours_keys and key in self._answers:
            return self._answers[key]
        answer = self._write(request, stream, external_id)
        if key:
            self._answers[key] = answer
        return answer

    def _list(self, stream: str, external_id: str, query: dict[str, str]) -> Response:
        if not stream:
            return Response.json({"status": "ok"})
        held = self.records.get(stream, {})
        if external_id:
            return Response.json(held[external_id]) if external_id in held else Response.json({}, 404)
        fits = [
            record for record in held.values() if all(str(record.get(name)) == value for name, value in query.items())
        ]
        return Response.json(fits)

    def _write(self, request: Request, stream: str, external_id: str) -> Response:
        held = self.records.setdefault(stream, {})
        if request.method == "DELETE":
            if held.pop(external_id, None) is None:
                return Response.json({}, 404)
            self.effect(f"{stream}.delete", external_id)
            return Response(204)
        if request.method == "PUT" and external_id not in held:
            return Response.json({"error": "unknown id"}, 404)
        verb = "update" if external_id else "create"
        external_id = external_id or f"{stream}-{next(self._numbers)}"
        data = read_json(request.body, max_keys=MOST_KEYS)
        held[external_id] = {**data, "id": external_id, "marker": request.headers.get("x-marker", "")}
        self.effect(f"{stream}.{verb}", external_id, data)
        return Response.json({"id": external_id}, 201 if verb == "create" else 200)

    # --- the other direction

    def put_source(self, stream: str, payload: dict[str, Any]) -> str:
        """Have a record here that webhooks can tell of; returns its id."""
        external_id = str(payload["id"])
        with self.lock:
            self.sources.setdefault(stream, {})[external_id] = payload
        return external_id

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Records as this system writes them; those with a natural key are found by it, too."""
        return [self._seeded(stream) for _ in range(n)]

    def _seeded(self, stream: str) -> str:
        number = next(self._numbers)
        external_id = self.put_source(stream, self._made(stream, number))
        if stream in _KEYS:
            with self.lock:
                held = {"id": external_id, _KEYS[stream]: f"{stream.upper()}-{number}"}
                self.records.setdefault(stream, {})[external_id] = held
        return external_id

    def change(self, stream: str, external_id: str) -> None:
        """Give the record a new name and a later time."""
        with self.lock:
            record = self.sources[stream][external_id]
            self.clock.advance(1)
            record |= {"note": f"changed {next(self._events)}", "updated_at": self.clock.now().isoformat()}

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        """The signed webhook for a record as it is now."""
        if stream not in _TOPICS:
            raise NotApplicable(f"no topic stands for {stream} unless the settings say so")
        with self.lock:
            return self.signed(f"{_TOPICS[stream]}/update", dump_json(self.sources[stream][external_id]))

    def signed(self, topic: str, body: bytes, event: str = "") -> InboundRequest:
        """A signed request with any body."""
        stamp = str(int(self.clock.now().timestamp()))
        headers = {
            "content-type": "application/json",
            "x-timestamp": stamp,
            "x-topic": topic,
            "x-event-id": event or f"evt-{self.seed}-{next(self._events)}",
            "x-signature": sign_hmac_base64(SECRET, f"{stamp}.".encode() + body),
        }
        return InboundRequest(method="POST", path="/", headers=headers, body=body)

    def sign_webhook(self, request: InboundRequest) -> InboundRequest:
        """The same topic with any body, rightly signed."""
        return self.signed(request.headers["x-topic"], request.body)

    def natural_key(self, stream: str, external_id: str) -> str:
        """What the receiver's records are found by."""
        with self.lock:
            return str(self.records[stream][external_id][_KEYS[stream]])

    def sample_outbound(self, stream: str) -> dict[str, Any]:
        """Any JSON object will do."""
        number = next(self._numbers)
        return {"number": f"#{number}", "sku": f"SKU-{number}", "stream": stream}

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """The same with a note."""
        return {**data, "note": f"changed in {stream}"}

    def _made(self, stream: str, number: int) -> dict[str, Any]:
        at = (self.clock.now() - timedelta(hours=1)).isoformat()
        if stream == "variant":
            return {
                "id": number,
                "sku": f"SKU-{number}",
                "title": "A shirt",
                "price": "19.90",
                "currency": "EUR",
                "updated_at": at,
            }
        if stream == "customer":
            return {
                "id": number,
                "email": f"c{number}@example.com",
                "first_name": "Anna",
                "last_name": "Meyer",
                "updated_at": at,
            }
        return {
            "id": number, "name": f"#{1000 + number}", "currency": "EUR", "created_at": at, "updated_at": at,
            "financial_status": "paid",
            "customer": {"id": 501, "email": "anna@example.com", "first_name": "Anna", "last_name": "Meyer"},
            "shipping_address": {"name": "Anna Meyer", "address1": "Hauptstr. 1", "zip": "10115", "city": "Berlin", "country_code": "DE"},
            "line_items": [{"id": 1, "sku": "SKU-1", "title": "A shirt", "quantity": 2, "price": "19.90", "tax_rate": "0.19"}],
            "shipping_lines": [{"title": "DHL", "price": "4.90"}], "discounts": [], "total_tax": "7.14", "total_price": "44.70",
        }  # fmt: skip


_TOPICS = {
    "order": "orders", "variant": "products", "customer": "customers", "inventory_level": "stock", "shipment": "shipments",
    "warehouse": "warehouses", "return": "returns",
}  # fmt: skip
_KEYS = {"variant": "sku", "product": "code", "customer": "email", "warehouse": "code", "order": "number"}
