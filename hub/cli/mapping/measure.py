"""`hub map coverage`, `roundtrip`, `diff` and `bench`: what a mapping loses, what a change changes, and how fast it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table
from rich.text import Text

from hub.cli.mapping.common import MappingArgument, RootsOption, SampleArgument, chosen, near, roots_for, short
from hub.cli.options import JsonOption
from hub.cli.views.console import emit, out, safe

SamplesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[SAMPLE]...",
        help="JSON files or folders of them; else the records of the mapping's tests.",
        show_default=False,
    ),
]
TrafficOption = Annotated[int, typer.Option("--traffic", min=0, help="Use this many recorded messages of the project.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "coverage",
        epilog="Example:  [bold]hub map coverage mappings/shopify/order.to_canonical.yaml --traffic 1000[/bold]",
    )(coverage)
    app.command(
        "roundtrip",
        epilog="Example:  [bold]hub map roundtrip mappings/shopify/order.to_canonical.yaml mappings/odoo/order.from_canonical.yaml[/bold]",
    )(roundtrip)
    app.command(
        "diff",
        epilog="Example:  [bold]hub map diff old/order.to_canonical.yaml mappings/shopify/order.to_canonical.yaml --traffic 1000[/bold]",
    )(diff)
    app.command(
        "bench",
        epilog="Example:  [bold]hub map bench mappings/shopify/order.to_canonical.yaml samples/order.json --json[/bold]",
    )(bench)


def coverage(
    mapping: Annotated[
        Path | None, typer.Argument(metavar="[MAPPING]", help="One mapping; without it, all of them, in short.")
    ] = None,
    samples: SamplesArgument = None,
    traffic: TrafficOption = 0,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail when a source field is lost without a reason under not_mapped.")
    ] = False,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """List the source fields that nobody reads and the canonical fields that nobody sets."""
    from hub.mapping.tools.coverage import coverage as measure
    from hub.mapping.tools.coverage import sample_records
    from hub.mapping.tools.opening import open_mapping

    reports = []
    for path in [mapping] if mapping is not None else _mappings(chosen(None)):
        opened = open_mapping(path, roots_for([path], roots))
        if mapping is None and not _has_tests(opened):
            continue
        records = _traffic(opened, traffic) if traffic else sample_records(opened, samples or ())
        reports.append(measure(opened, records))

    def show() -> None:
        if mapping is None:
            _show_summary(reports)
        for report in reports if mapping is not None else ():
            _show_coverage(report)

    data: Any = [report.as_dict() for report in reports]
    emit(data[0] if mapping is not None else data, as_json=as_json, show=show)
    if strict and any(report.unexplained for report in reports):
        raise typer.Exit(1)


def _traffic(opened: Any, limit: int) -> list[Any]:
    from hub.cli.mapping.traffic import recorded

    return [record for _, record in recorded(opened, limit)]


def _has_tests(opened: Any) -> bool:
    from hub.mapping.tools.cases import tests_of

    return tests_of(opened.path) is not None


def _mappings(paths: list[Path]) -> list[Path]:
    from hub.mapping.tools.lint import mapping_files

    return mapping_files(paths)


def _show_summary(reports: list[Any]) -> None:
    table = Table(box=None, pad_edge=False)
    for head in ("mapping", "source fields", "read", "lost without a reason", "canonical fields", "set"):
        table.add_column(head, justify="left" if head == "mapping" else "right")
    for one in reports:
        style = "wait" if one.unexplained else "good"
        figures: list[str | Text] = [
            str(one.source_fields),
            str(one.read),
            Text(str(len(one.unexplained)), style=style),
            str(one.target_fields),
            str(one.set_),
        ]
        table.add_row(short(one.mapping), *figures)
    out().print(table)


def _show_coverage(report: Any) -> None:
    console = out()
    console.print(Text.assemble((short(report.mapping), "name"), f"  over {report.records} records"))
    console.print(f"source: {report.read} of {report.source_fields} fields are read", style="quiet")
    for unused in report.unread:
        _show_unused("not read", unused, f"in {unused.times} of {report.records}" if unused.times else "")
    if report.unset or report.target_fields:
        console.print(f"canonical: {report.set_} of {report.target_fields} fields are set", style="quiet")
    for unused in report.unset:
        _show_unused("not set ", unused, unused.kind)
    for table, key, times in report.missing:
        console.print(
            Text.assemble(
                "  ",
                ("no row  ", "wait"),
                "  ",
                (safe(table), "name"),
                f"  {safe(key)}",
                (f"  asked for {times} times", "quiet"),
            )
        )


def _show_unused(word: str, unused: Any, more: str) -> None:
    style = "quiet" if unused.why else "wait"
    out().print(
        Text.assemble(
            "  ",
            (word, style),
            "  ",
            (safe(unused.path), "" if unused.why else "name"),
            (f"  {unused.why or more}", "quiet"),
        )
    )


def roundtrip(
    first: Annotated[Path, typer.Argument(metavar="FIRST", help="The mapping into the canonical model.")],
    second: Annotated[Path, typer.Argument(metavar="SECOND", help="The mapping out of it.")],
    samples: SamplesArgument = None,
    traffic: TrafficOption = 0,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Send records into the canonical model and out again, and list what did not arrive."""
    from hub.mapping.tools.coverage import sample_records
    from hub.mapping.tools.opening import open_mapping
    from hub.mapping.tools.roundtrip import round_trip

    into, out_of = open_mapping(first, roots_for([first], roots)), open_mapping(second, roots_for([second], roots))
    records = _traffic(into, traffic) if traffic else sample_records(into, samples or ())
    report = round_trip(into, out_of, records)

    def show() -> None:
        console = out()
        console.print(
            f"{report.records} records: {report.arrived} arrived, {report.filtered} filtered, {len(report.failed)} failed"
        )
        for number, mapping, said in report.failed:
            console.print(
                Text.assemble(("  failed   ", "bad"), f"record {number}  ", (f"{short(mapping)}  ", "key"), safe(said))
            )
        for lost in report.lost:
            console.print(
                Text.assemble(
                    ("  lost     ", "wait"),
                    (lost.path, "name"),
                    f"  in {lost.times} records, for example {safe(lost.example)}",
                )
            )
        for number, found in report.changed:
            console.print(Text.assemble(("  changed  ", "wait"), f"record {number}  {safe(str(found))}"))

    emit(report.as_dict(), as_json=as_json, show=show)
    if report.failed:
        raise typer.Exit(1)


def diff(
    old: Annotated[Path, typer.Argument(metavar="OLD", help="The mapping as it was.")],
    new: Annotated[Path, typer.Argument(metavar="NEW", help="The mapping as it shall be.")],
    samples: SamplesArgument = None,
    traffic: TrafficOption = 0,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run two versions of a mapping over the same records, without effects. Exit code 1 when anything comes out differently."""
    from hub.mapping.tools.coverage import sample_records
    from hub.mapping.tools.difference import difference
    from hub.mapping.tools.opening import open_mapping

    before, after = open_mapping(old, roots_for([old], roots)), open_mapping(new, roots_for([new], roots))
    if traffic:
        from hub.cli.mapping.traffic import recorded

        records = recorded(after, traffic)
    else:
        records = [
            (f"record {number}", record) for number, record in enumerate(sample_records(after, samples or ()), 1)
        ]
    report = difference(before, after, records)
    emit(report.as_dict(), as_json=as_json, show=lambda: _show_diff(report))
    if not report.same:
        raise typer.Exit(1)


def _show_diff(report: Any) -> None:
    from hub.mapping.tools.difference import shown

    console = out()
    console.print(
        f"{report.records} records: {report.identical} identical, {report.changed} changed, {len(report.failing)} newly failing, "
        f"{len(report.passing)} newly passing, {report.both_fail} failing in both"
    )
    for change in report.by_line():
        money = ", ".join(f"{amount:+f} {currency}" for currency, amount in change.money.items())
        head = Text.assemble(
            ("changed  ", "wait"),
            (change.path, "name"),
            (f"  {near(change.line)}", "key"),
            f"  in {change.times} records",
        )
        console.print(head.append(f"  {money}" if money else "", style="bad"))
        for name, before, now in change.examples:
            console.print(
                Text.assemble(
                    (f"    {name}: ", "quiet"), (safe(shown(before)), "red"), " → ", (safe(shown(now)), "green")
                )
            )
    for name, said in report.failing[:20]:
        console.print(Text.assemble(("fails now  ", "bad"), f"{name}  {safe(said)}"))
    for name in report.passing[:20]:
        console.print(Text.assemble(("works now  ", "good"), name))


def bench(
    mapping: MappingArgument,
    sample: SampleArgument,
    seconds: Annotated[float, typer.Option("--seconds", min=0.1, max=60, help="How long to measure.")] = 1.5,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Measure how fast a mapping translates one record on this machine."""
    from hub.mapping.tools.bench import speed
    from hub.mapping.tools.data import read_json
    from hub.mapping.tools.opening import open_mapping

    figures = speed(open_mapping(mapping, roots_for([mapping], roots)), read_json(sample), seconds=seconds).as_dict()

    def show() -> None:
        table = Table(box=None, show_header=False, pad_edge=False)
        for name, value in figures.items():
            table.add_row(name.replace("_", " "), f"{value:,}" if isinstance(value, (int, float)) else short(value))
        out().print(table)

    emit(figures, as_json=as_json, show=show)
