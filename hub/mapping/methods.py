"""The few methods that an expression may call, each for one type of value. Everything else is a filter."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple


class Method(NamedTuple):
    """One allowed method: the type it belongs to, how many arguments it takes, and the function that does it."""

    type: type
    least: int
    most: int
    function: Callable[..., Any]


def _get(value: dict[str, Any], key: str, other: Any = None) -> Any:
    return value.get(_text(key), other)


def _items(value: dict[str, Any]) -> list[list[Any]]:
    return [[key, item] for key, item in value.items()]


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("text is needed")
    return value


def _split(value: str, separator: str | None = None) -> list[str]:
    return value.split(separator if separator is None else _text(separator))


METHODS: dict[str, Method] = {
    "startswith": Method(str, 1, 1, lambda value, start: value.startswith(_text(start))),
    "endswith": Method(str, 1, 1, lambda value, end: value.endswith(_text(end))),
    "removeprefix": Method(str, 1, 1, lambda value, start: value.removeprefix(_text(start))),
    "removesuffix": Method(str, 1, 1, lambda value, end: value.removesuffix(_text(end))),
    "strip": Method(str, 0, 0, lambda value: value.strip()),
    "lower": Method(str, 0, 0, lambda value: value.lower()),
    "upper": Method(str, 0, 0, lambda value: value.upper()),
    "split": Method(str, 0, 1, _split),
    "get": Method(dict, 1, 2, _get),
    "keys": Method(dict, 0, 0, list),
    "values": Method(dict, 0, 0, lambda value: list(value.values())),
    "items": Method(dict, 0, 0, _items),
}
"""Every allowed method by its name."""
