"""How fast the whole pipeline is: webhook in, translate, merge, route, render, HTTP out, every step recorded on disk.

Real processes: the receiver, the relay and a worker over PostgreSQL and RabbitMQ (where HUB_TEST_POSTGRES_URL and
HUB_TEST_AMQP_URL name them), or one process on SQLite; one more process is both shop and ERP. All share this machine's cores.
CPU figures count the hub, its database connections and the broker, and leave the driver out.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import AbstractContextManager
from pathlib import Path

from tests.benchmarks.pipeline.hubs import Driver, Running, cluster, embedded

COUNT = int(os.environ.get("HUB_BENCH_MESSAGES", "12000"))


def run() -> dict[str, float | str]:
    """The figures of both sizes."""
    metrics: dict[str, float | str] = {}
    postgres, amqp = os.environ.get("HUB_TEST_POSTGRES_URL"), os.environ.get("HUB_TEST_AMQP_URL")
    if postgres and amqp:
        metrics |= _measured("cluster", lambda folder, erp: cluster(folder, erp, postgres, amqp))
    else:
        metrics["pipeline.cluster"] = "not measured: set HUB_TEST_POSTGRES_URL and HUB_TEST_AMQP_URL"
    return metrics | _measured("embedded", embedded)


def _measured(size: str, start: object) -> dict[str, float | str]:
    driver = Driver(COUNT)
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name:
        opened: AbstractContextManager[Running] = start(Path(name), driver.url)  # type: ignore[operator]
        with opened as hub:
            before = hub.cpu()
            said = driver.go(hub.url)
            after = hub.cpu()
            memory = hub.memory()
    if said["delivered"] != COUNT or said["doubled"]:
        raise SystemExit(f"{size}: {said['delivered']} of {COUNT} delivered, {said['doubled']} doubled")
    used = {role: (after[role] - before.get(role, 0.0)) * 1000 / COUNT for role in after}
    return {
        f"pipeline.{size}.messages_per_s": float(said["per_s"]),
        f"pipeline.{size}.cpu_ms_per_message": sum(used.values()),
        **{f"pipeline.{size}.cpu_ms.{role}": share for role, share in used.items()},
        **{f"pipeline.{size}.memory_mib.{role}": share for role, share in memory.items()},
    }


if __name__ == "__main__":
    for metric, value in run().items():
        print(f"{metric:45} {value if isinstance(value, str) else f'{value:,.3f}'}")
