"""What every filter is made of: its entry in the registry, its strict arguments, and errors that show no personal data."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact
from typing import Any, Final, NamedTuple, TypeVar

from hub.errors import MappingError

MAX_TEXT: Final = 1_000_000
"""The longest text, in characters, that a filter may make."""
MAX_DIGITS: Final = 38
"""The most digits of a number, before and after the point together; canonical numbers have the same limit."""
PLAIN_NUMBER: Final = re.compile(r"-?[0-9]{1,38}(\.[0-9]{1,38})?")
"""What may be read as a number: no Arabic digits, underscores, exponents, NaN or thousands separators."""
_CEILING: Final = 10**MAX_DIGITS
EXACT: Final = Context(prec=120, traps=[Inexact])
"""Arithmetic that never rounds in silence."""


class Absent:
    """The type of :data:`ABSENT`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<absent>"


ABSENT: Final = Absent()
"""What `first`, `last` and `pick` give when there is nothing: treated like a missing field, so `default(...)` can follow."""


class Example(NamedTuple):
    """One use of a filter. The tests run ``expression`` over ``source`` and compare with ``result``."""

    expression: str
    source: Mapping[str, Any]
    result: Any


@dataclass(frozen=True, slots=True)
class Filter:
    """One entry of the registry.

    ``refused`` are examples whose result is the code of the error.
    ``may_be_absent`` says that ``function`` can return :data:`ABSENT`.
    """

    name: str
    function: Callable[..., Any]
    doc: str
    group: str
    examples: tuple[Example, ...]
    refused: tuple[Example, ...] = ()
    may_be_absent: bool = False


FILTERS: dict[str, Filter] = {}
"""Every filter of the mapping language by name."""

F = TypeVar("F", bound=Callable[..., Any])
Case = tuple[str, Mapping[str, Any], Any]


def filter_(
    name: str, group: str, *examples: Case, refused: tuple[Case, ...] = (), may_be_absent: bool = False
) -> Callable[[F], F]:
    """Enter a function in the registry under ``name``, with the examples that document and test it."""

    def enter(function: F) -> F:
        doc = " ".join((function.__doc__ or "").split())
        shown = tuple(Example(*case) for case in examples)
        FILTERS[name] = Filter(
            name, function, doc, group, shown, tuple(Example(*case) for case in refused), may_be_absent
        )
        return function

    return enter


_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")


def masked(value: Any) -> str:
    """What a value looks like, without what it says: its type, and for text its shape ("19,90" is shown as 99,99)."""
    if value is None:
        return "null"
    if value is ABSENT:
        return "nothing"
    if isinstance(value, bool):
        return f"the boolean {str(value).lower()}"
    if isinstance(value, (int, Decimal)):
        return "a number"
    if isinstance(value, float):
        return "a binary float"
    if isinstance(value, str):
        if not value:
            return "an empty text"
        if not value.isascii() and any(char.isdigit() and not char.isascii() for char in value):
            return "a text with digits that are not 0-9"
        shape = _DIGIT.sub("9", _LETTER.sub("x", value[:24])).encode("ascii", "replace").decode()
        shape = re.sub(r"[\x00-\x1f\x7f]", "?", shape)
        return f"a text like {shape!r}{' ...' if len(value) > 24 else ''}"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object of {len(value)} fields"
    return f"a {type(value).__name__}"


def wrong(message: str, fix: str = "", *, code: str = "MAP-TYPE") -> MappingError:
    """A mapping error to raise; the engine adds the place."""
    return MappingError(message, code=code, fix=fix)


def need_text(value: Any, name: str) -> str:
    """The value if it is text; otherwise an error that says what it is instead."""
    if isinstance(value, str):
        return value
    fix = "Write `| string` before it." if isinstance(value, (int, Decimal)) and not isinstance(value, bool) else ""
    if value is None:
        fix = "Say what null becomes first: `| if_null('...')`, or use $optional."
    raise wrong(f"`{name}` needs text, but got {masked(value)}.", fix)


def need_list(value: Any, name: str) -> list[Any]:
    """The value if it is a list; otherwise an error that says what it is instead."""
    if isinstance(value, list):
        return value
    fix = "Say what null becomes first: `| if_null([])`." if value is None else ""
    raise wrong(f"`{name}` needs a list, but got {masked(value)}.", fix)


def bounded(text: str, name: str) -> str:
    """The text if it is not too long."""
    if len(text) > MAX_TEXT:
        raise wrong(
            f"`{name}` would make a text of {len(text):,} characters; the limit is {MAX_TEXT:,}.", code="MAP-LIMIT"
        )
    return text


def need_count(value: Any, name: str, least: int = 0, most: int = MAX_TEXT) -> int:
    """An argument that is a whole number within limits."""
    if isinstance(value, Decimal) and value.is_finite() and value == value.to_integral_value():
        value = int(value) if abs(value.adjusted()) < MAX_DIGITS else most + 1
    if isinstance(value, bool) or not isinstance(value, int):
        raise wrong(f"`{name}` needs a whole number as its argument, but got {masked(value)}.")
    if not least <= value <= most:
        raise wrong(f"The argument of `{name}` must be between {least} and {most}.", code="MAP-LIMIT")
    return value


def exact(value: Any, name: str) -> Decimal:
    """The value as an exact decimal number: from a number, or from text that is a plain number and nothing else."""
    kind = value.__class__
    if isinstance(value, str):
        if PLAIN_NUMBER.fullmatch(value):
            return Decimal(value)
        fix = "Remove what is not part of the number, for example `| replace(',', '.')`."
        raise wrong(f"`{name}` needs a plain number such as 12 or -3.50, but got {masked(value)}.", fix)
    if kind is int:
        if -_CEILING < value < _CEILING:
            return Decimal(value)
        raise wrong(f"`{name}` got a whole number of more than {MAX_DIGITS} digits.", "Ids are text, not numbers.")
    if isinstance(value, Decimal):
        if value.is_finite() and abs(value.adjusted()) <= MAX_DIGITS and len(value.as_tuple().digits) <= 2 * MAX_DIGITS:
            return value
        raise wrong(f"`{name}` got a number that is not finite, or of more than {MAX_DIGITS} digits.")
    if kind is float:
        raise wrong(
            f"`{name}` got a binary float, which has hidden digits.", "Read the JSON with exact decimals, or send text."
        )
    if value is None:
        raise wrong(
            f"`{name}` needs a number, but got null.", "Say what null becomes first: `| if_null(0)`, or use $optional."
        )
    raise wrong(f"`{name}` needs a number, but got {masked(value)}.")
