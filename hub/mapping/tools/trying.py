"""One run of one mapping over one record, for somebody who watches."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hub.errors import ConfigError, HubError, MappingError
from hub.mapping.tools.data import plain, read_json
from hub.mapping.tools.opening import Opened, open_mapping, root_of
from hub.mapping.tools.testing import META, CaseLinks


@dataclass(slots=True)
class Attempt:
    """What a run made of a record, or why it made nothing."""

    record: Any = None
    key: str | None = None
    filtered: str | None = None
    links_used: list[tuple[str, str, str]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    error: HubError | None = None
    opened: Opened | None = None
    translation: Any = None

    def as_dict(self, fault: Callable[[HubError], dict[str, Any]]) -> dict[str, Any]:
        """The attempt as JSON data; ``fault`` makes JSON data of an error."""
        if self.error is not None:
            said = fault(self.error)
            findings = [
                {"code": f.code, "where": f.where, "message": f.message, "fix": f.fix}
                for f in getattr(self.error, "findings", ())
            ]
            return {"error": said | ({"findings": findings} if findings else {})}
        said = {"record": plain(self.record), "key": self.key, "filtered": self.filtered, "warnings": self.warnings}
        return said | {"links": [list(link) for link in self.links_used]}


def links_from(path: Path | None) -> CaseLinks:
    """The links of a file {entity: {key: id}}, or links that answer every key."""
    if path is None:
        return CaseLinks(auto=True)
    given = read_json(path)
    if not isinstance(given, dict) or not all(isinstance(item, dict) for item in given.values()):
        raise ConfigError("Links are written {entity: {key: id}}.", where=str(path))
    return CaseLinks(given)


def attempt(
    mapping: Path, sample: Path, *, links: Path | None = None, roots: Iterable[Path] = (), lineage: bool = False
) -> Attempt:
    """Run a mapping over a sample. Faults of either are part of the result; a file that is not there is raised."""
    source = read_json(sample)
    try:
        opened = open_mapping(mapping, roots)
    except MappingError as error:
        return Attempt(error=error)
    return run_once(opened, source, links_from(links), lineage=lineage)


def run_once(opened: Opened, source: Any, links: Any, *, lineage: bool = False) -> Attempt:
    """Run an open mapping over a record."""
    meta = {"connection": opened.connector, **META}
    try:
        made = opened.run(source, meta=meta, links=links, lineage=lineage)
        record = None if made.filtered else opened.finished(made.record)
    except MappingError as error:
        return Attempt(error=error, opened=opened)
    used = [(link[0], link[1], link[3]) for link in made.links_used]
    return Attempt(record, made.key, made.filtered, used, [], None, opened, made)


def watched_files(mapping: Path, sample: Path, links: Path | None) -> list[Path]:
    """The files whose saving means another run: the sample, all mappings and fragments of the folder, and the lookups."""
    root = root_of(mapping)
    found = [mapping, sample, *([links] if links else [])]
    for folder in (root, root.parent / "lookups"):
        if folder.is_dir():
            found += [path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".csv", ".json")]
    return list(dict.fromkeys(path.resolve() for path in found))
