"""Looks at which paths a mapping reads, how often and whether surely: what can be read once, and what a loop repeats."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from hub.mapping import expression as ex
from hub.mapping import tree

NODE_WORK = 2
"""What one part or one step of an expression costs in every round of a loop."""
Path = tuple[str, tuple[Any, ...]]


@dataclass(slots=True)
class Uses:
    """The paths read in one region: the whole mapping, or the body of one loop.

    ``counts`` has every path with how often it is read, ``sure`` the paths and beginnings of paths that are read in any
    case. ``loop`` is what is asked of `loop`, ``weight`` the cost of one round, ``outside`` the paths from outside the loop.
    """

    counts: dict[Path, int] = field(default_factory=dict)
    prefixes: dict[Path, int] = field(default_factory=dict)
    sure: set[Path] = field(default_factory=set)
    loop: frozenset[str] = frozenset()
    weight: int = 0
    outside: tuple[Path, ...] = ()

    def shared(self, roots: tuple[str, ...]) -> list[Path]:
        """What is worth reading once: read at least twice, and in any case; shorter paths first."""
        found = [path for path, times in self.prefixes.items() if times > 1 and path in self.sure and path[0] in roots]
        return sorted(found, key=lambda path: (len(path[1]), path[0], [str(step) for step in path[1]]))

    def read(self, path: Path, *, sure: bool) -> None:
        """Notes one reading."""
        root, steps = path
        self.counts[path] = self.counts.get(path, 0) + 1
        for length in range(1, len(steps) + 1):
            start = (root, steps[:length])
            self.prefixes[start] = self.prefixes.get(start, 0) + 1
            if sure:
                self.sure.add(start)


@lru_cache(maxsize=64)
def program_uses(program: tree.Program) -> Uses:
    """What the mapping reads outside of `when`."""
    uses = Uses()
    for _, part in program.let:
        _part(part, uses, sure=True, hidden=frozenset())
    if program.key is not None:
        _expr(program.key.expr, uses, sure=True, hidden=frozenset())
    _part(program.output, uses, sure=True, hidden=frozenset())
    return uses


def loop_uses(part: tree.For) -> Uses:
    """What the body of a loop reads and costs."""
    uses = Uses()
    if part.key is not None:
        _expr(part.key, uses, sure=True, hidden=frozenset())
    _part(part.each, uses, sure=True, hidden=frozenset())
    inside = Uses()
    loop: set[str] = set()
    for inner in _own(part.each):
        exprs = [inner.items] if isinstance(inner, tree.For) else list(tree.expressions(inner))
        for expr in exprs:
            uses.weight += _cost(expr)
            loop |= {found.what for found in ex.walk(expr) if isinstance(found, ex.Loop)}
        uses.weight += NODE_WORK
    for condition in (part.where, part.key):
        uses.weight += _cost(condition) if condition is not None else 0
    if part.key is not None:
        loop |= {found.what for found in ex.walk(part.key) if isinstance(found, ex.Loop)}
    uses.loop = frozenset(loop)
    _own_reads(part, inside)
    uses.outside = tuple(path for path in inside.counts if path[0] not in part.names)
    return uses


def _own(part: tree.Part) -> Iterator[tree.Part]:
    """The parts of a loop's body, without the bodies of loops inside it: those pay for themselves."""
    yield part
    inner = () if isinstance(part, tree.For) else tree.parts(part)
    for child in inner:
        yield from _own(child)


def _own_reads(part: tree.For, uses: Uses) -> None:
    bound: set[str] = set()
    for expr in (part.where, part.key):
        if expr is not None:
            _expr(expr, uses, sure=False, hidden=frozenset())
    for inner in _own(part.each):
        if isinstance(inner, tree.Let):
            bound |= {name for name, _ in inner.values}
        exprs = [inner.items] if isinstance(inner, tree.For) else list(tree.expressions(inner))
        for expr in exprs:
            _expr(expr, uses, sure=False, hidden=frozenset())
    for path in [path for path in uses.counts if path[0] in bound]:
        del uses.counts[path]


def _cost(expr: ex.Expr) -> int:
    total = 0
    for found in ex.walk(expr):
        total += NODE_WORK
        if isinstance(found, ex.Const) and isinstance(found.value, str):
            total += len(found.value)
    return total


def _part(part: tree.Part, uses: Uses, *, sure: bool, hidden: frozenset[str]) -> None:
    """Notes what a part reads; ``hidden`` are names that mean something else inside it."""
    if isinstance(part, tree.For):
        _expr(part.items, uses, sure=sure, hidden=hidden)
        for expr in (part.where, part.key):
            if expr is not None:
                _expr(expr, uses, sure=False, hidden=hidden | set(part.names))
        _part(part.each, uses, sure=False, hidden=hidden | set(part.names))
    elif isinstance(part, tree.Let):
        for _, inner in part.values:
            _part(inner, uses, sure=sure, hidden=hidden)
        _part(part.part, uses, sure=sure, hidden=hidden | {name for name, _ in part.values})
    elif isinstance(part, tree.If):
        _expr(part.test, uses, sure=sure, hidden=hidden)
        _parts(part, uses, hidden)
    elif isinstance(part, tree.Match):
        _expr(part.value, uses, sure=sure, hidden=hidden)
        _parts(part, uses, hidden)
    elif isinstance(part, tree.First | tree.Optional | tree.Error):
        _parts(part, uses, hidden)
    elif isinstance(part, tree.Lookup | tree.Link):
        lenient = part.optional or (isinstance(part, tree.Lookup) and part.other is not None)
        for expr in tree.expressions(part):
            _expr(expr, uses, sure=sure and not lenient, hidden=hidden)
        _parts(part, uses, hidden)
    else:
        for expr in tree.expressions(part):
            _expr(expr, uses, sure=sure, hidden=hidden)
        for inner in tree.parts(part):
            _part(inner, uses, sure=sure, hidden=hidden)


def _parts(part: tree.Part, uses: Uses, hidden: frozenset[str]) -> None:
    for inner in tree.parts(part):
        _part(inner, uses, sure=False, hidden=hidden)


def _expr(expr: ex.Expr, uses: Uses, *, sure: bool, hidden: frozenset[str]) -> None:
    path = ex.path(expr)
    if path is not None:
        if path[0] not in hidden:
            uses.read(path, sure=sure)
        return
    if isinstance(expr, ex.Default | ex.Defined):
        for inner in ex.children(expr):
            _expr(inner, uses, sure=False, hidden=hidden)
        return
    if isinstance(expr, ex.Logic):
        _expr(expr.left, uses, sure=sure, hidden=hidden)
        _expr(expr.right, uses, sure=False, hidden=hidden)
        return
    if isinstance(expr, ex.Cond):
        _expr(expr.test, uses, sure=sure, hidden=hidden)
        for branch in (expr.then, expr.other):
            if branch is not None:
                _expr(branch, uses, sure=False, hidden=hidden)
        return
    if isinstance(expr, ex.Compare):
        _expr(expr.first, uses, sure=sure, hidden=hidden)
        for position, (_, right) in enumerate(expr.rest):
            _expr(right, uses, sure=sure and position == 0, hidden=hidden)
        return
    for inner in ex.children(expr):
        _expr(inner, uses, sure=sure, hidden=hidden)
