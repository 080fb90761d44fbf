"""Loops in the checked form."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.evaluate_values import Values
from hub.mapping.filters.base import masked
from hub.mapping.recording import MOST_READS, Bound, Reads
from hub.mapping.runtime import LEFT
from hub.mapping.situation import STEP_WORK, step


class Loops(Values):
    """Evaluates $for."""

    @abstractmethod
    def make(self, part: tree.Part) -> Any:
        """The value of a part, or LEFT."""

    def _for(self, part: tree.For) -> Any:
        outer, outer_loop, before = dict(self.scope), self.loop, self.reads
        shape = Reads(control=dict(before.control))
        self.reads = shape
        try:
            with self._control():
                items = self._items(part)
            entry = dict(shape.control)
            made = self._rounds(part, self._kept(part, items, entry, shape))
        finally:
            self.scope, self.loop, self.reads = outer, outer_loop, before
        if len(self.gathered) <= MOST_READS:
            self.gathered.update(shape.all())
        self.recorder.shape(part, self.target(part), made, shape, self.branches)
        return made

    def _kept(
        self, part: tree.For, items: list[tuple[Bound, ...]], entry: dict[str, Any], shape: Reads
    ) -> list[tuple[tuple[Bound, ...], Reads]]:
        """The items that $where lets through, each with what that depended on; ``shape`` learns all of it."""
        kept = []
        for bound in items:
            self._spend(STEP_WORK)
            if part.where is None:
                kept.append((bound, Reads(control=entry)))
                continue
            self.scope.update(zip(part.names, bound, strict=True))
            self.reads = Reads()
            truth = self.eval(part.where)
            asked = self.reads.all()
            if len(shape.control) < MOST_READS:
                shape.control.update(asked)
            else:
                shape.control["src"] = None
            if truth:
                kept.append((bound, Reads(control={**entry, **asked})))
        return kept

    def _rounds(self, part: tree.For, kept: list[tuple[tuple[Bound, ...], Reads]]) -> Any:
        made_list: list[Any] = []
        made_object: dict[str, Any] = {}
        for index, (bound, reads) in enumerate(kept):
            self.scope.update(zip(part.names, bound, strict=True))
            self.loop = {
                "index": index + 1,
                "index0": index,
                "first": index == 0,
                "last": index == len(kept) - 1,
                "length": len(kept),
            }
            self.reads = Reads(control=dict(reads.control))
            name = self._for_key(part, made_object) if part.key is not None else ""
            self.indexes.append(name if part.key is not None else len(made_list))
            value = self.make(part.each)
            self.indexes.pop()
            if value is not LEFT and part.key is not None:
                made_object[name] = value
            elif value is not LEFT:
                made_list.append(value)
        return made_list if part.key is None else made_object

    def _for_key(self, part: tree.For, made: dict[str, Any]) -> str:
        assert part.key is not None
        with self._control():
            name = self.eval(part.key)
        if name.__class__ is not str:
            raise self.fault("MAP-TYPE", f"$key needs text, but got {masked(name)}.", "Write `| string`.")
        if name in made:
            raise self.fault("MAP-TYPE", "$key gives the same name twice.", "Use a name that is unique in the list.")
        return str(name)

    def _items(self, part: tree.For) -> list[tuple[Bound, ...]]:
        value, origin = self._reach(part.items) if _is_chain(part.items) else (self.eval(part.items), None)
        if origin is not None:
            self._read(f"{origin}[]", len(value) if value.__class__ in (list, dict) else value)
        reads = {} if origin is not None else self.reads.all()
        if len(part.names) == 2:
            if value.__class__ is not dict:
                message = f"$for with two names needs an object, but got {masked(value)}."
                raise self.fault("MAP-TYPE", message, "Use one name for a list.", origin)
            return [
                (Bound(k, None, reads or {origin or "src": None}), Bound(v, step(origin, k), reads))
                for k, v in value.items()
            ]
        if value.__class__ is not list:
            fix = "Write `| default([], true)` after it if it may be null." if value is None else ""
            raise self.fault("MAP-TYPE", f"$for needs a list, but got {masked(value)}.", fix, origin)
        return [(Bound(item, step(origin, index), reads),) for index, item in enumerate(value)]


def _is_chain(expr: ex.Expr) -> bool:
    while isinstance(expr, ex.Access):
        expr = expr.base
    return isinstance(expr, ex.Name)
