"""Puts a project's parts together into what the pipeline needs: mappings, flows with their conditions, ownership."""

from __future__ import annotations

import pathlib
from typing import Any, Protocol

from hub.errors import ConfigError, HubError
from hub.mapping import Condition, MappingSet
from hub.mapping import compile_condition as mapping_condition
from hub.pipeline import Context, Flow, Ownership
from hub.pipeline.notice import Notices
from hub.project import Project
from hub.runtime.connections import Connections
from hub.runtime.threads import DaemonPool

NOTICE_THREADS = 4
"""Records that are read at the same time because a notice told of them, over all connections."""


class MappedCatalog(Protocol):
    """The part of the connector catalog that knows default mappings."""

    def mappings_dir(self, name: str) -> pathlib.Path:
        """The directory of a connector's default mappings."""


def load_mappings(project: Project, catalog: MappedCatalog) -> MappingSet:
    """The project's own mappings before the defaults of the connectors that it uses."""
    folders = [project.mappings_dir]
    for name in dict.fromkeys(connection.connector for connection in project.connections.values()):
        try:
            folders.append(catalog.mappings_dir(name))
        except (HubError, KeyError, LookupError):
            continue  # a connector without default mappings, or a broken one, which is reported elsewhere
    return MappingSet.load([folder for folder in folders if folder.is_dir()])


def build_context(project: Project, mappings: MappingSet, connections: Connections) -> Context:
    """The project as the pipeline sees it."""
    return Context(
        installation=project.name,
        mappings=mappings,
        flows=[_flow(flow) for flow in project.flows],
        ownership={entity: Ownership(owner.owner, owner.fields) for entity, owner in project.ownership.items()},
        connector_name=connections.connector_name,
        connector=connections.get,
        events=project.events.entities if project.events else frozenset(),
        notices=_notices(project, connections),
    )


def _notices(project: Project, connections: Connections) -> Notices | None:
    streams = {
        (name, stream.name): stream.notice_of
        for name in project.connections
        for stream in connections.streams(name).values()
        if stream.notice_of
    }
    return Notices(streams, DaemonPool(NOTICE_THREADS, "notice")) if streams else None


def _flow(flow: Any) -> Flow:
    return Flow(
        name=flow.name, entity=flow.entity, source=flow.source, target=flow.target, stream=flow.stream,
        operation=flow.operation, when=compile_condition(flow.when, flow.entity, flow.where) if flow.when else None,
    )  # fmt: skip


def compile_condition(text: str, entity: str, where: str = "") -> Condition:
    """The condition of a flow as a function of the canonical record. Raises `ConfigError` with its place."""
    try:
        return mapping_condition(text, entity, where)
    except HubError as error:
        raise ConfigError(
            f"the condition of this flow cannot be read: {error.message}", code="CFG-WHEN", where=where, fix=error.fix
        ) from None
