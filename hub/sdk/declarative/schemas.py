"""The JSON Schema of a connector's file, for editors: ``python -m hub.sdk.declarative.schemas schemas``."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from hub.sdk.declarative.file import ConnectorFile

NAME = "connector.schema.json"


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of a file that describes a connector."""
    body = _without_titles(ConnectorFile.model_json_schema(mode="validation", by_alias=True))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$id": "hub:connector@1", **body}


def _without_titles(part: Any) -> Any:
    """The same without pydantic's titles, which repeat the names. A property that is called title is no text."""
    if isinstance(part, dict):
        kept = ((name, value) for name, value in part.items() if name != "title" or not isinstance(value, str))
        return {name: _without_titles(value) for name, value in kept}
    return [_without_titles(value) for value in part] if isinstance(part, list) else part


def schema_text() -> str:
    """The schema as the file that is kept under version control."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"


def write(folder: Path) -> Path:
    """Write the schema into a folder, and return the file."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / NAME
    file.write_text(schema_text(), encoding="utf-8")
    return file


if __name__ == "__main__":
    print(write(Path(sys.argv[1])))
