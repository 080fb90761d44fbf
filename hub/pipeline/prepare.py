"""Render a batch of deliveries as far as it can be: with the links that are known, or that the target can tell."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from hub.canonical import ENTITIES
from hub.canonical.reasons import reason
from hub.errors import HubError, LinkMissing, StoreError
from hub.pipeline.context import Context
from hub.pipeline.deliver import Outcome, classed
from hub.pipeline.doubt import clear_up
from hub.pipeline.outbound import UNKNOWN_CODES, Missing, Search, TargetLinks, said, search
from hub.pipeline.refusal import REFUSALS
from hub.pipeline.render import Rendered, external_id_of, key_of, render
from hub.pipeline.settle import Ending
from hub.sdk.connector import Connector
from hub.store import ClaimedDelivery, Frozen, Link, Store, Wait
from hub.telemetry import get_logger

log = get_logger(__name__)


@dataclass
class Job:
    """One delivery on its way through a batch: rendered and to be sent, or already with an outcome."""

    delivery: ClaimedDelivery
    rendered: Rendered | None = None
    outcome: Outcome | None = None
    waits: tuple[Wait, ...] = ()
    missing: tuple[Missing, ...] = ()
    optional: tuple[Missing, ...] = ()
    """Links that the mapping can do without, and did."""
    started_at: float = 0.0
    ended_at: float = 0.0
    found: list[Link] = field(default_factory=list)
    together: Sequence[Job] = ()
    """The others for which this one stands: they go out with it, in one call."""

    @property
    def body(self) -> bytes:
        """The rendered request."""
        return self.rendered.body if self.rendered is not None else b""


def prepare(
    store: Store,
    context: Context,
    connector: Connector[Any],
    deliveries: Sequence[ClaimedDelivery],
    executor: Executor | None,
) -> list[Job]:
    """Render what can be rendered. Jobs that cannot be sent get their outcome here."""
    jobs = [Job(delivery) for delivery in deliveries]
    if not jobs:
        return jobs
    links = TargetLinks(store, jobs[0].delivery.target)
    _search(store, context, connector, _render_all(jobs, context, links), links, executor)
    _await_optional(jobs, context, links)
    clear_up(store, context, connector, [job for job in jobs if job.outcome is None], executor)
    return jobs


class NewJobs:
    """Renders deliveries while they are being made, so that those that need nothing more are written with their requests."""

    def __init__(self, store: Store, context: Context) -> None:
        self._store = store
        self._context = context
        self._rendered: dict[int, Rendered] = {}

    def freeze(self, deliveries: Sequence[ClaimedDelivery]) -> list[Frozen]:
        """The requests of those that can be sent as they are; the others are prepared after they are written."""
        by_target: defaultdict[str, list[Job]] = defaultdict(list)
        for delivery in deliveries:
            if delivery.in_doubt_until is None:
                by_target[delivery.target].append(Job(delivery))
        ready = []
        for target, jobs in by_target.items():
            _render_all(jobs, self._context, TargetLinks(self._store, target))
            ready += [job for job in jobs if job.rendered and not (job.outcome or job.missing or job.optional)]
        self._rendered = {job.delivery.id: job.rendered for job in ready if job.rendered is not None}
        return [frozen_of(job, self._context) for job in ready]

    def job(self, delivery: ClaimedDelivery) -> Job:
        """The job of a delivery that was taken at once; still to be prepared where it has no request."""
        return Job(delivery, self._rendered.get(delivery.id) if delivery.request is not None else None)


def frozen_of(job: Job, context: Context) -> Frozen:
    """The rendered request as it is put on disk."""
    steps = (job.rendered.step,) if job.rendered and job.rendered.step else ()
    key = key_of(context.installation, job.delivery)
    return Frozen(job.delivery.id, job.delivery.epoch, job.body, key, external_id_of(job.delivery) or "", steps)


def _render_all(jobs: Sequence[Job], context: Context, links: TargetLinks) -> list[Job]:
    """Render with the links that are in the database. Returns the jobs that need others."""
    for job in jobs:
        _render(job, context, links)
    lacking = [job for job in jobs if job.missing]
    if lacking:
        links.ask({one for job in lacking for one in job.missing})
        for job in lacking:
            _render(job, context, links)
    return [job for job in lacking if job.missing]


def _render(job: Job, context: Context, links: TargetLinks) -> None:
    delivery = job.delivery
    job.missing = ()
    again = delivery.generation > 0 or delivery.maybe_sent
    if delivery.link is not None and delivery.link.applied_version > delivery.record_version and not again:
        job.outcome = Outcome(Ending.STALE, code="SEQ-STALE", detail="a newer version is there already")
        return
    links.missed.clear()
    try:
        job.rendered = render(delivery, context, links)
    except LinkMissing as error:
        required = {(entity, key, bool(natural)) for entity, key, natural in error.missing}
        # until all are looked up, the optional ones are asked for as well
        job.missing = tuple(sorted(required if links.missed <= links.asked else required | links.missed))
        return
    except Exception as error:  # noqa: BLE001 - it harms this delivery only
        job.outcome = _failed(error, delivery)
        return
    if links.missed - links.asked:  # optional links: they may be there all the same
        job.missing, job.rendered = tuple(sorted(links.missed)), None
        return
    job.optional = tuple(sorted(links.missed))
    if job.rendered.filtered is not None:
        job.outcome = Outcome(Ending.FILTERED, code="FLT-FILTERED", detail=job.rendered.filtered)
    elif (
        delivery.link is not None
        and delivery.link.applied_request == job.rendered.sha
        and not again
        and delivery.operation != "delete"
        and not ENTITIES[delivery.entity].events
    ):
        job.outcome = Outcome(Ending.UNCHANGED, code="FLT-UNCHANGED", detail="the request is the same as the last one")


def _await_optional(jobs: Sequence[Job], context: Context, links: TargetLinks) -> None:
    """A record that a request would name if it were there, and that is on its way, is waited for: it ends or fails soon."""
    without = [job for job in jobs if job.outcome is None and job.optional]
    if not without:
        return
    # first who is on the way, then who is there: the other way round, one could arrive in between and be missed
    coming = links.coming({one for job in without for one in job.optional})
    links.ask_again()
    for job in without:
        if awaited := tuple(one for one in job.optional if one in coming and one not in links.known):
            _wait(job, awaited, links.target)
        elif any(one in links.known for one in job.optional):
            _render(job, context, links)


def _wait(job: Job, missing: tuple[Missing, ...], target: str) -> None:
    job.outcome = Outcome(Ending.MISSING, code="DEP-PARKED", detail=said(missing, target))
    job.waits = tuple(Wait(entity, target, key, "natural" if natural else "record") for entity, key, natural in missing)


def _failed(error: Exception, delivery: ClaimedDelivery) -> Outcome:
    """A rendering that fails was not sent, whatever it is."""
    if isinstance(error, HubError):
        return Outcome(
            Ending.REJECTED,
            code=error.code,
            detail=error.message,
            fix=error.fix or reason(error.code).fix,
            where=error.where,
        )
    log.error("render.bug", code="HUB-BUG", error=type(error).__name__, delivery=delivery.id, exc_info=error)
    return Outcome(
        Ending.REJECTED, code="HUB-BUG", detail=f"{type(error).__name__} while rendering", fix=reason("HUB-BUG").fix
    )


def _search(
    store: Store,
    context: Context,
    connector: Connector[Any],
    jobs: Sequence[Job],
    links: TargetLinks,
    executor: Executor | None,
) -> None:
    """Look the records that are not linked yet up at the target, bind what is found, and render again."""
    if not jobs:
        return
    target = jobs[0].delivery.target
    wanted = sorted({job.missing for job in jobs})

    def look(missing: tuple[Missing, ...]) -> Search:
        http = getattr(connector.io, "http", None)
        if http is None:
            return search(store, connector, target, missing)
        with http.recording():
            return search(store, connector, target, missing)

    results = dict(zip(wanted, (executor.map if executor is not None else map)(look, wanted), strict=True))
    conflicts: dict[Link, StoreError] = {}
    found = {(link.entity, link.external_id): link for result in results.values() for link in result.found}
    if found:
        conflicts = _bind(store, list(found.values()))
        links.ask_again()
    for job in jobs:
        result, missing = results[job.missing], job.missing
        conflict = next((conflicts[link] for link in result.found if link in conflicts), None)
        if result.error is not None or conflict is not None:
            job.outcome = _searching_failed(result.error or conflict or LookupError())
        elif result.unknown:
            code = UNKNOWN_CODES[result.unknown[0][0]]
            job.outcome = Outcome(Ending.REJECTED, code=code, detail=said(result.unknown, target), fix=reason(code).fix)
        else:
            _render(job, context, links)
            if job.missing:
                _wait(job, job.missing, target)
        job.missing = missing if job.outcome is not None else ()


def _bind(store: Store, found: Sequence[Link]) -> dict[Link, StoreError]:
    """Store links that were found, and say which of them belong to another record already."""
    try:
        store.bind_links(found)
    except StoreError as error:
        if error.code not in REFUSALS:
            raise
        if len(found) == 1:
            return {found[0]: error}
        return {link: fault for one in found for link, fault in _bind(store, [one]).items()}
    return {}


def _searching_failed(error: Exception) -> Outcome:
    """The look-up of a link failed. Nothing was sent, so an unknown outcome of it is only a retry."""
    outcome = classed(error, looked_up=False)
    if outcome.ending is Ending.UNKNOWN:
        return Outcome(Ending.RETRY, code=outcome.code, detail=outcome.detail)
    if outcome.ending is Ending.BUG:
        return Outcome(Ending.REJECTED, code="HUB-BUG", detail=outcome.detail, fix=reason("HUB-BUG").fix)
    return outcome
