"""Odoo's search domains: conditions in Polish notation, compiled to a function of a row."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from connectors.odoo.simulator.errors import value_error

if TYPE_CHECKING:
    from connectors.odoo.simulator.orm import Field, Model, Row

FORMAT = "%Y-%m-%d %H:%M:%S"


def mentions(domain: list[Any], name: str) -> bool:
    """Does the domain have a condition on this field?"""
    return any(isinstance(term, (list, tuple)) and term[0] == name for term in domain)


def compiled(model: Model, domain: list[Any]) -> Callable[[Row], bool]:
    """A domain in Polish notation as a function of a row."""
    stack: list[Callable[[Row], bool]] = []
    for term in reversed(domain):
        if term == "!":
            stack.append(_inverse(stack.pop()))
        elif term in ("&", "|"):
            stack.append(_joined(stack.pop(), stack.pop(), term))
        else:
            stack.append(_condition(model, *term))
    return lambda row: all(condition(row) for condition in stack)


def _inverse(inner: Callable[[Row], bool]) -> Callable[[Row], bool]:
    return lambda row: not inner(row)


def _joined(left: Callable[[Row], bool], right: Callable[[Row], bool], how: str) -> Callable[[Row], bool]:
    if how == "&":
        return lambda row: left(row) and right(row)
    return lambda row: left(row) or right(row)


_OPERATORS = {
    "=",
    "!=",
    ">",
    ">=",
    "<",
    "<=",
    "in",
    "not in",
    "like",
    "ilike",
    "not like",
    "not ilike",
    "=like",
    "=ilike",
    "child_of",
}


def _condition(model: Model, path: str, operator: str, value: Any) -> Callable[[Row], bool]:
    if operator not in _OPERATORS:
        raise value_error(f"Invalid operator in condition ({path!r}, {operator!r}, {value!r})")
    first, _, rest = path.partition(".")
    field = model.known.get(first)
    if field is None:
        raise value_error(
            f"Invalid field {model.name}.{first} in condition ({path!r}, {operator!r}, {_plain(value)!r})"
        )
    if rest:
        target = model.env[field.relation]
        inner = _condition(target, rest, operator, value)

        def through(row: Row) -> bool:
            linked = model.value(row, first)
            ids = linked if isinstance(linked, list) else [linked] if linked else []
            return any(inner(target.rows[id_]) for id_ in ids if id_ in target.rows)

        return through
    test = _test(field, operator, value, model)
    return lambda row: test(model.value(row, first))


def _test(field: Field, operator: str, value: Any, model: Model) -> Callable[[Any], bool]:
    if operator in ("in", "not in"):
        wanted = [_comparable(field, one) for one in (value if isinstance(value, (list, tuple)) else [value])]
        inside = operator == "in"
        return lambda got: any(_equal(got, one) for one in wanted) == inside
    if "like" in operator:
        return _likeness(operator, str(value), field, model)
    wanted_one = _comparable(field, value)
    match operator:
        case "=":
            return lambda got: _equal(got, wanted_one)
        case "!=":
            return lambda got: not _equal(got, wanted_one)
        case "child_of":
            return lambda got: _equal(got, wanted_one)
    return lambda got: _compare(got, operator, wanted_one)


def _comparable(field: Field, value: Any) -> Any:
    if field.type == "datetime" and isinstance(value, str):
        return datetime.strptime(value, FORMAT).replace(tzinfo=UTC)
    if (
        field.type in ("float", "integer", "monetary", "many2one")
        and isinstance(value, (int, float))
        and not isinstance(value, bool)
    ):
        return Decimal(str(value))
    return value


def _second(value: Any) -> Any:
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def _equal(got: Any, wanted: Any) -> bool:
    if isinstance(got, list):
        return wanted in got or (not wanted and not got)
    if wanted is None or wanted is False:
        return got is None or got is False or got == ""
    if isinstance(got, bool) and not isinstance(wanted, bool):
        return False
    return bool(_second(got) == _second(wanted))


def _compare(got: Any, operator: str, wanted: Any) -> bool:
    """Times are compared by whole seconds: stored 02:17:06.77 is not later than 02:17:06, as observed at Odoo 18 and 19."""
    if got is None or got is False:
        return False
    left, right = _second(got), _second(wanted)
    if operator == ">":
        return bool(left > right)
    if operator == ">=":
        return bool(left >= right)
    return bool(left < right) if operator == "<" else bool(left <= right)


def _likeness(operator: str, pattern: str, field: Field, model: Model) -> Callable[[Any], bool]:
    negative = operator.startswith("not ")
    kind = operator.removeprefix("not ")
    text = pattern if kind.startswith("=") else f"%{pattern}%"
    regex = "".join(".*" if c == "%" else "." if c == "_" else re.escape(c) for c in text)
    matcher = re.compile(regex, re.IGNORECASE | re.DOTALL if "ilike" in kind else re.DOTALL)

    def likes(got: Any) -> bool:
        if field.type == "many2one" and got:
            target = model.env[field.relation]
            got = target.shown_as(target.rows[got])
        return bool(got) and (matcher.fullmatch(str(got)) is not None)

    return (lambda got: not likes(got)) if negative else likes


def _plain(value: Any) -> Any:
    return int(value) if isinstance(value, Decimal) and value == value.to_integral_value() else value
