"""`hub connector`: the connectors that are installed, and those that did not load."""

from __future__ import annotations

from typing import Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.options import JsonOption, examples
from hub.cli.views.console import emit, out, safe

app = typer.Typer(no_args_is_help=True, help="Connectors: list them, or begin a new one.")

_OPERATIONS = ("poll", "webhook", "fetch", "find", "create", "update", "delete")


@app.callback()
def _group() -> None:
    """Connectors: list them, or begin a new one."""


@app.command(name="list", epilog=examples("hub connector list --json | jq '.connectors[].name'"))
def list_connectors(as_json: JsonOption = False) -> None:
    """Every connector with what it can do; and those that did not load, with the reason."""
    from hub.cli.opening import catalog

    installed = catalog()
    connectors = [_described(connector.manifest) for _, connector in sorted(installed.connectors.items())]
    broken = [{"name": plugin.name, "dist": plugin.dist, "reason": plugin.reason} for plugin in installed.broken]
    emit({"connectors": connectors, "broken": broken}, as_json=as_json, show=lambda: _show(connectors, broken))


def _described(manifest: Any) -> dict[str, Any]:
    streams = {
        name: {
            "entity": stream.entity,
            **{operation: _capability(getattr(stream, operation)) for operation in _OPERATIONS},
        }
        for name, stream in manifest.streams.items()
    }
    return {
        "name": manifest.name,
        "vendor": manifest.vendor,
        "title": manifest.title,
        "api_version": manifest.api_version,
        "sdk": manifest.sdk,
        "streams": streams,
    }


def _capability(can: Any) -> dict[str, str]:
    return {"support": str(can.support), **({"reason": can.reason} if can.reason else {})}


def _show(connectors: list[dict[str, Any]], broken: list[dict[str, Any]]) -> None:
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in ("connector", "stream", *_OPERATIONS):
        table.add_column(column)
    for connector in connectors:
        title = Text.assemble((connector["name"], "name"), f" {connector['api_version']}".rstrip())
        for stream, said in connector["streams"].items():
            marks = [_mark(said[operation]["support"]) for operation in _OPERATIONS]
            table.add_row(title, stream, *marks)
            title = Text("")
    out().print(table)
    for plugin in broken:
        out().print(
            Text.assemble(
                ("did not load ", "bad"), (plugin["name"], "name"), f" of {plugin['dist']}: ", safe(plugin["reason"])
            )
        )


def _mark(support: str) -> Text:
    if support in {"full", "versioned"}:
        return Text("yes" if support == "full" else "versioned", style="good")
    return Text("-" if support == "unsupported" else "not yet", style="quiet")
