"""The rows that a decision about a delivery writes: its settlement, links, trace and attempt."""

from __future__ import annotations

from typing import Any

from hub.canonical import ENTITIES, Entity
from hub.canonical.reasons import reason
from hub.pipeline.context import Context
from hub.pipeline.deliver import Outcome
from hub.pipeline.identity import is_id
from hub.pipeline.plain import load_json
from hub.pipeline.prepare import Job
from hub.pipeline.settle import Decision, Ending
from hub.sdk.jsonio import dump_json
from hub.store import AttemptMade, ClaimedDelivery, Link, Settlement, Step, Trouble

_NOT_CALLED = {Ending.UNCHANGED, Ending.FILTERED, Ending.STALE, Ending.UNSENT, Ending.MISSING}


def settlement_of(job: Job, decision: Decision, context: Context) -> Settlement:
    """What is to be written for a decided job."""
    outcome = job.outcome or Outcome(Ending.UNSENT)
    delivery = job.delivery
    new, touched = _links(delivery, job, outcome)
    trouble = None
    if decision.state == "failed":
        registered = reason(decision.reason)
        trouble = Trouble(
            decision.reason, outcome.detail or registered.meaning, outcome.fix or registered.fix, outcome.where
        )
    return Settlement(
        delivery_id=delivery.id,
        message_id=delivery.message_id,
        epoch=delivery.epoch,
        state=decision.state,
        reason=decision.reason,
        due_in=decision.due_in,
        wait_for=context.park_for if decision.state == "waiting" else None,
        maybe_sent=decision.maybe_sent,
        counts=decision.counts,
        attempted=decision.attempted,
        trouble=trouble,
        waits=job.waits,
        links=new,
        touched=touched,
        steps=_steps(job, outcome, decision),
        attempt=_attempt(job, outcome),
    )


def _links(delivery: ClaimedDelivery, job: Job, outcome: Outcome) -> tuple[list[Link], list[Link]]:
    result = outcome.result
    if result is None:
        return [], []
    mine = Link(
        delivery.entity,
        delivery.target,
        result.external_id,
        delivery.record_id,
        None,
        "",
        result.version,
        delivery.record_version,
        job.rendered.sha if job.rendered else "",
    )
    further = [
        Link(entity, delivery.target, external, key, None)
        if is_id(key)
        else Link(entity, delivery.target, external, None, key)
        for entity, key, external in result.links
    ]
    if delivery.link is not None and delivery.link.external_id == result.external_id:
        return further, [mine]
    return [_with_nature(mine, delivery), *further], []


def _with_nature(link: Link, delivery: ClaimedDelivery) -> Link:
    """A new link also carries the record's natural key, so that other records can refer to it by that."""
    entity = ENTITIES[delivery.entity]
    if entity.natural_key is Entity.natural_key:
        return link
    nature = entity.model_validate(load_json(delivery.body)).natural_key()
    values: dict[str, Any] = {name: getattr(link, name) for name in link.__slots__}
    return Link(**{**values, "natural_key": nature})


def _steps(job: Job, outcome: Outcome, decision: Decision) -> list[Step]:
    steps = []
    if outcome.ending is Ending.ADOPTED:
        steps.append(
            Step(
                "lookup", "found", detail=f"the effect is there: {outcome.result.external_id if outcome.result else ''}"
            )
        )
    elif outcome.looked_up:
        steps.append(Step("lookup", "none", detail="an earlier try had no effect"))
    if job.rendered is not None and outcome.ending not in _NOT_CALLED | {Ending.ADOPTED} and job.started_at:
        said = outcome.detail
        if outcome.result is not None:
            said = "; ".join((f"{outcome.result.applied} {outcome.result.external_id}", *outcome.result.warnings))
        steps.append(
            Step("deliver", outcome.ending.value, outcome.code, said, before=job.rendered.sha, at=job.started_at)
        )
    again = f"again in {decision.due_in:.1f} s" if decision.state == "pending" else ""
    said = outcome.detail if outcome.ending in _NOT_CALLED or not steps else ""
    detail = ": ".join(part for part in (again, said) if part)
    steps.append(Step("settle", "retry" if decision.state == "pending" else decision.state, decision.reason, detail))
    return steps


def _attempt(job: Job, outcome: Outcome) -> AttemptMade | None:
    if not job.started_at:
        return None
    calls = [exchange.as_dict() for exchange in outcome.exchanges]
    return AttemptMade(
        job.started_at,
        job.ended_at or job.started_at,
        outcome.ending.value,
        outcome.code,
        outcome.detail,
        dump_json(calls) if calls else None,
    )
