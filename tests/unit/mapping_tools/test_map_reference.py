"""Every example of the language reference is true."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hub.errors import MappingError
from hub.mapping import Lookups, MappingSet
from hub.mapping.directives import DIRECTIVES
from hub.mapping.document import read
from hub.mapping.tools.cases import plain_data
from hub.mapping.tools.compare import compare
from hub.mapping.tools.data import normal
from hub.mapping.tools.testing import CaseLinks

DOCS = Path(__file__).parents[3] / "docs" / "mapping"
REFERENCE = (DOCS / "reference.md").read_text(encoding="utf-8")
EXAMPLES = [
    pytest.param(found[1], id=f"line {REFERENCE[: found.start()].count(chr(10)) + 1}")
    for found in re.finditer(r"^```yaml example\n(.*?)^```$", REFERENCE, re.MULTILINE | re.DOTALL)
]


def _dump(data: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = YAML()
    writer.version = None  # type: ignore[assignment]
    writer.representer.add_representer(Decimal, lambda dumper, value: dumper.represent_str(str(value)))
    with path.open("w", encoding="utf-8") as file:
        writer.dump(_quoted(data), file)


def _quoted(data: Any) -> Any:
    """All text in quotes, so that nothing depends on how YAML would read it plain."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString as Quoted

    if isinstance(data, dict):
        return {Quoted(key): _quoted(item) for key, item in data.items()}
    if isinstance(data, list):
        return [_quoted(item) for item in data]
    return Quoted(data) if isinstance(data, str) else data


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_of_the_reference(text: str, tmp_path: Path) -> None:
    example = plain_data(read(text, "example.yaml"))
    header = {"mapping": 1, "from": "canonical/order@1", "to": "demo/record"}
    body = {key: example[key] for key in ("when", "let", "extends", "output") if key in example}
    _dump(header | body, tmp_path / "mine" / "mappings" / "demo" / "record.from_canonical.yaml")
    if "base" in example:
        _dump(header | {"output": example["base"]}, tmp_path / "default" / "demo" / "record.from_canonical.yaml")
    for name, fragment in example.get("fragments", {}).items():
        _dump(fragment, tmp_path / "mine" / "mappings" / name)
    tables = Lookups.of(example.get("lookups", {}))
    mappings = MappingSet.load([tmp_path / "mine" / "mappings", tmp_path / "default"], lookups=tables)
    assert mappings.check() == []
    mapping = mappings.outbound("order", "demo")

    def run() -> Any:
        return mapping.run(example["src"], meta={}, links=CaseLinks(example.get("links", {}))).record

    if "error" in example:
        with pytest.raises(MappingError) as caught:
            run()
        assert caught.value.code == example["error"]["code"]
        assert normal(getattr(caught.value, "at", "")) == example["error"].get("at", "")
    else:
        assert compare(example["result"], run()) == []


def test_every_directive_has_an_example() -> None:
    for directive in DIRECTIVES:
        assert re.search(
            rf"^```yaml example\n(?:(?!^```).)*{re.escape(directive)}:", REFERENCE, re.MULTILINE | re.DOTALL
        ), directive
