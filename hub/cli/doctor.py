"""`hub doctor`: ask everything how it is, and say what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer
from rich.padding import Padding
from rich.progress import BarColumn, Progress, TextColumn
from rich.text import Text

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, err, out, safe

if TYPE_CHECKING:
    from hub.cli.examinations import Diagnosis

app = typer.Typer()

_MARKS = {"ok": ("ok", "good"), "warning": ("look", "wait"), "error": ("bad", "bad"), "skipped": ("-", "quiet")}


@app.command(epilog=examples("hub doctor", "hub doctor --json | jq '.diagnoses[] | select(.verdict==\"error\")'"))
def doctor(
    project: ProjectOption = None,
    database_url: DatabaseOption = None,
    broker_url: BrokerOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask every connection (credentials, scopes, versions), the database, the broker, the clocks and the disk. Writes nothing.

    Exit code 1 when something does not work.
    """
    from hub.cli.examinations import examine
    from hub.cli.opening import open_project
    from hub.telemetry import configure_logging

    configure_logging("critical")  # what the libraries log about a system that is down is said by the diagnosis
    opened = open_project(project, database=database_url, broker=broker_url, connectors=True)
    found: list[Diagnosis] = []
    with Progress(
        TextColumn("looking"), BarColumn(), console=err(), transient=True, disable=as_json or not err().is_terminal
    ) as progress:
        task = progress.add_task("", total=6 + len(opened.connections))
        found.extend(examine(opened, lambda: progress.advance(task)))
    healthy = all(diagnosis.verdict != "error" for diagnosis in found)
    data = {"project": str(opened.path), "ok": healthy, "diagnoses": [diagnosis.as_dict() for diagnosis in found]}
    emit(data, as_json=as_json, show=lambda: _show(found, healthy))
    if not healthy:
        raise typer.Exit(1)


def _show(found: list[Diagnosis], healthy: bool) -> None:
    console = out()
    width = max(len(diagnosis.area) + len(diagnosis.name) for diagnosis in found) + 1
    for diagnosis in found:
        word, style = _MARKS[diagnosis.verdict]
        title = f"{diagnosis.area} {diagnosis.name}".ljust(width)
        console.print(Text.assemble((f"{word:<5}", style), (safe(title), "name"), "  ", safe(diagnosis.summary)))
        if diagnosis.fix and diagnosis.verdict != "ok":
            console.print(Padding(Text.assemble(("→ ", "good"), safe(diagnosis.fix)), (0, 0, 0, 5), expand=False))
    if healthy:
        console.print("[good]everything works[/good]")
    else:
        console.print("[bad]something does not work[/bad]; the arrows say what to do")
