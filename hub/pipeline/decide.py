"""What becomes of one translated message: merge, guard and route, with the records of its batch at hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from hub.canonical.reasons import reason
from hub.errors import HubError, MappingError
from hub.pipeline.context import Context
from hub.pipeline.guard import guard, stops
from hub.pipeline.inbound import Item, Key, trouble_of
from hub.pipeline.merge import is_stale, merge, seen_version
from hub.pipeline.route import route
from hub.pipeline.translate import Translated, dump, validate
from hub.store import Finished, Link, NewDelivery, NewEvent, Record, Step, Trouble
from hub.store.archive import sha_of
from hub.store.work import Work


class _Stopped(Exception):
    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.code)
        self.trouble = trouble


class _Again(Exception):
    """Somebody else named the record meanwhile: the message is processed anew."""


@dataclass
class Batch:
    """The links and records that the messages of a batch touch, as they are under the batch's locks, changes included."""

    work: Work
    held: frozenset[int]
    links: dict[Key, Link]
    bound: dict[tuple[str, str], Link]
    """Links by (record id, connection)."""
    records: dict[str, Record]
    natural: dict[tuple[str, str], str]

    @classmethod
    def load(cls, work: Work, items: Sequence[Item]) -> Batch:
        """Lock and read everything that the batch may change."""
        made = [(item.message.connection, done, identity) for item in items for done, identity in item.made]
        keys = {(done.entity, connection, done.key) for connection, done, _ in made}
        natures = {
            (done.entity, nature)
            for _, done, _ in made
            if done.model and (nature := done.model.natural_key()) is not None
        }
        ids = {identity for _, _, identity in made}
        referred = {
            str(done.data["order"]) for _, done, _ in made if done.data and isinstance(done.data.get("order"), str)
        }
        work.lock(
            # an event goes into the lane of its order, whose deliveries must get their ids in the order of their commits
            {f"record {identity}" for identity in ids | referred}
            | {f"link {' '.join(key)}" for key in keys}
            | {f"natural {' '.join(key)}" for key in natures}
        )
        held = work.held([item.message for item in items])
        records = work.records(ids | referred)
        natural = {key: one.id for key, one in work.records_by_natural_key(natures).items()}
        return cls(
            work,
            held,
            work.links(keys),
            work.links_of({(identity, connection) for connection, _, identity in made}),
            records,
            natural,
        )


@dataclass
class _Outcome:
    """What one message has come to so far. It joins the batch only when the whole message succeeds."""

    steps: list[Step]
    records: dict[str, Record] = field(default_factory=dict)
    links: dict[Key, Link] = field(default_factory=dict)
    touched: dict[Key, Link] = field(default_factory=dict)
    deliveries: list[NewDelivery] = field(default_factory=list)
    events: list[NewEvent] = field(default_factory=list)
    search_keys: set[tuple[str, str]] = field(default_factory=set)
    codes: list[str] = field(default_factory=list)


def decide(item: Item, context: Context, batch: Batch) -> Finished:
    """Merge, guard and route one message. Never raises."""
    message = item.message
    out = _Outcome(list(item.steps))
    if item.trouble is not None:
        return _exception(item, out, item.trouble, "translate")
    if item.waits:
        said = ", ".join(sorted({wait.entity for wait in item.waits}))
        out.steps.append(Step("translate", "waiting", "DEP-PARKED", f"waits for: {said}"))
        return Finished(
            message.id,
            message.epoch,
            "waiting",
            "DEP-PARKED",
            steps=out.steps,
            waits=item.waits,
            wait_for=context.park_for,
        )
    step = "merge"
    try:
        for done, identity in item.made:
            _one(item, done, identity, context, batch, out)
        if unmade := item.uses - batch.records.keys() - out.records.keys():
            raise _Again(str(len(unmade)))
    except _Again:
        out.steps[:] = [Step("merge", "again", detail="another worker named the same record")]
        return Finished(message.id, message.epoch, "new", steps=out.steps)
    except _Stopped as stopped:
        return _exception(item, out, stopped.trouble, "guard")
    except Exception as error:  # noqa: BLE001 - it harms this message only
        return _exception(item, out, trouble_of(error, message=message.id), step)
    _join(batch, out)
    return Finished(
        message.id,
        message.epoch,
        "done" if out.deliveries else "filtered",
        "" if out.deliveries else _why_filtered(out),
        records=list(out.records.values()),
        links=list(out.links.values()),
        touched=list(out.touched.values()),
        deliveries=out.deliveries,
        events=out.events,
        steps=out.steps,
        search_keys=sorted(out.search_keys),
    )


def _one(item: Item, done: Translated, identity: str, context: Context, batch: Batch, out: _Outcome) -> None:
    """Merge one record of a message into what is known, and route the change."""
    message = item.message
    key: Key = (done.entity, message.connection, done.key)
    link = out.links.get(key) or out.touched.get(key) or batch.links.get(key)
    known = out.records.get(identity) or batch.records.get(identity)
    _check_identity(done, identity, message.connection, link, known, batch)
    if done.model is not None:
        out.search_keys.update(done.model.search_keys())
        out.search_keys.update(_keys_of_order(done, batch, out))
    primary = done.entity == message.stream
    version = message.source_version if primary else ""
    if link is not None and is_stale(link.source_version, message.stream, version):
        _pass_over(out, "merge", "stale", "SEQ-STALE", f"{done.entity} {identity} was seen in a newer version")
        return
    changed = _merged(done, identity, known, message.connection, context, link, out)
    told = Link(
        done.entity,
        message.connection,
        done.key,
        identity,
        _nature(changed or known),
        seen_version(message.stream, version),
    )
    if link is None or link.record_id is None:
        out.links[key] = told
    elif told.source_version or changed is not None:
        out.touched[key] = replace(told, applied_version=0)
    if changed is None:
        return
    record, data = changed, orjson.loads(changed.body)
    _guard(item, done, data, batch, out)
    out.records[identity] = record
    if record.entity in context.events:
        out.events.append(_event(record, message.connection, message.correlation_id))
    routing = route(
        record, data, message.connection, context.flows, lambda target, stream: _carries_state(context, target, stream)
    )
    out.deliveries.extend(routing.deliveries)
    said = ", ".join(f"{one.flow} to {one.target}" for one in routing.deliveries) or "no flow takes it"
    if routing.passed_by:
        said += f"; passed by: {', '.join(routing.passed_by)}"
    out.steps.append(
        Step("route", "ok" if routing.deliveries else "none", "" if routing.deliveries else "FLT-NOFLOW", said)
    )
    out.codes.append("FLT-NOFLOW")


def _check_identity(
    done: Translated, identity: str, connection: str, link: Link | None, known: Record | None, batch: Batch
) -> None:
    """Under the locks, the id found before must still be the right one, and the record must not be linked to another one there."""
    if link is not None and link.record_id is not None:
        if link.record_id != identity:
            raise _Again(identity)
        return
    nature = done.model.natural_key() if done.model is not None else None
    if nature is not None and batch.natural.get((done.entity, nature), identity) != identity:
        raise _Again(identity)
    other = batch.bound.get((identity, connection))
    if known is not None and other is not None and other.external_id != done.key:
        raise MappingError(
            f"{connection} has two records, {other.external_id} and {done.key}, for the same {done.entity}",
            code="XREF-CONFLICT",
            where=identity,
            fix=reason("XREF-CONFLICT").fix,
        )


def _merged(
    done: Translated,
    identity: str,
    known: Record | None,
    connection: str,
    context: Context,
    link: Link | None,
    out: _Outcome,
) -> Record | None:
    """The new version of the record, or none when nothing changes."""
    if done.data is None:
        return _deleted(done, known, connection, context, out)
    existing = orjson.loads(known.body) if known is not None else None
    as_model = validate(done.entity, existing) if existing is not None and existing != done.data else None
    result = merge(existing, done.data, connection, context.ownership.get(done.entity), as_model, done.model)
    if result.dropped:
        detail = f"{connection} does not own: {', '.join(result.dropped)}"
        out.steps.append(Step("merge", "dropped", "OWN-VIOLATION", detail))
    if known is not None and result.unchanged and not known.deleted:
        code, said = _why_unchanged(link, result.dropped)
        _pass_over(out, "merge", "unchanged", code, f"{done.entity} {identity}: {said}", known.sha)
        return None
    whole = done.model is not None and result.data == done.data
    model = done.model if whole and done.model is not None else validate(done.entity, result.data)
    body = done.body if whole else dump(result.data)
    record = Record(
        identity,
        done.entity,
        known.version + 1 if known else 1,
        body,
        sha_of(body),
        model.natural_key(),
        False,
        known.origin if known else connection,
        result.changed,
    )
    what = f"changed: {', '.join(result.changed)}" if known else "new"
    out.steps.append(
        Step(
            "merge",
            "updated" if known else "created",
            detail=f"{done.entity} {identity} version {record.version}, {what}",
            before=known.sha if known else None,
            after=body,
        )
    )
    return record


def _event(record: Record, connection: str, correlation_id: int) -> NewEvent:
    """The change as the outside is told of it."""
    verb = "deleted" if record.deleted else "created" if record.version == 1 else "updated"
    changed = record.changed if verb == "updated" else ()
    return NewEvent(connection, record.entity, verb, record.id, record.version, record.sha, changed, correlation_id)


def _why_unchanged(link: Link | None, dropped: Sequence[str]) -> tuple[str, str]:
    if dropped:
        return "OWN-VIOLATION", "nothing is left of what was sent"
    if link is not None and link.applied_version > 0:
        return "FLT-ECHO", "the hub's own write came back"
    return "FLT-UNCHANGED", "nothing changed"


def _deleted(done: Translated, known: Record | None, connection: str, context: Context, out: _Outcome) -> Record | None:
    owner = context.ownership.get(done.entity)
    if known is None or known.deleted:
        _pass_over(out, "merge", "unchanged", "FLT-UNCHANGED", "nothing is known of what was deleted")
        return None
    if owner is not None and owner.owner not in (None, connection):
        _pass_over(
            out, "merge", "dropped", "OWN-VIOLATION", f"{connection} does not own {done.entity} and cannot delete it"
        )
        return None
    out.steps.append(Step("merge", "deleted", detail=f"{done.entity} {known.id}", before=known.sha, after=known.sha))
    return replace(known, version=known.version + 1, deleted=True, changed=())


def _guard(item: Item, done: Translated, data: dict[str, Any], batch: Batch, out: _Outcome) -> None:
    if done.data is None:
        return
    model = done.model if data == done.data and done.model is not None else validate(done.entity, data)
    found = guard(model)
    waived: frozenset[str] | None = None
    for trouble in found:
        if not stops(trouble):
            out.steps.append(Step("guard", "warned", trouble.code, trouble.detail))
            continue
        if waived is None:
            waived = batch.work.waived(item.message.id)
        if trouble.code not in waived:
            raise _Stopped(trouble)
        out.steps.append(Step("guard", "waived", trouble.code, trouble.detail))
    if not found:
        out.steps.append(Step("guard", "ok"))


def _keys_of_order(done: Translated, batch: Batch, out: _Outcome) -> list[tuple[str, str]]:
    """A shipment is also found by the number of its order."""
    order = done.data.get("order") if done.data else None
    record = (out.records.get(order) or batch.records.get(order)) if isinstance(order, str) else None
    number = orjson.loads(record.body).get("number") if record is not None else None
    return [("order", str(number).lstrip("#"))] if number else []


def _carries_state(context: Context, target: str, stream: str) -> bool:
    try:
        described = context.connector(target).manifest.streams.get(stream)
    except HubError:
        return False  # a connection that cannot be made now: its deliveries wait, one by one
    return described is not None and described.state_carrying


def _pass_over(out: _Outcome, name: str, outcome: str, code: str, detail: str, sha: str | None = None) -> None:
    out.steps.append(Step(name, outcome, code, detail, before=sha))
    out.codes.append(code)


def _why_filtered(out: _Outcome) -> str:
    """The most telling reason why nothing goes out."""
    for code in ("FLT-NOFLOW", "OWN-VIOLATION", "SEQ-STALE", "FLT-ECHO", "FLT-UNCHANGED"):
        if code in out.codes:
            return code
    return "FLT-FILTERED"


def _nature(record: Record | None) -> str | None:
    return record.natural_key if record is not None else None


def _exception(item: Item, out: _Outcome, trouble: Trouble, step: str) -> Finished:
    """Nothing of the message is written but its trace and the exception, so that a release begins from the beginning."""
    steps = [*out.steps, Step(step, "failed", trouble.code, trouble.detail)]
    return Finished(
        item.message.id,
        item.message.epoch,
        "exception",
        trouble.code,
        steps=steps,
        trouble=trouble,
        search_keys=sorted(out.search_keys),
    )


def _join(batch: Batch, out: _Outcome) -> None:
    batch.records.update(out.records)
    for record in out.records.values():
        if record.natural_key is not None:
            batch.natural.setdefault((record.entity, record.natural_key), record.id)
    for key, link in (out.links | out.touched).items():
        old = batch.links.get(key)
        batch.links[key] = (
            link
            if old is None
            else replace(
                old, source_version=link.source_version or old.source_version, record_id=link.record_id or old.record_id
            )
        )
        if link.record_id is not None:
            batch.bound[link.record_id, link.connection] = batch.links[key]
