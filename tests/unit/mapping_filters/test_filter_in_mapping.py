"""Every filter's examples, and the hard cases, through the mapping engine itself: fast form and checked form agree."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hub.errors import MappingError
from hub.mapping import MappingSet, NoLinks
from hub.mapping.filters import FILTERS
from hub.mapping.mapping import Mapping

_GOOD = [pytest.param(e, id=f"{f.name}: {e.expression}") for f in FILTERS.values() for e in f.examples]
_BAD = [pytest.param(e, id=f"{f.name}: {e.source}") for f in FILTERS.values() for e in f.refused]


def _mapping(folder: Path, expression: str) -> Mapping:
    path = folder / "demo" / "record.from_canonical.yaml"
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(
            {
                "mapping": 1,
                "from": "canonical/order@1",
                "to": "demo/record",
                "output": {"x": "{{ " + expression + " }}"},
            },
            file,
        )
    mappings = MappingSet.load([folder])
    assert mappings.check() == []
    return mappings.outbound("order", "demo")


def _both(mapping: Mapping, source: Any) -> tuple[Any, Any]:
    fast = mapping.run(source, meta={}, links=NoLinks()).record["x"]
    return fast, mapping.checked(source, {}, NoLinks()).record["x"]


@pytest.mark.parametrize("example", _GOOD)
def test_example(tmp_path: Path, example: Any) -> None:
    for result in _both(_mapping(tmp_path, example.expression), dict(example.source)):
        assert result == example.result
        assert type(result) is type(example.result)


@pytest.mark.parametrize("example", _BAD)
def test_refused_example(tmp_path: Path, example: Any) -> None:
    with pytest.raises(MappingError) as caught:
        _mapping(tmp_path, example.expression).run(dict(example.source), meta={}, links=NoLinks())
    assert caught.value.code == example.result
    assert "demo/record.from_canonical.yaml" in caught.value.where


@pytest.mark.parametrize(
    ("expression", "source", "result"),
    [
        ("src.a | string", {"a": 820982911946154508}, "820982911946154508"),
        ("src.a | trim", {"a": "00123"}, "00123"),
        ("src.a | money('JPY')", {"a": "1990"}, {"amount": Decimal(1990), "currency": "JPY"}),
        ("src.a | money('KWD')", {"a": "1.234"}, {"amount": Decimal("1.234"), "currency": "KWD"}),
        ("src.a | truncate(2)", {"a": "A👩‍👩‍👧B"}, "A"),
        ("src.a | truncate(3)", {"a": "ae\u0301i"}, "ae\u0301"),
        ("src.a | trim | upper", {"a": " שלום "}, "שלום"),
        ("src.a | length", {"a": "😀"}, 1),
        ("src.a | datetime('Europe/Berlin')", {"a": "2026-10-25T02:30:00"}, "2026-10-25T00:30:00Z"),
        ("src.a | datetime('Europe/Berlin', fold='second')", {"a": "2026-10-25T02:30:00"}, "2026-10-25T01:30:00Z"),
        ("src.a | datetime", {"a": "2026-03-10T12:00:00.123456789+0530"}, "2026-03-10T06:30:00.123456Z"),
        ("src.a | sum", {"a": [Decimal("0.1")] * 10}, Decimal("1.0")),
        ("src.a | unique", {"a": [1, True, "1", 1]}, [1, True, "1"]),
        ("src.a | number | string", {"a": "12345678901234567890.12345678"}, "12345678901234567890.12345678"),
        ("src.a | slug", {"a": "  Ünïcødé 日本 "}, "unicode"),
        ("src.a | country", {"a": "XK"}, "XK"),
    ],
)
def test_hard_case(tmp_path: Path, expression: str, source: Any, result: Any) -> None:
    assert _both(_mapping(tmp_path, expression), source) == (result, result)


@pytest.mark.parametrize(
    ("expression", "source", "code"),
    [
        ("src.a | number", {"a": "١٩.٩٠"}, "MAP-TYPE"),
        ("src.a | number", {"a": "１２"}, "MAP-TYPE"),
        ("src.a | number", {"a": "Infinity"}, "MAP-TYPE"),
        ("src.a | number", {"a": " 12"}, "MAP-TYPE"),
        ("src.a | number", {"a": "12\n"}, "MAP-TYPE"),
        ("src.a | number", {"a": Decimal("1E+999999")}, "MAP-TYPE"),
        ("src.a | string", {"a": Decimal("1E+999999")}, "MAP-TYPE"),
        ("src.a | int", {"a": 1.5}, "MAP-TYPE"),
        ("src.a | money('JPY')", {"a": "1990.5"}, "MAP-TYPE"),
        ("src.a | money(src.c)", {"a": "1", "c": None}, "MAP-TYPE"),
        ("src.a | datetime", {"a": "2026-13-01T00:00:00Z"}, "MAP-TYPE"),
        ("src.a | datetime", {"a": "0001-01-01T00:00:00+14:00"}, "MAP-TYPE"),
        ("src.a | datetime('Europe/Berlin')", {"a": "2026-03-29T02:30:00"}, "MAP-TYPE"),
        ("src.a | datetime('Mars/Base')", {"a": "2026-03-29T02:30:00"}, "MAP-TYPE"),
        ("src.a | datetime('../../etc/passwd')", {"a": "2026-03-29T02:30:00"}, "MAP-TYPE"),
        ("src.a | from_epoch('s')", {"a": 1773140400000000}, "MAP-TYPE"),
        ("src.a | replace('a', src.b)", {"a": "a" * 2000, "b": "b" * 2000}, "MAP-LIMIT"),
        ("src.a | join(src.b)", {"a": ["x"] * 2000, "b": "b" * 2000}, "MAP-LIMIT"),
        ("src.a | pad(2000000000)", {"a": "a"}, "MAP-LIMIT"),
        ("src.a | string | trim", {"a": []}, "MAP-TYPE"),
        ("src.a | from_json", {"a": "[" * 100_000}, "MAP-TYPE"),
        ("src.a | phone('DE')", {"a": "0" * 100_000}, "MAP-TYPE"),
        ("src.a | country", {"a": "x" * 100_000}, "MAP-TYPE"),
    ],
)
def test_hard_case_is_refused(tmp_path: Path, expression: str, source: Any, code: str) -> None:
    with pytest.raises(MappingError) as caught:
        _mapping(tmp_path, expression).run(source, meta={}, links=NoLinks())
    assert caught.value.code == code


def test_error_shows_the_shape_of_a_value_and_not_the_value(tmp_path: Path) -> None:
    with pytest.raises(MappingError) as caught:
        _mapping(tmp_path, "src.a | number").run({"a": "Anna 030-123"}, meta={}, links=NoLinks())
    assert "xxxx 999-999" in str(caught.value)
    assert "Anna" not in str(caught.value)
