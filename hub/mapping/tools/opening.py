"""Opens one mapping file as the tools need it: compiled, with its folder's lookups, and with the places of its values."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import ConfigError, MappingError
from hub.mapping.lookups import Lookups
from hub.mapping.mapping import Mapping, Translation
from hub.mapping.mapping_set import MappingSet
from hub.mapping.tools.data import plain
from hub.mapping.tools.static import deepest
from hub.mapping.tree import Program

_SETS: dict[tuple[Path, ...], MappingSet] = {}
_MAPPINGS: dict[tuple[tuple[Path, ...], Path], Opened] = {}


@dataclass(frozen=True, slots=True)
class Opened:
    """A mapping and what the tools ask about it."""

    mapping: Mapping
    lookups: Lookups | None = None

    @property
    def file(self) -> str:
        """The file as it is called in messages."""
        return self.mapping.file

    @property
    def path(self) -> Path:
        """The file's path."""
        return self.mapping.path

    @property
    def connector(self) -> str:
        """The connector at the other side of the canonical model."""
        return self.mapping.connector

    @property
    def entity(self) -> str:
        """The canonical entity."""
        return self.mapping.entity

    @property
    def inbound(self) -> bool:
        """Does it make canonical records?"""
        return self.mapping.direction == "inbound"

    @property
    def program(self) -> Program:
        """The tree of the mapping."""
        return self.mapping.program

    def with_lookups(self, tables: Lookups) -> Opened:
        """The same mapping with some other lookup tables."""
        return Opened(self.mapping.with_lookups(tables))

    def run(self, src: Any, *, meta: dict[str, Any], links: Any, lineage: bool = False) -> Translation:
        """Translate one record."""
        return self.mapping.run(src, meta=meta, links=links, lineage=lineage)

    def finished(self, record: Any) -> Any:
        """The record as the hub keeps it: a canonical one is checked against its schema and dumped, others stay."""
        return canonical(self.entity, record, self.file) if self.inbound else record

    def line_of(self, path: str) -> str:
        """The line of the mapping that makes the value at this path of the output, as file:line, or an empty text."""
        part = deepest(self.program, path)
        return f"{part.place.file}:{part.place.line}" if part is not None else ""


def root_of(path: Path) -> Path:
    """The mappings folder that a file belongs to: the nearest folder above it called ``mappings``, else its own folder."""
    absolute = path.resolve()
    return next((parent for parent in absolute.parents if parent.name == "mappings"), absolute.parent)


def folders_of(path: Path) -> list[Path]:
    """The folders to search for a file's lookups, fragments and bases: its connector's own, then the whole mappings folder."""
    root, absolute = root_of(path), path.resolve()
    below = absolute.relative_to(root).parts
    return [root / below[0], root] if len(below) > 1 else [root]


def open_set(path: Path, roots: Iterable[Path] = ()) -> MappingSet:
    """The set that a mapping file belongs to, read again where files have changed."""
    folders = tuple(dict.fromkeys([*folders_of(path), *(Path(root).resolve() for root in roots)]))
    known = _SETS.get(folders)
    if known is None:
        known = _SETS[folders] = MappingSet.load(folders)
    else:
        known.refresh()
    return known


def open_mapping(path: Path, roots: Iterable[Path] = ()) -> Opened:
    """The mapping of one file; raises MappingInvalid with everything that is wrong with it."""
    if not path.is_file():
        raise ConfigError("There is no such file.", where=str(path), fix="Check the path.")
    found = open_set(path, roots)
    return Opened(found.by_file(path), found.lookups)


def canonical(entity: str, record: Any, file: str = "") -> Any:
    """The record checked against its canonical schema, as the hub stores it; raises SCH-INVALID with every fault."""
    from pydantic import ValidationError

    from hub.canonical import ENTITIES

    try:
        model = ENTITIES[entity].model_validate(record)
    except ValidationError as error:
        raise _schema_error(error, entity, file) from None
    return model.model_dump(mode="json", exclude_unset=True)


def _schema_error(error: Any, entity: str, file: str) -> MappingError:
    said = []
    paths = []
    for fault in error.errors(include_url=False, include_input=False):
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in fault["loc"]).lstrip(".")
        paths.append(path)
        said.append(f"{path}: {fault['msg']}")
    found = SchemaFault(
        f"The {entity} does not fit the canonical schema: {'; '.join(said[:10])}.",
        code="SCH-INVALID",
        fix="Correct the mapping or the source.",
        where=file,
    )
    found.at = paths[0] if paths else ""
    return found


class SchemaFault(MappingError):
    """What came out of a mapping does not fit the canonical schema. ``at`` is the first wrong path."""

    default_code = "SCH-INVALID"
    at = ""


__all__ = ["Opened", "canonical", "open_mapping", "open_set", "plain", "root_of"]
