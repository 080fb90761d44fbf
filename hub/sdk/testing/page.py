"""A run of the conformance kit as a page of the documentation: what was shown, on which streams, and what a connector does not claim."""

from __future__ import annotations

from collections.abc import Iterable

from hub.sdk.testing.behaviours import BEHAVIOURS, Level
from hub.sdk.testing.conformance import Finding, Report

_WORDS = {"passed": "shown", "failed": "**failed**", "unproven": "not shown", "declared": "not claimed"}


def page(report: Report) -> str:
    """The page, in Markdown. It has no times, so that a run with the same outcome makes the same page."""
    counts = ", ".join(f"{report.count(outcome)} {word.strip('*')}" for outcome, word in _WORDS.items())
    made_by = f"Made by `hub connector check {report.connector} --report`; do not edit it."
    tried = "was tried against the connector's simulator over real HTTP, once for every stream that it is about"
    parts = [
        f"# The grade of the connector {report.connector}: {report.grade}\n",
        f"{made_by} Each [behaviour](../sdk/conformance.md) {tried}: {counts}.\n",
    ]
    for level in Level:
        parts += [f"## {level.name.title()}\n", "| behaviour | outcome |", "|---|---|"]
        for name, behaviour in BEHAVIOURS.items():
            if behaviour.level == level:
                parts.append(f"| `{name}` | {_outcome(one for one in report.findings if one.behaviour == name)} |")
        parts.append("")
    return "\n".join(parts)


def _outcome(findings: Iterable[Finding]) -> str:
    by_outcome: dict[str, list[Finding]] = {}
    for one in findings:
        by_outcome.setdefault(one.outcome, []).append(one)
    said = []
    for outcome, word in _WORDS.items():
        found = by_outcome.get(outcome, [])
        if found:
            streams = ", ".join(one.stream for one in found if one.stream)
            why = "; ".join(dict.fromkeys(one.said for one in found if one.said)) if outcome != "passed" else ""
            said.append(word + (f": {streams}" if streams else "") + (f" ({why})" if why else ""))
    return "; ".join(said).replace("|", "\\|") or "not tried"
