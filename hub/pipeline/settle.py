"""The core of delivery: what becomes of a delivery after a try, as a pure function. The simulation drives it with a virtual clock.

Three rules: a try whose effect is unknown is never repeated without a look-up; what is no fault of the delivery (a pace, a pause, a
record that is not there yet) costs no retry; and nothing ends in silence: it is done, skipped, waiting, due again, or failed with a
code.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

LONGEST_DELAY = 3600.0
FIRST_DELAY = 2.0
FEWEST_TRIES = 12
"""So many tries are always made before giving up, however long the target was away between them."""


class Ending(StrEnum):
    """How a try ended."""

    DONE = "done"
    ADOPTED = "adopted"
    UNCHANGED = "unchanged"
    FILTERED = "filtered"
    STALE = "stale"
    UNSENT = "unsent"
    RETRY = "retry"
    UNREACHABLE = "unreachable"
    RATE = "rate"
    UNKNOWN = "unknown"
    LOOKUP_FAILED = "lookup_failed"
    ASK = "ask"
    AUTH = "auth"
    MISSING = "missing"
    REJECTED = "rejected"
    BUG = "bug"


@dataclass(slots=True)
class Facts:
    """What the decision depends on: of the delivery, and of its target."""

    failures: int
    maybe_sent: bool
    age: float
    """Seconds since it was first sent, or made."""
    settle: float
    retry_for: float
    park_for: float


@dataclass(slots=True)
class Decision:
    """What becomes of the delivery."""

    state: Literal["pending", "waiting", "done", "skipped", "failed"]
    reason: str = ""
    due_in: float = 0.0
    """Seconds until it is tried again; of one that failed, until its last try can no longer take effect."""
    maybe_sent: bool = False
    counts: bool = True
    attempted: bool = True
    healthy: bool | None = None
    """Did the target answer? For the circuit breaker; none = the try says nothing about it."""


_SKIPPED = {Ending.UNCHANGED: "FLT-UNCHANGED", Ending.FILTERED: "FLT-FILTERED", Ending.STALE: "SEQ-STALE"}


def settle(
    facts: Facts, ending: Ending, code: str = "", after: float | None = None, chance: float | None = None
) -> Decision:
    """Decide. ``after`` is the pace that the target named; ``chance`` (0 to 1) is the jitter, for tests."""
    keep = facts.maybe_sent
    match ending:
        case Ending.DONE | Ending.ADOPTED:
            return Decision("done", healthy=True)
        case Ending.UNCHANGED | Ending.FILTERED | Ending.STALE:
            return Decision("skipped", _SKIPPED[ending], counts=False)
        case Ending.ASK:
            return Decision("failed", "CON-OUTCOME", maybe_sent=True)
        case Ending.REJECTED:
            return Decision("failed", code or "CON-REJECTED", maybe_sent=keep, healthy=True)
        case Ending.BUG:
            return Decision("failed", "HUB-BUG", due_in=facts.settle, maybe_sent=True)
        case Ending.UNKNOWN:
            return _again(facts, code or "CON-UNCERTAIN", True, after, chance, facts.settle)
        case Ending.LOOKUP_FAILED:
            return _again(facts, code or "CON-UNCERTAIN", True, after, chance)
        case Ending.UNREACHABLE | Ending.RETRY:
            return _again(facts, code or "CON-DOWN", keep, after, chance)
        case _:
            return _no_fault(ending, code, keep, after, chance)


def _no_fault(ending: Ending, code: str, keep: bool, after: float | None, chance: float | None) -> Decision:
    """What is no fault of the delivery costs it no retry."""
    match ending:
        case Ending.RATE:
            wait = min(LONGEST_DELAY, after if after is not None else delay(0, chance))
            return Decision("pending", code or "CON-RATE", wait, keep, counts=False, healthy=True)
        case Ending.AUTH:
            return Decision("pending", code or "CON-AUTH", 0.0, keep, counts=False)
        case Ending.MISSING:
            return Decision("waiting", "DEP-PARKED", maybe_sent=keep, counts=False)
        case _:
            wait = min(LONGEST_DELAY, after or 0.0)
            return Decision("pending", due_in=wait, maybe_sent=keep, counts=False, attempted=False)


def _again(
    facts: Facts, code: str, maybe_sent: bool, after: float | None, chance: float | None, least: float = 0.0
) -> Decision:
    if facts.failures + 1 >= FEWEST_TRIES and facts.age >= facts.retry_for:
        return Decision("failed", "CON-RETRIES", due_in=least, maybe_sent=maybe_sent, healthy=False)
    wait = max(delay(facts.failures, chance), min(LONGEST_DELAY, after or 0.0)) + least
    return Decision("pending", code, wait, maybe_sent, healthy=False)


def delay(failures: int, chance: float | None = None) -> float:
    """The pause before the next try: full jitter under a cap that doubles up to an hour, and never quite nothing."""
    cap: float = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(failures, 20))
    return max(0.1, cap * (random.random() if chance is None else chance))  # noqa: S311
