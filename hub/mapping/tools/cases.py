"""Test cases of a mapping: ``*.test.yaml`` (or .json) beside it.

A case has a ``name``, what is ``given`` (a file, or the data itself), optionally a ``patch`` {path: value} and ``remove``
[path, ...] to change it, and says what must come out: ``expect`` (a file or the data), ``has`` {path: value} for some
fields only, ``error`` {code, at, message}, or ``filtered: true``. ``links`` {entity: {key: id}} answers $link (``auto`` answers
every one), ``lookups`` {table: {key: value}} stands in for tables, and ``meta`` changes what the mapping sees as meta.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hub.errors import ConfigError
from hub.mapping.document import Node, read
from hub.mapping.findings import MappingInvalid, did_you_mean
from hub.mapping.tools.data import put, read_json

KEYS: Final = (
    "name",
    "given",
    "patch",
    "remove",
    "expect",
    "has",
    "error",
    "filtered",
    "links",
    "lookups",
    "meta",
    "note",
)
FILE_KEYS: Final = ("cases", "not_mapped", "not_set", "description")
_OUTCOMES: Final = ("expect", "has", "error", "filtered")
ENDINGS: Final = (".test.yaml", ".test.yml", ".test.json")


@dataclass(frozen=True, slots=True)
class Case:
    """One test case. ``folder`` is what paths of files are relative to."""

    name: str
    file: Path
    line: int
    given: Any
    patch: dict[str, Any] = field(default_factory=dict)
    remove: tuple[str, ...] = ()
    expect: Any = None
    has: dict[str, Any] = field(default_factory=dict)
    error: dict[str, str] | None = None
    filtered: bool | str = False
    links: dict[str, dict[str, str]] | None = None
    auto_links: bool = False
    lookups: dict[str, dict[str, Any]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    has_expect: bool = False

    @property
    def where(self) -> str:
        """The case's file and line."""
        return f"{self.file}:{self.line}"

    @property
    def expect_file(self) -> Path | None:
        """The file with the expected record, where it is a file."""
        return self.file.parent / self.expect if self.has_expect and isinstance(self.expect, str) else None

    def source(self) -> dict[str, Any]:
        """What is given to the mapping, a fresh copy with the patches applied."""
        given = read_json(self.file.parent / self.given) if isinstance(self.given, str) else copy.deepcopy(self.given)
        if not isinstance(given, dict):
            raise ConfigError("What is given must be an object.", where=self.where, fix="Give one record, not a list.")
        for path in self.remove:
            self._change(given, path, None, remove=True)
        for path, value in self.patch.items():
            self._change(given, path, value)
        return given

    def _change(self, given: Any, path: str, value: Any, *, remove: bool = False) -> None:
        try:
            put(given, path, copy.deepcopy(value), remove=remove)
        except ConfigError as error:
            raise ConfigError(error.message, where=self.where, fix=error.fix) from None

    def expected(self) -> Any:
        """The record that must come out."""
        path = self.expect_file
        return read_json(path) if path is not None else self.expect


def mapping_of(path: Path) -> Path:
    """The mapping file that a test file is about: order.to_canonical.test.yaml is about order.to_canonical.yaml."""
    stem = path.name.partition(".test.")[0]
    for ending in (".yaml", ".yml", ".json"):
        found = path.with_name(stem + ending)
        if found.is_file():
            return found
    raise ConfigError(
        f"There is no mapping {stem}.yaml beside this test.", where=str(path), fix="Name the test after its mapping."
    )


def tests_of(mapping: Path) -> Path | None:
    """The test file beside a mapping, if there is one."""
    stem = mapping.name.rsplit(".", 1)[0]
    return next((found for ending in ENDINGS if (found := mapping.with_name(stem + ending)).is_file()), None)


def find_tests(paths: list[Path]) -> list[Path]:
    """All test files in these folders; a mapping stands for the tests beside it."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += sorted(p for ending in ENDINGS for p in path.rglob(f"*{ending}"))
        elif path.name.endswith(ENDINGS):
            found.append(path)
        elif path.is_file():
            beside = tests_of(path)
            if beside is None:
                raise ConfigError(
                    "This mapping has no tests.", where=str(path), fix=f"Write {path.name.rsplit('.', 1)[0]}.test.yaml."
                )
            found.append(beside)
        else:
            raise ConfigError("There is no such file or folder.", where=str(path), fix="Check the path.")
    return list(dict.fromkeys(found))


def _root(path: Path) -> Node:
    try:
        root = read(path.read_text(encoding="utf-8"), str(path))
    except MappingInvalid as error:
        raise ConfigError(error.message, where=error.where, fix=error.fix) from None
    except UnicodeDecodeError:
        raise ConfigError("The file is not UTF-8.", where=str(path), fix="Save it again as UTF-8.") from None
    except OSError as error:
        raise ConfigError(f"The file cannot be read: {error.strerror}.", where=str(path)) from None
    if not isinstance(root.value, dict):
        raise ConfigError("A test file has `cases:`, a list.", where=f"{path}:1", fix="Begin with: cases:")
    for key in root.value:
        if key not in FILE_KEYS:
            raise ConfigError(
                f"A test file has no {key!r}.", where=f"{path}:{root.keys[key][0]}", fix=did_you_mean(key, FILE_KEYS)
            )
    return root


def read_cases(path: Path) -> list[Case]:
    """The cases of a test file; everything wrong with it is a ConfigError with its line."""
    listed = _root(path).value.get("cases")
    if listed is None or not isinstance(listed.value, list):
        raise ConfigError("A test file has `cases:`, a list.", where=f"{path}:1", fix="Begin with: cases:")
    cases = [_case(node, path) for node in listed.value]
    names = [case.name for case in cases]
    for case in cases:
        if names.count(case.name) > 1:
            raise ConfigError(
                f"Two cases are called {case.name!r}.", where=case.where, fix="Give each case its own name."
            )
    return cases


def notes_of(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What a test file says is left out on purpose: ``not_mapped`` and ``not_set``, {path: why}."""
    root = _root(path)
    found = []
    for name in ("not_mapped", "not_set"):
        node = root.value.get(name)
        data = plain_data(node) if node is not None else {}
        if not isinstance(data, dict) or not all(isinstance(why, str) for why in data.values()):
            raise ConfigError(f"`{name}` is written {{path: why}}.", where=f"{path}:{node.line if node else 1}")
        found.append(data)
    return found[0], found[1]


def plain_data(node: Node) -> Any:
    """The data of a document's node."""
    if isinstance(node.value, dict):
        return {key: plain_data(item) for key, item in node.value.items()}
    if isinstance(node.value, list):
        return [plain_data(item) for item in node.value]
    return node.value


def _case(node: Node, path: Path) -> Case:
    where = f"{path}:{node.line}"
    if not isinstance(node.value, dict):
        raise ConfigError("A case is an object with name, given and what must come out.", where=where)
    for key in node.value:
        if key not in KEYS:
            raise ConfigError(
                f"A case has no {key!r}.", where=f"{path}:{node.keys[key][0]}", fix=did_you_mean(key, KEYS)
            )
    data = plain_data(node)
    if not isinstance(data.get("name"), str) or "given" not in data:
        raise ConfigError("A case needs a name, and what is given.", where=where, fix="Add `name:` and `given:`.")
    if not any(key in data for key in _OUTCOMES):
        raise ConfigError(
            "The case says nothing about what must come out.", where=where, fix="Add expect, has, error or filtered."
        )
    links = data.get("links")
    for key, kind in (
        ("patch", dict),
        ("has", dict),
        ("error", dict),
        ("remove", list),
        ("meta", dict),
        ("lookups", dict),
    ):
        if key in data and not isinstance(data[key], kind):
            shape = "an object" if kind is dict else "a list"
            raise ConfigError(f"`{key}` must be {shape}.", where=f"{path}:{node.keys[key][0]}")
    if links is not None and links != "auto" and not isinstance(links, dict):
        raise ConfigError("`links` is {entity: {key: id}}, or auto.", where=f"{path}:{node.keys['links'][0]}")
    error = data.get("error")
    if error is not None:
        for key in error:
            if key not in ("code", "at", "message"):
                raise ConfigError(f"`error` has no {key!r}.", where=where, fix="It has code, at and message.")
    return Case(
        data["name"], path, node.line, data["given"], data.get("patch", {}), tuple(data.get("remove", ())),
        data.get("expect"), data.get("has", {}), error, data.get("filtered", False),
        links if isinstance(links, dict) else None, links == "auto", data.get("lookups", {}), data.get("meta", {}),
        "expect" in data,
    )  # fmt: skip
