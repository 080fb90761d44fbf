"""What a description says of one request and of the data that goes to and fro: the common form of OpenAPI and OData metadata."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

from hub.sdk.testing.specs.values import Text

_HOLE = re.compile(r"'?\{[^{}]*\}'?")


class Shape:
    """A part of the data, by its description. Lists are passed over: a list's shape is that of its items.

    ``open``: anything may stand in it, besides its members. ``required``: the names without which it is refused.
    """

    def __init__(
        self,
        of: str,
        *,
        open: bool = False,  # noqa: A002
        deprecated: bool = False,
        writable: bool = True,
        values: Iterable[str] = (),
        required: Iterable[str] = (),
        members: Mapping[str, Shape] | None = None,
    ) -> None:
        self.of = of
        self.open = open
        self.deprecated = deprecated
        self.writable = writable
        self.values = tuple(values)
        self.required = frozenset(required)
        self._given = members or {}

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The names in it."""
        return self._given

    def child(self, name: str) -> Shape | None:
        """What stands under a name; none where nothing does."""
        found = self.members.get(name)
        return found if found is not None or not self.open else OPEN


OPEN = Shape("what is not described", open=True)
"""Data that the description does not describe."""


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One request that the description has.

    ``query`` and ``headers`` are the parameters by name (headers in small letters), ``required`` those of them that must be given.
    ``free`` = other query parameters are allowed where their names do not begin with ``$``. ``refusals`` are the shapes of errors by
    status, "4XX", "5XX" or "default". ``root`` is what stands before the part of the path that the description knows.
    """

    name: str
    query: Mapping[str, Shape] = field(default_factory=dict)
    headers: Mapping[str, Shape] = field(default_factory=dict)
    required: frozenset[str] = frozenset()
    free: bool = False
    body: Shape = OPEN
    form: Shape = OPEN
    answer: Shape = OPEN
    refusals: Mapping[str, Shape] = field(default_factory=dict)
    deprecated: bool = False
    root: str | None = None

    def refusal(self, status: int) -> Shape | None:
        """The shape of an error with this status; none where it is not described."""
        if 200 <= status < 300:
            return self.answer
        return next(
            (self.refusals[one] for one in (str(status), f"{status // 100}XX", "default") if one in self.refusals), None
        )


@dataclass(frozen=True, slots=True)
class Absent:
    """Why there is no such request: what to say, and the names that the description has instead of ``word``."""

    said: str
    known: tuple[str, ...] = ()
    word: str = ""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a stream's records that a mapping reads or writes: the names along the way to it, each with its place in the mapping.

    ``value`` is what a mapping always writes there, where that is fixed.
    """

    stream: str
    way: tuple[Text, ...]
    written: bool
    value: Any = None


class Api(Protocol):
    """What one description says of the requests of its system."""

    kind: str
    name: str

    def operation(self, method: str, path: str, base: str) -> Operation | Absent:
        """The operation behind a path as `plain` writes it; ``base`` is the part of the path that stands before all of them."""

    def event(self, topic: str) -> Shape | Absent | None:
        """What a webhook of this topic holds; none where the description has nothing to say of webhooks."""


def plain(path: str) -> str:
    """A path with ``{}`` for each placeholder, quotes around it left out: ``/Items('{id}')`` becomes ``/Items({})``."""
    return _HOLE.sub("{}", path)


def segments(path: str) -> list[str]:
    """The parts of a path."""
    return [part for part in path.split("/") if part]
