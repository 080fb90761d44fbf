"""`hub map test`, `lint` and `try`: the loop of an analyst's day."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.mapping.common import (
    LinksOption,
    MappingArgument,
    PathsArgument,
    RootsOption,
    SampleArgument,
    chosen,
    fault_data,
    near,
    roots_for,
    short,
    show_fault,
    watched,
)
from hub.cli.options import JsonOption
from hub.cli.views.console import emit, out, print_json, safe
from hub.errors import HubError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        "test",
        epilog="Examples:  [bold]hub map test[/bold]   ·   [bold]hub map test mappings/shopify -k paid --junit build/junit.xml[/bold]",
    )(run_cases)
    app.command("lint", epilog="Example:  [bold]hub map lint mappings/shopify/order.to_canonical.yaml[/bold]")(lint)
    app.command(
        "try",
        epilog="Example:  [bold]hub map try mappings/shopify/order.to_canonical.yaml samples/order.json --watch[/bold]",
    )(try_)


def run_cases(
    paths: PathsArgument = None,
    only: Annotated[str, typer.Option("--only", "-k", help="Only cases whose name contains this.")] = "",
    junit: Annotated[Path | None, typer.Option("--junit", help="Write JUnit XML to this file.")] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write what comes out to the expected files, where it differs.")
    ] = False,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the test cases beside the mappings; show each difference with the line of the mapping that makes it."""
    from hub.mapping.tools.testing import Outcome, run_tests

    def show(outcome: Outcome) -> None:
        if not as_json:
            _show_outcome(outcome)

    found = chosen(paths)
    outcomes = run_tests(found, only=only, accept=accept, roots=roots_for(found, roots), each=show)
    failed = [outcome for outcome in outcomes if not outcome.passed]
    if junit is not None:
        from hub.mapping.tools.junit import write_junit

        write_junit(junit, outcomes)
    seconds = sum(outcome.seconds for outcome in outcomes)
    if as_json:
        print_json(
            {
                "passed": len(outcomes) - len(failed),
                "failed": len(failed),
                "seconds": round(seconds, 3),
                "cases": [o.as_dict() for o in outcomes],
            }
        )
    else:
        words = [(f"{len(outcomes) - len(failed)} passed", "good")]
        if failed:
            words.append((f"{len(failed)} failed", "bad"))
        accepted = sum(outcome.accepted for outcome in outcomes)
        if accepted:
            words.append((f"{accepted} expected files written", "wait"))
        if not outcomes:
            words = [("no test cases found", "wait")]
        out().print(Text(", ").join(Text(*word) for word in words), Text(f"in {seconds:.2f} s", style="quiet"))
    if failed:
        raise typer.Exit(1)


def _show_outcome(outcome: Any) -> None:
    console = out()
    if outcome.passed:
        console.print(
            Text.assemble(("ok   ", "good"), (f"{short(outcome.mapping)}  ", "quiet"), safe(outcome.case.name))
        )
        return
    console.print(
        Text.assemble(("FAIL ", "bad"), (f"{short(outcome.mapping)}  ", "quiet"), (safe(outcome.case.name), "name"))
    )
    console.print(
        Text.assemble("     ", (f"{near(outcome.where or outcome.case.where)}  ", "key"), safe(outcome.problem))
    )
    for difference in outcome.differences[:50]:
        _show_difference(difference)
    if len(outcome.differences) > 50:
        console.print(f"     ... and {len(outcome.differences) - 50} more")
    if outcome.fix:
        console.print(Text.assemble("     ", ("→ ", "good"), safe(outcome.fix)))


def _show_difference(difference: Any) -> None:
    from hub.mapping.tools.data import one_line

    console = out()
    console.print(
        Text.assemble(
            "     ", (difference.path, "name"), (f"  {near(difference.line)}" if difference.line else "", "key")
        )
    )
    if difference.kind != "extra":
        console.print(Text(f"       - {safe(one_line(difference.expected, 120))}", style="red"))
    if difference.kind != "missing":
        console.print(Text(f"       + {safe(one_line(difference.actual, 120))}", style="green"))


def lint(
    paths: PathsArgument = None,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings count as errors.")] = False,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find what is wrong in mapping files, fragments and lookup tables, without running them."""
    from hub.mapping.tools.lint import lint_paths

    checked, findings = lint_paths(chosen(paths), roots=roots_for(chosen(paths), roots))
    errors = sum(finding.severity == "error" for finding in findings)
    warnings = len(findings) - errors

    def show() -> None:
        for finding in findings:
            style = "bad" if finding.severity == "error" else "wait"
            out().print(
                Text.assemble(
                    (f"{near(finding.where)}: ", "key"),
                    (f"{finding.severity} ", style),
                    (finding.code, "name"),
                    f" {safe(finding.message)}",
                )
            )
            if finding.fix:
                out().print(Text.assemble("    ", ("→ ", "good"), safe(finding.fix)))
        style = "bad" if errors else "wait" if warnings else "good"
        out().print(Text(f"{checked} files, {errors} errors, {warnings} warnings", style=style))

    data = {"files": checked, "errors": errors, "warnings": warnings, "findings": [_finding(f) for f in findings]}
    emit(data, as_json=as_json, show=show)
    if errors or (strict and warnings):
        raise typer.Exit(1)


def _finding(finding: Any) -> dict[str, Any]:
    names = ("code", "severity", "file", "line", "column", "message", "fix")
    return {name: getattr(finding, name) for name in names}


def try_(
    mapping: MappingArgument,
    sample: SampleArgument,
    watch: Annotated[
        bool, typer.Option("--watch", "-w", help="Run again whenever the mapping, a lookup or the sample is saved.")
    ] = False,
    links: LinksOption = None,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run one mapping over one record, and show what comes out or what is wrong."""
    from hub.mapping.tools.trying import attempt, watched_files

    def once() -> bool:
        result = attempt(mapping, sample, links=links, roots=roots_for([mapping], roots))
        if as_json:
            print_json(result.as_dict(fault_data))
        else:
            _show_attempt(result)
        return result.error is None

    if watch:
        watched(lambda: watched_files(mapping, sample, links), lambda: _steady(once))
    elif not once():
        raise typer.Exit(1)


def _steady(once: Callable[[], bool]) -> None:
    """Show even what would end the command: while somebody edits, a file may be gone or half there for a moment."""
    try:
        once()
    except HubError as error:
        show_fault(error)


def _show_attempt(result: Any) -> None:
    from hub.mapping.tools.data import write_json

    if result.error is not None:
        for finding in getattr(result.error, "findings", ()):
            out().print(
                Text.assemble(
                    (f"{near(finding.where)}: ", "key"),
                    (f"{finding.code} ", "name"),
                    safe(finding.message),
                    " ",
                    safe(finding.fix),
                )
            )
        if not getattr(result.error, "findings", ()):
            show_fault(result.error)
        return
    if result.filtered:
        out().print(Text.assemble(("filtered ", "quiet"), near(result.filtered)))
        return
    if result.key:
        out().print(Text.assemble(("external id ", "quiet"), safe(result.key)))
    if result.links_used:
        out().print(
            Text.assemble(
                ("links ", "quiet"), ", ".join(f"{entity} {key} = {found}" for entity, key, found in result.links_used)
            )
        )
    out().print(Text(write_json(result.record)))
    for warning in result.warnings:
        out().print(Text.assemble(("note ", "wait"), safe(warning)))
