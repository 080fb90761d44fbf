"""The top level: fast help, errors as one block, exit codes."""

from __future__ import annotations

import importlib
import os
import re
import resource
import subprocess
import sys

import pytest

from hub.cli.main import ENTRIES

OURS = [entry for entry in ENTRIES if entry.name not in {"demo", "map"}]


def test_help_answers_within_half_a_second():
    """Counted in processor time, which other work on the machine does not change."""
    command = [sys.executable, "-m", "hub", "--help"]
    best = 9.0
    for _ in range(4):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        said = subprocess.run(command, capture_output=True, check=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        best = min(best, after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    assert best < 0.5
    assert all(entry.name in said.stdout for entry in ENTRIES)


def test_help_imports_no_heavy_module():
    code = (
        "import sys; from hub.cli.main import main; main(['--help']); print([m for m in sys.modules if m in {heavy!r}])"
    )
    heavy = {"pydantic", "sqlalchemy", "fastapi", "dramatiq", "hub.project", "hub.store"}
    said = subprocess.run([sys.executable, "-c", code.format(heavy=heavy)], capture_output=True, check=True, text=True)
    assert said.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
def test_every_command_has_help_with_examples_and_json(entry, hub):
    said = hub(entry.name, "--help")
    assert said.code == 0
    assert "Example" in said.out or "COMMAND" in said.out
    names = (
        re.findall(r"^│ ([a-z]+)  ", said.out.partition("Commands")[2], re.MULTILINE) if "COMMAND" in said.out else [""]
    )
    assert names
    for name in names:
        inner = hub(entry.name, *([name] if name else []), "--help").out
        assert "--json" in inner
        assert "Example" in inner
        assert "--install-completion" not in inner


@pytest.mark.parametrize("entry", OURS, ids=lambda entry: entry.name)
def test_every_entry_names_a_module_with_an_app(entry):
    assert importlib.import_module(entry.module).app


def test_version(hub):
    assert hub("--version").out.startswith("hub 0.")
    assert {"hub", "python", "sqlite", "pydantic"} <= hub("version", "--json").json.keys()
    assert "pydantic" in hub("version").out


def test_a_mistyped_command(hub):
    said = hub("trce", "1001")
    assert said.code == 2
    assert "Did you mean 'trace'?" in said.err


def test_a_mistyped_option(hub, company):
    said = hub("messages", "--conection", "shop")
    assert said.code == 2
    assert "--connection" in said.err


def test_no_project(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = hub("messages")
    assert said.code == 2
    assert "error CFG-NOPROJECT" in said.err
    assert "hub init DIR" in said.err
    assert said.out == ""


def test_an_error_as_json(hub, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = hub("messages", "--json")
    assert said.code == 2
    assert said.json["error"]["code"] == "CFG-NOPROJECT"
    assert said.json["error"]["fix"]


def test_what_nobody_foresaw_is_a_block_without_a_traceback_or_data(hub, company, monkeypatch):
    monkeypatch.setattr("hub.cli.opening.load", lambda *_, **__: {}["shpat_canary_4711"])
    said = hub("messages")
    assert said.code == 1
    assert "HUB-BUG" in said.err
    assert "KeyError" in said.err
    assert "canary" not in said.err


def test_debug_shows_the_whole_account(company):
    code = "import hub.cli.opening as o; o.load = lambda *a, **k: 1/0; from hub.cli.main import run; run()"
    command = [sys.executable, "-c", code, "messages"]
    said = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "HUB_DEBUG": "1"}, check=False)
    assert said.returncode == 1
    assert "Traceback" in said.stderr
    assert "HUB-BUG" in said.stderr


@pytest.mark.parametrize("place", ["before", "after", "variable"])
def test_the_project_can_be_named_in_three_ways(place, hub, busy, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if place == "variable":
        monkeypatch.setenv("HUB_PROJECT", str(busy))
    before = ["--project", busy] if place == "before" else []
    after = ["--project", busy] if place == "after" else []
    assert len(hub(*before, "messages", *after, "--json").json["messages"]) == 2


def test_a_typo_in_hub_yaml(hub, company):
    file = company / "hub.yaml"
    file.write_text(file.read_text().replace("connector: shopify", "conector: shopify"))
    said = hub("messages")
    assert said.code == 2
    assert re.search(r"hub\.yaml:\d+", said.err)
    assert "Did you mean 'connector'?" in said.err


def test_plain_text_where_there_is_no_terminal(hub, busy):
    assert "\x1b" not in hub("messages").out


def test_colours_at_a_terminal_unless_no_color(busy):
    code = "import pty, sys; sys.exit(pty.spawn([sys.executable, '-m', 'hub', 'messages']) >> 8)"
    plain = {name: value for name, value in os.environ.items() if name not in {"NO_COLOR", "CI"}}
    plain |= {"TERM": "xterm-256color"}
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, cwd=busy, env=plain, check=True, stdin=subprocess.DEVNULL
    )
    assert b"\x1b[" in said.stdout
    said = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        cwd=busy,
        env=plain | {"NO_COLOR": "1"},
        check=True,
        stdin=subprocess.DEVNULL,
    )
    assert b"\x1b[31" not in said.stdout
    assert b"\x1b[1;31" not in said.stdout
