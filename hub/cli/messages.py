"""`hub messages`: what came in."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import JsonOption, LimitOption, ProjectOption, examples
from hub.cli.views.console import emit

app = typer.Typer()


@app.command(epilog=examples("hub messages", "hub messages --state exception", "hub messages --connection shop --json"))
def messages(
    key: Annotated[str | None, typer.Argument(metavar="KEY", help="Only those with this business key.")] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", "-c", help="Only those from this connection.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="new, leased, waiting, done, filtered or exception.")
    ] = None,
    limit: LimitOption = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List messages, the newest first."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import MESSAGE_STATES, known_state
    from hub.cli.views import plain
    from hub.cli.views.tables import show_messages

    opened = open_project(project)
    if connection is not None:
        opened.connection(connection)
    known_state(state, MESSAGE_STATES)
    with open_store(opened) as store:
        found = store.find_messages(value=key, connection=connection, state=state, limit=limit)
        now = store.now()
    emit({"messages": plain.rows(found)}, as_json=as_json, show=lambda: show_messages(found, now))
