"""The project that the hub under test runs: one source, three targets, everything over the generic webhook connector."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from tests.chaos.traffic import SECRET

API_TOKEN = "the-token-of-the-chaos-ring"
TARGETS = ("keyed", "marker", "ordered")

FLOWS = """\
- {flow: orders-keyed, entity: order, from: src, to: keyed}
- {flow: orders-marker, entity: order, from: src, to: marker}
- {flow: orders-ordered, entity: order, from: src, to: ordered}
- {flow: shipments-ordered, entity: shipment, from: src, to: ordered}
"""
SHIPMENTS = """\
mapping: 1
description: A dispatch of the ring's shop.
from: webhook/shipment
to: canonical/shipment@1
key: "{{ src.id | text }}"
output:
  order: {$link: order, key: "{{ src.order_id | text }}"}
  number: "{{ src.number | text }}"
  status: shipped
  lines: [{sku: SKU-1, quantity: 1}]
"""


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds: how long a call may take, how long an unanswered one may yet take effect, and how long work is leased."""

    deadline: float = 2.0
    settle: float = 2.5
    lease: float | None = None
    """None = the product's own, a minute. The short form of the ring shortens it, so that frozen workers fit into it."""

    @property
    def longest_lease(self) -> float:
        """After so many seconds the work of a dead worker has been given to another."""
        return (self.lease or 60.0) + 6.0


def write_project(
    folder: Path, name: str, ports: dict[str, int], times: Times, database: str, broker: str | None
) -> Path:
    """Write the project's files; returns the folder."""
    (folder / "flows").mkdir(parents=True)
    (folder / "mappings").mkdir()
    common = {"deadline": times.deadline, "settle": times.settle, "concurrency": 6}
    connections: dict[str, object] = {
        "src": {"connector": "webhook", "config": {"secret": "${secret:SRC_SECRET}"}},
    }
    for target in TARGETS:
        kind = {"idempotent": False, "lookup": True} if target == "marker" else {"idempotent": True, "lookup": False}
        config = {"url": f"http://127.0.0.1:{ports[target]}", **kind, **common}
        connections[target] = {"connector": "webhook", "allow_hosts": ["127.0.0.1"], "config": config}
    document = {"hub": 1, "name": name, "database": database, "broker": broker, "connections": connections}
    (folder / "hub.yaml").write_text(json.dumps(document, indent=1), encoding="utf-8")
    (folder / "flows" / "flows.yaml").write_text(FLOWS, encoding="utf-8")
    (folder / "mappings" / "shipment.to_canonical.yaml").write_text(SHIPMENTS, encoding="utf-8")
    secrets = f"SRC_SECRET={SECRET}\nHUB_API_TOKEN={API_TOKEN}\n"
    (folder / ".env").touch(mode=0o600)
    (folder / ".env").write_text(secrets, encoding="utf-8")
    return folder
