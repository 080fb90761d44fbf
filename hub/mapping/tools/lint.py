"""Finds what is wrong in mapping files without running them: all that the compiler refuses, and what it cannot see.

Codes below MAP040 are the compiler's; LKP codes are those of lookup files. The others are:

- MAP040 a field that the canonical entity does not have
- MAP041 a required canonical field that is never set
- MAP042 a source field that no sample has, where a similar one is there
- MAP043 a branch that can never be taken
- MAP044 a test file that cannot be read
- MAP045 a mapping that is never loaded, because of its name
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from hub.errors import ConfigError, MappingError
from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.findings import Finding, MappingInvalid, did_you_mean
from hub.mapping.lookups import Lookups
from hub.mapping.mapping_set import MappingSet
from hub.mapping.source import read_source
from hub.mapping.tools import schema
from hub.mapping.tools.cases import ENDINGS, read_cases, tests_of
from hub.mapping.tools.data import leaves, pattern
from hub.mapping.tools.opening import Opened, folders_of, open_set
from hub.mapping.tools.static import open_path, reads

_MAPPING = re.compile(r".+\.(to|from)_canonical\.(yaml|yml|json)")


def lint_paths(paths: Sequence[Path], *, roots: Iterable[Path] = ()) -> tuple[int, list[Finding]]:
    """How many files were looked at, and every finding, errors first within a file."""
    files = mapping_files(list(paths))
    findings: list[Finding] = []
    sets: dict[Path, MappingSet] = {}
    for path in files:
        root = folders_of(path)[0]
        if root not in sets:
            sets[root] = open_set(path, roots)
            findings += lookup_findings(sets[root].lookups)
            clashes = {finding for finding in sets[root].check() if finding.code == "MAP027"}
            findings += clashes
        findings += lint_file(path, sets[root])
    for path in paths:
        if path.is_dir():
            findings += _tables_below(path.resolve())
            findings += [_misnamed(file) for file in _strangers(path)]
    unique = list(dict.fromkeys(findings))
    return len(files), sorted(unique, key=lambda f: (f.file, f.line, f.column, f.code))


def _misnamed(path: Path) -> Finding:
    fix = (
        f"Call it {path.stem.partition('.')[0]}.to_canonical.yaml or {path.stem.partition('.')[0]}.from_canonical.yaml."
    )
    return Finding("MAP045", "error", str(path), 1, 1, "The file is never loaded, because of its name.", fix)


def _read_only(path: Path) -> list[Finding]:
    """What is wrong with the text and the header of a file that no set of mappings holds."""
    try:
        read_source(path, str(path), path.read_bytes().decode())
    except MappingInvalid as error:
        return error.findings
    except (OSError, UnicodeDecodeError):
        return [
            Finding("MAP001", "error", str(path), 1, 1, "The file cannot be read as UTF-8.", "Save it again as UTF-8.")
        ]
    return []


def _strangers(folder: Path) -> Iterator[Path]:
    """Files that look like mappings, and are not called so."""
    for path in sorted(folder.rglob("*")):
        if path.suffix not in (".yaml", ".yml") or path.name.endswith(ENDINGS) or _MAPPING.fullmatch(path.name):
            continue
        if not set(path.relative_to(folder).parts[:-1]) & {"lookups", "samples"} and path.is_file():
            with contextlib.suppress(OSError, UnicodeDecodeError):
                if re.search(r"^mapping:\s*[0-9]", path.read_text(encoding="utf-8"), re.MULTILINE):
                    yield path


def _tables_below(folder: Path) -> list[Finding]:
    """What is wrong with the lookup files of a folder, also where no mapping stands beside them."""
    folders = [folder] if folder.name == "lookups" else [folder / "lookups", folder.parent / "lookups"]
    return lookup_findings(Lookups.load(folders))


def lint_file(path: Path, mappings: MappingSet) -> list[Finding]:
    """Everything that is wrong with one mapping file and its tests."""
    if not _MAPPING.fullmatch(path.name):
        return [_misnamed(path), *_read_only(path)]
    try:
        opened = Opened(mappings.by_file(path))
    except MappingInvalid as error:
        return error.findings
    except MappingError as error:
        return [Finding(error.code, "error", str(path), 1, 1, error.message, error.fix)]
    return [*opened.mapping.warnings, *examine(opened)]


def examine(opened: Opened) -> list[Finding]:
    """What the compiler cannot see in a mapping that compiles."""
    found = [*_branches(opened.program.output)]
    for _, part in opened.program.let:
        found += _branches(part)
    if opened.inbound:
        found += _canonical_fields(opened)
    samples, problems = _samples(opened)
    found += problems
    if samples or not opened.inbound:
        found += _source_fields(opened, samples)
    return found


def lookup_findings(lookups: Lookups) -> list[Finding]:
    """The problems of the lookup files."""
    return [
        Finding(p.code, "error" if p.error else "warning", p.file, max(p.line, 1), 1, p.message, p.fix)
        for p in lookups.problems
    ]


def mapping_files(paths: list[Path]) -> list[Path]:
    """The mapping files in these files and folders."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for p in path.rglob("*") if _MAPPING.fullmatch(p.name) and not p.name.endswith(ENDINGS))
        elif path.is_file():
            found.append(path)
        else:
            raise ConfigError("There is no such file or folder.", where=str(path), fix="Check the path.")
    return list(dict.fromkeys(found))


def _at(part: tree.Part, code: str, message: str, fix: str = "", severity: Any = "error") -> Finding:
    return Finding(code, severity, part.place.file, part.place.line, part.place.column, message, fix)


# --- canonical fields


def _canonical_fields(opened: Opened) -> Iterator[Finding]:
    entity = opened.entity
    objects = [part for part in tree.walk(opened.program.output) if isinstance(part, tree.Object)]
    for part in objects:
        base = open_path(part.place.target)
        for name, inner in part.fields:
            path = f"{base}.{name}" if base else name
            if "*" not in path and not schema.known(entity, path) and (not base or schema.known(entity, base)):
                fix = (
                    did_you_mean(name, schema.siblings(entity, path)) or "What only one system knows goes below `ext`."
                )
                yield _at(inner, "MAP040", f"The {entity} has no field {path!r}.", fix)
    if any(
        isinstance(part, (tree.Merge, tree.Leaf)) and not open_path(part.place.target)
        for part in tree.walk(opened.program.output)
    ):
        return
    for part in objects:
        base = open_path(part.place.target)
        if _complete(part, opened.program.output):
            yield from _required(part, base, entity)


def _complete(part: tree.Object, output: tree.Part) -> bool:
    """Is this object all there is at its place, and not one of several that are merged?"""
    return not any(
        isinstance(other, tree.Merge) and open_path(other.place.target) == open_path(part.place.target)
        for other in tree.walk(output)
    )


def _required(part: tree.Object, base: str, entity: str) -> Iterator[Finding]:
    table = schema.fields(entity)
    if base and base not in table and f"{base}" not in {name.rstrip("[]") for name in table}:
        return
    given = {name for name, _ in part.fields}
    start = f"{base}." if base else ""
    for path, field in table.items():
        name = path[len(start) :]
        if path.startswith(start) and field.required and "." not in name and "[" not in name and name not in given:
            where = f" of {base}" if base else ""
            yield _at(
                part,
                "MAP041",
                f"The required field {name!r}{where} is never set.",
                f"It is {field.kind}. {field.description}".strip(),
            )


# --- source fields


def _samples(opened: Opened) -> tuple[list[Any], list[Finding]]:
    """The records that the mapping's tests are given, and what is wrong with the tests."""
    tests = tests_of(opened.path)
    if tests is None:
        return [], []
    samples: list[Any] = []
    problems: list[Finding] = []
    try:
        samples.extend(case.source() for case in read_cases(tests))
    except ConfigError as error:
        line = re.search(r":([0-9]+)", error.where)
        problems.append(
            Finding("MAP044", "error", str(tests), int(line[1]) if line else 1, 1, error.message, error.fix)
        )
    return samples, problems


def _source_fields(opened: Opened, samples: list[Any]) -> Iterator[Finding]:
    known = {pattern(path) for sample in samples for path, _ in leaves(sample)}
    if not opened.inbound:
        known |= set(schema.fields(opened.entity))
    names: dict[str, set[str]] = {}
    for whole in known:
        path = whole
        while path:
            cut = max(path.rfind("."), path.rfind("["))
            parent, name = (path[:cut], path[cut:].lstrip(".")) if cut > 0 else ("", path)
            names.setdefault(parent, set()).add(name)
            path = parent
    for read in reads(opened.program):
        parent, _, name = read.path.rpartition(".")
        if "*" in read.path or name.endswith("]") or name in names.get(parent, ()) or parent not in names:
            continue
        if not opened.inbound and not schema.known(opened.entity, read.path):
            fix = did_you_mean(name, schema.siblings(opened.entity, read.path))
            yield _at(read.part, "MAP042", f"The {opened.entity} has no field {read.path!r}.", fix)
        elif opened.inbound:
            close = get_close_matches(name, [n for n in names[parent] if not n.startswith("[")], n=1, cutoff=0.8)
            if close and not read.guarded:
                message = f"No sample has the field {read.path!r}."
                yield _at(read.part, "MAP042", message, f"Did you mean {close[0]!r}?", "warning")


# --- branches


def _branches(part: tree.Part) -> Iterator[Finding]:
    for inner in tree.walk(part):
        if isinstance(inner, tree.If) and isinstance(inner.test, ex.Const):
            side = "$else" if inner.test.value else "$then"
            yield _at(
                inner,
                "MAP043",
                f"The test of $if is always the same, so {side} is never taken.",
                "Test a field.",
                "warning",
            )
        if isinstance(inner, tree.First):
            for option in inner.options[:-1]:
                if (
                    isinstance(option, tree.Leaf)
                    and isinstance(option.expr, ex.Const)
                    and option.expr.value not in (None, "")
                ):
                    yield _at(
                        inner,
                        "MAP043",
                        "A constant in $first ends it: what follows is never taken.",
                        "Make it the last.",
                        "warning",
                    )
        if isinstance(inner, tree.Match) and isinstance(inner.value, ex.Const):
            yield _at(
                inner,
                "MAP043",
                "The value of $match is a constant, so one branch is always taken.",
                "Match a field.",
                "warning",
            )
