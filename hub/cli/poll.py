"""`hub poll`: ask a system for its changes now, or look at what it would give."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe
from hub.errors import ConfigError

app = typer.Typer()

_STYLES = {"new": "good", "known": "quiet", "left out": "quiet"}


@app.command(
    epilog=examples(
        "hub poll shop order  # make the poll due now",
        "hub poll shop order --dry-run  # what would the next poll bring?",
        "hub poll shop order --since 2026-03-01 --filter \"src.currency == 'USD'\" --dry-run",
        "hub poll shop order --since 2026-03-01 --limit 5000  # take in again what is missing since then",
    )
)
def poll(
    connection: Annotated[str, typer.Argument(help="The connection's name in hub.yaml.", show_default=False)],
    stream: Annotated[str, typer.Argument(help="The stream, as order.", show_default=False)],
    since: Annotated[
        str | None,
        typer.Option("--since", help="Read what changed since 2026-03-01, 2026-03-01T08:00+01:00, or the beginning."),
    ] = None,
    keep: Annotated[
        str | None,
        typer.Option("--filter", help="Only records for which this holds; src is the record as the vendor gives it."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would come in, and store nothing.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-n", min=1, max=10_000, help="Read at most so many records.")] = 100,
    payloads: Annotated[bool, typer.Option("--payloads", help="Show the records themselves.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a poll due at once, whatever its schedule says. A running hub does it; else the next one that starts.

    With --since, --filter or --dry-run it is read here and now, and the schedule's own position stays where it is. What came in
    before is known by its content and absorbed, so reading a time once more takes in only what is missing.
    """
    from hub.cli.acting import acting

    if since is None and keep is None and not dry_run:
        _make_due(connection, stream, project, as_json=as_json)
        return
    with acting(project) as act:
        said = act.read(
            connection, stream, since=since or "", keep=keep or "", dry_run=dry_run, limit=limit, payloads=payloads
        )
    emit(said, as_json=as_json, show=lambda: _show(said))


def _make_due(connection: str, stream: str, project: Any, *, as_json: bool) -> None:
    from hub.cli.acting import acting
    from hub.documents.problems import did_you_mean

    with acting(project) as act:
        streams = act.project.connection(connection).poll
        if stream not in streams:
            raise ConfigError(
                f"the connection {connection!r} does not poll {stream!r}.",
                code="CFG-STREAM",
                where=act.project.connection(connection).where,
                fix=did_you_mean(stream, streams) or f"Add 'poll: {{{stream}: 30s}}' to it.",
            )
        planned = act.poll(connection, stream)
    said = "is due now" if planned else "is polled when the hub starts"
    data = {"connection": connection, "stream": stream, "due": planned}
    emit(data, as_json=as_json, show=lambda: out().print(f"[name]{connection}[/name] {stream} {said}"))


def _show(said: dict[str, Any]) -> None:
    console = out()
    if said["records"]:
        table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
        for column in ("", "stream", "external id", "version", "changed at"):
            table.add_column(column, overflow="fold")
        for row in said["records"]:
            status = Text(row["status"], _STYLES[row["status"]])
            deleted = ", deleted" if row["deleted"] else ""
            table.add_row(
                status,
                row["stream"],
                Text(safe(row["external_id"] + deleted)),
                Text(safe(row["version"])),
                Text(safe(row["at"])),
            )
            if "payload" in row:
                table.add_row("", "", Text(safe(row["payload"])))
        console.print(table)
    stored = "would come in" if said["dry_run"] else "came in"
    console.print(
        f"read {said['read']}: {said['new']} {stored}, {said['known']} known before, {said['left_out']} left out by the filter"
    )
    if said["more"]:
        console.print("[wait]there is more[/wait]: raise --limit, or go on with a later --since")
