"""Which fields of the source nobody reads, and which canonical fields nobody sets: what gets lost, and whether that is on purpose.

A test file may say ``not_mapped: {path: why}`` for source fields and ``not_set: {path: why}`` for canonical ones; these are listed
apart, with the reason. A ``*`` in a path stands for anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.errors import ConfigError
from hub.mapping.tools import schema
from hub.mapping.tools.cases import notes_of, read_cases, tests_of
from hub.mapping.tools.data import leaves, pattern, read_json
from hub.mapping.tools.opening import Opened
from hub.mapping.tools.static import covers, reads, writes
from hub.mapping.tools.testing import CaseLinks
from hub.mapping.tools.trying import run_once


@dataclass(slots=True)
class Unused:
    """A field without a use: in how many records it was, and why it is left out, if that is written down."""

    path: str
    times: int = 0
    why: str = ""
    kind: str = ""


@dataclass(slots=True)
class Coverage:
    """What a mapping reads of its source and sets of its target."""

    mapping: str
    records: int
    source_fields: int
    target_fields: int
    unread: list[Unused] = field(default_factory=list)
    unset: list[Unused] = field(default_factory=list)
    missing: list[tuple[str, str, int]] = field(default_factory=list)
    """Values that a lookup was asked for and that are in no row: table, key, in how many look-ups."""

    @property
    def read(self) -> int:
        """How many source fields are read."""
        return self.source_fields - len(self.unread)

    @property
    def set_(self) -> int:
        """How many canonical fields are set."""
        return self.target_fields - len(self.unset)

    @property
    def unexplained(self) -> list[Unused]:
        """The source fields that are lost without a reason given."""
        return [unused for unused in self.unread if not unused.why]

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON data."""
        return {
            "mapping": self.mapping, "records": self.records,
            "source": {"fields": self.source_fields, "read": self.read, "unread": [_as_dict(one) for one in self.unread]},
            "lookups_missing": [{"table": table, "key": key, "times": times} for table, key, times in self.missing],
            "target": {"fields": self.target_fields, "set": self.set_, "unset": [_as_dict(one) for one in self.unset]},
        }  # fmt: skip


def _as_dict(unused: Unused) -> dict[str, Any]:
    return {"path": unused.path, "times": unused.times, "why": unused.why, "kind": unused.kind}


def coverage(opened: Opened, records: Iterable[Any]) -> Coverage:
    """The coverage of a mapping over some records of its source."""
    records = list(records)
    seen: dict[str, int] = {}
    count = 0
    for record in records:
        count += 1
        for path in {
            pattern(path) for path, value in leaves(record) if value is not None and value not in ("", [], {})
        }:
            seen[path] = seen.get(path, 0) + 1
    if not opened.inbound:
        for name, one in schema.fields(opened.entity).items():
            if one.leaf and not any(covers(path, name) for path in seen):
                seen.setdefault(name, 0)
    used = [read.path for read in reads(opened.program)]
    not_mapped, not_set = _notes(opened)
    unread = [
        Unused(path, times, _why(path, not_mapped)) for path, times in sorted(seen.items()) if not _among(path, used)
    ]
    made = [write.path for write in writes(opened.program.output)]
    targets = (
        [one for one in schema.fields(opened.entity).values() if one.leaf and not one.open] if opened.inbound else []
    )
    unset = [Unused(one.path, 0, _why(one.path, not_set), one.kind) for one in targets if not _among(one.path, made)]
    return Coverage(
        opened.file,
        count,
        len(seen),
        len(targets) if opened.inbound else len(set(made)),
        unread,
        unset,
        _missing(opened, records),
    )


def _missing(opened: Opened, records: list[Any]) -> list[tuple[str, str, int]]:
    """The keys that are in no row of a table, found by running the mapping over the records."""
    if opened.lookups is None or not opened.program.tables:
        return []
    before = {(one.table, one.key): one.times for one in opened.lookups.missing}
    for record in records:
        run_once(opened, record, CaseLinks(auto=True))
    found = [
        (one.table, " / ".join(one.key), one.times - before.get((one.table, one.key), 0))
        for one in opened.lookups.missing
    ]
    return [one for one in found if one[2] and one[0] in opened.program.tables]


def _among(path: str, known: Iterable[str]) -> bool:
    return any(covers(one, path) for one in known)


def _why(path: str, notes: dict[str, str]) -> str:
    for noted, why in notes.items():
        if covers(noted, path) or ("*" in noted and re.fullmatch(".*".join(map(re.escape, noted.split("*"))), path)):
            return why
    return ""


def _notes(opened: Opened) -> tuple[dict[str, str], dict[str, str]]:
    tests = tests_of(opened.path)
    return notes_of(tests) if tests is not None else ({}, {})


def sample_records(opened: Opened, samples: Iterable[Path]) -> list[Any]:
    """The records in these files and folders; without any, those that the mapping's tests are given."""
    files: list[Path] = []
    for path in samples:
        files += sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if files:
        found = [read_json(file) for file in files]
        return [record for one in found for record in (one if isinstance(one, list) else [one])]
    tests = tests_of(opened.path)
    if tests is None:
        raise ConfigError(
            "The mapping has no tests, so there is no sample.",
            where=opened.file,
            fix="Name a sample, or a folder of them.",
        )
    records: list[Any] = []
    for case in read_cases(tests):
        source = case.source()
        if case.error is None and source not in records:
            records.append(source)
    return records
