"""Reads the expressions between ``{{`` and ``}}`` with Jinja's own parser, and keeps only what is on the allow-list.

The result is a small tree of the classes of :mod:`hub.mapping.nodes`.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hub.mapping import limits
from hub.mapping.findings import did_you_mean
from hub.mapping.methods import METHODS
from hub.mapping.nodes import (
    Access,
    Binary,
    Compare,
    Concat,
    Cond,
    Const,
    Default,
    Defined,
    DictOf,
    Expr,
    FilterCall,
    Is,
    ListOf,
    Logic,
    Loop,
    MethodCall,
    Name,
    Slice,
    Unary,
    children,
    path,
    walk,
)
from hub.mapping.predicates import PREDICATES

if TYPE_CHECKING:
    from jinja2 import Environment


LOOP_NAMES = ("index", "index0", "first", "last", "length")
_ARITHMETIC = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%"}
_COMPARE = {"eq": "==", "ne": "!=", "gt": ">", "gteq": ">=", "lt": "<", "lteq": "<=", "in": "in", "notin": "not in"}
_SECRET_NAMES = frozenset(
    {"secrets", "secret", "env", "environ", "config", "settings", "request", "self", "credentials"}
)
_JINJA_NAMES = frozenset({"range", "dict", "lipsum", "cycler", "joiner", "namespace", "caller", "varargs", "kwargs"})
_STATEMENTS = {
    "MAP013": "Only expressions are allowed: no {% %} statements, macros, includes or {# #} comments.",
}


class ExpressionError(Exception):
    """An expression cannot be used; the caller adds the place. ``line`` counts from the start of the text."""

    def __init__(self, code: str, message: str, fix: str = "", line: int = 1) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fix = fix
        self.line = line


@lru_cache(maxsize=1)
def _environment() -> Environment:
    from jinja2 import Environment
    from jinja2.lexer import Lexer, Token

    class ExactLexer(Lexer):
        """Jinja's lexer, but a literal with a point is the exact decimal that was written."""

        def wrap(self, stream: Any, name: str | None = None, filename: str | None = None) -> Iterator[Any]:
            kept: list[Decimal] = []

            def texts() -> Iterator[tuple[int, str, str]]:
                for line, kind, text in stream:
                    if kind == "float":
                        kept.append(Decimal(text.replace("_", "")))
                    yield line, kind, text

            for token in super().wrap(texts(), name, filename):
                yield Token(token.lineno, token.type, kept.pop(0)) if token.type == "float" else token  # type: ignore[arg-type]

    class ExactEnvironment(Environment):
        @property
        def lexer(self) -> Any:
            return exact

    environment = ExactEnvironment(keep_trailing_newline=True)
    exact = ExactLexer(environment)
    return environment


Signatures = Mapping[str, Callable[..., Any]]


@dataclass(slots=True)
class Reader:
    """Reads expressions in one place of a mapping: ``names`` can be seen there, ``loop`` says whether `loop` can be."""

    names: Collection[str]
    loop: bool
    filters: Signatures
    _line: int = 1
    _text: str = ""

    def value(self, text: str, *, field: bool) -> Expr:
        """A leaf: a bare expression keeps its type, text around expressions makes text, anything else is itself.

        Only what becomes a ``field`` can be left out, by an `if` without `else`.
        """
        if "{%" in text or "{#" in text:
            raise ExpressionError("MAP013", _STATEMENTS["MAP013"], "Use the directives ($if, $for, $include) instead.")
        if "{{" not in text:
            return Const(text)
        body = [node for output in self._parse(text) for node in output.nodes]
        if any(type(node).__name__ == "TemplateData" and "}}" in node.data for node in body):
            raise ExpressionError(
                "MAP012", "There is a '}}' without its '{{'.", "Remove it; for the text itself write {{ '}}' }}."
            )
        if len(body) == 1:
            return self._top(body[0]) if field else self._expr(body[0], 1)
        return Concat(tuple(self._expr(node, 1) for node in body))

    def bare(self, text: str) -> Expr:
        """An expression that may be written without the braces, as in $where."""
        stripped = text.strip()
        if stripped.startswith("{{") and stripped.endswith("}}"):
            stripped = stripped[2:-2]
        if "{{" in stripped or "{%" in stripped or "{#" in stripped or "}}" in stripped:
            raise ExpressionError("MAP013", "One expression is needed here, without text around it.")
        outputs = self._parse("{{ " + stripped + " }}")
        if len(outputs) != 1 or len(outputs[0].nodes) != 1:
            raise ExpressionError("MAP012", "One expression is needed here.")
        return self._expr(outputs[0].nodes[0], 1)

    def _parse(self, text: str) -> list[Any]:
        from jinja2 import TemplateSyntaxError

        self._text = text
        if len(text) > limits.EXPRESSION_CHARACTERS:
            raise ExpressionError(
                "MAP029", f"The text is longer than {limits.EXPRESSION_CHARACTERS:,} characters.", "Use `let:`."
            )
        try:
            body = _environment().parse(text).body
        except TemplateSyntaxError as error:
            raise ExpressionError(
                "MAP012", *_plainly(str(error.message or "it cannot be read")), line=error.lineno or 1
            ) from None
        except (RecursionError, MemoryError):
            raise ExpressionError("MAP029", "The expression is nested too deep.", "Use `let:`.") from None
        except Exception:  # noqa: BLE001 - Jinja's lexer lets errors of literals through as they are
            raise ExpressionError("MAP012", "Not an expression: a literal in it cannot be read.") from None
        if any(type(output).__name__ != "Output" for output in body):
            raise ExpressionError("MAP013", _STATEMENTS["MAP013"])
        return body

    def _top(self, node: Any) -> Expr:
        """The whole leaf: only here may an `if` go without `else`, because only here a field can be left out."""
        if type(node).__name__ == "CondExpr" and node.expr2 is None:
            return Cond(self._expr(node.test, 2), self._expr(node.expr1, 2), None)
        return self._expr(node, 1)

    def _expr(self, node: Any, depth: int) -> Expr:
        if depth > limits.EXPRESSION_DEPTH:
            raise ExpressionError(
                "MAP029", "The expression is nested too deep.", "Use `let:` for its parts.", self._line
            )
        self._line = getattr(node, "lineno", self._line) or self._line
        kind = type(node).__name__
        if kind in _ARITHMETIC:
            return Binary(_ARITHMETIC[kind], self._expr(node.left, depth + 1), self._expr(node.right, depth + 1))
        read = _READERS.get(kind)
        if read is None:
            raise self._error("MAP013", f"{_called(kind)} not allowed in a mapping.", _instead(kind))
        return read(self, node, depth)

    def _error(self, code: str, message: str, fix: str = "") -> ExpressionError:
        return ExpressionError(code, message, fix, self._line)

    def _const(self, node: Any, depth: int) -> Expr:  # noqa: ARG002 - one signature for all readers
        value = getattr(node, "value", None) if type(node).__name__ == "Const" else node.data
        if isinstance(value, str) and any(char == "\x00" or 0xD800 <= ord(char) <= 0xDFFF for char in value):
            raise self._error("MAP028", "The text holds a character that cannot be stored.", "Remove it.")
        if isinstance(value, int) and abs(value) >= 10**limits.DIGITS:
            raise self._error("MAP029", f"A number of more than {limits.DIGITS} digits.", "Ids are text: quote it.")
        if isinstance(value, Decimal) and (
            len(value.as_tuple().digits) > limits.DIGITS or abs(value.adjusted()) > limits.DIGITS
        ):
            raise self._error("MAP029", f"A number of more than {limits.DIGITS} digits.")
        if isinstance(value, (float, complex)):
            raise self._error("MAP012", "This is not an exact number.")
        return Const(value)

    def _name(self, node: Any, depth: int) -> Expr:  # noqa: ARG002
        name = node.name
        if name in self.names:
            return Name(name)
        if name == "loop":
            raise self._error("MAP014", "`loop` alone is not a value.", f"Use loop.{', loop.'.join(LOOP_NAMES)}.")
        if name.startswith("_"):
            raise self._error("MAP013", "Names that begin with '_' are not allowed.")
        if name in _SECRET_NAMES:
            raise self._error("MAP030", f"{name!r} cannot be seen: a mapping sees data only, never settings or secrets.",
                              "Use src, meta or a name of let.")  # fmt: skip
        if name in _JINJA_NAMES:
            raise self._error("MAP013", f"{name!r} is not part of the mapping language.")
        fix = did_you_mean(name, self.names)
        if re.search(rf"[\w\])]-{re.escape(name)}\b", self._text):
            fix = f"For a field whose name has a hyphen write ['...-{name}']; for a subtraction put spaces around the minus."
        raise self._error("MAP014", f"Unknown name {name!r}.", fix)

    def _getattr(self, node: Any, depth: int) -> Expr:
        if type(node.node).__name__ == "Name" and node.node.name == "loop" and "loop" not in self.names:
            if not self.loop:
                raise self._error("MAP014", "`loop` is known only inside $for.")
            if node.attr not in LOOP_NAMES:
                raise self._error("MAP014", f"`loop` has no {node.attr!r}.", did_you_mean(node.attr, LOOP_NAMES))
            return Loop(node.attr)
        if node.attr.startswith("_"):
            raise self._error("MAP013", f"Fields that begin with '_' cannot be read with a point ({node.attr}).",
                              "No part of Python can be reached from a mapping; for a field of the data write ['_name'].")  # fmt: skip
        return Access(self._expr(node.node, depth + 1), Const(node.attr))

    def _getitem(self, node: Any, depth: int) -> Expr:
        base = self._expr(node.node, depth + 1)
        if type(node.arg).__name__ == "Slice":
            if node.arg.step is not None:
                raise self._error(
                    "MAP013", "A slice with a step is not allowed.", "Use the filters `sort` or `reverse`."
                )
            start, stop = (
                None if part is None else self._expr(part, depth + 1) for part in (node.arg.start, node.arg.stop)
            )
            return Slice(base, start, stop)
        key = self._expr(node.arg, depth + 1)
        if isinstance(key, Const):
            if isinstance(key.value, str) and key.value.startswith("__"):
                raise self._error("MAP013", f"Names that begin with '__' are not allowed ({key.value}).")
            if isinstance(key.value, bool) or not isinstance(key.value, (str, int)):
                raise self._error("MAP012", "Only text and whole numbers can be an index.")
        return Access(base, key)

    def _filter(self, node: Any, depth: int) -> Expr:
        if node.node is None:
            raise self._error("MAP013", "A filter needs a value before it.")
        args, named = self._arguments(node, depth)
        base = self._expr(node.node, depth + 1)
        if node.name in ("default", "d"):
            return self._default(base, args, named)
        function = self.filters.get(node.name)
        if function is None:
            raise self._error(
                "MAP015", f"Unknown filter {node.name!r}.", did_you_mean(node.name, [*self.filters, "default"])
            )
        try:
            inspect.signature(function).bind(None, *args, **dict(named))
        except TypeError as error:
            takes = ", ".join(list(inspect.signature(function).parameters)[1:]) or "nothing"
            raise self._error(
                "MAP017", f"The filter `{node.name}` does not take these arguments ({error}).", f"It takes: {takes}."
            ) from None
        return FilterCall(node.name, base, args, named)

    def _default(self, base: Expr, args: tuple[Expr, ...], named: tuple[tuple[str, Expr], ...]) -> Expr:
        given = dict(zip(("default_value", "boolean"), args, strict=False)) | dict(named)
        empty = given.get("boolean", Const(False))
        if len(args) > 2 or not given.keys() <= {"default_value", "boolean"} or not isinstance(empty, Const):
            raise self._error(
                "MAP017", "`default` takes the value and, for empty values as well, true.", "Write default(x, true)."
            )
        return Default(base, given.get("default_value", Const("")), bool(empty.value))

    def _arguments(self, node: Any, depth: int) -> tuple[tuple[Expr, ...], tuple[tuple[str, Expr], ...]]:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._error("MAP013", "Arguments with * are not allowed.")
        named = tuple((pair.key, self._expr(pair.value, depth + 1)) for pair in node.kwargs or ())
        return tuple(self._expr(arg, depth + 1) for arg in node.args or ()), named

    def _test(self, node: Any, depth: int) -> Expr:
        args, named = self._arguments(node, depth)
        base = self._expr(node.node, depth + 1)
        if node.name in ("defined", "undefined"):
            return Defined(base) if node.name == "defined" else Unary("not", Defined(base))
        test = PREDICATES.get(node.name)
        if test is None:
            raise self._error(
                "MAP016", f"Unknown test {node.name!r}.", did_you_mean(node.name, [*PREDICATES, "defined", "undefined"])
            )
        if named or len(args) != test.arguments:
            raise self._error("MAP017", f"The test `{node.name}` takes {test.arguments} arguments.")
        return Is(node.name, base, args)

    def _cond(self, node: Any, depth: int) -> Expr:
        if node.expr2 is None:
            raise self._error(
                "MAP012", "This `if` needs an `else`.", "Only a whole value may go without: it is then left out."
            )
        return Cond(*(self._expr(part, depth + 1) for part in (node.test, node.expr1, node.expr2)))

    def _compare(self, node: Any, depth: int) -> Expr:
        rest = tuple((_COMPARE[operand.op], self._expr(operand.expr, depth + 1)) for operand in node.ops)
        return Compare(self._expr(node.expr, depth + 1), rest)

    def _logic(self, node: Any, depth: int) -> Expr:
        return Logic(type(node).__name__.lower(), self._expr(node.left, depth + 1), self._expr(node.right, depth + 1))

    def _unary(self, node: Any, depth: int) -> Expr:
        op = {"Not": "not", "Neg": "-", "Pos": "+"}[type(node).__name__]
        return Unary(op, self._expr(node.node, depth + 1))

    def _concat(self, node: Any, depth: int) -> Expr:
        return Concat(tuple(self._expr(part, depth + 1) for part in node.nodes))

    def _list(self, node: Any, depth: int) -> Expr:
        return ListOf(tuple(self._expr(item, depth + 1) for item in node.items))

    def _dict(self, node: Any, depth: int) -> Expr:
        return DictOf(
            tuple((self._expr(pair.key, depth + 1), self._expr(pair.value, depth + 1)) for pair in node.items)
        )

    def _call(self, node: Any, depth: int) -> Expr:
        if type(node.node).__name__ != "Getattr":
            name = getattr(node.node, "name", "")
            fix = f"Write it as a filter: `value | {name}`." if name in self.filters else "Use a filter."
            raise self._error("MAP013", f"Calls are not allowed ({name or 'an expression'}).", fix)
        name = node.node.attr
        method = METHODS.get(name)
        if method is None:
            fix = f"Write it as a filter: `value | {name}`." if name in self.filters else did_you_mean(name, METHODS)
            raise self._error("MAP013", f"The method {name!r} is not allowed.", fix)
        args, named = self._arguments(node, depth)
        if named or not method.least <= len(args) <= method.most:
            raise self._error("MAP017", f"The method {name!r} takes {method.least} to {method.most} arguments.")
        return MethodCall(name, self._expr(node.node.node, depth + 1), args)


# ruff: disable[SLF001]
_READERS: dict[str, Callable[[Reader, Any, int], Expr]] = {
    "Const": Reader._const, "TemplateData": Reader._const, "Name": Reader._name, "Getattr": Reader._getattr,
    "Getitem": Reader._getitem, "Filter": Reader._filter, "Test": Reader._test, "CondExpr": Reader._cond,
    "Compare": Reader._compare, "And": Reader._logic, "Or": Reader._logic, "Not": Reader._unary, "Neg": Reader._unary,
    "Pos": Reader._unary, "Concat": Reader._concat, "List": Reader._list, "Tuple": Reader._list, "Dict": Reader._dict,
    "Call": Reader._call,
}  # fmt: skip
# ruff: enable[SLF001]


def _plainly(said: str) -> tuple[str, str]:
    """What Jinja's parser says, in the words of a mapping file, and what to do."""
    said = said.rstrip(".").replace("'end of print statement'", "'}}'").replace("end of print statement", "'}}'")
    said = said.replace("end of template", "the end of the text").replace("expected token ", "expected ")
    if said.startswith("unexpected char") and said[17:18] in "'\"":
        return "Not an expression: a quote is not closed.", "Close it before the '}}'."
    return f"Not an expression: {said[:1].lower()}{said[1:]}.", ""


def _called(kind: str) -> str:
    return {"Pow": "The operator ** is"}.get(kind, f"{kind} is")


def _instead(kind: str) -> str:
    return {"Pow": "Multiply, or use a filter."}.get(kind, "")


__all__ = [
    "LOOP_NAMES",
    "Access",
    "Binary",
    "Compare",
    "Concat",
    "Cond",
    "Const",
    "Default",
    "Defined",
    "DictOf",
    "Expr",
    "ExpressionError",
    "FilterCall",
    "Is",
    "ListOf",
    "Logic",
    "Loop",
    "MethodCall",
    "Name",
    "Reader",
    "Slice",
    "Unary",
    "children",
    "path",
    "walk",
]
