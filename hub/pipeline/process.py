"""Translate, merge, guard and route a batch of claimed messages, and write what became of them in one transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.errors import StoreError
from hub.pipeline.context import Context
from hub.pipeline.decide import Batch, decide
from hub.pipeline.inbound import Item, Known, translate_batch
from hub.pipeline.prepare import Job, NewJobs
from hub.pipeline.refusal import REFUSALS, refusal
from hub.store import ClaimedMessage, Finished, Step, Store
from hub.store.taking import Maker, Taking
from hub.telemetry import tracing

_TRIES = 4


@dataclass(slots=True)
class ProcessReport:
    """What became of a batch of messages, and which targets have new deliveries to wake up for ("" = the inbox itself)."""

    done: int = 0
    filtered: int = 0
    waiting: int = 0
    exceptions: int = 0
    again: int = 0
    targets: set[str] = field(default_factory=set)
    taken: dict[str, list[Job]] = field(default_factory=dict)
    """By target, the new deliveries that were taken at once: the caller sends them with `work_taken`."""

    def count(self, finished: Sequence[Finished]) -> None:
        """Add what became of some messages."""
        for one in finished:
            match one.state:
                case "done":
                    self.done += 1
                case "filtered":
                    self.filtered += 1
                case "waiting":
                    self.waiting += 1
                case "exception":
                    self.exceptions += 1
                case _:
                    self.again += 1


def process_batch(
    store: Store, context: Context, claimed: Sequence[ClaimedMessage], taking: Taking | None = None
) -> ProcessReport:
    """Process claimed messages; one that fails never harms its neighbours. Only `StoreError` is raised.

    ``taking`` says which new deliveries the caller can send right now: they are made with its lease.
    """
    report = ProcessReport()
    if context.notices is not None:
        claimed, put_back = context.notices.read(store, context, claimed)
        if put_back:
            store.finish_messages(put_back)
            report.count(put_back)
    _process(store, context, claimed, report, taking)
    return report


def _process(
    store: Store,
    context: Context,
    claimed: Sequence[ClaimedMessage],
    report: ProcessReport,
    taking: Taking | None = None,
) -> None:
    if not claimed:
        return
    try:
        _retried(store, context, claimed, report, taking)
    except StoreError as error:
        if error.code not in REFUSALS:
            raise
        if len(claimed) > 1:  # one message holds what the database refuses: find it
            for message in claimed:
                _process(store, context, [message], report)
            return
        trouble = refusal(error)
        refused = Finished(
            claimed[0].id,
            claimed[0].epoch,
            "exception",
            trouble.code,
            trouble=trouble,
            steps=[Step("store", "failed", trouble.code, trouble.detail)],
        )
        store.finish_messages([refused])
        report.count([refused])


def _retried(
    store: Store,
    context: Context,
    claimed: Sequence[ClaimedMessage],
    report: ProcessReport,
    taking: Taking | None,
) -> None:
    began = time.time()
    for left in range(_TRIES, 0, -1):
        try:
            finished, targets, taken = _once(store, context, claimed, taking)
        except StoreError as error:
            if error.code != "STO-CONFLICT" or left == 1:
                raise
        else:
            report.targets |= targets
            for job in taken:
                report.taken.setdefault(job.delivery.target, []).append(job)
            report.count(finished)
            if tracing.on():
                _tell(claimed, finished, began)
            return


def _tell(claimed: Sequence[ClaimedMessage], finished: Sequence[Finished], began: float) -> None:
    """Export a span for each message of the batch: they share its time."""
    by_id, ended = {message.id: message for message in claimed}, time.time()
    for done in finished:
        message = by_id[done.id]
        tracing.record(
            f"process {message.stream}", message.traceparent, message.correlation_id, f"process {message.id}",
            f"accept {message.id}", began, ended, error=done.reason if done.state == "exception" else "",
            connection=message.connection, stream=message.stream, message=message.id, outcome=done.state, reason=done.reason,
            batch=len(claimed),
        )  # fmt: skip


def _once(
    store: Store, context: Context, claimed: Sequence[ClaimedMessage], taking: Taking | None
) -> tuple[list[Finished], frozenset[str], list[Job]]:
    items = [Item(message, context) for message in claimed]
    known = Known()

    def look_up(keys: set[tuple[str, str, str]], natural: set[tuple[str, str]]) -> None:
        with store.reading() as work:
            known.look_up(work, keys, natural)

    translate_batch(items, known, look_up)
    with store.working() as work:
        batch = Batch.load(work, items)
        finished = [decide(item, context, batch) for item in items if item.message.id in batch.held]
        new = NewJobs(store, context)
        maker = Maker(taking, {item.message.id: item.message for item in items}, new.freeze) if taking else None
        written = work.finish(finished, maker)
    return finished, written.targets, [new.job(delivery) for delivery in written.taken]
