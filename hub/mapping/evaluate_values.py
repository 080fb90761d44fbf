"""Expressions in the checked form: every step looked at before it is taken."""

from __future__ import annotations

from collections.abc import Callable
from decimal import DecimalException
from typing import Any

from hub.errors import MappingError
from hub.mapping import expression as ex
from hub.mapping.filters.base import ABSENT, masked
from hub.mapping.findings import MappingFault, did_you_mean
from hub.mapping.methods import METHODS
from hub.mapping.predicates import PREDICATES
from hub.mapping.runtime import ARITHMETIC, LEFT, joined, negative, positive
from hub.mapping.situation import MAY_BE_MISSING, STEP_WORK, Missing, Situation, step

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "==": lambda a, b: a == b, "!=": lambda a, b: a != b, "<": lambda a, b: a < b, "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b, ">=": lambda a, b: a >= b, "in": lambda a, b: a in b, "not in": lambda a, b: a not in b,
}  # fmt: skip


class Values(Situation):
    """Evaluates expressions."""

    def eval(self, expr: ex.Expr) -> Any:
        """The value of an expression; ABSENT only where a filter found nothing, LEFT only for an `if` without `else`."""
        self._spend(STEP_WORK)
        if isinstance(expr, ex.Name | ex.Access):
            value, origin = self._reach(expr)
            if origin is not None:
                self._read(origin, value)
            return value
        try:
            return getattr(self, _EVALUATORS[type(expr)])(expr)
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error, self.source_of(expr)) from None
        except (TypeError, ValueError, ArithmeticError, LookupError, DecimalException, AttributeError) as error:
            raise self._clash(expr, error) from None

    def _clash(self, expr: ex.Expr, error: Exception) -> MappingFault:
        source = self.source_of(expr)
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
        self._spend(STEP_WORK)
        return self._item(base, key, origin), step(origin, key)

    def _item(self, base: Any, key: Any, origin: str | None) -> Any:
        there, kind = origin or "The value", base.__class__
        if kind is dict and key.__class__ is str:
            if key in base:
                return base[key]
            hint = did_you_mean(key, base) if len(base) <= 200 else ""
            raise self.missing_fault(
                f"{there} has no field {key!r}.", f"{hint} {MAY_BE_MISSING}".strip(), step(origin, key)
            )
        if kind is dict:
            raise self.missing_fault(
                f"{there} has no {_named(key)}: the names of its fields are text.", "", step(origin, key)
            )
        if kind in (list, str) and isinstance(key, int):
            if -len(base) <= key < len(base):
                return base[key]
            raise self.missing_fault(
                f"{there} has only {len(base)} items, so no [{key}].", MAY_BE_MISSING, step(origin, key)
            )
        if base is None:
            what = "null" if base is None else "not there"
            raise self.missing_fault(
                f"{there} is {what}, so it has no {_named(key)}.", MAY_BE_MISSING, step(origin, key)
            )
        fix = "Use an index such as [0], or the filter `first`." if kind is list else ""
        raise self.fault("MAP-TYPE", f"{there} is {masked(base)}, which has no {_named(key)}.", fix, step(origin, key))

    def _const(self, expr: ex.Const) -> Any:
        return expr.value

    def _loop(self, expr: ex.Loop) -> Any:
        return self.loop[expr.what]

    def _slice(self, expr: ex.Slice) -> Any:
        base = self.eval(expr.base)
        start, stop = (None if part is None else self.eval(part) for part in (expr.start, expr.stop))
        if base.__class__ not in (str, list):
            raise self.fault(
                "MAP-TYPE", f"Only text and lists have parts, but got {masked(base)}.", source=self.source_of(expr.base)
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
                "MAP-TYPE", f".{expr.name}() needs {kind}, but got {masked(base)}.", source=self.source_of(expr.base)
            )
        return method.function(base, *args)


def _named(key: Any) -> str:
    return f"field {key!r}" if key.__class__ is str else f"[{key}]" if key.__class__ is int else "such part"


_EVALUATORS = {
    ex.Const: "_const", ex.Loop: "_loop", ex.Slice: "_slice", ex.FilterCall: "_filter", ex.Default: "_default",
    ex.Defined: "_defined", ex.Is: "_is", ex.Cond: "_cond", ex.Binary: "_binary", ex.Unary: "_unary", ex.Logic: "_logic",
    ex.Compare: "_compare", ex.Concat: "_concat", ex.ListOf: "_list", ex.DictOf: "_dict", ex.MethodCall: "_method",
}  # fmt: skip
