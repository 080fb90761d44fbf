"""A tiny vendor for the SDK's own tests: orders under /orders, served over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from hub.sdk.http import HttpClient
from hub.sdk.records import InboundRequest
from hub.sdk.testing.server import SimulatorServer
from hub.sdk.testing.simulator import Request, Response, Simulator
from hub.sdk.webhooks import sign_hmac_base64


class TinySimulator(Simulator):
    name = "tiny"
    secret = "tiny-webhook-secret"

    def connection_config(self, url: str) -> dict[str, Any]:
        return {"url": url}

    def respond(self, request: Request) -> Response:
        if request.path == "/echo":
            return Response.json({"headers": request.headers, "query": request.query, "body": request.body.decode()})
        if request.path == "/orders" and request.method == "POST":
            order = request.json()
            self.effect("order.create", order["id"], order)
            return Response.json({"id": order["id"]}, status=201)
        if request.path == "/big":
            return Response(200, {"content-type": "application/json"}, b'"' + b"x" * 300_000 + b'"')
        if request.path == "/moved":
            return Response(302, {"location": "http://169.254.169.254/"})
        return Response.json({"ok": True})

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        body = json.dumps({"id": external_id}).encode()
        signature = sign_hmac_base64(self.secret, body)
        return InboundRequest("POST", "/hooks", {"x-topic": stream, "x-signature": signature}, body)


@pytest.fixture
def tiny() -> TinySimulator:
    return TinySimulator()


@pytest.fixture
def face(tiny: TinySimulator) -> Iterator[SimulatorServer]:
    with tiny.running() as server:
        yield server
        assert not server.errors


@pytest.fixture
def http() -> Iterator[HttpClient]:
    client = HttpClient(allow_hosts=["127.0.0.1"], secrets=["s3cret-t0ken"], deadline=5)
    yield client
    client.close()
