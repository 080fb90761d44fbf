"""Reads a connector's source: what each call could send, followed through functions, classes and data. Nothing is run.

Every function is read once for each different set of values that it is called with, and once more with values unknown, so that code
that nothing seems to call is read as well. What cannot be known is open, and an open value is never complained about.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from hub.sdk.testing.specs.expressions import ASKED, Expressions
from hub.sdk.testing.specs.program import Bound, Class, Function, Instance, Module, Names, Program
from hub.sdk.testing.specs.values import NOTHING, UNKNOWN, Text, Value, join, mapping

_DEEPEST = 24
_ROUNDS = 2


@dataclass(slots=True)
class Call:
    """One call in the source: what is called, and with what."""

    name: str
    owner: Value
    targets: list[Bound]
    given: list[Value]
    named: dict[str, tuple[Text, Value]]
    more: Value | None
    """What ``**x`` adds."""
    is_method: bool
    place: Text


class Dialect(Protocol):
    """What one kind of description knows about calls: which of them go to the system, and what comes back."""

    def sent(self, call: Call, reader: Reader) -> Value | None:
        """Note what the call sends, and return the answer's value. None = it is no call to the system."""

    def reads(self, place: Text, answers: frozenset[Any], *, asked: bool) -> None:
        """A part of an answer is read; ``asked`` says whether it was asked for."""


@dataclass
class Frame:
    """One function that is being read."""

    module: Module
    names: Names
    owner: Class | None = None
    depth: int = 0
    guarded: bool = False
    returned: list[Value] = field(default_factory=list)


class Reader(Expressions):
    """Reads functions. What it finds it tells the dialect."""

    def __init__(self, program: Program, dialect: Dialect) -> None:
        super().__init__(program, dialect)
        self._known: dict[Any, Value] = {}
        self._at_work: set[Any] = set()
        self._stored: dict[tuple[Instance, str], Value] = {}
        self._prepared: set[Any] = set()
        self._storing: dict[int, frozenset[str]] = {}

    def read(self) -> None:
        """Read every function of the program."""
        for module in self.program.modules.values():
            for statements in module.defined.values():
                for statement in statements:
                    if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
                        self.run(Bound(Function(module, statement)), {}, 0)
        for owner in self.program.classes.values():
            made = Value(objects=frozenset({Instance(owner)}))
            for name in dict.fromkeys(name for one in owner.line() for name in one.methods):
                method = owner.method(name)
                if method is not None:
                    self.run(Bound(method, made), {}, 0)

    # --- functions

    def run(self, bound: Bound, given: dict[str, Value], depth: int) -> Value:
        """What the function returns for these values of its parameters."""
        known = None if bound.around is not None else (bound, tuple(sorted(given.items(), key=lambda one: one[0])))
        if known is not None and known in self._known:
            return self._known[known]
        if depth > _DEEPEST or known in self._at_work:
            return UNKNOWN if depth > _DEEPEST else NOTHING
        if known is not None:
            self._at_work.add(known)
        try:
            result = self._run(bound, given, depth)
        finally:
            self._at_work.discard(known)
        if known is not None:
            self._known[known] = result
        return result

    def _run(self, bound: Bound, given: dict[str, Value], depth: int) -> Value:
        function = bound.function
        names = Names(bound.around or {})
        frame = Frame(function.module, names, function.owner, depth)
        arguments = function.node.args
        defaults = dict(zip([one.arg for one in function.parameters][::-1], arguments.defaults[::-1], strict=False)) | {
            one.arg: default
            for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        }
        for parameter in (*function.parameters, *arguments.kwonlyargs):
            name = parameter.arg
            if name in given:
                names[name] = given[name]
            elif name in ("self", "cls") and function.owner is not None:
                names[name] = bound.owner or UNKNOWN
            elif name in defaults:
                names[name] = join([self.evaluate(defaults[name], frame), self.typed(parameter.annotation, frame)])
            else:
                names[name] = self.typed(parameter.annotation, frame)
            if names[name] == UNKNOWN:
                names[name] = self.typed(parameter.annotation, frame)
        for rest in (arguments.vararg, arguments.kwarg):
            if rest is not None:
                names[rest.arg] = given.get(rest.arg, UNKNOWN)
        if isinstance(function.node, ast.Lambda):
            return self.evaluate(function.node.body, frame)
        self.block(function.node.body, frame)
        return join(frame.returned)

    def typed(self, annotation: ast.expr | None, frame: Frame) -> Value:
        """An object of the class that an annotation names; unknown where it is no class of this source."""
        if isinstance(annotation, ast.BinOp):
            return join([self.typed(annotation.left, frame), self.typed(annotation.right, frame)])
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = ast.parse(annotation.value, mode="eval").body
        found = self.program.find(frame.module, annotation) if annotation is not None else None
        if isinstance(annotation, (ast.Name, ast.Attribute)) and isinstance(found, Class):
            return Value(objects=frozenset({Instance(found)}), open=True)
        return UNKNOWN

    def bind(self, function: Function, call: Call) -> dict[str, Value]:
        """The call's values by the function's parameters."""
        order = [one.arg for one in function.parameters]
        if function.owner is not None and not function.decorated("staticmethod") and order[:1] in (["self"], ["cls"]):
            order = order[1:]
        made = dict(zip(order, call.given, strict=False))
        arguments = function.node.args
        if arguments.vararg is not None:
            made[arguments.vararg.arg] = Value(parts=tuple(call.given[len(order) :]))
        known = {*order, *(one.arg for one in arguments.kwonlyargs)}
        made |= {name: value for name, (_, value) in call.named.items() if name in known}
        if call.more is not None:
            made |= {key.name: key.value for key in call.more.keys if key.name in known}
        if arguments.kwarg is not None:
            surplus = mapping((place, value) for name, (place, value) in call.named.items() if name not in known)
            made[arguments.kwarg.arg] = join([surplus, *([call.more] if call.more is not None else [])])
        return made

    def call(self, call: Call, depth: int) -> Value:
        """What a call gives."""
        sent = self.dialect.sent(call, self)
        if sent is not None:
            return sent
        results = [self.run(target, self.bind(target.function, call), depth + 1) for target in call.targets]
        return join(results) if results else UNKNOWN

    # --- objects

    def attribute(self, made: Instance, name: str, depth: int) -> Value:
        """What an attribute of an object is: a method, a value of its class, or what its methods stored."""
        itself = Value(objects=frozenset({made}))
        method = made.of.method(name)
        if method is not None:
            if method.decorated("property", "cached_property"):
                return self.run(Bound(method, itself), {}, depth + 1)
            return Value(objects=frozenset({Bound(method, itself)}))
        found = [dict(made.given)[name]] if name in dict(made.given) and self._is_data(made.of) else []
        for owner in made.of.line():
            if name in owner.values:
                found.append(self.evaluate(owner.values[name], Frame(owner.module, Names(), owner, depth + 1)))
                break
        self._prepare(made, name, depth)
        if (made, name) in self._stored:
            found.append(self._stored[made, name])
        if not found:
            annotation = next((one.fields[name] for one in made.of.line() if name in one.fields), None)
            return self.typed(annotation, Frame(made.of.module, Names(), made.of))
        return join(found)

    def store(self, owner: Value, name: str, value: Value) -> None:
        """Remember that an attribute was set."""
        for made in owner.objects:
            if isinstance(made, Instance):
                self._stored[made, name] = join([self._stored.get((made, name), NOTHING), value])

    def _prepare(self, made: Instance, name: str, depth: int) -> None:
        """Read the methods that set the attribute, ``__init__`` with what the object was made of."""
        for method in {id(one): one for owner in made.of.line() for one in owner.methods.values()}.values():
            key = (made, id(method))
            if key in self._prepared or not (method.name == "__init__" or name in self._stores(method)):
                continue
            self._prepared.add(key)
            first = made.of.method("__init__")
            if method.name == "__init__" and method is not first:
                continue  # an ancestor's: run by `super().__init__`
            given = dict(made.given) if method is first else {}
            self.run(Bound(method, Value(objects=frozenset({made}))), given, depth + 1)

    def _stores(self, method: Function) -> frozenset[str]:
        """The attributes that a method sets."""
        if id(method) not in self._storing:
            self._storing[id(method)] = frozenset(_stored_names(method))
        return self._storing[id(method)]

    def _is_data(self, owner: Class) -> bool:
        return owner.method("__init__") is None

    def made(self, owner: Class, call: Call) -> Value:
        """A new object of a class."""
        first = owner.method("__init__")
        if first is not None:
            given = self.bind(first, call)
        else:
            order = list(dict.fromkeys(name for one in reversed(list(owner.line())) for name in one.fields))
            given = dict(zip(order, call.given, strict=False)) | {
                name: value for name, (_, value) in call.named.items()
            }
        kept = tuple(sorted((name, value) for name, value in given.items() if value not in (NOTHING, UNKNOWN)))
        return Value(objects=frozenset({Instance(owner, kept)}))

    # --- statements

    def block(self, statements: list[ast.stmt], frame: Frame) -> None:
        """Read statements in their order."""
        for statement in statements:
            self._statement(statement, frame)

    def _statement(self, node: ast.stmt, frame: Frame) -> None:
        match node:
            case ast.Return(value=value) if value is not None:
                frame.returned.append(self.evaluate(value, frame))
            case ast.Expr(value=value):
                self.evaluate(value, frame)
            case ast.Assign(targets=targets, value=value):
                found = self.evaluate(value, frame)
                for target in targets:
                    self.assign(target, found, frame)
            case ast.AnnAssign(target=target, value=value, annotation=annotation):
                found = self.evaluate(value, frame) if value is not None else NOTHING
                self.assign(target, self.typed(annotation, frame) if found == UNKNOWN else found, frame)
            case ast.AugAssign(target=target, value=value):
                held, added = self.evaluate(target, frame), self.evaluate(value, frame)
                if isinstance(target, ast.Subscript):  # what is under a name grows, and the name is read, not made
                    self.grow(target.value, Value(rest=join([held, added])), frame)
                else:
                    self.assign(target, join([held, added]), frame)
            case ast.Delete(targets=[ast.Subscript(value=owner, slice=index)]):
                self.shrink(owner, {one.text for one in self.evaluate(index, frame).texts}, frame)
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                inner = Function(frame.module, node)
                frame.names[node.name] = Value(objects=frozenset({Bound(inner, None, frame.names)}))
            case _:
                self._compound(node, frame)

    def _compound(self, node: ast.stmt, frame: Frame) -> None:
        match node:
            case ast.If(test=test, body=body, orelse=orelse):
                before, asked = frame.guarded, ASKED in self.evaluate(test, frame).objects
                frame.guarded = before or asked
                self._branches([body, orelse], frame)
                frame.guarded = before
            case (
                ast.For(target=target, iter=over, body=body, orelse=orelse)
                | ast.AsyncFor(target=target, iter=over, body=body, orelse=orelse)
            ):
                members = self.evaluate(over, frame).members()
                self._loop(body, frame, [(target, member) for member in members])
                self.block(orelse, frame)
            case ast.While(test=test, body=body, orelse=orelse):
                self.evaluate(test, frame)
                self._loop(body, frame, [None])
                self.block(orelse, frame)
            case ast.Try(body=body, handlers=handlers, orelse=orelse, finalbody=final):
                self._branches([body, [], *(handler.body for handler in handlers)], frame)
                self.block([*orelse, *final], frame)
            case ast.With(items=items, body=body) | ast.AsyncWith(items=items, body=body):
                for item in items:
                    entered = self.evaluate(item.context_expr, frame)
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, entered, frame)
                self.block(body, frame)
            case ast.Match(subject=subject, cases=cases):
                self.evaluate(subject, frame)
                self._branches([[], *(case.body for case in cases)], frame)
            case _:
                for inner in ast.iter_child_nodes(node):
                    if isinstance(inner, ast.expr):
                        self.evaluate(inner, frame)

    def _branches(self, branches: list[list[ast.stmt]], frame: Frame) -> None:
        """Read each branch from where they part; afterwards every name may be what any of them made of it."""
        before, ends = dict(frame.names), []
        for branch in branches:
            self._reset(frame.names, before)
            self.block(branch, frame)
            ends.append(dict(frame.names))
        self._reset(frame.names, _merged(ends))

    def _loop(self, body: list[ast.stmt], frame: Frame, turns: list[tuple[ast.expr, Value] | None]) -> None:
        for _ in range(_ROUNDS):
            before = dict(frame.names)
            for turn in turns:
                if turn is not None:
                    self.assign(*turn, frame)
                self.block(body, frame)
                self._reset(frame.names, _merged([before, dict(frame.names)]))

    @staticmethod
    def _reset(names: Names, wanted: dict[str, Value]) -> None:
        names.clear()
        names.update(wanted)

    # --- targets of assignments

    def assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Bind a name, unpack, or change a container."""
        match target:
            case ast.Name(id=name):
                frame.names[name] = value
            case ast.Starred(value=inner):
                self.assign(inner, replace(value, parts=None, elements=value.members()), frame)
            case ast.Tuple(elts=targets) | ast.List(elts=targets):
                for index, one in enumerate(targets):
                    self.assign(one, _part(value, index, len(targets)), frame)
            case ast.Attribute(value=owner, attr=name):
                self.store(self.evaluate(owner, frame), name, value)
            case ast.Subscript(value=owner, slice=index):
                self._put(owner, self.evaluate(index, frame), value, frame)

    def _put(self, owner: ast.expr, index: Value, value: Value, frame: Frame) -> None:
        named = mapping((place, value) for place in index.texts)
        rest = NOTHING if index.texts and not index.open else Value(rest=value)
        self.grow(owner, join([named, rest]), frame)

    def grow(self, owner: ast.expr, added: Value, frame: Frame) -> None:
        """A container that an expression names holds more from now on."""
        match owner:
            case ast.Name(id=name):
                frame.names[name] = join([frame.names.get(name, NOTHING), added])
            case ast.Attribute(value=inner, attr=name):
                self.store(self.evaluate(inner, frame), name, added)
            case ast.Subscript(value=inner, slice=index):
                at, held = self.evaluate(index, frame), self.evaluate(inner, frame)
                # Only what is there grows: a name that is looked up here does not come into being by it.
                named = mapping((place, added) for place in at.texts if held.key(place.text) is not None)
                self.grow(inner, named if at.texts else Value(rest=added), frame)
            case ast.Call(func=ast.Attribute(value=inner)):
                self.grow(inner, Value(rest=added), frame)


def _merged(ends: list[dict[str, Value]]) -> dict[str, Value]:
    names = {name for end in ends for name in end}
    return {name: join([end[name] for end in ends if name in end]) for name in names}


def _part(value: Value, index: int, count: int) -> Value:
    """One member of what is unpacked into ``count`` names."""
    if value.parts is not None and len(value.parts) == count:
        return join([value.parts[index], *([UNKNOWN] if value.open else [])])
    return join(value.members())


def _stored_names(method: Function) -> Iterator[str]:
    for node in ast.walk(method.node):
        targets: list[ast.expr] = []
        if isinstance(node, ast.Assign):
            targets = node.targets
        elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
            targets = [node.target]
        for target in targets:
            for inner in ast.walk(target):
                if isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "self":
                    yield inner.attr
