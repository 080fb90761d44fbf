"""A run of the conformance kit as a page of the documentation: what was shown, on which streams, and what a connector does not claim.

With a check against the vendor's description the page says what came of it. With the connector's quality.yaml it has its entries as well,
and the grade is the lower one of what was shown and what is claimed.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub.sdk.testing.behaviours import BEHAVIOURS, Level
from hub.sdk.testing.conformance import Finding, Report
from hub.sdk.testing.quality import Claims, level_of
from hub.sdk.testing.specs import Checked

_WORDS = {"passed": "shown", "failed": "**failed**", "unproven": "not shown", "declared": "not claimed"}


def page(report: Report, claims: Claims | None = None, spec: Checked | None = None) -> str:
    """The page, in Markdown. It has no times, so that a run with the same outcome makes the same page."""
    counts = ", ".join(f"{report.count(outcome)} {word.strip('*')}" for outcome, word in _WORDS.items())
    made_by = f"Made by `hub connector check {report.connector} --report`; do not edit it."
    tried = "was tried against the connector's simulator over real HTTP, once for every stream that it is about"
    grade = report.grade if claims is None else min(report.grade, claims.grade, key=level_of)
    parts = [
        f"# The grade of the connector {report.connector}: {grade}\n",
        f"{made_by} Each [behaviour](../sdk/conformance.md) {tried}: {counts}.\n",
    ]
    if spec is not None:
        parts.append(f"{_held(spec)}\n")
    for level in Level:
        parts += [f"## {level.name.title()}\n", "| behaviour | outcome |", "|---|---|"]
        for name, behaviour in BEHAVIOURS.items():
            if behaviour.level == level:
                parts.append(f"| `{name}` | {_outcome(one for one in report.findings if one.behaviour == name)} |")
        parts.append("")
        entries = [one for one in claims.entries() if one[0] == level] if claims is not None else []
        if entries:
            parts += ["| from quality.yaml | status | by |", "|---|---|---|"]
            parts += [f"| {name} | {entry.status} | {_cell(entry.comment)} |" for _, name, entry in entries]
            parts.append("")
    return "\n".join(parts)


def _held(spec: Checked) -> str:
    """What came of the check against the vendor's description."""
    uses = ", ".join(f"{count} {what}" for what, count in spec.uses.items())
    verdict = f"**{len(spec.broken)} do not fit**" if spec.broken else "it fits"
    return f"The source was [held against](../sdk/published-descriptions.md) {spec.description}: {verdict} ({uses})."


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
    return _cell("; ".join(said)) or "not tried"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
