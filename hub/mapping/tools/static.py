"""What a mapping reads and writes, found from its tree without running it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.tools.data import normal

_SAME_ITEMS: Final = frozenset(
    {"where", "where_not", "sort", "unique", "reverse", "compact", "default", "if_null", "if_empty"}
)
_ONE_ITEM: Final = frozenset({"first", "last"})
_BY_KEY: Final = frozenset({"where", "where_not", "pluck", "sum", "unique", "sort", "group", "index_by", "pick"})
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
Origins = frozenset[str]
NOTHING: Final[Origins] = frozenset()


@dataclass(frozen=True, slots=True)
class Read:
    """One read of the source: the path with open indexes, the part that reads, and whether it may be missing."""

    path: str
    part: tree.Part
    guarded: bool


@dataclass(frozen=True, slots=True)
class Write:
    """One value of the output: its path with open indexes, and the part that makes it."""

    path: str
    part: tree.Part


def step(base: str, key: Any) -> str:
    """A path one step deeper, with indexes left open."""
    if isinstance(key, int):
        return f"{base}[]"
    return f"{base}.{key}" if _NAME.fullmatch(str(key)) else f'{base}["{key}"]'


class _Reader:
    def __init__(self) -> None:
        self.reads: list[Read] = []
        self.part: tree.Part | None = None

    def note(self, paths: Iterable[str], guarded: bool) -> None:
        assert self.part is not None
        self.reads += [Read(path, self.part, guarded) for path in paths]

    def used(self, expr: ex.Expr, env: dict[str, Origins], guarded: bool) -> None:
        """The value of this expression is used: what it is made of has been read."""
        self.note(self.origins(expr, env, guarded), guarded)

    def origins(self, expr: ex.Expr, env: dict[str, Origins], guarded: bool) -> Origins:
        """The source paths that the expression's value is itself, as it stands; everything else it needs is noted as read."""
        if isinstance(expr, ex.Name):
            return env.get(expr.name, NOTHING)
        if isinstance(expr, ex.Access):
            base = self.origins(expr.base, env, guarded)
            if isinstance(expr.key, ex.Const):
                return frozenset(step(path, expr.key.value) for path in base)
            self.used(expr.key, env, guarded)
            return frozenset(f"{path}.*" for path in base)
        if isinstance(expr, ex.Slice):
            return self.origins(expr.base, env, guarded)
        if isinstance(expr, ex.Default):
            base = self.origins(expr.base, env, True)
            self.note(base, True)
            return base | self.origins(expr.other, env, guarded)
        if isinstance(expr, ex.Defined):
            self.used(expr.base, env, True)
            return NOTHING
        if isinstance(expr, ex.Cond):
            self.used(expr.test, env, guarded)
            other = self.origins(expr.other, env, guarded) if expr.other is not None else NOTHING
            return self.origins(expr.then, env, guarded) | other
        if isinstance(expr, ex.Logic):
            return self.origins(expr.left, env, guarded) | self.origins(expr.right, env, guarded)
        if isinstance(expr, ex.FilterCall):
            return self._filter(expr, env, guarded)
        for child in ex.children(expr):
            self.used(child, env, guarded)
        return NOTHING

    def _filter(self, expr: ex.FilterCall, env: dict[str, Origins], guarded: bool) -> Origins:
        base = self.origins(expr.base, env, guarded)
        for argument in (*expr.args, *(value for _, value in expr.named)):
            self.used(argument, env, guarded)
        keys = [arg.value for arg in expr.args if isinstance(arg, ex.Const) and isinstance(arg.value, str)]
        if expr.name in _BY_KEY and keys:
            self.note((step(f"{path}[]", keys[0]) for path in base), True)
            if expr.name == "pick":
                items = frozenset(f"{path}[]" for path in base)
                result = expr.args[2] if len(expr.args) > 2 else None
                return frozenset(step(path, result.value) for path in items) if isinstance(result, ex.Const) else items
            if expr.name in ("pluck", "sum"):
                return NOTHING
        if expr.name in _SAME_ITEMS:
            return base
        if expr.name in _ONE_ITEM:
            return frozenset(f"{path}[]" for path in base)
        self.note(base, guarded)
        return NOTHING

    def read(self, part: tree.Part, env: dict[str, Origins], guarded: bool) -> Origins:
        """Go through a part; the result is what its value is itself, for names of `let`."""
        before, self.part = self.part, part
        try:
            if isinstance(part, tree.Leaf):
                return self.origins(part.expr, env, guarded)
            if isinstance(part, tree.For):
                self._for(part, env, guarded)
            elif isinstance(part, tree.Let):
                inner = dict(env)
                for name, value in part.values:
                    inner[name] = self.read(value, inner, guarded)
                self.whole(part.part, inner, guarded)
            else:
                loose = guarded or isinstance(part, (tree.Optional, tree.First))
                loose = loose or (isinstance(part, (tree.Lookup, tree.Link)) and part.optional)
                for expr in tree.expressions(part):
                    self.used(expr, env, loose)
                for inside in tree.parts(part):
                    self.whole(inside, env, loose)
            return NOTHING
        finally:
            self.part = before

    def whole(self, part: tree.Part, env: dict[str, Origins], guarded: bool) -> None:
        """Go through a part whose value goes into the output."""
        origins = self.read(part, env, guarded)
        before, self.part = self.part, part
        self.note(origins, guarded)
        self.part = before

    def _for(self, part: tree.For, env: dict[str, Origins], guarded: bool) -> None:
        items = self.origins(part.items, env, guarded)
        inner = dict(env)
        if len(part.names) == 2:
            inner[part.names[0]] = NOTHING
            inner[part.names[1]] = frozenset(f"{path}.*" for path in items)
        else:
            inner[part.names[0]] = frozenset(f"{path}[]" for path in items)
        for expr in (part.where, part.key):
            if expr is not None:
                self.used(expr, inner, guarded)
        self.whole(part.each, inner, guarded)


def reads(program: tree.Program) -> list[Read]:
    """Every read of the source, with paths like ``line_items[].price``."""
    reader = _Reader()
    env: dict[str, Origins] = {"src": frozenset({"src"}), "meta": NOTHING}
    for name, part in program.let:
        env[name] = reader.read(part, env, False)
    for leaf in (program.when, program.key):
        if leaf is not None:
            reader.whole(leaf, env, False)
    reader.whole(program.output, env, False)
    found: dict[tuple[str, int], Read] = {}
    for read in reader.reads:
        known = found.get((read.path, id(read.part)))
        if read.path != "src" and (known is None or read.guarded):
            found[read.path, id(read.part)] = Read(re.sub(r"^src\.?", "", read.path), read.part, read.guarded)
    return list(found.values())


def writes(part: tree.Part) -> Iterator[Write]:
    """Every value that the output can have, structures left out."""
    if isinstance(
        part, (tree.Object, tree.Array, tree.For, tree.If, tree.Match, tree.First, tree.Optional, tree.Merge)
    ):
        for inner in tree.parts(part):
            yield from writes(inner)
    elif isinstance(part, tree.Let):
        yield from writes(part.part)
    elif isinstance(part, (tree.Leaf, tree.Lookup, tree.Link)):
        yield Write(open_path(part.place.target), part)


def open_path(path: str) -> str:
    """A path in the output with its indexes left open and without ``output.``."""
    return re.sub(r"\[[0-9]*\]", "[]", normal(path))


def covers(read: str, path: str) -> bool:
    """Does reading ``read`` also read ``path``: the same, or above it, or by a name that is only known at run time?"""
    if path == read or path.startswith((f"{read}.", f"{read}[")):
        return True
    if ".*" not in read:
        return False
    anything = r"(?:\.[^.\[]+|\[\])"
    expression = anything.join(re.escape(piece) for piece in read.split(".*"))
    return re.fullmatch(rf"{expression}([.\[].*)?", path) is not None


def deepest(program: tree.Program, path: str) -> tree.Part | None:
    """The part that makes the value at ``path`` of the output."""
    wanted = open_path(path)
    best: tree.Part | None = None
    best_length = -1
    for part in tree.walk(program.output):
        target = open_path(part.place.target)
        if (covers(target, wanted) or not target) and len(target) >= best_length and not isinstance(part, tree.Omit):
            if len(target) == best_length and isinstance(best, (tree.Lookup, tree.Link, tree.Match)):
                continue
            best, best_length = part, len(target)
    return best
