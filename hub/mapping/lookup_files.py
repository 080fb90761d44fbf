"""Reading one lookup file, CSV or YAML, and saying with its line what is wrong in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

MAX_BYTES: Final = 20_000_000
MAX_KEYS: Final = 6
_INT = re.compile(r"-?[0-9]{1,38}")
_FRACTION = re.compile(r"-?[0-9]{1,38}\.[0-9]{1,38}")


class Problem(NamedTuple):
    """Something to mend in a lookup file. ``error`` says that the file is not taken until it is mended."""

    code: str
    file: str
    line: int
    message: str
    fix: str = ""
    error: bool = True

    @property
    def where(self) -> str:
        """File and line."""
        return f"{self.file}:{self.line}" if self.line else self.file


class BrokenTable(Exception):  # never leaves this package
    """The file cannot be used as a table."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__(problems[0].message)
        self.problems = problems


class Row(NamedTuple):
    """One row: its value columns, and the line it stands on."""

    values: Mapping[str, Any]
    line: int

    @property
    def value(self) -> Any:
        """The only value, or all of them by column where there are several."""
        return next(iter(self.values.values())) if len(self.values) == 1 else dict(self.values)


@dataclass(frozen=True, slots=True)
class Parsed:
    """The content of a lookup file."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    rows: Mapping[tuple[str, ...], Row]
    default: Any = None
    has_default: bool = False
    problems: tuple[Problem, ...] = ()


def parse_file(path: Path, body: bytes) -> Parsed:
    """The table in this file; raises BrokenTable with everything that keeps it from being used."""
    file = str(path)
    if len(body) > MAX_BYTES:
        _broken(
            "LKP-SIZE",
            file,
            0,
            f"The file is larger than {MAX_BYTES // 1_000_000} MB.",
            "Keep such data in a system, not in a lookup.",
        )
    try:
        text = body.removeprefix(b"\xef\xbb\xbf").decode()
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        _broken("LKP-ENCODING", file, line, "The file is not UTF-8.", 'Save it again as "CSV UTF-8".')
    if "\x00" in text:
        _broken(
            "LKP-ENCODING",
            file,
            text[: text.index("\x00")].count("\n") + 1,
            "The file holds a NUL character.",
            "Save it again as UTF-8.",
        )
    if not text.strip():
        _broken("LKP-EMPTY", file, 1, "The file is empty.", "Write a header such as key,value and at least one row.")
    if not text.endswith(("\n", "\r")):
        line = text.count("\n") + 1
        _broken(
            "LKP-HALF",
            file,
            line,
            "The last line does not end, as if the file was saved half-way.",
            "Save it again, with a line end.",
        )
    return _csv(file, text) if path.suffix == ".csv" else _yaml(file, text)


def _broken(code: str, file: str, line: int, message: str, fix: str = "") -> NoReturn:
    raise BrokenTable([Problem(code, file, line, message, fix)])


def _csv(file: str, text: str) -> Parsed:
    first = text.splitlines()[0]
    separator = ";" if ";" in first and "," not in first else "\t" if "\t" in first and "," not in first else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    lines: list[tuple[int, list[str]]] = []
    start = 1
    try:
        for cells in reader:
            if cells and not (cells[0].startswith("#") and not lines):
                lines.append((start, cells))
            start = reader.line_num + 1
    except csv.Error as error:
        _broken("LKP-CSV", file, reader.line_num, f"The CSV cannot be read: {error}.", "Check the quotes on this line.")
    if not lines:
        _broken("LKP-EMPTY", file, 1, "The file has no header.", "Write a header such as key,value.")
    header = [cell.strip() for cell in lines[0][1]]
    keys, columns = _header(file, lines[0][0], header)
    table = _Rows(file, len(keys))
    for line, cells in lines[1:]:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            table.fault(
                "LKP-RAGGED",
                line,
                f"This row has {len(cells)} cells, the header has {len(header)}.",
                "Complete the row, or quote a cell that holds a separator.",
            )
            continue
        named = dict(zip(header, cells, strict=True))
        table.add(line, tuple(named[key] for key in keys), {column: named[column] for column in columns})
    return table.parsed(tuple(key.removeprefix("key:") for key in keys), columns)


def _header(file: str, line: int, header: list[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if len(set(header)) != len(header) or "" in header:
        _broken(
            "LKP-HEADER",
            file,
            line,
            "Every column needs a name of its own.",
            "Name the columns, for example key,value.",
        )
    keys = tuple(name for name in header if re.fullmatch(r"key[0-9]?|key:.+", name)) or (header[0],)
    columns = tuple(name for name in header if name not in keys)
    if not columns:
        _broken("LKP-HEADER", file, line, "The table has no value column.", "Write a header such as key,value.")
    if len(keys) > MAX_KEYS:
        _broken("LKP-HEADER", file, line, f"A table has at most {MAX_KEYS} key columns.")
    return keys, columns


class _Rows:
    """Collects rows and what is wrong with them."""

    def __init__(self, file: str, width: int) -> None:
        self.file, self.width = file, width
        self.rows: dict[tuple[str, ...], Row] = {}
        self.problems: list[Problem] = []

    def fault(self, code: str, line: int, message: str, fix: str = "", *, error: bool = True) -> None:
        self.problems.append(Problem(code, self.file, line, message, fix, error))

    def add(self, line: int, key: tuple[str, ...], values: dict[str, Any]) -> None:
        clean = tuple(part.strip() for part in key)
        if clean != key:
            self.fault(
                "LKP-SPACE", line, "The key has spaces around it; they are ignored.", "Remove them.", error=False
            )
        known = self.rows.get(clean)
        shown = " / ".join(clean)[:60]
        if known is None:
            self.rows[clean] = Row(values, line)
        elif known.values == values:
            self.fault(
                "LKP-DUPLICATE",
                line,
                f"The row for {shown!r} stands on line {known.line} already.",
                "Remove one.",
                error=False,
            )
        else:
            self.fault(
                "LKP-CONFLICT",
                line,
                f"The row for {shown!r} says something else on line {known.line}.",
                "Keep one of the two.",
            )

    def parsed(self, keys: tuple[str, ...], columns: tuple[str, ...], **more: Any) -> Parsed:
        if any(problem.error for problem in self.problems):
            raise BrokenTable(self.problems)
        return Parsed(keys, columns, self.rows, problems=tuple(self.problems), **more)


def _yaml(file: str, text: str) -> Parsed:
    """YAML: ``rows:`` as {key: value}, or as a list of objects with ``keys:`` naming the key columns; ``default:`` if wanted."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    reader = YAML(typ="safe", pure=True)
    reader.max_depth = 16
    try:
        node = reader.compose(io.StringIO(text))
        data = _Plain(file).value(node) if node is not None else None
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        problem = getattr(error, "problem", None) or "it is not YAML"
        _broken("LKP-YAML", file, line, f"The YAML cannot be read: {problem}.", "Check indentation, quotes and colons.")
    if not isinstance(data, _Object) or "rows" not in data or set(data) - {"rows", "keys", "default"}:
        _broken(
            "LKP-YAML",
            file,
            1,
            "A YAML lookup has rows, and may have keys and default, and nothing else.",
            "Write rows: {a: b}.",
        )
    more = {"default": data["default"], "has_default": True} if "default" in data else {}
    rows, keys = data["rows"], data.get("keys")
    if isinstance(rows, _Object):
        table = _Rows(file, 1)
        for key, value in rows.items():
            table.add(rows.lines[key], (key,), {"value": value} if not isinstance(value, dict) else dict(value))
        columns = tuple(dict.fromkeys(column for row in table.rows.values() for column in row.values))
        return table.parsed(("key",), columns or ("value",), **more)
    if (
        not isinstance(rows, list)
        or not isinstance(keys, list)
        or not keys
        or not all(isinstance(row, _Object) for row in rows)
    ):
        _broken("LKP-YAML", file, 1, "rows must be {key: value}, or a list of objects with keys: [column, ...].")
    names = tuple(map(str, keys))
    table = _Rows(file, len(names))
    for row in rows:
        absent = [name for name in names if not isinstance(row.get(name), str)]
        if absent:
            table.fault(
                "LKP-RAGGED",
                row.line,
                f"This row has no text in the key column {absent[0]!r}.",
                "Complete it; quote numbers.",
            )
            continue
        table.add(row.line, tuple(row[name] for name in names), {name: row[name] for name in row if name not in names})
    columns = tuple(dict.fromkeys(column for row in table.rows.values() for column in row.values))
    return table.parsed(names, columns, **more)


class _Object(dict[str, Any]):
    """A YAML mapping that knows its lines."""

    line: int = 0
    lines: dict[str, int]


class _Plain:
    """Plain data from YAML nodes: no anchors, tags or twin keys; numbers exact; nothing is guessed from the look of a text."""

    def __init__(self, file: str) -> None:
        self.file = file

    def value(self, node: Any, depth: int = 0) -> Any:
        kind, line = type(node).__name__, node.start_mark.line + 1
        if node.anchor or depth > 12:
            _broken(
                "LKP-YAML",
                self.file,
                line,
                "Anchors, aliases and deep nesting have no place in a lookup.",
                "Write the values out.",
            )
        if kind == "MappingNode":
            return self._object(node, line, depth)
        if kind == "SequenceNode":
            return [self.value(item, depth + 1) for item in node.value]
        return self._scalar(node, line)

    def _object(self, node: Any, line: int, depth: int) -> _Object:
        made = _Object()
        made.line, made.lines = line, {}
        for key_node, value_node in node.value:
            at = key_node.start_mark.line + 1
            key = self.value(key_node, depth + 1)
            if not isinstance(key, str):
                _broken(
                    "LKP-YAML", self.file, at, "A key must be text.", f'Put it in quotes: "{str(key_node.value)[:40]}".'
                )
            if key in made:
                _broken(
                    "LKP-CONFLICT",
                    self.file,
                    at,
                    f"{key[:60]!r} stands on line {made.lines[key]} already.",
                    "Keep one of the two.",
                )
            made[key], made.lines[key] = self.value(value_node, depth + 1), at
        return made

    def _scalar(self, node: Any, line: int) -> Any:
        tag, said = str(node.tag).rpartition(":")[2], node.value
        if tag == "str":
            return said
        if tag == "null":
            return None
        if tag == "bool":
            return said.lower() == "true"
        if (
            tag == "int"
            and _INT.fullmatch(said)
            and not (len(said.lstrip("-")) > 1 and said.lstrip("-").startswith("0"))
        ):
            return int(said)
        if tag == "float" and _FRACTION.fullmatch(said):
            return Decimal(said)
        _broken(
            "LKP-YAML",
            self.file,
            line,
            f"YAML reads {said[:40]!r} in its own way.",
            f'Put it in quotes: "{said[:40]}".',
        )
