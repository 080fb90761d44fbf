"""``$filter`` of OData v4 as far as the Example ERP knows it: comparisons, ``and``, ``or``, ``not`` and parentheses.

Grammar: ``Blocked eq false and (ItemNo eq 'O''Brien' or ModifiedAt ge 2026-01-31T08:00:00Z)``. Literals are texts in single quotes,
numbers, times with an offset, true, false and null. Everything else is refused, as an OData service refuses it.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Test = Callable[[Row], bool]

_TOKEN = re.compile(
    r"\s*(?:(?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))|(?P<number>-?\d+(?:\.\d+)?)"
    r"|'(?P<text>(?:[^']|'')*)'|(?P<name>[A-Za-z_]\w*)|(?P<mark>[()]))"
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq, "ne": operator.ne, "gt": operator.gt, "ge": operator.ge, "lt": operator.lt, "le": operator.le,
}  # fmt: skip
_WORDS = {"true": True, "false": False, "null": None}


class NoFilter(ValueError):
    """A filter that the service does not understand."""


def filter_of(text: str, properties: frozenset[str]) -> Test:
    """The test that a filter describes, over rows with these ``properties``. Raises `NoFilter`."""
    reader = _Reader(_tokens(text), properties)
    test = reader.either()
    if reader.left:
        raise NoFilter(f"{reader.left[0][1]!r} is not expected")
    return test


def _tokens(text: str) -> list[tuple[str, str]]:
    found, at = [], 0
    text = text.rstrip()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            raise NoFilter(f"syntax error at position {at}")
        kind = str(token.lastgroup)
        found.append((kind, token[kind]))
        at = token.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], properties: frozenset[str]) -> None:
        self.left = tokens
        self._properties = properties

    def either(self) -> Test:
        tests = [self._both()]
        while self._next_is("or"):
            tests.append(self._both())
        return lambda row: any(test(row) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._next_is("and"):
            tests.append(self._one())
        return lambda row: all(test(row) for test in tests)

    def _one(self) -> Test:
        if self._next_is("not"):
            inner = self._one()
            return lambda row: not inner(row)
        if self._next_is("("):
            inner = self.either()
            if not self._next_is(")"):
                raise NoFilter("a parenthesis is not closed")
            return inner
        return self._comparison()

    def _comparison(self) -> Test:
        if len(self.left) < 3:
            raise NoFilter("a comparison is not complete")
        (kind, name), (_, sign), literal, *self.left = self.left
        if kind != "name" or name not in self._properties:
            raise NoFilter(f"could not find a property named {name!r}")
        if sign not in _COMPARE:
            raise NoFilter(f"{sign!r} is no comparison")
        compare, wanted = _COMPARE[sign], _literal(*literal)

        def test(row: Row) -> bool:
            value = row.get(name)
            if isinstance(wanted, datetime):
                value = datetime.fromisoformat(value) if isinstance(value, str) else None
            if value is None or wanted is None:  # null equals null, and is neither larger nor smaller than anything
                return sign in ("eq", "ne") and compare(value, wanted)
            return _type(value) == _type(wanted) and compare(value, wanted)

        return test

    def _next_is(self, word: str) -> bool:
        if self.left and self.left[0][1] == word and self.left[0][0] in ("name", "mark"):
            del self.left[0]
            return True
        return False


def _type(value: Any) -> str:
    number = isinstance(value, (int, Decimal)) and not isinstance(value, bool)
    return "number" if number else type(value).__name__


def _literal(kind: str, text: str) -> Any:
    if kind == "text":
        return text.replace("''", "'")
    if kind == "time":
        return datetime.fromisoformat(text)
    if kind == "number":
        return Decimal(text)
    if text in _WORDS:
        return _WORDS[text]
    raise NoFilter(f"{text!r} is no literal")
