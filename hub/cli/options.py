"""The options that many commands share, and the shape of their examples."""

from __future__ import annotations

from contextvars import ContextVar
from pathlib import Path
from typing import Annotated

import typer

root_project: ContextVar[Path | None] = ContextVar("root_project", default=None)
"""The project named before the command: `hub --project DIR trace 1001`."""

ProjectOption = Annotated[
    Path | None,
    typer.Option("--project", "-p", help="The project directory; else HUB_PROJECT, else the nearest hub.yaml upward."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
DatabaseOption = Annotated[
    str | None, typer.Option("--database-url", help="Use this database instead of the project's (or HUB_DATABASE_URL).")
]
BrokerOption = Annotated[
    str | None, typer.Option("--broker-url", help="Use this broker instead of the project's (or HUB_BROKER_URL).")
]


def examples(*commands: str) -> str:
    """The end of a help text: one example a line. What follows " # " explains."""
    rows = []
    for command in commands:
        call, mark, why = command.partition("  # ")
        rows.append(f"  [bold]{call}[/bold]" + (f"  [dim]# {why}[/dim]" if mark else ""))
    return "\n".join(["Examples:" if len(rows) > 1 else "Example:", *rows])


LimitOption = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most this many, the newest first.")
]
