"""A hub as an operator runs it, in real processes, with what they cost: CPU seconds and memory, read from the kernel."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg

from tests.benchmarks.pipeline.driver import SECRET

HUB_YAML = """\
hub: 1
name: {name}
connections:
  shop:
    connector: webhook
    config: {{secret: "${{secret:SHOP_SECRET}}"}}
  erp:
    connector: webhook
    config: {{url: "{erp}", concurrency: 16}}
    allow_hosts: ["127.0.0.1"]
"""
SLOW_YAML = """\
  slow:
    connector: webhook
    config: {{url: "{slow}", concurrency: 16}}
    allow_hosts: ["127.0.0.1"]
"""
FLOWS = "- {flow: orders, entity: order, from: shop, to: erp}\n"
SLOW_FLOW = "- {flow: copies, entity: order, from: shop, to: slow}\n"
ROOT = Path(__file__).parents[3]
TICK = os.sysconf("SC_CLK_TCK")


@dataclass
class Process:
    """One command of the hub, with everything that it started."""

    role: str
    popen: subprocess.Popen[bytes]
    said: dict[str, Any] = field(default_factory=dict)

    def pids(self) -> list[int]:
        """The process and its descendants."""
        found, waiting = [], [self.popen.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            try:
                waiting += [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()]
            except OSError:
                continue
        return found

    def cpu(self) -> float:
        """CPU seconds so far."""
        return sum(cpu_of(pid) for pid in self.pids())

    def memory(self) -> float:
        """Resident MiB."""
        pages = 0
        for pid in self.pids():
            try:
                pages += int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
            except OSError:
                continue
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_of(pid: int) -> float:
    """CPU seconds of one process; nothing for one that has ended."""
    try:
        parts = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(parts[11]) + int(parts[12])) / TICK


class Running:
    """The processes of one hub, and the servers that work for it."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.processes: list[Process] = []
        self.url = ""
        self.database: str | None = None
        self.broker_pid: int | None = None

    def start(self, *arguments: str) -> Process:
        """Start one command and wait until it says that it runs."""
        log = (self.folder / f"{arguments[0]}.log").open("wb")
        command = [
            sys.executable,
            "-m",
            "hub",
            *arguments,
            "--project",
            str(self.folder),
            "--json",
            "--log-level",
            "error",
        ]
        popen = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=self.environment, cwd=ROOT)
        assert popen.stdout is not None
        process = Process(arguments[0], popen)
        self.processes.append(process)
        if "--processes" not in arguments:
            process.said = self._announced(popen, arguments[0])
        self.url = process.said.get("url") or self.url
        return process

    def _announced(self, popen: subprocess.Popen[bytes], role: str) -> dict[str, Any]:
        assert popen.stdout is not None
        said = b""
        for line in popen.stdout:
            said += line
            try:
                found: dict[str, Any] = json.loads(said)
            except ValueError:
                continue
            return found
        raise SystemExit(f"hub {role} did not start: {(self.folder / f'{role}.log').read_text()}")

    def cpu(self) -> dict[str, float]:
        """CPU seconds so far by what used them."""
        used: dict[str, float] = {}
        for process in self.processes:
            used[process.role] = used.get(process.role, 0.0) + process.cpu()
        if self.database is not None:
            with psycopg.connect(self.database, autocommit=True) as connection:
                rows = connection.execute(
                    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                ).fetchall()
            used["postgresql"] = sum(cpu_of(row[0]) for row in rows)
        if self.broker_pid is not None:
            used["rabbitmq"] = cpu_of(self.broker_pid)
        return used

    def ask(self, *arguments: str) -> None:
        """Run one more command of the hub and wait for it."""
        command = [sys.executable, "-m", "hub", *arguments, "--project", str(self.folder)]
        subprocess.run(command, check=True, env=self.environment, cwd=ROOT, stdout=subprocess.DEVNULL, timeout=60)

    def memory(self) -> dict[str, float]:
        """Resident MiB by role."""
        return {process.role: round(process.memory(), 1) for process in self.processes}

    def stop(self) -> None:
        """End every process."""
        for process in reversed(self.processes):
            process.popen.terminate()
        for process in self.processes:
            try:
                process.popen.wait(15)
            except subprocess.TimeoutExpired:
                process.popen.kill()
                process.popen.wait()


class Driver:
    """The shop and the ERP, as a process."""

    def __init__(self, count: int, **settings: float) -> None:
        options = [f"--{name}={value}" for name, value in settings.items()]
        command = [sys.executable, "-m", "tests.benchmarks.pipeline.driver", str(count), *options]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
        assert self.popen.stdout is not None
        self.quick, self.slow = self.popen.stdout.readline().decode().split()

    def go(self, url: str) -> dict[str, Any]:
        """Have it send everything to the hub at ``url``; returns what it counted."""
        self.begin(url)
        return self.counted()

    def begin(self, url: str) -> None:
        """Have it send everything to the hub at ``url``."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{url}\n".encode())
        self.popen.stdin.flush()

    def counted(self) -> dict[str, Any]:
        """What it counted, when it has ended."""
        assert self.popen.stdout is not None
        said = self.popen.stdout.read()
        if self.popen.wait() != 0:
            raise SystemExit("the driver failed")
        found: dict[str, Any] = json.loads(said.splitlines()[-1])
        return found


def write_project(folder: Path, targets: Sequence[str], name: str) -> None:
    """The project that the benchmark runs: orders from the shop to one target, or to a slow one as well."""
    (folder / "flows").mkdir(parents=True, exist_ok=True)
    slow = targets[1:]
    (folder / "hub.yaml").write_text(
        HUB_YAML.format(name=name, erp=targets[0]) + "".join(SLOW_YAML.format(slow=one) for one in slow)
    )
    (folder / "flows" / "flows.yaml").write_text(FLOWS + SLOW_FLOW * len(slow))


def environment(**more: str) -> dict[str, str]:
    """The processes' environment."""
    return {**os.environ, "SHOP_SECRET": SECRET.decode(), "HUB_API_TOKEN": "bench-token-12345", **more}


@contextmanager
def embedded(folder: Path, targets: Sequence[str]) -> Iterator[Running]:
    """The hub as one process on SQLite."""
    write_project(folder, targets, "bench")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with (folder / "hub.yaml").open("a") as file:
        file.write(f'listen: "127.0.0.1:{port}"\n')  # where `hub connections` asks the running hub
    running = Running(folder, environment(HUB_DATABASE_URL=f"sqlite:///{folder}/data/hub.db"))
    try:
        running.start("run")
        yield running
    finally:
        running.stop()


@contextmanager
def cluster(folder: Path, targets: Sequence[str], postgres: str, amqp: str, workers: int = 2) -> Iterator[Running]:
    """The hub as receiver, relay and workers over PostgreSQL and RabbitMQ, in a database and a virtual host of its own."""
    name = f"hub_bench_{secrets.token_hex(4)}"
    write_project(folder, targets, "bench")
    plain = postgres.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    database = urlunsplit(urlsplit(plain)._replace(path=f"/{name}"))
    vhost = _vhost(amqp, name)
    running = Running(
        folder,
        environment(HUB_DATABASE_URL=database.replace("postgresql://", "postgresql+psycopg://"), HUB_BROKER_URL=vhost),
    )
    running.database = database
    running.broker_pid = _broker_pid()
    try:
        running.start("web", "--port", "0")
        running.start("relay")
        if workers == 1:
            running.start("worker")
        else:
            running.start("worker", "--processes", str(workers))
            time.sleep(4.0)
        yield running
    finally:
        running.stop()
        with psycopg.connect(plain, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        if vhost != amqp:
            _rabbitmqctl("delete_vhost", name)


def _vhost(amqp: str, name: str) -> str:
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        return amqp
    parts = urlsplit(amqp)
    _rabbitmqctl("add_vhost", name)
    _rabbitmqctl("set_permissions", "-p", name, parts.username or "guest", ".*", ".*", ".*")
    return urlunsplit((parts.scheme, parts.netloc, "/" + quote(name, safe=""), parts.query, ""))


def _rabbitmqctl(*arguments: str) -> None:
    subprocess.run(["rabbitmqctl", "--quiet", *arguments], check=True, timeout=60, stdout=subprocess.DEVNULL)


def _broker_pid() -> int | None:
    found: Sequence[str] = subprocess.run(
        ["pgrep", "-o", "beam.smp"], check=False, capture_output=True, text=True
    ).stdout.split()
    return int(found[0]) if found else None
