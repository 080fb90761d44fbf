"""How fast connectors read and write, each against its own simulator on loopback at unlimited rate, one call after the other.

The simulator runs in the same process, so a rate says how fast both are together. ``own_share`` is the part of the CPU time that the
connector and the SDK use, its HTTP client included; the rest is the simulator's. ``own_us`` is the same in microseconds of CPU time a
record, which a busy machine changes little. ``example`` is described in a file and ``by_hand`` is the
same in Python: what the description costs.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any

from connectors.example import ExampleConnector
from connectors.example.simulator import ExampleSimulator
from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from connectors.shopify import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.webhook import WebhookConnector
from connectors.webhook.simulator import WebhookSimulator
from hub.sdk.testing.bench import Bench
from tests.benchmarks.by_hand import ExampleByHand

RECORDS, WRITES, PAGE = 400, 60, 100
MANY = 10
"""So many times as much for simulators that are done in no time."""
Row = tuple[str, Any, Callable[[], Any], str, str, int]

CONNECTORS: tuple[Row, ...] = (
    ("shopify", ShopifyConnector, partial(ShopifySimulator, bucket=1e9, restore_rate=1e9), "order", "customer", 1),
    ("odoo", OdooConnector, OdooSimulator, "variant", "order", 1),
    ("webhook", WebhookConnector, WebhookSimulator, "", "order", MANY),
    ("example", ExampleConnector, ExampleSimulator, "order", "customer", MANY),
    ("by_hand", ExampleByHand, ExampleSimulator, "order", "customer", MANY),
)


def run() -> dict[str, float | str]:
    """Records a second, read and written, and the share of the hub's own code in both."""
    metrics: dict[str, float | str] = {}
    for name, connector, simulator, reads, writes, times in CONNECTORS:
        own, whole = 0.0, 0.0
        for verb, stream, work in (("read", reads, _read), ("write", writes, _written)):
            if not stream:
                continue
            with Bench(connector, simulator, {"rate": 1e6}) as bench:
                go = work(bench, stream, times)
                began = time.perf_counter(), time.thread_time(), time.process_time()
                count = go()
                seconds = time.perf_counter() - began[0]
                spent = time.thread_time() - began[1]
                own += spent
                whole += time.process_time() - began[2]
            metrics[f"connectors.{name}.{verb}_records_per_s"] = count / seconds
            metrics[f"connectors.{name}.{verb}_own_us"] = 1e6 * spent / count
        metrics[f"connectors.{name}.own_share"] = own / whole
    return metrics


def _read(bench: Bench, stream: str, times: int) -> Callable[[], int]:
    made, connector = set(bench.sim.seed_records(stream, RECORDS * times)), bench.connector()

    def go() -> int:
        found: set[str] = set()
        cursor, more = None, True
        while more:
            page = connector.poll(stream, cursor, PAGE)
            found |= {message.external_id for message in page.messages}
            cursor, more = page.cursor, page.more
        assert made <= found, f"{len(made - found)} records of {stream} were not read"
        return len(found)

    return go


def _written(bench: Bench, stream: str, times: int) -> Callable[[], int]:
    records, connector = [bench.record(stream) for _ in range(WRITES * times)], bench.connector()

    def go() -> int:
        made = {connector.deliver(record).external_id for record in records}
        assert len(made) == len(records), f"{len(records)} writes of {stream} made {len(made)} records"
        return len(records)

    return go


if __name__ == "__main__":
    for metric, value in run().items():
        print(f"{metric:45} {value:,.3f}")
