"""The content-based router: which flows take a change where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from hub.canonical import ENTITIES
from hub.errors import HubError, MappingError
from hub.pipeline.context import Flow
from hub.store import NewDelivery, Record


@dataclass(slots=True)
class Routing:
    """The deliveries that a change makes, and the flows that looked at it and let it pass by."""

    deliveries: tuple[NewDelivery, ...]
    passed_by: tuple[str, ...]


def route(
    record: Record, data: dict[str, Any], source: str, flows: Sequence[Flow], state_carrying: Callable[[str, str], bool]
) -> Routing:
    """Route one version of a record. It never goes back to the connection that told of it."""
    deliveries, passed_by = [], []
    lane = lane_of(record.entity, record.id, data)
    for flow in flows:
        if flow.entity != record.entity or flow.source not in (source, "*") or flow.target == source:
            continue
        if record.deleted != (flow.operation == "delete") or not _holds(flow, data):
            passed_by.append(flow.name)
            continue
        stream = flow.stream or flow.entity
        deliveries.append(
            NewDelivery(
                flow=flow.name,
                target=flow.target,
                lane=lane,
                entity=record.entity,
                stream=stream,
                operation=flow.operation,
                record_id=record.id,
                record_version=record.version,
                snapshot=record.sha,
                state_carrying=not ENTITIES[record.entity].events and state_carrying(flow.target, stream),
            )
        )
    return Routing(tuple(deliveries), tuple(passed_by))


def lane_of(entity: str, record_id: str, data: dict[str, Any]) -> str:
    """What is delivered in order: the changes of one record; and the events of an order after the order itself."""
    if ENTITIES[entity].events and isinstance(data.get("order"), str):
        return str(data["order"])
    return record_id


def _holds(flow: Flow, data: dict[str, Any]) -> bool:
    if flow.when is None:
        return True
    try:
        return bool(flow.when(data))
    except HubError as error:
        raise MappingError(
            f"the condition of flow {flow.name} failed: {error.message}",
            code=error.code,
            where=error.where,
            fix=error.fix,
        ) from error
