"""`hub map new`, `case` and `docs`: begin a mapping, make a test of a real message, and write it down for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from hub.cli.mapping.common import PathsArgument, RootsOption, chosen, roots_for, short
from hub.cli.options import JsonOption, ProjectOption
from hub.cli.views.console import emit, out
from hub.errors import ConfigError


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("new", epilog="Example:  [bold]hub map new shopify/order canonical/order --sample order.json[/bold]")(
        new
    )
    app.command(
        "case",
        epilog="Examples:  [bold]hub map case MAPPING payload.json --name 'on account'[/bold]   ·   "
        "[bold]hub map case --from-trace 4711[/bold]",
    )(case)
    app.command("filters", epilog="Examples:  [bold]hub map filters[/bold]   ·   [bold]hub map filters money[/bold]")(
        filters
    )
    app.command("docs", epilog="Example:  [bold]hub map docs --output mappings.md[/bold]")(docs)


def new(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="CONNECTOR/STREAM, or canonical/ENTITY.", show_default=False)
    ],
    target: Annotated[
        str, typer.Argument(metavar="TO", help="canonical/ENTITY, or CONNECTOR/STREAM.", show_default=False)
    ],
    sample: Annotated[
        Path | None, typer.Option("--sample", help="A record of the source, as JSON: fields are guessed from it.")
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", help="The mappings folder.")] = Path("mappings"),
    extends: Annotated[
        bool, typer.Option("--extends", help="Only override single fields of the connector's default mapping.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Begin a mapping: a file with all that it must set, guesses from a sample, and a first test case."""
    from hub.canonical import ENTITIES
    from hub.mapping.findings import did_you_mean
    from hub.mapping.tools.data import read_json
    from hub.mapping.tools.making import new_inbound, new_outbound, new_override

    sides = [side.partition("@")[0].partition("/") for side in (source, target)]
    if (
        any(not name or not slash or not rest for name, slash, rest in sides)
        or [s[0] for s in sides].count("canonical") != 1
    ):
        raise ConfigError(
            "One side is CONNECTOR/STREAM, the other canonical/ENTITY.",
            fix="For example: hub map new shopify/order canonical/order.",
        )
    inbound = sides[1][0] == "canonical"
    connector, stream = (sides[0] if inbound else sides[1])[0], (sides[0] if inbound else sides[1])[2]
    entity = (sides[1] if inbound else sides[0])[2]
    if entity not in ENTITIES:
        raise ConfigError(f"There is no canonical entity {entity!r}.", fix=did_you_mean(entity, ENTITIES))
    name = stream if stream == entity else f"{stream}.{entity}"
    path = folder / connector / f"{name}.{'to' if inbound else 'from'}_canonical.yaml"
    if path.exists():
        raise ConfigError("The file is there already.", where=str(path), fix="Edit it, or choose another --folder.")
    record = read_json(sample) if sample is not None else None
    if extends:
        text = new_override(connector, stream, entity, inbound=inbound)
    else:
        text = new_inbound(connector, stream, entity, record) if inbound else new_outbound(connector, stream, entity)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")

    def show() -> None:
        out().print(Text.assemble(("made ", "good"), (short(path), "name")))
        out().print(f"Next:  hub map try {short(path)} {sample or 'SAMPLE.json'} --watch")
        out().print(f"then:  hub map case {short(path)} {sample or 'SAMPLE.json'} --name 'a first case'")

    emit({"file": str(path)}, as_json=as_json, show=show)


def case(
    mapping: Annotated[
        Path | None,
        typer.Argument(metavar="[MAPPING]", help="The mapping; with --from-trace it is found.", show_default=False),
    ] = None,
    payload: Annotated[
        Path | None, typer.Argument(metavar="[PAYLOAD]", help="A record as JSON.", show_default=False)
    ] = None,
    from_trace: Annotated[
        int | None, typer.Option("--from-trace", metavar="ID", help="Take the payload of this message.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="What the case shows.")] = "",
    keep_personal: Annotated[
        bool, typer.Option("--keep-personal-data", help="Do not replace names, addresses, e-mails and the like.")
    ] = False,
    roots: RootsOption = None,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a test case out of a payload or a real message. Personal data is replaced, what comes out now is what is expected."""
    from hub.mapping.tools.data import read_json
    from hub.mapping.tools.making import make_case
    from hub.mapping.tools.opening import open_mapping

    if (from_trace is None) == (payload is None):
        raise ConfigError(
            "Name a payload file, or a message with --from-trace.", fix="For example: hub map case MAPPING order.json."
        )
    if from_trace is not None:
        opened_list, record = _traced(from_trace, mapping, project, roots)
    elif mapping is not None and payload is not None:
        opened_list, record = [open_mapping(mapping, roots_for([mapping], roots))], read_json(payload)
    title = name or (f"message {from_trace}" if from_trace is not None else payload.stem if payload else "case")
    made = [make_case(opened, record, title, keep_personal=keep_personal) for opened in opened_list]

    def show() -> None:
        for one in made:
            out().print(
                Text.assemble(("added ", "good"), (one.name, "name"), f" to {short(one.test)}: it {one.outcome}")
            )
            for file in one.files:
                out().print(Text(f"  {short(file)}", style="quiet"))
            if not keep_personal:
                out().print(
                    f"  {one.replaced} personal values were replaced; look through the files before you commit them."
                )

    data = [
        {
            "name": m.name,
            "test": str(m.test),
            "files": list(map(str, m.files)),
            "replaced": m.replaced,
            "outcome": m.outcome,
        }
        for m in made
    ]
    emit(data, as_json=as_json, show=show)


def _traced(
    message_id: int, mapping: Path | None, project: Path | None, roots: list[Path] | None
) -> tuple[list[Any], Any]:
    """The mappings that translate a recorded message, and its payload."""
    from hub.cli.mapping.traffic import payload_of
    from hub.mapping.tools.lint import mapping_files
    from hub.mapping.tools.opening import open_mapping

    connector, stream, record = payload_of(message_id, project)
    paths = [mapping] if mapping is not None else mapping_files(chosen(None))
    opened = [open_mapping(path, roots_for([path], roots)) for path in paths]
    found = [one for one in opened if one.inbound and (one.connector, one.mapping.stream) == (connector, stream)]
    if not found:
        raise ConfigError(
            f"No mapping file here translates {connector}/{stream}.",
            fix="Name the mapping file: hub map case MAPPING --from-trace ID.",
        )
    return found, record


def docs(
    paths: PathsArgument = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write the document to this file.")] = None,
    roots: RootsOption = None,
    as_json: JsonOption = False,
) -> None:
    """Write the mapping document for people who do not read YAML: field by field, both directions, with ownership."""
    from hub.mapping.tools.coverage import sample_records
    from hub.mapping.tools.document import document, rows
    from hub.mapping.tools.lint import mapping_files
    from hub.mapping.tools.opening import open_mapping

    opened = [open_mapping(path, roots_for([path], roots)) for path in mapping_files(paths or _in_effect())]
    opened = list(
        {
            (one.mapping.direction, one.connector, one.mapping.stream, one.entity): one for one in reversed(opened)
        }.values()
    )
    records: dict[str, list[Any]] = {}
    for one in opened:
        try:
            records[one.file] = sample_records(one, ())
        except ConfigError:
            records[one.file] = []
    text = document(opened, _owners(), records)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(text, encoding="utf-8")
    data = [
        {"mapping": one.file, "connector": one.connector, "entity": one.entity, "direction": one.mapping.direction,
         "fields": [{"field": path, "from": said, "line": line} for path, said, line in rows(one.program.output)]}
        for one in opened
    ]  # fmt: skip

    def show() -> None:
        if output is None:
            typer.echo(text)
        else:
            out().print(Text.assemble(("wrote ", "good"), (short(output), "name"), f" with {len(opened)} mappings"))

    emit(data, as_json=as_json, show=show)


def _in_effect() -> list[Path]:
    """The project's own mappings, then the defaults of the connectors that it uses."""
    from hub.cli.opening import catalog, open_project

    try:
        project = open_project(None)
    except ConfigError:
        return chosen(None)
    names = dict.fromkeys(one.connector for one in project.connections.values())
    defaults = [catalog().mappings_dir(name) for name in names if name in catalog().connectors]
    return [folder for folder in (project.mappings_dir, *defaults) if folder.is_dir()]


def _owners() -> dict[str, Any]:
    """The project's ownership table, or nothing where this is no project."""
    from hub.cli.opening import open_project

    try:
        project = open_project(None)
    except ConfigError:
        return {}
    return {entity: {"owner": owner.owner, "fields": dict(owner.fields)} for entity, owner in project.ownership.items()}


def filters(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="One filter, with its examples.", show_default=False)
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """List the filters that a mapping may use, the project's own included."""
    from hub.mapping.filters import FILTERS
    from hub.mapping.findings import did_you_mean

    known = {**FILTERS, **_own_filters()}
    if name is not None and name not in known:
        raise ConfigError(f"There is no filter {name!r}.", fix=did_you_mean(name, known))
    chosen_ones = [known[name]] if name is not None else list(known.values())
    data = [
        {"name": one.name, "group": one.group, "doc": one.doc, "own": one.name not in FILTERS,
         "examples": [{"expression": e.expression, "source": e.source, "result": e.result} for e in (*one.examples, *one.refused)]}
        for one in chosen_ones
    ]  # fmt: skip
    emit(data, as_json=as_json, show=lambda: _show_filters(chosen_ones, full=name is not None))


def _show_filters(found: list[Any], *, full: bool) -> None:
    from hub.mapping.tools.data import one_line

    group = ""
    for one in found:
        if one.group != group:
            group = one.group
            out().print(Text(group, style="quiet"))
        doc = one.doc if full else one.doc.split(". ")[0].rstrip(".") + "."
        out().print(Text.assemble("  ", (f"{one.name:<18}", "name"), doc))
        for example in (*one.examples, *one.refused) if full else ():
            given = ", ".join(f"{key} = {one_line(value, 60)}" for key, value in example.source.items())
            result = example.result if example in one.refused else one_line(example.result, 80)
            out().print(Text.assemble("    ", (example.expression, "key"), f"   {given}  →  {result}"))


def _own_filters() -> dict[str, Any]:
    """The filters of the project's filters.py, as entries like the built-in ones; a fault in the file is shown."""
    import inspect

    from hub.cli.opening import project_folder
    from hub.mapping.filters import FILTERS, Filter
    from hub.mapping.own_filters import own_filters

    try:
        folder = project_folder(None)
    except ConfigError:
        return {}
    functions, problems = own_filters([folder / "mappings"], FILTERS)
    if problems:
        first = problems[0]
        raise ConfigError(first.message, code=first.code, where=f"{folder / first.file}:{first.line}", fix=first.fix)
    docs = {
        name: " ".join((inspect.getdoc(function) or "No description.").split()) for name, function in functions.items()
    }
    return {name: Filter(name, function, docs[name], "of this project", ()) for name, function in functions.items()}
