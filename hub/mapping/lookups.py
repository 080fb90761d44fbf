"""Lookup tables: CSV and YAML files that say what a value of one system is called in another.

A table's name is its path below a lookups folder without the ending: ``lookups/shopify/payment_terms.csv`` is
``shopify/payment_terms``. A CSV file has a header; its key columns are called ``key``, ``key2`` ... or ``key:name``, and where
none is called so the first column is the key. A row with ``*`` as key fits whatever has no row of its own. A file that is
broken, or was saved half-way, is never taken: the last good version stays, and the problem is reported.
"""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any, Final, NamedTuple

from hub.errors import MappingError
from hub.mapping.lookup_files import BrokenTable, Parsed, Problem, Row, parse_file

_MOST_MISSING: Final = 1_000
_ENDINGS: Final = (".csv", ".yaml", ".yml")


class Missing(NamedTuple):
    """A value that was asked for and is in no row, and how often."""

    table: str
    key: tuple[str, ...]
    times: int


@dataclass(frozen=True, slots=True)
class Table:
    """One lookup table. ``version`` is the hash of its content; equal versions have equal rows."""

    name: str
    file: str
    version: str
    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Row]
    default: Any = None
    has_default: bool = False
    masks: tuple[tuple[bool, ...], ...] = field(default=(), repr=False)

    def find(self, *keys: Any) -> Row | None:
        """The row for these keys: an exact one first, then those with ``*``, the leftmost exact key counting most."""
        if len(keys) != len(self.keys):
            raise MappingError(
                f"The lookup {self.name} has {len(self.keys)} key columns, but {len(keys)} keys were given.",
                code="MAP-LOOKUP",
                fix=f"Give one key for each of: {', '.join(self.keys)}.",
            )
        wanted = tuple([key if key.__class__ is str else key_text(key) for key in keys])
        row = self.rows.get(wanted)
        if row is not None:
            return row
        for mask in self.masks:
            row = self.rows.get(tuple([key if exact else "*" for key, exact in zip(wanted, mask, strict=True)]))
            if row is not None:
                return row
        return None

    def suggest(self, *keys: Any) -> str:
        """The key that was perhaps meant, or an empty text."""
        known = {" / ".join(row): row for row in self.rows}
        found = difflib.get_close_matches(" / ".join(map(key_text, keys)), known, n=1, cutoff=0.7)
        return found[0] if found else ""


def key_text(key: Any) -> str:
    """A key as the text that stands in the table."""
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return ""
    if isinstance(key, Decimal):
        return format(key, "f") if abs(key.adjusted()) < 40 else "?"
    if isinstance(key, (str, int)):
        return str(key)
    raise MappingError(
        "The key of a lookup must be text or a number.", code="MAP-TYPE", fix="Look up one of its fields."
    )


def _masks(rows: Iterable[tuple[str, ...]], width: int) -> tuple[tuple[bool, ...], ...]:
    """Which combinations of exact and ``*`` occur in the table, the most exact first."""
    present = {tuple(part != "*" for part in row) for row in rows}
    ordered = product((True, False), repeat=width)
    return tuple(mask for mask in ordered if mask in present and not all(mask))


def _table(name: str, file: str, version: str, parsed: Parsed) -> Table:
    masks = _masks(parsed.rows, len(parsed.keys))
    return Table(
        name, file, version, parsed.keys, parsed.columns, parsed.rows, parsed.default, parsed.has_default, masks
    )


@dataclass(slots=True)
class _Seen:
    stamp: tuple[int, int]
    digest: str
    problems: tuple[Problem, ...] = ()


class Lookups:
    """All lookup tables of a project. Reading is free of locks: a refresh swaps whole tables."""

    def __init__(self, tables: Mapping[str, Table] | None = None, dirs: Sequence[Path] = ()) -> None:
        self._tables: dict[str, Table] = dict(tables or {})
        self._dirs = tuple(dirs)
        self._files: dict[Path, _Seen] = {}
        self._missing: Counter[tuple[str, tuple[str, ...]]] = Counter()

    @classmethod
    def load(cls, dirs: Iterable[Path | str]) -> Lookups:
        """The tables below these folders; where a name occurs twice, the first folder wins. Broken files become problems."""
        lookups = cls(dirs=[Path(folder) for folder in dirs])
        lookups.refresh()
        return lookups

    @classmethod
    def of(cls, tables: Mapping[str, Mapping[str, Any]]) -> Lookups:
        """Tables from plain data {name: {key: value}}, as test cases give them. A key "a / b" has two parts."""
        made = {}
        for name, rows in tables.items():
            split = {tuple(part.strip() for part in str(key).split(" / ")): value for key, value in rows.items()}
            width = max((len(key) for key in split), default=1)
            keys = tuple(f"key{place + 1}" if place else "key" for place in range(width))
            parsed = Parsed(keys, ("value",), {key: _plain_row(value) for key, value in split.items()})
            version = hashlib.sha256(repr(sorted(split.items())).encode()).hexdigest()[:16]
            made[name] = _table(name, f"{name} of the test case", version, parsed)
        return cls(made)

    def with_tables(self, more: Lookups) -> Lookups:
        """These tables, and those of ``more`` in their place where a name occurs in both."""
        return Lookups({**self._tables, **more._tables})

    @property
    def names(self) -> list[str]:
        """The names of all usable tables, sorted."""
        return sorted(self._tables)

    @property
    def problems(self) -> list[Problem]:
        """What is wrong with the files, in the order of files and lines."""
        found = [problem for seen in self._files.values() for problem in seen.problems]
        return sorted(found, key=lambda problem: (problem.file, problem.line, problem.code))

    @property
    def missing(self) -> list[Missing]:
        """The keys that were asked for and not found, the most frequent first."""
        return [Missing(table, key, times) for (table, key), times in self._missing.most_common()]

    def get(self, name: str) -> Table | None:
        """The table of this name, or none."""
        return self._tables.get(name)

    def require(self, name: str) -> Table:
        """The table of this name, or an error that says what is wrong with its file or which name is near."""
        table = self._tables.get(name)
        if table is not None:
            return table
        broken = next(
            (p for p in self.problems if p.error and Path(p.file).with_suffix("").as_posix().endswith(name)), None
        )
        if broken is not None:
            raise MappingError(
                f"The lookup {name} cannot be used. {broken.message}",
                code="MAP-LOOKUP",
                where=broken.where,
                fix=broken.fix,
            )
        near = difflib.get_close_matches(name, self._tables, n=1)
        fix = f"Did you mean {near[0]}?" if near else f"Add lookups/{name}.csv with the columns key,value."
        raise MappingError(f"There is no lookup {name}.", code="MAP-LOOKUP", fix=fix)

    def find(self, name: str, *keys: Any) -> Row | None:
        """The row of a table for these keys, or none; none is counted in the missing report."""
        row = self.require(name).find(*keys)
        if row is None:
            self.note_missing(name, keys)
        return row

    def note_missing(self, name: str, keys: Iterable[Any]) -> None:
        """Count a key without a row. The report keeps a bounded number of different keys."""
        entry = (name, tuple(key_text(key)[:200] for key in keys))
        if entry in self._missing or len(self._missing) < _MOST_MISSING:
            self._missing[entry] += 1

    def version(self, names: Iterable[str] | None = None) -> str:
        """One hash over the versions of these tables, or of all."""
        chosen = sorted(self._tables if names is None else names)
        said = "\n".join(f"{name} {self._tables[name].version}" for name in chosen if name in self._tables)
        return hashlib.sha256(said.encode()).hexdigest()[:16]

    def refresh(self) -> list[str]:
        """Read again what changed on disk, and give the names of the tables that are new, changed or gone.

        A file that is broken now keeps its last good version; `problems` says what is wrong with it.
        """
        if not self._dirs:
            return []
        changed: list[str] = []
        owners: dict[str, Path] = {}
        for folder in self._dirs:
            for path in _files(folder):
                owners.setdefault(path.relative_to(folder).with_suffix("").as_posix(), path)
        tables = {name: table for name, table in self._tables.items() if name in owners}
        changed += sorted(set(self._tables) - set(tables))
        for name, path in owners.items():
            table = self._read(name, path, tables.get(name))
            if table is not None and table is not tables.get(name):
                tables[name] = table
                changed.append(name)
        wanted = set(owners.values())
        self._files = {path: seen for path, seen in self._files.items() if path in wanted}
        self._tables = tables
        return changed

    def _read(self, name: str, path: Path, known: Table | None) -> Table | None:
        """The table of a file: the known one where nothing changed or the file is broken now."""
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            seen = self._files.get(path)
            if seen is not None and seen.stamp == stamp:
                return known
            body = path.read_bytes()
        except OSError as error:
            reason = error.strerror or "it cannot be read"
            problem = Problem("LKP-READ", str(path), 0, f"The file cannot be read: {reason}.", "Check its permissions.")
            self._files[path] = _Seen((0, 0), "", (problem,))
            return known
        digest = hashlib.sha256(body).hexdigest()[:16]
        if seen is not None and seen.digest == digest and known is not None:
            seen.stamp = stamp
            return known
        try:
            parsed = parse_file(path, body)
        except BrokenTable as broken:
            self._files[path] = _Seen(stamp, "", tuple(broken.problems))
            return known
        self._files[path] = _Seen(stamp, digest, parsed.problems)
        if known is not None and known.version == digest and known.file == str(path):
            return known
        return _table(name, str(path), digest, parsed)


def _plain_row(value: Any) -> Row:
    return Row(dict(value) if isinstance(value, Mapping) else {"value": value}, 0)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = (path for path in folder.rglob("*") if path.suffix in _ENDINGS and path.is_file())
    return sorted(path for path in found if not path.name.startswith((".", "~")))


__all__ = ["Lookups", "Missing", "Problem", "Row", "Table", "key_text"]
