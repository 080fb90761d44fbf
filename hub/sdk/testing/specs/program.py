"""The source of a connector: its modules, classes and functions, found by name. Nothing is imported and nothing is run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from hub.errors import ConfigError
from hub.sdk.testing.specs.values import Value

_NOT_SENT = ("simulator", "tests", "test_")
"""Folders and modules whose name begins so are no part of what talks to the system."""

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(eq=False)
class Module:
    """One file. ``where`` is how findings name it."""

    name: str
    where: str
    tree: ast.Module
    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Function:
    """A function or a method; ``owner`` is the class whose body it stands in."""

    module: Module
    node: FunctionNode
    owner: Class | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return "lambda" if isinstance(self.node, ast.Lambda) else self.node.name

    @property
    def parameters(self) -> list[ast.arg]:
        """Its parameters that can be given by name or by position, ``self`` included."""
        return [*self.node.args.posonlyargs, *self.node.args.args]

    @property
    def names(self) -> list[str]:
        """The names of all its parameters, without ``self``."""
        return [one.arg for one in (*self.parameters, *self.node.args.kwonlyargs) if one.arg not in ("self", "cls")]

    def decorated(self, *names: str) -> bool:
        """Has it one of these decorators?"""
        if isinstance(self.node, ast.Lambda):
            return False
        said = [one.func if isinstance(one, ast.Call) else one for one in self.node.decorator_list]
        return any((one.id if isinstance(one, ast.Name) else getattr(one, "attr", "")) in names for one in said)


@dataclass(eq=False)
class Class:
    """A class with what its body defines."""

    module: Module
    node: ast.ClassDef
    methods: dict[str, Function] = field(default_factory=dict)
    values: dict[str, ast.expr] = field(default_factory=dict)
    fields: dict[str, ast.expr] = field(default_factory=dict)
    bases: list[Class] = field(default_factory=list)

    def line(self) -> Iterator[Class]:
        """The class and its ancestors of this source, nearest first."""
        yield self
        for base in self.bases:
            yield from base.line()

    def method(self, name: str, *, after: Class | None = None) -> Function | None:
        """The method with this name, its own or inherited; of the ancestors of ``after`` only, where that is given."""
        line = list(dict.fromkeys(self.line()))
        if after is not None:
            line = line[line.index(after) + 1 :] if after in line else []
        return next((one.methods[name] for one in line if name in one.methods), None)


@dataclass(frozen=True)
class Instance:
    """An object of a class, with what it was made of."""

    of: Class
    given: tuple[tuple[str, Value], ...] = ()


@dataclass(frozen=True)
class Bound:
    """A method with its object, or a function within a function with the names around it."""

    function: Function
    owner: Value | None = None
    around: Names | None = None


class Names(dict[str, Value]):
    """The names of one function call and what they stand for."""

    __slots__ = ()

    def __hash__(self) -> int:  # type: ignore[override]
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


class Program:
    """All modules below a folder, under the name of the package that it is."""

    def __init__(self, folder: Path, package: str) -> None:
        self.folder = folder
        self.package = package
        self.modules: dict[str, Module] = {}
        self.classes: dict[tuple[str, str], Class] = {}
        for path in sorted(folder.rglob("*.py")):
            inside = path.relative_to(folder)
            if not any(part.startswith(_NOT_SENT) for part in inside.parts):
                self._add(path, inside)
        for made in self.classes.values():
            found = [self.find(made.module, base) for base in made.node.bases]
            made.bases = [one for one in found if isinstance(one, Class)]

    def _add(self, path: Path, inside: Path) -> None:
        dotted = [self.package, *inside.with_suffix("").parts]
        name = ".".join(dotted[:-1] if dotted[-1] == "__init__" else dotted)
        where = shown(path)
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"), filename=where)
        except (SyntaxError, UnicodeDecodeError) as e:
            line = getattr(e, "lineno", None)
            raise ConfigError(
                f"it is not Python: {e.args[0]}", code="CFG-SOURCE", where=f"{where}:{line}" if line else where
            ) from None
        module = self.modules[name] = Module(name, where, tree)
        for statement in tree.body:
            for defined in _defined_by(statement):
                module.defined.setdefault(defined, []).append(statement)
            if isinstance(statement, ast.ClassDef):
                self.classes[name, statement.name] = _class(module, statement)

    def find(self, module: Module, expression: ast.expr) -> Class | Module | ast.stmt | None:
        """What a name or a dotted name of a module stands for: a class, a module, or the statement that defines it."""
        if isinstance(expression, ast.Name):
            return self.named(module, expression.id)
        if isinstance(expression, ast.Attribute):
            owner = self.find(module, expression.value)
            return self.named(owner, expression.attr) if isinstance(owner, Module) else None
        if isinstance(expression, ast.Subscript):
            return self.find(module, expression.value)
        return None

    def named(self, module: Module, name: str, depth: int = 0) -> Class | Module | ast.stmt | None:
        """What a name stands for in a module, followed through imports."""
        for statement in reversed(module.defined.get(name, [])):
            if isinstance(statement, ast.ClassDef):
                return self.classes[module.name, name]
            if isinstance(statement, ast.ImportFrom) and depth < 10:
                return self._imported(module, statement, name, depth)
            return statement
        return None

    def home(self, module: Module, name: str, depth: int = 0) -> Module:
        """The module in which a name is really defined."""
        for statement in reversed(module.defined.get(name, [])):
            if isinstance(statement, ast.ImportFrom) and depth < 10:
                source = self.modules.get(_source(module, statement))
                original = _original(statement, name)
                if source is not None and original in source.defined:
                    return self.home(source, original, depth + 1)
        return module

    def _imported(
        self, module: Module, statement: ast.ImportFrom, name: str, depth: int
    ) -> Class | Module | ast.stmt | None:
        original, source = _original(statement, name), _source(module, statement)
        inner = self.modules.get(f"{source}.{original}")
        if source in self.modules and original in self.modules[source].defined:
            return self.named(self.modules[source], original, depth + 1)
        return inner


def shown(path: Path) -> str:
    """A path as people want to read it: from the working directory where it is below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd().resolve()))
    except ValueError:
        return str(path)


def _original(statement: ast.ImportFrom, name: str) -> str:
    return next(alias.name for alias in statement.names if (alias.asname or alias.name) == name)


def _source(module: Module, statement: ast.ImportFrom) -> str:
    if not statement.level:
        return statement.module or ""
    package = module.name if module.where.endswith("__init__.py") else module.name.rpartition(".")[0]
    for _ in range(statement.level - 1):
        package = package.rpartition(".")[0]
    return f"{package}.{statement.module}" if statement.module else package


def _defined_by(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield statement.name
        case ast.ImportFrom() | ast.Import():
            yield from (alias.asname or alias.name.partition(".")[0] for alias in statement.names)
        case ast.Assign():
            for target in statement.targets:
                yield from (node.id for node in ast.walk(target) if isinstance(node, ast.Name))
        case ast.AnnAssign(target=ast.Name(id=name)) | ast.AugAssign(target=ast.Name(id=name)):
            yield name
        case ast.If() | ast.Try():
            for inner in [*statement.body, *statement.orelse]:
                yield from _defined_by(inner)


def _class(module: Module, node: ast.ClassDef) -> Class:
    made = Class(module, node)
    for statement in node.body:
        match statement:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                made.methods[statement.name] = Function(module, statement, made)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                made.values[name] = value
            case ast.AnnAssign(target=ast.Name(id=name), annotation=annotation, value=value):
                made.fields[name] = annotation
                if value is not None:
                    made.values[name] = value
    return made
