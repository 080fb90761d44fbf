"""Makes mappings out of a few lines, so that a test shows only what it is about."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.mapping import Lookups, Mapping, MappingSet

Make = Callable[..., Mapping]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A mapping from canonical/order to odoo/order with this output (JSON data), or from a whole file given as text."""

    def build(
        output: Any = None,
        *,
        text: str | None = None,
        files: dict[str, str] | None = None,
        lookups: dict[str, Any] | None = None,
        filters: dict[str, Any] | None = None,
        **header: Any,
    ) -> Mapping:
        for name, content in (files or {}).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_text(content, encoding="utf-8")
        document = {"mapping": 1, "from": "canonical/order@1", "to": "odoo/order", **header, "output": output}
        file = tmp_path / "odoo" / f"order.from_canonical.{'yaml' if text else 'json'}"
        file.parent.mkdir(exist_ok=True)
        file.write_text(text or json.dumps(document), encoding="utf-8")
        tables = Lookups.of(lookups or {})
        return MappingSet.load([tmp_path], lookups=tables, filters=filters).by_file(file)

    return build


class KnownLinks:
    """Links from a plain dict {(entity, key): id}; natural keys are written {(entity, "natural:key"): id}."""

    def __init__(self, known: dict[tuple[str, str], str]) -> None:
        self.known = known
        self.asked: list[tuple[str, str, bool]] = []

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:
        self.asked.append((entity, key, natural))
        return self.known.get((entity, f"natural:{key}" if natural else key))


@pytest.fixture
def known_links() -> type[KnownLinks]:
    return KnownLinks
