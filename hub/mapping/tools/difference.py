"""Runs two versions of a mapping over the same records, without effects, and says what a change would change."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.errors import ConfigError
from hub.mapping.tools.compare import Difference, compare
from hub.mapping.tools.data import one_line, parse_path, pattern, plain
from hub.mapping.tools.opening import Opened
from hub.mapping.tools.static import open_path
from hub.mapping.tools.testing import CaseLinks
from hub.mapping.tools.trying import Attempt, run_once

Sample = tuple[str, Any]
"""A record with the name by which a person finds it: a file, or a message id."""


@dataclass(slots=True)
class Change:
    """One field that comes out differently, over all records: where it is made, how often, and by how much money."""

    path: str
    line: str
    times: int = 0
    examples: list[tuple[str, Any, Any]] = field(default_factory=list)
    money: dict[str, Decimal] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set, repr=False)


@dataclass(slots=True)
class Report:
    """The two versions compared. ``failing`` and ``passing`` name the records that only one of them translates."""

    old: str
    new: str
    records: int = 0
    identical: int = 0
    changed: int = 0
    failing: list[tuple[str, str]] = field(default_factory=list)
    passing: list[str] = field(default_factory=list)
    both_fail: int = 0
    changes: dict[str, Change] = field(default_factory=dict)

    @property
    def same(self) -> bool:
        """Does the new version do exactly what the old one did?"""
        return not self.changed and not self.failing and not self.passing

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "old": self.old, "new": self.new, "records": self.records, "identical": self.identical, "changed": self.changed,
            "newly_failing": [{"record": name, "error": said} for name, said in self.failing],
            "newly_passing": self.passing, "both_fail": self.both_fail,
            "changes": [
                {
                    "path": change.path, "mapping": change.line, "times": change.times, "money": plain(change.money),
                    "examples": [{"record": n, "old": plain(o), "new": plain(w)} for n, o, w in change.examples],
                }
                for change in self.by_line()
            ],
        }  # fmt: skip

    def by_line(self) -> list[Change]:
        """The changes, the most frequent first."""
        return sorted(self.changes.values(), key=lambda change: (-change.times, change.line, change.path))


def difference(old: Opened, new: Opened, samples: Iterable[Sample]) -> Report:
    """Compare two versions of a mapping over records."""
    sides = [(o.mapping.direction, o.connector, o.mapping.stream, o.entity) for o in (old, new)]
    if sides[0] != sides[1]:
        raise ConfigError(
            "The two mappings translate different things.",
            where=f"{old.file}, {new.file}",
            fix="Compare versions of one mapping.",
        )
    report = Report(old.file, new.file)
    for name, record in samples:
        report.records += 1
        before, after = (run_once(side, record, CaseLinks(auto=True)) for side in (old, new))
        _note(report, name, before, after, new)
    return report


def _note(report: Report, name: str, before: Attempt, after: Attempt, new: Opened) -> None:
    if before.error is not None and after.error is not None:
        report.both_fail += 1
        return
    if after.error is not None:
        report.failing.append((name, str(after.error)))
        return
    if before.error is not None:
        report.passing.append(name)
        return
    found = _differences(before, after)
    if not found:
        report.identical += 1
        return
    report.changed += 1
    for one in found:
        path = _open(one.path)
        change = report.changes.setdefault(path, Change(path, new.line_of(one.path)))
        if name not in change.seen:
            change.seen.add(name)
            change.times += 1
        if len(change.examples) < 3:
            change.examples.append((name, one.expected, one.actual))
        _add_money(change, one, before.translation.record, after.translation.record)


def _differences(before: Attempt, after: Attempt) -> list[Difference]:
    if before.filtered or after.filtered:
        if bool(before.filtered) == bool(after.filtered):
            return []
        return [
            Difference(
                "when",
                "changed",
                "filtered" if before.filtered else "translated",
                "filtered" if after.filtered else "translated",
            )
        ]
    # as the mappings made them, before numbers become text: 5.00 and 5 are the same number
    found = compare(before.translation.record, after.translation.record)
    if before.key != after.key:
        found.insert(0, Difference("key", "changed", before.key, after.key))
    return found


def _open(path: str) -> str:
    try:
        return open_path(pattern(parse_path(path)))
    except ConfigError:
        return path


def _add_money(change: Change, one: Difference, before: Any, after: Any) -> None:
    """By how much an amount changed, summed for each currency."""
    if not one.path.endswith(".amount"):
        return
    currency = _beside(before, one.path) or _beside(after, one.path)
    try:
        delta = Decimal(str(one.actual or 0)) - Decimal(str(one.expected or 0))
    except ArithmeticError:
        return
    if currency:
        change.money[currency] = change.money.get(currency, Decimal(0)) + delta


def _beside(record: Any, path: str) -> str:
    here = record
    for step in parse_path(path)[:-1]:
        try:
            here = here[step]
        except (KeyError, IndexError, TypeError):
            return ""
    return str(here.get("currency", "")) if isinstance(here, dict) else ""


def shown(value: Any) -> str:
    """A value for one line of the report."""
    return one_line(value, 60)
