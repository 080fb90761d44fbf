"""How fast the whole pipeline is: webhook in, translate, merge, route, render, HTTP out, every step recorded on disk.

Real processes: the receiver, the relay and two workers over PostgreSQL and RabbitMQ (where HUB_TEST_POSTGRES_URL and
HUB_TEST_AMQP_URL name them), or one process on SQLite; one more process is both shop and ERP. All share this machine's cores.
CPU figures count the hub, its database connections and the broker, and leave the shop and the ERP out.

Node-RED and n8n do the same job where they are installed (`tests.benchmarks.pipeline.peers`), and the ratios are those of this run.

HUB_BENCH_MESSAGES says how many messages a throughput run has: 200000 shows whether memory stays flat.
`python -m tests.benchmarks.bench_pipeline throughput` measures that part alone, and the peers.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from tests.benchmarks.pipeline import peers
from tests.benchmarks.pipeline.hubs import Driver, Running, cluster, embedded

COUNT = int(os.environ.get("HUB_BENCH_MESSAGES", "12000"))
PARKED = 10_000
Start = Callable[[Path, Sequence[str]], AbstractContextManager[Running]]
Metrics = dict[str, float | str]


def run(wanted: Sequence[str] = ()) -> Metrics:
    """The figures of both sizes, in the parts that are wanted (none = all), and of the peers where the throughput is among them."""
    metrics: Metrics = {}
    postgres, amqp = os.environ.get("HUB_TEST_POSTGRES_URL"), os.environ.get("HUB_TEST_AMQP_URL")
    if postgres and amqp:
        metrics |= _measured("cluster", lambda folder, targets: cluster(folder, targets, postgres, amqp), wanted)
    else:
        metrics["pipeline.cluster"] = "not measured: set HUB_TEST_POSTGRES_URL and HUB_TEST_AMQP_URL"
    metrics |= _measured("embedded", embedded, wanted)
    return metrics | (peers.run(metrics, COUNT) if not wanted or "throughput" in wanted else {})


def _measured(size: str, start: Start, wanted: Sequence[str]) -> Metrics:
    found: Metrics = {}
    for part in (_throughput, _latency, _burst, _resuming, _fairness):
        if not wanted or part.__name__.removeprefix("_") in wanted:
            found |= {f"pipeline.{size}.{name}": value for name, value in part(start).items()}
    return found


@contextmanager
def _hub(start: Start, driver: Driver, *, slow: bool = False) -> Iterator[Running]:
    targets = [driver.quick, driver.slow] if slow else [driver.quick]
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as name, start(Path(name), targets) as hub:
        yield hub


def _whole(said: dict[str, Any], count: int) -> None:
    if said["delivered"] != count or said["doubled"]:
        raise SystemExit(f"{said['delivered']} of {count} messages were delivered, {said['doubled']} of them twice")


def _throughput(start: Start) -> Metrics:
    """As many messages as the hub can take, at most 400 of them under way."""
    driver = Driver(COUNT, seconds=COUNT / 20)
    with _hub(start, driver) as hub:
        before, seen = hub.cpu(), _Memory(hub)
        said = driver.go(hub.url)
        after = hub.cpu()
        memory = seen.ended()
    _whole(said, COUNT)
    used = {role: (after[role] - before.get(role, 0.0)) * 1000 / COUNT for role in after}
    return {
        "messages_per_s": float(said["per_s"]),
        "cpu_ms_per_message": sum(used.values()),
        **{f"cpu_ms.{role}": share for role, share in used.items()},
        **memory,
    }


class _Memory:
    """Looks at the memory every second: what it was after a fifth of the run, and at the end."""

    def __init__(self, hub: Running) -> None:
        self._hub = hub
        self._seen: list[dict[str, float]] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._stop.wait(1.0):
            self._seen.append(self._hub.memory())

    def ended(self) -> Metrics:
        """The figures, in MiB."""
        self._stop.set()
        self._thread.join()
        self._seen.append(self._hub.memory())
        early = self._seen[len(self._seen) // 5]
        return {f"memory_mib.{role}": value for role, value in self._seen[-1].items()} | {
            f"memory_growth_mib.{role}": value - early[role] for role, value in self._seen[-1].items()
        }


def _latency(start: Start) -> Metrics:
    """Fifty messages a second: from the shop's request to the arrival at the ERP."""
    count = 1000
    driver = Driver(count, rate=50, window=count)
    with _hub(start, driver) as hub:
        said = driver.go(hub.url)
    _whole(said, count)
    return {"p50_ms_at_50_per_s": float(said["p50_ms"]), "p99_ms_at_50_per_s": float(said["p99_ms"])}


def _burst(start: Start) -> Metrics:
    """As many messages as the receiver takes, however far the workers fall behind."""
    driver = Driver(COUNT, window=COUNT, connections=64, seconds=COUNT / 20)
    with _hub(start, driver) as hub:
        said = driver.go(hub.url)
    _whole(said, COUNT)
    return {"accepted_per_s": float(said["accepted_per_s"]), "refused_for_a_while": float(said["refused"])}


def _resuming(start: Start) -> Metrics:
    """Ten thousand deliveries wait for a paused connection, and go out when it is resumed."""
    driver = Driver(PARKED, window=PARKED, connections=64, seconds=900)
    with _hub(start, driver) as hub:
        hub.ask("connections", "pause", "erp")
        driver.begin(hub.url)
        time.sleep(PARKED / 250)
        began = time.perf_counter()
        hub.ask("connections", "resume", "erp")
        said = driver.counted()
        took = time.perf_counter() - began
    _whole(said, PARKED)
    return {"resume_10000_parked_s": took}


def _fairness(start: Start) -> Metrics:
    """The throughput of one target while the same messages also go to another one that takes 50 ms for each."""
    count = COUNT // 4
    driver = Driver(count, seconds=count / 10)
    with _hub(start, driver, slow=True) as hub:
        said = driver.go(hub.url)
    _whole(said, count)
    return {
        "messages_per_s_beside_a_slow_target": float(said["per_s"]),
        "slow_target_per_s": said["slow"] / float(said["seconds"]),
    }


if __name__ == "__main__":
    for metric, value in run(sys.argv[1:]).items():
        sys.stdout.write(f"{metric:55} {value if isinstance(value, str) else f'{value:,.3f}'}\n")
