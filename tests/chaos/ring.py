"""One run of the ring: start everything, send, strike, let it come to rest, and account."""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.canonical.reasons import REASONS
from hub.errors import StoreError
from hub.store import Conservation, Store
from tests.chaos.accounting import Account, account, read_effects, read_sent
from tests.chaos.faults import Chaos, Fault, World
from tests.chaos.processes import CLUSTER, EMBEDDED, REPOSITORY, HubProcesses
from tests.chaos.project import API_TOKEN, TARGETS, Times, write_project
from tests.chaos.services import Disk, Postgres, Rabbit, free_port
from tests.chaos.traffic import Fact

Tell = Callable[[str, int, int], None]
"""Called with what is going on, how much of it is done, and of how much."""


@dataclass(frozen=True)
class Plan:
    """What a run does."""

    name: str
    messages: int
    seconds: float
    """How long it sends, and strikes."""
    seed: int
    faults: Sequence[Fault] = ()
    pause: tuple[float, float] = (1.0, 3.5)
    """Seconds between two faults."""
    times: Times = field(default_factory=Times)
    targets: dict[str, Any] = field(default_factory=dict)
    """Where the targets' faults differ from the usual ones."""
    sabotage: tuple[str, ...] = ()
    patience: float = 120.0
    """Seconds that everything may take to come to rest at the end."""
    skipped: Sequence[str] = ()
    """What cannot be done on this machine, and why."""
    sending: float | None = None
    """How long it sends, where that is shorter."""
    script: Callable[[World, str], None] | None = None
    """Something that is done to the hub at a chosen moment instead of at random; it gets the address of the database, too."""
    quiet: float = 0.5
    """So many seconds nothing may be in flight until it counts as at rest."""
    orphans: bool = False
    """Shipments may wait for an order that was lost: a negative control."""


@dataclass
class Result:
    """What a run has shown."""

    name: str
    seed: int
    seconds: float = 0.0
    accounts: list[Account] = field(default_factory=list)
    struck: Counter[str] = field(default_factory=Counter)
    target_faults: Counter[str] = field(default_factory=Counter)
    exceptions: Counter[str] = field(default_factory=Counter)
    """All exceptions that came up, by code; those still open at the end are in ``open``."""
    open: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    conservation: Conservation | None = None
    skipped: Sequence[str] = ()
    restless: bool = False
    """It did not come to rest in time."""
    wrong: list[str] = field(default_factory=list)
    """What must not be, in sentences. Empty = passed."""

    @property
    def passed(self) -> bool:
        """Is everything as it must be?"""
        return not self.wrong

    def sum(self, name: str) -> int:
        """A figure over all targets."""
        return sum(getattr(one, name) for one in self.accounts)


@dataclass
class Ring:
    """The surroundings of a run: a folder, and the services of the cluster where it is to be one."""

    folder: Path
    postgres: Postgres | None = None
    rabbit: Rabbit | None = None
    disk: Disk | None = None

    def run(self, plan: Plan, tell: Tell = lambda *_: None) -> Result:
        """One run, from the first process to the account."""
        began = time.monotonic()
        result = Result(plan.name, plan.seed, skipped=plan.skipped)
        folder = self.folder / plan.name
        folder.mkdir()
        ports = {target: free_port() for target in TARGETS}
        with contextlib.ExitStack() as stack:
            stack.enter_context(_targets(folder, plan, ports))
            world, database = self._world(folder, plan, ports)
            stack.callback(world.hub.kill_all)
            tell("starting", 0, plan.messages)
            world.hub.start_all()
            _send_and_strike(folder, plan, world, database, result, tell)
            for port in ports.values():
                _post(f"http://127.0.0.1:{port}/calm")
            if world.postgres:
                world.postgres.wait()
            store = stack.enter_context(contextlib.closing(Store.open(database, readonly=True)))
            _rest(plan, world, store, result, tell)
            time.sleep(2.0)  # what is late must have come
            for port in ports.values():
                result.target_faults.update(json.loads(_get(f"http://127.0.0.1:{port}/struck")))
            _account(folder, store, result)
            world.hub.stop()
            result.ended += world.hub.ended
            if count := world.hub.tracebacks():
                result.wrong.append(f"{count} tracebacks in the logs of the hub's processes")
        result.seconds = time.monotonic() - began
        return result

    def _world(self, folder: Path, plan: Plan, ports: dict[str, int]) -> tuple[World, str]:
        """The hub's project and its processes, not started yet, and the address of its database."""
        port = free_port()
        installation = f"ring{plan.seed % 1000}{len(plan.name)}"
        if self.postgres and self.rabbit and self.disk:
            database = self.postgres.create(plan.name.replace("-", "_"))
            project = write_project(folder / "project", installation, ports, plan.times, database, self.rabbit.url)
            sabotage = [*plan.sabotage, "--broker", self.rabbit.url] if plan.sabotage else []
            hub = HubProcesses(project, port, CLUSTER, lease=plan.times.lease, sabotage=sabotage)
            groups = ("inbound", *(f"deliver.{name}" for name in ("src", *TARGETS)))
            queues = [f"hub.{installation}.{group}" for group in groups]
            return World(hub, self.disk, [*queues, "hub.payloads-only-here"], self.postgres, self.rabbit), database
        disk = self.disk or Disk(folder / "disk", None)
        database = f"sqlite:///{disk.folder}/{plan.name}/hub.db"
        project = write_project(folder / "project", installation, ports, plan.times, database, None)
        hub = HubProcesses(project, port, EMBEDDED, lease=plan.times.lease, sabotage=plan.sabotage)
        return World(hub, disk), database


def _send_and_strike(folder: Path, plan: Plan, world: World, database: str, result: Result, tell: Tell) -> None:
    """Until everything is acknowledged, and the time is over."""
    chaos = Chaos(world, plan.faults, plan.pause, random.Random(plan.seed), struck=result.struck)
    journal = folder / "sent"
    journal.touch()
    command = [sys.executable, "-m", "tests.chaos.load", "--port", str(world.hub.port), "--seed", str(plan.seed)]
    command += [
        "--messages",
        str(plan.messages),
        "--seconds",
        str(plan.sending or plan.seconds),
        "--patience",
        str(plan.patience),
    ]
    sender = subprocess.Popen([*command, "--journal", str(journal)], cwd=REPOSITORY, start_new_session=True)
    until = time.monotonic() + plan.seconds

    def follow_script() -> None:
        try:
            if plan.script:
                plan.script(world, database)
        except Exception as error:
            result.wrong.append(f"the script failed: {type(error).__name__}: {error}")

    script = threading.Thread(target=follow_script, daemon=True)
    script.start()
    if plan.faults:
        chaos.start()
    try:
        while sender.poll() is None or script.is_alive() or time.monotonic() < until:
            world.hub.tend()
            tell("sending", journal.read_bytes().count(b"acknowledged"), plan.messages)
            if plan.faults and time.monotonic() > until:
                chaos.stop()
            time.sleep(0.2)
    finally:
        sender.kill()
        if plan.faults:
            chaos.stop()
    result.wrong += [f"a fault could not be made: {error}" for error in chaos.errors]


def _rest(plan: Plan, world: World, store: Store, result: Result, tell: Tell) -> None:
    """Let it come to rest. What stops at the exceptions desk is released, as its operators do, and must then arrive."""
    until = time.monotonic() + plan.patience
    released: set[int] = set()
    api = f"http://127.0.0.1:{world.hub.port}/api"
    quiet_since = 0.0
    while time.monotonic() < until:
        world.hub.tend()
        with contextlib.suppress(OSError, StoreError):
            waiting = sum(
                n for state, n in store.in_flight().items() if not (plan.orphans and state == "message.waiting")
            )
            opened = [row["id"] for row in store.exceptions(limit=5000) if row["id"] not in released]
            for number in opened:
                _post(f"{api}/exceptions/{number}/release")
                released.add(number)
            for target in TARGETS:
                _post(f"{api}/connections/{target}/resume")
            tell("coming to rest", 0, waiting)
            if waiting or opened:
                quiet_since = 0.0
            elif not quiet_since:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > plan.quiet:
                return
        time.sleep(0.5)
    result.restless = True
    result.wrong.append(f"it does not come to rest within {plan.patience:.0f} s: {dict(store.in_flight())}")


def _account(folder: Path, store: Store, result: Result) -> None:
    """Bring the journals together, and say what must not be."""
    attempted, acknowledged, refused = read_sent(folder / "sent")
    found = store.exceptions(state=None, limit=100_000)
    result.exceptions.update(row["code"] for row in found)
    still_open = [row for row in found if row["state"] == "open"]
    result.open = len(still_open)
    result.conservation = store.conservation()
    for target in TARGETS:
        parked = {_fact(row) for row in still_open if row["target"] in (target, None)}
        result.accounts.append(account(target, attempted, acknowledged, read_effects(folder / target), parked))
    wrong = result.wrong
    wrong += [f"the hub refused what is right: {line}" for line in refused[:5]]
    wrong += [f"the exception code {code} is not registered" for code in result.exceptions if code not in REASONS]
    ledger = result.conservation
    if not ledger.holds:
        wrong.append(f"the conservation identity does not hold: {ledger}")
    if ledger.in_ < len(acknowledged):
        wrong.append(f"{len(acknowledged)} messages were acknowledged, and the store has {ledger.in_}")
    if len(attempted) > len(acknowledged) and result.passed:
        wrong.append(f"{len(attempted) - len(acknowledged)} messages were never acknowledged")
    for one in result.accounts:
        for name in ("lost", "duplicated", "inverted", "unexpected"):
            if count := getattr(one, name):
                wrong.append(f"{count} {name} at {one.target} ({'; '.join(one.examples[:3])})")


def _fact(row: dict[str, Any]) -> Fact:
    """The fact behind an exception; of an order, any version of it."""
    record, _, number = str(row["external_id"])[1:].partition("-")
    return Fact(int(record or -1), row["stream"], int(number or 0))


@contextlib.contextmanager
def _targets(folder: Path, plan: Plan, ports: dict[str, int]) -> Iterator[None]:
    running = []
    try:
        for number, (target, port) in enumerate(ports.items()):
            (folder / target).touch()
            command = [sys.executable, "-m", "tests.chaos.target", "--kind", target, "--port", str(port)]
            command += ["--journal", str(folder / target), "--seed", str(plan.seed + number)]
            command += ["--faults", json.dumps(plan.targets.get(target, {}))]
            running.append(subprocess.Popen(command, cwd=REPOSITORY, start_new_session=True))
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def _post(url: str) -> None:
    headers = {"authorization": f"Bearer {API_TOKEN}", "content-type": "application/json"}
    body = b"{}" if "release" not in url else b'{"note": "the ring"}'
    with urllib.request.urlopen(urllib.request.Request(url, body, headers, method="POST"), timeout=5) as answer:
        answer.read()
