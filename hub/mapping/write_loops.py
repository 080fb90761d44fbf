"""Loops of the generated function."""

from __future__ import annotations

from abc import abstractmethod

from hub.mapping import tree
from hub.mapping.hoist import loop_uses
from hub.mapping.write_values import ValueWriter
from hub.mapping.writer import LoopNames

_LIGHT = 4_000
"""Below this cost, some ten to a hundred rounds of loops, it is not counted how large the values are that they repeat."""


class LoopWriter(ValueWriter):
    """Writes $for."""

    @abstractmethod
    def part(self, part: tree.Part) -> tuple[str, bool]:
        """The value of a part, and whether it can be LEFT."""

    def _part_for(self, part: tree.For) -> tuple[str, bool]:
        pair = len(part.names) == 2
        items, made, loop = self.new("s"), self.new("o"), LoopNames(self.new("i"), self.new("n"))
        self.line(f"{items} = {self.strict(part.items)}")
        self.line(f"if _type({items}) is not {'_dict' if pair else '_list'}: _stop()")
        variables = tuple(self.new("x") for _ in part.names)
        self._charge(part, items)
        outer, outer_loop, outer_hoisted = dict(self.names), self.loop, dict(self.hoisted)
        self.names |= dict(zip(part.names, variables, strict=True))
        self.loop = loop
        uses = loop_uses(part)
        head = ", ".join(variables)
        source = f"_items({items})" if pair else items
        where, source = self._where(part, head, source, uses.loop)
        self.line(f"{made} = {'[]' if part.key is None else '{}'}")
        if {"last", "length"} & uses.loop:
            self.line(f"{loop.count} = _len({source})")
        counted = bool(uses.loop)
        if counted and where is None:
            self.line(f"for {loop.index}, {head if not pair else f'({head})'} in _enumerate({source}, 1):")
        else:
            if counted:
                self.line(f"{loop.index} = 0")
            self.line(f"for {head} in {source}:")
        self.depth += 1
        if where is not None:
            self.line(f"if not ({where}): continue")
            if counted:
                self.line(f"{loop.index} += 1")
        self.hoist(uses, part.names)
        self._each(part, made)
        self.depth -= 1
        self.names, self.loop, self.hoisted = outer, outer_loop, outer_hoisted
        return made, False

    def _where(self, part: tree.For, head: str, source: str, loop: frozenset[str]) -> tuple[str | None, str]:
        """The condition for the loop itself, or none after the items were chosen beforehand because `loop` must know how many."""
        if part.where is None:
            return None, source
        condition = self.strict(part.where)
        if not {"last", "length"} & loop:
            return condition, source
        kept = self.new("k")
        self.line(f"{kept} = []")
        self.line(f"for {head} in {source}:")
        self.line(f" if {condition}: _push({kept}, {f'({head})'})")
        return None, kept

    def _each(self, part: tree.For, made: str) -> None:
        if part.key is not None:
            name = self.new("t")
            self.line(f"{name} = {self.strict(part.key)}")
            self.line(f"if _type({name}) is not _str or {name} in {made}: _stop()")
            code, left = self.part(part.each)
            store = f"{made}[{name}] = "
            close = ""
        else:
            code, left = self.part(part.each)
            store, close = f"_push({made}, ", ")"
        if left:
            code = self.held(code)
            self.line(f"if {code} is not _LEFT: {store}{code}{close}")
        else:
            self.line(f"{store}{code}{close}")

    def _charge(self, part: tree.For, items: str) -> None:
        """Pays for the loop before it runs: its steps, its literal text, and every value from outside that it repeats."""
        uses = loop_uses(part)
        self.line(f"w += _len({items}) * {uses.weight}")
        outside = [f", {self.names[root]}, {steps!r}" for root, steps in uses.outside if root in self.names]
        self.line(f"if w > {_LIGHT}: w = _heavy(w, _len({items}){''.join(outside)})")
