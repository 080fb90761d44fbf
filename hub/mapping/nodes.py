"""The expressions of a mapping as a small tree. There is no attribute access in it: ``a.b`` and ``a['b']`` are both
:class:`Access`, which reads a key of an object or a place of a list, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Expr:
    """Any expression."""


@dataclass(frozen=True, slots=True)
class Const(Expr):
    """A literal."""

    value: Any


@dataclass(frozen=True, slots=True)
class Name(Expr):
    """A value by its name: src, meta, a let, a loop variable, a parameter."""

    name: str


@dataclass(frozen=True, slots=True)
class Loop(Expr):
    """What `loop` knows inside $for: index, index0, first, last, length."""

    what: str


@dataclass(frozen=True, slots=True)
class Access(Expr):
    """A field of an object or an item of a list or text. ``key`` is a Const where it is known beforehand."""

    base: Expr
    key: Expr


@dataclass(frozen=True, slots=True)
class Slice(Expr):
    """A part of a list or a text."""

    base: Expr
    start: Expr | None
    stop: Expr | None


@dataclass(frozen=True, slots=True)
class FilterCall(Expr):
    """A filter of the registry over ``base``."""

    name: str
    base: Expr
    args: tuple[Expr, ...]
    named: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Default(Expr):
    """``base`` when it is there, else ``other``; with ``empty`` also when it is null, "", 0, false or empty."""

    base: Expr
    other: Expr
    empty: bool


@dataclass(frozen=True, slots=True)
class Defined(Expr):
    """Is there a value?"""

    base: Expr


@dataclass(frozen=True, slots=True)
class Is(Expr):
    """A test such as `is none`."""

    name: str
    base: Expr
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Cond(Expr):
    """``then if test else other``; without ``other`` the field is left out."""

    test: Expr
    then: Expr
    other: Expr | None


@dataclass(frozen=True, slots=True)
class Binary(Expr):
    """Arithmetic: + - * / // %."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Unary(Expr):
    """``not``, ``-`` or ``+``."""

    op: str
    base: Expr


@dataclass(frozen=True, slots=True)
class Logic(Expr):
    """``and`` or ``or``."""

    op: str
    left: Expr
    right: Expr


@dataclass(frozen=True, slots=True)
class Compare(Expr):
    """One comparison or a chain of them."""

    first: Expr
    rest: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class Concat(Expr):
    """Text made of parts: ``a ~ b``, or text around expressions."""

    parts: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class ListOf(Expr):
    """A list literal."""

    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class DictOf(Expr):
    """An object literal."""

    items: tuple[tuple[Expr, Expr], ...]


@dataclass(frozen=True, slots=True)
class MethodCall(Expr):
    """One of the few methods that are allowed, such as ``.startswith('A')``."""

    name: str
    base: Expr
    args: tuple[Expr, ...]


def children(expr: Expr) -> Iterator[Expr]:
    """The expressions directly inside ``expr``."""
    slots: tuple[str, ...] = type(expr).__slots__
    for slot in slots:
        yield from _inside(getattr(expr, slot))


def _inside(value: Any) -> Iterator[Expr]:
    if isinstance(value, Expr):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _inside(item)


def walk(expr: Expr) -> Iterator[Expr]:
    """``expr`` and everything in it."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def path(expr: Expr) -> tuple[str, tuple[str | int, ...]] | None:
    """The name and the steps of a plain path such as ``src.customer.email``, or none."""
    steps: list[str | int] = []
    while isinstance(expr, Access) and isinstance(expr.key, Const):
        steps.append(expr.key.value)
        expr = expr.base
    return (expr.name, tuple(reversed(steps))) if isinstance(expr, Name) else None
