"""Writes one Python function for a whole mapping: plain subscripts, no attribute access, nothing computed beforehand.

The function is the fast form: it takes for granted that the record fits, and whatever does not fit makes it raise. Then the
checked form (:mod:`hub.mapping.evaluate`) runs over the same tree and says what is wrong. Names that begin with ``_`` are
the few helpers in the function's namespace; a mapping cannot name them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from hub.mapping import tree
from hub.mapping.evaluate import early_names
from hub.mapping.fast import HELPERS
from hub.mapping.hoist import program_uses
from hub.mapping.write_parts import PartWriter

_OFTEN = 8


@dataclass(frozen=True, slots=True)
class Code:
    """The fast form as text, and what its namespace needs: filters by name, tables with their column, constants."""

    text: str
    filters: tuple[str, ...]
    tables: tuple[tuple[str, str, str, bool], ...]
    constants: Mapping[str, Any]
    compiled: Any
    places: tuple[tree.Place | None, ...]
    """The place in the mapping of every line of ``text``."""


class Coder(PartWriter):
    """Writes the function."""

    def program(self, program: tree.Program) -> Code:
        """The whole function."""
        early = early_names(program)
        for name, part in program.let:
            if name in early:
                self._bind(name, part)
        if program.when is not None:
            self.line(f"if not ({self.strict(program.when.expr)}): return None")
        self.hoist(program_uses(program), ("src", "meta"))
        for name, part in program.let:
            if name not in early:
                self._bind(name, part)
        self.hoist(program_uses(program), tuple(name for name, _ in program.let))
        self._repeated(program)
        key = "None"
        if program.key is not None:
            given = self.held(self.strict(program.key.expr))
            key = f"({given} if {given} and _type({given}) is _str else _identity({given}, ''))"
        made, left = self.part(program.output)
        if left:
            made = f"_there({made})"
        self.line(f"return {key}, {made}")
        text = "def mapping(src, meta, run):\n w = 0\n" + "".join(f"{line}\n" for line, _ in self.lines)
        compiled = compile(text, "<mapping>", "exec", dont_inherit=True, optimize=0)
        return Code(
            text,
            tuple(self.used_filters),
            tuple(self.tables),
            dict(self.constants),
            compiled,
            (None, None, *(place for _, place in self.lines)),
        )

    def _repeated(self, program: tree.Program) -> None:
        """A value that goes to many places at once is charged for, because the output may be longer than the source."""
        for (root, steps), times in program_uses(program).counts.items():
            if times > _OFTEN and root in self.names:
                self.line(f"w = _heavy(w, {times}, {self.names[root]}, {steps!r})")


def write(program: tree.Program, filters: Mapping[str, Callable[..., Any]], absent: frozenset[str]) -> Code:
    """The fast form of a program."""
    return Coder(filters, absent).program(program)


def bind(
    code: Code, filters: Mapping[str, Callable[..., Any]], lookup: Callable[[str, str, bool], Callable[..., Any]]
) -> Callable[..., Any]:
    """The function itself, with its filters and tables."""
    space: dict[str, Any] = {"__builtins__": {}, **HELPERS, **code.constants}
    space |= {f"_f_{name}": filters[name] for name in code.filters}
    space |= {name: lookup(table, column, own) for name, table, column, own in code.tables}
    exec(code.compiled, space)  # noqa: S102 - the text was written above from checked nodes only
    made: Callable[..., Any] = space["mapping"]
    return made
