"""`hub check`: lint the whole project offline."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit

app = typer.Typer()


@app.command(
    epilog=examples(
        "hub check", "hub check --json | jq '.findings[]'", "hub check --strict  # for CI: warnings fail too"
    )
)
def check(
    project: ProjectOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on warnings too.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Lint hub.yaml, flows, ownership, mappings and lookups, with file and line. Asks no system; exit code 2 when something is wrong.

    A secret that is not set here is a warning: it may be set where the project runs.
    """
    from hub.cli.findings import check_project
    from hub.cli.opening import project_folder
    from hub.cli.views.findings import show_findings

    folder = project_folder(project)
    findings = check_project(folder)
    failed = any(finding.level == "error" for finding in findings) or (strict and bool(findings))
    data = {"project": str(folder), "ok": not failed, "findings": [finding.as_dict() for finding in findings]}
    emit(data, as_json=as_json, show=lambda: show_findings(findings, str(folder)))
    if failed:
        raise typer.Exit(2)
