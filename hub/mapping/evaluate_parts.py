"""Objects, lists and directives in the checked form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.errors import LinkMissing
from hub.mapping import expression as ex
from hub.mapping import limits, tree
from hub.mapping.evaluate_loops import Loops
from hub.mapping.filters.base import masked
from hub.mapping.findings import MappingFault
from hub.mapping.recording import MOST_READS, Bound, Reads
from hub.mapping.runtime import LEFT, case, code_like, column_of, identity, size, text
from hub.mapping.situation import STEP_WORK, Missing

_PLAIN = (str, int, bool, Decimal, list, dict, float, type(None))


class Parts(Loops):
    """Evaluates everything that a mapping file can hold."""

    def make(self, part: tree.Part) -> Any:
        """The value of a part, or LEFT."""
        self._spend(STEP_WORK)
        before, self.part = self.part, part
        try:
            return getattr(self, _MAKERS[type(part)])(part)
        except LinkMissing:
            raise
        except MappingFault as fault:
            if (
                self.guarded
                or fault.code == "MAP-LIMIT"
                or len(self.faults) >= limits.ERRORS
                or isinstance(part, tree.Let)
            ):
                raise
            self.faults.append(fault)
            return None
        finally:
            self.part = before

    def _leaf(self, part: tree.Leaf) -> Any:
        with self._separate_reads() as reads:
            value = self.eval(part.expr)
        if value is LEFT:
            self._told(part, LEFT, reads)
            return LEFT
        self._spend(len(value) if value.__class__ is str else size(value) if value.__class__ in (list, dict) else 0)
        if value.__class__ not in _PLAIN:
            raise self.fault("MAP-TYPE", f"The result is {masked(value)}, which is not plain data.")
        self._told(part, value, reads)
        return value

    def _told(self, part: tree.Part, value: Any, reads: Reads) -> None:
        for control in self.reads.control:
            reads.control.setdefault(control, self.reads.control[control])
        if len(self.gathered) <= MOST_READS:
            self.gathered.update(reads.all())
        self.recorder.leaf(part, self.target(part), value, reads, self.branches)

    def _object(self, part: tree.Object) -> dict[str, Any]:
        made = {}
        for name, inner in part.fields:
            value = self.make(inner)
            if value is not LEFT:
                made[name] = value
        if not made:
            self._told(part, made, Reads())
        return made

    def _array(self, part: tree.Array) -> list[Any]:
        made = [value for value in (self.make(item) for item in part.items) if value is not LEFT]
        if not made:
            self._told(part, made, Reads())
        return made

    def _if(self, part: tree.If) -> Any:
        with self._branching() as branch:
            with self._control():
                truth = self.eval(part.test)
            chosen = part.then if truth else part.other
            branch(f"$if: {'$then' if truth else '$else'}")
            if chosen is None:
                self._told(part, LEFT, Reads())
                return LEFT
            return self.make(chosen)

    def _match(self, part: tree.Match) -> Any:
        with self._branching() as branch:
            with self._control():
                given = self.eval(part.value)
            name = self.checked(lambda: case(given))
            if name is None and part.null is not None:
                branch("$match: $null")
                return self.make(part.null)
            for key, inner in part.branches:
                if key == name:
                    branch(f"$match: {key}")
                    return self.make(inner)
            if part.other is not None:
                branch("$match: $else")
                return self.make(part.other)
            if name is None:
                raise self.fault(
                    "MAP-MATCH",
                    "$match has no branch for null.",
                    "Add a branch $null or $else.",
                    self.source_of(part.value),
                )
            raise self.fault(
                "MAP-MATCH",
                f"$match has no branch for {code_like(given)}.",
                "Add the branch, or $else.",
                self.source_of(part.value),
            )

    def _first(self, part: tree.First) -> Any:
        with self._branching() as branch:
            for number, option in enumerate(part.options, 1):
                value = self._guarded(option)
                if value is not LEFT and not _is_empty(value):
                    branch(f"$first: {number}")
                    return value
            if part.other is not None:
                branch("$first: default")
                return self.make(part.other)
        raise self.missing_fault(
            "None of the values of $first is there.", "Add `default:`, or put $optional around it."
        )

    def _optional(self, part: tree.Optional) -> Any:
        before, mark = self.reads, self.recorder.mark()
        self.reads = Reads(control=dict(before.control))
        try:
            value = self._guarded(part.part)
            if value is LEFT or _is_empty(value):
                self.reads.control.update(self.recorder.dropped(mark))
                self._told(part, LEFT, Reads())
                return LEFT
        finally:
            self.reads = before
        return value

    def _guarded(self, part: tree.Part) -> Any:
        mark = self.recorder.mark()
        self.guarded += 1
        try:
            base = _base(part)
            if base is not None:
                # the value that the filters work on: if it is missing or null they are not asked at all
                with self._control():
                    value = self.eval(base)
                if value is None:
                    return LEFT
            value = self.make(part)
        except Missing as fault:
            self._missed(fault)
            value = LEFT
        finally:
            self.guarded -= 1
        if value is LEFT or _is_empty(value):
            self.reads.control.update(self.recorder.dropped(mark))
        return value

    def _lookup(self, part: tree.Lookup) -> Any:
        with self._separate_reads() as reads:
            try:
                keys = [self.eval(key) for key in part.keys]
            except Missing as fault:
                if not part.optional and part.other is None:
                    raise
                self._missed(fault)
                keys = [None]
        hit = None if None in keys else self.checked(lambda: self.tables[part.table].find(*keys))
        if hit is not None:
            value = self.checked(lambda: column_of(hit, part.column))
            self.recorder.lookup(part.table, keys, hit)
            self._told(part, value, reads)
            return value
        self.reads.control.update(reads.data)
        table = self.tables[part.table]
        if table.has_default and part.other is None:
            self._told(part, table.default, reads)
            return table.default
        if part.other is not None:
            with self._branching() as branch:
                branch("$lookup: default")
                return self.make(part.other)
        if part.optional:
            self._told(part, LEFT, reads)
            return LEFT
        shown = ", ".join("null" if key is None else code_like(key) for key in keys)
        source = self.source_of(part.keys[0])
        raise self.fault(
            "MAP-LOOKUP", f"The table {part.table} has no row for {shown}.", "Add the row, or a `default:`.", source
        )

    def _link(self, part: tree.Link) -> Any:
        with self._separate_reads() as reads:
            try:
                key = self.eval(part.key)
            except Missing as fault:
                if not part.optional:
                    raise
                self._missed(fault)
                key = None
        if part.optional and (key is None or key == ""):
            self._told(part, LEFT, reads)
            return LEFT
        name = self.checked(lambda: identity(key, "$link"))
        found = self.links.resolve(part.entity, name, part.natural)
        if found is None:
            if not part.optional:
                self.missing[(part.entity, name, part.natural)] = None
                return None  # the run will end with all missing links at once
            self._told(part, LEFT, reads)
            return LEFT
        self.used.append((part.entity, name, part.natural, found))
        self._told(part, found, reads)
        return found

    def _merge(self, part: tree.Merge) -> Any:
        made: Any = None
        faults = len(self.faults)
        for inner in part.parts:
            mark = self.recorder.mark()
            value = self.make(inner)
            if value is LEFT or len(self.faults) > faults:
                continue
            if made is None and value.__class__ in (list, dict):
                made = value.copy()
            elif made.__class__ is list and value.__class__ is list:
                self.recorder.moved(mark, self.target(part), len(made))
                made += value
                self._spend(len(value))
            elif made.__class__ is dict and value.__class__ is dict:
                made |= value
            else:
                fix = "If it may be null, put $optional around it." if value is None else ""
                raise self.fault("MAP-TYPE", f"$merge needs only objects or only lists, but got {masked(value)}.", fix)
        return LEFT if made is None else made

    def _let(self, part: tree.Let) -> Any:
        outer, outer_loop = dict(self.scope), self.loop
        new: dict[str, Bound] = {}
        try:
            for name, inner in part.values:
                self._bind(name, inner)
                if part.sealed:
                    new[name] = self.scope[name]
                    self.scope = dict(outer)
            if part.sealed:
                self.scope = {"src": outer["src"], "meta": outer["meta"], **new}
            return self.make(part.part)
        finally:
            self.scope, self.loop = outer, outer_loop

    def _bind(self, name: str, part: tree.Part) -> None:
        before = len(self.faults)
        around, self.gathered = self.gathered, {}
        with self._separate_reads() as reads:
            value = self.make(part)
        gathered = {**self.gathered, **reads.all()}
        self.gathered = around
        around.update(gathered)
        if len(self.faults) > before:
            raise self.faults[0]  # what uses this value would fail as well, with errors that only confuse
        if value is LEFT:
            self.part = part
            raise self.fault("MAP-MISSING", f"`let` {name} has no value.", "Give it one for every case, or use null.")
        origin = self._origin(part)
        if origin is None:
            self._spend(size(value))
        self.scope[name] = Bound(
            value, origin, {} if origin is not None else gathered if len(gathered) <= MOST_READS else {"src": None}
        )

    def _origin(self, part: tree.Part) -> str | None:
        if not isinstance(part, tree.Leaf) or ex.path(part.expr) is None:
            return None
        found = self._reach(part.expr)
        return found[1]

    def _error(self, part: tree.Error) -> Any:
        message = self.eval(part.message)
        raise self.fault(part.code, self.checked(lambda: text(message)))

    def _omit(self, part: tree.Omit) -> Any:  # noqa: ARG002 - one signature for all makers
        return LEFT


def _base(part: tree.Part) -> ex.Expr | None:
    """The value that a chain of filters starts from."""
    if not isinstance(part, tree.Leaf):
        return None
    expr = part.expr
    while isinstance(expr, ex.FilterCall):
        expr = expr.base
    return expr


def _is_empty(value: Any) -> bool:
    return value is None or (value.__class__ in (str, list, dict) and not value)


_MAKERS = {
    tree.Leaf: "_leaf", tree.Object: "_object", tree.Array: "_array", tree.For: "_for", tree.If: "_if", tree.Match: "_match",
    tree.First: "_first", tree.Optional: "_optional", tree.Lookup: "_lookup", tree.Link: "_link", tree.Merge: "_merge",
    tree.Let: "_let", tree.Error: "_error", tree.Omit: "_omit",
}  # fmt: skip
