"""`hub schedules`: polls and other timed jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe

if TYPE_CHECKING:
    from hub.store import Schedule

app = typer.Typer()

_STYLES = {"running": "busy", "waits": "good", "failing": "bad", "planned": "quiet", "off": "quiet", "gone": "quiet"}


@app.command(epilog=examples("hub schedules", "hub schedules --json"))
def schedules(project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """List the timed jobs: how often each runs, when it ran last and runs next, and what went wrong.

    States: waits for its time; running; failing (runs again by itself, more and more rarely); planned (when a hub starts);
    gone (no longer in hub.yaml; the next start removes it). Each run is made by one hub, however many there are; after a pause
    what was missed is caught up by one run. hub poll makes a poll due at once.
    """
    from hub.cli.opening import open_project, open_store
    from hub.cli.views import plain
    from hub.runtime.scheduler import wanted
    from hub.store import listing

    opened = open_project(project)
    with open_store(opened) as store:
        stored = {one["name"]: one for one in listing.schedules(store.database)}
        now = store.now()
    planned = {one.name: one for one in wanted(opened)}
    rows = [_row(name, planned.get(name), stored.get(name), now) for name in sorted({*planned, *stored})]
    emit({"schedules": plain.rows(rows)}, as_json=as_json, show=lambda: _show(rows, now))


def _row(name: str, planned: Schedule | None, stored: dict[str, Any] | None, now: float) -> dict[str, Any]:
    if stored is None:
        return {"name": name, "when": _when(planned), "state": "planned"}
    running = (stored["lease_until"] or 0) > now
    state = "running" if running else "failing" if stored["last_error"] else "waits"
    return {
        "name": name,
        "when": _when(planned),
        "state": "gone" if planned is None else "off" if stored["disabled"] else state,
        "next_run_at": None if running or planned is None else stored["next_run_at"],
        "last_run_at": stored["last_run_at"],
        "failures": stored["failures"],
        "last_error": stored["last_error"],
    }


def _when(schedule: Schedule | None) -> str:
    from hub.project import Poll

    if schedule is None:
        return ""
    said = Poll.model_construct(every=schedule.interval, cron=schedule.cron or None, timezone=schedule.timezone)
    return str(said)


def _show(rows: list[dict[str, Any]], now: float) -> None:
    from hub.cli.views.times import ago

    if not rows:
        out().print("[quiet]no schedules[/quiet]")
        return
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in ("schedule", "how often", "state", "ran", "runs next", "trouble"):
        table.add_column(column, overflow="fold")
    for row in rows:
        failures = f"{row['failures']}x " if row.get("failures") else ""
        table.add_row(
            Text(row["name"], "name"), row["when"], Text(row["state"], _STYLES[row["state"]]), ago(row.get("last_run_at"), now),
            ago(row.get("next_run_at"), now), Text(safe(f"{failures}{row.get('last_error', '')}")),
        )  # fmt: skip
    out().print(table)
