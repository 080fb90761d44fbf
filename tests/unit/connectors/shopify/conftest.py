"""A simulated shop behind a real HTTP server, and the connector talking to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.sdk.connector import ConnectorIO
from hub.sdk.http import HttpClient
from hub.sdk.records import NaturalKey, OutboundRecord
from hub.sdk.testing.io import MemoryTokens
from hub.sdk.testing.server import SimulatorServer


@pytest.fixture
def sim() -> ShopifySimulator:
    shop = ShopifySimulator()
    shop.add_product("VALVE-10", "Gate valve", "20.00", stock=50)
    shop.add_product("SEAL-3", "Seal ring", "4.00", stock=500)
    return shop


@pytest.fixture
def server(sim: ShopifySimulator) -> Iterator[SimulatorServer]:
    with sim.running() as face:
        yield face
        assert not face.errors


class QuickClock:
    """The simulator's clock; sleeping pushes it forward, and is noted."""

    def __init__(self, sim: ShopifySimulator) -> None:
        self.slept: list[float] = []
        self._clock = sim.clock
        self.now = sim.clock.now
        self.monotonic = sim.clock.monotonic

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._clock.advance(seconds)


@pytest.fixture
def clock(sim: ShopifySimulator) -> QuickClock:
    return QuickClock(sim)


@pytest.fixture
def connect(sim: ShopifySimulator, server: SimulatorServer, clock: QuickClock) -> Callable[..., ShopifyConnector]:
    tokens = MemoryTokens()

    def make(**settings: Any) -> ShopifyConnector:
        config = ShopifyConnector.Config(**{**sim.connection_config(server.url), "deadline": 20, **settings})
        http = HttpClient(allow_hosts=["127.0.0.1"], secrets=[sim.token, sim.secret], deadline=20)
        return ShopifyConnector(config, ConnectorIO(http, clock, None, tokens, "shop"))  # type: ignore[arg-type]

    return make


@pytest.fixture
def shop(connect: Callable[..., ShopifyConnector]) -> ShopifyConnector:
    return connect()


@pytest.fixture
def level(shop: ShopifyConnector) -> Callable[..., OutboundRecord]:
    """A write of a stock level."""

    def make(sku: str, available: Any, **given: Any) -> OutboundRecord:
        variant, place = shop.find("variant", NaturalKey("sku", sku)), shop.find("warehouse", NaturalKey("code", "WH"))
        assert variant
        assert place
        data = {"variant_id": variant.external_id, "location_id": place.external_id, "sku": sku, "available": available}
        return OutboundRecord("inventory_level", "upsert", data, f"key-{sku}-{available}", "hub-test-1", **given)

    return make
