"""How long payloads are kept and how much room they take, as people write it."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.project import load
from hub.project.archive import size


@pytest.mark.parametrize(
    ("text", "bytes_"),
    [("1 kB", 1000), ("500 MB", 500_000_000), ("5GB", 5 * 10**9), ("1.5 GiB", 1_610_612_736), ("2 TB", 2 * 10**12)],
)
def test_sizes(text: str, bytes_: int) -> None:
    assert size(text) == bytes_


@pytest.mark.parametrize("text", ["", "5", "GB", "0 GB", "5 gb", "-1 GB", "5 GBs", "1e9 GB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        size(text)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("keep: 30", "no unit"), ("keep: 12h", "number of days"), ("keep: 0d", "longer than nothing"),
        ("keep: 10000d", "number of days"), ("budget: 5", "no unit"), ("budget: lots", "not a size"), ("keeps: 5d", "keep"),
        ("store: gs://bucket", "not a store"), ("store: s3://", "no bucket"), ("store: {after: 2d}", "url"),
        ("store: {url: a, access_key: x}", "together"),
    ],
)  # fmt: skip
def test_faults_are_told_with_their_line(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "hub.yaml").write_text(f"hub: 1\narchive:\n  {line}\n")
    with pytest.raises(ConfigError) as refused:
        load(tmp_path, env={})
    assert "hub.yaml:3" in refused.value.where
    assert said in f"{refused.value.message} {refused.value.fix}"
