"""Vendors' rate limits as pure state machines: a limit and a moment in, a new limit and a wait out.

They hold no clock and no lock, so that a process, a database row or a test can drive them. ``now`` is any number of seconds that
never goes back. `take` reserves: a caller who is told to wait has his place, and calls after the wait without asking again.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """``rate`` calls a second, and up to ``burst`` at once after a rest (Shopify REST, most ERPs)."""

    rate: float
    burst: float = 1.0
    level: float | None = None
    at: float = 0.0

    def take(self, now: float, cost: float = 1.0) -> tuple[Self, float]:
        """Reserve ``cost``; the wait is what the bucket lacks."""
        level = self._level(now) - cost
        return replace(self, level=level, at=max(now, self.at)), max(0.0, -level / self.rate)

    def learn(self, now: float, left: float) -> Self:
        """The vendor said how much is ``left``: where that is less than was thought, others use the limit too."""
        return replace(self, level=min(self._level(now), left), at=max(now, self.at))

    def _level(self, now: float) -> float:
        if self.level is None:
            return self.burst
        return min(self.burst, self.level + max(0.0, now - self.at) * self.rate)


@dataclass(frozen=True, slots=True)
class FixedWindow:
    """``limit`` calls in each window of ``seconds``; at its end the count begins anew (Amazon quotas, many marketplaces)."""

    limit: float
    seconds: float
    start: float | None = None
    used: float = 0.0

    def take(self, now: float, cost: float = 1.0) -> tuple[Self, float]:
        """Reserve ``cost`` in this window, or in the first later one that has room."""
        start, used = self._window(now)
        used += cost
        if used <= self.limit:
            return replace(self, start=start, used=used), max(0.0, start - now)
        later = replace(self, start=start + self.seconds, used=cost)
        return later, later._start() - now  # noqa: SLF001

    def learn(self, now: float, left: float, reset_in: float | None = None) -> Self:
        """The vendor said how many calls are ``left``, and when the window ends."""
        start, used = self._window(now)
        if reset_in is not None:
            start = now + reset_in - self.seconds
        return replace(self, start=start, used=max(used, self.limit - left))

    def _start(self) -> float:
        return self.start or 0.0

    def _window(self, now: float) -> tuple[float, float]:
        if self.start is None:
            return now, 0.0
        if now < self.start + self.seconds:
            return self.start, self.used
        gone = (now - self.start) // self.seconds
        return self.start + gone * self.seconds, 0.0


@dataclass(frozen=True, slots=True)
class CostBucket:
    """Calls have a cost, charged by estimate before and corrected after (Shopify GraphQL).

    ``maximum`` is what may be spent at once, ``restore`` comes back each second. A single call never costs more than ``maximum``.
    """

    maximum: float = 1000.0
    restore: float = 50.0
    level: float | None = None
    at: float = 0.0

    def take(self, now: float, cost: float) -> tuple[Self, float]:
        """Reserve the estimated ``cost``."""
        level = self._level(now) - min(cost, self.maximum)
        return replace(self, level=level, at=max(now, self.at)), max(0.0, -level / self.restore)

    def settle(self, now: float, estimated: float, actual: float) -> Self:
        """Give back what the call did not cost, or take what it cost more."""
        level = self._level(now) + min(estimated, self.maximum) - actual
        return replace(self, level=min(self.maximum, level), at=max(now, self.at))

    def learn(self, now: float, available: float, maximum: float | None = None, restore: float | None = None) -> Self:
        """The vendor's own figures, which are right: other apps of the shop may spend too, and plans differ."""
        return replace(
            self,
            maximum=maximum or self.maximum,
            restore=restore or self.restore,
            level=available,
            at=max(now, self.at),
        )

    def _level(self, now: float) -> float:
        if self.level is None:
            return self.maximum
        return min(self.maximum, self.level + max(0.0, now - self.at) * self.restore)


@dataclass(frozen=True, slots=True)
class Concurrency:
    """At most ``limit`` calls under way (NetSuite). Calls that never came back are forgotten after ``lease`` seconds."""

    limit: int
    lease: float = 300.0
    running: tuple[tuple[str, float], ...] = ()

    def enter(self, now: float, who: str) -> tuple[Self, bool]:
        """Begin a call; False = there is no room now."""
        alive = tuple((name, until) for name, until in self.running if until > now and name != who)
        if len(alive) >= self.limit:
            return replace(self, running=alive), False
        return replace(self, running=(*alive, (who, now + self.lease))), True

    def leave(self, who: str) -> Self:
        """End a call."""
        return replace(self, running=tuple(one for one in self.running if one[0] != who))


@dataclass(frozen=True, slots=True)
class Hold:
    """The vendor said "not before": nothing goes out until then."""

    until: float = 0.0

    def take(self, now: float, cost: float = 0.0) -> tuple[Self, float]:  # noqa: ARG002
        """The wait that is left."""
        return self, max(0.0, self.until - now)

    def learn(self, now: float, after: float) -> Self:
        """Wait ``after`` seconds from ``now``; a shorter order never cuts a longer one."""
        return replace(self, until=max(self.until, now + after))


Limit = TokenBucket | FixedWindow | CostBucket | Concurrency | Hold
_KINDS: dict[str, Any] = {kind.__name__: kind for kind in (TokenBucket, FixedWindow, CostBucket, Concurrency, Hold)}


def dump_limit(limit: Limit) -> dict[str, Any]:
    """The limit as JSON data, to be shared through a store."""
    return {"kind": type(limit).__name__, **asdict(limit)}


def load_limit(data: dict[str, Any]) -> Limit:
    """The limit that `dump_limit` wrote."""
    given = dict(data)
    kind = _KINDS[given.pop("kind")]
    if "running" in given:
        given["running"] = tuple((str(name), float(until)) for name, until in given["running"])
    made: Limit = kind(**given)
    return made
