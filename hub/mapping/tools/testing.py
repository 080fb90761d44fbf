"""Runs test cases and says for each what came out, what was expected, and which line of the mapping made the difference."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.errors import ConfigError, HubError, MappingError
from hub.mapping.lookups import Lookups
from hub.mapping.tools.cases import Case, find_tests, mapping_of, read_cases
from hub.mapping.tools.compare import Difference, compare, same_leaf
from hub.mapping.tools.data import look, normal, write_json
from hub.mapping.tools.opening import Opened, canonical, open_mapping

META: Final = {
    "received_at": "2026-01-01T00:00:00Z",
    "record_id": "rec_test",
    "marker": "hub-test-1",
    "operation": "upsert",
}
"""What a mapping sees as meta in a test; ``connection`` is the connector's name. A case can say otherwise."""


class CaseLinks:
    """Answers $link from the case: {entity: {key: id}}; with ``auto`` every key has the id "entity:key"."""

    def __init__(self, links: dict[str, dict[str, str]] | None = None, *, auto: bool = False) -> None:
        self.links = links or {}
        self.auto = auto

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:  # noqa: ARG002  # the engine's protocol
        """The id on the other side, or none."""
        found = self.links.get(entity, {}).get(key)
        return str(found) if found is not None else f"{entity}:{key}" if self.auto else None


@dataclass(slots=True)
class Outcome:
    """What became of one case. ``problem`` is one sentence; ``fix`` what to do next."""

    case: Case
    mapping: str
    passed: bool
    seconds: float = 0.0
    problem: str = ""
    where: str = ""
    fix: str = ""
    differences: list[Difference] = field(default_factory=list)
    accepted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON data."""
        said: dict[str, Any] = {
            "name": self.case.name, "case": self.case.where, "mapping": self.mapping, "passed": self.passed,
            "seconds": round(self.seconds, 4),
        }  # fmt: skip
        if self.problem:
            said |= {"problem": self.problem, "where": self.where, "fix": self.fix}
        if self.differences:
            said["differences"] = [
                {"path": d.path, "kind": d.kind, "expected": d.expected, "actual": d.actual, "mapping": d.line}
                for d in self.differences
            ]
        return said


def run_tests(
    paths: Iterable[Path],
    *,
    only: str = "",
    accept: bool = False,
    roots: Iterable[Path] = (),
    each: Callable[[Outcome], None] | None = None,
) -> list[Outcome]:
    """Run all cases in these files and folders; ``each`` hears of every outcome as it is known.

    With ``accept``, what comes out is written to the case's expected file where they differ.
    """
    outcomes: list[Outcome] = []
    for path in find_tests(list(paths)):
        for outcome in run_file(path, only=only, accept=accept, roots=roots):
            outcomes.append(outcome)
            if each is not None:
                each(outcome)
    return outcomes


def run_file(path: Path, *, only: str = "", accept: bool = False, roots: Iterable[Path] = ()) -> list[Outcome]:
    """Run the cases of one file."""
    mapping_file = mapping_of(path)
    cases = [case for case in read_cases(path) if only.casefold() in case.name.casefold()]
    if not cases:
        return []
    try:
        opened = open_mapping(mapping_file, roots)
    except MappingError as error:
        return [
            Outcome(case, str(mapping_file), False, problem=error.message, where=error.where, fix=error.fix)
            for case in cases
        ]
    return [run_case(case, opened, accept=accept) for case in cases]


def run_case(case: Case, opened: Opened, *, accept: bool = False) -> Outcome:
    """Run one case."""
    start = time.perf_counter()
    outcome = Outcome(case, opened.file, False)
    try:
        _judge(case, opened, outcome, accept)
    except ConfigError as error:
        outcome.problem, outcome.where, outcome.fix = error.message, error.where or case.where, error.fix
    outcome.seconds = time.perf_counter() - start
    return outcome


def _judge(case: Case, opened: Opened, outcome: Outcome, accept: bool) -> None:
    translation, fault = _translate(case, opened)
    if case.error is not None:
        _judge_error(case, fault, translation, outcome)
    elif fault is not None:
        outcome.problem = f"{fault.code}: {fault.message}"
        outcome.where, outcome.fix = fault.where or case.where, fault.fix
    elif case.filtered:
        outcome.passed = bool(translation.filtered)
        if not outcome.passed:
            outcome.problem = "The record should be filtered by `when:`, but it was translated."
    elif translation.filtered:
        outcome.problem = f"The record was filtered by the rule {translation.filtered}."
        outcome.fix = "Expect `filtered: true`, or mend `when:`."
    else:
        _judge_record(case, opened, opened.finished(translation.record), outcome, accept)


def _translate(case: Case, opened: Opened) -> tuple[Any, HubError | None]:
    meta = {"connection": opened.connector, **META, **case.meta}
    mapping = opened.with_lookups(Lookups.of(case.lookups)) if case.lookups else opened
    try:
        links = CaseLinks(case.links, auto=case.auto_links)
        translation = mapping.run(case.source(), meta=meta, links=links)
        if not translation.filtered and opened.inbound:
            canonical(opened.entity, translation.record, opened.file)
    except MappingError as error:
        return None, error
    return translation, None


def _judge_error(case: Case, fault: HubError | None, translation: Any, outcome: Outcome) -> None:
    wanted = case.error or {}
    if fault is None:
        said = "was filtered" if translation.filtered else "was translated"
        outcome.problem = f"The error {wanted.get('code', '')} was expected, but the record {said}."
        return
    at = normal(getattr(fault, "at", "") or "")
    if wanted.get("code") not in (None, fault.code):
        outcome.problem = f"The error {wanted['code']} was expected, but it is {fault.code}: {fault.message}"
    elif "at" in wanted and normal(wanted["at"]) != at:
        outcome.problem = f"The error was expected at {wanted['at']}, but it is at {at or 'no field'}: {fault.message}"
    elif "message" in wanted and wanted["message"].casefold() not in str(fault).casefold():
        outcome.problem = f"The error was expected to say {wanted['message']!r}, but it says: {fault.message}"
    outcome.passed = not outcome.problem
    outcome.where = fault.where if outcome.problem else ""


def _judge_record(case: Case, opened: Opened, record: Any, outcome: Outcome, accept: bool) -> None:
    differences: list[Difference] = []
    if case.has_expect:
        path = case.expect_file
        if accept and path is not None and (not path.is_file() or compare(case.expected(), record)):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(write_json(record) + "\n", encoding="utf-8")
            outcome.accepted = True
        differences = compare(case.expected(), record)
    for field_path, wanted in case.has.items():
        try:
            found = look(record, normal(field_path))
        except ConfigError:
            differences.append(Difference(field_path, "missing", expected=wanted))
            continue
        if isinstance(wanted, (dict, list)):
            differences += [d._replace(path=f"{field_path}.{d.path}") for d in compare(wanted, found)]
        elif not same_leaf(wanted, found):
            differences.append(Difference(field_path, "changed", wanted, found))
    outcome.differences = [d._replace(line=opened.line_of(d.path)) for d in differences]
    outcome.passed = not differences
    if differences:
        outcome.problem = f"{len(differences)} {'value differs' if len(differences) == 1 else 'values differ'}."
        outcome.fix = "" if accept or case.expect_file is None else "If the new record is right: hub map test --accept."
