"""The simulator's whole schema against Shopify's published one: what the simulator takes, the vendor takes."""

from __future__ import annotations

import os
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
    is_required_argument,
    is_required_input_field,
)

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
        required = {argument for argument, given in other.args.items() if is_required_argument(given)}
        assert required <= set(field.args), f"{ours.name}.{name} lacks required arguments"


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
