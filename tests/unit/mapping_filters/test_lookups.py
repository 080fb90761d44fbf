"""Lookup tables: what is read, what is refused, and how an edited file is taken over."""

from __future__ import annotations

import os
from decimal import Decimal
from pathlib import Path

import pytest

from hub.errors import MappingError
from hub.mapping.lookups import Lookups


def _write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def _value(lookups: Lookups, name: str, *keys: object) -> object:
    row = lookups.find(name, *keys)
    return None if row is None else row.value


def test_csv_with_one_key(tmp_path: Path) -> None:
    _write(tmp_path, "shopify/terms.csv", "key,value\npaypal,prepaid\n00123,kept\n")
    lookups = Lookups.load([tmp_path])
    assert lookups.names == ["shopify/terms"]
    assert _value(lookups, "shopify/terms", "paypal") == "prepaid"
    assert _value(lookups, "shopify/terms", "00123") == "kept"
    assert _value(lookups, "shopify/terms", "Paypal") is None
    row = lookups.find("shopify/terms", "00123")
    assert row is not None
    assert row.line == 3


def test_most_exact_row_wins(tmp_path: Path) -> None:
    _write(
        tmp_path,
        "ship.csv",
        "key:country,key:service,carrier,days\n*,*,dhl,5\nDE,*,dpd,2\n*,express,ups,1\nDE,express,go,1\n",
    )
    lookups = Lookups.load([tmp_path])
    assert _value(lookups, "ship", "DE", "express") == {"carrier": "go", "days": "1"}
    assert _value(lookups, "ship", "DE", "slow") == {"carrier": "dpd", "days": "2"}
    assert _value(lookups, "ship", "FR", "express") == {"carrier": "ups", "days": "1"}
    assert _value(lookups, "ship", "FR", "slow") == {"carrier": "dhl", "days": "5"}


def test_semicolons_and_byte_order_mark_as_excel_writes_them(tmp_path: Path) -> None:
    _write(tmp_path, "a.csv", "\ufeffgateway;terms\r\ninvoice;net30\r\n")
    assert _value(Lookups.load([tmp_path]), "a", "invoice") == "net30"


def test_yaml_both_forms(tmp_path: Path) -> None:
    _write(tmp_path, "a.yaml", "default: prepaid\nrows:\n  NO: norway\n  rate: 1.10\n")
    _write(tmp_path, "b.yaml", 'keys: [country, kind]\nrows:\n- {country: DE, kind: "*", tax: 0.19}\n')
    lookups = Lookups.load([tmp_path])
    assert _value(lookups, "a", "NO") == "norway"
    assert _value(lookups, "a", "rate") == Decimal("1.10")
    table = lookups.require("a")
    assert (table.default, table.has_default) == ("prepaid", True)
    assert _value(lookups, "b", "DE", "book") == Decimal("0.19")


@pytest.mark.parametrize(
    ("name", "text", "code", "line"),
    [
        ("a.csv", b"key,value\na,M\xfcller\n", "LKP-ENCODING", 2),
        ("a.csv", "key,value\na,1\nb,2", "LKP-HALF", 3),
        ("a.csv", "key,value\na,1\nb\n", "LKP-RAGGED", 3),
        ("a.csv", "key,value\na,1\na,2\n", "LKP-CONFLICT", 3),
        ("a.csv", 'key,value\na,"1\n', "LKP-CSV", 2),
        ("a.csv", "key,key\na,1\n", "LKP-HEADER", 1),
        ("a.csv", "key\na\n", "LKP-HEADER", 1),
        ("a.csv", "", "LKP-EMPTY", 1),
        ("a.yaml", "rows:\n  a: 1\n  a: 2\n", "LKP-CONFLICT", 3),
        ("a.yaml", "rows:\n  0123: x\n", "LKP-YAML", 2),
        ("a.yaml", "rows:\n  a: &x 1\n  b: *x\n", "LKP-YAML", 2),
        ("a.yaml", "rows: {a: 1\n", "LKP-YAML", 2),
        ("a.yaml", "rows:\n  a: !!python/name:os.system x\n", "LKP-YAML", 2),
    ],
)
def test_broken_file_is_not_taken(tmp_path: Path, name: str, text: str | bytes, code: str, line: int) -> None:
    _write(tmp_path, name, text)
    lookups = Lookups.load([tmp_path])
    assert [(p.code, p.line, p.error) for p in lookups.problems] == [(code, line, True)]
    with pytest.raises(MappingError) as caught:
        lookups.require("a")
    assert caught.value.code == "MAP-LOOKUP"
    assert f":{line}" in caught.value.where


def test_harmless_problems_are_only_said(tmp_path: Path) -> None:
    _write(tmp_path, "a.csv", "key,value\na ,1\nb,2\nb,2\n")
    lookups = Lookups.load([tmp_path])
    assert [(p.code, p.line, p.error) for p in lookups.problems] == [
        ("LKP-SPACE", 2, False),
        ("LKP-DUPLICATE", 4, False),
    ]
    assert _value(lookups, "a", "a") == "1"


def test_edit_is_taken_over_and_half_saved_edit_is_not(tmp_path: Path) -> None:
    path = _write(tmp_path, "a.csv", "key,value\na,1\n")
    lookups = Lookups.load([tmp_path])
    first = lookups.version()
    assert lookups.refresh() == []
    path.write_text("key,value\na,1\nb,")
    os.utime(path, ns=(1, 1))
    assert lookups.refresh() == []
    assert _value(lookups, "a", "a") == "1"
    assert [p.code for p in lookups.problems] == ["LKP-HALF"]
    assert lookups.version() == first
    path.write_text("key,value\na,1\nb,2\n")
    assert lookups.refresh() == ["a"]
    assert _value(lookups, "a", "b") == "2"
    assert lookups.problems == []
    assert lookups.version() != first
    path.unlink()
    assert lookups.refresh() == ["a"]
    assert lookups.names == []


def test_first_folder_wins(tmp_path: Path) -> None:
    _write(tmp_path, "mine/a.csv", "key,value\na,mine\n")
    _write(tmp_path, "theirs/a.csv", "key,value\na,theirs\n")
    assert _value(Lookups.load([tmp_path / "mine", tmp_path / "theirs"]), "a", "a") == "mine"


def test_missing_report_and_near_names(tmp_path: Path) -> None:
    _write(tmp_path, "shopify/terms.csv", "key,value\npaypal,prepaid\n")
    lookups = Lookups.load([tmp_path])
    lookups.find("shopify/terms", "klarna")
    lookups.find("shopify/terms", "klarna")
    assert [tuple(m) for m in lookups.missing] == [("shopify/terms", ("klarna",), 2)]
    assert lookups.require("shopify/terms").suggest("paypall") == "paypal"
    with pytest.raises(MappingError, match="Did you mean shopify/terms"):
        lookups.require("shopify/term")


def test_tables_of_a_test_case() -> None:
    lookups = Lookups.of({"a": {"DE / *": "x", "DE / y": "z"}})
    assert _value(lookups, "a", "DE", "q") == "x"
    assert _value(lookups, "a", "DE", "y") == "z"
