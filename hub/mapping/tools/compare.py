"""The difference between the JSON that was expected and the JSON that came out, path by path."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from hub.mapping.tools.data import Step, one_line, show_path

Kind = Literal["changed", "missing", "extra"]


class Difference(NamedTuple):
    """One path at which two records differ. ``line`` is the mapping's line that makes the value, as file:line."""

    path: str
    kind: Kind
    expected: Any = None
    actual: Any = None
    line: str = ""

    def __str__(self) -> str:
        place = f"  ({self.line})" if self.line else ""
        if self.kind == "missing":
            return f"{self.path}: expected {one_line(self.expected, 80)}, but it is not there{place}"
        if self.kind == "extra":
            return f"{self.path}: not expected, but is {one_line(self.actual, 80)}{place}"
        return f"{self.path}: expected {one_line(self.expected, 80)}, but is {one_line(self.actual, 80)}{place}"


def same_leaf(left: Any, right: Any) -> bool:
    """Are two leaves the same JSON value? 1 and 1.00 are, "1" and 1 or true and 1 are not."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, (int, Decimal)) and isinstance(right, (int, Decimal)):
        return left == right
    return type(left) is type(right) and bool(left == right)


def compare(expected: Any, actual: Any) -> list[Difference]:
    """Every difference, in the order of the expected record."""
    return list(_compare(expected, actual, ()))


def _compare(expected: Any, actual: Any, path: tuple[Step, ...]) -> Iterator[Difference]:
    if isinstance(expected, dict) and isinstance(actual, dict):
        for key, item in expected.items():
            if key in actual:
                yield from _compare(item, actual[key], (*path, key))
            else:
                yield Difference(show_path((*path, key)), "missing", expected=item)
        for key in actual:
            if key not in expected:
                yield Difference(show_path((*path, key)), "extra", actual=actual[key])
    elif isinstance(expected, list) and isinstance(actual, list):
        for place, (left, right) in enumerate(zip(expected, actual, strict=False)):
            yield from _compare(left, right, (*path, place))
        for place in range(len(actual), len(expected)):
            yield Difference(show_path((*path, place)), "missing", expected=expected[place])
        for place in range(len(expected), len(actual)):
            yield Difference(show_path((*path, place)), "extra", actual=actual[place])
    elif not same_leaf(expected, actual):
        yield Difference(show_path(path) or "the whole", "changed", expected, actual)
