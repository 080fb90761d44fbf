"""`hub records`: the hub's merged view of each entity."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.options import JsonOption, LimitOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe
from hub.errors import HubError

app = typer.Typer(no_args_is_help=True, help="Show a canonical record and its links.")


@app.command(name="list", epilog=examples("hub records list --entity order", "hub records list VALVE-10"))
def list_records(
    key: Annotated[
        str | None, typer.Argument(metavar="KEY", help="Canonical id, natural key, or a vendor's id.")
    ] = None,
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Only this entity, as order or variant.")] = None,
    limit: LimitOption = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """List canonical records, the last changed first."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import known_entity
    from hub.cli.views import plain
    from hub.cli.views.tables import show_records
    from hub.store import listing

    known_entity(entity)
    with open_store(open_project(project)) as store:
        found = listing.find_records(store.database, entity=entity, key=key, limit=limit)
        now = store.now()
    emit({"records": plain.rows(found)}, as_json=as_json, show=lambda: show_records(found, now))


@app.command(epilog=examples("hub records show '#1001'", "hub records show VALVE-10 --entity variant"))
def show(
    key: Annotated[
        str, typer.Argument(help="Canonical id, natural key (order number, SKU), or a vendor's id.", show_default=False)
    ],
    entity: Annotated[str | None, typer.Option("--entity", "-e", help="Only this entity.")] = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """A canonical record as it is now, and its id in every connected system."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import known_entity
    from hub.store import listing

    known_entity(entity)
    with open_store(open_project(project)) as store:
        found = listing.find_records(store.database, entity=entity, key=key, limit=20)
        views = [view for one in found if (view := listing.record_view(store.database, one["id"]))]
    if not views:
        raise HubError(
            f"there is no record {key[:80]!r}.", code="REC-UNKNOWN", fix="hub records list shows those there are."
        )
    emit({"records": [_as_data(view) for view in views]}, as_json=as_json, show=lambda: _show(views))


def _as_data(view: dict[str, Any]) -> dict[str, Any]:
    from hub.cli.views import plain

    return {**plain.row(view), "body": view["body"], "links": plain.rows(view["links"])}


def _show(views: list[dict[str, Any]]) -> None:
    from hub.cli.views.times import day

    console = out()
    for view in views:
        console.print(
            Text.assemble(
                (view["id"], "name"),
                f"  {view['entity']} ",
                (safe(view["natural_key"] or ""), "key"),
                f"  version {view['version']}, from {view['origin']}",
                f", changed {day(view['updated_at'])} UTC by message {view['message_id']}",
            )
        )
        for link in view["links"]:
            console.print(Text.assemble("  = ", (link["connection"], "name"), " ", (safe(link["external_id"]), "key")))
        console.print(Text(safe(json.dumps(view["body"], indent=2, ensure_ascii=False))))
