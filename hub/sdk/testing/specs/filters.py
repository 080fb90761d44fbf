"""The names in OData's query options: ``$filter``, ``$orderby``, ``$select`` and ``$expand``, of any version of OData."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

_LITERAL = re.compile(r"'(?:[^']|'')*'|\{[^{}]*\}")
_NAME = re.compile(r"(?<![\w'@$.])[A-Za-z_]\w*(?:[./][A-Za-z_$]\w*)*")
_DATE = re.compile(r"(?<![\w/])-?\d[\w:.+\-]*")
_VARIABLE = re.compile(r"([A-Za-z_]\w*)\s*:")
_WORDS = frozenset(
    [
        "and",
        "or",
        "not",
        "eq",
        "ne",
        "gt",
        "ge",
        "lt",
        "le",
        "in",
        "has",
        "add",
        "sub",
        "mul",
        "div",
        "divby",
        "mod",
        "null",
        "true",
        "false",
        "asc",
        "desc",
        "INF",
        "NaN",
    ]
)


def names_in(option: str, value: Any) -> Iterator[str]:
    """The paths, such as ``Lines/Sku``, that an option names. Functions, literals and ``{placeholders}`` are none."""
    if not isinstance(value, str):
        return
    match option:
        case "$filter":
            yield from _in_expression(value)
        case "$orderby":
            for part in value.split(","):
                yield from _in_expression(part)
        case "$select":
            yield from (part.strip() for part in value.split(",") if part.strip() not in ("", "*") and "{" not in part)
        case "$expand":
            yield from _in_expand(value)


def _in_expression(text: str) -> Iterator[str]:
    bare = _DATE.sub("0", _LITERAL.sub("''", text))
    variables = set(_VARIABLE.findall(bare))
    for found in _NAME.finditer(bare):
        path, after = found[0], bare[found.end() :].lstrip()[:1]
        first = path.partition("/")[0]
        if path in _WORDS or "." in first or after == "'" or first in variables:
            continue
        if after == "(":  # a function; of a collection's any and all, what stands before it is a path
            path = path.rpartition("/")[0]
        if after == ":" or not path:
            continue
        yield path.removesuffix("/$count")


def _in_expand(text: str) -> Iterator[str]:
    """``Lines($select=Sku;$expand=Taxes),Customer``"""
    for part in _split(text, ","):
        name, _, options = part.strip().partition("(")
        name = name.removesuffix("/$ref").removesuffix("/$count")
        if not name or name == "*" or "{" in name:
            continue
        yield name
        for option in _split(options.removesuffix(")"), ";"):
            key, _, value = option.strip().partition("=")
            yield from (f"{name}/{path}" for path in names_in(key, value))


def _split(text: str, mark: str) -> list[str]:
    """The text in parts, not divided inside parentheses."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == mark and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return parts
