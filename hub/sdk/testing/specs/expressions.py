"""What each kind of expression stands for."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hub.sdk.testing.specs import containers
from hub.sdk.testing.specs.program import Bound, Class, Function, Instance, Module, Names, Program
from hub.sdk.testing.specs.values import NOTHING, UNKNOWN, Text, Value, guarded, join, mapping, text

if TYPE_CHECKING:
    from hub.sdk.testing.specs.reader import Call, Dialect, Frame


class Asked:
    """A value that tells whether the system has something: what depends on it is used only where the system has it."""


ASKED = Asked()


class Expressions:
    """Evaluates expressions. The half of `Reader` that looks at expressions only."""

    def __init__(self, program: Program, dialect: Dialect) -> None:
        self.program = program
        self.dialect = dialect
        self._functions: dict[int, Function] = {}
        self._globals: dict[tuple[str, str], Value] = {}

    def evaluate(self, node: ast.expr, frame: Frame) -> Value:
        """What the expression may stand for. Every part of it is looked at."""
        method = _KINDS.get(type(node))
        if method is not None:
            return method(self, node, frame)
        for inner in ast.iter_child_nodes(node):
            if isinstance(inner, ast.expr):
                self.evaluate(inner, frame)
        return UNKNOWN

    def constant(self, node: ast.Constant, frame: Frame) -> Value:
        """A literal; only texts matter."""
        if isinstance(node.value, str):
            said = text(node.value, frame.module.where, node.lineno, node.col_offset)
            return guarded(said) if frame.guarded else said
        return NOTHING if node.value is None else UNKNOWN

    def name(self, node: ast.Name, frame: Frame) -> Value:
        """A name: of the function, else of the module."""
        if node.id in frame.names:
            return frame.names[node.id]
        return self.global_name(frame.module, node.id, frame.depth)

    def global_name(self, module: Module, name: str, depth: int) -> Value:
        """A name of a module: a class, a function, a module, or what is assigned to it."""
        home = self.program.home(module, name)
        found = self.program.named(module, name)
        match found:
            case Class() | Module():
                return Value(objects=frozenset({found}))
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return Value(objects=frozenset({Bound(self._function(home, found))}))
            case ast.Assign() | ast.AnnAssign():
                return self._assigned(home, name, depth)
        return UNKNOWN

    def _function(self, module: Module, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
        return self._functions.setdefault(id(node), Function(module, node))

    def _assigned(self, module: Module, name: str, depth: int) -> Value:
        from hub.sdk.testing.specs.reader import Frame

        known = self._globals
        if (module.name, name) not in known:
            known[module.name, name] = UNKNOWN
            frame = Frame(module, Names(), None, depth + 1)
            found = []
            for statement in module.defined.get(name, []):
                if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
                    inner = Frame(module, Names(), None, depth + 1)
                    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                    for target in targets:
                        self.assign(target, self.evaluate(statement.value, frame), inner)
                    found.append(inner.names.get(name, NOTHING))
            known[module.name, name] = join(found)
        return known[module.name, name]

    def attribute_of(self, node: ast.Attribute, frame: Frame) -> Value:
        """``x.name``."""
        return self.part(self.evaluate(node.value, frame), node.attr, frame)

    def part(self, owner: Value, name: str, frame: Frame) -> Value:
        """The attribute of whatever ``owner`` may be."""
        found: list[Value] = []
        for one in sorted(owner.objects, key=id):
            if isinstance(one, Instance):
                found.append(self.attribute(one, name, frame.depth))
            elif isinstance(one, Class):
                found.append(self._of_class(one, name, frame))
            elif isinstance(one, Module):
                found.append(self.global_name(one, name, frame.depth))
            elif hasattr(one, "part"):
                found.append(one.part(name))
        return join(found) if found else UNKNOWN

    def _of_class(self, owner: Class, name: str, frame: Frame) -> Value:
        method = owner.method(name)
        if method is not None:
            return Value(objects=frozenset({Bound(method, Value(objects=frozenset({owner})))}))
        return self.attribute(Instance(owner), name, frame.depth)

    def subscript(self, node: ast.Subscript, frame: Frame) -> Value:
        """``x[...]``."""
        owner = self.evaluate(node.value, frame)
        if isinstance(node.slice, ast.Slice):
            self.evaluate_all([one for one in (node.slice.lower, node.slice.upper) if one is not None], frame)
            return replace(owner, parts=None, elements=owner.members()) if owner.parts is not None else owner
        place = _number(node.slice)
        if place is not None:
            return containers.member(owner, place)
        return self.entry(owner, self.evaluate(node.slice, frame))

    def entry(self, owner: Value, index: Value, default: Value | None = None) -> Value:
        """What stands under a name. A name that an answer does not have is told to the dialect."""
        found: list[Value] = []
        for place in sorted(index.texts):
            key = owner.key(place.text)
            if key is not None:
                found.append(key.value)
            answers = frozenset(one for one in owner.objects if hasattr(one, "child"))
            children = [one.child(place.text) for one in answers]
            found += [child for child in children if child is not None]
            if answers and not owner.open:
                self.dialect.reads(
                    place, answers, asked=key is not None or any(child is not None for child in children)
                )
            if key is None and owner.rest is not None:
                found.append(owner.rest)
            if owner.keys and not (answers or owner.open or owner.rest or index.open) and default is None:
                self.dialect.reads(place, frozenset(), asked=key is not None)
        if not index.texts or index.open:
            found += [owner.values(), *(owner.parts or ())]
        if owner.open or (not found and not owner.is_mapping and default is None):
            found.append(UNKNOWN)
        return join([*found, *([default] if default is not None else [])])

    def dictionary(self, node: ast.Dict, frame: Frame) -> Value:
        """``{...}``."""
        found: list[Value] = []
        for name, value in zip(node.keys, node.values, strict=True):
            held = self.evaluate(value, frame)
            if name is None:
                found.append(held)
                continue
            index = self.evaluate(name, frame)
            found.append(mapping((place, held) for place in index.texts) if index.texts else Value(rest=held))
        return join(found)

    def sequence(self, node: ast.List | ast.Tuple | ast.Set, frame: Frame) -> Value:
        """``[...]``, ``(...)``, ``{...}``."""
        if not any(isinstance(one, ast.Starred) for one in node.elts):
            return Value(parts=tuple(self.evaluate(one, frame) for one in node.elts))
        members: list[Value] = []
        for one in node.elts:
            if isinstance(one, ast.Starred):
                held = self.evaluate(one.value, frame)
                members += [member for member in held.members() if member != UNKNOWN or held.open]
            else:
                members.append(self.evaluate(one, frame))
        return Value(elements=tuple(dict.fromkeys(members)))

    def choice(self, node: ast.IfExp, frame: Frame) -> Value:
        """``a if test else b``."""
        test = self.evaluate(node.test, frame)
        made = []
        for branch, holds in ((node.body, True), (node.orelse, False)):
            with containers.narrowed(node.test, frame.names, holds=holds):
                made.append(self.evaluate(branch, frame))
        if all(one.texts for one in made):
            made = [replace(one, texts=frozenset(said._replace(chosen=True) for said in one.texts)) for one in made]
        return guarded(join(made)) if ASKED in test.objects else join(made)

    def both(self, node: ast.BinOp, frame: Frame) -> Value:
        """``a + b``, ``a | b`` and the like: containers hold both, texts are put together where one side is fixed."""
        left, right = self.evaluate(node.left, frame), self.evaluate(node.right, frame)
        if isinstance(node.op, ast.Add) and left.parts is not None and right.parts is not None:
            return Value(parts=left.parts + right.parts)
        if isinstance(node.op, (ast.Add, ast.BitOr)):
            return join([containers.loose(left), containers.loose(right)])
        return UNKNOWN

    def any_of(self, node: ast.BoolOp, frame: Frame) -> Value:
        """``a or b``, ``a and b``."""
        return join(self.evaluate(one, frame) for one in node.values)

    def formatted(self, node: ast.JoinedStr, frame: Frame) -> Value:
        """An f-string: known where all but one of its parts are fixed."""
        before, after, held = "", "", None
        for one in node.values:
            if isinstance(one, ast.FormattedValue):
                value = self.evaluate(one.value, frame)
                held = UNKNOWN if held is not None or value.open or not value.texts else value
            elif isinstance(one, ast.Constant):
                if held is None:
                    before += str(one.value)
                else:
                    after += str(one.value)
        if held is None:
            return text(before, frame.module.where, node.lineno, node.col_offset)
        return Value(
            texts=frozenset(one._replace(text=before + one.text + after) for one in held.texts), open=held.open
        )

    def comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, frame: Frame) -> Value:
        """``[x for ...]``: one round for each member that is known."""
        made: list[Value] = []
        for asked in self._rounds(node.generators, frame):
            if isinstance(node, ast.DictComp):
                index, held = self.evaluate(node.key, frame), self.evaluate(node.value, frame)
                one = mapping((place, held) for place in index.texts) if index.texts else Value(rest=held)
            else:
                one = Value(elements=(self.evaluate(node.elt, frame),))
            made.append(guarded(one) if asked else one)
        return join(made)

    def _rounds(self, generators: list[ast.comprehension], frame: Frame) -> Iterator[bool]:
        """Bind the names of each round. True: it depends on what the system was asked."""
        if not generators:
            yield False
            return
        first, before = generators[0], dict(frame.names)
        for member in self.evaluate(first.iter, frame).members():
            self.assign(first.target, member, frame)
            asked = any([ASKED in self.evaluate(test, frame).objects for test in first.ifs])  # noqa: C419
            for inner in self._rounds(generators[1:], frame):
                yield asked or inner
        frame.names.clear()
        frame.names.update(before)

    def function(self, node: ast.Lambda, frame: Frame) -> Value:
        """A lambda."""
        return Value(objects=frozenset({Bound(Function(frame.module, node), None, frame.names)}))

    def named(self, node: ast.NamedExpr, frame: Frame) -> Value:
        """``(name := x)``."""
        value = self.evaluate(node.value, frame)
        self.assign(node.target, value, frame)
        return value

    def negated(self, node: ast.UnaryOp, frame: Frame) -> Value:
        """``not x`` still says what was asked."""
        return Value(objects=self.evaluate(node.operand, frame).objects & {ASKED}, open=True)

    def compared(self, node: ast.Compare, frame: Frame) -> Value:
        """Comparisons say nothing but that they were made. ``"x" in answer`` looks a name up."""
        left = self.evaluate(node.left, frame)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            held = self.evaluate(right, frame)
            if isinstance(operator, (ast.In, ast.NotIn)):
                self.entry(held, replace(left, open=False), NOTHING)
        return UNKNOWN

    def given_up(self, node: ast.Yield | ast.YieldFrom, frame: Frame) -> Value:
        """``yield x``: what the function gives is iterated."""
        if node.value is not None:
            value = self.evaluate(node.value, frame)
            members = value.members() if isinstance(node, ast.YieldFrom) else (value,)
            frame.returned.append(Value(elements=members))
        return UNKNOWN

    def starred(self, node: ast.Starred, frame: Frame) -> Value:
        """``*x`` alone."""
        return self.evaluate(node.value, frame)

    def evaluate_all(self, nodes: Iterable[ast.expr], frame: Frame) -> None:
        """Look at expressions whose value does not matter."""
        for node in nodes:
            self.evaluate(node, frame)

    # --- calls

    def called(self, node: ast.Call, frame: Frame) -> Value:
        """A call: of the system, of a function of this source, of a container's method, or of something unknown."""
        from hub.sdk.testing.specs.reader import Call

        is_method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "super":
            return UNKNOWN
        owner = self.evaluate(node.func.value, frame) if isinstance(node.func, ast.Attribute) else NOTHING
        callee = self._callee(node, owner, frame)
        given, named, more = self._arguments(node, frame)
        targets = [one for one in sorted(callee.objects, key=id) if isinstance(one, Bound)]
        place = Text(name, frame.module.where, node.lineno)
        call = Call(name, owner, targets, given, named, more, is_method, place)
        made = [self.made(one, call) for one in callee.objects if isinstance(one, Class)]
        if made:
            return join(made)
        if not targets:
            found = containers.call(self, node, call, frame)
            if found is not None:
                return found
        return self.call(call, frame.depth)

    def _callee(self, node: ast.Call, owner: Value, frame: Frame) -> Value:
        if not isinstance(node.func, ast.Attribute):
            return self.evaluate(node.func, frame)
        inner = node.func.value
        if isinstance(inner, ast.Call) and isinstance(inner.func, ast.Name) and inner.func.id == "super":
            return self._inherited(node.func.attr, frame)
        return self.part(owner, node.func.attr, frame)

    def _inherited(self, name: str, frame: Frame) -> Value:
        itself = frame.names.get("self", NOTHING)
        found = []
        for one in itself.objects:
            if isinstance(one, Instance):
                method = one.of.method(name, after=frame.owner)
                if method is not None:
                    found.append(Bound(method, Value(objects=frozenset({one}))))
        return Value(objects=frozenset(found))

    def _arguments(
        self, node: ast.Call, frame: Frame
    ) -> tuple[list[Value], dict[str, tuple[Text, Value]], Value | None]:
        given: list[Value] = []
        for one in node.args:
            if isinstance(one, ast.Starred):
                held = self.evaluate(one.value, frame)
                given += list(held.parts) if held.parts is not None else [join(held.members())]
            else:
                given.append(self.evaluate(one, frame))
        named: dict[str, tuple[Text, Value]] = {}
        more: list[Value] = []
        for keyword in node.keywords:
            value = self.evaluate(keyword.value, frame)
            if keyword.arg is None:
                more.append(value)
            else:
                named[keyword.arg] = (Text(keyword.arg, frame.module.where, keyword.lineno), value)
        return given, named, join(more) if more else None

    # --- what the other half does

    def assign(self, target: ast.expr, value: Value, frame: Frame) -> None:
        """Bind a target."""
        raise NotImplementedError

    def attribute(self, made: Instance, name: str, depth: int) -> Value:
        """An attribute of an object."""
        raise NotImplementedError

    def call(self, call: Call, depth: int) -> Value:
        """What a call gives."""
        raise NotImplementedError

    def made(self, owner: Class, call: Call) -> Value:
        """A new object."""
        raise NotImplementedError

    def grow(self, owner: ast.expr, added: Value, frame: Frame) -> None:
        """A container holds more."""
        raise NotImplementedError

    def shrink(self, owner: ast.expr, gone: set[str], frame: Frame) -> None:
        """A dictionary that a name stands for loses entries."""
        if isinstance(owner, ast.Name) and owner.id in frame.names:
            held = frame.names[owner.id]
            frame.names[owner.id] = replace(held, keys=tuple(key for key in held.keys if key.name not in gone))


def _number(node: ast.expr) -> int | None:
    """The number that a subscript is."""
    match node:
        case ast.Constant(value=int(number)):
            return number
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int(number))):
            return -number
    return None


_KINDS: dict[type[ast.expr], Callable[[Any, Any, Any], Value]] = {
    ast.Constant: Expressions.constant,
    ast.Name: Expressions.name,
    ast.Attribute: Expressions.attribute_of,
    ast.Subscript: Expressions.subscript,
    ast.Dict: Expressions.dictionary,
    ast.List: Expressions.sequence,
    ast.Tuple: Expressions.sequence,
    ast.Set: Expressions.sequence,
    ast.IfExp: Expressions.choice,
    ast.BinOp: Expressions.both,
    ast.BoolOp: Expressions.any_of,
    ast.JoinedStr: Expressions.formatted,
    ast.ListComp: Expressions.comprehension,
    ast.SetComp: Expressions.comprehension,
    ast.GeneratorExp: Expressions.comprehension,
    ast.DictComp: Expressions.comprehension,
    ast.Lambda: Expressions.function,
    ast.NamedExpr: Expressions.named,
    ast.UnaryOp: Expressions.negated,
    ast.Compare: Expressions.compared,
    ast.Yield: Expressions.given_up,
    ast.YieldFrom: Expressions.given_up,
    ast.Starred: Expressions.starred,
    ast.Call: Expressions.called,
}
