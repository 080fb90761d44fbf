"""What an expression of a connector's source may stand for: texts with their places, the keys of dictionaries, the members of lists.

Values are never exact and always on the safe side: both branches of a choice are taken, so a value holds everything that may be there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

_MOST_ELEMENTS = 60
_DEEPEST = 9


class Text(NamedTuple):
    """A text of the source, and where it stands.

    ``guarded``: used only after the system was asked whether it has it. ``chosen``: one of two, and which of them is not known here.
    """

    text: str
    file: str
    line: int
    column: int = 0
    guarded: bool = False
    chosen: bool = False


class Key(NamedTuple):
    """One entry of a dictionary: the places at which its name is written, and its value."""

    name: str
    places: frozenset[Text]
    value: Value


@dataclass(frozen=True, slots=True)
class Value:
    """What may be there.

    ``keys`` and ``rest`` are a dictionary's entries, under known and under unknown names. ``parts`` are the members of a list whose
    order is known, ``elements`` those of any other. ``objects`` are functions, instances, modules, answers of the system.
    ``open`` means that anything else may be there too.
    """

    texts: frozenset[Text] = frozenset()
    keys: tuple[Key, ...] = ()
    rest: Value | None = None
    parts: tuple[Value, ...] | None = None
    elements: tuple[Value, ...] = ()
    objects: frozenset[Any] = frozenset()
    open: bool = False
    _hash: int = field(default=0, init=False, compare=False)

    def __hash__(self) -> int:
        if not self._hash:
            made = hash((self.texts, self.keys, self.rest, self.parts, self.elements, self.objects, self.open))
            object.__setattr__(self, "_hash", made or 1)
        return self._hash

    @property
    def is_mapping(self) -> bool:
        """Is it surely written as a dictionary?"""
        return bool(self.keys) or self.rest is not None

    def key(self, name: str) -> Key | None:
        """The entry with this name."""
        return next((one for one in self.keys if one.name == name), None)

    def members(self) -> tuple[Value, ...]:
        """What iterating gives, each member apart. A dictionary gives its names."""
        found = [*(self.parts or ()), *self.elements, *(Value(texts=key.places) for key in self.keys)]
        answers = frozenset(one for one in self.objects if hasattr(one, "child"))
        if answers:
            found.append(Value(objects=answers))
        if self.open or self.rest is not None or not found:
            found.append(UNKNOWN)
        return tuple(dict.fromkeys(found))

    def values(self) -> Value:
        """What a dictionary holds, under any name."""
        held = [key.value for key in self.keys]
        if self.rest is not None:
            held.append(self.rest)
        held += [one.below() for one in self.objects if hasattr(one, "below")]
        return join([*held, *self.elements, *([UNKNOWN] if self.open else [])])


NOTHING = Value()
UNKNOWN = Value(open=True)


def text(said: str, file: str, line: int, column: int) -> Value:
    """A text literal."""
    return Value(texts=frozenset({Text(said, file, line, column)}))


def mapping(entries: Iterable[tuple[Text, Value]]) -> Value:
    """A dictionary with these entries."""
    made: dict[str, Key] = {}
    for place, value in entries:
        known = made.get(place.text)
        made[place.text] = (
            Key(place.text, frozenset({place}), value)
            if known is None
            else Key(place.text, known.places | {place}, join([known.value, value]))
        )
    return Value(keys=tuple(sorted(made.values(), key=lambda key: key.name)))


def join(values: Iterable[Value]) -> Value:
    """Everything that any of the values may be."""
    distinct = [value for value in dict.fromkeys(values) if value is not NOTHING and value != NOTHING]
    if len(distinct) < 2:
        return distinct[0] if distinct else NOTHING
    return _shallow(
        Value(
            texts=frozenset().union(*(value.texts for value in distinct)),
            keys=_joined_keys(distinct),
            rest=_joined([value.rest for value in distinct if value.rest is not None]),
            objects=frozenset().union(*(value.objects for value in distinct)),
            open=any(value.open for value in distinct),
            **_joined_members(distinct),
        )
    )


def guarded(value: Value) -> Value:
    """The same, marked as used only after asking whether the system has it."""
    return replace(
        value,
        texts=frozenset(one._replace(guarded=True) for one in value.texts),
        keys=tuple(
            Key(key.name, frozenset(one._replace(guarded=True) for one in key.places), guarded(key.value))
            for key in value.keys
        ),
        parts=None if value.parts is None else tuple(guarded(part) for part in value.parts),
        elements=tuple(guarded(element) for element in value.elements),
    )


def _joined(values: list[Value]) -> Value | None:
    return join(values) if values else None


def _joined_keys(values: list[Value]) -> tuple[Key, ...]:
    made: dict[str, Key] = {}
    for value in values:
        for key in value.keys:
            known = made.get(key.name)
            made[key.name] = (
                key if known is None else Key(key.name, known.places | key.places, join([known.value, key.value]))
            )
    return tuple(made[name] for name in sorted(made))


def _joined_members(values: list[Value]) -> dict[str, Any]:
    ordered = [value.parts for value in values if value.parts is not None]
    loose = [element for value in values for element in value.elements]
    lengths = {len(parts) for parts in ordered}
    if len(lengths) == 1 and not loose:
        return {"parts": tuple(join(column) for column in zip(*ordered, strict=True))}
    distinct = tuple(dict.fromkeys([*loose, *(part for parts in ordered for part in parts)]))
    if len(distinct) > _MOST_ELEMENTS:
        distinct = (join(distinct),)
    return {"elements": distinct} if ordered or loose else {}


def _shallow(value: Value, depth: int = 0) -> Value:
    """The value with nothing below a certain depth, so that a value that holds itself comes to an end."""
    if depth > _DEEPEST:
        return UNKNOWN
    if not (value.keys or value.rest or value.parts or value.elements):
        return value
    return replace(
        value,
        keys=tuple(Key(key.name, key.places, _shallow(key.value, depth + 1)) for key in value.keys),
        rest=None if value.rest is None else _shallow(value.rest, depth + 1),
        parts=None if value.parts is None else tuple(_shallow(part, depth + 1) for part in value.parts),
        elements=tuple(_shallow(element, depth + 1) for element in value.elements),
    )


def walk(value: Value) -> Iterator[Value]:
    """The value and everything in it."""
    yield value
    inner = [key.value for key in value.keys] + list(value.parts or ()) + list(value.elements)
    for one in [*inner, *([value.rest] if value.rest is not None else [])]:
        yield from walk(one)
