"""Says for values of one record where they came from: the line, the source values, the branch, the row and the filters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import ConfigError
from hub.mapping.filters.base import ABSENT
from hub.mapping.lineage import Origin
from hub.mapping.tools.cases import ENDINGS, find_tests, mapping_of, read_cases
from hub.mapping.tools.data import look, normal, plain
from hub.mapping.tools.opening import Opened, open_mapping
from hub.mapping.tools.trying import Attempt, attempt


@dataclass(frozen=True, slots=True)
class Explained:
    """One value with its origin. ``text`` is the mapping's line; ``table`` the lookup file and line of the row that was found."""

    origin: Origin
    at: str
    value: Any
    text: str
    table: str

    def as_dict(self) -> dict[str, Any]:
        """The explanation as JSON data."""
        more = {"text": self.text, **({"row": self.table} if self.table else {})}
        return {**plain(self.origin.as_dict()), "at": self.at, "value": plain(self.value), **more}


def explain(
    mapping: Path, sample: Path, *, at: str = "", links: Path | None = None, roots: Iterable[Path] = ()
) -> tuple[Attempt, list[Explained]]:
    """Run the mapping over the sample and explain the value at a path, or all values."""
    made = attempt(mapping, sample, links=links, roots=roots, lineage=True)
    if made.error is not None or made.filtered or made.opened is None or made.translation.lineage is None:
        return made, []
    lineage = made.translation.lineage
    origins = lineage.at(at) if at else [origin for origin in lineage.origins if not origin.at.startswith("let.")]
    if not origins:
        raise ConfigError(
            f"Nothing was made at {at!r}.",
            where=made.opened.file,
            fix="See the paths with: hub map explain without --at.",
        )
    return made, [_explained(origin, made.translation.record, made.opened) for origin in origins]


def _explained(origin: Origin, record: Any, opened: Opened) -> Explained:
    path = normal(origin.at)
    try:
        value = look(record, path) if path else record
    except ConfigError:
        value = None
    table = ""
    if origin.lookup is not None:
        table = f"{origin.lookup.table}, row {origin.lookup.row}"
    return Explained(origin, path, value, _line(opened, origin.file, origin.line), table)


def _line(opened: Opened, file: str, line: int) -> str:
    lines = opened.mapping.texts.get(file, "").splitlines()
    return lines[line - 1].strip() if 0 < line <= len(lines) else ""


def shown(value: Any) -> Any:
    """A source value as it may be shown: what was not there is said to be missing."""
    return "(missing)" if value is ABSENT else value


def mappings_for(sample: Path, roots: Iterable[Path] = ()) -> list[Path]:
    """The mappings that have this sample in their tests, that of the record itself first."""
    wanted = sample.resolve()
    found: list[Opened] = []
    for folder in list(wanted.parents)[:3]:
        if any(True for ending in ENDINGS for _ in folder.glob(f"*{ending}")):
            for tests in find_tests([folder]):
                given = [case.given for case in read_cases(tests) if isinstance(case.given, str)]
                if any((tests.parent / name).resolve() == wanted for name in given):
                    found.append(open_mapping(mapping_of(tests), roots))
            break
    if not found:
        fix = "Name the mapping too: hub map explain MAPPING SAMPLE."
        raise ConfigError("No mapping has this sample in its tests.", where=str(sample), fix=fix)
    return [one.path for one in sorted(found, key=lambda one: (one.mapping.stream != one.entity, one.file))]


def explain_sample(
    sample: Path, *, at: str = "", links: Path | None = None, roots: Iterable[Path] = ()
) -> tuple[Attempt, list[Explained]]:
    """Explain with the first mapping of the sample that makes a value at this path."""
    paths = mappings_for(sample, roots)
    for path in paths[:-1]:
        try:
            return explain(path, sample, at=at, links=links, roots=roots)
        except ConfigError:
            continue
    return explain(paths[-1], sample, at=at, links=links, roots=roots)
