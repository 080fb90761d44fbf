"""Says in plain English what a part of a mapping does, for people who do not read YAML."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.tools.data import one_line

_PHRASES: Final[dict[str, str]] = {
    "trim": "without outer spaces", "lower": "in small letters", "upper": "in capitals", "string": "as text", "text": "as text",
    "number": "as a number", "int": "as a whole number", "datetime": "as a time in UTC", "date": "as a day", "strip_html": "without HTML",
    "id_of_gid": "only the number of the id", "country": "as a country code", "phone": "as an international phone number",
    "language": "as a language code", "unit": "as a unit code", "gtin": "as a checked article number", "abs": "without its sign",
    "address_lines": "as address lines", "length": "counted", "sum": "added up", "first": "the first", "last": "the last",
    "unique": "each once", "sort": "sorted", "json": "as JSON", "compact": "without empty ones", "currency": "as a currency code",
}  # fmt: skip
_OPS: Final = {
    "==": "is", "!=": "is not", "<": "is less than", "<=": "is at most", ">": "is more than", ">=": "is at least", "in": "is one of",
    "not in": "is none of",
}  # fmt: skip
_LOOP: Final = {"index": "its position", "index0": "its position from 0", "length": "how many there are"}
_METHODS: Final = {"startswith": "begins with", "endswith": "ends with"}


def expression(expr: ex.Expr) -> str:
    """An expression in words."""
    return _WORDS[type(expr)](expr)


def _const(expr: ex.Const) -> str:
    value = expr.value
    if isinstance(value, str):
        return f'"{value}"' if value else "an empty text"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return format(value, "f") if isinstance(value, Decimal) else str(value)


def _access(expr: ex.Access) -> str:
    path = ex.path(expr)
    if path is not None:
        name, steps = path
        said = "" if name == "src" else name
        for step in steps:
            said += (
                f" no. {step + 1}" if isinstance(step, int) and step >= 0 else " (last)" if step == -1 else f".{step}"
            )
        return said.lstrip(".")
    return f"{expression(expr.base)} at {expression(expr.key)}"


def _filter(expr: ex.FilterCall) -> str:
    base, args = expression(expr.base), [expression(arg) for arg in expr.args]
    args += [f"{name}: {expression(value)}" for name, value in expr.named]
    if expr.name == "pick" and len(args) >= 2:
        wanted = f"{base} whose {_bare(args[0])} is {args[1]}"
        return f"the {_bare(args[2])} of the one in {wanted}" if len(args) > 2 else f"the one in {wanted}"
    if expr.name == "money":
        return f"{base}, as money in {args[0]}" if args else f"{base}, as money"
    if expr.name == "round":
        return f"{base}, rounded to {args[0] if args else '0'} digits"
    if expr.name == "replace" and len(args) >= 2:
        return f"{base}, with {args[0]} replaced by {args[1]}"
    if expr.name == "where" and len(args) >= 2:
        return f"those in {base} whose {_bare(args[0])} is {' or '.join(args[1:])}"
    phrase = _PHRASES.get(expr.name)
    if phrase:
        return f"{base}, {phrase}" + (f" ({', '.join(args)})" if args else "")
    return f"{base}, then {expr.name}" + (f"({', '.join(args)})" if args else "")


def _bare(text: str) -> str:
    return text.strip('"')


def _cond(expr: ex.Cond) -> str:
    other = f", otherwise {expression(expr.other)}" if expr.other is not None else ", otherwise left out"
    return f"{expression(expr.then)} if {expression(expr.test)}{other}"


def _default(expr: ex.Default) -> str:
    if isinstance(expr.other, ex.Const) and expr.other.value is None:
        return expression(expr.base)
    return (
        f"{expression(expr.base)}, or {expression(expr.other)} where it is missing{' or empty' if expr.empty else ''}"
    )


def _compare(expr: ex.Compare) -> str:
    return " and ".join(
        f"{expression(left)} {_OPS.get(op, op)} {expression(right)}"
        for left, (op, right) in zip([expr.first, *(e for _, e in expr.rest)], expr.rest, strict=False)
    )


def _method(expr: ex.MethodCall) -> str:
    args = ", ".join(expression(arg) for arg in expr.args)
    return f"{expression(expr.base)} {_METHODS.get(expr.name, expr.name)}{' ' + args if args else ''}"


def _slice(expr: ex.Slice) -> str:
    first = expression(expr.start) if expr.start is not None else "the start"
    last = expression(expr.stop) if expr.stop is not None else "the end"
    return f"{expression(expr.base)} from {first} to {last}"


def _is(expr: ex.Is, verb: str) -> str:
    name = {"none": "null", "mapping": "an object"}.get(expr.name, expr.name)
    return " ".join([expression(expr.base), verb, name, *(expression(arg) for arg in expr.args)])


def _unary(expr: ex.Unary) -> str:
    if expr.op == "not" and isinstance(expr.base, ex.Is):
        return _is(expr.base, "is not")
    if expr.op == "not" and isinstance(expr.base, ex.Defined):
        return f"{expression(expr.base.base)} is missing"
    return f"{expr.op} {expression(expr.base)}" if expr.op == "not" else f"{expr.op}{expression(expr.base)}"


_WORDS: Final[dict[type, Callable[[Any], str]]] = {
    ex.Const: _const,
    ex.Name: lambda e: "the whole record" if e.name == "src" else e.name,
    ex.Loop: lambda e: _LOOP.get(e.what, f"being the {e.what}"),
    ex.Access: _access,
    ex.Slice: _slice,
    ex.FilterCall: _filter,
    ex.Default: _default,
    ex.Defined: lambda e: f"{expression(e.base)} is there",
    ex.Is: lambda e: _is(e, "is"),
    ex.Cond: _cond,
    ex.Binary: lambda e: f"{expression(e.left)} {e.op} {expression(e.right)}",
    ex.Unary: _unary,
    ex.Logic: lambda e: f"{expression(e.left)} {e.op} {expression(e.right)}",
    ex.Compare: _compare,
    ex.Concat: lambda e: " + ".join(expression(part) for part in e.parts),
    ex.ListOf: lambda e: "[" + ", ".join(expression(item) for item in e.items) + "]",
    ex.DictOf: lambda e: "{" + ", ".join(f"{_bare(expression(k))}: {expression(v)}" for k, v in e.items) + "}",
    ex.MethodCall: _method,
}  # fmt: skip


def part(value: tree.Part) -> str:
    """What a part puts into its field, in words."""
    if isinstance(value, tree.Leaf):
        return f"always {expression(value.expr)}" if isinstance(value.expr, ex.Const) else expression(value.expr)
    if isinstance(value, tree.Lookup):
        keys = " and ".join(expression(key) for key in value.keys)
        other = (
            f"; if it is not there, {part(value.other)}"
            if value.other is not None
            else "; left out if it is not there"
            if value.optional
            else ""
        )
        return f"looked up in the table {value.table} by {keys}{other}"
    if isinstance(value, tree.Link):
        how = "natural key" if value.natural else "id"
        return f"the {value.entity} with the {how} {expression(value.key)}" + (
            "; left out if it is not known" if value.optional else ""
        )
    if isinstance(value, tree.Match):
        cases = [f'"{name}" gives {short(inner)}' for name, inner in value.branches]
        cases += [
            f"{name} gives {short(inner)}"
            for name, inner in (("nothing", value.null), ("anything else", value.other))
            if inner
        ]
        return f"by {expression(value.value)}: {'; '.join(cases)}"
    if isinstance(value, tree.If):
        other = part(value.other) if value.other is not None else "left out"
        if isinstance(value.then, tree.Omit):
            return f"{other} (left out if {expression(value.test)})"
        return f"if {expression(value.test)}: {part(value.then)}; otherwise {other}"
    if isinstance(value, tree.First):
        options = [part(option) for option in value.options] + ([part(value.other)] if value.other is not None else [])
        return f"the first that is there: {'; '.join(options)}"
    if isinstance(value, tree.Optional):
        return f"{part(value.part)} (left out where missing or empty)"
    if isinstance(value, tree.Error):
        return f"an error: {expression(value.message)}"
    if isinstance(value, tree.Omit):
        return "left out"
    if isinstance(value, tree.For):
        where = f" where {expression(value.where)}" if value.where is not None else ""
        return f"one for each of {expression(value.items)}{where}"
    if isinstance(value, tree.Let):
        return part(value.part)
    if isinstance(value, tree.Merge):
        return "put together from: " + "; ".join(part(inner) for inner in value.parts)
    return "see below"


def inlined(value: Any, names: Mapping[str, ex.Expr]) -> Any:
    """The same part or expression, with names replaced by what they stand for."""
    if isinstance(value, ex.Name):
        return names.get(value.name, value)
    if isinstance(value, tuple):
        return tuple(inlined(item, names) for item in value)
    if isinstance(value, (ex.Expr, tree.Part)):
        slots = {slot: getattr(value, slot) for kind in type(value).__mro__ for slot in getattr(kind, "__slots__", ())}
        return type(value)(**{name: inlined(item, names) for name, item in slots.items()})
    return value


def short(value: tree.Part) -> str:
    """A part in as few words as do."""
    if isinstance(value, tree.Leaf) and isinstance(value.expr, ex.Const):
        return one_line(value.expr.value).strip('"') or "an empty text"
    return part(value)
