"""The options that many commands share."""

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
LimitOption = Annotated[
    int, typer.Option("--limit", "-n", min=1, max=10_000, help="At most this many, the newest first.")
]
