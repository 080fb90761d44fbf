"""Findings of a check, one block each, grouped by file."""

from __future__ import annotations

from collections.abc import Sequence

from rich.padding import Padding
from rich.text import Text

from hub.cli.findings import Finding
from hub.cli.views.console import out, safe

_STYLES = {"error": "bad", "warning": "wait"}


def show_findings(findings: Sequence[Finding], project: str) -> None:
    """Every finding with its place and what to do, and the count."""
    console = out()
    for finding in findings:
        head = Text.assemble(
            (safe(finding.where or project), "key"), "  ", (finding.level, _STYLES[finding.level]), " ", finding.code
        )
        console.print(head)
        console.print(Padding(Text(safe(finding.message)), (0, 0, 0, 2), expand=False))
        if finding.fix:
            console.print(Padding(Text.assemble(("→ ", "good"), safe(finding.fix)), (0, 0, 0, 2), expand=False))
    errors = sum(finding.level == "error" for finding in findings)
    warnings = len(findings) - errors
    style = "bad" if errors else "wait" if warnings else "good"
    verdict = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}" if findings else "nothing to complain about"
    console.print(Text.assemble((project, "name"), ": ", (verdict, style)))


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
