"""The store does with deliveries what the machine of the simulation does: random histories through both end in the same states."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from hub.pipeline.machine import Machine, Row
from hub.pipeline.settle import Ending, Facts, settle
from hub.store import (
    ClaimedDelivery,
    ClaimedMessage,
    Finished,
    Frozen,
    NewDelivery,
    NewMessage,
    Record,
    Settlement,
    Store,
    Trouble,
    Wait,
)
from hub.store.archive import sha_of
from hub.store.taking import Maker, Taking

HISTORIES, LENGTH, LEASE = 25, 40, 60.0


class Clock:
    """A clock that the history turns."""

    time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


class History:
    """One random history of one target, in the store and in the machine."""

    def __init__(self, seed: int, store: Store, clock: Clock) -> None:
        self.rnd, self.store, self.clock = random.Random(seed), store, clock
        self.target = f"t{seed}"
        self.machine = Machine()
        self.numbers: dict[int, int] = {}
        """The machine's ids by those of the store."""
        self.messages: list[int] = []
        self.claims: list[tuple[Row, ClaimedDelivery]] = []
        self.make(6, limit=0)

    def make(self, most: int, limit: int) -> None:
        """A message makes deliveries in a few lanes; up to ``limit`` are taken at once, and some of those are frozen at once."""
        name = f"{self.target} {len(self.messages)}"
        self.store.accept([NewMessage("shop", "order", name, name, b"{}")])
        (message,) = self.store.claim_messages()
        first = len(self.machine.rows) + 1
        rows = [
            Row(number, f"lane {self.rnd.randint(0, 2)}", self.clock.time)
            for number in range(first, first + self.rnd.randint(1, most))
        ]
        frozen = {row.id for row in rows if self.rnd.random() < 0.5}
        written = self._write(message, rows, limit, frozen)
        made = self.store.trace(message.id).deliveries
        self.numbers.update({one["id"]: row.id for row, one in zip(rows, made, strict=True)})
        self.messages.append(message.id)
        expected = self.machine.make(rows, self.clock.time, LEASE, limit, frozen)
        assert [self.numbers[one.id] for one in written] == [row.id for row in expected]
        assert [one.request is not None for one in written] == [row.frozen for row in expected]
        self.claims.extend(zip(expected, written, strict=True))

    def _write(
        self, message: ClaimedMessage, rows: Sequence[Row], limit: int, frozen: set[int]
    ) -> Sequence[ClaimedDelivery]:
        sha = sha_of(b"{}")
        names = {f"{self.target}-{row.id}": row for row in rows}
        records = [Record(name, "order", 1, b"{}", sha) for name in names]
        new = [
            NewDelivery("f", self.target, row.lane, "order", "order", "upsert", name, 1, sha)
            for name, row in names.items()
        ]

        def freeze(taken: Sequence[ClaimedDelivery]) -> list[Frozen]:
            return [Frozen(one.id, one.epoch, b"{}", "k") for one in taken if names[one.record_id].id in frozen]

        taking = Taking({self.target: limit}, {self.target: "w"}, LEASE)
        done = Finished(message.id, message.epoch, "done", records=records, deliveries=new)
        with self.store.working() as work:
            return work.finish([done], Maker(taking, {message.id: message}, freeze)).taken

    def step(self) -> None:
        """The same thing happens to both."""
        self.clock.time += self.rnd.choice([0.0, 1.0, 7.0, 40.0])
        chance = self.rnd.random()
        if chance < 0.1:
            self.make(3, self.rnd.randint(0, 3))
        elif chance < 0.4 or not self.claims:
            self._claim(self.rnd.randint(1, 4))
        elif chance < 0.55:
            row, claim = self.rnd.choice(self.claims)
            held = claim.id in self.store.freeze_requests([Frozen(claim.id, claim.epoch, b"{}", "k")])
            assert held == self.machine.freeze(row, self.clock.time)
        elif chance < 0.85:
            self._settle(*self.claims.pop(self.rnd.randrange(len(self.claims))))
        else:
            self.store.reap(settle=30.0)
            self.machine.reap(self.clock.time, 30.0)

    def _claim(self, limit: int) -> None:
        expected = self.machine.claim(self.clock.time, LEASE, limit)
        claimed = self.store.claim_deliveries(self.target, limit, LEASE)
        assert [self.numbers[one.id] for one in claimed] == [row.id for row in expected]
        assert [(one.epoch, one.attempt, one.maybe_sent) for one in claimed] == [
            (row.epoch, row.attempt, row.maybe_sent) for row in expected
        ]
        self.claims.extend(zip(expected, claimed, strict=True))

    def _settle(self, row: Row, claim: ClaimedDelivery) -> None:
        ending = self.rnd.choice(list(Ending))
        decision = settle(Facts(row.failures, row.maybe_sent, 0.0, 30.0, 86400.0, 3600.0), ending, chance=0.5)
        settled = self.store.settle_deliveries([
            Settlement(
                claim.id, claim.message_id, claim.epoch, decision.state, decision.reason, decision.due_in,
                wait_for=3600.0 if decision.state == "waiting" else None, maybe_sent=decision.maybe_sent,
                counts=decision.counts, attempted=decision.attempted,
                trouble=Trouble(decision.reason) if decision.state == "failed" else None,
                waits=[Wait("customer", self.target, "cus_none", "record")] if decision.state == "waiting" else (),
            )
        ])  # fmt: skip
        assert (claim.id in settled.written) == self.machine.settle(row, decision, self.clock.time)

    def compare(self) -> None:
        """Both are in the same state."""
        by_id = {one["id"]: one for message in self.messages for one in self.store.trace(message).deliveries}
        for identity, number in self.numbers.items():
            found, row = by_id[identity], self.machine.rows[number]
            said = {name: found[name] for name in ("state", "epoch", "attempt", "failures", "crashes", "reason")}
            said["maybe_sent"] = bool(found["maybe_sent"])
            assert said == {name: getattr(row, name) for name in said}, (number, row)
            if row.state == "pending":
                assert abs(found["due_at"] - row.due_at) < 0.001


def test_random_histories_end_in_the_same_states(open_store: Callable[..., Store]) -> None:
    clock = Clock()
    store = open_store(clock=clock)
    for seed in range(HISTORIES):
        history = History(seed, store, clock)
        for _ in range(LENGTH):
            history.step()
        history.compare()
