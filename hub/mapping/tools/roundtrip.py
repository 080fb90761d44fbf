"""Sends records through two mappings, into the canonical model and out again, and says what did not arrive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from hub.errors import ConfigError
from hub.mapping.tools.compare import Difference, compare
from hub.mapping.tools.data import leaves, one_line, pattern
from hub.mapping.tools.opening import Opened
from hub.mapping.tools.static import covers, reads
from hub.mapping.tools.testing import CaseLinks
from hub.mapping.tools.trying import run_once


@dataclass(slots=True)
class Lost:
    """A canonical value that the first mapping made and the second never reads."""

    path: str
    times: int
    example: str


@dataclass(slots=True)
class RoundTrip:
    """What became of the records."""

    first: str
    second: str
    records: int = 0
    failed: list[tuple[int, str, str]] = field(default_factory=list)
    filtered: int = 0
    arrived: int = 0
    lost: list[Lost] = field(default_factory=list)
    changed: list[tuple[int, Difference]] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "first": self.first, "second": self.second, "records": self.records, "filtered": self.filtered,
            "arrived": self.arrived,
            "failed": [{"record": number, "mapping": mapping, "error": said} for number, mapping, said in self.failed],
            "lost": [{"path": lost.path, "times": lost.times, "example": lost.example} for lost in self.lost],
            "changed": [
                {"record": number, "path": d.path, "before": d.expected, "after": d.actual} for number, d in self.changed
            ],
        }  # fmt: skip


def round_trip(first: Opened, second: Opened, records: Iterable[Any]) -> RoundTrip:
    """Run every record through ``first`` (to the canonical model) and ``second`` (out of it).

    Where both are of the same connector and stream, values that are in the source and in the result are compared as well.
    """
    if not first.inbound or second.inbound or first.entity != second.entity:
        raise ConfigError(
            "A round trip needs a mapping to the canonical model and one from it, of the same entity.",
            where=f"{first.file}, {second.file}",
            fix="Name NAME.to_canonical.yaml first and NAME.from_canonical.yaml second.",
        )
    report = RoundTrip(first.file, second.file)
    used = [read.path for read in reads(second.program)]
    lost: dict[str, Lost] = {}
    same_system = (first.connector, first.mapping.stream) == (second.connector, second.mapping.stream)
    for number, record in enumerate(records, 1):
        report.records += 1
        made = run_once(first, record, CaseLinks(auto=True))
        if made.error is not None:
            report.failed.append((number, first.file, str(made.error)))
            continue
        if made.filtered:
            report.filtered += 1
            continue
        for steps, value in leaves(made.record):
            path = pattern(steps)
            if value not in (None, [], {}) and not any(covers(read, path) for read in used):
                entry = lost.setdefault(path, Lost(path, 0, one_line(value, 60)))
                entry.times += 1
        out = run_once(second, made.record, CaseLinks(auto=True))
        if out.error is not None:
            report.failed.append((number, second.file, str(out.error)))
        elif out.filtered:
            report.filtered += 1
        else:
            report.arrived += 1
            if same_system:
                report.changed += [(number, d) for d in compare(record, out.record) if d.kind == "changed"]
    report.lost = sorted(lost.values(), key=lambda entry: entry.path)
    return report
