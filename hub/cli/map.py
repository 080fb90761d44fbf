"""`hub map`: everything an analyst does with mapping files."""

from __future__ import annotations

import typer

from hub.cli.mapping import explaining, make, measure, testing

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    add_completion=False,
    help="Mappings: write, test, try and explain them. They work offline, on files alone.",
    epilog="Begin with [bold]hub map test[/bold], then [bold]hub map try MAPPING SAMPLE --watch[/bold] while you edit. "
    "Exit codes: 0 all is well, 1 something failed, 2 a file or an argument cannot be used.",
)

for module in (testing, explaining, measure, make):
    module.register(app)
