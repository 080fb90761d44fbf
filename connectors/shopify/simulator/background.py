"""Background queries of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError, execute_sync

from connectors.shopify.simulator.graph import Resolver, checked, schema, type_of
from connectors.shopify.simulator.shop import Refused, Shop
from hub.sdk.jsonio import dump_json
from hub.sdk.testing.simulator import Request, Response

Json = dict[str, Any]


class Background:
    """Runs queries in the background; ``looks`` says how often one asks before a query is done."""

    def __init__(self, shop: Shop, resolve: Callable[[], Resolver]) -> None:
        self._shop = shop
        self._resolve = resolve
        self._operations: dict[str, Json] = {}
        self._files: dict[str, bytes] = {}
        self.looks = 1
        self.base = ""

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {"bulkOperationRunQuery": self.start}

    def tables(self) -> dict[str, Resolver]:
        """The fields."""
        return {"QueryRoot.bulkOperation": lambda _, __, id: self.state(id)}  # noqa: A006

    def start(self, *, query: str, groupObjects: bool = False) -> Json:  # noqa: ARG002, N803
        """Start a query."""
        try:
            _, wrong = checked(query)
        except GraphQLError as error:
            raise Refused(f"Invalid bulk query: {error.message}", ["query"], "INVALID") from None
        if wrong:
            raise Refused(f"Invalid bulk query: {wrong[0].message}", ["query"], "INVALID")
        made = {"id": f"gid://shopify/BulkOperation/{self._shop.next_id()}", "status": "CREATED", "objectCount": "0", "query": query,
                "looks": 0, "url": None, "errorCode": None, "partialDataUrl": None}  # fmt: skip
        self._operations[str(made["id"])] = made
        return {"bulkOperation": made}

    def state(self, gid: str) -> Json | None:
        """How far it is; it goes on when it is looked at."""
        found = self._operations.get(gid)
        if found is not None and found["status"] in {"CREATED", "RUNNING"}:
            found["looks"] += 1
            found["status"] = "RUNNING"
            if found["looks"] > self.looks:
                self._finish(found)
        return found

    def fail(self, gid: str) -> None:
        """End a query as failed."""
        self._operations[gid].update(status="FAILED", errorCode="INTERNAL_SERVER_ERROR")

    def file(self, request: Request) -> Response:
        """The file of a query, or a range of it."""
        body = self._files.get(request.path)
        if body is None:
            return Response(404)
        span = request.headers.get("range", "")
        if not span.startswith("bytes="):
            return Response(200, {"content-type": "application/jsonl"}, body)
        first, _, last = span[6:].partition("-")
        if int(first) >= len(body):
            return Response(416, {"content-range": f"bytes */{len(body)}"})
        return Response(206, {"content-type": "application/jsonl"}, body[int(first) : int(last) + 1])

    def _finish(self, found: Json) -> None:
        document, _ = checked(found["query"])
        result = execute_sync(
            schema(), document, context_value="bulk", field_resolver=self._resolve(), type_resolver=type_of
        )
        if result.errors:
            self.fail(found["id"])
            return
        edges: list[Json] = next(iter((result.data or {}).values()), {"edges": []})["edges"]
        path = f"/bulk/{found['id'].rsplit('/', 1)[1]}.jsonl"
        rows = [row for edge in edges for row in _flat(edge["node"])]
        self._files[path] = b"".join(dump_json(row) + b"\n" for row in rows)
        found.update(status="COMPLETED", objectCount=str(len(rows)), url=f"{self.base}{path}" if rows else None)


def _flat(node: Json) -> list[Json]:
    """A record, and those of its connections behind it, which name it as their parent."""
    inner = {name: value["edges"] for name, value in node.items() if isinstance(value, dict) and "edges" in value}
    rows = [{name: value for name, value in node.items() if name not in inner}]
    for edges in inner.values():
        rows += [{**edge["node"], "__parentId": node["id"]} for edge in edges]
    return rows
