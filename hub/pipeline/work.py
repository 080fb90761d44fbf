"""Render, send and settle a batch of claimed deliveries. No transaction is open while a target is called."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from hub.errors import HubError, StoreError
from hub.pipeline.calls import Calls
from hub.pipeline.context import Context
from hub.pipeline.deliver import Outcome, deliver, deliver_many
from hub.pipeline.outcome import settlement_of
from hub.pipeline.prepare import Job, frozen_of, prepare
from hub.pipeline.refusal import REFUSALS, refusal
from hub.pipeline.render import outbound_record
from hub.pipeline.settle import Decision, Ending, Facts, settle
from hub.pipeline.together import together
from hub.sdk.connector import Connector
from hub.sdk.records import OutboundRecord
from hub.store import ClaimedDelivery, Settlement, Step, Store, Trouble
from hub.store.clock import steady
from hub.telemetry import get_logger, tracing

log = get_logger(__name__)

LINGER = 0.03
"""Seconds that outcomes wait for others, so that they are written together."""
UNMADE_PAUSE = 30.0
"""Seconds until deliveries of a connection that cannot be made (a setting is wrong) are looked at again."""
MARGIN = 2.0


@dataclass(slots=True)
class WorkReport:
    """What became of a batch of deliveries, and which targets have more to do ("" = the inbox)."""

    done: int = 0
    skipped: int = 0
    retried: int = 0
    waiting: int = 0
    failed: int = 0
    fenced: int = 0
    targets: set[str] = field(default_factory=set)

    def count(self, state: str) -> None:
        """Add one outcome."""
        name = {"pending": "retried"}.get(state, state)
        setattr(self, name, getattr(self, name) + 1)


def work_batch(
    store: Store, context: Context, claimed: Sequence[ClaimedDelivery], executor: Executor | None = None
) -> WorkReport:
    """Work claimed deliveries: one transaction freezes their requests, the calls run on ``executor`` (or one by one), and each
    outcome is settled as soon as its group is in. Moves the circuit breaker, pauses on `AuthFailed`. Only `StoreError` is raised.
    """
    report = WorkReport()
    groups: defaultdict[str, list[ClaimedDelivery]] = defaultdict(list)
    for delivery in claimed:
        groups[delivery.target].append(delivery)
    for target, deliveries in groups.items():
        _Batch(store, context, target, executor, report).work(deliveries)
    return report


def work_taken(
    store: Store, context: Context, target: str, jobs: Sequence[Job], executor: Executor | None = None
) -> WorkReport:
    """The same for deliveries of one target that were taken when they were made (`ProcessReport.taken`)."""
    report = WorkReport()
    if jobs:
        _Batch(store, context, target, executor, report).work_jobs(jobs)
    return report


def _without_result(settlement: Settlement, trouble: Trouble) -> Settlement:
    """An outcome that cannot be written is an exception; the effect at the target may be there."""
    return replace(
        settlement,
        state="failed",
        reason=trouble.code,
        maybe_sent=True,
        trouble=trouble,
        waits=(),
        links=(),
        touched=(),
        steps=(*settlement.steps[:-1], Step("settle", "failed", trouble.code, trouble.detail)),
    )


def _tell(job: Job, span: str) -> None:
    """Export a span for one try."""
    delivery, outcome = job.delivery, job.outcome or Outcome(Ending.UNSENT)
    good = outcome.ending in (Ending.DONE, Ending.ADOPTED)
    tracing.record(
        f"deliver {delivery.stream}", delivery.traceparent, delivery.correlation_id, span, f"process {delivery.message_id}",
        job.started_at, job.ended_at, calls=True, error="" if good else outcome.code or outcome.ending.value,
        connection=delivery.target, stream=delivery.stream, message=delivery.message_id, delivery=delivery.id,
        attempt=delivery.attempt, outcome=outcome.ending.value, calls_made=len(outcome.exchanges),
    )  # fmt: skip


class _Batch:
    """The deliveries of one target."""

    def __init__(
        self, store: Store, context: Context, target: str, executor: Executor | None, report: WorkReport
    ) -> None:
        self._store = store
        self._context = context
        self._target = target
        self._executor = executor
        self._report = report
        self._began = 0.0
        """When the leases began, by this process's steady clock, or earlier."""
        self._lost: set[int] = set()

    def work(self, deliveries: Sequence[ClaimedDelivery]) -> None:
        self.work_jobs([Job(delivery) for delivery in deliveries])

    def work_jobs(self, jobs: Sequence[Job]) -> None:
        """The same where some are rendered and frozen already."""
        self._began = min(job.delivery.since for job in jobs)
        try:
            connector = self._context.connector(self._target)
        except HubError as error:
            log.warning("deliver.no_connector", connection=self._target, code=error.code)
            self._give_back([job.delivery for job in jobs], error)
            return
        ready = [job for job in jobs if job.rendered is not None]
        prepared = prepare(
            self._store,
            self._context,
            connector,
            [job.delivery for job in jobs if job.rendered is None],
            self._executor,
        )
        self._settle([job for job in prepared if job.outcome is not None], connector)
        ready += self._freeze([job for job in prepared if job.outcome is None])
        try:
            for group in self._sent(together(ready, connector), connector):
                self._settle([one for job in group for one in (job, *job.together)], connector)
        except StoreError:
            # nobody will write down what comes of the calls that are left, so they are better not made
            self._lost.update(job.delivery.id for job in ready)
            raise

    def _give_back(self, deliveries: Iterable[ClaimedDelivery], error: HubError) -> None:
        self._store.settle_deliveries(
            [
                Settlement(
                    one.id,
                    one.message_id,
                    one.epoch,
                    "pending",
                    error.code,
                    due_in=UNMADE_PAUSE,
                    maybe_sent=one.maybe_sent,
                    counts=False,
                    attempted=False,
                )
                for one in deliveries
            ]
        )

    def _freeze(self, jobs: Sequence[Job]) -> list[Job]:
        """Put the new requests on disk; only what this worker still holds goes on."""
        new = [job for job in jobs if job.delivery.request is None]
        held = self._store.freeze_requests([frozen_of(job, self._context) for job in new])
        ready = [job for job in jobs if job.delivery.request is not None or job.delivery.id in held]
        self._report.fenced += len(jobs) - len(ready)
        return ready

    def _sent(self, jobs: Sequence[Job], connector: Connector[Any]) -> Iterator[list[Job]]:
        """Send, and give the jobs back in groups as their outcomes come in."""
        if self._executor is None:
            group: list[Job] = []
            since = time.monotonic()
            for job in jobs:
                self._send(job, connector)
                group.append(job)
                if time.monotonic() - since > LINGER * 10:
                    yield group
                    group, since = [], time.monotonic()
            if group:
                yield group
            return
        calls = Calls(jobs, lambda job: self._send(job, connector), self._executor, connector.config.concurrency)
        while calls.under_way:
            lease = min(job.delivery.lease_until - job.delivery.claimed_at for job in jobs)
            ended = calls.ended(LINGER, lease / 3)
            if ended:
                yield ended
            if calls.under_way and steady() - self._began > lease / 3:
                self._extend([one.delivery for job in calls.under_way for one in (job, *job.together)], lease)

    def _extend(self, deliveries: Sequence[ClaimedDelivery], lease: float) -> None:
        """Keep the leases of long calls. What somebody else has taken over meanwhile is not sent any more."""
        began = steady()
        held = self._store.extend_leases([(delivery.id, delivery.epoch) for delivery in deliveries], lease)
        self._lost |= {delivery.id for delivery in deliveries} - held
        self._began = began

    def _may_send(self, delivery: ClaimedDelivery, reserve: float) -> bool:
        """Is the lease still held, and long enough for a whole call?"""
        lease = delivery.lease_until - delivery.claimed_at
        return delivery.id not in self._lost and steady() + reserve < self._began + lease

    def _send(self, job: Job, connector: Connector[Any]) -> None:
        delivery = job.delivery
        started = time.time()
        lease = delivery.lease_until - delivery.claimed_at
        reserve = min(connector.config.deadline + MARGIN, lease / 2)
        span = f"deliver {delivery.id}.{delivery.attempt}"
        caller = tracing.header(delivery.traceparent, delivery.correlation_id, span) if tracing.on() else ""
        before = tracing.outgoing.set(caller)
        try:
            if job.together:
                self._send_together([job, *job.together], connector, reserve)
            else:
                job.outcome = deliver(connector, self._record(job), lambda: self._may_send(delivery, reserve))
        finally:
            tracing.outgoing.reset(before)
        ended = time.time()
        for one in (job, *job.together):
            one.started_at, one.ended_at = started, ended
            if tracing.on():
                _tell(one, f"deliver {one.delivery.id}.{one.delivery.attempt}")

    def _send_together(self, jobs: Sequence[Job], connector: Connector[Any], reserve: float) -> None:
        held = [job for job in jobs if self._may_send(job.delivery, reserve)]
        told = []
        if held:
            records = [self._record(job) for job in held]
            told = deliver_many(connector, records, lambda: all(self._may_send(job.delivery, reserve) for job in held))
        for job in jobs:
            job.outcome = Outcome(Ending.UNSENT)
        for job, outcome in zip(held, told, strict=True):
            job.outcome = outcome

    def _record(self, job: Job) -> OutboundRecord:
        delivery = job.delivery
        first = datetime.fromtimestamp(delivery.first_sent_at or delivery.claimed_at, UTC).isoformat()
        assert job.rendered is not None
        return outbound_record(delivery, job.rendered, self._context, first)

    def _settle(self, jobs: Sequence[Job], connector: Connector[Any]) -> None:
        """Decide what becomes of each, write it, and move what all workers share: breaker, pause, pace."""
        if not jobs:
            return
        decided = [(job, self._decide(job, connector)) for job in jobs]
        good = sum(decision.healthy is True for _, decision in decided)
        bad = sum(decision.healthy is False for _, decision in decided)
        self._shared(decided, good, bad)
        written = self._written(
            [settlement_of(job, decision, self._context) for job, decision in decided], (self._target,) if good else ()
        )
        for job, _ in decided:
            self._report.count(written.get(job.delivery.id, "fenced"))

    def _written(self, settlements: Sequence[Settlement], answered: tuple[str, ...]) -> dict[int, str]:
        """Write outcomes, and say which state each delivery is in now; those that somebody else took over are left out.

        One that the database refuses never takes the others with it, and ends as an exception.
        """
        try:
            settled = self._store.settle_deliveries(settlements, answered)
        except StoreError as error:
            if error.code not in REFUSALS:
                raise
            if len(settlements) > 1:
                parts = [self._written([one], answered) for one in settlements]
                return {identity: state for part in parts for identity, state in part.items()}
            log.warning("deliver.refused", code=error.code, delivery=settlements[0].delivery_id)
            settlements = [_without_result(settlements[0], refusal(error))]
            settled = self._store.settle_deliveries(settlements, answered)
        self._report.targets |= settled.targets
        return {one.delivery_id: one.state for one in settlements if one.delivery_id in settled.written}

    def _shared(self, decided: Sequence[tuple[Job, Decision]], good: int, bad: int) -> None:
        if bad and not good:
            self._store.note_calls(self._target, bad=bad)
        for job, _ in decided:
            outcome = job.outcome
            if outcome is not None and outcome.ending is Ending.AUTH:
                self._store.pause(self._target, outcome.code, outcome.detail)
                return
        paces = [decision.due_in for job, decision in decided if job.outcome and job.outcome.ending is Ending.RATE]
        if paces:
            self._store.hold_rate(self._target, max(paces))

    def _decide(self, job: Job, connector: Connector[Any]) -> Decision:
        outcome = job.outcome or Outcome(Ending.UNSENT)
        delivery = job.delivery
        facts = Facts(
            failures=delivery.failures,
            # until the target has taken it or refused it, it stays in doubt: a target that is relied on to do one key once is
            # never looked into, and what is in doubt must neither change its key nor give way to a newer version
            maybe_sent=delivery.maybe_sent and not (outcome.looked_up and outcome.ending is Ending.REJECTED),
            age=delivery.claimed_at - (delivery.first_sent_at or delivery.created_at),
            settle=connector.config.settle,
            retry_for=self._context.retry_for,
            park_for=self._context.park_for,
        )
        return settle(facts, outcome.ending, outcome.code, outcome.after)
