"""The store does with deliveries what the machine of the simulation does: random histories through both end in the same states."""

from __future__ import annotations

import random
from collections.abc import Callable

from hub.pipeline.machine import Machine, Row
from hub.pipeline.settle import Ending, Facts, settle
from hub.store import ClaimedDelivery, Finished, Frozen, NewDelivery, NewMessage, Settlement, Store, Trouble, Wait

HISTORIES, LENGTH = 25, 40


class Clock:
    """A clock that the history turns."""

    time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


def prepare(store: Store, clock: Clock, target: str, rnd: random.Random) -> tuple[Machine, dict[int, int]]:
    """A few deliveries in a few lanes, in both. Returns the machine and the ids in the store by the machine's."""
    lanes = rnd.randint(1, 3)
    rows = [Row(number, f"{target} lane {number % lanes}", clock.time) for number in range(1, 7)]
    (answer,) = store.accept([NewMessage("shop", "order", target, target, b"{}")])
    (message,) = store.claim_messages()
    new = [
        NewDelivery("f", target, row.lane, "order", "order", "upsert", f"{target}-{row.id}", 1, "none") for row in rows
    ]
    store.finish_messages([Finished(message.id, message.epoch, "done", deliveries=new)])
    made = store.trace(answer.id).deliveries
    return Machine(rows), {number: one["id"] for number, one in enumerate(made, 1)}


def compare(store: Store, message: int, machine: Machine, ids: dict[int, int]) -> None:
    by_id = {one["id"]: one for one in store.trace(message).deliveries}
    for number, row in machine.rows.items():
        found = by_id[ids[number]]
        said = {name: found[name] for name in ("state", "epoch", "attempt", "failures", "crashes", "reason")}
        said["maybe_sent"] = bool(found["maybe_sent"])
        assert said == {name: getattr(row, name) for name in said}, (number, row)
        if row.state == "pending":
            assert abs(found["due_at"] - row.due_at) < 0.001


def test_random_histories_end_in_the_same_states(open_store: Callable[..., Store]) -> None:
    clock = Clock()
    store = open_store(clock=clock)
    for seed in range(HISTORIES):
        rnd = random.Random(seed)
        target = f"t{seed}"
        machine, ids = prepare(store, clock, target, rnd)
        message = store.find_messages(limit=1)[0]["id"]
        numbers = {identity: number for number, identity in ids.items()}
        claims: list[tuple[Row, ClaimedDelivery]] = []
        for _ in range(LENGTH):
            one_step(rnd, store, clock, target, machine, claims, numbers)
        compare(store, message, machine, ids)


def one_step(
    rnd: random.Random,
    store: Store,
    clock: Clock,
    target: str,
    machine: Machine,
    claims: list[tuple[Row, ClaimedDelivery]],
    numbers: dict[int, int],
) -> None:
    """The same thing happens to both."""
    clock.time += rnd.choice([0.0, 1.0, 7.0, 40.0])
    chance = rnd.random()
    if chance < 0.35 or not claims:
        limit = rnd.randint(1, 4)
        expected = machine.claim(clock.time, 60.0, limit)
        claimed = store.claim_deliveries(target, limit, 60.0)
        assert [numbers[one.id] for one in claimed] == [row.id for row in expected]
        assert [(one.epoch, one.attempt, one.maybe_sent) for one in claimed] == [
            (row.epoch, row.attempt, row.maybe_sent) for row in expected
        ]
        claims.extend(zip(expected, claimed, strict=True))
    elif chance < 0.5:
        row, claim = rnd.choice(claims)
        held = claim.id in store.freeze_requests([Frozen(claim.id, claim.epoch, b"{}", "k")])
        assert held == machine.freeze(row, clock.time)
    elif chance < 0.85:
        row, claim = claims.pop(rnd.randrange(len(claims)))
        ending = rnd.choice(list(Ending))
        decision = settle(Facts(row.failures, row.maybe_sent, 0.0, 30.0, 86400.0, 3600.0), ending, chance=0.5)
        settled = store.settle_deliveries([
            Settlement(
                claim.id, claim.message_id, claim.epoch, decision.state, decision.reason, decision.due_in,
                wait_for=3600.0 if decision.state == "waiting" else None, maybe_sent=decision.maybe_sent,
                counts=decision.counts, attempted=decision.attempted,
                trouble=Trouble(decision.reason) if decision.state == "failed" else None,
                waits=[Wait("customer", target, "cus_none", "record")] if decision.state == "waiting" else (),
            )
        ])  # fmt: skip
        assert (claim.id in settled.written) == machine.settle(row, decision, clock.time)
    else:
        store.reap(settle=30.0)
        machine.reap(clock.time, 30.0)
