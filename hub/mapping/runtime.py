"""What both forms of a compiled mapping, the fast one and the checked one, do with values.

Every function takes plain JSON data and Decimals, and stops with a :class:`MappingError` on anything it does not mean.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, Decimal, DecimalException, Inexact, InvalidOperation, Overflow
from typing import Any, Final, Protocol

from hub.errors import MappingError
from hub.mapping import limits
from hub.mapping.filters.base import masked


class Left:
    """The type of :data:`LEFT`."""

    __slots__ = ()

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "<left out>"


LEFT: Final = Left()
"""The result of a part that leaves its field out."""

EXACT: Final = Context(prec=limits.DIGITS, traps=[InvalidOperation, Inexact, Overflow])
DIVIDE: Final = Context(prec=28, traps=[InvalidOperation, Overflow])
_CEILING: Final = 10**limits.DIGITS
_SMALL: Final = 10**18


class Links(Protocol):
    """Where the ids of records on the other side are known."""

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:
        """The id on the other side, or none when it is not known yet."""
        ...


def refuse(message: str, fix: str = "", code: str = "MAP-TYPE") -> MappingError:
    """The error for a value that does not fit; whoever knows the place adds it."""
    return MappingError(message, code=code, fix=fix)


def text(value: Any) -> str:
    """A value as part of a longer text."""
    kind = value.__class__
    if kind is str:
        return str(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int and -_CEILING < value < _CEILING:
        return str(value)
    if kind is Decimal and value.is_finite() and abs(value.adjusted()) <= limits.DIGITS:
        return format(value, "f")
    fix = "Say what null becomes first: `| default('', true)`, or use $optional." if value is None else ""
    raise refuse(f"Text cannot be made with {masked(value)} in it.", fix)


def _number(value: Any, op: str) -> int | Decimal:
    if value.__class__ is int or (value.__class__ is Decimal and value.is_finite()):
        return value
    raise _no_number(value, op)


def _whole(result: int, op: str) -> int:
    if -_CEILING < result < _CEILING:
        return result
    raise refuse(f"The result of `{op}` has more than {limits.DIGITS} digits.", code="MAP-LIMIT")


def _decimal(op: str, left: int | Decimal, right: int | Decimal) -> Decimal:
    act = {"/": DIVIDE.divide, "//": DIVIDE.divide_int, "%": DIVIDE.remainder}[op]
    try:
        return act(left, right)
    except (DecimalException, ValueError, OverflowError):
        raise refuse(
            f"The result of `{op}` is not a number of at most {limits.DIGITS} digits.", code="MAP-LIMIT"
        ) from None


def add(left: Any, right: Any) -> Any:
    """``left + right``: numbers are added exactly, texts and lists are put behind each other."""
    one, two = left.__class__, right.__class__
    if one is Decimal or one is int:
        if one is int and two is int and -_SMALL < left < _SMALL and -_SMALL < right < _SMALL:
            return left + right
        if two is Decimal or two is int:
            return _exactly(EXACT.add, left, right, "+")
    elif one is str and two is str:
        return left + right if len(left) + len(right) <= limits.TEXT else too_long()
    elif one is list and two is list:
        if len(left) + len(right) > limits.TEXT:
            raise refuse("The list would be too long.", code="MAP-LIMIT")
        return left + right
    if one is str or two is str:
        raise refuse(f"`+` cannot add {masked(left)} and {masked(right)}.", "To put text together write `~`.")
    raise _no_number(right if one is Decimal or one is int else left, "+")


def subtract(left: Any, right: Any) -> Any:
    """``left - right``, exact."""
    if left.__class__ is int and right.__class__ is int and -_SMALL < left < _SMALL and -_SMALL < right < _SMALL:
        return left - right
    return _exactly(EXACT.subtract, left, right, "-")


def multiply(left: Any, right: Any) -> Any:
    """``left * right``, exact; numbers only, so that no text or list can be multiplied."""
    if left.__class__ is int and right.__class__ is int and -_SMALL < left < _SMALL and -_SMALL < right < _SMALL:
        return left * right
    return _exactly(EXACT.multiply, left, right, "*")


def _exactly(act: Callable[[Any, Any], Decimal], left: Any, right: Any, op: str) -> Any:
    """The result of an operation that never rounds in silence; whole numbers stay whole."""
    one, two = left.__class__, right.__class__
    for kind, value in ((one, left), (two, right)):
        if kind is not Decimal and kind is not int:
            raise _no_number(value, op)
    try:
        result = act(left, right)
    except (DecimalException, ValueError, OverflowError):
        raise refuse(
            f"The result of `{op}` is not a number of at most {limits.DIGITS} digits.", code="MAP-LIMIT"
        ) from None
    if not result.is_finite():
        raise _no_number(left if one is Decimal and not left.is_finite() else right, op)
    return int(result) if one is int and two is int else result


def _no_number(value: Any, op: str) -> MappingError:
    fix = "Write `| number` after it." if value.__class__ is str else ""
    return refuse(f"`{op}` needs numbers, but got {masked(value)}.", fix)


def divide(left: Any, right: Any) -> Decimal:
    """``left / right`` with 28 digits."""
    left, right = _divisor("/", left, right)
    return _decimal("/", left, right)


def _divisor(op: str, left: Any, right: Any) -> tuple[int | Decimal, int | Decimal]:
    left, right = _number(left, op), _number(right, op)
    if right == 0:
        raise refuse(f"`{op}` by zero.", "Test the divisor first with an `if`.")
    return left, right


def whole_divide(left: Any, right: Any) -> Any:
    """``left // right``; whole numbers round down, as Python's do."""
    left, right = _divisor("//", left, right)
    if left.__class__ is int and right.__class__ is int:
        return _whole(left, "//") // _whole(right, "//")
    return _decimal("//", left, right)


def remainder(left: Any, right: Any) -> Any:
    """``left % right``; numbers only, so that no text is formatted."""
    left, right = _divisor("%", left, right)
    if left.__class__ is int and right.__class__ is int:
        return _whole(left, "%") % _whole(right, "%")
    return _decimal("%", left, right)


def negative(value: Any) -> Any:
    """``-value``."""
    return -_number(value, "-")


def positive(value: Any) -> Any:
    """``+value``."""
    return _number(value, "+")


ARITHMETIC: Final = {"+": add, "-": subtract, "*": multiply, "/": divide, "//": whole_divide, "%": remainder}


def too_long() -> Any:
    """Stops a text that grows too long."""
    raise refuse(f"The text would be longer than {limits.TEXT:,} characters.", code="MAP-LIMIT")


def joined(*pieces: Any) -> str:
    """The pieces as one text; its length is known before it is made."""
    texts = [text(piece) for piece in pieces]
    return "".join(texts) if sum(map(len, texts)) <= limits.TEXT else str(too_long())


def case(value: Any) -> str | None:
    """The value of $match as its branches are named; none for null."""
    if value.__class__ is str:
        return value
    if value is None:
        return None
    if value.__class__ in (int, bool, Decimal):
        return text(value)
    raise refuse(f"$match needs text, a number, a boolean or null, but got {masked(value)}.")


def identity(value: Any, what: str) -> str:
    """An id or a key as text; empty ones are refused because they would join records that have nothing in common."""
    if value.__class__ is str and value:
        return value
    if value.__class__ is int:
        return text(value)
    fix = "Mark it `optional: true`, or test it with $if." if value in (None, "") else "Ids are text: write `| string`."
    raise refuse(f"{what} needs an id, but got {masked(value)}.", fix)


def column_of(row: Any, column: str) -> Any:
    """What a lookup gives: one column of the row, or the only one."""
    if not column:
        return row.value
    if column not in row.values:
        raise refuse(f"The row has no column {column!r}.", f"There is: {', '.join(row.values)}.", "MAP-LOOKUP")
    return row.values[column]


def size(value: Any, most: int = limits.WORK) -> int:
    """About how many bytes a value takes; stops counting above ``most``."""
    total, waiting = 0, [value]
    while waiting and total <= most:
        item = waiting.pop()
        kind = item.__class__
        if kind is str:
            total += len(item) + 2
        elif kind is dict:
            total += 32
            for name, inner in item.items():
                total += len(name) + 16
                waiting.append(inner)
                if total > most:
                    break
        elif kind is list:
            total += 32 + 8 * len(item)
            waiting.extend(item if len(item) <= most else item[:most])
        else:
            total += 16
    return total


def code_like(value: Any) -> str:
    """A value that steers the mapping, shown where it is a short code such as a status; otherwise only its shape."""
    shown = text(value) if value.__class__ in (str, int, bool, Decimal) else ""
    plain = shown.replace("_", "").replace("-", "").replace(".", "").replace("/", "").replace(" ", "")
    if value.__class__ is bool or (plain.isascii() and plain.isalnum() and len(shown) <= 40 and not plain.isdigit()):
        return repr(shown)
    return repr(shown) if plain.isdigit() and len(plain) <= 5 else masked(value)
