"""Deliveries that the worker who makes them takes at once: they are written with its lease, and with their frozen requests.

A delivery that nobody has to wait for is claimed by the transaction that makes it. That spares a claim, reading the record back and a
transaction for the request; what it may take is exactly what a claim might.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hub.store.connections import not_open
from hub.store.rows import ClaimedDelivery, ClaimedMessage, Frozen, NewDelivery

if TYPE_CHECKING:
    from hub.store.work import Work

# One look into the index for each lane: a plan that is made while the table is new reads all that waits for the target otherwise.
_BUSY = """SELECT k FROM unnest(?::text[]) AS k WHERE (SELECT d.id FROM delivery AS d WHERE d.lane = k AND d.target = ?
AND d.state IN ('pending', 'leased', 'waiting') LIMIT 1) IS NOT NULL"""
_BUSY_SQLITE = (
    "SELECT DISTINCT lane FROM delivery WHERE lane IN ?* AND target = ? AND state IN ('pending', 'leased', 'waiting')"
)


@dataclass(slots=True)
class Taking:
    """What a worker can send right now: by target, how many deliveries at the most, and the owner that their leases name."""

    most: Mapping[str, int]
    owners: Mapping[str, str]
    lease: float


@dataclass(slots=True)
class Maker:
    """What the pipeline adds to new deliveries: their messages, and what renders those that can be rendered at once."""

    taking: Taking
    messages: Mapping[int, ClaimedMessage]
    freeze: Callable[[Sequence[ClaimedDelivery]], Sequence[Frozen]]


def take(
    work: Work,
    new: Sequence[tuple[int, int, NewDelivery]],
    bodies: Mapping[str, bytes],
    maker: Maker,
    now: float,
    since: float,
) -> dict[int, ClaimedDelivery]:
    """Those of the new deliveries (id, message, delivery) that may be sent at once, by their ids. Called before they are written."""
    taking = maker.taking
    named = {one.target for _, _, one in new} & taking.most.keys()
    if not named:
        return {}
    closed, probes = not_open(work.database, work.connection, now)
    chosen: list[tuple[int, int, NewDelivery]] = []
    for target in sorted(named - closed - probes):
        chosen += _heads(work, target, [one for one in new if one[2].target == target], taking.most[target])
    known = work.links_of({(one.record_id, one.target) for _, _, one in chosen})
    doubtful = work.doubtful({one.record_id for _, _, one in chosen if (one.record_id, one.target) not in known})
    return {
        identity: ClaimedDelivery(
            id=identity, message_id=message, correlation_id=maker.messages[message].correlation_id,
            traceparent=maker.messages[message].traceparent, flow=one.flow, target=one.target, lane=one.lane, entity=one.entity,
            stream=one.stream, operation=one.operation, record_id=one.record_id, record_version=one.record_version,
            snapshot=one.snapshot, body=bodies[one.snapshot], request=None, request_sha=None, idempotency_key="", external_id="",
            link=known.get((one.record_id, one.target)), epoch=1, attempt=1, failures=0, crashes=0, maybe_sent=False,
            in_doubt_until=doubtful.get((one.record_id, one.target)), generation=0, first_sent_at=None, created_at=now,
            wait_until=None, lease_until=now + taking.lease, claimed_at=now, since=since,
        )
        for identity, message, one in chosen
    }  # fmt: skip


def _heads(
    work: Work, target: str, new: Sequence[tuple[int, int, NewDelivery]], most: int
) -> list[tuple[int, int, NewDelivery]]:
    """The first of each lane in which nothing is under way."""
    first: dict[str, tuple[int, int, NewDelivery]] = {}
    for one in new:
        first.setdefault(one[2].lane, one)
    statement = _BUSY_SQLITE if work.database.is_sqlite else _BUSY
    busy = {row[0] for row in work.database.rows(work.connection, statement, sorted(first), target)}
    return [one for lane, one in first.items() if lane not in busy][:most]
