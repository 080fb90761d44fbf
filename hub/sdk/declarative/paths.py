"""Places inside JSON data: ``customer.address.city``, ``lines[0].sku``, or a JSON Pointer such as ``/@odata.nextLink``.

A path that begins with ``/`` is a JSON Pointer (RFC 6901): it reaches names that hold a dot. A path is compiled once into a function.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

Getter = Callable[[Any], Any]


class Absent:
    """The value of what is not there, where none is a value of its own."""

    def __repr__(self) -> str:
        return "absent"

    def __bool__(self) -> bool:
        return False


ABSENT: Final = Absent()

_STEP = re.compile(r"([^.\[\]{}\s/][^.\[\]{}]*)((?:\[[0-9]{1,6}\])*)")


def steps(path: str) -> tuple[str | int, ...]:
    """The names and positions along a path. Raises `ValueError` with a sentence where it cannot be read."""
    if path.startswith("/"):
        return tuple(_pointer_step(part) for part in path[1:].split("/"))
    found: list[str | int] = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None:
            raise ValueError(f"{path!r} is no path: write names with dots, customer.email, or a JSON Pointer, /a/b")
        found.append(match[1].rstrip())
        found += [int(number) for number in re.findall(r"[0-9]+", match[2])]
    return tuple(found)


def getter(path: str, missing: Any = None) -> Getter:
    """A function that gives the value at ``path``, or ``missing`` where anything along it is not there."""
    way = steps(path)
    if len(way) == 1 and isinstance(way[0], str):
        name = way[0]

        def direct(data: Any) -> Any:
            return data.get(name, missing) if type(data) is dict else missing

        return direct

    def walk(data: Any) -> Any:
        here = data
        for step in way:
            if isinstance(here, dict):
                here = here.get(step if isinstance(step, str) else str(step), ABSENT)
            elif isinstance(here, list) and isinstance(step, int) and step < len(here):
                here = here[step]
            else:
                return missing
            if here is ABSENT:
                return missing
        return here

    return walk


def _pointer_step(part: str) -> str | int:
    text = part.replace("~1", "/").replace("~0", "~")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else text
