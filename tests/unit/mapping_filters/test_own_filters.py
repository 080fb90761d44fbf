"""A project's own filters: taken, used, listed, and refused with their line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.mapping.filters import FILTERS, own_filters
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


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("def x(:\n", 1, "SyntaxError"),
        ("\nraise RuntimeError('no')\n", 2, "RuntimeError: no"),
        ("import sys\nsys.exit(3)\n", 2, "SystemExit"),
        (
            "from hub.mapping.filters import filter_\n\n@filter_('trim', 'g', ('src.a | trim', {}, ''))\ndef t(v):\n    return v\n",
            3,
            "built-in",
        ),
    ],
)
def test_broken_file_is_told_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    path = tmp_path / "filters.py"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        own_filters(path)
    assert caught.value.where == f"{path}:{line}"
    assert said in str(caught.value)
    assert FILTERS["trim"].function(" a ") == "a"


def test_no_file_means_no_filters(tmp_path: Path) -> None:
    assert own_filters(tmp_path / "filters.py") == {}
