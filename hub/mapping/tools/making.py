"""Makes test cases out of real payloads, and new mappings out of a sample."""

from __future__ import annotations

import difflib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.errors import ConfigError
from hub.mapping.tools import schema
from hub.mapping.tools.cases import tests_of
from hub.mapping.tools.data import write_json
from hub.mapping.tools.opening import Opened
from hub.mapping.tools.scrub import Scrubber
from hub.mapping.tools.testing import CaseLinks
from hub.mapping.tools.trying import run_once


@dataclass(frozen=True, slots=True)
class Made:
    """What was written for a new test case."""

    name: str
    test: Path
    files: list[Path]
    replaced: int
    outcome: str


def make_case(opened: Opened, payload: Any, name: str, *, keep_personal: bool = False) -> Made:
    """Add a test case to the mapping's test file: the payload with personal data replaced, and what comes out of it now."""
    if not isinstance(payload, dict):
        raise ConfigError("The payload must be one record, an object.", fix="Take one record of the list.")
    personal = (
        [path for path, field in schema.fields(opened.entity).items() if field.personal] if not opened.inbound else []
    )
    scrubber = Scrubber(opened.mapping.stream if opened.inbound else opened.entity, personal)
    source = payload if keep_personal else scrubber.scrub(payload)
    test = tests_of(opened.path) or opened.path.with_name(opened.path.name.rsplit(".", 1)[0] + ".test.yaml")
    if test.suffix == ".json":
        raise ConfigError("Cases cannot be added to a JSON test file.", where=str(test), fix="Write the tests as YAML.")
    samples = opened.path.parent / "samples"
    slug = _free(samples, re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_") or "case")
    given, expected = samples / f"{slug}.json", samples / f"{slug}.expected.json"
    made = run_once(opened, source, CaseLinks(auto=True))
    lines = [f"- name: {json.dumps(name, ensure_ascii=False)}", f"  given: samples/{given.name}", "  links: auto"]
    files = [given]
    if made.error is not None:
        at = getattr(made.error, "at", "")
        lines.append(f"  error: {{code: {made.error.code}{', at: ' + json.dumps(at) if at else ''}}}")
        outcome = f"stops with {made.error.code}"
    elif made.filtered:
        lines.append("  filtered: true")
        outcome = "is filtered"
    else:
        lines.append(f"  expect: samples/{expected.name}")
        files.append(expected)
        outcome = "is translated"
    samples.mkdir(parents=True, exist_ok=True)
    given.write_text(write_json(source) + "\n", encoding="utf-8")
    if expected in files:
        expected.write_text(write_json(made.record) + "\n", encoding="utf-8")
    before = test.read_text(encoding="utf-8") if test.is_file() else "cases:\n"
    test.write_text(_with_case(before, lines), encoding="utf-8")
    return Made(name, test, files, len(scrubber.replaced), outcome)


def _with_case(text: str, case: list[str]) -> str:
    """The test file with one more case at the end of its list; what follows the list, and every comment, stays."""
    rows = text.splitlines()
    start = next((number for number, row in enumerate(rows) if row.startswith("cases:")), None)
    if start is None or rows[start].partition("#")[0].strip() != "cases:":
        raise ConfigError("The cases cannot be added to this test file.", fix="Write `cases:` on a line of its own.")
    end = start + 1
    while end < len(rows) and (not rows[end].strip() or rows[end][0] in " -#"):
        end += 1
    while end > start + 1 and (not rows[end - 1].strip() or rows[end - 1].startswith("#")):
        end -= 1  # comments and empty lines before the next key belong to it
    indent = "  " if any(row.startswith("  - ") for row in rows[start + 1 : start + 2]) else ""
    return "\n".join([*rows[:end], *(f"{indent}{line}" for line in case), *rows[end:]]) + "\n"


def _free(folder: Path, slug: str) -> str:
    number, free = 1, slug
    while (folder / f"{free}.json").exists():
        number += 1
        free = f"{slug}_{number}"
    return free


# --- a new mapping

_GUESSES = {
    "number": ("name", "number", "order_number", "reference"), "placed_at": ("created_at", "date_order", "created"),
    "lines": ("line_items", "order_line", "lines", "items"), "quantity": ("quantity", "qty", "product_uom_qty"),
    "unit_price": ("price", "price_unit", "unit_price"), "id": ("id", "admin_graphql_api_id"), "sku": ("sku", "default_code"),
    "currency": ("currency", "currency_code", "currencyCode"), "title": ("title", "name"), "code": ("code", "barcode"),
}  # fmt: skip


def new_inbound(connector: str, stream: str, entity: str, sample: Any = None) -> str:
    """The text of a new mapping to the canonical model: what it must set, with guesses from the sample where there is one."""
    source = sample if isinstance(sample, dict) else {}
    key = next((name for name in ("admin_graphql_api_id", "id", "uuid", "name") if name in source), "id")
    lines = [
        f"# Translates {connector} {stream} to the canonical {entity}. Try it: hub map try THIS_FILE SAMPLE --watch", "mapping: 1",
        f"from: {connector}/{stream}", f"to: canonical/{entity}@1", f'key: "{{{{ src.{key} | string }}}}"', "output:",
    ]  # fmt: skip
    lines += _object(entity, "", source, "src", 2)
    optional = [
        field.path
        for field in schema.fields(entity).values()
        if "." not in field.path and "[" not in field.path and not field.required
    ]
    lines += ["  # It may also have: " + ", ".join(optional)]
    return "\n".join(_wrapped(lines)) + "\n"


def _object(entity: str, prefix: str, source: dict[str, Any], name: str, indent: int) -> list[str]:
    lines: list[str] = []
    space = " " * indent
    for path, field in schema.fields(entity).items():
        own = path[len(prefix) :] if path.startswith(prefix) else ""
        if not own or "." in own or "[" in own or not field.required:
            continue
        guess = _guess(own, source)
        if field.kind == "list":
            lines += _list(entity, path, own, source, name, guess, indent)
        elif field.kind == "Money":
            lines.append(f"{space}{own}: {_value(own, guess, name, ' | money(src.currency)')}")
        elif not field.leaf:
            lines += [f"{space}{own}:", *_object(entity, f"{path}.", source, name, indent + 2)]
        else:
            suffix = " | datetime" if field.kind == "time" else " | string" if own == "id" else ""
            lines.append(f"{space}{own}: {_value(own, guess, name, suffix)}")
    return lines


def _list(entity: str, path: str, own: str, source: dict[str, Any], name: str, guess: str, indent: int) -> list[str]:
    space = " " * indent
    items = source.get(guess) if guess else None
    if not guess or not isinstance(items, list):
        return [f"{space}{own}: {_value(own, '', name, '')}"]
    item = items[0] if items and isinstance(items[0], dict) else {}
    inner = _object(entity, f"{path}[].", item, "item", indent + 4)
    return [
        f"{space}{own}:",
        f"{space}  $for: item in {name}.{guess}",
        f"{space}  $each:",
        *(inner or [f"{space}    {{}}"]),
    ]


def _value(own: str, guess: str, name: str, suffix: str) -> str:
    if not guess:
        return f'{{$error: "say where {own} comes from"}}'
    return f'"{{{{ {name}.{guess}{suffix} }}}}"'


def _guess(own: str, source: dict[str, Any]) -> str:
    for name in (own, *_GUESSES.get(own, ())):
        if name in source and re.fullmatch(r"[A-Za-z]\w*", name):
            return name
    close = difflib.get_close_matches(own, source, n=1, cutoff=0.85)
    return close[0] if close and re.fullmatch(r"[A-Za-z]\w*", close[0]) else ""


def new_outbound(connector: str, stream: str, entity: str) -> str:
    """The text of a new mapping from the canonical model: the required fields of the entity, to be renamed."""
    lines = [
        f"# Translates the canonical {entity} to {connector} {stream}. Rename the fields to those of {connector}.", "mapping: 1",
        f"from: canonical/{entity}@1", f"to: {connector}/{stream}", "output:",
    ]  # fmt: skip
    for path, field in schema.fields(entity).items():
        if field.required and "." not in path and "[" not in path and field.leaf:
            lines.append(f'  {path}: "{{{{ src.{path} }}}}"')
    others = [
        path
        for path, field in schema.fields(entity).items()
        if not field.required and "." not in path and "[" not in path
    ]
    lines += ["  # The record may also have: " + ", ".join(others)]
    return "\n".join(_wrapped(lines)) + "\n"


def new_override(connector: str, stream: str, entity: str, *, inbound: bool) -> str:
    """The text of a mapping that changes single fields of the connector's default one."""
    sides = (f"{connector}/{stream}", f"canonical/{entity}@1")
    source, target = sides if inbound else sides[::-1]
    return (
        f"# Changes single fields of the default mapping of {connector}; everything else stays as it is, also after an update.\n"
        f"mapping: 1\nfrom: {source}\nto: {target}\nextends: default\noutput: {{}}\n"
        '  # FIELD: "{{ src.SOMETHING }}"\n'
    )


def _wrapped(lines: list[str]) -> list[str]:
    import textwrap

    done: list[str] = []
    for line in lines:
        if line.lstrip().startswith("#") and len(line) > 120:
            indent = line[: len(line) - len(line.lstrip())]
            done += textwrap.wrap(line.lstrip(), 116, initial_indent=indent, subsequent_indent=f"{indent}#   ")
        else:
            done.append(line)
    return done
