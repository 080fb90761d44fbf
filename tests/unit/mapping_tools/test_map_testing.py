"""Test cases: what passes, what fails, and what the failure says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.mapping.tools.cases import read_cases
from hub.mapping.tools.junit import junit_xml
from hub.mapping.tools.testing import run_tests

REPOSITORY = Path(__file__).parents[3]


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_all_cases_pass(shop: Path) -> None:
    assert [(o.passed, o.problem) for o in run_tests([shop])] == [(True, "")] * 4


def test_difference_names_the_line_of_the_mapping(shop: Path) -> None:
    _edit(shop / "order.to_canonical.yaml", "line.price | money", "line.price | number | round(0) | money")
    (outcome,) = run_tests([shop], only="a paid order")
    (difference,) = outcome.differences
    assert (difference.path, difference.expected, difference.actual) == ("lines[0].unit_price.amount", "19.90", "20")
    assert difference.line.endswith("order.to_canonical.yaml:21")


def test_error_of_the_mapping_is_told_with_its_place_and_fix(shop: Path) -> None:
    _edit(shop / "order.to_canonical.yaml", "src.created_at", "src.created_on")
    (outcome,) = run_tests([shop], only="a paid order")
    assert not outcome.passed
    assert "MAP-MISSING" in outcome.problem
    assert ":9 " in outcome.where
    assert "created_at" in outcome.fix


def test_wrong_expected_error(shop: Path) -> None:
    tests = shop / "order.to_canonical.test.yaml"
    _edit(tests, "at: output.status", "at: output.number")
    (outcome,) = run_tests([tests], only="unknown status")
    assert "expected at output.number, but it is at status" in outcome.problem
    _edit(tests, "code: MAP-ERROR", "code: MAP-MATCH")
    (outcome,) = run_tests([tests], only="unknown status")
    assert "MAP-MATCH was expected, but it is MAP-ERROR" in outcome.problem


def test_record_outside_the_schema_fails(shop: Path) -> None:
    _edit(shop / "order.to_canonical.yaml", "paid: submitted", "paid: finished")
    (outcome,) = run_tests([shop], only="a paid order")
    assert "SCH-INVALID" in outcome.problem
    assert "status" in outcome.problem


def test_accept_writes_the_expected_file(shop: Path) -> None:
    _edit(shop / "order.to_canonical.yaml", 'number: "{{ src.name }}"', "number: \"{{ src.name | replace('#', '') }}\"")
    (outcome,) = run_tests([shop], only="a paid order", accept=True)
    assert outcome.passed
    assert outcome.accepted
    assert json.loads((shop / "samples" / "order.canonical.json").read_text())["number"] == "1001"


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ("  expect: samples", "  expected: samples", 5, "Did you mean 'expect'?"),
        ("cases:", "case:", 1, "Did you mean 'cases'?"),
        ("  given: samples/order.json\n  links", "  links", 2, "needs a name, and what is given"),
        ("- name: an unknown way of paying", "- name: a paid order", 2, "Two cases are called"),
    ],
)
def test_fault_in_the_test_file(shop: Path, old: str, new: str, line: int, said: str) -> None:
    tests = shop / "order.to_canonical.test.yaml"
    _edit(tests, old, new)
    with pytest.raises(ConfigError) as caught:
        read_cases(tests)
    assert caught.value.where == f"{tests}:{line}"
    assert said in str(caught.value)


def test_junit_is_well_formed_and_hides_control_characters(shop: Path) -> None:
    _edit(shop / "order.to_canonical.test.yaml", "a paid order", 'a <paid> & "late" order')
    _edit(shop / "order.to_canonical.yaml", "{{ src.name }}", "{{ src.name }}!")
    root = ET.fromstring(junit_xml(run_tests([shop])))
    assert (root.get("tests"), root.get("failures")) == ("4", "1")
    failed = [case for case in root.iter("testcase") if case.find("failure") is not None]
    assert [case.get("name") for case in failed] == ['a <paid> & "late" order']


def test_five_hundred_cases_in_ten_seconds(shop: Path) -> None:
    case = "- name: case {n}\n  given: samples/order.json\n  patch: {{name: '#{n}'}}\n  has: {{number: '#{n}'}}\n"
    (shop / "order.to_canonical.test.yaml").write_text("cases:\n" + "".join(case.format(n=n) for n in range(500)))
    start = time.perf_counter()
    outcomes = run_tests([shop])
    assert len(outcomes) == 500
    assert all(outcome.passed for outcome in outcomes)
    assert time.perf_counter() - start < 10


def test_shipped_mappings_pass_their_cases() -> None:
    failed = [f"{o.mapping} {o.case.name}: {o.problem}" for o in run_tests([REPOSITORY / "mappings"]) if not o.passed]
    assert failed == []


def test_pytest_collects_the_cases(shop: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "hub.mapping.tools.pytest_plugin",
        "-p",
        "no:cacheprovider",
        str(shop),
    ]
    _edit(shop / "order.to_canonical.yaml", "{{ src.name }}", "{{ src.name }}!")
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=shop)
    assert "1 failed, 3 passed" in done.stdout
    assert re.search(r'number: expected "#1001", but is "#1001!" .*order.to_canonical.yaml:8', done.stdout)
    assert "Traceback" not in done.stdout
