"""What Python's own functions and the methods of its containers and texts make of values."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from hub.sdk.testing.specs.program import Bound, Instance, Names
from hub.sdk.testing.specs.values import NOTHING, UNKNOWN, Value, join, mapping

if TYPE_CHECKING:
    from hub.sdk.testing.specs.expressions import Expressions
    from hub.sdk.testing.specs.reader import Call, Frame

_SAME = frozenset({"dict", "copy", "deepcopy"})
_LISTS = frozenset({"list", "tuple", "set", "frozenset", "sorted", "reversed", "iter"})
_ITEMS = frozenset({"filter", "next", "max", "min"})
_TEXTS: dict[str, Callable[[str], str]] = {
    "upper": str.upper, "lower": str.lower, "strip": str.strip, "title": str.title, "casefold": str.casefold, "capitalize": str.capitalize,
}  # fmt: skip


def member(owner: Value, index: int) -> Value:
    """``x[0]``."""
    if owner.parts is not None and -len(owner.parts) <= index < len(owner.parts):
        return join([owner.parts[index], *([UNKNOWN] if owner.open else [])])
    return owner.values() if owner.is_mapping else join(owner.members())


def loose(value: Value) -> Value:
    """A list of known order as one of unknown order, so that several can be put together."""
    return value if value.parts is None else replace(value, parts=None, elements=value.members())


def listed(value: Value) -> Value:
    """The members as a list: of a dictionary its names."""
    if not value.is_mapping:
        return loose(value)
    return Value(
        elements=tuple(one for one in value.members() if one != UNKNOWN), open=value.open or value.rest is not None
    )


def call(reader: Expressions, node: ast.Call, call: Call, frame: Frame) -> Value | None:
    """What a call of something that is not in the source gives; none where nothing is known of it."""
    first = call.given[0] if call.given else NOTHING
    if "key" in call.named:  # of `sorted`, `max` and `min`, and of a list's own `sort`
        ordered = call.owner if call.is_method else first
        _run(reader, call.named["key"][1], [join(ordered.members())], call, frame)
    if call.is_method:
        return _method(reader, node, call, frame)
    if call.name in _SAME:
        named = mapping((place, value) for place, value in call.named.values()) if call.name == "dict" else NOTHING
        return join([first, named, *([call.more] if call.more else [])])
    if call.name in _LISTS:
        return first if call.name == "tuple" and first.parts is not None else listed(first)
    if call.name in _ITEMS:
        members = join(first.members()) if call.name != "filter" else NOTHING
        if call.name == "filter":
            return call.given[1] if len(call.given) > 1 else UNKNOWN
        return join([members, *call.given[1:]])
    return _builtin(reader, call, first, frame)


def _builtin(reader: Expressions, call: Call, first: Value, frame: Frame) -> Value | None:
    match call.name:
        case "enumerate":
            return Value(elements=tuple(Value(parts=(UNKNOWN, one)) for one in first.members()))
        case "zip":
            return Value(elements=(Value(parts=tuple(join(one.members()) for one in call.given)),))
        case "map" if len(call.given) > 1:
            return Value(elements=(_run(reader, first, [join(one.members()) for one in call.given[1:]], call, frame),))
        case "str" | "cast" | "defaultdict":
            return first if call.name == "str" else (call.given[1] if call.name == "cast" else Value(rest=NOTHING))
        case "replace":
            return join([first, *(value for _, value in call.named.values() if not _is_object(first))])
    return None


def _run(reader: Expressions, function: Value, given: list[Value], call: Call, frame: Frame) -> Value:
    """What a function that is handed over gives for the members that it is called with."""
    from hub.sdk.testing.specs.reader import Call

    targets = [one for one in function.objects if isinstance(one, Bound)]
    if not targets:
        return UNKNOWN
    return reader.call(Call("", NOTHING, targets, given, {}, None, False, call.place), frame.depth)


def _is_object(value: Value) -> bool:
    return any(isinstance(one, Instance) for one in value.objects)


def _method(reader: Expressions, node: ast.Call, call: Call, frame: Frame) -> Value | None:
    assert isinstance(node.func, ast.Attribute)
    owner, first = call.owner, call.given[0] if call.given else NOTHING
    match call.name:
        case "get" | "pop" | "setdefault" if call.given:
            if call.name == "setdefault" and len(call.given) > 1:
                reader.grow(node.func.value, mapping((place, call.given[1]) for place in first.texts), frame)
            found = reader.entry(owner, first, call.given[1] if len(call.given) > 1 else NOTHING)
            if call.name == "pop":
                reader.shrink(node.func.value, {one.text for one in first.texts}, frame)
            return found
        case "items":
            pairs = [Value(parts=(Value(texts=key.places), key.value)) for key in owner.keys]
            more = owner.rest if owner.rest is not None else NOTHING
            if more != NOTHING or owner.open or owner.objects:
                pairs.append(Value(parts=(UNKNOWN, join([more, owner.values()]))))
            return Value(elements=tuple(pairs))
        case "keys":
            return Value(elements=owner.members())
        case "values":
            return Value(elements=(owner.values(),))
        case "append" | "add" | "appendleft" | "insert":
            reader.grow(node.func.value, Value(elements=(call.given[-1],) if call.given else ()), frame)
            return UNKNOWN
        case "extend" | "update":
            named = mapping((place, value) for place, value in call.named.values())
            reader.grow(node.func.value, join([loose(first), named]), frame)
            return UNKNOWN
        case "fromkeys":
            held = call.given[1] if len(call.given) > 1 else NOTHING
            members = first.members()
            return join([
                mapping((place, held) for one in members for place in one.texts),
                *([Value(rest=held)] if any(one.open for one in members) else []),
            ])  # fmt: skip
        case "copy" | "union":
            return join([owner, *call.given])
    return _of_text(call, owner)


def _of_text(call: Call, owner: Value) -> Value | None:
    change = _TEXTS.get(call.name)
    if change is None or call.given:
        return None
    return Value(texts=frozenset(one._replace(text=change(one.text)) for one in owner.texts), open=owner.open)


@contextmanager
def narrowed(test: ast.expr, names: Names, *, holds: bool) -> Iterator[None]:
    """Inside, a name that a test asks for its ending or its beginning has only the texts for which the test holds (or does not)."""
    match test:
        case ast.Call(
            func=ast.Attribute(value=ast.Name(id=name), attr="endswith" | "startswith" as how),
            args=[ast.Constant(value=str(wanted))],
        ) if name in names:
            before = names[name]
            check = str.endswith if how == "endswith" else str.startswith
            names[name] = replace(
                before, texts=frozenset(one for one in before.texts if check(one.text, wanted) == holds)
            )
            try:
                yield
            finally:
                names[name] = before
        case _:
            yield
