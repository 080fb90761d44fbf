"""Ten thousand histories of crashes, lost answers, late effects and frozen workers, by seed, in virtual time.

Each seed drives the delivery core with several workers, of which any may die or freeze between any two statements, against a target
that fails in every way there is. At the end: nothing lost, nothing doubled, nothing out of order. The negative controls take one of
the protections away, and the same checks must then find what goes wrong: a simulation that cannot fail proves nothing.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from hub.pipeline.machine import Machine, Row
from hub.pipeline.settle import Decision, Ending, Facts, settle

SEEDS = int(os.environ.get("HUB_SIMULATION_SEEDS", "10000"))
LEASE, DEADLINE, LATEST = 60.0, 25.0, 20.0
"""Lease; total time of a call; how long after the end of a call the target may still apply what it was sent."""


@dataclass
class Protections:
    """What keeps effects from doubling. The negative controls take one away."""

    settle: float = LATEST + 5.0
    look_up: bool = True
    fence: bool = True
    lease_check: bool = True


@dataclass
class Target:
    """A system that keeps a marker with each record, and fails in every way there is."""

    rnd: random.Random
    keyed: bool
    effects: list[int] = field(default_factory=list)
    late: list[tuple[float, int]] = field(default_factory=list)

    def apply(self, marker: int) -> None:
        if not (self.keyed and marker in self.effects):
            self.effects.append(marker)

    def catch_up(self, now: float) -> None:
        for due in sorted(self.late):
            if due[0] <= now:
                self.late.remove(due)
                self.apply(due[1])

    def call(self, marker: int, now: float) -> tuple[Ending, float]:
        """One write: how it ends for the caller, and how long it takes."""
        chance = self.rnd.random()
        if chance < 0.55:
            self.apply(marker)
            return Ending.DONE, 0.2
        if chance < 0.65:
            return Ending.UNREACHABLE, 0.1
        if chance < 0.72:
            return Ending.RATE, 0.1
        if chance < 0.80:  # the effect is there, the answer is lost
            self.apply(marker)
            return Ending.UNKNOWN, DEADLINE
        if chance < 0.87:  # no effect, and no answer
            return Ending.UNKNOWN, DEADLINE
        if chance < 0.95:  # the effect comes after the caller gave up
            self.late.append((now + DEADLINE + self.rnd.uniform(0, LATEST), marker))
            return Ending.UNKNOWN, DEADLINE
        return Ending.RETRY, 0.2


class Simulation:
    """One seed."""

    def __init__(self, seed: int, protections: Protections) -> None:
        self.rnd = random.Random(seed)
        self.on = protections
        self.now = 1000.0
        self.target = Target(self.rnd, keyed=self.rnd.random() < 0.3)
        lanes = self.rnd.randint(1, 3)
        rows = [Row(number, f"lane {number % lanes}", self.now) for number in range(1, self.rnd.randint(2, 6) + 1)]
        there = self.rnd.randint(0, len(rows))
        self.machine = Machine(rows[:there])
        self.unmade = rows[there:]
        """What the messages that are still to be processed will make, in their order."""
        self.calm_after = self.rnd.randint(20, 80)
        self.steps = 0

    def run(self) -> list[str]:
        """Play it to the end. Returns what went wrong."""
        workers: list[Iterator[float]] = []
        while self.machine.unfinished or self.unmade or self.target.late:
            self.steps += 1
            if self.steps > 3000:
                return ["it does not end"]
            calm = self.steps > self.calm_after
            while len(workers) < 2:
                workers.append(self._worker())
            worker = self.rnd.choice(workers)
            chance = self.rnd.random()
            if not calm and chance < 0.06:
                workers.remove(worker)  # kill -9
            elif not calm and chance < 0.10:
                self._pass(self.rnd.uniform(0, 2 * LEASE))  # everything stands still, and leases run out
            else:
                try:
                    self._pass(next(worker))
                except StopIteration:
                    workers.remove(worker)
                    self._pass(self.rnd.uniform(0.1, 5.0))
            if chance > 0.8 or calm:
                self.machine.reap(self.now, self.on.settle)
                self._desk()
        return self._account()

    def _pass(self, seconds: float) -> None:
        self.now += seconds
        self.target.catch_up(self.now)

    def _desk(self) -> None:
        """People release what was parked, so that every history ends with everything delivered."""
        for row in self.machine.rows.values():
            if row.state == "failed":
                assert row.reason in ("HUB-WORKER-CRASH", "CON-RETRIES"), row.reason
                self.machine.release(row.id, self.now)

    def _worker(self) -> Iterator[float]:
        """One round of a worker. Between any two statements it may be killed, or time may pass; each yield is such a place."""
        claimed = (
            self._make() if self.unmade and self.rnd.random() < 0.5 else self.machine.claim(self.now, LEASE, limit=2)
        )
        yield 0.01
        for claim in claimed:
            until = claim.lease_until
            if not claim.frozen and not self.machine.freeze(claim, self.now):
                continue
            yield 0.01
            ending, seconds, maybe_sent = Ending.UNSENT, 0.0, claim.maybe_sent
            if maybe_sent and self.on.look_up:
                found = claim.id in self.target.effects
                yield 0.2
                if self.rnd.random() < 0.1:
                    ending = Ending.LOOKUP_FAILED
                elif found:
                    ending = Ending.ADOPTED
            if ending is Ending.UNSENT and (self.now + DEADLINE < until or not self.on.lease_check):
                ending, seconds = self.target.call(claim.id, self.now)
            yield seconds
            facts = Facts(claim.failures, maybe_sent, 0.0, self.on.settle, 86400.0, 3600.0)
            decision = settle(facts, ending, chance=self.rnd.random())
            if not self.on.fence:
                claim = self._unfenced(claim)
            self.machine.settle(claim, decision, self.now)
            yield 0.01

    def _make(self) -> list[Row]:
        """Process what is next: some of what it makes is taken at once, and some of that is frozen at once."""
        count = self.rnd.randint(1, len(self.unmade))
        new, self.unmade = self.unmade[:count], self.unmade[count:]
        for row in new:
            row.due_at = self.now
        frozen = {row.id for row in new if self.rnd.random() < 0.7}
        return self.machine.make(new, self.now, LEASE, self.rnd.randint(0, 3), frozen)

    def _unfenced(self, claim: Row) -> Row:
        row = self.machine.rows[claim.id]
        row.state = "leased"
        claim.epoch = row.epoch
        return claim

    def _account(self) -> list[str]:
        wrong = []
        counts = Counter(self.target.effects)
        if lost := [identity for identity in self.machine.rows if not counts[identity]]:
            wrong.append(f"lost: {lost}")
        if doubled := [identity for identity, count in counts.items() if count > 1]:
            wrong.append(f"doubled: {doubled}")
        for lane in {row.lane for row in self.machine.rows.values()}:
            order = [one for one in dict.fromkeys(self.target.effects) if self.machine.rows[one].lane == lane]
            if order != sorted(order):
                wrong.append(f"out of order: {order}")
        if any(row.state != "done" for row in self.machine.rows.values()):
            wrong.append("not done")
        return wrong


def play(seeds: range, protections: Protections) -> dict[int, list[str]]:
    return {seed: wrong for seed in seeds if (wrong := Simulation(seed, protections).run())}


@pytest.mark.timeout(120)
def test_no_history_loses_doubles_or_reorders() -> None:
    assert play(range(SEEDS), Protections()) == {}


@pytest.mark.parametrize(
    ("without", "finds"),
    [
        (Protections(settle=0.0), "doubled"),
        (Protections(look_up=False), "doubled"),
        (Protections(fence=False), "doubled"),
        (Protections(lease_check=False), "doubled"),
    ],
    ids=["no settling time", "no look-up", "no fence", "no lease check"],
)
def test_without_one_of_its_protections_it_goes_wrong(without: Protections, finds: str) -> None:
    wrong = play(range(4000), without)
    assert any(finds in said for found in wrong.values() for said in found), wrong


def test_a_seed_is_one_history() -> None:
    first, second = Simulation(77, Protections()), Simulation(77, Protections())
    assert first.run() == second.run()
    assert (first.now, first.steps, first.target.effects) == (second.now, second.steps, second.target.effects)


def test_a_refusal_ends_as_an_exception_with_its_code() -> None:
    machine = Machine([Row(1, "a")])
    (claim,) = machine.claim(0.0, LEASE)
    decision = settle(Facts(0, False, 0.0, 30.0, 86400.0, 3600.0), Ending.REJECTED, "CON-REJECTED")
    assert isinstance(decision, Decision)
    assert machine.settle(claim, decision, 1.0)
    assert (machine.rows[1].state, machine.rows[1].reason) == ("failed", "CON-REJECTED")
