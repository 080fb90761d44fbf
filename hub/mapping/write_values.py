"""Expressions of the generated function."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from hub.mapping import expression as ex
from hub.mapping.fast import INLINE, method_caller
from hub.mapping.filters import FILTERS
from hub.mapping.methods import METHODS
from hub.mapping.predicates import PREDICATES
from hub.mapping.writer import Writer

_OPERATORS = {"+": "_add", "-": "_subtract", "*": "_multiply", "/": "_divide", "//": "_whole_divide", "%": "_remainder"}
_FEW_PARTS = 8
_SHORT = 4_096


class ValueWriter(Writer):
    """Writes expressions."""

    def strict(self, expr: ex.Expr) -> str:
        """An expression that raises where something is missing."""
        code: str = getattr(self, f"_expr_{type(expr).__name__.lower()}")(expr)
        return code

    def tolerant(self, expr: ex.Expr) -> str:
        """An expression that is ABSENT where its path is missing."""
        if isinstance(expr, ex.Access):
            found = ex.path(expr)
            if found is not None:
                return self.walked(self.names[found[0]], found[1])
        if isinstance(expr, ex.FilterCall):
            var = self.new("t")
            return f"(_ABSENT if ({var} := {self.tolerant(expr.base)}) is _ABSENT else {self._call(expr, var)})"
        return self.strict(expr)

    def _expr_const(self, expr: ex.Const) -> str:
        if isinstance(expr.value, Decimal):
            return self.constant(expr.value)
        return repr(expr.value)

    def _expr_name(self, expr: ex.Name) -> str:
        return self.names[expr.name]

    def _expr_access(self, expr: ex.Access) -> str:
        found = ex.path(expr)
        if found is not None:
            return self.path(self.names[found[0]], found[1])
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


def _flat(expr: ex.Expr) -> Iterator[ex.Expr]:
    if isinstance(expr, ex.Concat):
        for part in expr.parts:
            yield from _flat(part)
    else:
        yield expr


def _shrinks(expr: ex.FilterCall) -> bool:
    """Does `replace` put in at most as much as it takes out, both known now? Then its result cannot be too long."""
    values = [arg.value for arg in expr.args if isinstance(arg, ex.Const) and isinstance(arg.value, str)]
    return len(values) == 2 and len(expr.args) == 2 and not expr.named and 0 < len(values[0]) >= len(values[1])
