"""JUnit XML of test outcomes, as build servers read it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from hub.mapping.tools.testing import Outcome

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def junit_xml(outcomes: Sequence[Outcome]) -> str:
    """One test suite for each mapping."""
    failed = sum(not outcome.passed for outcome in outcomes)
    total = sum(outcome.seconds for outcome in outcomes)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(f'<testsuites name="mappings" tests="{len(outcomes)}" failures="{failed}" time="{total:.3f}">')
    for mapping, group in groupby(outcomes, key=lambda outcome: outcome.mapping):
        cases = list(group)
        bad, seconds = sum(not case.passed for case in cases), sum(case.seconds for case in cases)
        lines.append(
            f'<testsuite name={_attribute(mapping)} tests="{len(cases)}" failures="{bad}" time="{seconds:.3f}">'
        )
        lines += [_case(outcome) for outcome in cases]
        lines.append("</testsuite>")
    return "\n".join([*lines, "</testsuites>", ""])


def write_junit(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the XML, with the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(junit_xml(outcomes), encoding="utf-8")


def _case(outcome: Outcome) -> str:
    named = f"<testcase classname={_attribute(outcome.mapping)} name={_attribute(outcome.case.name)}"
    head = f'{named} file={_attribute(str(outcome.case.file))} line="{outcome.case.line}" time="{outcome.seconds:.4f}"'
    if outcome.passed:
        return f"{head}/>"
    body = "\n".join(
        [" ".join(filter(None, (outcome.where, outcome.problem, outcome.fix))), *map(str, outcome.differences)]
    )
    return f"{head}><failure message={_attribute(outcome.problem)}>{escape(_clean(body))}</failure></testcase>"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)


def _attribute(text: str) -> str:
    return quoteattr(_clean(text))
