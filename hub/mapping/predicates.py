"""The tests that may follow ``is`` in an expression. `defined` and `undefined` are part of the language itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple


class Predicate(NamedTuple):
    """One test: how many arguments it takes, what it says, and the function that does it."""

    arguments: int
    doc: str
    function: Callable[..., bool]


def _number(value: Any) -> bool:
    return isinstance(value, (int, Decimal)) and not isinstance(value, bool)


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or value != value // 1:
        raise TypeError("a whole number is needed")
    return int(value)


PREDICATES: dict[str, Predicate] = {
    "none": Predicate(0, "is null", lambda value: value is None),
    "null": Predicate(0, "is null", lambda value: value is None),
    "string": Predicate(0, "is text", lambda value: isinstance(value, str)),
    "number": Predicate(0, "is a number", _number),
    "integer": Predicate(0, "is a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "boolean": Predicate(0, "is true or false", lambda value: isinstance(value, bool)),
    "true": Predicate(0, "is true", lambda value: value is True),
    "false": Predicate(0, "is false", lambda value: value is False),
    "mapping": Predicate(0, "is an object", lambda value: isinstance(value, dict)),
    "list": Predicate(0, "is a list", lambda value: isinstance(value, list)),
    "empty": Predicate(0, "is null, an empty text, an empty list or an empty object", lambda value: value is None or value in ("", [], {})),
    "even": Predicate(0, "is an even number", lambda value: _whole(value) % 2 == 0),
    "odd": Predicate(0, "is an odd number", lambda value: _whole(value) % 2 == 1),
    "divisibleby": Predicate(1, "can be divided without remainder", lambda value, by: _whole(value) % _whole(by) == 0),
    "in": Predicate(1, "is one of", lambda value, items: value in items),
    "eq": Predicate(1, "is equal to", lambda value, other: bool(value == other)),
    "ne": Predicate(1, "is not equal to", lambda value, other: bool(value != other)),
    "gt": Predicate(1, "is greater than", lambda value, other: bool(value > other)),
    "ge": Predicate(1, "is at least", lambda value, other: bool(value >= other)),
    "lt": Predicate(1, "is less than", lambda value, other: bool(value < other)),
    "le": Predicate(1, "is at most", lambda value, other: bool(value <= other)),
}  # fmt: skip
"""Every test by its name."""
