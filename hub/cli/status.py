"""`hub status`: where everything is, and that nothing is missing."""

from __future__ import annotations

import dataclasses
from typing import Any

import typer
from rich.text import Text

from hub.cli.options import DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.views.archive import room_text
from hub.cli.views.console import emit, out, safe, state_text

app = typer.Typer()


@app.command(epilog=examples("hub status", "hub status --json | jq .conservation"))
def status(project: ProjectOption = None, database_url: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Counters of everything: in = delivered + filtered + superseded + exceptions + in flight. Exit code 1 if the sum does not come out."""
    from hub.cli.opening import open_project, open_store
    from hub.runtime.archive import rooms
    from hub.store import listing

    opened = open_project(project, database=database_url)
    with open_store(opened) as store:
        ledger = store.conservation()
        flying = dict(store.in_flight())
        desk = store.exceptions("open", 10_000)
        states = store.connection_states()
        planned = listing.schedules(store.database)
        taken = [room.as_dict() for room in rooms(store, opened)]
    counts = {name.rstrip("_"): number for name, number in dataclasses.asdict(ledger).items()}
    data: dict[str, Any] = {
        "project": opened.name,
        "conservation": {**counts, "holds": ledger.holds},
        "in_flight": flying,
        "open_exceptions": _by_code(desk),
        "connections": [_connection(opened.connections[name], states.get(name)) for name in opened.connections],
        "archive": taken,
        "failing_polls": [{"name": one["name"], "error": one["last_error"]} for one in planned if one["last_error"]],
    }
    emit(data, as_json=as_json, show=lambda: _show(data))
    if not ledger.holds:
        raise typer.Exit(1)


def conservation_line(ledger: dict[str, Any]) -> Text:
    """in 25 = delivered 20 + filtered 3 + superseded 0 + exceptions 1 + in flight 1"""
    parts = (
        ("delivered", "good"),
        ("filtered", "quiet"),
        ("superseded", "quiet"),
        ("exceptions", "bad"),
        ("in_flight", "busy"),
    )
    text = Text.assemble("in ", (str(ledger["in"]), "name"), " = ")
    for index, (name, style) in enumerate(parts):
        text.append(" + " if index else "")
        text.append(f"{name.replace('_', ' ')} ")
        text.append(str(ledger[name]), style=style if ledger[name] else "quiet")
    return text


def _by_code(desk: list[dict[str, Any]]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for one in desk:
        counts[one["code"]] = counts.get(one["code"], 0) + 1
    return counts


def _connection(connection: Any, state: Any) -> dict[str, Any]:
    paused = connection.paused or bool(state and state.paused)
    word = "paused" if paused else "open" if state and state.breaker == "open" else "ok"
    said = {"name": connection.name, "connector": connection.connector, "state": word}
    if state and state.paused:
        said["why"] = f"{state.pause_code} {state.pause_detail}".strip()
    return said


def _show(data: dict[str, Any]) -> None:
    from hub.canonical.reasons import REASONS

    console = out()
    ledger = data["conservation"]
    console.print(conservation_line(ledger))
    if not ledger["holds"]:
        console.print("[bad]the sum does not come out[/bad]: report it, with the output of hub status --json")
    if ledger["duplicates"]:
        console.print(f"[quiet]{ledger['duplicates']} repeated facts were absorbed[/quiet]")
    for state, number in data["in_flight"].items():
        console.print(f"  {state.replace('.', ' ')}: {number}", markup=False)
    for connection in data["connections"]:
        why = f"  {safe(connection['why'])}" if "why" in connection else ""
        console.print(
            Text.assemble(
                (connection["name"], "name"), f" ({connection['connector']}) ", state_text(connection["state"]), why
            )
        )
    for room in data["archive"]:
        if room["state"] != "ok":
            console.print(
                Text.assemble(("payloads of ", "quiet"), (room["title"], "name"), "  ", (room_text(room), "bad"))
            )
            console.print(Text.assemble(("→ ", "good"), room["advice"]))
    for poll in data["failing_polls"]:
        console.print(Text.assemble((poll["name"], "name"), " ", ("failed ", "wait"), safe(poll["error"])))
    for code, number in data["open_exceptions"].items():
        meaning = f"  {REASONS[code].meaning}" if code in REASONS else ""
        console.print(Text.assemble((f"{number} × {code}", "bad"), meaning))
    if data["open_exceptions"]:
        console.print("hub exceptions says what to do about each")
