"""`hub events`: the canonical events told last, and how far they were published."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, LimitOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe
from hub.errors import ConfigError

app = typer.Typer()


@app.command(epilog=examples("hub events", "hub events --entity order --limit 10", "hub events --json"))
def events(
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Only this entity, as order or variant.")] = None,
    connection: Annotated[
        str | None, typer.Option("--connection", "-c", help="Only changes that came from this connection.")
    ] = None,
    limit: LimitOption = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List canonical events, the newest first: what changed, where it came from, and whether it is published.

    With their records they are read over the REST API (GET /api/events) or from the broker: see docs/events.md.
    """
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import known_entity
    from hub.cli.views import plain
    from hub.runtime.scheduler import publishes
    from hub.store import listing

    opened = open_project(project)
    if connection is not None:
        opened.connection(connection)
    known_entity(entity)
    if opened.events is None:
        raise ConfigError(
            "canonical events are off.", code="CFG-EVENTS", where=opened.document.name, fix="Add 'events: {}' to it."
        )
    with open_store(opened) as store:
        found = listing.find_events(store.database, entity=entity, connection=connection, limit=limit)
        feed, now = store.feed(), store.now()
    published = publishes(opened)
    for one in found:
        one["state"] = _state(one["id"], feed.published) if published else "kept"
    data: dict[str, Any] = {
        "exchange": opened.events.exchange if published else None,
        "newest": feed.newest,
        "published": feed.published if published else None,
        "waiting_seconds": round(now - feed.oldest_waiting, 1) if published and feed.oldest_waiting else 0,
        "events": plain.rows(found),
    }
    emit(data, as_json=as_json, show=lambda: _show(found, data, now))


def _state(identity: int, published: int) -> str:
    return "published" if identity <= published else "waiting"


def _show(found: list[dict[str, Any]], data: dict[str, Any], now: float) -> None:
    from hub.cli.views.times import ago, span

    if not found:
        out().print("[quiet]no events[/quiet]")
        return
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in ("position", "when", "entity.verb", "from", "record", "changed", "message", "state"):
        table.add_column(column, overflow="fold", justify="right" if column == "position" else "left")
    for one in found:
        style = {"published": "good", "waiting": "wait"}.get(one["state"], "quiet")
        table.add_row(
            str(one["id"]), ago(one["at"], now), f"{one['entity']}.{one['verb']}", Text(one["connection"], "name"),
            Text(safe(f"{one['record_id']} v{one['record_version']}")), Text(safe(one["changed"])), str(one["message_id"]),
            Text(one["state"], style),
        )  # fmt: skip
    out().print(table)
    if data["waiting_seconds"]:
        said = (
            f"the oldest that waits for the broker waits since {span(data['waiting_seconds'])}; hub schedules says why"
        )
        out().print(f"[wait]{said}[/wait]")
