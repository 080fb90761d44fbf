"""What a mapping is after reading: a tree of what to build, with the place in the file of every part of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from hub.mapping.expression import Expr


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a file something stands, and where in the output it goes."""

    file: str
    line: int
    column: int
    target: str


@dataclass(frozen=True, slots=True)
class Part:
    """Anything that makes a value, or leaves it out."""

    place: Place


@dataclass(frozen=True, slots=True)
class Leaf(Part):
    """One value from one expression, or a literal."""

    expr: Expr
    text: str


@dataclass(frozen=True, slots=True)
class Object(Part):
    """An object with named fields."""

    fields: tuple[tuple[str, Part], ...]


@dataclass(frozen=True, slots=True)
class Array(Part):
    """A list with fixed items."""

    items: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class For(Part):
    """$for: one item for each of a list (one name) or of an object (two names); with ``key`` it makes an object."""

    names: tuple[str, ...]
    items: Expr
    where: Expr | None
    key: Expr | None
    each: Part


@dataclass(frozen=True, slots=True)
class If(Part):
    """$if / $then / $else."""

    test: Expr
    then: Part
    other: Part | None


@dataclass(frozen=True, slots=True)
class Match(Part):
    """$match: a branch by the value's text; ``null`` is the branch for null."""

    value: Expr
    branches: tuple[tuple[str, Part], ...]
    null: Part | None
    other: Part | None


@dataclass(frozen=True, slots=True)
class First(Part):
    """$first: the first that is there and not empty, else ``other``."""

    options: tuple[Part, ...]
    other: Part | None


@dataclass(frozen=True, slots=True)
class Optional(Part):
    """$optional: left out when what it reads is missing or the result is empty."""

    part: Part


@dataclass(frozen=True, slots=True)
class Lookup(Part):
    """$lookup: a value from a table."""

    table: str
    keys: tuple[Expr, ...]
    column: str
    other: Part | None
    optional: bool


@dataclass(frozen=True, slots=True)
class Link(Part):
    """$link: the id of another record on the other side."""

    entity: str
    key: Expr
    natural: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Merge(Part):
    """$merge: objects laid over each other, or lists put behind each other."""

    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Let(Part):
    """Names for values that ``part`` uses: the parameters of a fragment (``sealed``: it sees nothing else), or $let."""

    values: tuple[tuple[str, Part], ...]
    part: Part
    sealed: bool


@dataclass(frozen=True, slots=True)
class Error(Part):
    """$error: stops the mapping with this message, under a code of the reason registry."""

    message: Expr
    code: str = "MAP-ERROR"


@dataclass(frozen=True, slots=True)
class Omit(Part):
    """$omit: leaves the field out."""


@dataclass(frozen=True, slots=True)
class Program:
    """A whole mapping, ready to be compiled."""

    file: str
    when: Leaf | None
    key: Leaf | None
    let: tuple[tuple[str, Part], ...]
    output: Part
    files: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()


def parts(part: Part) -> Iterator[Part]:
    """The parts directly inside ``part``."""
    for slot in type(part).__slots__:
        yield from _inside(getattr(part, slot), Part)


def expressions(part: Part) -> Iterator[Expr]:
    """The expressions directly in ``part``, not those of the parts inside it."""
    for slot in type(part).__slots__:
        yield from _inside(getattr(part, slot), Expr)


def walk(part: Part) -> Iterator[Part]:
    """``part`` and every part inside it."""
    yield part
    for inner in parts(part):
        yield from walk(inner)


def _inside(value: Any, kind: type) -> Iterator[Any]:
    if isinstance(value, kind):
        yield value
    elif isinstance(value, tuple):
        for item in value:
            yield from _inside(item, kind)
