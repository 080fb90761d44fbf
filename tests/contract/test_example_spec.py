"""All that the example's file and its Python methods use, against what the Example ERP publishes: OpenAPI and OData metadata."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode, ScalarNode

import connectors.example
from connectors.example import ExampleConnector
from connectors.example.simulator import ExampleSimulator
from connectors.example.simulator.simulator import TOKEN
from hub.cli.mapped import mapped_fields
from hub.sdk import read_json
from hub.sdk.testing.conformance import run
from hub.sdk.testing.simulator import Request, Response
from hub.sdk.testing.specs import Checked, Description, check, content, load
from hub.sdk.testing.specs.odata import OData
from hub.sdk.testing.specs.openapi import OpenApi
from hub.sdk.testing.specs.shapes import OPEN, Operation, Shape

SOURCE = Path(connectors.example.__file__).parent
PUBLISHED = [SOURCE / "simulator" / name for name in ("openapi.yaml", "metadata.xml")]
MAPPINGS = SOURCE.parents[1] / "mappings" / "example"
WORD = re.compile(r"[A-Za-z_]\w+")
OURS = frozenset({"query", "where", "add", "form", "headers"})
"""Parts of the file under which the names are the vendor's own; everywhere else a key is a word of the file's format."""


@pytest.fixture(scope="module")
def published() -> Description:
    return load(PUBLISHED)


@pytest.fixture(scope="module")
def own(published: Description) -> Checked:
    return check(ExampleConnector, published, mapped=mapped_fields([MAPPINGS], "example"))


def test_everything_fits_what_the_system_publishes(own: Checked) -> None:
    assert own.misfits == []
    assert own.uses["requests"] >= 12
    assert own.uses["parameters"] >= 8
    assert own.uses["reads"] >= 50
    assert own.uses["writes"] >= 8


@pytest.mark.parametrize("one", PUBLISHED, ids=lambda path: path.name)
def test_a_part_of_the_system_that_is_not_described_is_told(one: Path) -> None:
    """Given only one of the two descriptions, the paths of the other side are unknown."""
    misfits = check(ExampleConnector, load([one])).misfits
    lost = "/odata/Items" if one.name == "openapi.yaml" else "/api/orders"
    assert any(one.kind == "unknown" and lost in one.what for one in misfits)


# --- the simulator is the system that the descriptions describe


SHOWN = (
    "check_says_that_all_is_well", "poll_finds_everything", "fetch_gives_the_record_as_it_is_now", "fetch_of_an_unknown_record_is_none",
    "find_by_the_natural_key", "a_repeated_write_has_no_second_effect", "an_effect_can_be_looked_up", "an_update_changes_the_record",
    "a_deletion_may_be_repeated",
)  # fmt: skip


class Overheard(ExampleSimulator):
    """The simulator, with everything that it was asked and said."""

    said: ClassVar[list[tuple[Request, Response]]] = []

    def respond(self, request: Request) -> Response:
        response = super().respond(request)
        self.said.append((request, response))
        return response


def unnamed(data: Any, shape: Shape) -> Iterator[str]:
    """The names in data that its description does not have."""
    if isinstance(data, list):
        yield from (name for one in data for name in unnamed(one, shape))
    elif isinstance(data, dict):
        for name, value in data.items():
            below = shape.child(name)
            yield from [f"{name} of {shape.of}"] if below is None else unnamed(value, below)


def invalid(data: Any, schema: Any, described: dict[str, Any]) -> list[str]:
    whole = {**schema, "components": described["components"]}
    return [f"{error.json_path}: {error.message}" for error in Draft202012Validator(whole).iter_errors(data)]


def test_what_the_simulator_takes_and_gives_is_what_it_publishes() -> None:
    """In a run of the kit every request is one of the descriptions', and every body and answer has their names and types."""
    Overheard.said.clear()
    assert run(ExampleConnector, simulator=Overheard, only=SHOWN).count("failed") == 0
    described = content(PUBLISHED[0])
    apis = [OpenApi(described, "openapi.yaml"), OData.of(content(PUBLISHED[1]), "metadata.xml")]
    wrong, held = [], set()
    for request, response in Overheard.said:
        api = apis["odata" in request.path]
        operation = api.operation(request.method, request.path, "")
        assert isinstance(operation, Operation), operation
        wrong += [f"{operation.name}?{name}" for name in request.query if name not in operation.query]
        body = read_json(request.body) if request.body else None
        answer = read_json(response.body) if response.body else None
        refused = operation.refusal(response.status) or OPEN
        wrong += [
            *unnamed(body, operation.body),
            *unnamed(answer, operation.answer if response.status < 400 else refused),
        ]
        held.add((operation.name, response.status))
        if isinstance(api, OpenApi):
            node = described["paths"][operation.name.partition(" ")[2]][request.method.lower()]
            if body is not None:
                wrong += invalid(body, node["requestBody"]["content"]["application/json"]["schema"], described)
            answers = node["responses"].get(str(response.status), described["components"]["responses"]["Refused"])
            wrong += invalid(answer, answers["content"]["application/json"]["schema"], described)
    assert sorted(set(wrong)) == []
    assert len(held) >= 14


@pytest.mark.parametrize(("path", "file"), [("/api/openapi.yaml", PUBLISHED[0]), ("/odata/$metadata", PUBLISHED[1])])
def test_the_simulator_gives_its_descriptions_out(path: str, file: Path) -> None:
    answer = ExampleSimulator().handle(Request("GET", path, headers={"authorization": f"Bearer {TOKEN}"}))
    assert (answer.status, answer.body) == (200, file.read_bytes())


# --- the proof that a wrong name is found


def scalars(node: Any, key: str = "") -> Iterator[tuple[ScalarNode, bool]]:
    """Every text of the file, each with "may it be the vendor's?"."""
    if isinstance(node, MappingNode):
        for name, value in node.value:
            yield name, key in OURS
            yield from scalars(value, name.value)
    elif isinstance(node, ScalarNode):
        yield node, True
    else:
        for one in node.value:
            yield from scalars(one, key)


def names_in_file(made: Any, own: Checked) -> Iterator[Any]:
    """Every place in the file at which a name stands that was held against the descriptions."""
    path = SOURCE / "example.yaml"
    body = path.read_text(encoding="utf-8")
    followed: dict[int, set[str]] = {}
    for place in own.followed:
        if place.file.endswith(path.name):
            followed.setdefault(place.line, set()).add(place.text)
    for node, theirs in scalars(YAML(typ="rt").compose(body)):
        if not theirs:
            continue
        line = node.start_mark.line + 1
        here = {word for text in followed.get(line, ()) if text in node.value for word in WORD.findall(text)}
        for found in WORD.finditer(body[node.start_mark.index : node.end_mark.index]):
            before = body[node.start_mark.index + found.start() - 1]
            if found[0] in here and before != "{" and (before != " " or not found.start()):  # words of a sentence
                yield made(path.name, node.start_mark.index + found.start(), line, found[0])


def names_in_code(made: Any, own: Checked) -> Iterator[Any]:
    """The same for the Python methods."""
    path = SOURCE / "connector.py"
    body = path.read_text(encoding="utf-8")
    lines = body.splitlines(keepends=True)
    for place in own.followed:
        if place.file.endswith(path.name):
            start = sum(len(line) for line in lines[: place.line - 1]) + place.column
            for found in WORD.finditer(body[start : start + len(place.text) + 1]):
                if found[0] in place.text and body[start + found.start() - 1] != "{":
                    yield made(path.name, start + found.start(), place.line, found[0])


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_twenty_of_twenty_misspelt_names_are_found(
    seed: int, own: Checked, published: Description, mutants: Any
) -> None:
    names = [*names_in_file(mutants.Name, own), *names_in_code(mutants.Name, own)]
    assert len(set(names)) > 45
    assert lost(mutants, mutants.twenty(names, seed), published) == []


@pytest.mark.timeout(300)
def test_every_single_misspelt_name_is_found(own: Checked, published: Description, mutants: Any) -> None:
    names = sorted({*names_in_file(mutants.Name, own), *names_in_code(mutants.Name, own)})
    assert [one for name in names for one in lost(mutants, [name], published)] == []


def names_in_mappings(made: Any, own: Checked) -> Iterator[Any]:
    """The same for the mappings: what they read with ``.name``, and what they write with ``name:``."""
    for place in own.followed:
        if not place.file.startswith("mappings/"):
            continue
        path = SOURCE.parents[1] / place.file
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        start = sum(len(line) for line in lines[: place.line - 1])
        how = r"(?<=\.){}\b" if ".to_canonical." in path.name else r"\b{}(?=:)"
        for found in re.finditer(how.format(re.escape(place.text)), lines[place.line - 1]):
            yield made(path.name, start + found.start(), place.line, place.text)


@pytest.mark.timeout(300)
def test_every_single_misspelt_name_in_the_mappings_is_found(
    own: Checked, published: Description, mutants: Any
) -> None:
    names = sorted(set(names_in_mappings(mutants.Name, own)))
    assert len({name.file for name in names}) == 5
    assert len(names) > 30

    def found(folder: Path) -> set[tuple[str, int, str]]:
        told = check(ExampleConnector, published, mapped=mapped_fields([folder], "example")).misfits
        return {(Path(one.file).name, one.line, f"{one.what} {one.said}") for one in told}

    assert [one for name in names for one in mutants.not_found(MAPPINGS, [name], found)] == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        ("variant.from_canonical.yaml", '  ItemNo: "{{ src.sku }}"\n', "", ("missing", "ItemNo", 8)),
        ("variant.from_canonical.yaml", "  ItemNo:", '  Blocked: "{{ true }}"\n  ItemNo:', ("mismatch", "Blocked", 8)),
        ("customer.from_canonical.yaml", "  email: {$optional: \"{{ src.email | default(none) }}\"}\n", "", ("missing", "email", 6)),
    ],
)  # fmt: skip
def test_what_a_mapping_does_not_write_or_must_not(
    file: str, old: str, new: str, told: tuple[str, str, int], published: Description, tmp_path: Path
) -> None:
    folder = tmp_path / "mappings" / "example"
    shutil.copytree(MAPPINGS, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new), encoding="utf-8")
    (one,) = check(ExampleConnector, published, mapped=mapped_fields([folder], "example")).misfits
    assert (str(one.kind), one.what, one.line) == told
    assert one.file.endswith(file)


def lost(mutants: Any, names: list[Any], published: Description) -> list[Any]:
    """Those of the names that are misspelt in a copy, and not told with file and line."""

    def found(folder: Path) -> set[tuple[str, int, str]]:
        told = check(ExampleConnector, published, folder).misfits
        return {(Path(one.file).name, one.line, f"{one.what} {one.said}") for one in told}

    return list(mutants.not_found(SOURCE, names, found))
