"""Behaviours of writes: exactly one effect, whatever happens on the wire."""

from __future__ import annotations

import copy
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

from hub.errors import (
    DeliveryError,
    Duplicate,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    Unreachable,
    Unsupported,
)
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.behaviours.registry import Level, behaviour
from hub.sdk.testing.bench import Bench, NotProvable, look_up, require
from hub.sdk.testing.faults import BadAnswer, CutBody, Fault, LateEffect, Reset, Status, Timeout
from hub.sdk.testing.faults import RateLimited as TooFast

SHORT = 1.5
APPLIED = ("created", "updated", "unchanged", "adopted", "deleted")


def _write(bench: Bench, stream: str) -> tuple[OutboundRecord, DeliverResult]:
    record = bench.record(stream)
    return record, bench.connector().deliver(record)


@behaviour(Level.BRONZE, "create")
def a_write_has_one_effect(bench: Bench, stream: str) -> None:
    """A write is carried out, once, and tells the external id of what it made."""
    _, result = _write(bench, stream)
    require(isinstance(result.external_id, str) and result.external_id, "the result has no external id")
    require(result.applied in APPLIED, f"the result says {result.applied!r}")
    made = bench.changes(stream)
    require(sum(made.values()) >= 1, f"the write of {stream} had no effect at the system")
    require(made["create"] <= 1, f"one write made {made['create']} records")


@behaviour(Level.BRONZE, "create")
def the_record_is_left_as_it_was(bench: Bench, stream: str) -> None:
    """A write does not change the record that it was given: the next attempt must send the same."""
    record = bench.record(stream)
    before = copy.deepcopy(record.data)
    bench.connector().deliver(record)
    require(record.data == before, "deliver changed record.data")


@behaviour(Level.SILVER, "create")
def different_writes_have_different_effects(bench: Bench, stream: str) -> None:
    """Two different records are written as two."""
    results = [_write(bench, stream)[1] for _ in range(3)]
    require(len({result.external_id for result in results}) == 3, "different records have the same external id")


@behaviour(Level.SILVER, "create")
def a_repeated_write_has_no_second_effect(bench: Bench, stream: str) -> None:
    """The same write again, under the same key and marker, makes nothing new and gives the same external id."""
    record, first = _write(bench, stream)
    made = bench.created()
    try:
        second = bench.connector().deliver(replace(record, attempt=2, maybe_sent=True)).external_id
    except Duplicate as e:
        second = e.external_id
    require(bench.created() == made, f"the same write made more: {bench.created() - made}")
    require(second == first.external_id, f"the same write gave {second}, and {first.external_id} before")


@behaviour(Level.SILVER, "create")
def an_effect_can_be_looked_up(bench: Bench, stream: str) -> None:
    """After a write, `find_effect` finds it by its key or marker; before it, it finds nothing and writes nothing."""
    record = bench.record(stream)
    connector = bench.connector()
    try:
        early = connector.find_effect(record)
    except Unsupported:
        raise NotProvable("the connector relies on the vendor's idempotency keys", declared=True) from None
    require(early is None, f"find_effect finds an effect before anything was written: {early}")
    require(not bench.sim.effects(), "find_effect wrote something")
    result = connector.deliver(record)
    found = connector.find_effect(replace(record, attempt=2, maybe_sent=True))
    require(found is not None, "find_effect does not find the write")
    require(found is not None and found.external_id == result.external_id, "find_effect finds another record")


@behaviour(Level.GOLD, "create")
def the_effect_of_another_write_is_not_taken_for_ones_own(bench: Bench, stream: str) -> None:
    """`find_effect` of a write that was never sent is none, also when a similar one was."""
    _write(bench, stream)
    other = bench.record(stream)
    found = look_up(bench.connector(), replace(other, attempt=2, maybe_sent=True))
    require(found is None, f"find_effect takes another write's effect for its own: {found}")


# --- interrupted writes


def _clean(bench: Bench, stream: str) -> tuple[Counter[str], Counter[str], list[int], int]:
    """An undisturbed write on a twin of this bench: what it makes, and which of its requests have effects."""
    with bench.twin() as twin:
        record = twin.record(stream)
        start = twin.requests()
        twin.connector().deliver(record)
        return twin.created(), twin.changes(stream), twin.writing_requests(start), twin.requests() - start


def _interrupted(
    bench: Bench, stream: str, make: Callable[[], Fault], positions: str = "writing", most: int = 12
) -> None:
    """Disturb each request of the write in turn, go on as the hub does, and compare with the undisturbed write."""
    wanted, _, writing, requests = _clean(bench, stream)
    require(writing, f"the write of {stream} had no effect at the system")
    chosen = writing if positions == "writing" else [writing[-1]] if positions == "last" else list(range(requests))
    for position in chosen[:most]:
        with bench.twin() as twin:
            record = twin.record(stream)
            fault = make()
            twin.fault_at(position, fault)
            try:
                result = twin.connector().deliver(record)
            except (OutcomeUnknown, RetryLater):
                result = twin.go_on(record)
            except DeliveryError as e:
                require(False, f"{fault} at request {position + 1} of {requests} raises {type(e).__name__}: {e}")
                raise
            require(result.external_id, "the result has no external id")
            made = twin.created()
            require(
                made == wanted,
                f"{fault} at request {position + 1} of {requests}: made {dict(made)}, and an undisturbed write makes {dict(wanted)}",
            )


@behaviour(Level.GOLD, "create")
def exactly_one_effect_when_the_answer_is_lost(bench: Bench, stream: str) -> None:
    """The connection breaks after any of the write's requests took effect: still exactly one of everything."""
    _interrupted(bench, stream, lambda: Reset(after_effect=True))


@behaviour(Level.GOLD, "create")
def exactly_one_effect_when_the_request_is_lost(bench: Bench, stream: str) -> None:
    """The connection breaks before any of the write's requests took effect: it is made good, once."""
    _interrupted(bench, stream, lambda: Reset(after_effect=False), positions="all")


@behaviour(Level.GOLD, "create", deadline=SHORT)
def exactly_one_effect_after_a_timeout(bench: Bench, stream: str) -> None:
    """The system commits and never answers: still exactly one of everything."""
    _interrupted(bench, stream, lambda: Timeout(after_effect=True), positions="last")


@behaviour(Level.GOLD, "create")
def exactly_one_effect_when_the_answer_is_cut_off(bench: Bench, stream: str) -> None:
    """The answer breaks off in the middle: still exactly one of everything."""
    _interrupted(bench, stream, lambda: CutBody(10))


@behaviour(Level.GOLD, "create")
def exactly_one_effect_after_an_error_500(bench: Bench, stream: str) -> None:
    """A 500 or a gateway's 502, after the effect or before it: still exactly one of everything."""
    _interrupted(bench, stream, lambda: Status(502, b"<html>bad gateway</html>", after_effect=True))
    _interrupted(bench, stream, lambda: Status(500), positions="all")


@behaviour(Level.GOLD, "create")
def exactly_one_effect_behind_a_login_page(bench: Bench, stream: str) -> None:
    """Status 200 with a login page is no success, whether the write took effect or not: still exactly one of everything."""
    _interrupted(bench, stream, lambda: BadAnswer(after_effect=True))
    _interrupted(bench, stream, lambda: BadAnswer(after_effect=False))


@behaviour(Level.PLATINUM, "create", deadline=SHORT)
def exactly_one_effect_when_it_comes_late(bench: Bench, stream: str) -> None:
    """The system carries the write out after the caller gave up, within the settling time: it is found, and not repeated."""
    wanted, _, writing, _ = _clean(bench, stream)
    record = bench.record(stream)
    late = bench.config.deadline + 0.3
    bench.fault_at(writing[0], LateEffect(late))
    try:
        bench.connector().deliver(record)
    except (OutcomeUnknown, RetryLater):
        # The hub looks only after the settling time; here it is over as soon as the effect has happened.
        time.sleep(0.6)
        bench.sim.clock.advance(bench.config.settle)
        bench.go_on(record)
    require(bench.created() == wanted, f"made {dict(bench.created())} instead of {dict(wanted)}")


@behaviour(Level.SILVER, "create")
def a_lost_answer_is_an_unknown_outcome(bench: Bench, stream: str) -> None:
    """When the answer to the writing request is lost, `deliver` says `OutcomeUnknown`, and does not just try again."""
    _, _, writing, _ = _clean(bench, stream)
    record = bench.record(stream)
    bench.fault_at(writing[0], Reset(after_effect=True))
    try:
        bench.connector().deliver(record)
    except OutcomeUnknown:
        return
    except DeliveryError as e:
        require(False, f"a lost answer raises {type(e).__name__}")
    require(bench.created() == _clean(bench, stream)[0], "the write was repeated blindly")


@behaviour(Level.SILVER, "create")
def a_refusal_is_final(bench: Bench, stream: str) -> None:
    """A 400 or 422 to the writing request is `Rejected` and is not sent again."""
    _, _, writing, _ = _clean(bench, stream)
    bench.fault_at(
        writing[0],
        Status(
            422, b'{"errors":{"base":["is not valid"]},"message":"is not valid","name":"odoo.exceptions.UserError"}'
        ),
    )
    before = bench.requests()
    try:
        bench.connector().deliver(bench.record(stream))
    except Rejected:
        after = bench.requests() - before
        require(after <= writing[0] + 2, f"after the refusal {after - writing[0] - 1} more requests were made")
        return
    except DeliveryError as e:
        require(False, f"a refusal (422) raises {type(e).__name__}")
    require(False, "a refusal (422) is taken for a success")


@behaviour(Level.SILVER, "create")
def a_write_too_fast_waits_and_succeeds(bench: Bench, stream: str) -> None:
    """The vendor's "too fast" on the writing request is `RateLimited` (or waited for), and the write is then made, once."""
    wanted, _, writing, _ = _clean(bench, stream)
    record = bench.record(stream)
    bench.fault_at(writing[0], TooFast(0.2))
    try:
        bench.connector().deliver(record)
    except RateLimited as e:
        require(e.after is None or 0 <= e.after < 60, f"the time to wait is {e.after}")
        bench.sim.clock.advance(1)
        bench.connector().deliver(replace(record, attempt=2))
    except DeliveryError as e:
        require(False, f"too fast is taken for {type(e).__name__}: {e}")
    require(bench.created() == wanted, f"made {dict(bench.created())} instead of {dict(wanted)}")


@behaviour(Level.SILVER, "create")
def a_write_to_a_system_that_is_down_is_unreachable(bench: Bench, stream: str) -> None:
    """When no connection can be made, `deliver` says `Unreachable`: nothing was sent."""
    record = bench.record(stream)
    bench.server.stop()
    try:
        bench.connector().deliver(record)
    except Unreachable:
        require(not bench.sim.effects(), "something had an effect all the same")
        return
    except DeliveryError as e:
        require(False, f"a system that is down raises {type(e).__name__}")
    require(False, "a write to a system that is down succeeds")


# --- side by side


def _together(jobs: list[Callable[[], Any]]) -> list[Any]:
    outcomes: list[Any] = [None] * len(jobs)
    start = threading.Barrier(len(jobs))

    def work(number: int) -> None:
        start.wait()
        try:
            outcomes[number] = jobs[number]()
        except Exception as e:  # noqa: BLE001
            outcomes[number] = e

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(jobs))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


@behaviour(Level.PLATINUM, "create")
def eight_workers_write_eight_records(bench: Bench, stream: str) -> None:
    """Eight workers that write different records at once make exactly eight."""
    connector = bench.connector()
    records = [bench.record(stream) for _ in range(8)]
    outcomes = _together([partial(connector.deliver, record) for record in records])
    results = [
        bench.go_on(record) if isinstance(outcome, (OutcomeUnknown, RetryLater)) else outcome
        for record, outcome in zip(records, outcomes, strict=True)
    ]
    wrong = [one for one in results if isinstance(one, Exception)]
    require(not wrong, f"{len(wrong)} of 8 failed: {wrong[:1]}")
    require(len({result.external_id for result in results}) == 8, "different records have the same external id")
    require(bench.changes(stream)["create"] in (0, 8), f"{bench.changes(stream)['create']} records were made")


@behaviour(Level.PLATINUM, "create")
def eight_workers_write_the_same_record_once(bench: Bench, stream: str) -> None:
    """Eight workers that send the same write at once, as after a lost lease, make one record."""
    wanted, _, _, _ = _clean(bench, stream)
    record = bench.record(stream)
    outcomes = _together([lambda: bench.connector().deliver(record)] * 8)
    unclear = [one for one in outcomes if isinstance(one, Exception) and not isinstance(one, DeliveryError)]
    require(not unclear, f"raised {unclear[:1]}")
    if not any(isinstance(one, DeliverResult) for one in outcomes):
        bench.go_on(record)
    require(bench.created()[f"{stream}.create"] <= max(1, wanted[f"{stream}.create"]), f"made {dict(bench.created())}")


# --- many at once


def _many(bench: Bench, stream: str, count: int = 6) -> list[OutboundRecord]:
    if bench.stream(stream).batch < 2:
        raise NotProvable(f"writes of {stream} go out one by one", declared=True)
    return [bench.record(stream) for _ in range(min(count, bench.stream(stream).batch))]


@behaviour(Level.SILVER, "create")
def many_writes_go_out_together(bench: Bench, stream: str) -> None:
    """`deliver_many` carries every write out once, tells the outcome of each in its place, and a repeat makes nothing new."""
    records = _many(bench, stream)
    told = list(bench.connector().deliver_many(records))
    require(len(told) == len(records), f"{len(records)} writes have {len(told)} outcomes")
    wrong = [one for one in told if not isinstance(one, DeliverResult)]
    require(not wrong, f"{len(wrong)} of {len(records)} failed: {wrong[:1]}")
    made, results = bench.created(), [one for one in told if isinstance(one, DeliverResult)]
    require(len({one.external_id for one in results}) == len(records), "different writes have the same external id")
    for record, result in zip(records, results, strict=True):
        again = bench.connector().deliver(replace(record, attempt=2, maybe_sent=True))
        require(again.external_id == result.external_id, "an outcome stands in another write's place")
    require(bench.created() == made, "the same writes one by one made more")


@behaviour(Level.GOLD, "create")
def one_bad_write_among_many_harms_no_other(bench: Bench, stream: str) -> None:
    """Of many writes one is refused: it alone is told as refused, the others are carried out."""
    records = _many(bench, stream)
    spoiled = len(records) // 2
    records[spoiled] = replace(records[spoiled], data=bench.sim.spoil(stream, records[spoiled].data))
    told = list(bench.connector().deliver_many(records))
    require(len(told) == len(records), f"{len(records)} writes have {len(told)} outcomes")
    for place, one in enumerate(told):
        if place == spoiled:
            require(isinstance(one, Rejected), f"the spoiled write is told as {one!r}")
        else:
            require(
                isinstance(one, DeliverResult), f"write {place + 1} of {len(records)} suffers from another: {one!r}"
            )


@behaviour(Level.GOLD, "create")
def a_lost_answer_to_many_writes_doubles_nothing(bench: Bench, stream: str) -> None:
    """The answer to many writes is lost, after they took effect or before: none is done twice, and none is forgotten."""
    for after_effect in (True, False):
        with bench.twin() as clean:
            records = _many(clean, stream)
            start = clean.requests()
            clean.connector().deliver_many(records)
            wanted, writing = clean.created(), clean.writing_requests(start)
        with bench.twin() as twin:
            records = _many(twin, stream)
            twin.fault_at(writing[0], Reset(after_effect=after_effect))
            try:
                told: list[Any] = list(twin.connector().deliver_many(records))
            except (OutcomeUnknown, RetryLater) as e:
                told = [e] * len(records)
            unclear = [one for one in told if not isinstance(one, (DeliverResult, OutcomeUnknown, RetryLater))]
            require(not unclear, f"a lost answer is told as {unclear[:1]}")
            for record, one in zip(records, told, strict=True):
                if not isinstance(one, DeliverResult):
                    twin.go_on(record)
            require(
                twin.created() == wanted, f"made {dict(twin.created())}, and undisturbed writes make {dict(wanted)}"
            )
            for record in records:
                found = look_up(twin.connector(), replace(record, attempt=3, maybe_sent=True))
                require(found is not None, "a write of many was forgotten")


# --- updates and deletions


def _external(bench: Bench, stream: str) -> tuple[OutboundRecord, str]:
    if bench.can(stream, "create"):
        record, result = _write(bench, stream)
        return record, result.external_id
    made = bench.sim.seed_records(stream, 1)[0]
    return bench.record(stream), made


@behaviour(Level.BRONZE, "update")
def an_update_changes_the_record(bench: Bench, stream: str) -> None:
    """An update changes the record it names, makes no new one, and works in an instance that did not make it."""
    record, external_id = _external(bench, stream)
    made, before = bench.created(), len(bench.sim.effects())
    data = bench.sim.sample_change(stream, record.data)
    result = bench.connector().deliver(bench.record(stream, "update", data, external_id))
    require(result.external_id == external_id, f"the update of {external_id} gives {result.external_id}")
    require(result.applied != "created", "an update says that it created something")
    require(bench.created()[f"{stream}.create"] == made[f"{stream}.create"], "an update made a new record")
    require(len(bench.sim.effects()) > before, "the update had no effect at the system")


@behaviour(Level.GOLD, "update")
def a_repeated_update_does_no_harm(bench: Bench, stream: str) -> None:
    """The same update again makes nothing new and gives the same external id."""
    record, external_id = _external(bench, stream)
    data = bench.sim.sample_change(stream, record.data)
    update = bench.record(stream, "update", data, external_id)
    bench.connector().deliver(update)
    made = bench.created()
    result = bench.connector().deliver(replace(update, attempt=2, maybe_sent=True))
    require(bench.created() == made, f"the same update made more: {bench.created() - made}")
    require(result.external_id == external_id, "the same update gives another external id")


@behaviour(Level.GOLD, "update")
def a_change_that_never_arrived_is_not_taken_for_done(bench: Bench, stream: str) -> None:
    """`find_effect` of an update that was never sent is none: the marker that the creation left says nothing of the update."""
    record, external_id = _external(bench, stream)
    update = bench.record(stream, "update", bench.sim.sample_change(stream, record.data), external_id)
    update = replace(update, marker=record.marker, attempt=2, maybe_sent=True)
    found = look_up(bench.connector(), update)
    require(found is None, f"find_effect takes the creation of {external_id} for its change: {found}")


@behaviour(Level.SILVER, "delete")
def a_deletion_may_be_repeated(bench: Bench, stream: str) -> None:
    """A deletion takes effect; deleting what is gone already is no error."""
    record, external_id = _external(bench, stream)
    delete = bench.record(stream, "delete", record.data, external_id)
    result = bench.connector().deliver(delete)
    require(result.applied in ("deleted", "unchanged", "updated"), f"a deletion says {result.applied!r}")
    before = len(bench.sim.effects())
    bench.connector().deliver(replace(delete, attempt=2, maybe_sent=True))
    require(len(bench.sim.effects()) - before <= 1, "deleting again does much")


# --- what is kept


@behaviour(Level.BRONZE, "create")
def the_wire_tap_sees_the_write(bench: Bench, stream: str) -> None:
    """Every call of a write goes through the hub's HTTP client, so that the trace shows it."""
    record = bench.record(stream)
    io = bench.io()
    connector = bench.connector(io)
    before = bench.requests()
    with io.http.recording() as exchanges:
        connector.deliver(record)
    require(
        len(exchanges) == bench.requests() - before,
        f"{bench.requests() - before} calls were made, the tap saw {len(exchanges)}",
    )


@behaviour(Level.BRONZE, "create")
def no_secret_shows_when_writing(bench: Bench, stream: str) -> None:
    """Neither the trace of a write nor its log nor its errors hold a secret."""
    record = bench.record(stream)
    io = bench.io()
    connector = bench.connector(io)
    shown = []
    with io.http.recording() as exchanges:
        connector.deliver(record)
        for fault in (Status(400, b'{"message":"no"}'), Status(500), CutBody(5), Reset()):
            bench.sim.faults.add("* /", fault)
            try:
                connector.deliver(bench.record(stream))
            except Exception as e:  # noqa: BLE001
                shown.append(f"{e!r} {e}")
            bench.sim.faults.clear()
    text = "\n".join([*shown, bench.log.text, *(str(exchange.as_dict()) for exchange in exchanges)])
    for secret in bench.secrets:
        require(secret not in text, "a secret shows in a trace, a log or an error")
