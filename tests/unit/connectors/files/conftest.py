"""A real folder, a clock that can be turned, and connectors over it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.files.connector import FilesConnector
from hub.sdk.records import Cursor, OutboundRecord, RawMessage
from hub.sdk.testing.bench import through_json
from hub.sdk.testing.io import make_io
from hub.sdk.testing.simulator import SimClock

START = datetime(2026, 11, 28, 8, tzinfo=UTC)


class World:
    """A folder with `in` and `out`, and the connector for it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = SimClock(START)
        self.cursor: Cursor | None = None
        self.made: list[FilesConnector] = []
        for name in ("in", "out"):
            (root / name).mkdir()

    def connector(self, **settings: Any) -> FilesConnector:
        """A new instance, as after a restart."""
        config = FilesConnector.Config.model_validate({"folder": str(self.root), **settings})
        self.made.append(FilesConnector(config, make_io(clock=self.clock)))
        return self.made[-1]

    def put(self, name: str, content: bytes | str, at: float = 0.0) -> Path:
        """A file in the folder `in`; ``at`` is its age in seconds, negative = older."""
        path = self.root / "in" / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        when = self.clock.now().timestamp() + at
        os.utime(path, (when, when))
        return path

    def names(self, place: str = "in") -> list[str]:
        """What is in a folder, files only."""
        folder = self.root / place
        return sorted(one.name for one in folder.iterdir() if one.is_file()) if folder.is_dir() else []

    def read(self, connector: FilesConnector | None = None, limit: int = 100, **reading: Any) -> list[RawMessage]:
        """Poll to the end of a round, storing each cursor as the hub does."""
        found: list[RawMessage] = []
        one = connector or self.connector(read={"variant": spec(**reading)})
        for _ in range(500):
            page = one.poll("variant", self.cursor, limit)
            found += page.messages
            self.cursor = through_json(page.cursor, "a cursor")
            if not page.more:
                return found
        raise AssertionError("the round does not end")


def spec(**settings: Any) -> dict[str, Any]:
    """Reading settings that take a file at once."""
    return {"path": "in", "id": ["sku"], "stable_for": 0, **settings}


def payloads(messages: list[RawMessage]) -> list[Any]:
    return [message.payload for message in messages if message.refused is None]


def refusals(messages: list[RawMessage]) -> list[str]:
    return [message.refused[1] for message in messages if message.refused is not None]


def record(number: int = 1, operation: str = "create", **data: Any) -> OutboundRecord:
    return OutboundRecord(
        stream="variant", operation=operation, data=data or {"sku": f"S{number}", "price": "1.50"},  # type: ignore[arg-type]
        idempotency_key=f"hub-t-{number}", marker=f"hub-t-rec{number}", first_sent_at="2026-11-28T08:00:00+00:00",
    )  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    for connector in made.made:
        connector.close()
