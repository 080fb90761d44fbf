"""`hub map explain`: where does this value come from?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.mapping.common import LinksOption, RootsOption, fault_data, near, roots_for, show_fault
from hub.cli.options import JsonOption
from hub.cli.views.console import out, print_json, safe


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command(
        "explain",
        epilog="Examples:  [bold]hub map explain samples/order.json --at lines\\[0].unit_price[/bold]   ·   "
        "[bold]hub map explain MAPPING SAMPLE[/bold] (every value)",
    )(explain)


def explain(
    first: Annotated[
        Path,
        typer.Argument(metavar="[MAPPING]", help="The mapping; without it, the one that has the sample in its tests."),
    ],
    second: Annotated[
        Path | None, typer.Argument(metavar="SAMPLE", help="A record as JSON.", show_default=False)
    ] = None,
    at: Annotated[str, typer.Option("--at", help="The path of a value in the output: lines[0].unit_price.")] = "",
    links: LinksOption = None,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Say where every value, or one of them, comes from: mapping line, source values, branch taken, lookup row, filters."""
    from hub.mapping.tools import explaining

    if second is None:
        made, found = explaining.explain_sample(first, at=at, links=links, roots=roots_for([first.parent], roots))
    else:
        made, found = explaining.explain(first, second, at=at, links=links, roots=roots_for([first], roots))
    if as_json:
        said = {
            "mapping": made.opened.file if made.opened else str(first),
            "filtered": made.filtered,
            "values": [one.as_dict() for one in found],
        }
        print_json({"error": fault_data(made.error)} if made.error is not None else said)
    elif made.error is not None:
        show_fault(made.error)
    elif made.filtered:
        out().print(Text.assemble(("filtered ", "quiet"), near(made.filtered)))
    else:
        for one in found:
            _show(one)
    if made.error is not None:
        raise typer.Exit(1)


def _show(one: Any) -> None:
    from hub.mapping.tools.data import one_line

    console, origin = out(), one.origin
    value = {"shape": f"a list of {len(one.value) if isinstance(one.value, list) else 0}", "left out": "left out"}.get(
        origin.kind
    )
    console.print(
        Text.assemble(
            (one.at or "the whole", "name"),
            " = ",
            (safe(value or one_line(one.value, 100)), "good" if value is None else "quiet"),
        )
    )
    console.print(Text.assemble("    made by   ", (near(f"{origin.file}:{origin.line}"), "key"), f"  {safe(one.text)}"))
    for word, reads in (("    reads     ", origin.data), ("    decided by ", origin.control)):
        for path, read in reads.items():
            console.print(Text.assemble(word, (safe(path), "name"), " = ", safe(_read(read))))
    if origin.branches:
        console.print(f"    branch    {safe(', '.join(origin.branches))}")
    if one.table:
        console.print(f"    lookup    {safe(one.table)} (version {origin.lookup.version[:8]})")
    if origin.link:
        console.print(f"    link      to a {origin.link}")
    if origin.filters:
        console.print(f"    filters   {', '.join(origin.filters)}")


def _read(value: Any) -> str:
    from hub.mapping.tools.data import one_line
    from hub.mapping.tools.explaining import shown

    value = shown(value)
    return value if value == "(missing)" else one_line(value, 80)
