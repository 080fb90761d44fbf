"""The JSON Schema that editors use says the same as the reader of mapping files."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from ruamel.yaml import YAML

from hub.canonical import ENTITIES
from hub.mapping.directives import DIRECTIVES
from hub.mapping.source import HEADER

ROOT = Path(__file__).resolve().parents[3]
SCHEMA = json.loads((ROOT / "schemas" / "mapping.schema.json").read_text(encoding="utf-8"))
SHIPPED = sorted(file for kind in ("to", "from") for file in ROOT.glob(f"mappings/**/*.{kind}_canonical.yaml"))
HEAD = {"mapping": 1, "from": "shop/order", "to": "canonical/order@1", "key": "src.id"}
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


def test_the_schema_is_one_and_knows_every_key():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert set(SCHEMA["properties"]) == set(HEADER)
    for name, beside in DIRECTIVES.items():
        assert set(SCHEMA["$defs"][f"directive-{name[1:]}"]["properties"]) == {name, *beside}
    entity = SCHEMA["$defs"]["directive-link"]["properties"]["$link"]
    assert all(re.fullmatch(entity["pattern"], name) for name in ENTITIES)
    assert set(entity["examples"]) <= set(ENTITIES)


def test_everything_that_can_be_written_is_described():
    for name, part in SCHEMA["$defs"].items():
        assert part["description"], name
    assert all(part["description"] for part in SCHEMA["properties"].values())


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_shipped_mappings_fit(file):
    VALIDATOR.validate(YAML(typ="safe", pure=True).load(file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    "wrong",
    [
        {"outputs": {}},
        {"output": {"a": {"$for": "line of src.lines", "$each": 1}}},
        {"output": {"a": {"$if": "src.a"}}},
        {"output": {"a": {"$lookup": "t"}}},
        {"output": {"a": {"$link": "customer"}}},
        {"output": {"a": {"$fro": "x in src.y", "$each": 1}}},
        {"output": {"a": {"$omit": False}}},
        {"from": "shop", "output": {}},
    ],
)
def test_what_is_wrong_does_not_fit(wrong):
    assert VALIDATOR.is_valid({**HEAD, "output": {}})
    assert not VALIDATOR.is_valid({**HEAD, **wrong})
