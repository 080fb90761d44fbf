"""`hub asyncapi`: what events the hub tells, for programs and documentation tools."""

from __future__ import annotations

import sys
from io import StringIO
from typing import TYPE_CHECKING, Any

import typer

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import print_json
from hub.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

    from hub.project import Project

app = typer.Typer()


@app.command(epilog=examples("hub asyncapi > asyncapi.yaml", "hub asyncapi --json"))
def asyncapi(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Print the AsyncAPI 3.0 document of the canonical events, as YAML: exchange, routing keys and the schema of every message.

    It describes the project's exchange, entities and connections; without a project, all that there may be.
    """
    from hub.runtime.events.asyncapi import document

    said = document(_project(project))
    if as_json:
        print_json(said)
    else:
        sys.stdout.write(_yaml(said))


def _project(named: Path | None) -> Project | None:
    from hub.cli.opening import open_project

    try:
        return open_project(named)
    except ConfigError as error:
        if error.code == "CFG-NOPROJECT" and named is None:
            return None
        raise


def _yaml(data: dict[str, Any]) -> str:
    from ruamel.yaml import YAML

    writer = YAML(typ="safe", pure=True)
    writer.default_flow_style = False
    writer.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    writer.width = 120
    text = StringIO()
    writer.dump(data, text)
    return text.getvalue()
