"""`hub trace`: where is order 1001, and why?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out
from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from hub.project import Project
    from hub.store import Store

app = typer.Typer()

_WHOLE = 5
"""So many messages are shown whole; more are listed, and the newest shown."""


@app.command(
    epilog=examples(
        "hub trace 1001",
        "hub trace '#1001' --payloads",
        "hub trace --sku VALVE-10",
        "hub trace --tracking 1Z999 --http",
        "hub trace --id 17 --json",
        "hub trace 1001 --lineage lines[0].unit_price",
    )
)
def trace(
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY", help="Any business key: order number, SKU, tracking number, a vendor's id, a canonical id."
        ),
    ] = None,
    order: Annotated[str | None, typer.Option(metavar="NUMBER", help="By order number.")] = None,
    sku: Annotated[str | None, typer.Option(metavar="SKU", help="By SKU.")] = None,
    tracking: Annotated[str | None, typer.Option(metavar="NUMBER", help="By tracking number.")] = None,
    shipment: Annotated[str | None, typer.Option(metavar="NUMBER", help="By shipment number.")] = None,
    po: Annotated[str | None, typer.Option(metavar="NUMBER", help="By the buyer's purchase order number.")] = None,
    customer: Annotated[str | None, typer.Option(metavar="NUMBER", help="By account number.")] = None,
    warehouse: Annotated[str | None, typer.Option(metavar="CODE", help="By warehouse code.")] = None,
    number: Annotated[
        int | None, typer.Option("--id", metavar="ID", help="By the message's number in the hub.")
    ] = None,
    payloads: Annotated[bool, typer.Option("--payloads", help="Show the payloads before and after each step.")] = False,
    http: Annotated[bool, typer.Option("--http", help="Show both sides of every HTTP call, secrets masked.")] = False,
    lineage: Annotated[
        str | None,
        typer.Option(
            "--lineage", metavar="PATH", help="Say where a value of the records came from; '' for every value."
        ),
    ] = None,
    show_all: Annotated[
        bool, typer.Option("--all", help=f"Show every message whole, not only the newest {_WHOLE}.")
    ] = False,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, max=1000, help="Look at so many messages at most.")
    ] = 50,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Every step of every message that a business key leads to: when, with which outcome, and why; its deliveries and their attempts."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.story import show_story, story
    from hub.cli.views import plain

    named = {
        "order": order, "sku": sku, "tracking": tracking, "shipment": shipment, "po": po, "customer": customer, "warehouse": warehouse,
    }  # fmt: skip
    wanted = [(kind, value) for kind, value in named.items() if value is not None]
    if (key is not None) + (number is not None) + len(wanted) != 1:
        raise ConfigError(
            "give one key to search by.",
            code="CLI-USAGE",
            fix="For example: hub trace 1001, or hub trace --sku VALVE-10.",
        )
    opened = open_project(project)
    with open_store(opened) as store:
        if number is not None:
            found = [number]
        else:
            kind, value = wanted[0] if wanted else (None, key)
            found = _search(store, kind, str(value), limit)
        views = [store.trace(one) for one in found]
        told = story(store, views)
        now = store.now()
        if lineage is not None:
            _explain(opened, store, views, lineage, as_json=as_json)
            return
    whole = views if show_all else views[-_WHOLE:]

    def shown() -> None:
        show_story(told, now)
        out().print()
        _show(whole, found, now, payloads=payloads, http=http)

    emit({"summary": plain.row(told), "traces": [trace_data(view) for view in views]}, as_json=as_json, show=shown)


def _explain(project: Project, store: Store, views: list[Any], path: str, *, as_json: bool) -> None:
    """Where the values of all records of these messages came from, or those at one path."""
    from hub.cli.origins import origins, show_origins

    told = origins(project, store, views, path)
    emit({"lineage": [one.as_dict() for one in told]}, as_json=as_json, show=lambda: show_origins(told, path))


def _search(store: Store, kind: str | None, value: str, limit: int) -> list[int]:
    """The messages of a key, the oldest first, with those that belong to the same story. Raises where there are none."""
    from hub.store import listing

    found = [int(one["id"]) for one in store.find_messages(kind=kind, value=value, limit=limit)]
    if not found and kind is None:
        found = listing.messages_with(store.database, value.strip(), limit)
    if not found:
        what = f"{kind} {value}" if kind else value
        raise HubError(
            f"no message is known for {what[:80]!r}.",
            code="TRC-UNKNOWN",
            fix="Look for it with hub messages. If the shop has it and the hub does not: hub poll CONNECTION STREAM.",
        )
    return sorted(found)


def trace_data(view: Any) -> dict[str, Any]:
    """A trace as JSON data."""
    from hub.cli.views import plain
    from hub.cli.views.tables import fix_of
    from hub.telemetry.redaction import redact_data

    exceptions = [{**one, "fix": fix_of(one)} for one in view.exceptions]
    data = {
        "message": plain.row(view.message),
        "steps": plain.rows(view.steps),
        "deliveries": plain.rows(view.deliveries),
        "exceptions": plain.rows(exceptions),
        "related": plain.rows(view.related),
    }
    return dict(redact_data(data))


def _show(views: list[Any], found: list[int], now: float, *, payloads: bool, http: bool) -> None:
    from hub.cli.views.trace import show_trace

    left = len(found) - len(views)
    if left > 0:
        older = ", ".join(map(str, found[:left][-20:]))
        out().print(f"[quiet]{left} older messages are not shown (--all shows them): {older}[/quiet]")
    for index, view in enumerate(views):
        if index:
            out().print()
        show_trace(view, now, payloads=payloads, http=http)
