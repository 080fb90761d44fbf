"""`hub deliveries`: what goes out."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import JsonOption, LimitOption, ProjectOption, examples
from hub.cli.views.console import emit

app = typer.Typer()


@app.command(epilog=examples("hub deliveries --state pending", "hub deliveries --to erp --json"))
def deliveries(
    to: Annotated[str | None, typer.Option("--to", "-t", help="Only those to this connection.")] = None,
    state: Annotated[
        str | None, typer.Option("--state", "-s", help="pending, leased, waiting, done, skipped, superseded or failed.")
    ] = None,
    flow: Annotated[str | None, typer.Option("--flow", help="Only those of this flow.")] = None,
    record: Annotated[str | None, typer.Option("--record", help="Only those of this canonical record.")] = None,
    limit: LimitOption = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List deliveries, the newest first."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import DELIVERY_STATES, known_state
    from hub.cli.views import plain
    from hub.cli.views.tables import show_deliveries
    from hub.store import listing

    opened = open_project(project)
    if to is not None:
        opened.connection(to)
    known_state(state, DELIVERY_STATES)
    with open_store(opened) as store:
        found = listing.find_deliveries(
            store.database, target=to, state=state, flow=flow, record_id=record, limit=limit
        )
        now = store.now()
    emit({"deliveries": plain.rows(found)}, as_json=as_json, show=lambda: show_deliveries(found, now))
