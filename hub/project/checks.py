"""Check the files of a project against each other, against the canonical model, and against the installed connectors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from hub.canonical import ENTITIES
from hub.documents.document import Document
from hub.documents.problems import did_you_mean
from hub.errors import ConfigError
from hub.project.project import Flow, Project


def cross_checks(
    project: Project, ownership: Document | None, connectors: Mapping[str, Any] | None
) -> list[ConfigError]:
    """Every name in one file that another file, the canonical model or a connector does not know."""
    faults = [*_flow_names(project), *_webhooks(project)]
    for flow in project.flows:
        faults += _flow(project, flow)
    faults += _events(project)
    if ownership is not None:
        faults += _ownership(project, ownership)
    if connectors is not None:
        faults += _connectors(project, connectors)
    return faults


def _webhooks(project: Project) -> Iterator[ConfigError]:
    for name, connection in project.connections.items():
        if connection.webhooks is not None and not project.public_url:
            yield ConfigError(
                f"the connection {name!r} wants webhooks, and hub.yaml does not say where vendors reach the hub.",
                code="CFG-PUBLIC-URL", where=project.document.where(("connections", name, "webhooks")),
                fix="Set public_url in hub.yaml, as https://hub.example.com.",
            )  # fmt: skip


def _flow_names(project: Project) -> Iterator[ConfigError]:
    seen: dict[str, str] = {}
    for flow in project.flows:
        if flow.name in seen:
            yield ConfigError(
                f"there are two flows named {flow.name!r} (the other is at {seen[flow.name]}).",
                code="CFG-FLOW", where=flow.where, fix="Rename one of the two.",
            )  # fmt: skip
        seen.setdefault(flow.name, flow.where)


def _flow(project: Project, flow: Flow) -> Iterator[ConfigError]:
    what = f"the flow {flow.name!r} names"
    if flow.entity not in ENTITIES:
        yield unknown(
            f"{what} the entity {flow.entity!r}, which the canonical model does not have.",
            flow.entity,
            ENTITIES,
            flow.where,
        )
    for end in (flow.source, flow.target):
        if end not in project.connections:
            yield unknown(
                f"{what} the connection {end!r}, which hub.yaml does not have.", end, project.connections, flow.where
            )
    if flow.source == flow.target:
        yield ConfigError(
            f"the flow {flow.name!r} goes from {flow.source!r} to itself.", code="CFG-FLOW", where=flow.where,
            fix="Name two different connections in from and to.",
        )  # fmt: skip


def _events(project: Project) -> Iterator[ConfigError]:
    for entity in sorted(project.events.entities if project.events else ()):
        if entity not in ENTITIES:
            where = project.document.where(("events", "entities"))
            yield unknown(f"the canonical model has no entity {entity!r}.", entity, ENTITIES, where)


def _ownership(project: Project, document: Document) -> Iterator[ConfigError]:
    for entity, owner in project.ownership.items():
        if entity not in ENTITIES:
            yield unknown(f"the canonical model has no entity {entity!r}.", entity, ENTITIES, document.where((entity,)))
            continue
        if owner.owner not in project.connections:
            where = document.where((entity, "owner"))
            yield unknown(f"hub.yaml has no connection {owner.owner!r}.", owner.owner, project.connections, where)
        fields = ENTITIES[entity].model_fields
        for field, connection in owner.fields.items():
            where = document.where((entity, "fields", field))
            if field.split(".")[0] not in fields:
                yield unknown(f"the entity {entity} has no field {field!r}.", field, fields, where)
            if connection not in project.connections:
                yield unknown(f"hub.yaml has no connection {connection!r}.", connection, project.connections, where)


def _connectors(project: Project, connectors: Mapping[str, Any]) -> Iterator[ConfigError]:
    for name, connection in project.connections.items():
        path = ("connections", name)
        if connection.connector not in connectors:
            yield unknown(
                f"there is no connector {connection.connector!r}.",
                connection.connector,
                connectors,
                project.document.where((*path, "connector")),
                otherwise="hub connector list shows what is installed.",
            )
            continue
        streams = connectors[connection.connector].manifest.streams
        for part, named in (
            ("poll", connection.poll),
            ("webhooks", connection.webhooks.streams if connection.webhooks else ()),
        ):
            for stream in named:
                if stream not in streams:
                    where = project.document.where((*path, part, stream) if part == "poll" else (*path, part))
                    said = f"the connector {connection.connector} has no stream {stream!r}."
                    yield unknown(said, stream, streams, where)
    for flow in project.flows:
        target = project.connections.get(flow.target)
        if target and target.connector in connectors:
            streams = connectors[target.connector].manifest.streams
            if flow.stream not in streams:
                what = f"the flow {flow.name!r} writes the stream {flow.stream!r}, which the connector {target.connector} does not have."
                yield unknown(what, flow.stream, streams, flow.where)


def unknown(message: str, word: str, known: Collection[str], where: str, otherwise: str = "") -> ConfigError:
    """A name that is not known, with the likely one."""
    return ConfigError(message, code="CFG-UNKNOWN", where=where, fix=did_you_mean(word, known) or otherwise)
