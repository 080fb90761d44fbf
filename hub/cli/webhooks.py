"""`hub webhooks`: the subscriptions by which a connected system sends its changes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out, safe

app = typer.Typer(
    no_args_is_help=True, help="What a system sends by itself: list, ensure, pause or remove its subscriptions."
)

NameArgument = Annotated[str, typer.Argument(help="The connection's name in hub.yaml.", show_default=False)]
UrlOption = Annotated[
    str, typer.Option("--url", help="Another address than public_url of hub.yaml with /webhooks/CONNECTION.")
]
DryOption = Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")]


@app.command(name="list", epilog=examples("hub webhooks list shop", "hub webhooks list shop --json | jq .missing"))
def list_webhooks(
    name: NameArgument, url: UrlOption = "", project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Every subscription that the system has, which of them come to this hub, and what is missing."""
    found = _do(project, name, "list", url=url)
    emit(found, as_json=as_json, show=lambda: _show(found))


@app.command(epilog=examples("hub webhooks ensure shop --dry-run", "hub webhooks ensure shop --stream order"))
def ensure(
    name: NameArgument,
    url: UrlOption = "",
    stream: Annotated[
        list[str] | None,
        typer.Option("--stream", help="This stream; may be given several times. Else those of hub.yaml or its flows."),
    ] = None,
    dry_run: DryOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the subscriptions that are missing, and end a pause. Repeating it changes nothing."""
    done = _do(project, name, "ensure", url=url, streams=stream or [], dry_run=dry_run)

    def show() -> None:
        for one, outcome in done["streams"].items():
            out().print(Text.assemble((one, "name"), f"  {safe(outcome)}"))
        _tell(done, "made", "would make" if dry_run else "made")

    emit(done, as_json=as_json, show=show)


@app.command(epilog=examples("hub webhooks pause shop"))
def pause(
    name: NameArgument, dry_run: DryOption = False, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """Have the system send nothing to this hub until `hub webhooks ensure`. Polling goes on; nothing is lost."""
    done = _do(project, name, "pause", dry_run=dry_run)
    emit(done, as_json=as_json, show=lambda: _tell(done, "removed", "would end" if dry_run else "ended"))


@app.command(epilog=examples("hub webhooks remove shop --url https://old.example.com/webhooks/shop"))
def remove(
    name: NameArgument,
    url: Annotated[str, typer.Option("--url", help="End the subscriptions to this address.", show_default=False)],
    dry_run: DryOption = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """End every subscription to an address, such as one that the hub had before. This hub's own are ended with `pause`."""
    done = _do(project, name, "remove", url=url, dry_run=dry_run)
    emit(done, as_json=as_json, show=lambda: _tell(done, "removed", "would end" if dry_run else "ended"))


def _do(project: Path | None, name: str, action: str, **given: Any) -> dict[str, Any]:
    from hub.cli.acting import acting

    with acting(project) as act:
        act.project.connection(name)
        return act.webhooks(name, action, **given)


def _tell(done: dict[str, Any], part: str, verb: str) -> None:
    topics = done[part]
    out().print(
        Text.assemble((f"{verb} ", "good"), safe(", ".join(topics) or "nothing"), (f"  {done['url']}", "quiet"))
    )


def _show(found: dict[str, Any]) -> None:
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in ("topic", "stream", "address", "since"):
        table.add_column(column)
    for one in found["subscriptions"]:
        style = "" if one["ours"] else "quiet"
        table.add_row(Text(one["topic"], "name"), one["stream"] or "-", Text(safe(one["url"]), style), one["since"])
    out().print(table)
    for topic in found["missing"]:
        out().print(Text.assemble(("missing ", "bad"), topic))
    if found["paused"]:
        out().print("[wait]paused[/wait]: hub webhooks ensure begins again")
    elif found["missing"]:
        out().print(Text(f"hub webhooks ensure {found['connection']} makes what is missing", "key"))
