"""The helpers that the generated function may call, and nothing else: its namespace holds no builtins."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from hub.mapping import limits
from hub.mapping.filters import FILTERS
from hub.mapping.filters.base import ABSENT
from hub.mapping.methods import Method
from hub.mapping.runtime import (
    LEFT,
    Links,
    add,
    case,
    column_of,
    divide,
    identity,
    joined,
    multiply,
    negative,
    positive,
    refuse,
    remainder,
    size,
    subtract,
    text,
    too_long,
    whole_divide,
)  # fmt: skip

_IDS = 10**20


class Deviation(Exception):
    """The record does not fit the fast form; the checked form will say why, or do it."""


class Run:
    """What one run learns about links."""

    __slots__ = ("links", "missing", "used")

    def __init__(self, links: Links) -> None:
        self.links = links
        self.used: list[tuple[str, str, bool, str]] = []
        self.missing: dict[tuple[str, str, bool], None] = {}


def stop() -> NoReturn:
    """Leaves the fast form."""
    raise Deviation


def missing() -> NoReturn:
    """Leaves the fast form because nothing is there; $optional and $first around it go on."""
    raise LookupError


def too_much() -> NoReturn:
    """The run would cost more than its budget."""
    raise refuse(
        "The mapping does too much work for one record.", "Use fewer loops inside loops, or shorter texts.", "MAP-LIMIT"
    )


def there(value: Any) -> Any:
    """The value of the whole output, which cannot be left out."""
    return stop() if value is LEFT else value


def present(value: Any) -> Any:
    """What a filter found; nothing counts as a missing field."""
    return missing() if value is ABSENT else value


def walk(value: Any, *steps: str | int) -> Any:
    """The value at the end of a path, or ABSENT where a step is missing or leads into null."""
    for step in steps:
        kind = value.__class__
        if kind is dict and step.__class__ is str:
            value = value.get(step, ABSENT)
            if value is ABSENT:
                return ABSENT
        elif value is None:
            return ABSENT
        elif (kind is list or kind is str) and step.__class__ is int:
            if not -len(value) <= step < len(value):
                return ABSENT
            value = value[step]
        else:
            raise Deviation
    return value


def part_of(base: Any, start: Any, stop_: Any) -> Any:
    """A part of a text or a list."""
    return base[start:stop_] if base.__class__ in (str, list) else stop()


def string(value: Any) -> str:
    """Text of a number, an id mostly."""
    if value.__class__ is int and -_IDS < value < _IDS:
        return str(value)
    return text(value)


def kept(items: list[Any]) -> list[Any]:
    """The items that are not left out."""
    return [value for value in items if value is not LEFT]


def empty(value: Any) -> bool:
    """Is this null, absent, left out, or an empty text, list or object? Called for what is false only."""
    return value is None or value is ABSENT or value is LEFT or value.__class__ in (str, list, dict)


def merge(*parts: Any) -> Any:
    """Objects laid over each other, or lists put behind each other."""
    made: Any = LEFT
    length = 0
    for part in parts:
        if part is LEFT:
            continue
        if made is LEFT and part.__class__ in (list, dict):
            made = part.copy()
        elif made.__class__ is list and part.__class__ is list:
            made += part
        elif made.__class__ is dict and part.__class__ is dict:
            made |= part
        else:
            raise Deviation
        length += len(part)
        if length > limits.TEXT:
            too_much()
    return made


def name(value: Any) -> Any:
    """The name of a field in an object literal."""
    return value if value.__class__ is str else stop()


def link(run: Run, entity: str, key: Any, natural: bool, optional: bool) -> Any:
    """The id of another record on the other side."""
    key = key if key.__class__ is str and key else identity(key, "$link")
    answer = run.links.resolve(entity, key, natural)
    if answer is None:
        if not optional:
            run.missing[(entity, key, natural)] = None
        return LEFT if optional else None
    run.used.append((entity, key, natural, answer))
    return answer


def grown(work: int, value: Any) -> int:
    """The cost after making a value that is used again, or a long text."""
    if value.__class__ is str and len(value) > limits.TEXT:
        too_long()
    work += size(value) + 1
    return work if work <= limits.WORK else too_much()


def heavy(work: int, rounds: int, *repeated: Any) -> int:
    """The cost with the values that so many rounds of a loop repeat; ``repeated`` are values and the paths into them."""
    for value, steps in zip(repeated[::2], repeated[1::2], strict=True):
        work += rounds * size_at(value, steps)
    return work if work <= limits.WORK else too_much()


def size_at(value: Any, steps: tuple[str | int, ...]) -> int:
    """The size of what is at the end of a path, if it is there."""
    for step in steps:
        try:
            value = value[step]
        except (LookupError, TypeError):
            return 0
    return size(value)


def finder(table: Any, column: str, own: bool, note: Callable[[str, Any], None]) -> Callable[..., Any]:
    """The function that looks something up in one table; ``own``: the table's own default applies."""
    find, default = table.find, table.default if own and table.has_default else ABSENT

    def lookup(*keys: Any) -> Any:
        if None in keys or ABSENT in keys:
            return default
        row = find(*keys)
        if row is None:
            note(table.name, keys)
            return default
        return column_of(row, column)

    return lookup


def method_caller(method: Method) -> Callable[..., Any]:
    """A method that takes only values of its type."""
    kind, function = method.type, method.function

    def call(base: Any, *args: Any) -> Any:
        return function(base, *args) if base.__class__ is kind else stop()

    return call


INLINE: dict[str, tuple[Any, str]] = {
    name: (FILTERS[name].function, code)
    for name, code in {
        "upper": "_upper",
        "lower": "_lower",
        "trim": "_strip",
        "string": "_string",
        "text": "_string",
    }.items()
    if name in FILTERS
}
"""Filters for which the fast form calls something quicker that does the same with every value that fits."""

HELPERS: dict[str, Any] = {
    "_LEFT": LEFT, "_ABSENT": ABSENT, "_LookupError": LookupError,
    "_len": len, "_type": type, "_str": str, "_list": list, "_dict": dict, "_enumerate": enumerate,
    "_get": dict.get, "_items": dict.items, "_push": list.append, "_upper": str.upper, "_lower": str.lower, "_strip": str.strip,
    "_add": add, "_subtract": subtract, "_multiply": multiply, "_divide": divide, "_whole_divide": whole_divide,
    "_remainder": remainder, "_negative": negative, "_positive": positive, "_text": text, "_string": string, "_joined": joined,
    "_case": case,
    "_identity": identity, "_stop": stop, "_missing": missing, "_too_much": too_much,
    "_there": there, "_present": present, "_walk": walk, "_slice": part_of, "_kept": kept,
    "_empty": empty, "_merge": merge, "_name": name, "_link": link, "_grown": grown, "_heavy": heavy, "_replace": str.replace,
}  # fmt: skip
"""The namespace of every generated function."""
