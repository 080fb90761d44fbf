"""Writes one Python function for a whole mapping: plain subscripts, no attribute access, nothing computed beforehand.

The function is the fast form: it takes for granted that the record fits, and whatever does not fit makes it raise. Then the
checked form (:mod:`hub.mapping.evaluate`) runs over the same tree and says what is wrong. Names that begin with ``_`` are
the few helpers in the function's namespace; a mapping cannot name them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.evaluate import early_names
from hub.mapping.fast import HELPERS, INLINE, method_caller
from hub.mapping.filters import FILTERS
from hub.mapping.hoist import Uses, loop_uses, program_uses
from hub.mapping.methods import METHODS
from hub.mapping.predicates import PREDICATES

_OPERATORS = {"+": "_add", "-": "_subtract", "*": "_multiply", "/": "_divide", "//": "_whole_divide", "%": "_remainder"}
_FEW_PARTS = 8
_SHORT = 4_096
_GROWERS = frozenset({"replace", "pad", "join", "json", "sort", "group", "flatten", "merge"})
_LIGHT = 20_000
"""Below this cost, some ten to a hundred rounds of loops, it is not counted how large the values are that they repeat."""
_TEXTS = (ex.Concat,)


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


@dataclass(slots=True)
class _Loop:
    index: str
    count: str


@dataclass(slots=True)
class Coder:
    """Writes the function line by line."""

    filters: Mapping[str, Callable[..., Any]]
    absent: frozenset[str]
    lines: list[tuple[str, tree.Place | None]] = field(default_factory=list)
    place: tree.Place | None = None
    depth: int = 1
    names: dict[str, str] = field(default_factory=lambda: {"src": "src", "meta": "meta"})
    hoisted: dict[tuple[str, tuple[Any, ...]], str] = field(default_factory=dict)
    loop: _Loop | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    used_filters: dict[str, None] = field(default_factory=dict)
    tables: dict[tuple[str, str, str, bool], None] = field(default_factory=dict)
    computed: set[str] = field(default_factory=set)
    count: int = 0

    # --- the function

    def program(self, program: tree.Program) -> Code:
        """The whole function."""
        early = early_names(program)
        for name, part in program.let:
            if name in early:
                self._bind(name, part)
        if program.when is not None:
            self.line(f"if not ({self.strict(program.when.expr)}): return None")
        self._hoist(program_uses(program), ("src", "meta"))
        for name, part in program.let:
            if name not in early:
                self._bind(name, part)
        self._hoist(program_uses(program), tuple(name for name, _ in program.let))
        self._repeated(program)
        key = "None"
        if program.key is not None:
            given = self._held(self.strict(program.key.expr))
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

    def line(self, text: str) -> None:
        """One line at the present depth."""
        self.lines.append((" " * self.depth + text, self.place))

    def new(self, letter: str) -> str:
        """A name that was not used yet."""
        self.count += 1
        return f"{letter}{self.count}"

    def _bind(self, name: str, part: tree.Part) -> None:
        code, left = self.part(part)
        var = self.new("v")
        self.line(f"{var} = {code}")
        if left:
            self.line(f"if {var} is _LEFT: _stop()")
        self.names[name] = var
        if isinstance(part, tree.Leaf) and (ex.path(part.expr) is not None or isinstance(part.expr, ex.Const)):
            self.computed.discard(name)
            return
        if self._may_grow(part):
            self.line(f"w = _grown(w, {var})")
        self.computed.add(name)

    def _may_grow(self, part: tree.Part) -> bool:
        """Can this value be much larger than the source? Only by using what was computed before more than once, or by a loop."""
        uses = 0
        for inner in tree.walk(part):
            if isinstance(inner, tree.For):
                return True
            for expr in tree.expressions(inner):
                for found in ex.walk(expr):
                    uses += isinstance(found, ex.Name) and found.name in self.computed
                    if isinstance(found, ex.FilterCall) and (found.name in _GROWERS or found.name not in FILTERS):
                        return True
        return uses > 1

    def _hoist(self, uses: Uses, roots: tuple[str, ...]) -> None:
        for root, steps in uses.shared(roots):
            var = self.new("h")
            self.line(f"{var} = {self._path(self.names[root], steps)}")
            self.hoisted[(self.names[root], steps)] = var

    def _repeated(self, program: tree.Program) -> None:
        """A value that goes to many places at once is charged for, because the output may be longer than the source."""
        for (root, steps), times in program_uses(program).counts.items():
            if times > _FEW_PARTS and root in self.names:
                self.line(f"w = _heavy(w, {times}, {self.names[root]}, {steps!r})")

    # --- parts: an expression that may rely on lines written before, and whether it can be LEFT

    def part(self, part: tree.Part) -> tuple[str, bool]:
        """The value of a part."""
        around, self.place = self.place, part.place
        made: tuple[str, bool] = getattr(self, f"_part_{type(part).__name__.lower()}")(part)
        self.place = around
        return made

    def _part_leaf(self, part: tree.Leaf) -> tuple[str, bool]:
        expr = part.expr
        if isinstance(expr, ex.Cond) and expr.other is None:
            return f"({self.strict(expr.then)} if {self.strict(expr.test)} else _LEFT)", True
        return self.strict(expr), False

    def _part_object(self, part: tree.Object) -> tuple[str, bool]:
        fields, left_out = [], []
        for name, inner in part.fields:
            code, left = self.part(inner)
            if left:
                code = self._held(code)
                left_out.append((name, code))
            fields.append(f"{name!r}: {code}")
        display = "{" + ", ".join(fields) + "}"
        if not left_out:
            return display, False
        var = self._held(display)
        for name, code in left_out:
            self.line(f"if {code} is _LEFT: del {var}[{name!r}]")
        return var, False

    def _held(self, code: str) -> str:
        """The value under a name, so that it can be used twice."""
        if code.isidentifier() and code != "_LEFT":
            return code
        var = self.new("t")
        self.line(f"{var} = {code}")
        return var

    def _part_array(self, part: tree.Array) -> tuple[str, bool]:
        made = [self.part(item) for item in part.items]
        display = "[" + ", ".join(code for code, _ in made) + "]"
        return (f"_kept({display})" if any(left for _, left in made) else display), False

    def _part_omit(self, part: tree.Omit) -> tuple[str, bool]:  # noqa: ARG002 - one signature for all parts
        return "_LEFT", True

    def _part_error(self, part: tree.Error) -> tuple[str, bool]:  # noqa: ARG002
        return "_stop()", False

    def _part_merge(self, part: tree.Merge) -> tuple[str, bool]:
        made = [self.part(inner) for inner in part.parts]
        return f"_merge({', '.join(code for code, _ in made)})", all(left for _, left in made)

    def _part_let(self, part: tree.Let) -> tuple[str, bool]:
        outer, loop = dict(self.names), self.loop
        new: dict[str, str] = {}
        for name, inner in part.values:
            self._bind(name, inner)
            if part.sealed:
                new[name] = self.names[name]
                self.names = dict(outer)
        if part.sealed:
            self.names = {"src": outer["src"], "meta": outer["meta"], **new}
            self.loop = None
        code, left = self.part(part.part)
        code = self._held(code) if not code.isidentifier() else code
        self.names, self.loop = outer, loop
        return code, left

    def _part_if(self, part: tree.If) -> tuple[str, bool]:
        return self._choice([(self.strict(part.test), part.then)], part.other)

    def _choice(
        self, cases: list[tuple[str, tree.Part | None]], other: tree.Part | None, *, none: str = "_LEFT"
    ) -> tuple[str, bool]:
        """One of several parts: a conditional expression where all are simple, else lines with if and else."""
        blocks = [(test, *self._block(inner)) for test, inner in cases if inner is not None]
        last = self._block(other) if other is not None else ([], none, none == "_LEFT")
        left = last[2] or any(block[3] for block in blocks)
        if not last[0] and not any(block[1] for block in blocks):
            return "(" + " else ".join([*(f"{code} if {test}" for test, _, code, _ in blocks), last[1]]) + ")", left
        var, word = self.new("t"), "if"
        for test, lines, code, _ in blocks:
            self.line(f"{word} {test}:")
            self.lines += lines
            self.line(f" {var} = {code}")
            word = "elif"
        self.line("else:")
        self.lines += last[0]
        self.line(f" {var} = {last[1]}")
        return var, left

    def _block(self, part: tree.Part) -> tuple[list[tuple[str, tree.Place | None]], str, bool]:
        """A part written one level deeper, apart from the lines so far."""
        with self._deeper() as lines:
            code, left = self.part(part)
        return lines, code, left

    @contextmanager
    def _deeper(self) -> Iterator[list[tuple[str, tree.Place | None]]]:
        outer, self.lines = self.lines, []
        inner, hoisted = self.lines, dict(self.hoisted)
        self.depth += 1
        try:
            yield inner
        finally:
            self.depth -= 1
            self.lines, self.hoisted = outer, hoisted

    def _part_match(self, part: tree.Match) -> tuple[str, bool]:
        value = self.new("t")
        self.line(f"{value} = {self.strict(part.value)}")
        self.line(f"if _type({value}) is not _str: {value} = _case({value})")
        cases: list[tuple[str, tree.Part | None]] = [(f"{value} is None", part.null)] if part.null is not None else []
        constant = all(isinstance(inner, tree.Leaf) and isinstance(inner.expr, ex.Const) for _, inner in part.branches)
        if constant and len(part.branches) > 1:
            constants = {
                key: inner.expr.value
                for key, inner in part.branches
                if isinstance(inner, tree.Leaf) and isinstance(inner.expr, ex.Const)
            }
            name = self._constant(constants)
            found = self.new("t")
            self.line(f"{found} = _get({name}, {value}, _ABSENT)")
            other, left = (
                self._choice([(f"{found} is _ABSENT", part.other)], None, none=found)
                if part.other
                else (_there(found), False)
            )
            if part.null is None:
                return other, left
            null, null_left = self.part(part.null)
            return f"({null} if {value} is None else {other})", left or null_left
        cases += [(f"{value} == {key!r}", inner) for key, inner in part.branches]
        return self._choice(cases, part.other, none="_stop()")

    def _part_first(self, part: tree.First) -> tuple[str, bool]:
        var = self.new("t")
        depth, hoisted = self.depth, dict(self.hoisted)
        for number, option in enumerate(part.options):
            if number:
                self.line(f"if not {var} and _empty({var}):")
                self.depth += 1
            self._guarded(option, var)
        self.line(f"if not {var} and _empty({var}):")
        self.depth += 1
        code, left = self.part(part.other) if part.other is not None else ("_missing()", False)
        self.line(f"{var} = {code}")
        self.depth, self.hoisted = depth, hoisted
        return var, left

    def _part_optional(self, part: tree.Optional) -> tuple[str, bool]:
        simple = self._guarded_code(part.part)
        var = self.new("t")
        if simple is not None:
            return f"({var} if ({var} := {simple}) or not _empty({var}) else _LEFT)", True
        self._guarded(part.part, var)
        self.line(f"if not {var} and _empty({var}): {var} = _LEFT")
        return var, True

    def _guarded(self, part: tree.Part, var: str) -> None:
        """Puts the part's value into ``var``, or LEFT or ABSENT where what it reads is missing."""
        simple = self._guarded_code(part)
        if simple is not None:
            self.line(f"{var} = {simple}")
            return
        lines, code, _ = self._block(part)
        self.line("try:")
        self.lines += lines
        self.line(f" {var} = {code}")
        self.line(f"except _LookupError: {var} = _LEFT")

    def _guarded_code(self, part: tree.Part) -> str | None:
        """One expression for a path with filters behind it; none where lines are needed."""
        if not isinstance(part, tree.Leaf):
            return None
        chain: list[ex.FilterCall] = []
        base = part.expr
        while isinstance(base, ex.FilterCall):
            chain.append(base)
            base = base.base
        if not isinstance(base, ex.Name | ex.Access | ex.Const | ex.Default) or not _constant_keys(base):
            return None
        code = self.tolerant(base)
        if isinstance(base, ex.Access) and chain:
            held = self.new("t")
            inner = self._filter_chain(chain, held)
            return f"(_LEFT if ({held} := {code}) is None or {held} is _ABSENT else {inner})"
        if chain:
            held = self.new("t")
            return f"(_LEFT if ({held} := {code}) is None else {self._filter_chain(chain, held)})"
        return code

    def _filter_chain(self, chain: list[ex.FilterCall], value: str) -> str:
        for call in reversed(chain):
            value = self._call(call, value)
            if call.name in self.absent and call is not chain[0]:
                value = f"_present({value})"
        return value

    def _part_lookup(self, part: tree.Lookup) -> tuple[str, bool]:
        lenient = part.optional or part.other is not None
        keys = ", ".join(self.tolerant(key) if lenient else self.strict(key) for key in part.keys)
        name = f"_l{len(self.tables)}"
        entry = next(
            (known for known in self.tables if known[1:] == (part.table, part.column, part.other is None)), None
        )
        if entry is None:
            entry = (name, part.table, part.column, part.other is None)
            self.tables[entry] = None
        var = self.new("t")
        self.line(f"{var} = {entry[0]}({keys})")
        if part.other is not None:
            return self._choice([(f"{var} is _ABSENT", part.other)], None, none=var)
        if part.optional:
            return f"(_LEFT if {var} is _ABSENT else {var})", True
        return _there(var), False

    def _part_link(self, part: tree.Link) -> tuple[str, bool]:
        if not part.optional:
            return f"_link(run, {part.entity!r}, {self.strict(part.key)}, {part.natural}, False)", False
        var = self.new("t")
        self.line(f"{var} = {self.tolerant(part.key)}")
        call = f"_link(run, {part.entity!r}, {var}, {part.natural}, True)"
        return f"(_LEFT if {var} is None or {var} is _ABSENT or {var} == '' else {call})", True

    # --- loops

    def _part_for(self, part: tree.For) -> tuple[str, bool]:
        pair = len(part.names) == 2
        items, made, loop = self.new("s"), self.new("o"), _Loop(self.new("i"), self.new("n"))
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
        self._hoist(uses, part.names)
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
            code = self._held(code)
            self.line(f"if {code} is not _LEFT: {store}{code}{close}")
        else:
            self.line(f"{store}{code}{close}")

    def _charge(self, part: tree.For, items: str) -> None:
        """Pays for the loop before it runs: its steps, its literal text, and every value from outside that it repeats."""
        uses = loop_uses(part)
        self.line(f"w += _len({items}) * {uses.weight}")
        outside = [f", {self.names[root]}, {steps!r}" for root, steps in uses.outside if root in self.names]
        self.line(f"if w > {_LIGHT}: w = _heavy(w, _len({items}){''.join(outside)})")

    # --- expressions

    def strict(self, expr: ex.Expr) -> str:
        """An expression that raises where something is missing."""
        code: str = getattr(self, f"_expr_{type(expr).__name__.lower()}")(expr)
        return code

    def tolerant(self, expr: ex.Expr) -> str:
        """An expression that is ABSENT where its path is missing."""
        if isinstance(expr, ex.Access):
            found = ex.path(expr)
            if found is not None:
                return self._walked(self.names[found[0]], found[1])
        if isinstance(expr, ex.FilterCall):
            var = self.new("t")
            return f"(_ABSENT if ({var} := {self.tolerant(expr.base)}) is _ABSENT else {self._call(expr, var)})"
        return self.strict(expr)

    def _walked(self, var: str, steps: tuple[str | int, ...]) -> str:
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

    def _path(self, var: str, steps: tuple[str | int, ...]) -> str:
        for length in range(len(steps), 0, -1):
            known = self.hoisted.get((var, steps[:length]))
            if known is not None:
                var, steps = known, steps[length:]
                break
        return var + "".join(f"[{step!r}]" for step in steps)

    def _constant(self, value: Any) -> str:
        name = f"_c{len(self.constants)}"
        self.constants[name] = value
        return name

    def _expr_const(self, expr: ex.Const) -> str:
        if isinstance(expr.value, Decimal):
            return self._constant(expr.value)
        return repr(expr.value)

    def _expr_name(self, expr: ex.Name) -> str:
        return self.names[expr.name]

    def _expr_access(self, expr: ex.Access) -> str:
        found = ex.path(expr)
        if found is not None:
            return self._path(self.names[found[0]], found[1])
        if isinstance(expr.key, ex.Const):
            return f"{self.strict(expr.base)}[{expr.key.value!r}]"
        return f"{self.strict(expr.base)}[{self.strict(expr.key)}]"

    def _expr_loop(self, expr: ex.Loop) -> str:
        assert self.loop is not None
        index, count = self.loop.index, self.loop.count
        return {
            "index": index,
            "index0": f"({index} - 1)",
            "first": f"({index} == 1)",
            "last": f"({index} == {count})",
            "length": count,
        }[expr.what]

    def _expr_slice(self, expr: ex.Slice) -> str:
        start, stop = ("None" if part is None else self.strict(part) for part in (expr.start, expr.stop))
        return f"_slice({self.strict(expr.base)}, {start}, {stop})"

    def _expr_filtercall(self, expr: ex.FilterCall) -> str:
        code = self._call(expr, self.strict(expr.base))
        return f"_present({code})" if expr.name in self.absent else code

    def _call(self, expr: ex.FilterCall, value: str) -> str:
        args = [
            value,
            *(self.strict(arg) for arg in expr.args),
            *(f"{name}={self.strict(arg)}" for name, arg in expr.named),
        ]
        inline = INLINE.get(expr.name)
        if inline is not None and len(args) == 1 and self.filters[expr.name] is inline[0]:
            return f"{inline[1]}({value})"
        if expr.name == "replace" and _shrinks(expr) and self.filters["replace"] is FILTERS["replace"].function:
            return f"_replace({', '.join(args)})"
        self.used_filters[expr.name] = None
        return f"_f_{expr.name}({', '.join(args)})"

    def _expr_default(self, expr: ex.Default) -> str:
        base, other = self.tolerant(expr.base), self.strict(expr.other)
        if expr.empty:
            return f"({base} or {other})"
        var = self.new("t")
        return f"({var} if ({var} := {base}) is not _ABSENT else {other})"

    def _expr_defined(self, expr: ex.Defined) -> str:
        return f"({self.tolerant(expr.base)} is not _ABSENT)"

    def _expr_is(self, expr: ex.Is) -> str:
        if expr.name in ("none", "null"):
            return f"({self.strict(expr.base)} is None)"
        args = ", ".join(self.strict(arg) for arg in (expr.base, *expr.args))
        self.constants[f"_p_{expr.name}"] = PREDICATES[expr.name].function
        return f"_p_{expr.name}({args})"

    def _expr_cond(self, expr: ex.Cond) -> str:
        assert expr.other is not None
        return f"({self.strict(expr.then)} if {self.strict(expr.test)} else {self.strict(expr.other)})"

    def _expr_binary(self, expr: ex.Binary) -> str:
        return f"{_OPERATORS[expr.op]}({self.strict(expr.left)}, {self.strict(expr.right)})"

    def _expr_unary(self, expr: ex.Unary) -> str:
        base = self.strict(expr.base)
        return f"(not {base})" if expr.op == "not" else f"{'_negative' if expr.op == '-' else '_positive'}({base})"

    def _expr_logic(self, expr: ex.Logic) -> str:
        return f"({self.strict(expr.left)} {expr.op} {self.strict(expr.right)})"

    def _expr_compare(self, expr: ex.Compare) -> str:
        return f"({self.strict(expr.first)}" + "".join(f" {op} {self.strict(right)}" for op, right in expr.rest) + ")"

    def _expr_listof(self, expr: ex.ListOf) -> str:
        return "[" + ", ".join(map(self.strict, expr.items)) + "]"

    def _expr_dictof(self, expr: ex.DictOf) -> str:
        pairs = []
        for key, value in expr.items:
            literal = isinstance(key, ex.Const) and isinstance(key.value, str)
            pairs.append(f"{self.strict(key) if literal else f'_name({self.strict(key)})'}: {self.strict(value)}")
        return "{" + ", ".join(pairs) + "}"

    def _expr_methodcall(self, expr: ex.MethodCall) -> str:
        self.constants[f"_m_{expr.name}"] = method_caller(METHODS[expr.name])
        return f"_m_{expr.name}({', '.join(map(self.strict, (expr.base, *expr.args)))})"

    def _expr_concat(self, expr: ex.Concat) -> str:
        parts = list(_flat(expr))
        if len(parts) > _FEW_PARTS:
            return f"_joined({', '.join(map(self.strict, parts))})"
        pieces = [self._piece(part) for part in parts]
        if len(pieces) == 1:
            return pieces[0]
        var = self.new("t")
        return f"({var} if _len({var} := {' + '.join(pieces)}) < {_SHORT} or (w := _grown(w, {var})) else '')"

    def _piece(self, part: ex.Expr) -> str:
        if isinstance(part, ex.Const):
            return repr(part.value) if isinstance(part.value, str) else f"_text({self.strict(part)})"
        code = self.strict(part)
        if isinstance(part, ex.Loop):
            return f"_text({code})" if part.what in ("first", "last") else f"_str({code})"
        if (
            isinstance(part, ex.FilterCall)
            and not part.args
            and part.name in INLINE
            and self.filters[part.name] is INLINE[part.name][0]
        ):
            return code
        if code.isidentifier():
            return f"({code} if _type({code}) is _str else _text({code}))"
        var = self.new("t")
        return f"({var} if _type({var} := {code}) is _str else _text({var}))"


def _there(var: str) -> str:
    return f"({var} if {var} is not _ABSENT else _stop())"


def _flat(expr: ex.Expr) -> Iterator[ex.Expr]:
    if isinstance(expr, _TEXTS):
        for part in expr.parts:
            yield from _flat(part)
    else:
        yield expr


def _shrinks(expr: ex.FilterCall) -> bool:
    """Does `replace` put in at most as much as it takes out, both known now? Then its result cannot be too long."""
    values = [arg.value for arg in expr.args if isinstance(arg, ex.Const) and isinstance(arg.value, str)]
    return len(values) == 2 and len(expr.args) == 2 and not expr.named and 0 < len(values[0]) >= len(values[1])


def _constant_keys(expr: ex.Expr) -> bool:
    return not isinstance(expr, ex.Access) or ex.path(expr) is not None


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
