"""`hub version`: what is installed here."""

from __future__ import annotations

import platform
import sqlite3
from importlib import metadata

import typer
from rich.table import Table

from hub import __version__
from hub.cli.options import JsonOption, examples
from hub.cli.views.console import emit, out

app = typer.Typer()

_LIBRARIES = (
    "dramatiq",
    "fastapi",
    "jinja2",
    "pika",
    "psycopg",
    "pydantic",
    "sqlalchemy",
    "stevedore",
    "typer",
)


def versions() -> dict[str, str]:
    """The hub, Python, SQLite, and the libraries that matter in a report."""
    found = {
        "hub": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "system": platform.platform(),
    }
    for name in _LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


@app.command(epilog=examples("hub version --json"))
def version(as_json: JsonOption = False) -> None:
    """Versions of the hub, of Python and SQLite, and of the libraries it stands on: what a report of a fault needs."""
    emit(versions(), as_json=as_json, show=_show)


def _show() -> None:
    table = Table.grid(padding=(0, 2))
    for name, number in versions().items():
        table.add_row(f"[name]{name}[/name]", number)
    out().print(table)
