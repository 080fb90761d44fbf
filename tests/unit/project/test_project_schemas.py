"""The schemas of the project's files say what the models say, and accept what `hub init` writes."""

from __future__ import annotations

from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from hub.documents import document
from hub.project.scaffold import make_project
from hub.project.schemas import FILES, schema, schema_text

FOLDER = Path(__file__).parents[3] / "schemas"


@pytest.mark.parametrize("name", FILES)
def test_schema_file_is_up_to_date(name: str):
    file = FOLDER / f"{name}.schema.json"
    assert file.read_text(encoding="utf-8") == schema_text(name), "run `make schemas` and commit the result"


@pytest.mark.parametrize("name", FILES)
def test_schema_is_a_valid_schema(name: str):
    Draft202012Validator.check_schema(schema(name))


@pytest.mark.parametrize(
    ("name", "file"), [("hub", "hub.yaml"), ("flows", "flows/main.yaml"), ("ownership", "ownership.yaml")]
)
def test_a_new_project_fits(name: str, file: str, tmp_path: Path):
    make_project(tmp_path / "company")
    validator = Draft202012Validator(schema(name))
    assert not list(validator.iter_errors(document.read(tmp_path / "company" / file).data))
    assert list(validator.iter_errors({"databse": "x"})), "and a typo does not fit"
