"""`hub init`: make a project directory that runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.options import JsonOption, examples
from hub.cli.views.console import emit, out
from hub.project.scaffold import COMPANY, Starter, make_project

app = typer.Typer()

_PORTS = {"shop": 9101, "erp": 9102}
_DEMO = """
Both systems are simulators on this machine. Start them, then the hub, each in a terminal of its own:

    hub sim run shopify --port 9101
    hub sim run odoo --port 9102
    hub run"""


@app.command(epilog=examples("hub init my-company", "hub init try-out --demo  # two simulators on this machine"))
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The new directory.", show_default=False)],
    name: Annotated[
        str, typer.Option(help="The installation's short name; made from the directory's name if not given.")
    ] = "",
    demo: Annotated[bool, typer.Option("--demo", help="Connect a simulated shop and a simulated ERP.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Make a project directory that runs: connections, flows, ownership, and places for mappings, lookups and tests."""
    starters = [_simulated(starter) for starter in COMPANY] if demo else COMPANY
    files = make_project(folder, name=name, starters=starters, more=_DEMO if demo else "")
    data = {"project": str(folder.resolve()), "files": [str(file.relative_to(folder)) for file in files]}
    emit(data, as_json=as_json, show=lambda: _show(folder, files, demo))


def _simulated(starter: Starter) -> Starter:
    """The same connection, to a simulator at a fixed port."""
    from hub.cli.opening import catalog, simulator

    url = f"http://127.0.0.1:{_PORTS[starter.name]}"
    settings: dict[str, Any] = dict(simulator(starter.connector)().connection_config(url))
    fields = catalog().connectors[starter.connector].Config.model_fields
    secrets = {
        name: str(settings.pop(name))
        for name in list(settings)
        if name in fields and "SecretStr" in str(fields[name].annotation)
    }
    poll = dict.fromkeys(starter.poll, "2s")
    return Starter(
        name=starter.name,
        connector=starter.connector,
        config=settings,
        secrets=secrets,
        poll=poll,
        allow_hosts=["127.0.0.1"],
    )


def _show(folder: Path, files: list[Path], demo: bool) -> None:
    console = out()
    console.print(Text.assemble(("made ", "good"), (str(folder), "name"), f" with {len(files)} files"))
    for file in files:
        console.print(Text(f"  {file.relative_to(folder)}", "quiet"))
    console.print("\nNext:")
    steps = [f"cd {folder}"]
    if demo:
        steps += [
            "hub sim run shopify --port 9101 &",
            "hub sim run odoo --port 9102 &",
            "hub check && hub doctor",
            "hub run",
        ]
    else:
        steps += ["edit hub.yaml and .env: your systems, your secrets", "hub check", "hub doctor", "hub run"]
    for step in steps:
        console.print(Text(f"  {step}", "key"))
