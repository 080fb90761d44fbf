"""The payload archive of a running hub: how long each keeper keeps, how much room each takes, and who must stop to send."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Literal

from hub.errors import StoreError
from hub.project import Project
from hub.store import Keeping, Objects, Store, flow_keeper
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

EVERY = 5.0
HIGH = 0.8
FULL = 2.0
"""Times the budget at which nothing more is taken in. Up to there the hub only warns: a budget is not worth a lost order."""
ALL = ""
"""The keeper that stands for all of them together."""


def arrange(store: Store, project: Project) -> None:
    """Let the store keep payloads as the project says."""
    default = project.archive.keep
    special = {flow_keeper(flow.name): flow.keep for flow in project.flows if flow.keep}
    for name, connection in project.connections.items():
        flows = [flow.keep or default for flow in project.flows if flow.source == name]
        special[name] = connection.keep or max(flows, default=default)
    special = {name: days for name, days in special.items() if days != default}
    place = project.archive.store
    store.keep_payloads(Keeping(default, special, place.after if place else 2))
    store.use_objects(objects_of(project))


def objects_of(project: Project) -> Objects | None:
    """The object store of the project's archive, its secrets resolved; none where it has none. Raises `ConfigError`."""
    place = project.archive.store
    if place is None:
        return None
    said = place.model_dump(exclude={"after"}, exclude_none=True)
    said = project.secrets.resolve(
        said,
        lambda path: project.document.where(("archive", "store", *path) if len(said) > 1 else ("archive", "store")),
    )
    url = str(said["url"])
    if not url.startswith(("s3://", "file://")):
        said["url"] = str(project.path / url)
    return Objects(name=project.name, **{name: value for name, value in said.items() if name != "name"})


@dataclass(frozen=True, slots=True)
class Room:
    """What a keeper takes of its budget, both in bytes. Without a budget it is always within."""

    keeper: str
    used: int
    budget: int | None

    @property
    def title(self) -> str:
        """The keeper in words."""
        kind, colon, name = self.keeper.partition(":")
        return f"flow {name}" if colon else f"connection {kind}" if kind else "all payloads"

    @property
    def share(self) -> float:
        """How much of the budget is taken: 1.0 is all of it."""
        return self.used / self.budget if self.budget else 0.0

    @property
    def state(self) -> Literal["ok", "high", "over", "full"]:
        """From 80 % it is high, from 100 % over, at twice the budget full."""
        share = self.share
        return "full" if share >= FULL else "over" if share >= 1.0 else "high" if share >= HIGH else "ok"

    @property
    def advice(self) -> str:
        """What to do about it."""
        if self.state == "ok":
            return ""
        then = (
            "until then nothing more is taken in" if self.state == "full" else "at twice the budget nothing is taken in"
        )
        return f"Keep payloads for fewer days, move them to an object store, or give a larger budget; {then}."

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data."""
        said = {
            "keeper": self.keeper or "all", "title": self.title, "bytes": self.used, "budget": self.budget,
            "share": round(self.share, 3), "state": self.state, "advice": self.advice,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value not in (None, "")}


def rooms(store: Store, project: Project) -> list[Room]:
    """Every keeper that has something in the archive or has a budget, and all together first."""
    used = store.archive_usage()
    budgets: dict[str, int | None] = {flow_keeper(flow.name): flow.budget for flow in project.flows}
    budgets |= {name: connection.budget for name, connection in project.connections.items()}
    taken = {name: one.bytes for name, one in used.items()}
    names = sorted({name for name in taken if name} | {name for name, budget in budgets.items() if budget})
    everything = Room(ALL, sum(taken.values()), project.archive.budget)
    return [everything, *(Room(name, taken.get(name, 0), budgets.get(name)) for name in names)]


class ArchiveWatch:
    """Adds up what this process writes, compares it with the budgets, and says who is full. Every five seconds."""

    def __init__(self, store: Store, project: Project, every: float = EVERY) -> None:
        self._store = store
        self._project = project
        self._every = every
        self._states: dict[str, str] = {}
        self._full: frozenset[str] = frozenset()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="archive", daemon=True)

    def full(self, connection: str) -> bool:
        """Must nothing more be taken from this connection?"""
        return bool(self._full) and (connection in self._full or ALL in self._full)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Add up a last time."""
        self._stop.set()
        self._thread.join(timeout)
        try:
            self._store.add_up_usage()
        except StoreError as error:
            log.warning("archive.not_added_up", code=error.code)

    def look(self) -> None:
        """Add up and compare once."""
        self._store.add_up_usage()
        found = rooms(self._store, self._project)
        for room in found:
            name = room.keeper or "all"
            metrics.ARCHIVE_BYTES.labels(name).set(room.used)
            if room.budget:
                metrics.ARCHIVE_BUDGET.labels(name).set(room.budget)
            if room.state != self._states.get(room.keeper, "ok"):
                log.warning("archive.budget", keeper=name, state=room.state, used=room.used, budget=room.budget)
            self._states[room.keeper] = room.state
        self._full = self._closed({room.keeper for room in found if room.state == "full"})

    def _closed(self, full: set[str]) -> frozenset[str]:
        """The connections behind these keepers: what a flow delivers comes from its source."""
        sources = {flow.source for flow in self._project.flows if flow_keeper(flow.name) in full}
        return frozenset({name for name in full if ":" not in name} | sources)

    def _watch(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except StoreError as error:
                log.warning("archive.store", code=error.code)
            except Exception:
                log.exception("archive.bug", code="HUB-BUG")
