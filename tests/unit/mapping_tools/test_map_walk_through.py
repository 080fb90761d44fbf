"""The analyst's walk-through, step by step: files are written, edits made, commands run, and their output is the page's."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from hub.cli.main import main
from hub.cli.views import console

DOCS = Path(__file__).parents[3] / "docs" / "mapping"
PAGE = (DOCS / "walk-through.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(\w+)(?: ([^\n]*))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def _matches(expected: str, actual: str) -> bool:
    """The output is the page's, where ``...`` stands for anything."""
    pattern = "".join(
        ".*?" if piece == "..." else re.escape(piece) for piece in re.split(r"(\.\.\.)", expected.strip())
    )
    return re.fullmatch(pattern, actual.strip(), re.DOTALL) is not None


def _run(command: str, capsys: pytest.CaptureFixture[str]) -> str:
    console.fresh()
    words = shlex.split(command)
    assert words[0] == "hub"
    main(words[1:])
    said = capsys.readouterr()
    console.fresh()
    assert "Traceback" not in said.out + said.err
    return "\n".join(line.rstrip() for line in said.out.splitlines())


def test_walk_through(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    commands = 0
    for kind, about, body in BLOCK.findall(PAGE):
        if about.startswith("file="):
            path = tmp_path / about.removeprefix("file=")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(body)
        elif kind == "edit":
            path = tmp_path / about
            old, new = body.rstrip("\n").split(" -> ", 1)
            assert path.read_text().count(old) == 1, (about, old)
            path.write_text(path.read_text().replace(old, new))
        elif kind == "copy":
            target = tmp_path / body.strip()
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text((tmp_path / about).read_text())
        elif kind == "console":
            for command, expected in re.findall(r"^\$ ([^\n]*)\n((?:(?!^\$ ).*\n?)*)", body, re.MULTILINE):
                actual = _run(command, capsys)
                assert _matches(expected, actual), f"{command}\n--- page\n{expected}\n--- real\n{actual}"
                commands += 1
    assert commands >= 9


def test_page_of_filters_is_up_to_date() -> None:
    from hub.mapping.tools.reference import filters_page

    written = (DOCS / "filters.md").read_text(encoding="utf-8")
    assert written == filters_page(), "run: python -m hub.mapping.tools.reference docs/mapping/filters.md"


def test_page_of_errors_has_every_code() -> None:
    page = (DOCS / "errors.md").read_text(encoding="utf-8")
    package = Path(__file__).parents[3] / "hub" / "mapping"
    codes = {
        code
        for file in package.rglob("*.py")
        for code in re.findall(r"\"(MAP0[0-9]{2}|LKP-[A-Z]+)\"", file.read_text())
    }
    codes |= {code for file in package.rglob("*.py") for code in re.findall(r"\"(MAP-[A-Z]+)\"", file.read_text())}
    missing = sorted(code for code in codes if f"`{code}`" not in page)
    assert missing == []
