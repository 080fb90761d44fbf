"""Objects, lists and directives of the generated function: an expression that may rely on lines written before it."""

from __future__ import annotations

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.filters import FILTERS
from hub.mapping.write_loops import LoopWriter
from hub.mapping.writer import Lines

_GROWERS = frozenset({"replace", "pad", "join", "json", "sort", "group", "flatten", "merge"})


class PartWriter(LoopWriter):
    """Writes everything that a mapping file can hold."""

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
                code = self.held(code)
                left_out.append((name, code))
            fields.append(f"{name!r}: {code}")
        display = "{" + ", ".join(fields) + "}"
        if not left_out:
            return display, False
        var = self.held(display)
        for name, code in left_out:
            self.line(f"if {code} is _LEFT: del {var}[{name!r}]")
        return var, False

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
        code = self.held(code) if not code.isidentifier() else code
        self.names, self.loop = outer, loop
        return code, left

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

    def _block(self, part: tree.Part) -> tuple[Lines, str, bool]:
        """A part written one level deeper, apart from the lines so far."""
        with self.deeper() as lines:
            code, left = self.part(part)
        return lines, code, left

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
            name = self.constant(constants)
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


def _there(var: str) -> str:
    return f"({var} if {var} is not _ABSENT else _stop())"


def _constant_keys(expr: ex.Expr) -> bool:
    return not isinstance(expr, ex.Access) or ex.path(expr) is not None
