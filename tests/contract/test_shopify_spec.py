"""All that the Shopify connector sends and reads, against schemas: the simulator's always, the vendor's where it is at hand."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    ArgumentNode,
    FieldNode,
    GraphQLInputObjectType,
    GraphQLObjectType,
    ObjectFieldNode,
    Source,
    Visitor,
    parse,
    visit,
)

import connectors.shopify
from connectors.shopify import ShopifyConnector
from connectors.shopify.simulator.graph import schema
from hub.sdk.testing.specs import Checked, check
from hub.sdk.testing.specs.graphql import GraphQL

SOURCE = Path(connectors.shopify.__file__).parent
VENDOR = Path(os.environ.get("HUB_VENDOR_SPECS", "../shared/specs")) / "shopify" / "admin_2026-10.graphql"


@pytest.fixture(scope="module")
def simulated() -> GraphQL:
    return GraphQL(schema(), "simulated")


@pytest.fixture(scope="module")
def own(simulated: GraphQL) -> Checked:
    return check(ShopifyConnector, simulated)


def test_everything_fits_the_simulators_schema(own: Checked) -> None:
    assert [(one.file, one.line, one.said) for one in own.misfits] == []
    assert own.uses["documents"] > 50
    assert own.uses["keys"] > 100
    assert own.uses["reads"] > 500


@pytest.mark.skipif(
    not VENDOR.is_file(),
    reason="Shopify's schema is not at hand: set HUB_VENDOR_SPECS to the folder of vendors' specifications",
)
def test_everything_fits_the_vendors_schema_and_nothing_of_it_is_deprecated() -> None:
    checked = check(ShopifyConnector, GraphQL.load(VENDOR))
    assert [(one.file, one.line, one.said) for one in checked.misfits] == []


# --- the proof that a wrong name is found


def schema_names(schema: Any) -> set[str]:
    kinds = [kind for kind in schema.type_map.values() if isinstance(kind, (GraphQLObjectType, GraphQLInputObjectType))]
    return {name for kind in kinds for name in kind.fields}


def names_in_documents(made: Any) -> Iterator[Any]:
    """Every field, argument and field of an input in the documents."""
    for path in sorted((SOURCE / "queries").glob("*.graphql")):
        found: list[Any] = []

        class Names(Visitor):
            def enter(self, node: Any, *_: Any) -> None:
                if isinstance(node, (FieldNode, ArgumentNode, ObjectFieldNode)) and node.name.value != "__typename":
                    found.append(node.name)  # noqa: B023

        visit(parse(Source(path.read_text(encoding="utf-8"), path.name)), Names())
        for node in found:
            yield made(str(path.relative_to(SOURCE)), node.loc.start, node.loc.start_token.line, node.value)


def names_in_code(made: Any, wanted: Any) -> Iterator[Any]:
    """Every text in the code for which ``wanted(file, line, column, text)`` holds."""
    for path in sorted(SOURCE.glob("*.py")):
        body = path.read_text(encoding="utf-8")
        starts = [0]
        for line in body.splitlines(keepends=True):
            starts.append(starts[-1] + len(line))
        for node in ast.walk(ast.parse(body)):
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and wanted(path.name, node.lineno, node.col_offset, node.value)
            ):
                column = len(body.splitlines()[node.lineno - 1].encode()[: node.col_offset].decode())
                start = starts[node.lineno - 1] + column + 1
                if body[start : start + len(node.value)] == node.value:
                    yield made(path.name, start, node.lineno, node.value)


def told(checked: Checked, folder: Path) -> set[tuple[str, int, str]]:
    return {
        (str(Path(one.file).resolve().relative_to(folder.resolve())), one.line, f"{one.what} {one.said}")
        for one in checked.misfits
    }


def followed_in(checked: Checked) -> set[tuple[str, int, int, str]]:
    return {(Path(place.file).name, place.line, place.column, place.text) for place in checked.followed}


def test_the_vendors_names_in_the_code_are_followed(own: Checked, simulated: GraphQL, mutants: Any) -> None:
    """Names in camel case are the vendor's; all but a few, which only the connector's own dictionaries have, are held against the schema."""
    known = {name for name in schema_names(simulated.schema) if any(letter.isupper() for letter in name)}
    there = set(names_in_code(mutants.Name, lambda *one: one[3] in known))
    followed = followed_in(own)
    lost = there - set(names_in_code(mutants.Name, lambda *one: one in followed))
    assert len(there) > 300
    assert len(lost) < 0.05 * len(there), sorted(lost)


@pytest.mark.timeout(500)
@pytest.mark.parametrize(("seed", "where"), [(1, "anywhere"), (2, "documents"), (3, "code")])
def test_twenty_of_twenty_misspelt_names_are_found(
    seed: int, where: str, own: Checked, simulated: GraphQL, mutants: Any
) -> None:
    followed = followed_in(own)
    in_documents = list(names_in_documents(mutants.Name)) if where != "code" else []
    in_code = list(names_in_code(mutants.Name, lambda *one: one in followed)) if where != "documents" else []
    assert len({name.file for name in in_documents}) > 50 or where == "code"
    assert len({name.file for name in in_code}) > 10 or where == "documents"
    chosen = mutants.twenty([*in_documents, *in_code], seed)

    def found(folder: Path) -> set[tuple[str, int, str]]:
        return told(check(ShopifyConnector, simulated, folder), folder)

    assert mutants.not_found(SOURCE, chosen, found) == []
