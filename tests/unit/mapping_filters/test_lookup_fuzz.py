"""Whatever is in a lookup file, it becomes a table or a list of problems, never an exception."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.mapping.lookup_files import BrokenTable, Parsed, parse_file

_PIECES = st.sampled_from(
    [
        b"key,value\n",
        b"key:a,key:b,v\n",
        b"a,1\n",
        b"*,x\n",
        b'"',
        b",",
        b";",
        b"\n",
        b"\r",
        b"\t",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\x00",
        b"rows:\n",
        b"  a: 1\n",
        b"keys: [a]\n",
        b"- {a: b, c: 1.5}\n",
        b"default: x\n",
        b"&a ",
        b"*a",
        b"!!python/object:x ",
        b"<<: ",
        b"[",
        b"{",
        b"1e5",
        b"0123",
        b"~",
        b"---\n",
        b"%YAML 1.1\n",
        b"? ",
        b"|\n",
        b"#x\n",
    ]
)
_BODIES = st.one_of(st.binary(max_size=60), st.lists(_PIECES, max_size=12).map(b"".join).map(lambda body: body + b"\n"))


@settings(max_examples=200, deadline=None)
@given(body=_BODIES, name=st.sampled_from(["a.csv", "a.yaml"]))
def test_any_file(body: bytes, name: str) -> None:
    try:
        parsed = parse_file(Path(name), body)
    except BrokenTable as broken:
        assert broken.problems
        assert all(problem.code.startswith("LKP-") and problem.message.endswith(".") for problem in broken.problems)
        return
    assert isinstance(parsed, Parsed)
    assert all(len(key) == len(parsed.keys) for key in parsed.rows)


@pytest.mark.parametrize(
    "text", ["[" * 5000 + "\n", "rows: " + "{a: " * 3000 + "1\n", "key,value\n" + "a" * 200_000 + ",1\n"]
)
def test_deep_and_long_files(text: str) -> None:
    for name in ("a.yaml", "a.csv"):
        with pytest.raises(BrokenTable):
            parse_file(Path(name), text.encode())
