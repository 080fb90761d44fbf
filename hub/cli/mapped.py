"""The fields of a connector's records that its mappings read and write, each with the line in the mapping at which it is named."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.mapping.tools.opening import Opened
    from hub.mapping.tree import Part
    from hub.sdk.testing.specs import Field
    from hub.sdk.testing.specs.values import Text

_STEP = re.compile(r"\.?([A-Za-z_][A-Za-z0-9_]*)|\[\"((?:[^\"\\\\]|\\\\.)*)\"\]|\[\]|(\.\*)")


def mapped_fields(folders: Iterable[Path], connector: str) -> list[Field]:
    """Every field of the connector's records in the mappings of these folders. Raises `MappingInvalid` where one cannot be read."""
    from hub.mapping.tools.lint import mapping_files
    from hub.mapping.tools.opening import open_mapping

    found: list[Field] = []
    for path in mapping_files(list(dict.fromkeys(folder.resolve() for folder in folders if folder.is_dir()))):
        opened = open_mapping(path)
        if opened.connector == connector:
            found += _read(opened) if opened.inbound else _written(opened)
    return found


def _read(opened: Opened) -> Iterator[Field]:
    from hub.mapping.tools.static import reads
    from hub.sdk.testing.specs import Field

    lines = _Lines(opened)
    for one in reads(opened.program):
        way = [lines.naming(name, one.part, _of_source(name)) for name in _names(one.path)]
        if way:
            yield Field(opened.mapping.stream, tuple(way), written=False)


def _written(opened: Opened) -> Iterator[Field]:
    from hub.mapping.nodes import Const
    from hub.mapping.tools.static import writes
    from hub.mapping.tree import Leaf
    from hub.sdk.testing.specs import Field

    lines = _Lines(opened)
    for one in writes(opened.program.output):
        way = [lines.naming(name, one.part, _as_key(name)) for name in _names(one.path)]
        fixed = one.part.expr if isinstance(one.part, Leaf) else None
        if way:
            yield Field(opened.mapping.stream, tuple(way), True, fixed.value if isinstance(fixed, Const) else None)


def _names(path: str) -> Iterator[str]:
    """The names along a path such as ``lines[].sku``, as far as they are fixed."""
    for found in _STEP.finditer(path):
        if found[3]:
            return
        if found[1] or found[2]:
            yield found[1] or found[2]


def _of_source(name: str) -> str:
    """How a mapping names a field that it reads: ``src.name``, ``src['name']``, ``sum('name')``."""
    return rf"\.\s*{re.escape(name)}\b|['\"]{re.escape(name)}['\"]"


def _as_key(name: str) -> str:
    """How it names one that it writes: ``name:``."""
    return rf"(?<![\w$]){re.escape(name)}['\"]?\s*:"


class _Lines:
    """Finds the line at which a part of a mapping, or what stands above it, names something."""

    def __init__(self, opened: Opened) -> None:
        self._opened = opened
        self._files: dict[str, tuple[str, list[str]]] = {}

    def naming(self, name: str, part: Part, pattern: str) -> Text:
        """The nearest line: that of the part, one above it (a ``let``, a ``$for``), or one below (a long expression)."""
        from hub.sdk.testing.specs.values import Text

        label, line = part.place.file, part.place.line
        if label not in self._files:
            self._files[label] = self._file(label)
        file, texts = self._files[label]
        for number in (*range(line, 0, -1), *range(line + 1, len(texts) + 1)):
            if number <= len(texts) and re.search(pattern, texts[number - 1]):
                return Text(name, file, number)
        return Text(name, file, line)

    def _file(self, label: str) -> tuple[str, list[str]]:
        """The file that a mapping calls so, as people call it, and its lines: the mapping's own, or one that it extends or includes."""
        from hub.sdk.testing.specs.program import shown

        own = self._opened
        near = [own.path] if label == own.file else [parent / label for parent in own.path.parents]
        path = next((one for one in near if one.is_file()), None)
        return (label, []) if path is None else (shown(path), path.read_text(encoding="utf-8").splitlines())
