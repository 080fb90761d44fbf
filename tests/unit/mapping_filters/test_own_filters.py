"""The reference's example of a project's own filter works in a mapping."""

from __future__ import annotations

import re
from pathlib import Path

from hub.mapping.filters import FILTERS
from hub.mapping.tools.opening import open_mapping
from hub.mapping.tools.testing import CaseLinks
from hub.mapping.tools.trying import run_once

REFERENCE = Path(__file__).parents[3] / "docs" / "mapping" / "reference.md"


def _documented() -> str:
    found = re.search(r"^```python file=filters.py\n(.*?)^```$", REFERENCE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


def test_filter_of_the_reference_works_in_a_mapping(tmp_path: Path) -> None:
    (tmp_path / "filters.py").write_text(_documented())
    path = tmp_path / "mappings" / "erp" / "order.from_canonical.yaml"
    path.parent.mkdir(parents=True)
    path.write_text('mapping: 1\nfrom: canonical/order@1\nto: erp/order\noutput: {x: "{{ src.size | bottle }}"}\n')
    opened = open_mapping(path)
    assert run_once(opened, {"size": "0.75"}, CaseLinks()).record == {"x": "BTL-75"}
    error = run_once(opened, {"size": "9"}, CaseLinks()).error
    assert error is not None
    assert (error.code, "Add it to filters.py." in str(error)) == ("MAP-TYPE", True)
    assert "bottle" not in FILTERS
