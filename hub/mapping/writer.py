"""Writes the lines of the generated function, and keeps track of its names."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from hub.mapping import tree
from hub.mapping.hoist import Uses

Lines = list[tuple[str, tree.Place | None]]
"""Lines of the function, each with the place of the mapping that it comes from."""


@dataclass(slots=True)
class LoopNames:
    """The names of a loop's counter and of the number of its rounds."""

    index: str
    count: str


@dataclass(slots=True)
class Writer:
    """Writes line by line."""

    filters: Mapping[str, Callable[..., Any]]
    absent: frozenset[str]
    lines: Lines = field(default_factory=list)
    place: tree.Place | None = None
    depth: int = 1
    names: dict[str, str] = field(default_factory=lambda: {"src": "src", "meta": "meta"})
    hoisted: dict[tuple[str, tuple[Any, ...]], str] = field(default_factory=dict)
    loop: LoopNames | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    used_filters: dict[str, None] = field(default_factory=dict)
    tables: dict[tuple[str, str, str, bool], None] = field(default_factory=dict)
    computed: set[str] = field(default_factory=set)
    count: int = 0

    def line(self, text: str) -> None:
        """One line at the present depth."""
        self.lines.append((" " * self.depth + text, self.place))

    def new(self, letter: str) -> str:
        """A name that was not used yet."""
        self.count += 1
        return f"{letter}{self.count}"

    def held(self, code: str) -> str:
        """The value under a name, so that it can be used twice."""
        if code.isidentifier() and code != "_LEFT":
            return code
        var = self.new("t")
        self.line(f"{var} = {code}")
        return var

    def constant(self, value: Any) -> str:
        """A value that cannot be written as text, under a name of the namespace."""
        name = f"_c{len(self.constants)}"
        self.constants[name] = value
        return name

    def hoist(self, uses: Uses, roots: tuple[str, ...]) -> None:
        """Reads once what is read often and in any case."""
        for root, steps in uses.shared(roots):
            var = self.new("h")
            self.line(f"{var} = {self.path(self.names[root], steps)}")
            self.hoisted[(self.names[root], steps)] = var

    def path(self, var: str, steps: tuple[str | int, ...]) -> str:
        """A path that must be there."""
        for length in range(len(steps), 0, -1):
            known = self.hoisted.get((var, steps[:length]))
            if known is not None:
                var, steps = known, steps[length:]
                break
        return var + "".join(f"[{step!r}]" for step in steps)

    def walked(self, var: str, steps: tuple[str | int, ...]) -> str:
        """A path that is ABSENT where a step is missing or leads into null."""
        for length in range(len(steps), 0, -1):
            known = self.hoisted.get((var, steps[:length]))
            if known is not None:
                var, steps = known, steps[length:]
                break
        else:
            if len(steps) == 1 and var in ("src", "meta") and isinstance(steps[0], str):
                return f"_get({var}, {steps[0]!r}, _ABSENT)"
        if not steps:
            return var
        if len(steps) == 1 and isinstance(steps[0], str):
            return f"(_get({var}, {steps[0]!r}, _ABSENT) if {var} is not None else _ABSENT)"
        return f"_walk({var}, {', '.join(map(repr, steps))})"

    @contextmanager
    def deeper(self) -> Iterator[Lines]:
        """Lines one level deeper, apart from the lines so far; what they read once is known only there."""
        outer, self.lines = self.lines, []
        inner, hoisted = self.lines, dict(self.hoisted)
        self.depth += 1
        try:
            yield inner
        finally:
            self.depth -= 1
            self.lines, self.hoisted = outer, hoisted
