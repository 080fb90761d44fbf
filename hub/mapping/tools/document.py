"""The mapping document for people who do not read YAML: field by field, both directions, with ownership."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.tools import schema, words
from hub.mapping.tools.coverage import coverage
from hub.mapping.tools.opening import Opened
from hub.mapping.tools.static import open_path

Row = tuple[str, str, str]


def rows(part: tree.Part, let: bool = False) -> Iterator[Row]:
    """(field, what goes into it, file:line) for every field that a part makes."""
    path = part.place.target if let else open_path(part.place.target)
    place = f"{part.place.file}:{part.place.line}"
    if isinstance(part, tree.Object):
        for _, inner in part.fields:
            yield from rows(inner, let)
    elif isinstance(part, tree.For):
        yield path, words.part(part), place
        yield from rows(part.each, let)
    elif isinstance(part, tree.If) and _structured(part):
        yield from _either(part, path, place, let)
    elif isinstance(part, tree.Optional) and _structured(part):
        yield path, "as below; left out where its values are missing", place
        yield from rows(part.part, let)
    elif isinstance(part, (tree.Array, tree.Merge)) and _structured(part):
        for inner in tree.parts(part):
            yield from rows(inner, let)
    elif isinstance(part, tree.Let):
        names = {
            name: value.expr for name, value in part.values if isinstance(value, tree.Leaf) and ex.path(value.expr)
        }
        yield from rows(words.inlined(part.part, names), let)
    else:
        yield path, words.part(part), place


def _either(part: tree.If, path: str, place: str, let: bool) -> Iterator[Row]:
    """An $if over structures: one of its sides is often just left out."""
    test = words.expression(part.test)
    for side, said in ((part.then, f"only if {test}"), (part.other, f"only if not ({test})")):
        if side is not None and not isinstance(side, tree.Omit):
            other = part.other if side is part.then else part.then
            if other is None or isinstance(other, tree.Omit) or _structured(side):
                yield path, said, place
            yield from rows(side, let)


def _structured(part: tree.Part) -> bool:
    return any(isinstance(inner, (tree.Object, tree.For, tree.Array)) for inner in tree.walk(part) if inner is not part)


def document(
    mappings: Iterable[Opened], owners: Mapping[str, Any] | None = None, records: Mapping[str, list[Any]] | None = None
) -> str:
    """A Markdown document of these mappings. ``owners`` is the ownership table; ``records`` samples for what is not mapped."""
    lines = [
        "# Mapping document",
        "",
        "Made from the mapping files by `hub map docs`. Do not edit; edit the mappings.",
        "",
    ]
    ordered = sorted(mappings, key=lambda m: (m.connector, m.entity, not m.inbound))
    lines += ["| connection type | record | direction | file |", "|---|---|---|---|"]
    for one in ordered:
        lines.append(f"| {one.connector} | {one.entity} | {_direction(one)} | `{one.file}` |")
    for one in ordered:
        lines += ["", *_section(one, owners or {}, (records or {}).get(one.file, []))]
    return "\n".join(lines) + "\n"


def _direction(one: Opened) -> str:
    return (
        f"{one.connector} {one.mapping.stream} → hub {one.entity}"
        if one.inbound
        else f"hub {one.entity} → {one.connector} {one.mapping.stream}"
    )


def _section(one: Opened, owners: Mapping[str, Any], records: list[Any]) -> list[str]:
    program = one.program
    lines = [f"## {_direction(one)}", ""]
    if program.when is not None:
        lines.append(f"Only records for which: {words.part(program.when)}.")
    if program.key is not None:
        lines.append(f"The record is recognised by: {words.part(program.key)}.")
    if program.let:
        lines += ["", "Names used below:", ""]
        lines += [f"- **{name}**: {_cell(words.part(part))}" for name, part in program.let]
    head = "| field | comes from | meaning | owner |" if one.inbound else "| field | comes from |"
    lines += ["", head, "|---|---|---|---|" if one.inbound else "|---|---|"]
    for path, said, _ in rows(program.output):
        if one.inbound:
            known = schema.fields(one.entity).get(path)
            meaning = (known.description or known.kind) + (" (personal)" if known.personal else "") if known else ""
            lines.append(f"| {path} | {_cell(said)} | {_cell(meaning)} | {_owner(owners, one.entity, path)} |")
        else:
            lines.append(f"| {path} | {_cell(said)} |")
    if records:
        report = coverage(one, records)
        if report.unread:
            lines += ["", "Not taken over:", ""]
            lines += [f"- `{unused.path}`{': ' + unused.why if unused.why else ''}" for unused in report.unread]
    return lines


def _owner(owners: Mapping[str, Any], entity: str, path: str) -> str:
    rule = owners.get(entity)
    if not isinstance(rule, dict):
        return ""
    fields = rule.get("fields") or {}
    name = path.partition(".")[0].partition("[")[0]
    return str(fields.get(path) or fields.get(name) or rule.get("owner") or "")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").replace("``", "").split())
