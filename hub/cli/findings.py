"""What `hub check` finds: every fault and doubt in a project, offline."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from hub.cli.opening import catalog
from hub.errors import ConfigError, HubError
from hub.project import Project, inspect
from hub.project.scaffold import PLACEHOLDER
from hub.project.secrets import references

Level = Literal["error", "warning"]

_OTHER_MACHINE = {"CFG-SECRET", "CFG-ENV"}
"""Settings that may well be there where the project runs, though not here."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong (error), or that a person should look at (warning)."""

    level: Level
    code: str
    message: str
    where: str = ""
    fix: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON data, without what is empty."""
        return {name: value for name, value in asdict(self).items() if value}


def check_project(folder: Path) -> list[Finding]:
    """Everything that can be known without asking any system, errors first within each file."""
    installed = catalog()
    project, faults = inspect(folder, catalog=installed)
    found = [_finding(fault) for fault in faults]
    found += [
        Finding("warning", "PLG-BROKEN", f"the connector {broken.name} of {broken.dist} did not load: {broken.reason}")
        for broken in installed.broken
    ]
    if project is not None:
        found += _connections(project)
        found += _secret_files(project)
        if not any(_file(finding.where) == "ownership.yaml" for finding in found):
            found += _ownership(project)
        found += _mappings(project, any(finding.level == "error" for finding in found))
    return sorted(found, key=lambda finding: (_file(finding.where), finding.level != "error", _line(finding.where)))


def _finding(error: HubError, level: Level = "error") -> Finding:
    return Finding(level, error.code, error.message, error.where, error.fix)


def _connections(project: Project) -> Iterator[Finding]:
    connectors = catalog().connectors
    for name, connection in project.connections.items():
        connector = connectors.get(connection.connector)
        if connector is None:
            continue
        faults, _ = project.check_settings(name, connector.Config)
        for fault in faults:
            yield _finding(fault, "warning" if fault.code in _OTHER_MACHINE else "error")
        for path, kind, reference in references(dict(connection.config)):
            if kind == "secret" and project.secrets.get(reference) == PLACEHOLDER:
                where = project.document.where(("connections", name, "config", *path))
                fix = f"Set {reference} in .env or in the environment."
                yield Finding(
                    "warning", "CFG-PLACEHOLDER", f"the secret {reference} is still {PLACEHOLDER!r}.", where, fix
                )
        yield from _plain_secrets(project, name, connector.Config.model_fields)


def _plain_secrets(project: Project, name: str, fields: Any) -> Iterator[Finding]:
    for setting, value in project.connections[name].config.items():
        secret = setting in fields and "SecretStr" in str(fields[setting].annotation)
        if secret and isinstance(value, str) and value and not references(value):
            yield Finding(
                "warning",
                "CFG-PLAIN-SECRET",
                f"the secret {setting!r} stands in the file itself.",
                project.document.where(("connections", name, "config", setting)),
                f'Write "${{secret:{name.upper()}_{setting.upper()}}}", and put the value into the environment or .env.',
            )


def _secret_files(project: Project) -> Iterator[Finding]:
    env = project.path / ".env"
    if env.is_file() and env.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        yield Finding("warning", "CFG-PERMISSION", "other users of this machine can read it.", ".env", "chmod 600 .env")


def _ownership(project: Project) -> Iterator[Finding]:
    for flow in project.flows:
        if flow.entity not in project.ownership:
            message = f"nobody owns {flow.entity!r}, which the flow {flow.name!r} carries."
            fix = f"Add '{flow.entity}: {{owner: {flow.source}}}' to ownership.yaml."
            yield Finding("warning", "OWN-NONE", message, flow.where, fix)


def _mappings(project: Project, faulty: bool) -> Iterator[Finding]:
    from hub.cli.mapping_checks import lint_mappings

    try:
        yield from lint_mappings(project, routes=not faulty)
    except ConfigError as error:
        yield _finding(error)


def _file(where: str) -> str:
    return where.partition(":")[0]


def _line(where: str) -> int:
    number = where.partition(":")[2].partition(":")[0]
    return int(number) if number.isdigit() else 0
