"""`hub map ...` as a person and as a program calls it: output, JSON and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from hub.cli.main import main
from hub.cli.views import console

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def hub(shop: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Run one command in the project: exit code, standard output, standard error."""

    def call(*arguments: str) -> tuple[int, str, str]:
        console.fresh()
        code = main(["map", *arguments])
        said = capsys.readouterr()
        console.fresh()
        return code, said.out, said.err

    return call


MAPPING, SAMPLE = "mappings/shop/order.to_canonical.yaml", "mappings/shop/samples/order.json"


def _edit(path: str, old: str, new: str) -> None:
    text = Path(path).read_text()
    assert old in text
    Path(path).write_text(text.replace(old, new))


def test_test_command(hub: Call) -> None:
    code, out, _ = hub("test", "--junit", "build/junit.xml")
    assert (code, "4 passed" in out) == (0, True)
    assert Path("build/junit.xml").read_text().count("<testcase") == 4
    _edit(MAPPING, 'src.total | money(cur) }}"\n    total', 'src.totall | money(cur) }}"\n    total')
    code, out, _ = hub("test", "--only", "paid order", "--json")
    said = json.loads(out)
    assert (code, said["failed"]) == (1, 1)
    assert "MAP-MISSING" in said["cases"][0]["problem"]


def test_lint_command(hub: Call) -> None:
    assert hub("lint")[0] == 0
    _edit(MAPPING, "| datetime", "| datetim")
    code, out, _ = hub("lint")
    assert code == 1
    assert f"{MAPPING}:9:14: error MAP015" in out
    assert "Did you mean 'datetime'?" in out
    code, out, _ = hub("lint", "--json")
    assert json.loads(out)["findings"][0]["code"] == "MAP015"


def test_try_command(hub: Call) -> None:
    code, out, _ = hub("try", MAPPING, SAMPLE)
    assert code == 0
    assert '"number": "#1001"' in out
    code, out, _ = hub("try", MAPPING, SAMPLE, "--json")
    assert json.loads(out)["record"]["lines"][0]["unit_price"]["amount"] == "19.90"
    _edit(SAMPLE, '"price": "19.90"', '"price": "19,90"')
    code, out, _ = hub("try", MAPPING, SAMPLE)
    assert code == 1
    assert f"{MAPPING}:21" in out
    assert "src.line_items[0].price" in out
    assert "99,99" in out
    assert "19,90" not in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("try", "none.yaml", SAMPLE), "There is no such file."),
        (("try", MAPPING, "none.json"), "The file cannot be read"),
        (("test", "nowhere"), "There is no such file or folder."),
        (("new", "shop/order", "erp/order"), "One side is CONNECTOR/STREAM"),
        (("new", "shop/order", "canonical/ordr"), "Did you mean 'order'?"),
        (("case",), "Name a payload file"),
        (("diff", MAPPING, "mappings/erp/order.from_canonical.yaml", SAMPLE), "translate different things"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_no_traceback(hub: Call, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = hub(*arguments)
    assert code == 2
    assert said in out + err
    assert "Traceback" not in out + err


def test_sample_that_is_no_json(hub: Call) -> None:
    Path(SAMPLE).write_text('{"a": NaN}')
    code, _, err = hub("try", MAPPING, SAMPLE)
    assert code == 2
    assert "NaN is not JSON" in err


def test_explain_command(hub: Call) -> None:
    code, out, _ = hub("explain", SAMPLE, "--at", "lines[0].unit_price")
    assert code == 0
    assert f"{MAPPING}:21" in out
    assert 'src.line_items[0].price = "19.90"' in out
    assert "filters   money" in out
    code, out, _ = hub("explain", MAPPING, SAMPLE, "--at", "payment.status", "--json")
    (value,) = json.loads(out)["values"]
    assert value["value"] == "pending"
    assert value["lookup"]["row"] == 2
    assert hub("explain", SAMPLE, "--at", "nothing")[0] == 2


def test_coverage_command(hub: Call) -> None:
    code, out, _ = hub("coverage", MAPPING)
    assert code == 0
    assert "customer.email" in out
    assert hub("coverage", MAPPING, "--strict")[0] == 1
    code, out, _ = hub("coverage", "--json")
    assert json.loads(out)[0]["mapping"] == MAPPING


def test_roundtrip_and_diff_commands(hub: Call) -> None:
    code, out, _ = hub("roundtrip", MAPPING, "mappings/erp/order.from_canonical.yaml", SAMPLE, "--json")
    assert code == 0
    assert "status" in {lost["path"] for lost in json.loads(out)["lost"]}
    draft = Path("draft/order.to_canonical.yaml")
    draft.parent.mkdir()
    draft.write_text(
        Path(MAPPING)
        .read_text()
        .replace("{{ src.name }}", "N{{ src.name }}")
        .replace("$lookup: terms", "$lookup: terms")
    )
    assert hub("diff", MAPPING, MAPPING, SAMPLE)[0] == 0
    code, out, _ = hub("diff", MAPPING, str(draft), SAMPLE)
    assert code == 1, out
    assert "1 changed" in out
    assert '"#1001" → "N#1001"' in out


def test_new_case_docs_and_bench_commands(hub: Call) -> None:
    code, out, _ = hub("new", "market/order", "canonical/order", "--sample", SAMPLE)
    assert code == 0
    assert "hub map try mappings/market/order.to_canonical.yaml" in out
    code, out, _ = hub("case", MAPPING, SAMPLE, "--name", "a real one")
    assert (code, "it is translated" in out) == (0, True)
    assert "5 passed" in hub("test", "mappings/shop")[1]
    code, out, _ = hub("docs", "mappings/shop", "--output", "build/mappings.md")
    assert code == 0
    assert "# Mapping document" in Path("build/mappings.md").read_text()
    code, out, _ = hub("bench", MAPPING, SAMPLE, "--seconds", "0.2", "--json")
    assert json.loads(out)["records_per_s"] > 100


def test_filters_command(hub: Call) -> None:
    code, out, _ = hub("filters", "money")
    assert code == 0
    assert "src.price | money('JPY')" in out
    assert len(json.loads(hub("filters", "--json")[1])) > 70
    code, _, err = hub("filters", "mony")
    assert (code, "Did you mean 'money'?" in err) == (2, True)


def test_watch_goes_on_through_broken_and_missing_files(hub: Call, shop: Path) -> None:
    """A real process that watches: a good file, a half-written sample, a missing mapping, and a good one again."""
    command = [sys.executable, "-m", "hub", "map", "try", MAPPING, SAMPLE, "--watch"]
    text, sample = Path(MAPPING).read_text(), Path(SAMPLE).read_text()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        assert process.stdout is not None
        try:
            _read_until(process.stdout, '"number": "#1001"')
            Path(SAMPLE).write_text(sample[:100])
            _read_until(process.stdout, "Not JSON")
            Path(SAMPLE).write_text(sample)
            _read_until(process.stdout, '"number": "#1001"')
            Path(MAPPING).unlink()
            _read_until(process.stdout, "There is no such file")
            Path(MAPPING).write_text(text.replace("{{ src.name }}", "N{{ src.name }}"))
            _read_until(process.stdout, '"number": "N#1001"')
        finally:
            process.terminate()


def _read_until(stream: IO[str], wanted: str) -> None:
    said = ""
    for line in stream:
        said += line
        if wanted in line:
            return
    raise AssertionError(f"the command ended: {said}")


def test_help_of_every_command_has_an_example(hub: Call) -> None:
    for command in (
        "test",
        "lint",
        "try",
        "explain",
        "coverage",
        "roundtrip",
        "diff",
        "bench",
        "new",
        "case",
        "docs",
        "filters",
    ):
        code, out, _ = hub(command, "--help")
        assert code == 0
        assert "Example" in out, command
        assert "--json" in out, command
