"""Filters for any value: defaults, booleans, JSON, hashes."""

from __future__ import annotations

import hashlib
import json as json_module
from decimal import Decimal
from typing import Any, NoReturn

from hub.mapping.filters.base import MAX_TEXT, bounded, exact, filter_, masked, need_count, need_text, wrong

_GROUP = "any value"
_TRUE = frozenset({"true", "yes", "y", "1", "on"})
_FALSE = frozenset({"false", "no", "n", "0", "off"})
_DEPTH = 64


@filter_(
    "default",
    _GROUP,
    ("src.note | default('-')", {}, "-"),
    ("src.note | default('-')", {"note": None}, None),
    ("src.note | default('-', true)", {"note": ""}, "-"),
)
def default(value: Any, fallback: Any = "", also_empty: Any = False) -> Any:
    """Gives `fallback` where the field is missing. With `true` as second argument also where it is null, empty, zero or false.

    The compiler reads the field without an error where this filter follows; the function sees only what is there.
    """
    return value if value or not also_empty else fallback


@filter_("if_null", _GROUP, ("src.note | if_null('-')", {"note": None}, "-"), ("src.n | if_null(1)", {"n": 0}, 0))
def if_null(value: Any, fallback: Any) -> Any:
    """Gives `fallback` in place of null. A missing field stays an error."""
    return fallback if value is None else value


@filter_("if_empty", _GROUP, ("src.note | if_empty('-')", {"note": " "}, "-"), ("src.n | if_empty(1)", {"n": 0}, 0))
def if_empty(value: Any, fallback: Any) -> Any:
    """Gives `fallback` in place of null, white space, an empty list or an empty object. Zero and false stay."""
    empty = value is None or value in ([], {}) or (isinstance(value, str) and not value.strip())
    return fallback if empty else value


@filter_(
    "bool",
    _GROUP,
    ("src.a | bool", {"a": "Yes"}, True),
    ("src.a | bool", {"a": 0}, False),
    refused=(("src.a | bool", {"a": "perhaps"}, "MAP-TYPE"), ("src.a | bool", {"a": None}, "MAP-TYPE")),
)
def boolean(value: Any) -> bool:
    """Reads true/false, yes/no, on/off, y/n and 1/0."""
    if isinstance(value, bool):
        return value
    said = (
        value.strip().casefold()
        if isinstance(value, str)
        else str(value)
        if isinstance(value, int) and value in (0, 1)
        else ""
    )
    if said in _TRUE or said in _FALSE:
        return said in _TRUE
    raise wrong(f"`bool` needs true or false, but got {masked(value)}.", "Use $match to say what each value means.")


def _written(value: Any, depth: int = 0) -> str:
    if depth > _DEPTH:
        raise wrong(f"`json` got data nested deeper than {_DEPTH}.", code="MAP-LIMIT")
    if isinstance(value, dict):
        inner = (
            f"{json_module.dumps(key, ensure_ascii=False)}:{_written(item, depth + 1)}"
            for key, item in sorted(value.items())
        )
        return "{" + ",".join(inner) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(_written(item, depth + 1) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(exact(value, "json"), "f")
    if value is None or isinstance(value, (str, bool)):
        return json_module.dumps(value, ensure_ascii=False)
    if isinstance(value, int):
        if value.bit_length() > 4000:
            raise wrong("`json` got a whole number of more than 1,200 digits.", code="MAP-LIMIT")
        return str(value)
    raise wrong(f"`json` cannot write {masked(value)}.")


@filter_(
    "json", _GROUP, ("src.a | json", {"a": {"b": [1, Decimal("2.50"), None], "a": "ü"}}, '{"a":"ü","b":[1,2.50,null]}')
)
def json(value: Any) -> str:
    """Writes a value as JSON text, keys sorted, numbers exact."""
    return bounded(_written(value), "json")


def _refuse(constant: str) -> NoReturn:
    raise wrong(f"`from_json` got {constant}, which JSON does not have.")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    read = dict(pairs)
    if len(read) != len(pairs):
        raise wrong("`from_json` got an object with the same key twice.")
    return read


@filter_(
    "from_json",
    _GROUP,
    ("(src.a | from_json).price", {"a": '{"price": 1.10}'}, Decimal("1.10")),
    refused=(
        ("src.a | from_json", {"a": "{'a': 1}"}, "MAP-TYPE"),
        ("src.a | from_json", {"a": '{"a": NaN}'}, "MAP-TYPE"),
    ),
)
def from_json(value: Any) -> Any:
    """Reads JSON text, such as a metafield's value; numbers with a fraction are exact."""
    body = need_text(value, "from_json")
    if len(body) > MAX_TEXT:
        raise wrong(f"`from_json` reads at most {MAX_TEXT:,} characters.", code="MAP-LIMIT")
    try:
        return json_module.loads(body, parse_float=Decimal, parse_constant=_refuse, object_pairs_hook=_no_twins)
    except (ValueError, RecursionError):
        raise wrong(f"`from_json` got {masked(value)}, which is not valid JSON.") from None


@filter_(
    "sha256",
    _GROUP,
    ("src.a | sha256", {"a": "abc"}, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    ("src.a | sha256(12)", {"a": "abc"}, "ba7816bf8f01"),
)
def sha256(value: Any, length: Any = 64) -> str:
    """Gives the SHA-256 of a text (or of a value's JSON) in hexadecimal, or its first `length` digits."""
    body = value if isinstance(value, str) else _written(value)
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[: need_count(length, "sha256", 1, 64)]


@filter_("keys", _GROUP, ("src.o | keys", {"o": {"a": 1, "b": 2}}, ["a", "b"]))
def keys(value: Any) -> list[str]:
    """Lists the field names of an object."""
    if not isinstance(value, dict):
        raise wrong(f"`keys` needs an object, but got {masked(value)}.")
    return list(value)


@filter_("merge", _GROUP, ("src.a | merge({'b': 2})", {"a": {"a": 1, "b": 1}}, {"a": 1, "b": 2}))
def merge(value: Any, other: Any) -> dict[str, Any]:
    """Puts two objects together; the second one's fields win."""
    if not isinstance(value, dict) or not isinstance(other, dict):
        raise wrong(f"`merge` needs two objects, but got {masked(value)} and {masked(other)}.")
    return {**value, **other}
