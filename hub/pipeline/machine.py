"""The life of deliveries without a database: what the SQL of the outbox does, as plain code that a simulator can drive.

Every method is one transaction: it happens as a whole or not at all. A test runs random histories through this and through the
store and finds them in the same states, so what the simulation shows of this holds for the store.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from hub.pipeline.settle import Decision

MOST_CRASHES = 3
UNFINISHED = frozenset({"pending", "leased", "waiting"})


@dataclass(slots=True)
class Row:
    """One delivery, as far as its life depends on it."""

    id: int
    lane: str
    due_at: float = 0.0
    state: str = "pending"
    reason: str = ""
    lease_until: float = 0.0
    epoch: int = 0
    attempt: int = 0
    failures: int = 0
    crashes: int = 0
    maybe_sent: bool = False
    frozen: bool = False
    wait_until: float | None = None


class Machine:
    """All deliveries of one target."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = {row.id: row for row in rows}

    @property
    def unfinished(self) -> bool:
        """Is anything left to do?"""
        return any(row.state in UNFINISHED for row in self.rows.values())

    def make(self, new: Iterable[Row], now: float, lease: float, limit: int, frozen: Collection[int]) -> list[Row]:
        """Add deliveries, and lease up to ``limit`` of those that are the first of a lane in which nothing is under way.

        What is leased and named in ``frozen`` has its request on disk at once.
        """
        busy = {row.lane for row in self.rows.values() if row.state in UNFINISHED}
        taken: list[Row] = []
        for row in new:
            self.rows[row.id] = row
            if row.lane not in busy and len(taken) < limit:
                row.state, row.lease_until, row.epoch, row.attempt = "leased", now + lease, 1, 1
                row.frozen = row.id in frozen
                taken.append(row)
            busy.add(row.lane)
        return [replace(row) for row in taken]

    def claim(self, now: float, lease: float, limit: int = 20) -> list[Row]:
        """Lease the heads of lanes that are due; the rows given are copies, as a worker sees them."""
        first: dict[str, int] = {}
        busy = set()
        for identity, row in self.rows.items():
            if row.state in UNFINISHED:
                first.setdefault(row.lane, identity)
                if row.state == "leased":
                    busy.add(row.lane)
        heads = [
            row
            for lane, identity in first.items()
            if lane not in busy and (row := self.rows[identity]).state == "pending" and row.due_at <= now
        ]
        claimed = sorted(heads, key=lambda row: (row.due_at, row.id))[:limit]
        for row in claimed:
            row.state, row.lease_until = "leased", now + lease
            row.epoch += 1
            row.attempt += 1
        return [replace(row) for row in sorted(claimed, key=lambda row: row.id)]

    def freeze(self, claim: Row, now: float) -> bool:
        """Put the request on disk; false when the lease is lost."""
        row = self.rows[claim.id]
        if not self._holds(claim) or row.lease_until <= now:
            return False
        row.frozen = True
        return True

    def settle(self, claim: Row, decision: Decision, now: float, park_for: float = 3600.0) -> bool:
        """Write an outcome; false when somebody else had taken over."""
        if not self._holds(claim):
            return False
        row = self.rows[claim.id]
        row.state, row.reason, row.due_at = decision.state, decision.reason, now + decision.due_in
        row.failures += decision.counts
        row.attempt -= not decision.attempted
        row.maybe_sent, row.crashes, row.lease_until = decision.maybe_sent, 0, 0.0
        if decision.state == "waiting" and row.wait_until is None:
            row.wait_until = now + park_for
        return True

    def reap(self, now: float, settle: float) -> int:
        """Return expired leases; what was frozen may have been sent."""
        expired = [row for row in self.rows.values() if row.state == "leased" and row.lease_until < now]
        for row in expired:
            row.crashes += 1
            row.lease_until = 0.0
            row.maybe_sent = row.maybe_sent or row.frozen
            row.due_at = now + settle if row.frozen else now
            row.state, row.reason = (
                ("failed", "HUB-WORKER-CRASH") if row.crashes >= MOST_CRASHES else ("pending", "CON-UNCERTAIN")
            )
        for row in self.rows.values():
            if row.state == "waiting" and row.wait_until is not None and row.wait_until < now:
                row.state, row.reason = "failed", "XREF-MISSING"
        return len(expired)

    def release(self, identity: int, now: float) -> None:
        """A person has what failed tried again."""
        row = self.rows[identity]
        row.state, row.reason, row.wait_until = "pending", "", None
        row.due_at = max(now, row.due_at) if row.maybe_sent else now
        row.failures = row.crashes = 0
        row.frozen = False

    def _holds(self, claim: Row) -> bool:
        row = self.rows[claim.id]
        return row.state == "leased" and row.epoch == claim.epoch
