"""JSON Schemas of the project's files, generated from their models: `python -m hub.project.schemas DIR`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub.project.files import FlowsFile, HubFile, OwnershipsFile

FILES: dict[str, type[BaseModel]] = {"hub": HubFile, "flows": FlowsFile, "ownership": OwnershipsFile}


def schema(name: str) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of hub.yaml, of a file in flows/, or of ownership.yaml."""
    body = FILES[name].model_json_schema(mode="validation", by_alias=True)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": f"hub:project/{name}@1", **body}


def schema_text(name: str) -> str:
    """The schema as the file that is kept under version control."""
    return json.dumps(schema(name), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> list[Path]:
    """Write one file each, and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for name in FILES:
        file = folder / f"{name}.schema.json"
        file.write_text(schema_text(name), encoding="utf-8")
        files.append(file)
    return files


if __name__ == "__main__":
    for written in write(Path(sys.argv[1])):
        print(written)
