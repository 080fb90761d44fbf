"""The schemas under version control say what the models say."""

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hub.canonical import ENTITIES
from hub.canonical.schemas import schema, schema_text

FOLDER = Path(__file__).parents[3] / "schemas" / "canonical"


@pytest.mark.parametrize("entity", ENTITIES)
def test_schema_file_is_up_to_date(entity: str) -> None:
    file = FOLDER / f"{entity}.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(entity), "run `make schemas` and commit the result"


@pytest.mark.parametrize("entity", ENTITIES)
def test_schema_is_a_valid_schema(entity: str) -> None:
    Draft202012Validator.check_schema(schema(entity))


def test_every_schema_file_belongs_to_an_entity() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{entity}.schema.json" for entity in ENTITIES}
