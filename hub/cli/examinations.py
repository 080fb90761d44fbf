"""What `hub doctor` looks at: this machine, the database, the broker, the address it listens at, and every connection."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from hub.cli.opening import catalog
from hub.cli.views.archive import room_text
from hub.errors import HubError, StoreError
from hub.project import Project
from hub.telemetry.redaction import redact, redact_data

if TYPE_CHECKING:
    from hub.runtime.archive import Room
    from hub.store import Store

Verdict = Literal["ok", "warning", "error", "skipped"]

SKEW_SECONDS = 5.0
LITTLE_DISK = 1024**3
NO_DISK = 100 * 1024**2
_LOOK_AT = "Check that the system is up and can be reached from here, and the connection's settings at {where}."


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at, how it is, and what to do about it."""

    area: str
    name: str
    verdict: Verdict
    summary: str
    fix: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The diagnosis as JSON data, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}


def examine(project: Project, done: Callable[[], None]) -> Iterator[Diagnosis]:
    """Everything, one after the other; the connections side by side. ``done`` is called after each."""
    for look in (_versions, _disk, _database, _object_store, _broker, _receiver):
        yield from look(project)
        done()
    with _store_for_tokens(project) as store, ThreadPoolExecutor(8) as pool:
        from hub.runtime.connections import Connections

        connections = Connections(project, catalog(), store)
        try:
            for diagnosis in pool.map(lambda name: _connection(project, connections, name), project.connections):
                yield diagnosis
                done()
        finally:
            connections.close()


def _fault(area: str, name: str, error: HubError, verdict: Verdict = "error") -> Diagnosis:
    return Diagnosis(
        area, name, verdict, redact(error.message), redact(error.fix), {"code": error.code, "where": error.where}
    )


def _versions(_: Project) -> Iterator[Diagnosis]:
    from hub import __version__

    python = ".".join(map(str, sys.version_info[:3]))
    yield Diagnosis("machine", "versions", "ok", f"hub {__version__}, Python {python}, SQLite {sqlite3.sqlite_version}")
    for broken in catalog().broken:
        fix = "Repair or uninstall it; the other connectors work."
        yield Diagnosis("machine", f"connector {broken.name}", "error", f"did not load: {redact(broken.reason)}", fix)


def _disk(project: Project) -> Iterator[Diagnosis]:
    folder = _database_folder(project)
    if folder is None:
        return
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    verdict: Verdict = "error" if free < NO_DISK else "warning" if free < LITTLE_DISK else "ok"
    yield Diagnosis(
        "machine", "disk", verdict, f"{free / 1024**3:.1f} GiB free at {folder}",
        "" if verdict == "ok" else "Make room: without it webhooks are refused (503), and their senders repeat them.",
    )  # fmt: skip


def _database(project: Project) -> Iterator[Diagnosis]:
    from hub.runtime.archive import rooms
    from hub.store import Store

    url = project.database
    kind = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
    file = _database_file(project)
    if file is not None and not file.exists():
        yield Diagnosis("database", kind, "ok", f"{file} is not there yet; the first start makes it")
        return
    try:
        store = Store.open(url, readonly=True)
    except StoreError as error:
        yield _fault("database", kind, error)
        return
    try:
        began = time.time()
        ledger = store.conservation()
        theirs = store.now()
        took = time.time() - began
        taken = rooms(store, project)
    except StoreError as error:
        yield _fault("database", kind, error)
        return
    finally:
        store.close()
    if ledger.holds:
        yield Diagnosis(
            "database", kind, "ok", f"answers in {took * 1000:.0f} ms; {ledger.in_} messages, all accounted for"
        )
    else:
        yield Diagnosis(
            "database", kind, "error", "the conservation sum does not come out", "Read hub status, and report it."
        )
    yield _skew("the database", theirs - time.time())
    yield from _archive(taken)


def _object_store(project: Project) -> Iterator[Diagnosis]:
    """Can the archive write to its object store, and read what it wrote?"""
    from hub.runtime.archive import objects_of

    try:
        objects = objects_of(project)
        if objects is None:
            return
        began = time.monotonic()
        objects.check()
        took = (time.monotonic() - began) * 1000
        yield Diagnosis("archive", "object store", "ok", f"{objects.url} takes and gives back ({took:.0f} ms)")
    except HubError as error:
        yield _fault("archive", "object store", error)


def _archive(taken: list[Room]) -> Iterator[Diagnosis]:
    """How much room the payloads take, and who is near or over a budget."""
    for room in taken:
        if room.keeper and room.state == "ok":
            continue
        verdict: Verdict = {"ok": "ok", "high": "warning"}.get(room.state, "error")  # type: ignore[assignment]
        yield Diagnosis("archive", room.title, verdict, room_text(room.as_dict()), room.advice, room.as_dict())


def _skew(whose: str, seconds: float, area: str = "clock") -> Diagnosis:
    if abs(seconds) <= SKEW_SECONDS:
        return Diagnosis(area, whose, "ok", f"differs by {abs(seconds):.1f} s from this machine")
    fix = "Set the clocks by NTP: retries, leases and signed time stamps depend on them."
    return Diagnosis(area, whose, "warning", f"differs by {seconds:+.0f} s from this machine", fix)


def _broker(project: Project) -> Iterator[Diagnosis]:
    if not project.broker:
        yield Diagnosis("broker", "none", "ok", "not needed: everything runs in one process")
        return
    from hub.runtime.bus.probe import probe

    try:
        yield Diagnosis("broker", "RabbitMQ", "ok", f"{probe(project.broker)} lets the hub in")
    except HubError as error:
        yield _fault("broker", "RabbitMQ", error)


def _receiver(project: Project) -> Iterator[Diagnosis]:
    host = "127.0.0.1" if project.host in {"0.0.0.0", "::"} else project.host  # noqa: S104 - compared, not bound
    url = f"http://{f'[{host}]' if ':' in host else host}:{project.port}/health/ready"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=3) as answer:
            said = json.loads(answer.read())
            state = f"a hub runs at {project.listen}: {said.get('status', 'answers')}"
            yield Diagnosis("receiver", project.listen, "ok", state, details=redact_data(said))
    except urllib.error.HTTPError as error:
        with error:
            fix = "If that is not the hub, change listen: in hub.yaml; if it is, read its log."
            yield Diagnosis("receiver", project.listen, "warning", f"something answers there with {error.code}", fix)
    except ValueError:
        fix = "Another program listens there: change listen: in hub.yaml."
        yield Diagnosis("receiver", project.listen, "warning", "what answers there is not a hub", fix)
    except OSError:
        yield Diagnosis("receiver", project.listen, "ok", "no hub is running now")


def _connection(project: Project, connections: Any, name: str) -> Diagnosis:
    said = project.connections[name]
    if said.paused:
        fix = "When its settings are right, remove 'paused: true' from hub.yaml."
        return Diagnosis("connection", name, "skipped", "paused in hub.yaml, so it was not asked", fix)
    began = time.monotonic()
    try:
        health = connections.get(name).check()
    except HubError as error:
        error.fix = error.fix or _LOOK_AT.format(where=said.where)
        return _fault("connection", name, error)
    except Exception as error:  # noqa: BLE001 - a connector's own mistake must not end the doctor's round
        fix = f"Report it to the maker of the connector {said.connector}."
        return Diagnosis("connection", name, "error", f"its connector failed ({type(error).__name__})", fix)
    took = f" ({(time.monotonic() - began) * 1000:.0f} ms)"
    details = redact_data(dict(health.details))
    verdict: Verdict = "ok" if health.ok else "error"
    fix = health.fix or ("" if health.ok else _LOOK_AT.format(where=said.where))
    return Diagnosis("connection", name, verdict, redact(health.summary) + took, redact(fix), details)


@contextlib.contextmanager
def _store_for_tokens(project: Project) -> Iterator[Store]:
    """The project's store to read tokens from; an empty one where that cannot be opened."""
    from hub.store import Store

    with contextlib.ExitStack() as stack:
        try:
            file = _database_file(project)
            if file is not None and not file.exists():
                raise StoreError("not there yet")
            store = Store.open(project.database, readonly=True)
        except StoreError:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            store = Store.open(f"sqlite:///{folder}/doctor.db")
        stack.callback(store.close)
        yield store


def _database_file(project: Project) -> Path | None:
    scheme, _, rest = project.database.partition(":///")
    return Path(rest.partition("?")[0]) if scheme.startswith("sqlite") and rest else None


def _database_folder(project: Project) -> Path | None:
    file = _database_file(project)
    return file.parent if file else None


def now_text() -> str:
    """The present time, for the report's head."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
