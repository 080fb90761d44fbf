"""Every document of the connector, and the simulator's whole schema, against Shopify's published schema."""

from __future__ import annotations

import os
import random
import re
from pathlib import Path
from typing import Any

import pytest
from graphql import (
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    GraphQLUnionType,
    build_schema,
    is_required_input_field,
    parse,
    validate,
)

from connectors.shopify.queries import document, names
from connectors.shopify.simulator.graph import schema as simulated

SPECS = Path(os.environ.get("HUB_VENDOR_SPECS", "../shared/specs"))
SDL = SPECS / "shopify" / "admin_2026-10.graphql"
pytestmark = pytest.mark.skipif(
    not SDL.is_file(),
    reason="Shopify's schema is not at hand: set HUB_VENDOR_SPECS to the folder of vendors' specifications",
)


@pytest.fixture(scope="module")
def vendor() -> GraphQLSchema:
    return build_schema(SDL.read_text(encoding="utf-8"), assume_valid=True)


@pytest.mark.parametrize("name", names())
def test_a_document_fits_the_vendors_schema(vendor: GraphQLSchema, name: str) -> None:
    assert [error.message for error in validate(vendor, parse(document(name)))] == []


@pytest.mark.parametrize("name", names())
def test_a_document_fits_the_simulators_schema(name: str) -> None:
    assert [error.message for error in validate(simulated(), parse(document(name)))] == []


@pytest.mark.parametrize("name", names())
def test_no_document_uses_what_the_vendor_will_remove(vendor: GraphQLSchema, name: str) -> None:
    from graphql import NoDeprecatedCustomRule

    assert [error.message for error in validate(vendor, parse(document(name)), [NoDeprecatedCustomRule])] == []


CODES = frozenset({"CountryCode", "CurrencyCode"})
"""Enums of hundreds of values, which the simulator takes as text."""
OURS = sorted(name for name in simulated().type_map if not name.startswith("__"))


@pytest.mark.parametrize("name", OURS)
def test_a_type_of_the_simulator_is_the_vendors(vendor: GraphQLSchema, name: str) -> None:
    ours, theirs = simulated().type_map[name], vendor.type_map.get(name)
    assert theirs is not None, f"the vendor has no type {name}"
    if name in CODES:
        return
    assert type(ours) is type(theirs)
    if isinstance(ours, GraphQLEnumType):
        assert set(ours.values) <= set(theirs.values)  # type: ignore[union-attr]
    elif isinstance(ours, GraphQLUnionType):
        assert {kind.name for kind in ours.types} <= {kind.name for kind in theirs.types}  # type: ignore[union-attr]
    elif isinstance(ours, GraphQLInputObjectType):
        _same_input(ours, theirs)
    elif isinstance(ours, (GraphQLObjectType, GraphQLInterfaceType)):
        _same_fields(ours, theirs)


def _same_fields(ours: Any, theirs: Any) -> None:
    for name, field in ours.fields.items():
        assert name in theirs.fields, f"the vendor's {ours.name} has no field {name}"
        other = theirs.fields[name]
        assert str(field.type) == str(other.type), f"{ours.name}.{name}"
        for argument, given in field.args.items():
            assert argument in other.args, f"{ours.name}.{name}({argument})"
            assert str(given.type) == str(other.args[argument].type), f"{ours.name}.{name}({argument})"


def _same_input(ours: GraphQLInputObjectType, theirs: Any) -> None:
    for name, field in ours.fields.items():
        assert name in theirs.fields, f"the vendor's {ours.name} has no field {name}"
        assert str(field.type) == str(theirs.fields[name].type), f"{ours.name}.{name}"
    required = {name for name, field in theirs.fields.items() if is_required_input_field(field)}
    assert required <= set(ours.fields), f"{ours.name} lacks required fields"


def test_the_idempotency_directive_is_the_vendors(vendor: GraphQLSchema) -> None:
    ours, theirs = simulated().get_directive("idempotent"), vendor.get_directive("idempotent")
    assert ours
    assert theirs
    assert {name: str(argument.type) for name, argument in ours.args.items()} == {
        name: str(a.type) for name, a in theirs.args.items()
    }


def test_twenty_misspelt_fields_are_all_found(vendor: GraphQLSchema) -> None:
    """A field that the vendor does not know is found offline, wherever it is, with its line."""
    dice = random.Random(20)
    places = []
    for name in names():
        for number, line in enumerate(document(name).splitlines(), start=1):
            # A field alone on its line, or one with a selection; arguments and inputs are inside parentheses.
            if found := re.fullmatch(r"\s+([a-z]\w+)( \{)?", line):
                places.append((name, number, found.group(1)))
    for name, number, field in dice.sample(places, 20):
        lines = document(name).splitlines()
        lines[number - 1] = lines[number - 1].replace(field, f"{field}Xx")
        errors = validate(vendor, parse("\n".join(lines)))
        assert any(place.line == number for error in errors for place in error.locations or []), (
            f"{name}:{number} {field}"
        )
