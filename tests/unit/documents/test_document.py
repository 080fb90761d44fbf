from __future__ import annotations

import time
from pathlib import Path

import pytest

from hub.documents import document
from hub.errors import ConfigError


def parse(text: str) -> document.Document:
    return document.parse(text, file=Path("a.yaml"), name="a.yaml")


def test_plain_data_with_lines():
    doc = parse("a: 1\nb:\n  - x: true\n  - [null, 1.5, NO, 2026-01-02]\n")
    assert doc.data == {"a": 1, "b": [{"x": True}, [None, 1.5, "NO", "2026-01-02"]]}
    assert doc.where(("b", 0, "x")) == "a.yaml:3"
    assert doc.where(("b", 1, 2)) == "a.yaml:4"
    assert doc.where(("b", 7, "z")) == "a.yaml:2"


def test_empty_file_has_no_data():
    assert parse("# nothing\n").data is None


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: &x 1\n", 1, "anchors"),
        ("a: 1\nb: *x\n", 2, "anchors"),
        ("a: 1\n<<: {b: 2}\n", 2, "merge keys"),
        ("a: 1\nb: 2\na: 3\n", 3, "twice (first in line 1)"),
        ("a: 0123\n", 1, "lose its form"),
        ("a: 1_000\n", 1, "lose its form"),
        ("a: .inf\n", 1, "lose its form"),
        ("a: !!python/object:os.system x\n", 1, "tag"),
        ("a: !x {b: 1}\n", 1, "tag"),
        ("a: [1, 2\nb: 3\n", 1, "not readable as YAML"),
        ("a: 1\n\tb: 2\n", 2, "not readable as YAML"),
        ("a: {{ x }}\n", 1, "key must be plain text"),
        ("a: " + "[" * 40 + "]" * 40, 1, "levels deep"),
    ],
)
def test_refused_with_its_line(text: str, line: int, said: str):
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert said in caught.value.message
    assert caught.value.where.split(":")[:2] == ["a.yaml", str(line)]
    assert caught.value.fix


def test_unreadable_files(tmp_path: Path):
    file = tmp_path / "a.yaml"
    with pytest.raises(ConfigError, match="cannot be read"):
        document.read(file)
    file.write_bytes(b"a: 1\nb: \xff\n")
    with pytest.raises(ConfigError, match=r"a.yaml:2: .*UTF-8"):
        document.read(file)
    file.write_bytes(b"#" * (document.MAX_BYTES + 1))
    with pytest.raises(ConfigError, match="larger"):
        document.read(file)


def test_a_bomb_of_aliases_is_refused_at_once():
    bomb = "a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 30))
    with pytest.raises(ConfigError, match="anchors"):
        parse(bomb)


@pytest.mark.parametrize(
    "text", ["[" * 5000 + "]" * 5000, "{a: " * 2000 + "1" + "}" * 2000, "".join(f"{' ' * n}a:\n" for n in range(300))]
)
def test_depth_is_refused_at_once(text: str):
    began = time.monotonic()
    with pytest.raises(ConfigError, match="32 levels deep"):
        parse(text)
    assert time.monotonic() - began < 10
