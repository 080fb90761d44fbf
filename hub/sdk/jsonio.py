"""JSON from outside, read strictly, and JSON to outside, written exactly.

What a lenient reader lets through becomes somebody's wrong order later: two values under one name, a price that went through
a binary float, a character that the database refuses. So everything is checked once, here, before anything is stored.

Two kinds of refusal, told apart by ``status``: what is not JSON at all is answered with 400 (the sender must know); what is
JSON, but cannot be carried exactly, has ``status`` 202: an authentic message of this kind is kept as an exception.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any, NoReturn

import orjson

from hub.errors import InputRefused

MAX_DEPTH = 64
MAX_KEYS = 20_000
MAX_DIGITS = 34
"""More significant digits than this no decimal type of a database or an ERP keeps (IEEE 754 decimal128)."""
MAX_INT_DIGITS = 64
MAX_EXPONENT = 308

_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])")


def read_json(body: bytes | str, *, max_depth: int = MAX_DEPTH, max_keys: int = MAX_KEYS) -> Any:
    """The value in ``body``; numbers with a fraction are ``Decimal``. Raises `InputRefused` with an ``IN-...`` code."""
    text = body if isinstance(body, str) else _decode(body)
    reader = _Reader(max_keys)
    try:
        value = json.loads(
            text,
            object_pairs_hook=reader.pairs,
            parse_float=reader.fraction,
            parse_int=reader.integer,
            parse_constant=_non_finite,
        )
    except json.JSONDecodeError as e:
        _refuse("MALFORMED-JSON", f"the body is not JSON: {e.msg} at line {e.lineno}, column {e.colno}")
    except RecursionError:
        _refuse("TOO-DEEP", f"the JSON is nested deeper than {max_depth} levels")
    # Only a text with more brackets than levels can be too deep; most have fewer, and counting them is quick.
    if text.count("{") + text.count("[") > max_depth:
        _check_depth(value, max_depth)
    if reader.unusable:
        _unusable(*reader.unusable)
    if "\\u" in text and _SUSPECT.search(text):
        _check_characters(value)
    return value


def read_object(body: bytes | str, **limits: int) -> dict[str, Any]:
    """The JSON object in ``body``; any other kind of value is refused."""
    value = read_json(body, **limits)
    if not isinstance(value, dict):
        _refuse("NOT-AN-OBJECT", f"the body must be a JSON object, and is {_kind(value)}")
    return value


def dump_json(value: Any, *, sort: bool = False) -> bytes:
    """``value`` as compact UTF-8 JSON. Decimals are written as numbers, digit for digit; NaN and infinities are refused.

    With ``sort`` names come in the order of the alphabet, so that equal data is equal text.
    """
    try:
        return orjson.dumps(value, default=_plain, option=orjson.OPT_SORT_KEYS if sort else None)
    except orjson.JSONEncodeError:
        # Integers beyond 64 bits, and errors worth a better sentence, take the slow road.
        return _encode(value, sort).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(decimal_text(value))
    if isinstance(value, (set, frozenset, tuple)):
        return list(value)
    raise TypeError(f"{type(value).__name__} is not JSON data")


def decimal_text(value: Decimal) -> str:
    """The decimal as plain digits, without an exponent wherever that stays readable."""
    if not value.is_finite():
        raise ValueError("NaN and infinities are not JSON numbers")
    exponent = value.as_tuple().exponent
    return format(value, "f") if isinstance(exponent, int) and abs(exponent) <= MAX_DIGITS else str(value)


def _encode(value: Any, sort: bool = False) -> str:
    if isinstance(value, dict):
        pairs = [f"{json.dumps(_name(k), ensure_ascii=False)}:{_encode(v, sort)}" for k, v in value.items()]
        return "{" + ",".join(sorted(pairs) if sort else pairs) + "}"
    if isinstance(value, (list, tuple, set, frozenset)):
        return "[" + ",".join(_encode(item, sort) for item in value) + "]"
    if isinstance(value, Decimal):
        return decimal_text(value)
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _name(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a JSON name must be text, not {type(key).__name__}")
    return key


def _decode(body: bytes) -> str:
    try:
        # json.loads(bytes) would silently take UTF-16 and UTF-32 too.
        return body.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        _refuse("BAD-ENCODING", f"the body is not UTF-8: {e.reason} at byte {e.start}")


class _Reader:
    """The hooks of one reading: what can be seen only while the text is parsed."""

    def __init__(self, max_keys: int) -> None:
        self.keys_left = max_keys
        self.max_keys = max_keys
        self.unusable: tuple[str, str] | None = None

    def pairs(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        self.keys_left -= len(pairs)
        if self.keys_left < 0:
            _refuse("TOO-MANY-KEYS", f"the JSON has more than {self.max_keys} names")
        found = dict(pairs)
        if len(found) != len(pairs):
            _refuse("DUPLICATE-KEY", "an object has the same name twice, so it is not clear which value is meant")
        return found

    def fraction(self, digits: str) -> Decimal:
        try:
            number = Decimal(digits)
        except ArithmeticError:
            self.unusable = ("NUMBER-OUT-OF-RANGE", "a number is out of range")
            return Decimal(0)
        if number and abs(number.adjusted()) > MAX_EXPONENT:
            self.unusable = ("NUMBER-OUT-OF-RANGE", "a number is out of range")
        elif len(number.as_tuple().digits) > MAX_DIGITS:
            self.unusable = (
                "PRECISION",
                f"a number has more than {MAX_DIGITS} digits, which cannot be carried exactly",
            )
        return number

    def integer(self, digits: str) -> int:
        if len(digits) > MAX_INT_DIGITS:
            self.unusable = ("NUMBER-OUT-OF-RANGE", f"a number has more than {MAX_INT_DIGITS} digits")
            return 0
        return int(digits)


def _check_depth(value: Any, limit: int) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    depth = 0
    while level:
        depth += 1
        if depth > limit:
            _refuse("TOO-DEEP", f"the JSON is nested deeper than {limit} levels")
        below: list[Any] = []
        for box in level:
            for item in box.values() if isinstance(box, dict) else box:
                if isinstance(item, (dict, list)):
                    below.append(item)  # noqa: PERF401
        level = below


def _check_characters(value: Any) -> None:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, str):
            if "\x00" in item:
                _unusable("INVALID-CHARACTER", "a text holds the character U+0000, which cannot be stored")
            try:
                item.encode()
            except UnicodeEncodeError:
                _unusable("INVALID-CHARACTER", "a text holds half of a surrogate pair, which is not a character")


def _non_finite(name: str) -> NoReturn:
    _refuse("NON-FINITE-NUMBER", f"{name} is not a JSON number")


def _refuse(code: str, message: str) -> NoReturn:
    # The cause is cut off: it would hold the body, and with it personal data.
    raise InputRefused(message, code=f"IN-{code}", status=400) from None


def _unusable(code: str, message: str) -> NoReturn:
    raise InputRefused(message, code=f"IN-{code}", status=202) from None


def _kind(value: Any) -> str:
    return {list: "an array", str: "a text", bool: "true or false", type(None): "null"}.get(type(value), "a number")
