"""One mapping file: its header, its base (`extends`) and its fragments, put together into a program."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from hub.mapping import limits
from hub.mapping.builder import Builder
from hub.mapping.compiler import Code, write
from hub.mapping.directives import DIRECTIVES, Scope
from hub.mapping.document import Node, read
from hub.mapping.expression import Const, Name, walk
from hub.mapping.findings import Finding, MappingInvalid, did_you_mean
from hub.mapping.tree import Program, expressions
from hub.mapping.tree import walk as walk_parts

HEADER = ("mapping", "from", "to", "key", "when", "let", "output", "extends", "description")
_SIDE = re.compile(r"([a-z][a-z0-9_-]*)/([a-z][a-z0-9_]*)")
_CANONICAL = re.compile(r"canonical/([a-z][a-z0-9_]*)@([0-9]+)")
Direction = Literal["inbound", "outbound"]


@dataclass(slots=True)
class Source:
    """A mapping file that was read: ``label`` names it in messages, ``node`` is its content."""

    path: Path
    label: str
    text: str
    node: Node
    direction: Direction
    connector: str
    stream: str
    entity: str
    folder: int = 0
    """Which of the folders it was found in: earlier ones come first."""

    @property
    def pair(self) -> tuple[str, str, str, str]:
        """What makes two files the same mapping: direction, connector, stream and entity."""
        return (self.direction, self.connector, self.stream, self.entity)


def read_source(path: Path, label: str, text: str, folder: int = 0) -> Source:
    """Reads a file and its header; raises :class:`MappingInvalid`."""
    node = read(text, label)
    found: list[Finding] = []
    if not isinstance(node.value, dict):
        raise MappingInvalid([node.finding("MAP011", "A mapping file begins with `mapping: 1`.")])
    unknown = [key for key in node.value if key not in HEADER]
    found += [node.finding("MAP010", f"Unknown key {key!r}.", did_you_mean(key, HEADER), key) for key in unknown]
    version = node.value.get("mapping")
    if version is None or version.value != 1 or isinstance(version.value, bool):
        found.append((version or node).finding("MAP011", "A mapping file begins with `mapping: 1`."))
    sides = {name: _text(node, name, found) for name in ("from", "to")}
    if "output" not in node.value and "extends" not in node.value:
        found.append(node.finding("MAP011", "The mapping has no `output:`."))
    shape = _shape(sides["from"], sides["to"])
    if shape is None:
        place = node.value.get("from") or node
        message = "`from` and `to` must name a stream and an entity."
        found.append(
            place.finding(
                "MAP011", message, "For example from: shopify/order, to: canonical/order@1, or the other way round."
            )
        )
    else:
        _check_entity(node, shape[3], "to" if shape[0] == "inbound" else "from", found)
        if shape[0] == "inbound" and "key" not in node.value and "extends" not in node.value:
            found.append(
                node.finding("MAP011", "A mapping to the canonical model needs `key:`, the external id of the record.")
            )
        if shape[0] == "outbound" and "key" in node.value:
            found.append(
                node.finding("MAP011", "`key:` belongs to mappings to the canonical model.", "Remove it.", "key")
            )
    if found:
        raise MappingInvalid(found)
    assert shape is not None
    return Source(path, label, text, node, *shape, folder=folder)


def _text(node: Node, name: str, found: list[Finding]) -> str:
    given = node.value.get(name)
    if given is None or not isinstance(given.value, str):
        found.append((given or node).finding("MAP011", f"The mapping has no `{name}:`."))
        return ""
    return given.value


def _shape(source: str, target: str) -> tuple[Direction, str, str, str] | None:
    inbound, outbound = _CANONICAL.fullmatch(target), _CANONICAL.fullmatch(source)
    side = _SIDE.fullmatch(source if inbound else target)
    if side is None or side[1] == "canonical":
        return None
    if inbound:
        return "inbound", side[1], side[2], inbound[1]
    return ("outbound", side[1], side[2], outbound[1]) if outbound else None


def _check_entity(node: Node, entity: str, key: str, found: list[Finding]) -> None:
    from hub.canonical import ENTITIES

    if entity not in ENTITIES:
        found.append(
            node.value[key].finding("MAP024", f"Unknown canonical entity {entity!r}.", did_you_mean(entity, ENTITIES))
        )
    elif not node.value[key].value.endswith("@1"):
        found.append(
            node.value[key].finding("MAP011", "The canonical model has version 1.", f"Write canonical/{entity}@1.")
        )


@dataclass(slots=True)
class Built:
    """A program and what it was made of."""

    program: Program
    digest: str
    code: Code
    texts: dict[str, str] = field(default_factory=dict)
    paths: dict[Path, tuple[int, int]] = field(default_factory=dict)
    """Every file that it was made of, with its time and size then."""
    warnings: list[Finding] = field(default_factory=list)


@dataclass(slots=True)
class Library:
    """Where a source finds what it refers to: other mappings, fragments, filters and lookup tables."""

    roots: Sequence[Path]
    label: Callable[[Path], str]
    filters: Mapping[str, Callable[..., Any]]
    absent: frozenset[str]
    tables: Callable[[str], bool]
    base: Callable[[Source, str], Source | None]
    entities: tuple[str, ...]


_CACHE: dict[tuple[Any, ...], Built] = {}
_CACHED = 512


def build(source: Source, library: Library) -> Built:
    """Puts a mapping together, or takes it from the cache; raises :class:`MappingInvalid` with everything that is wrong with it.

    Only mappings of a single file are cached: what others refer to can change behind them.
    """
    key = (source.label, source.text, frozenset(library.filters.items()), library.absent, library.entities)
    known = _CACHE.get(key)
    if known is not None and all(map(library.tables, known.program.tables)):
        return replace(known, paths={source.path: stamp_of(source.path)})
    built = _build(source, library)
    if len(built.texts) == 1 and not built.warnings:
        while len(_CACHE) >= _CACHED:
            _CACHE.pop(next(iter(_CACHE)), None)
        _CACHE[key] = built
    return built


def stamp_of(path: Path) -> tuple[int, int]:
    """When a file was last changed, and its size; zeros where it cannot be read."""
    try:
        status = path.stat()
    except OSError:
        return (0, 0)
    return (status.st_mtime_ns, status.st_size)


def _build(source: Source, library: Library) -> Built:
    texts = {source.label: source.text}
    paths = {source.path: stamp_of(source.path)}
    node = _extended(source, library, texts, paths, [])
    folders = list(dict.fromkeys(path.parent for path in paths))  # its own, then those of the mappings that it extends
    nodes: dict[str, Node] = {}

    def fragment(name: str) -> Node:
        if name not in nodes:
            path = _find(name, folders, library.roots)
            label = library.label(path) if path is not None else name
            text = _read_text(path) if path is not None else None
            nodes[name] = Node(None, label, 1, 1) if text is None else read(text, label)
            if path is not None and text is not None:
                texts[label if texts.get(label, text) == text else path.as_posix()] = text
                paths[path] = stamp_of(path)
        return nodes[name]

    builder = Builder(library.filters, fragment, library.entities)
    program = _program(source, node, builder)
    program = Program(**{**_fields(program), "files": tuple(texts)})
    for table, place, excused in builder.used_tables:
        if not library.tables(table):
            hint = "" if excused else " and no default"
            builder.found.append(
                place.finding("MAP023", f"There is no lookup table {table!r}{hint}.", f"Add lookups/{table}.csv.")
            )
    errors = [finding for finding in builder.found if finding.severity == "error"]
    if errors:
        raise MappingInvalid(_sorted(builder.found))
    digest = hashlib.sha256("\0".join(texts[label] for label in sorted(texts)).encode()).hexdigest()[:32]
    return Built(program, digest, _compiled(program, library, source), texts, paths, _sorted(builder.found))


def _compiled(program: Program, library: Library, source: Source) -> Code:
    try:
        return write(program, library.filters, library.absent)
    except (SyntaxError, RecursionError, MemoryError, ValueError):
        message = "The mapping is nested too deep to be compiled."
        raise MappingInvalid(
            [source.node.finding("MAP029", message, "Use fewer loops inside loops.")], code="MAP-LIMIT"
        ) from None


def _sorted(found: list[Finding]) -> list[Finding]:
    return sorted(
        dict.fromkeys(found), key=lambda finding: (finding.severity, finding.file, finding.line, finding.column)
    )


def _fields(program: Program) -> dict[str, Any]:
    return {slot: getattr(program, slot) for slot in type(program).__slots__}


def _program(source: Source, node: Node, builder: Builder) -> Program:
    scope = Scope(("src", "meta"), "let")
    let: Any = ()
    if "let" in node.value:
        let, scope = builder.names(node.value["let"], scope)
    when, key = (
        builder.condition(node.value[name], Scope(scope.names, name)) if name in node.value else None
        for name in ("when", "key")
    )
    for name, leaf in (("when", when), ("key", key)):
        if leaf is not None and isinstance(leaf.expr, Const):
            fix = f'For example {name}: "{{{{ src.id }}}}".'
            builder.found.append(node.value[name].finding("MAP019", f"`{name}:` needs an expression.", fix))
    output = builder.part(node.value["output"], Scope(scope.names, "output"))
    tables = tuple(dict.fromkeys(name for name, _, _ in builder.used_tables))
    program = Program(source.label, when, key, let, output, (), tables)
    builder.found += _unused(program, node)
    return program


def _unused(program: Program, node: Node) -> list[Finding]:
    """Names of `let` in this file that nothing uses: often what is left of an edit, or a slip of the pen."""
    parts = [part for _, part in program.let] + [
        part for part in (program.when, program.key, program.output) if part is not None
    ]
    used = {
        inner.name
        for part in parts
        for below in walk_parts(part)
        for expr in expressions(below)
        for inner in walk(expr)
        if isinstance(inner, Name)
    }
    found = []
    for name, part in program.let:
        if name not in used and part.place.file == program.file:
            line, column = node.value["let"].keys.get(name, (part.place.line, part.place.column))
            message = f"Nothing uses the name {name!r}."
            found.append(Finding("MAP026", "warning", program.file, line, column, message, "Remove it, or use it."))
    return found


def _find(name: str, folders: Sequence[Path], roots: Sequence[Path]) -> Path | None:
    """A fragment beside the mapping, beside one that it extends, or below one of the mappings folders, never outside of them."""
    for base in (*folders, *roots, *(root.parent for root in roots)):
        path = base / name
        if path.is_file():
            resolved = path.resolve()
            if any(resolved.is_relative_to(root.resolve()) for root in (*roots, *(root.parent for root in roots))):
                return path
    return None


def _read_text(path: Path) -> str | None:
    try:
        if path.stat().st_size > limits.FILE_BYTES:
            return None
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        return None


def _extended(
    source: Source, library: Library, texts: dict[str, str], paths: dict[Path, tuple[int, int]], seen: list[str]
) -> Node:
    """The file's node laid over the node of the mapping that it extends."""
    node = source.node
    if "extends" not in node.value:
        return node
    given = node.value["extends"]
    if source.label in seen:
        raise MappingInvalid(
            [given.finding("MAP021", f"Mappings extend each other in a circle: {' -> '.join([*seen, source.label])}.")]
        )
    base = library.base(source, given.value) if isinstance(given.value, str) else None
    if base is None:
        fix = "Write `extends: default` for the connector's own mapping, or its path below the mappings folder."
        raise MappingInvalid([given.finding("MAP021", "The mapping to extend was not found.", fix)])
    if base.pair[:3] != source.pair[:3] or base.entity != source.entity:
        raise MappingInvalid(
            [given.finding("MAP021", f"{base.label} has another `from` or `to`, so it cannot be extended here.")]
        )
    # a project's file and the default that it extends often have the same name; both count for the digest
    texts[base.label if base.label not in texts else base.path.as_posix()] = base.text
    paths[base.path] = stamp_of(base.path)
    return _overlaid(_extended(base, library, texts, paths, [*seen, source.label]), node)


def _overlaid(base: Node, over: Node) -> Node:
    """Objects are laid over each other field by field; anything else, and any directive, takes the place of what was there."""
    if (
        not isinstance(base.value, dict)
        or not isinstance(over.value, dict)
        or any(key in DIRECTIVES for key in over.value)
    ):
        return over
    merged = Node(dict(base.value), over.file, over.line, over.column, {**base.keys, **over.keys})
    for key, inner in over.value.items():
        merged.value[key] = _overlaid(base.value[key], inner) if key in base.value else inner
    return merged
