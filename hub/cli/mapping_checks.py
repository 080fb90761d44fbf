"""The part of `hub check` that reads mappings: that each is sound, that every flow has its two, and that conditions can be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hub.cli.findings import Finding
from hub.cli.opening import catalog
from hub.errors import ConfigError, HubError
from hub.project import Flow, Project


def lint_mappings(project: Project, *, routes: bool) -> Iterator[Finding]:
    """What is wrong with the mappings, the lookups and the conditions; with ``routes`` also what no mapping translates."""
    from hub.runtime.assembly import load_mappings

    try:
        mappings = load_mappings(project, catalog())
    except HubError as error:
        yield Finding("error", error.code, error.message, error.where, error.fix)
        return
    broken = [*mappings.check(), *_own_lint(project)]
    seen: set[tuple[str, str, str]] = set()
    for found in broken:
        level = "error" if found.severity == "error" else "warning"
        where = _from_project(found.where, project)
        if (where, found.code, found.message) not in seen:
            seen.add((where, found.code, found.message))
            yield Finding(level, found.code, found.message, where, found.fix)  # type: ignore[arg-type]
    for flow in project.flows:
        yield from _condition(flow)
        if routes and not any(found.severity == "error" for found in broken):
            yield from _route(project, flow, mappings)


def _own_lint(project: Project) -> list[Any]:
    """The full lint of the project's own mapping files and lookup tables; the connectors' defaults have theirs in the tests."""
    from hub.mapping.tools.lint import lint_paths

    folders = [folder for folder in (project.mappings_dir, project.lookups_dir) if folder.is_dir()]
    roots = [
        catalog().mappings_dir(name)
        for name in {one.connector for one in project.connections.values()} & set(catalog().connectors)
    ]
    _, found = lint_paths(folders, roots=[root for root in roots if root.is_dir()])
    return list(found)


def _condition(flow: Flow) -> Iterator[Finding]:
    from hub.runtime.assembly import compile_condition

    if not flow.when:
        return
    try:
        compile_condition(flow.when, flow.entity, flow.where)
    except ConfigError as error:
        yield Finding("error", error.code, f"the flow {flow.name!r}: {error.message}", flow.where, error.fix)


def _route(project: Project, flow: Flow, mappings: Any) -> Iterator[Finding]:
    source = project.connections[flow.source].connector
    target = project.connections[flow.target].connector
    known = {(direction, connector, entity) for direction, connector, _, entity in mappings.pairs}
    if ("inbound", source, flow.entity) not in known:
        message = f"the flow {flow.name!r}: no mapping makes {flow.entity!r} out of what {source} sends."
        fix = f"Add mappings/{source}/{flow.entity}.to_canonical.yaml."
        yield Finding("error", "MAP-NONE", message, flow.where, fix)
    if ("outbound", target, flow.entity) not in known:
        message = f"the flow {flow.name!r}: no mapping makes {flow.entity!r} into what {target} takes."
        fix = f"Add mappings/{target}/{flow.entity}.from_canonical.yaml."
        yield Finding("error", "MAP-NONE", message, flow.where, fix)


def _from_project(where: str, project: Project) -> str:
    """The place as seen from the project directory."""
    return where.removeprefix(f"{project.path}/")
