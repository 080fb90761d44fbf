"""`hub poll`: ask a system for its changes now."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out
from hub.errors import ConfigError

app = typer.Typer()


@app.command(epilog=examples("hub poll shop order"))
def poll(
    connection: Annotated[str, typer.Argument(help="The connection's name in hub.yaml.", show_default=False)],
    stream: Annotated[str, typer.Argument(help="The stream, as order.", show_default=False)],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a poll due at once, whatever its schedule says. A running hub does it; else the next one that starts."""
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
