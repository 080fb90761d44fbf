"""The checked form of a mapping: the same tree, evaluated step by step, with every error naming its place.

It runs when the fast function raised, to say why, and when somebody asks where each value came from. Both forms must agree;
tests/unit/mapping holds them against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal, DecimalException
from typing import Any

from hub.errors import LinkMissing, MappingError
from hub.mapping import expression as ex
from hub.mapping import limits, tree
from hub.mapping.filters.base import ABSENT, masked
from hub.mapping.findings import MappingFault, did_you_mean
from hub.mapping.methods import METHODS
from hub.mapping.predicates import PREDICATES
from hub.mapping.runtime import (
    ARITHMETIC,
    LEFT,
    Links,
    case,
    code_like,
    column_of,
    identity,
    joined,
    negative,
    positive,
    size,
    text,
)

NODE_WORK = 16
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}  # fmt: skip
_PLAIN = (str, int, bool, Decimal, list, dict, float, type(None))
_MOST_READS = 200
_MAY_BE_MISSING = "If it may be missing, write `| default(...)` after it or mark the field $optional."


class Missing(MappingFault):
    """A path leads nowhere: caught by default, $optional, $first and `is defined`."""


@dataclass(slots=True)
class Bound:
    """A named value; ``origin`` is its path in the source, or ``reads`` has the paths it was made of, with their values."""

    value: Any
    origin: str | None = None
    reads: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Reads:
    """The source paths, and their values, that one value depends on: by its content, or only by the way that was taken."""

    data: dict[str, Any] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)

    def all(self) -> dict[str, Any]:
        """Both together; very many are put down as the whole source."""
        both = {**self.control, **self.data}
        return both if len(both) <= _MOST_READS else {"src": None}


class Recorder:
    """What is told about every value as it is made; this one listens to nothing. See :mod:`hub.mapping.lineage`."""

    def leaf(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:
        """A value was made."""

    def lookup(self, table: str, key: Any, hit: Any) -> None:
        """The next value came from this row of a table."""

    def shape(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:
        """A list or an object was made by $for; ``reads`` decided how many items it has."""

    def mark(self) -> int:
        """How much has been told so far."""
        return 0

    def moved(self, since: int, target: str, by: int) -> None:
        """The items told since then stand ``by`` places later in the list at ``target``."""

    def dropped(self, since: int) -> dict[str, Any]:  # noqa: ARG002 - this one listens to nothing
        """What was told since then did not get into the output; gives the paths that decided so."""
        return {}


@dataclass(slots=True)
class Outcome:
    """What a run made: the record, the external id, or the rule that filtered the message."""

    record: Any
    key: str | None
    filtered: str | None
    links: list[tuple[str, str, bool, str]]


class Evaluator:
    """One run of one program over one source record."""

    def __init__(
        self,
        program: tree.Program,
        src: Any,
        meta: Any,
        links: Links,
        filters: Mapping[str, Callable[..., Any]],
        tables: Mapping[str, Any],
        recorder: Recorder | None = None,
    ) -> None:
        self.program = program
        self.filters = filters
        self.tables = tables
        self.links = links
        self.recorder = recorder or Recorder()
        self.scope: dict[str, Bound] = {"src": Bound(src, "src"), "meta": Bound(meta, "meta")}
        self.loop: dict[str, Any] = {}
        self.indexes: list[str | int] = []
        self.part: tree.Part = program.output
        self.reads = Reads()
        self.branches: tuple[str, ...] = ()
        self.guarded = 0
        self.work = 0
        self.faults: list[MappingFault] = []
        self.used: list[tuple[str, str, bool, str]] = []
        self.gathered: dict[str, Any] = {}  # what the value of a `let` was made of, wherever in it
        self.missing: dict[tuple[str, str, bool], None] = {}

    # --- the whole mapping

    def run(self) -> Outcome:
        """Makes the record, or raises the one error that lists all that failed."""
        program, early = self.program, early_names(self.program)
        for name, part in program.let:
            if name in early:
                self._bind(name, part)
        if program.when is not None:
            self.part = program.when
            if not self.eval(program.when.expr):
                rule = f"{program.file}:{program.when.place.line}: when: {program.when.text}"
                return Outcome(None, None, rule, self.used)
        for name, part in program.let:
            if name not in early:
                self._bind(name, part)
        key = self._key() if program.key is not None else None
        record = self.make(program.output)
        if self.faults:
            first, *others = self.faults
            first.also = others
            raise first
        if record is LEFT:
            raise self.fault("MAP-MISSING", "The whole output was left out.", "Use `when:` to filter records.")
        if self.missing:
            raise links_missing(self.missing, program.file)
        return Outcome(record, key, None, self.used)

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
            value, origin, {} if origin is not None else gathered if len(gathered) <= _MOST_READS else {"src": None}
        )

    def _origin(self, part: tree.Part) -> str | None:
        if not isinstance(part, tree.Leaf) or ex.path(part.expr) is None:
            return None
        found = self._reach(part.expr)
        return found[1]

    def _key(self) -> str:
        assert self.program.key is not None
        self.part = self.program.key
        try:
            return identity(self.eval(self.program.key.expr), "`key`")
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error) from None

    # --- parts

    def make(self, part: tree.Part) -> Any:
        """The value of a part, or LEFT."""
        self._spend(NODE_WORK)
        before, self.part = self.part, part
        try:
            return _MAKERS[type(part)](self, part)
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
        if len(self.gathered) <= _MOST_READS:
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
        if len(self.gathered) <= _MOST_READS:
            self.gathered.update(shape.all())
        self.recorder.shape(part, self.target(part), made, shape, self.branches)
        return made

    def _kept(
        self, part: tree.For, items: list[tuple[Bound, ...]], entry: dict[str, Any], shape: Reads
    ) -> list[tuple[tuple[Bound, ...], Reads]]:
        """The items that $where lets through, each with what that depended on; ``shape`` learns all of it."""
        kept = []
        for bound in items:
            self._spend(NODE_WORK)
            if part.where is None:
                kept.append((bound, Reads(control=entry)))
                continue
            self.scope.update(zip(part.names, bound, strict=True))
            self.reads = Reads()
            truth = self.eval(part.where)
            asked = self.reads.all()
            if len(shape.control) < _MOST_READS:
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
                (Bound(k, None, reads or {origin or "src": None}), Bound(v, _step(origin, k), reads))
                for k, v in value.items()
            ]
        if value.__class__ is not list:
            fix = "Write `| default([], true)` after it if it may be null." if value is None else ""
            raise self.fault("MAP-TYPE", f"$for needs a list, but got {masked(value)}.", fix, origin)
        return [(Bound(item, _step(origin, index), reads),) for index, item in enumerate(value)]

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
            name = self._checked(lambda: case(given))
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
                    self._source(part.value),
                )
            raise self.fault(
                "MAP-MATCH",
                f"$match has no branch for {code_like(given)}.",
                "Add the branch, or $else.",
                self._source(part.value),
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
        hit = None if None in keys else self._checked(lambda: self.tables[part.table].find(*keys))
        if hit is not None:
            value = self._checked(lambda: column_of(hit, part.column))
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
        source = self._source(part.keys[0])
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
        name = self._checked(lambda: identity(key, "$link"))
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

    def _error(self, part: tree.Error) -> Any:
        message = self.eval(part.message)
        raise self.fault("MAP-ERROR", self._checked(lambda: text(message)))

    def _omit(self, part: tree.Omit) -> Any:  # noqa: ARG002 - one signature for all makers
        return LEFT

    # --- expressions

    def eval(self, expr: ex.Expr) -> Any:
        """The value of an expression; ABSENT only where a filter found nothing, LEFT only for an `if` without `else`."""
        self._spend(NODE_WORK)
        if isinstance(expr, ex.Name | ex.Access):
            value, origin = self._reach(expr)
            if origin is not None:
                self._read(origin, value)
            return value
        try:
            return _EVALUATORS[type(expr)](self, expr)
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error, self._source(expr)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, DecimalException, AttributeError) as error:
            raise self._clash(expr, error) from None

    def _clash(self, expr: ex.Expr, error: Exception) -> MappingFault:
        source = self._source(expr)
        if isinstance(expr, ex.FilterCall):
            return self.fault("MAP-TYPE", f"The filter `{expr.name}` cannot take this value.", source=source)
        what = {ex.Compare: "These values cannot be compared.", ex.Is: "The test does not fit the value."}
        return self.fault(
            "MAP-TYPE", what.get(type(expr), f"The values do not fit ({type(error).__name__})."), source=source
        )

    def _reach(self, expr: ex.Expr) -> tuple[Any, str | None]:
        """The value of a path and where in the source it is; the paths that only led there are not read."""
        if isinstance(expr, ex.Name):
            bound = self.scope[expr.name]
            if bound.origin is None:
                for read, value in bound.reads.items():
                    self._read(read, value)
            return bound.value, bound.origin
        if not isinstance(expr, ex.Access):
            return self.eval(expr), None
        base, origin = self._reach(expr.base)
        key = self.eval(expr.key)
        self._spend(NODE_WORK)
        return self._item(base, key, origin), _step(origin, key)

    def _item(self, base: Any, key: Any, origin: str | None) -> Any:
        there, kind = origin or "The value", base.__class__
        if kind is dict and key.__class__ is str:
            if key in base:
                return base[key]
            hint = did_you_mean(key, base) if len(base) <= 200 else ""
            raise self.missing_fault(
                f"{there} has no field {key!r}.", f"{hint} {_MAY_BE_MISSING}".strip(), _step(origin, key)
            )
        if kind is dict:
            raise self.missing_fault(
                f"{there} has no {_named(key)}: the names of its fields are text.", "", _step(origin, key)
            )
        if kind in (list, str) and isinstance(key, int):
            if -len(base) <= key < len(base):
                return base[key]
            raise self.missing_fault(
                f"{there} has only {len(base)} items, so no [{key}].", _MAY_BE_MISSING, _step(origin, key)
            )
        if base is None:
            what = "null" if base is None else "not there"
            raise self.missing_fault(
                f"{there} is {what}, so it has no {_named(key)}.", _MAY_BE_MISSING, _step(origin, key)
            )
        fix = "Use an index such as [0], or the filter `first`." if kind is list else ""
        raise self.fault("MAP-TYPE", f"{there} is {masked(base)}, which has no {_named(key)}.", fix, _step(origin, key))

    def _const(self, expr: ex.Const) -> Any:
        return expr.value

    def _loop(self, expr: ex.Loop) -> Any:
        return self.loop[expr.what]

    def _slice(self, expr: ex.Slice) -> Any:
        base = self.eval(expr.base)
        start, stop = (None if part is None else self.eval(part) for part in (expr.start, expr.stop))
        if base.__class__ not in (str, list):
            raise self.fault(
                "MAP-TYPE", f"Only text and lists have parts, but got {masked(base)}.", source=self._source(expr.base)
            )
        return base[start:stop]

    def _filter(self, expr: ex.FilterCall) -> Any:
        args = [self.eval(arg) for arg in expr.args]
        named = {name: self.eval(arg) for name, arg in expr.named}
        base = self.eval(expr.base)
        result = self.filters[expr.name](base, *args, **named)
        self._spend(len(result) if result.__class__ in (str, list) else 0)
        if result is ABSENT:
            raise self.missing_fault(f"The filter `{expr.name}` found nothing.")
        return result

    def _default(self, expr: ex.Default) -> Any:
        try:
            value = self.eval(expr.base)
        except Missing as fault:
            self._missed(fault)
            value = ABSENT
        if value is ABSENT or (expr.empty and not value):
            return self.eval(expr.other)
        return value

    def _defined(self, expr: ex.Defined) -> bool:
        try:
            self.eval(expr.base)
        except Missing as fault:
            self._missed(fault)
            return False
        return True

    def _is(self, expr: ex.Is) -> bool:
        base = self.eval(expr.base)
        return PREDICATES[expr.name].function(base, *(self.eval(arg) for arg in expr.args))

    def _cond(self, expr: ex.Cond) -> Any:
        with self._control():
            truth = self.eval(expr.test)
        if truth:
            return self.eval(expr.then)
        return LEFT if expr.other is None else self.eval(expr.other)

    def _binary(self, expr: ex.Binary) -> Any:
        result = ARITHMETIC[expr.op](self.eval(expr.left), self.eval(expr.right))
        self._spend(len(result) if result.__class__ in (str, list) else 0)
        return result

    def _unary(self, expr: ex.Unary) -> Any:
        value = self.eval(expr.base)
        return not value if expr.op == "not" else negative(value) if expr.op == "-" else positive(value)

    def _logic(self, expr: ex.Logic) -> Any:
        left = self.eval(expr.left)
        if bool(left) == (expr.op == "or"):
            return left
        return self.eval(expr.right)

    def _compare(self, expr: ex.Compare) -> bool:
        left = self.eval(expr.first)
        for op, right_expr in expr.rest:
            right = self.eval(right_expr)
            if op in ("in", "not in"):
                self._spend(len(right))
            if not _COMPARE[op](left, right):
                return False
            left = right
        return True

    def _concat(self, expr: ex.Concat) -> str:
        result = joined(*(self.eval(part) for part in expr.parts))
        self._spend(len(result))
        return result

    def _list(self, expr: ex.ListOf) -> list[Any]:
        return [self.eval(item) for item in expr.items]

    def _dict(self, expr: ex.DictOf) -> dict[str, Any]:
        made = {}
        for key_expr, value_expr in expr.items:
            key, value = self.eval(key_expr), self.eval(value_expr)
            if key.__class__ is not str:
                raise self.fault("MAP-TYPE", f"A name in an object must be text, but got {masked(key)}.")
            made[key] = value
        return made

    def _method(self, expr: ex.MethodCall) -> Any:
        base, args = self.eval(expr.base), [self.eval(arg) for arg in expr.args]
        method = METHODS[expr.name]
        if base.__class__ is not method.type:
            kind = "text" if method.type is str else "an object"
            raise self.fault(
                "MAP-TYPE", f".{expr.name}() needs {kind}, but got {masked(base)}.", source=self._source(expr.base)
            )
        return method.function(base, *args)

    # --- faults

    def target(self, part: tree.Part) -> str:
        """The path of a part in the output, with the numbers of the loops it is in."""
        shown, waiting = part.place.target, list(self.indexes)
        waiting = waiting[len(waiting) - shown.count("[]") - shown.count(".*") :]
        pieces = shown.replace(".*", "[]").split("[]")
        out = pieces[0]
        for index, piece in zip(waiting, pieces[1:], strict=False):
            out += (f"[{index}]" if isinstance(index, int) else f".{index}") + piece
        return out

    def fault(self, code: str, message: str, fix: str = "", source: str | None = None) -> MappingFault:
        """An error at the part that is being made."""
        place = self.part.place
        return MappingFault(
            message,
            code=code,
            fix=fix,
            file=place.file,
            line=place.line,
            at=self.target(self.part),
            source=source or "",
        )

    def missing_fault(self, message: str, fix: str = _MAY_BE_MISSING, source: str | None = None) -> Missing:
        """The error for a path that leads nowhere."""
        place = self.part.place
        return Missing(
            message,
            code="MAP-MISSING",
            fix=fix,
            file=place.file,
            line=place.line,
            at=self.target(self.part),
            source=source or "",
        )

    def placed(self, error: MappingError, source: str | None = None) -> MappingFault:
        """An error of a filter or a calculation, with its place."""
        message = f"{error.message.rstrip('.')} (read from {source})." if source else error.message
        return self.fault(error.code, message, error.fix, source)

    def _checked(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error) from None

    def _source(self, expr: ex.Expr) -> str | None:
        """The first source path below an expression, for a message."""
        for inner in ex.walk(expr):
            if isinstance(inner, ex.Access | ex.Name) and ex.path(inner) is not None:
                name, steps = ex.path(inner) or ("", ())
                bound = self.scope.get(name)
                origin = bound.origin if bound is not None and bound.origin else name
                for step in steps:
                    origin = _step(origin, step) or origin
                return origin
        return None

    # --- bookkeeping

    def _spend(self, units: int) -> None:
        self.work += units
        if self.work > limits.WORK:
            raise self.fault(
                "MAP-LIMIT",
                "The mapping does too much work for one record.",
                "Use fewer loops inside loops, or shorter texts.",
            )

    def _read(self, origin: str, value: Any) -> None:
        self.reads.data.setdefault(origin, value)

    def _missed(self, fault: Missing) -> None:
        """That a path leads nowhere decides the way."""
        if fault.source:
            self.reads.control.setdefault(fault.source, ABSENT)

    @contextmanager
    def _separate_reads(self) -> Iterator[Reads]:
        outer, self.reads = self.reads, Reads(control=dict(self.reads.control))
        inner = self.reads
        try:
            yield inner
        finally:
            self.reads = outer

    @contextmanager
    def _control(self) -> Iterator[None]:
        """What is read inside decides the way, not the content."""
        outer, self.reads = self.reads, Reads()
        try:
            yield
        finally:
            inner, self.reads = self.reads, outer
            self.reads.control.update(inner.control)
            self.reads.control.update(inner.data)

    @contextmanager
    def _branching(self) -> Iterator[Callable[[str], None]]:
        """The parts made inside depend on what is read to choose the branch; those after it do not."""
        branches, before = self.branches, Reads(self.reads.data, dict(self.reads.control))

        def choose(branch: str) -> None:
            self.branches = (*branches, branch)

        try:
            yield choose
        finally:
            self.branches = branches
            self.reads = before


def early_names(program: tree.Program) -> frozenset[str]:
    """The names of `let` that `when` needs, directly or through others: they are made before it, the rest only after."""
    if program.when is None:
        return frozenset()
    needed = {inner.name for inner in ex.walk(program.when.expr) if isinstance(inner, ex.Name)}
    for name, part in reversed(program.let):
        if name in needed:
            needed |= {
                i.name
                for p in tree.walk(part)
                for e in tree.expressions(p)
                for i in ex.walk(e)
                if isinstance(i, ex.Name)
            }
    return frozenset(needed)


def links_missing(missing: Mapping[tuple[str, str, bool], None], file: str) -> LinkMissing:
    """The one error for all records that are not known on the other side yet."""
    entities = ", ".join(sorted({entity for entity, _, _ in missing}))
    return LinkMissing(
        f"{len(missing)} records are not known on the other side yet: {entities}.", missing=list(missing), where=file
    )


def _base(part: tree.Part) -> ex.Expr | None:
    """The value that a chain of filters starts from."""
    if not isinstance(part, tree.Leaf):
        return None
    expr = part.expr
    while isinstance(expr, ex.FilterCall):
        expr = expr.base
    return expr


def _is_chain(expr: ex.Expr) -> bool:
    while isinstance(expr, ex.Access):
        expr = expr.base
    return isinstance(expr, ex.Name)


def _is_empty(value: Any) -> bool:
    return value is None or (value.__class__ in (str, list, dict) and not value)


def _step(origin: str | None, key: Any) -> str | None:
    if origin is None:
        return None
    if key.__class__ is int:
        return f"{origin}[{key}]"
    name = str(key)
    return f"{origin}.{name}" if name.replace("_", "a").isalnum() else f"{origin}[{name!r}]"


def _named(key: Any) -> str:
    return f"field {key!r}" if key.__class__ is str else f"[{key}]" if key.__class__ is int else "such part"


# ruff: disable[SLF001]
_MAKERS: dict[type, Callable[[Evaluator, Any], Any]] = {
    tree.Leaf: Evaluator._leaf, tree.Object: Evaluator._object, tree.Array: Evaluator._array, tree.For: Evaluator._for,
    tree.If: Evaluator._if, tree.Match: Evaluator._match, tree.First: Evaluator._first, tree.Optional: Evaluator._optional,
    tree.Lookup: Evaluator._lookup, tree.Link: Evaluator._link, tree.Merge: Evaluator._merge, tree.Let: Evaluator._let,
    tree.Error: Evaluator._error, tree.Omit: Evaluator._omit,
}  # fmt: skip
_EVALUATORS: dict[type, Callable[[Evaluator, Any], Any]] = {
    ex.Const: Evaluator._const, ex.Loop: Evaluator._loop, ex.Slice: Evaluator._slice, ex.FilterCall: Evaluator._filter,
    ex.Default: Evaluator._default, ex.Defined: Evaluator._defined, ex.Is: Evaluator._is, ex.Cond: Evaluator._cond,
    ex.Binary: Evaluator._binary, ex.Unary: Evaluator._unary, ex.Logic: Evaluator._logic, ex.Compare: Evaluator._compare,
    ex.Concat: Evaluator._concat, ex.ListOf: Evaluator._list, ex.DictOf: Evaluator._dict, ex.MethodCall: Evaluator._method,
}  # fmt: skip
# ruff: enable[SLF001]
