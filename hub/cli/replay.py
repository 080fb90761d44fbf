"""`hub replay`: process a message, or send a delivery, once more."""

from __future__ import annotations

from typing import Annotated

import typer

from hub.cli.options import JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out

app = typer.Typer(no_args_is_help=True, help="Process a message, or send a delivery, again.")

Number = Annotated[int, typer.Argument(min=1, show_default=False)]


@app.command(epilog=examples("hub replay message 17  # then [bold]hub trace --id 17[/bold]"))
def message(number: Number, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Process a stored message once more, with the mappings as they are now. The new message names the old one as its cause."""
    from hub.cli.acting import acting

    with acting(project) as act:
        new = act.replay_message(number)
    emit(
        {"replayed": number, "message": new},
        as_json=as_json,
        show=lambda: out().print(
            f"message {number} goes again as message [name]{new}[/name]: [key]hub trace --id {new}[/key]"
        ),
    )


@app.command(epilog=examples("hub replay delivery 42"))
def delivery(number: Number, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """Render and send a delivery anew, from the record as it is now. Where the target has the effect already, nothing is doubled."""
    from hub.cli.acting import acting

    with acting(project) as act:
        act.replay_delivery(number)
    emit({"delivery": number}, as_json=as_json, show=lambda: out().print(f"delivery [name]{number}[/name] goes again"))
