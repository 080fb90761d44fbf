"""Every block of the guide is a file, or a part of one, that loads."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from hub.documents import parse
from hub.sdk.declarative import connector_class
from hub.sdk.declarative.loading import checked

ROOT = Path(__file__).parents[4]
GUIDE = (ROOT / "docs" / "sdk" / "declarative.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```yaml ?(\w*)\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL)
WHOLE = next(text for kind, text in BLOCKS if not kind)


def test_the_whole_file_is_the_one_that_new_connectors_begin_with() -> None:
    template = ROOT / "hub" / "cli" / "connector_template_declarative" / "package" / "acme.yaml.tmpl"
    assert template.read_text(encoding="utf-8").partition("\n")[2] == WHOLE


@pytest.mark.parametrize(("kind", "text"), BLOCKS)
def test_a_block_loads(kind: str, text: str) -> None:
    data = YAML(typ="safe").load(WHOLE)
    part = YAML(typ="safe").load(text)
    if kind == "top":
        data |= part
    elif kind == "stream":
        data["streams"]["order"] = {**({} if "odata" in part else data["streams"]["order"]), "entity": "order", **part}
    document = parse(json.dumps(data), file=Path("acme.yaml"), name="acme.yaml")
    file, faults = checked(document)
    assert not faults, [str(fault) for fault in faults]
    assert file is not None
    assert connector_class(file).manifest.streams["order"]
