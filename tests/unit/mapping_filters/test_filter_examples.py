"""Every filter's documented examples are true."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest

from hub.errors import MappingError
from hub.mapping.filters import ABSENT, FILTERS, Example


def _default(value: Any, fallback: Any = "", also_empty: Any = False) -> Any:
    """As the compiler treats `default`: a missing field, or nothing found, counts as absent."""
    if value is ABSENT or isinstance(value, jinja2.Undefined):
        return fallback
    return FILTERS["default"].function(value, fallback, also_empty)


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined)
    environment.filters = {name: entry.function for name, entry in FILTERS.items()} | {"default": _default}
    return environment


_JINJA = _environment()
_GOOD = [pytest.param(e, id=f"{f.name}: {e.expression}") for f in FILTERS.values() for e in f.examples]
_BAD = [pytest.param(e, id=f"{f.name}: {e.source}") for f in FILTERS.values() for e in f.refused]


def _run(example: Example) -> Any:
    return _JINJA.compile_expression(example.expression, undefined_to_none=False)(src=example.source)


@pytest.mark.parametrize("example", _GOOD)
def test_example(example: Example) -> None:
    result = _run(example)
    assert result == example.result
    assert type(result) is type(example.result)


@pytest.mark.parametrize("example", _BAD)
def test_refused_example(example: Example) -> None:
    with pytest.raises(MappingError) as caught:
        _run(example)
    assert caught.value.code == example.result


def test_every_filter_is_documented() -> None:
    for entry in FILTERS.values():
        assert entry.doc.endswith("."), entry.name
        assert entry.examples, entry.name
        assert f"| {entry.name}" in entry.examples[0].expression, entry.name
