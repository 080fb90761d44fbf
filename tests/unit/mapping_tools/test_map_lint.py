"""The lint: every fault with its place and the way out, and nothing on what is right."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.mapping.tools.lint import lint_paths

REPOSITORY = Path(__file__).parents[3]


def test_sound_mapping_has_no_findings(shop: Path) -> None:
    assert lint_paths([shop.parent]) == (2, [])


def test_shipped_mappings_have_no_findings() -> None:
    files, findings = lint_paths([REPOSITORY / "mappings"])
    assert files > 5
    assert list(map(str, findings)) == []


@pytest.mark.parametrize(
    ("old", "new", "code", "line", "said"),
    [
        ("  currency:", "  curency:", "MAP040", 10, "Did you mean 'currency'?"),
        ("  currency:", "  curency:", "MAP041", 8, "'currency' is never set"),
        ("      sku:", "      skuu:", "MAP040", 19, "Did you mean 'sku'?"),
        ("      unit_price:", "      ext_price:", "MAP041", 18, "'unit_price' of lines[] is never set"),
        ("src.created_at", "src.create_at", "MAP042", 9, "Did you mean 'created_at'?"),
        ("line.price", "line.prices", "MAP042", 21, "Did you mean 'price'?"),
        ("| datetime", "| datetimes", "MAP015", 9, "Did you mean 'datetime'?"),
        ("$lookup: terms", "$lookup: term", "MAP023", 24, "term"),
        ('{$optional: "{{ src.note }}"}', '{$if: "true", $then: a, $else: b}', "MAP043", 11, "$else is never taken"),
        ('{$optional: "{{ src.note }}"}', '{$first: [a, "{{ src.note }}"]}', "MAP043", 11, "never taken"),
    ],
)
def test_fault_is_found_with_its_line(shop: Path, old: str, new: str, code: str, line: int, said: str) -> None:
    path = shop / "order.to_canonical.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    _, findings = lint_paths([path])
    found = [finding for finding in findings if finding.code == code and finding.line == line]
    assert found, list(map(str, findings))
    assert said in str(found[0])


def test_lookups_and_tests_are_looked_at_too(shop: Path) -> None:
    (shop.parents[1] / "lookups" / "half.csv").write_text("key,value\na,1\nb,")
    (shop / "order.to_canonical.test.yaml").write_text(
        "cases:\n- name: x\n  given: samples/none.json\n  has: {number: a}\n"
    )
    _, findings = lint_paths([shop])
    assert {finding.code for finding in findings} == {"LKP-HALF", "MAP044"}


def test_field_of_an_outbound_mapping_is_held_against_the_canonical_model(shop: Path) -> None:
    path = shop.parent / "erp" / "order.from_canonical.yaml"
    path.write_text(path.read_text().replace("line.sku", "line.skuu"))
    _, (finding,) = lint_paths([path])
    assert finding.code == "MAP042"
    assert "Did you mean 'sku'?" in finding.fix


def test_mapping_that_is_never_loaded_because_of_its_name(shop: Path) -> None:
    (shop / "order.to_canonical.yaml").rename(shop / "order.to_cannonical.yaml")
    (shop / "order.to_canonical.test.yaml").unlink()
    _, (finding,) = lint_paths([shop])
    assert (finding.code, Path(finding.file).name) == ("MAP045", "order.to_cannonical.yaml")
    assert "order.to_canonical.yaml" in finding.fix


@pytest.mark.parametrize("file", ["a: !!python/object/apply:os.system [x]", "a: &x {b: *x}", "[" * 5000, "\x00"])
def test_hostile_file_ends_in_findings(shop: Path, file: str) -> None:
    path = shop / "stock.to_canonical.yaml"
    path.write_text(file)
    _, findings = lint_paths([path])
    assert any(finding.severity == "error" for finding in findings)
