"""Negative controls: a hub with one protection taken away. The ring must find it out, or its green light means nothing."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from tests.chaos.faults import BROKER, Fault, killed, purge_and_delete
from tests.chaos.project import TARGETS, Times
from tests.chaos.ring import Plan, Result
from tests.chaos.scripts import FAITHFUL, held_up


@dataclass(frozen=True)
class Control:
    """What is taken away, the run that shows it, and the words of the account in which it must show."""

    what: str
    plan: Plan
    must_show: tuple[str, ...]
    cluster: bool = False

    def found(self, result: Result) -> bool:
        """Did the ring find it? Only what has come to rest counts: what is late is not lost."""
        return any(result.sum(word) for word in self.must_show) and not result.restless


def controls(seed: int) -> list[Control]:
    """All of them, each a run of its own of about fifteen seconds on an idle machine."""
    steady = dict.fromkeys(TARGETS, FAITHFUL)
    late = {**steady, "marker": {**FAITHFUL, "late": 0.5, "lateness": 4.0}}
    deleted = Fault("purge and delete queues", BROKER, purge_and_delete, lambda _: None, (0.0, 0.1), 1.0)
    return [
        Control(
            "a settle time of 0, at a target that applies late what it has not answered",
            Plan("settle-0", 80, 3, seed, times=Times(settle=0), targets=late, patience=60),
            ("duplicated",),
        ),
        Control(
            "a receiver that says 200 before its commit",
            Plan("answer-before-the-commit", 200, 6, seed, [killed("hub")], (1.0, 2.0), targets=steady, orphans=True,
                 sabotage=("--sabotage", "answer-before-the-commit"), patience=60, quiet=2.0),
            ("lost",),
        ),
        Control(
            "workers that go on after their lease ran out",
            dataclasses.replace(held_up(seed), name="no-fencing", sabotage=("--sabotage", "no-fencing")),
            ("duplicated",),
            cluster=True,
        ),
        Control(
            "a receiver that keeps the message in the broker alone",
            Plan("trust-the-broker", 150, 6, seed, [deleted], (1.0, 1.5), targets=steady, orphans=True,
                 sabotage=("--sabotage", "trust-the-broker"), patience=60, quiet=4.0),
            ("lost",),
            cluster=True,
        ),
    ]  # fmt: skip
