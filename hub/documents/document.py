"""Read a YAML file as plain data, keep the line of everything in it, and refuse what YAML would silently change."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent, MappingEndEvent, MappingStartEvent, SequenceEndEvent, SequenceStartEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode, SequenceNode

from hub.errors import ConfigError

Path = tuple[str | int, ...]
"""The way to a value inside a document: ``("connections", "shop", "poll")``."""

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 32

_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)\.[0-9]+([eE][-+]?[0-9]+)?\Z")
_TAG = "tag:yaml.org,2002:"


@dataclass(frozen=True, slots=True)
class Document:
    """A file of the project: its data, and the line of every key and list item in it."""

    file: pathlib.Path
    name: str
    data: Any
    lines: Mapping[Path, int] = field(default_factory=dict)

    def line(self, path: Path) -> int:
        """The line of this path, or of the nearest thing around it that the file does contain."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def where(self, path: Path = ()) -> str:
        """``hub.yaml:12``"""
        return f"{self.name}:{self.line(path)}"


def read(file: pathlib.Path, name: str = "") -> Document:
    """The file as plain dicts, lists, text, numbers, booleans and None. An empty file has the data None."""
    name = name or file.name
    return parse(_text(file, name), file=file, name=name)


def parse(text: str, *, file: pathlib.Path, name: str) -> Document:
    """The same for a text that was read already."""
    try:
        _look_over(YAML(typ="rt").parse(text), name)
        node = YAML(typ="rt").compose(text)
    except MarkedYAMLError as error:
        raise _unreadable(error, text, name) from None
    except YAMLError as error:
        line = text.count("\n", 0, getattr(error, "position", 0)) + 1
        raise _refused(f"not readable as YAML: {str(error).splitlines()[0]}", f"{name}:{line}", "Remove it.") from None
    lines: dict[Path, int] = {(): 1}
    data = None if node is None else _plain(node, (), lines, name)
    return Document(file=file, name=name, data=data, lines=lines)


def _look_over(events: Any, name: str) -> None:
    """Refuse anchors, and what is so deep that composing it would take minutes, before anything is composed."""
    depth = 0
    for event in events:
        here = f"{name}:{event.start_mark.line + 1}" if event.start_mark else name
        if isinstance(event, AliasEvent) or getattr(event, "anchor", None):
            raise _refused("anchors and aliases (& and *) are not used here", here, "Write the value out.")
        depth += isinstance(event, (MappingStartEvent, SequenceStartEvent))
        depth -= isinstance(event, (MappingEndEvent, SequenceEndEvent))
        if depth > MAX_DEPTH + 1:
            raise _refused(f"more than {MAX_DEPTH} levels deep", here, "Make it flatter.")


def _text(file: pathlib.Path, name: str) -> str:
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}.", code="CFG-FILE", where=name) from None
    if len(raw) > MAX_BYTES:
        raise _refused("the file is larger than 1 MiB", name, "Split it.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise _refused("the file is not UTF-8 text", f"{name}:{line}", "Save it as UTF-8.") from None


def _plain(node: Any, path: Path, lines: dict[Path, int], name: str) -> Any:
    here = f"{name}:{node.start_mark.line + 1}"
    if len(path) > MAX_DEPTH:
        raise _refused(f"more than {MAX_DEPTH} levels deep", here, "Make it flatter.")
    if isinstance(node, MappingNode):
        return _mapping(node, path, lines, name)
    if isinstance(node, SequenceNode):
        _known_tag(node, ("seq",), here)
        items = []
        for index, item in enumerate(node.value):
            lines[(*path, index)] = item.start_mark.line + 1
            items.append(_plain(item, (*path, index), lines, name))
        return items
    return _scalar(node, here)


def _mapping(node: MappingNode, path: Path, lines: dict[Path, int], name: str) -> dict[str, Any]:
    _known_tag(node, ("map",), f"{name}:{node.start_mark.line + 1}")
    data: dict[str, Any] = {}
    for key, value in node.value:
        here = f"{name}:{key.start_mark.line + 1}"
        if not isinstance(key, ScalarNode):
            raise _refused("a key must be plain text", here, "An unquoted {{ ... }} is read as a key: quote it.")
        text = str(key.value)
        if text == "<<":
            raise _refused("merge keys (<<) are not used here", here, "Write the values out.")
        if text in data:
            first = lines[(*path, text)]
            raise _refused(f"{text!r} is there twice (first in line {first})", here, "Remove one of the two.")
        lines[(*path, text)] = key.start_mark.line + 1
        data[text] = _plain(value, (*path, text), lines, name)
    return data


def _scalar(node: ScalarNode, here: str) -> Any:
    text = str(node.value)
    kind = str(node.tag).removeprefix(_TAG)
    _known_tag(node, ("str", "int", "float", "bool", "null", "timestamp"), here)
    if kind == "int":
        if not _INTEGER.match(text):
            raise _refused(f"{text} would be read as a number and lose its form", here, f'Quote it: "{text}"')
        return int(text)
    if kind == "float":
        if not _FLOAT.match(text):
            raise _refused(f"{text} would be read as a number and lose its form", here, f'Quote it: "{text}"')
        return float(text)
    if kind == "bool":
        return text.lower() == "true"
    return None if kind == "null" else text


def _known_tag(node: Any, kinds: tuple[str, ...], here: str) -> None:
    if str(node.tag).removeprefix(_TAG) not in kinds:
        raise _refused(f"the tag {node.tag} is not used here", here, "Remove it; quote the value if it is text.")


def _refused(message: str, where: str, fix: str) -> ConfigError:
    return ConfigError(f"{message}.", code="CFG-YAML", where=where, fix=fix)


def _unreadable(error: MarkedYAMLError, text: str, name: str) -> ConfigError:
    """What the YAML parser says, at the place where a person would mend it."""
    mark, fix = error.problem_mark or error.context_mark, ""
    if str(error.context).startswith("while parsing a flow") and error.context_mark:
        mark, fix = error.context_mark, "Close the bracket that opens here; separate its entries with commas."
    where = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
    return _refused(f"not readable as YAML: {error.problem or error.context}", where, fix or _yaml_fix(text, mark))


def _yaml_fix(text: str, mark: Any) -> str:
    rows = text.splitlines()
    row = rows[mark.line] if mark and mark.line < len(rows) else ""
    if "\t" in row[: len(row) - len(row.lstrip())]:
        return "Indent with spaces, not with tabs."
    if "{{" in row:
        return 'Put quotes around the {{ expression }}: "{{ ... }}".'
    return "Look at this line and the one above it: a missing colon, quote, bracket or space."
