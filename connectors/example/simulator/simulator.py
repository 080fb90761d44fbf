"""The Example ERP, simulated: orders and customers by a JSON REST API below /api, items by an OData v4 service below /odata."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from connectors.example.simulator.odata import Items, time_text
from hub.errors import InputRefused
from hub.sdk import dump_json, sign_hmac_base64
from hub.sdk.records import InboundRequest
from hub.sdk.testing.simulator import NotApplicable, Request, Response, Simulator

TOKEN = "example-token-of-the-simulator"  # noqa: S105 - of a made-up system
SECRET = "example-webhook-secret-of-the-simulator"  # noqa: S105
Row = dict[str, Any]


class ExampleSimulator(Simulator):
    """One Example ERP with orders, customers and items."""

    name: ClassVar[str] = "example"

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.tables: dict[str, dict[int, Row]] = {"order": {}, "customer": {}}
        self.items = Items(self)
        self._answers: dict[str, int] = {}
        self._serial = 1000

    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this simulator."""
        return {"url": url, "api_token": TOKEN, "webhook_secret": SECRET}

    # --- what users do in the Example ERP

    def place_order(self, lines: list[Row] | None = None, **fields: Any) -> int:
        """A buyer orders."""
        given: list[Row] = [{"sku": "VALVE-10", "quantity": 2, "price": "14.90"}] if lines is None else lines
        number = self._serial + 1
        buyer = {"id": 1, "email": "jane@example.com", "name": "Jane Buyer"}
        total = sum((Decimal(line["price"]) * line["quantity"] for line in given), Decimal(0))
        order = {
            "number": f"E{number}",
            "currency": "EUR",
            "status": "open",
            "buyer": buyer,
            "note": "",
            "lines": given,
        }
        row = self._insert("order", {**order, "total": str(total), **fields})
        if self.webhook_urls:
            self.emit_webhook("order", str(row["id"]))
        return int(row["id"])

    def add_item(self, number: str, **fields: Any) -> int:
        """Somebody enters an item; returns its id."""
        with self.lock:
            return int(self.items.insert({"ItemNo": number, **fields})["ItemId"])

    def _insert(self, stream: str, data: Row) -> Row:
        with self.lock:
            self._serial += 1
            at = data.pop("updated_at", None) or self.clock.now()
            row = {**data, "id": self._serial, "version": 1, "created_at": at.isoformat(), "updated_at": at.isoformat()}
            self.tables[stream][self._serial] = row
            return row

    def _touch(self, row: Row, **changes: Any) -> Row:
        row.update(changes, version=row["version"] + 1, updated_at=self.clock.now().isoformat())
        return row

    # --- the API

    def respond(self, request: Request) -> Response:
        """Answer one request."""
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return self.expired_token()
        try:
            return self._respond(request)
        except InputRefused:
            return Response.json({"error": {"code": "BadRequest", "message": "the body is not JSON"}}, 400)

    def _respond(self, request: Request) -> Response:
        if request.path == "/odata/$metadata":
            return _published("metadata.xml", "application/xml")
        if request.path.startswith("/odata/"):
            return self.items.respond(request)
        if request.path == "/api/openapi.yaml":
            return _published("openapi.yaml", "application/yaml")
        if request.path == "/api/ping":
            return Response.json({"account": "Simulated Example ERP", "version": "1"})
        root, api, plural, *rest = [*request.path.split("/"), "", ""][:5]
        stream = plural.removesuffix("s")
        table = self.tables.get(stream)
        if root or api != "api" or table is None:
            return Response.json({"error": "not found"}, 404)
        if rest[0]:
            row = table.get(int(rest[0])) if rest[0].isdigit() else None
            if row is None:
                return Response.json({"error": "not found"}, 404)
            return self._update(stream, row, request) if request.method == "PUT" else Response.json(row)
        return self._create(stream, request) if request.method == "POST" else self._list(table, request.query)

    def _list(self, table: dict[int, Row], asked: dict[str, str]) -> Response:
        rows = sorted(table.values(), key=lambda row: (datetime.fromisoformat(row["updated_at"]), row["id"]))
        for name in ("email", "reference"):
            if name in asked:
                rows = [row for row in rows if str(row.get(name, "")).casefold() == asked[name].casefold()]
        if "changed_since" in asked:
            since = datetime.fromisoformat(asked["changed_since"])
            rows = [row for row in rows if _behind(row, since, asked.get("after_id"))]
        return Response.json({"items": rows[: int(asked.get("limit", 50))]})

    def _create(self, stream: str, request: Request) -> Response:
        data = request.json()
        if stream != "customer":
            return Response.json({"error": f"a {stream} cannot be made through the API"}, 405)
        if not data.get("email"):
            return Response.json({"error": "email is missing"}, 422)
        key = request.headers.get("idempotency-key", "")
        if key in self._answers:
            return Response.json(self.tables[stream][self._answers[key]], 201)
        row = self._insert(stream, data)
        if key:
            self._answers[key] = row["id"]
        self.effect(f"{stream}.create", str(row["id"]), row)
        return Response.json(row, 201)

    def _update(self, stream: str, row: Row, request: Request) -> Response:
        self._touch(row, **request.json())
        self.effect(f"{stream}.update", str(row["id"]), row)
        return Response.json(row)

    # --- what the conformance kit asks for

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Records as users make them."""
        if stream == "order":
            return [str(self.place_order()) for _ in range(n)]
        if stream == "variant":
            samples = [self.sample_outbound(stream) for _ in range(n)]
            return [str(self.add_item(sample.pop("ItemNo"), **sample)) for sample in samples]
        return [str(self._insert(stream, self.sample_outbound(stream))["id"]) for _ in range(n)]

    def put_record(self, stream: str, **fields: Any) -> str:
        """A record with given values in it."""
        if stream == "variant":
            return self._put_item(**fields)
        line = {"sku": fields.get("sku", "VALVE-10"), "quantity": 1, "price": str(fields.get("price", Decimal("9.90")))}
        extra = dict(fields.get("extra", {}))
        if "updated_at" in fields:
            extra["updated_at"] = fields["updated_at"]
        lines = [dict(line) for _ in range(fields.get("lines", 1))]
        return str(self.place_order(lines, note=fields.get("text", ""), **extra))

    def _put_item(self, **fields: Any) -> str:
        if "lines" in fields:
            raise NotApplicable("an item has no lines")
        names = {"text": "Description", "price": "UnitPrice"}
        given = {names[name]: value for name, value in fields.items() if name in names}
        if "updated_at" in fields:
            given["ModifiedAt"] = time_text(fields["updated_at"])
        number = fields.get("sku") or self.sample_outbound("variant")["ItemNo"]
        return str(self.add_item(number, **given, **fields.get("extra", {})))

    def change(self, stream: str, external_id: str) -> None:
        """A user edits the record."""
        with self.lock:
            if stream == "variant":
                item = self.items.rows[int(external_id)]
                self.items.touch(item, Description=f"edited {self.random.randrange(10**9)}")
                return
            row = self.tables[stream][int(external_id)]
            self._touch(row, note=f"edited {row['version']} times")

    def delete(self, stream: str, external_id: str) -> None:
        """A user deletes the record; an item is blocked."""
        with self.lock:
            if stream == "variant":
                self.items.touch(self.items.rows[int(external_id)], Blocked=True)
                return
            del self.tables[stream][int(external_id)]

    def natural_key(self, stream: str, external_id: str) -> str:
        """The customer's e-mail address, the item's number."""
        if stream == "variant":
            return str(self.items.rows[int(external_id)]["ItemNo"])
        return str(self.tables[stream][int(external_id)]["email"])

    def sample_outbound(self, stream: str) -> Row:
        """A customer or an item that is valid, and different each time."""
        number = self.random.randrange(10**9)
        if stream == "variant":
            return {
                "ItemNo": f"VALVE-{number}",
                "Description": f"Valve {number}",
                "UnitPrice": Decimal("14.90"),
                "Currency": "EUR",
            }
        return {"email": f"buyer{number}@example.com", "name": f"Buyer {number}"}

    def sample_change(self, stream: str, data: Row) -> Row:
        """The same customer or item under another name."""
        name = "Description" if stream == "variant" else "name"
        return {**data, name: f"{data[name]} Jr."}

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        """The webhook of a record as it is now."""
        body = dump_json({"event": f"{stream}.changed", "record": self.tables[stream][int(external_id)]})
        return self.sign_webhook(InboundRequest("POST", "/", {"content-type": "application/json"}, body))

    def sign_webhook(self, request: InboundRequest) -> InboundRequest:
        """The same request with a right signature."""
        headers = {**request.headers, "x-example-signature": sign_hmac_base64(SECRET, request.body)}
        return InboundRequest(request.method, request.path, headers, request.body)


def _published(name: str, content_type: str) -> Response:
    """What the system says of itself."""
    return Response(200, {"content-type": content_type}, (Path(__file__).parent / name).read_bytes())


def _behind(row: Row, since: datetime, after_id: str | None) -> bool:
    at = datetime.fromisoformat(row["updated_at"])
    return at > since or (at == since and (after_id is None or row["id"] > int(after_id)))
