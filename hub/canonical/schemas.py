"""JSON Schemas of the canonical entities, generated from the pydantic models: `python -m hub.canonical.schemas DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hub.canonical import ENTITIES


def schema(entity: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of one entity."""
    body = ENTITIES[entity].model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"hub:canonical/{entity}@1", **body}


def schema_text(entity: str) -> str:
    """The schema as the file that is kept under version control."""
    return json.dumps(schema(entity), indent=2, ensure_ascii=False, sort_keys=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write one file an entity, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for entity in ENTITIES:
        file = folder / f"{entity}.schema.json"
        file.write_text(schema_text(entity), encoding="utf-8")
        files.append(file)
    return files


if __name__ == "__main__":
    for written in write(Path(sys.argv[1])):
        print(written)
