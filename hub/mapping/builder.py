"""Turns the nodes of a mapping file into the tree of parts: objects, lists, expressions, and the directives that begin with $."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from hub.canonical.reasons import REASONS
from hub.mapping import limits
from hub.mapping.directives import BELONGS_TO, DIRECTIVES, FOR_HEAD, FRAGMENT_KEYS, Scope, name_fault
from hub.mapping.document import Node
from hub.mapping.expression import Const, Expr, ExpressionError, Reader
from hub.mapping.findings import Finding, did_you_mean
from hub.mapping.tree import (
    Array,
    Error,
    First,
    For,
    If,
    Leaf,
    Let,
    Link,
    Lookup,
    Match,
    Merge,
    Object,
    Omit,
    Optional,
    Part,
    Place,
)  # fmt: skip


@dataclass(slots=True)
class Builder:
    """Builds parts and collects what is wrong, so that one run of the lint shows all of it.

    ``fragment`` gives the node of a fragment file; ``tables`` says which lookup tables there are (None = not known);
    ``entities`` the entities that can be linked to.
    """

    filters: Mapping[str, Callable[..., Any]]
    fragment: Callable[[str], Node]
    entities: tuple[str, ...] = ()
    found: list[Finding] = field(default_factory=list)
    used_tables: list[tuple[str, Node, bool]] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    count: int = 0
    _including: list[str] = field(default_factory=list)

    def part(self, node: Node, scope: Scope) -> Part:
        """The part for any node."""
        place = Place(node.file, node.line, node.column, scope.target)
        self.count += 1
        if self.count == limits.FILE_NODES:
            self.found.append(
                node.finding("MAP006", f"The mapping has more than {limits.FILE_NODES:,} values with its fragments.")
            )
        if self.count >= limits.FILE_NODES:
            return Omit(place)
        value = node.value
        if isinstance(value, list):
            return Array(place, tuple(self.part(item, scope.at(f"[{index}]")) for index, item in enumerate(value)))
        if not isinstance(value, dict):
            return self.leaf(node, scope)
        for name in value:
            if name in DIRECTIVES:
                return self._directive(name, node, scope, place)
        fields = []
        for key, item in value.items():
            if key.startswith("$") and not key.startswith("$$"):
                fix = f"{key} belongs to {BELONGS_TO[key]}." if key in BELONGS_TO else did_you_mean(key, DIRECTIVES)
                said = f"Unknown directive {key}." if key not in BELONGS_TO else f"{key} stands alone."
                self.found.append(
                    node.finding("MAP018", said, fix or "For a field whose name begins with $ write $$.", key)
                )
                continue
            name = key[1:] if key.startswith("$$") else key
            fields.append((name, self.part(item, scope.at(f".{name}"))))
        return Object(place, tuple(fields))

    def leaf(self, node: Node, scope: Scope, *, field: bool = True) -> Leaf:
        """The part for a scalar."""
        place = Place(node.file, node.line, node.column, scope.target)
        if not isinstance(node.value, str):
            return Leaf(place, Const(node.value), _shown(node.value))
        # the line break at the end of a block belongs to how YAML is written, not to the value of an expression
        text = node.value.rstrip("\n") if node.block and "{{" in node.value else node.value
        return Leaf(place, self._read(node, scope, lambda reader: reader.value(text, field=field)), text)

    def condition(self, node: Node, scope: Scope) -> Leaf:
        """The part for `when` and `key`, whose expression may be written without braces."""
        expr = (
            self.bare(node, scope)
            if not isinstance(node.value, str) or "{{" not in node.value
            else self.leaf(node, scope, field=False).expr
        )
        return Leaf(Place(node.file, node.line, node.column, scope.target), expr, str(node.value))

    def bare(self, node: Node, scope: Scope) -> Expr:
        """The expression of a node that may be written without braces."""
        if isinstance(node.value, (dict, list)):
            self.found.append(node.finding("MAP019", "An expression is needed here, not a structure."))
            return Const(None)
        if not isinstance(node.value, str):
            return Const(node.value)
        return self._read(node, scope, lambda reader: reader.bare(node.value))

    def value(self, node: Node, scope: Scope) -> Expr:
        """The expression of a node that is a value: text is itself, expressions stand in braces."""
        if isinstance(node.value, (dict, list)):
            self.found.append(
                node.finding("MAP019", "An expression is needed here, not a structure.", "Give it a name under `let:`.")
            )
            return Const(None)
        return self.leaf(node, scope, field=False).expr

    def _read(self, node: Node, scope: Scope, read: Callable[[Reader], Expr]) -> Expr:
        try:
            return read(Reader(scope.names, scope.loop, self.filters))
        except ExpressionError as error:
            line = node.line + error.line - 1 + (1 if node.block else 0)
            column = node.column if line == node.line else 1
            self.found.append(Finding(error.code, "error", node.file, line, column, error.message, error.fix))
            return Const(None)

    def _directive(self, name: str, node: Node, scope: Scope, place: Place) -> Part:
        allowed = DIRECTIVES[name]
        for key in node.value:
            if key == name or key in allowed or (name == "$match" and not key.startswith("$")):
                continue
            if name == "$match" and key.startswith("$$"):
                continue
            others = ", ".join(allowed) or "nothing else"
            message = f"{key!r} cannot stand beside {name}."
            self.found.append(
                node.finding("MAP019", message, did_you_mean(key, allowed) or f"Beside it may stand: {others}.", key)
            )
        build: Callable[[Node, Scope, Place], Part] = getattr(self, f"_build_{name[1:]}")
        return build(node, scope, place)

    def _need(self, node: Node, key: str, directive: str) -> Node | None:
        found: Node | None = node.value.get(key)
        if found is None:
            self.found.append(node.finding("MAP019", f"{directive} needs {key}.", key=directive))
        return found

    def _flag(self, node: Node, key: str) -> bool:
        given = node.value.get(key)
        if given is not None and not isinstance(given.value, bool):
            self.found.append(node.finding("MAP019", f"`{key}` is true or false.", key=key))
        return given is not None and given.value is True

    def _build_for(self, node: Node, scope: Scope, place: Place) -> Part:
        head, each = node.value["$for"], self._need(node, "$each", "$for")
        match = FOR_HEAD.fullmatch(head.value) if isinstance(head.value, str) else None
        if match is None:
            self.found.append(
                head.finding("MAP019", "$for is written: name in list.", "For example: line in src.line_items.")
            )
            return Omit(place)
        names = tuple(name for name in (match[1], match[2]) if name)
        for name in names:
            if fault := name_fault(name) or (
                f"{name!r} already names another value here." if name in scope.names else None
            ):
                self.found.append(head.finding("MAP019", fault, "Choose another name."))
        items = self._read(head, scope, lambda reader: reader.bare(match[3]))
        inner = Scope((*scope.names, *names), scope.target, loop=True)
        unlooped = Scope(inner.names, scope.target)  # which items stay is known before `loop` counts them
        where = self.bare(node.value["$where"], unlooped) if "$where" in node.value else None
        key = self.bare(node.value["$key"], inner) if "$key" in node.value else None
        if each is None:
            return Omit(place)
        return For(place, names, items, where, key, self.part(each, inner.at("[]" if key is None else ".*")))

    def _build_if(self, node: Node, scope: Scope, place: Place) -> Part:
        test, then = self.bare(node.value["$if"], scope), self._need(node, "$then", "$if")
        other = node.value.get("$else")
        if then is None:
            return Omit(place)
        return If(place, test, self.part(then, scope), None if other is None else self.part(other, scope))

    def _build_match(self, node: Node, scope: Scope, place: Place) -> Part:
        value = self.value(node.value["$match"], scope)
        special = {key: self.part(item, scope) for key, item in node.value.items() if key in ("$null", "$else")}
        branches = tuple(
            (key[1:] if key.startswith("$$") else key, self.part(item, scope))
            for key, item in node.value.items()
            if key.startswith("$$") or not key.startswith("$")
        )
        if not branches and not special:
            self.found.append(node.finding("MAP019", "$match needs at least one branch."))
        return Match(place, value, branches, special.get("$null"), special.get("$else"))

    def _build_first(self, node: Node, scope: Scope, place: Place) -> Part:
        options = node.value["$first"]
        other = node.value.get("default")
        if not isinstance(options.value, list) or not options.value:
            self.found.append(options.finding("MAP019", "$first needs a list of values."))
            return Omit(place)
        parts = tuple(self.part(item, scope) for item in options.value)
        return First(place, parts, None if other is None else self.part(other, scope))

    def _build_optional(self, node: Node, scope: Scope, place: Place) -> Part:
        return Optional(place, self.part(node.value["$optional"], scope))

    def _build_lookup(self, node: Node, scope: Scope, place: Place) -> Part:
        head, key = node.value["$lookup"], self._need(node, "key", "$lookup")
        other, optional = node.value.get("default"), self._flag(node, "optional")
        if not isinstance(head.value, str) or "{{" in head.value:
            self.found.append(head.finding("MAP019", "$lookup needs the name of a table, as plain text."))
            return Omit(place)
        self.used_tables.append((head.value, head, other is not None or optional))
        if key is None:
            return Omit(place)
        keys = key.value if isinstance(key.value, list) else [key]
        exprs = tuple(self.value(item, scope) for item in keys)
        return Lookup(
            place, head.value, exprs, self._column(node), None if other is None else self.part(other, scope), optional
        )

    def _column(self, node: Node) -> str:
        given = node.value.get("column")
        if given is not None and not isinstance(given.value, str):
            self.found.append(node.finding("MAP019", "`column` is the name of a column of the table.", key="column"))
            return ""
        return given.value if given is not None else ""

    def _build_link(self, node: Node, scope: Scope, place: Place) -> Part:
        head = node.value["$link"]
        given = [name for name in ("key", "natural") if name in node.value]
        optional = self._flag(node, "optional")
        if not isinstance(head.value, str) or (self.entities and head.value not in self.entities):
            self.found.append(
                head.finding("MAP024", f"Unknown entity {head.value!r}.", did_you_mean(str(head.value), self.entities))
            )
            return Omit(place)
        if len(given) != 1:
            self.found.append(node.finding("MAP019", "$link needs either `key` or `natural`.", key="$link"))
            return Omit(place)
        return Link(place, head.value, self.value(node.value[given[0]], scope), given[0] == "natural", optional)

    def _build_merge(self, node: Node, scope: Scope, place: Place) -> Part:
        parts = node.value["$merge"]
        if not isinstance(parts.value, list) or not parts.value:
            self.found.append(parts.finding("MAP019", "$merge needs a list of objects or of lists."))
            return Omit(place)
        return Merge(place, tuple(self.part(item, scope) for item in parts.value))

    def _build_error(self, node: Node, scope: Scope, place: Place) -> Part:
        message = self.value(node.value["$error"], scope)
        if "code" not in node.value:
            return Error(place, message)
        given = node.value["code"]
        if given.value not in REASONS:
            near = did_you_mean(str(given.value), REASONS)
            self.found.append(given.finding("MAP019", f"{given.value!r} is not a code of the reason registry.", near))
        return Error(place, message, str(given.value))

    def _build_omit(self, node: Node, scope: Scope, place: Place) -> Part:  # noqa: ARG002 - one signature for all
        if node.value["$omit"].value is not True:
            self.found.append(node.finding("MAP019", "$omit is written: {$omit: true}.", key="$omit"))
        return Omit(place)

    def _build_let(self, node: Node, scope: Scope, place: Place) -> Part:
        inner, body = node.value["$let"], self._need(node, "$in", "$let")
        values, scope_inside = self.names(inner, scope)
        return Omit(place) if body is None else Let(place, values, self.part(body, scope_inside), sealed=False)

    def names(self, node: Node, scope: Scope) -> tuple[tuple[tuple[str, Part], ...], Scope]:
        """The named values of `let`, each seeing those before it, and the scope in which all of them are known."""
        if not isinstance(node.value, dict):
            self.found.append(node.finding("MAP019", "Names and their values are needed here."))
            return (), scope
        values = []
        for name, item in node.value.items():
            if fault := name_fault(name) or (
                f"{name!r} already names another value here." if name in scope.names else None
            ):
                self.found.append(node.finding("MAP019", fault, "Choose another name.", name))
                continue
            values.append((name, self.part(item, Scope(scope.names, f"let.{name}", scope.loop))))
            scope = scope.with_names(name)
        return tuple(values), scope

    def _build_include(self, node: Node, scope: Scope, place: Place) -> Part:
        head, given = node.value["$include"], node.value.get("with")
        if not isinstance(head.value, str):
            self.found.append(head.finding("MAP020", "$include needs the path of a fragment, as plain text."))
            return Omit(place)
        body = self._fragment(head)
        if body is None:
            return Omit(place)
        params = [item.value for item in body.value["params"].value] if "params" in body.value else []
        values: tuple[tuple[str, Part], ...] = ()
        if given is not None and isinstance(given.value, dict):
            for name in given.value:
                if name not in params:
                    self.found.append(
                        given.finding(
                            "MAP020", f"The fragment has no parameter {name!r}.", did_you_mean(name, params), name
                        )
                    )
            values = tuple(
                (name, self.part(item, Scope(scope.names, f"with.{name}", scope.loop)))
                for name, item in given.value.items()
            )
        for name in params:
            if name not in dict(values):
                self.found.append(
                    node.finding("MAP020", f"The fragment needs the parameter {name!r}.", "Add it under `with:`.")
                )
        inner = Scope(("src", "meta", *params), scope.target)
        if len(self._including) == limits.INCLUDE_DEPTH or head.value in self._including:
            chain = " -> ".join([*self._including, head.value])
            self.found.append(head.finding("MAP020", f"Fragments include each other in a circle or too deep: {chain}."))
            return Omit(place)
        self._including.append(head.value)
        part = self.part(body.value["output"], inner)
        self._including.pop()
        return Let(place, values, part, sealed=True)

    def _fragment(self, head: Node) -> Node | None:
        path: str = head.value
        if path.startswith(("/", "\\")) or ".." in path.split("/") or "\\" in path or ":" in path or not path:
            self.found.append(
                head.finding("MAP020", "A fragment is a file below the mappings folder: no absolute paths and no '..'.")
            )
            return None
        body = self.fragment(path)
        if (
            isinstance(body, Node)
            and isinstance(body.value, dict)
            and "output" in body.value
            and "fragment" in body.value
        ):
            for key in body.value:
                if key not in FRAGMENT_KEYS:
                    self.found.append(
                        body.finding("MAP010", f"Unknown key {key!r}.", did_you_mean(key, FRAGMENT_KEYS), key)
                    )
            params = body.value.get("params")
            if params is None or (
                isinstance(params.value, list)
                and all(isinstance(item.value, str) and not name_fault(item.value) for item in params.value)
            ):
                self.files.append(body.file)
                return body
        self.found.append(
            head.finding(
                "MAP020", f"{path} is not a fragment.", "A fragment has `fragment: 1`, `params: [...]` and `output:`."
            )
        )
        return None


def _shown(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return format(value, "f") if isinstance(value, Decimal) else str(value)
