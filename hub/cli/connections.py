"""`hub connections`: the connected systems, and a pause for each."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe, state_text

app = typer.Typer(no_args_is_help=True, help="The connected systems: list, pause, resume.")

NameArgument = Annotated[str, typer.Argument(help="The connection's name in hub.yaml.", show_default=False)]


@app.command(name="list", epilog=examples("hub connections list --json"))
def list_connections(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Every connection: its connector, whether it is paused or its circuit breaker open, and what it polls."""
    from hub.cli.opening import open_project, open_store

    opened = open_project(project)
    with open_store(opened) as store:
        states = store.connection_states()
    rows = [_row(connection, states.get(name)) for name, connection in opened.connections.items()]
    emit({"connections": rows}, as_json=as_json, show=lambda: _show(rows))


@app.command(epilog=examples("hub connections pause erp --reason 'upgrade until 18:00'"))
def pause(
    name: NameArgument,
    reason: Annotated[str, typer.Option(help="Why; shown to everybody.")] = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Stop calling a system. What is for it waits, in order; what it sends is still taken."""
    from hub.cli.acting import acting

    with acting(project) as act:
        act.project.connection(name)
        act.pause(name, reason)
    emit(
        {"connection": name, "paused": True},
        as_json=as_json,
        show=lambda: out().print(f"[name]{name}[/name] is [wait]paused[/wait]"),
    )


@app.command(epilog=examples("hub connections resume erp"))
def resume(name: NameArgument, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Call a system again: ends its pause, closes its circuit breaker, and makes what waited due now."""
    from hub.cli.acting import acting

    with acting(project) as act:
        act.project.connection(name)
        act.resume(name)
    emit(
        {"connection": name, "paused": False},
        as_json=as_json,
        show=lambda: out().print(f"[name]{name}[/name] [good]goes on[/good]"),
    )


def _row(connection: Any, state: Any) -> dict[str, Any]:
    return {
        "name": connection.name,
        "connector": connection.connector,
        "title": connection.title,
        "paused": connection.paused or bool(state and state.paused),
        "pause": {"code": state.pause_code, "detail": state.pause_detail} if state and state.paused else None,
        "breaker": state.breaker if state else "closed",
        "failures": state.failures if state else 0,
        "poll": {stream: str(poll) for stream, poll in connection.poll.items()},
    }


def _show(rows: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in ("connection", "connector", "state", "polls"):
        table.add_column(column)
    for row in rows:
        state = state_text("paused") if row["paused"] else Text("ok", "good")
        if row["pause"]:
            state.append(safe(f" {row['pause']['code']} {row['pause']['detail']}".rstrip()))
        if row["breaker"] != "closed":
            state = Text.assemble(("breaker " + row["breaker"], "bad"), f" after {row['failures']} failures")
        polls = ", ".join(f"{stream} {when}" for stream, when in row["poll"].items())
        table.add_row(Text(row["name"], "name"), row["connector"], state, polls)
    out().print(table)
