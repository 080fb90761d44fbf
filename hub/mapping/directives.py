"""The directives that begin with $: their names, what may stand beside each, and which names can be seen where."""

from __future__ import annotations

import re
from dataclasses import dataclass

FRAGMENT_KEYS = ("fragment", "params", "output", "description")
DIRECTIVES: dict[str, tuple[str, ...]] = {
    "$for": ("$where", "$each", "$key"),
    "$if": ("$then", "$else"),
    "$match": ("$null", "$else"),
    "$first": ("default",),
    "$optional": (),
    "$lookup": ("key", "column", "default", "optional"),
    "$link": ("key", "natural", "optional"),
    "$merge": (),
    "$include": ("with",),
    "$let": ("$in",),
    "$error": ("code",),
    "$omit": (),
}
"""Every directive with the keys that may stand beside it."""
BELONGS_TO = {
    "$where": "$for",
    "$each": "$for",
    "$key": "$for",
    "$then": "$if",
    "$else": "$if or $match",
    "$null": "$match",
    "$in": "$let",
}
"""The keys that stand only beside a directive."""
_NAME = re.compile(r"[a-z][a-z0-9_]*", re.IGNORECASE)
FOR_HEAD = re.compile(r"\s*([A-Za-z]\w*)\s*(?:,\s*([A-Za-z]\w*)\s*)?\sin\s(.+)", re.DOTALL)
"""How $for is written: one name or two, `in`, an expression."""
_KEYWORDS = "true false none True False None and or not in is if else"
_RESERVED = frozenset(["src", "meta", "loop", *_KEYWORDS.split()])


def name_fault(name: str) -> str | None:
    """Why this cannot be the name of a value, or none when it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is not a name: use letters, digits and _, beginning with a letter."
    if name in _RESERVED:
        return f"{name!r} is a name of the language and cannot be given to a value."
    return None


@dataclass(frozen=True, slots=True)
class Scope:
    """What can be seen at one place, and where in the output it is."""

    names: tuple[str, ...]
    target: str
    loop: bool = False

    def at(self, step: str) -> Scope:
        """The same names, one step deeper in the output."""
        return Scope(self.names, f"{self.target}{step}", self.loop)

    def with_names(self, *names: str, loop: bool | None = None) -> Scope:
        """More names at the same place."""
        return Scope((*self.names, *names), self.target, self.loop if loop is None else loop)
