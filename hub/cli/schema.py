"""`hub schema`: the JSON Schemas, for editors and other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import JsonOption
from hub.cli.views.console import emit, out

app = typer.Typer()


@app.command(
    epilog="Example:  [bold]hub schema .schemas[/bold], then begin hub.yaml with the line\n\n"
    "# yaml-language-server: $schema=.schemas/hub.schema.json"
)
def schema(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write them.", show_default=False)],
    as_json: JsonOption = False,
) -> None:
    """Write the JSON Schemas of hub.yaml, flows, ownership, connectors and canonical entities: editors complete and check with them."""
    from hub.canonical import schemas as canonical
    from hub.project import schemas as project
    from hub.sdk.declarative import schemas as connector

    files = [*project.write(folder), connector.write(folder), *canonical.write(folder / "canonical")]
    names = [str(file) for file in files]
    emit({"files": names}, as_json=as_json, show=lambda: out().print("\n".join(names), markup=False))
