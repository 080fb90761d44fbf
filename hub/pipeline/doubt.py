"""Another request may have made the record at the target already: that is cleared up before a second one could be made."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.errors import StoreError
from hub.pipeline.context import Context
from hub.pipeline.deliver import Outcome, classed, look_up
from hub.pipeline.refusal import REFUSALS
from hub.pipeline.render import outbound_record
from hub.pipeline.settle import Ending
from hub.sdk.connector import Connector
from hub.store import Link, Store

if TYPE_CHECKING:
    from hub.pipeline.prepare import Job


def clear_up(
    store: Store, context: Context, connector: Connector[Any], jobs: Sequence[Job], executor: Executor | None
) -> None:
    """Look for the record of each job in doubt, and link what is found. A job that is not to be sent now gets its outcome.

    Only the marker counts, since the other request went out under another key. A job whose record is there begins again, as a
    change of it; one whose record is not there goes on; where it cannot be told, a person is asked.
    """
    asked = []
    for job in jobs:
        until = job.delivery.in_doubt_until
        if until is None:
            continue
        if until > job.delivery.claimed_at:
            job.outcome = Outcome(
                Ending.UNSENT, detail="an earlier request may yet take effect", after=until - job.delivery.claimed_at
            )
        else:
            asked.append(job)

    def look(job: Job) -> Outcome | None:
        assert job.rendered is not None
        record = outbound_record(job.delivery, job.rendered, context)
        return look_up(connector, replace(record, idempotency_key="", maybe_sent=True), lambda: True)

    for job, found in zip(asked, (executor.map if executor is not None else map)(look, asked), strict=True):
        if found is None:
            job.delivery = replace(job.delivery, maybe_sent=False, in_doubt_until=None)
        elif found.ending is Ending.ADOPTED and found.result is not None:
            job.outcome = _linked(store, job, found.result.external_id)
        else:
            job.outcome = found


def _linked(store: Store, job: Job, external_id: str) -> Outcome:
    delivery = job.delivery
    try:
        store.bind_links([Link(delivery.entity, delivery.target, external_id, delivery.record_id, None)])
    except StoreError as error:
        if error.code not in REFUSALS:
            raise
        return classed(error)
    return Outcome(Ending.UNSENT, detail=f"an earlier request made {external_id}, which is changed now")
