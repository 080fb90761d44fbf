"""Puts a project's parts together into what the pipeline needs: mappings, flows with their conditions, ownership."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from typing import Any, Protocol

from hub.errors import ConfigError, HubError
from hub.mapping import Lookups, Mapping, MappingInvalid, MappingSet, NoLinks
from hub.mapping.mapping_set import builtin_filters
from hub.mapping.source import Library, build, read_source
from hub.pipeline import Context, Flow, Ownership
from hub.project import Project
from hub.runtime.connections import Connections

Condition = Callable[[dict[str, Any]], Any]


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
    )


def _flow(flow: Any) -> Flow:
    return Flow(
        name=flow.name, entity=flow.entity, source=flow.source, target=flow.target, stream=flow.stream,
        operation=flow.operation, when=compile_condition(flow.when, flow.entity, flow.where) if flow.when else None,
    )  # fmt: skip


def compile_condition(text: str, entity: str, where: str = "") -> Condition:
    """The condition of a flow as a function of the canonical record. Raises `ConfigError` with its place.

    It is compiled as a mapping of one field, so that conditions have the language, the limits and the errors of mappings.
    """
    expression = text if "{{" in text else f"{{{{ {text} }}}}"
    document = {
        "mapping": 1, "from": f"canonical/{entity}@1", "to": "flow/condition", "let": {"record": "{{ src }}"},
        "output": {"holds": expression},
    }  # fmt: skip
    lookups, filters = Lookups.load([]), builtin_filters()
    library = Library(
        roots=(), label=str, filters=filters, tables=lambda _: False, base=lambda *_: None, entities=(entity,)
    )
    try:
        source = read_source(pathlib.Path(where or "flow"), where or "flow", json.dumps(document))
        mapping = Mapping(source, build(source, library), lookups, filters)
    except HubError as error:
        said = error.findings[0].message if isinstance(error, MappingInvalid) and error.findings else error.message
        raise ConfigError(
            f"the condition of this flow cannot be read: {said}", code="CFG-WHEN", where=where, fix=error.fix
        ) from None
    return lambda record: mapping.run(record, meta={}, links=NoLinks()).record["holds"]
