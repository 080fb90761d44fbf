"""`hub connector`: the connectors that are installed, and those that did not load."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

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


@app.command(
    epilog=examples(
        "hub connector new acme",
        "hub connector new acme --dir ../hub-connector-acme",
        "hub connector new acme --declarative  # its API described in acme.yaml",
    )
)
def new(
    name: Annotated[str, typer.Argument(help="The connector's name: small letters, digits and _.", show_default=False)],
    folder: Annotated[Path | None, typer.Option("--dir", help="Where to make it; else ./hub-connector-NAME.")] = None,
    declarative: Annotated[
        bool, typer.Option("--declarative", help="Describe the system in a YAML file instead of in Python.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Begin a connector: an installable package with a simulator, mappings and tests that pass, to be changed piece by piece."""
    from hub.cli.connector_scaffold import make_connector

    target = folder or Path(f"hub-connector-{name.replace('_', '-')}")
    files = make_connector(name, target, declarative=declarative)

    def show() -> None:
        out().print(Text.assemble(("made ", "good"), (str(target), "name"), f" with {len(files)} files"))
        for file in files:
            out().print(Text(f"  {file.relative_to(target)}", "quiet"))
        out().print("\nNext:")
        for step in (f"cd {target}", "pip install -e .", "python -m pytest", f"hub connector check {name}"):
            out().print(Text(f"  {step}", "key"))

    emit(
        {"folder": str(target), "files": [str(file.relative_to(target)) for file in files]}, as_json=as_json, show=show
    )


@app.command(
    epilog=examples(
        "hub connector check acme",
        "hub connector check shopify --json | jq .grade",
        "hub connector check shopify --source-only --spec admin_2026-10.graphql --against admin_2027-01.graphql",
        "hub connector check acme --source-only --spec openapi.yaml --spec metadata.xml",
    )
)
def check(
    name: Annotated[str, typer.Argument(help="The connector: hub connector list.", show_default=False)],
    only: Annotated[
        list[str] | None, typer.Option("--only", help="Only this behaviour; may be given several times.")
    ] = None,
    spec: Annotated[
        list[Path] | None,
        typer.Option("--spec", help="The vendor's description of its API: is all that the source uses in it?"),
    ] = None,
    against: Annotated[
        list[Path] | None, typer.Option("--against", help="Another version of it: what would break by moving there?")
    ] = None,
    source: Annotated[
        Path | None, typer.Option("--source", help="A copy of the connector's source to look at, instead of its own.")
    ] = None,
    mappings: Annotated[
        Path | None,
        typer.Option("--mappings", help="The connector's mappings, instead of its own and those of the project here."),
    ] = None,
    source_only: Annotated[
        bool, typer.Option("--source-only", help="Hold only the source against --spec; run no behaviour.")
    ] = False,
    report: Annotated[
        Path | None, typer.Option("--report", help="Write what was shown to this file, as a page in Markdown.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run the conformance kit against the connector's simulator, and grade it: bronze, silver, gold or platinum.

    With --spec the source is held against the vendor's description as well, offline: every query, field and argument, with
    file and line. Exit code 1 when a behaviour does not hold, something does not fit the description, or the grade that the
    connector's quality.yaml claims is not reached.
    """
    from hub.cli.connector_check import examine, show

    examined = examine(
        name, only=only or (), specs=spec or (), against=against or (), source=source, mappings=mappings,
        run=not source_only,
    )  # fmt: skip
    if report is not None:
        from hub.sdk.testing.page import page

        report.write_text(page(examined.report, examined.claims, examined.spec), encoding="utf-8")
    emit(examined.as_dict(), as_json=as_json, show=lambda: show(examined))
    if examined.fails:
        raise typer.Exit(1)


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
