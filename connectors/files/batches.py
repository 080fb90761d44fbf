"""Many records in one file. Each is first put by itself, exactly once, into a waiting room; a batch is made of what waits there.

Closing a batch: a folder of its own is made, the waiting records are moved into it one by one, the file is published under the
folder's name as key, and only then the folder is deleted. Whoever finds such a folder left over goes on with it.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.files.config import ENDINGS, Batch, Writing
from connectors.files.formats.writing import file_of
from connectors.files.publishing import Publisher
from hub.errors import HubError
from hub.sdk.connector import ConnectorIO
from hub.sdk.files import FileEntry, Folder
from hub.sdk.jsonio import dump_json, read_object

ABANDONED = timedelta(minutes=15)
"""Age at which a batch that nobody has finished is taken over."""
_TIME = "%Y%m%dT%H%M%S%fZ"
_LARGEST = 64 * 1024 * 1024


class Batches:
    """The batches of one connection."""

    def __init__(self, folder: Folder, io: ConnectorIO, publisher: Publisher) -> None:
        self._folder = folder
        self._io = io
        self._publisher = publisher

    def path(self, spec: Writing, stream: str) -> str:
        """The waiting room of a stream."""
        return self._publisher.work(spec.path, f"waiting-{stream}")

    def add(self, spec: Writing, stream: str, key: str, data: dict[str, Any], *, again: bool) -> None:
        """Put a record into the waiting room, and close the batch when it is full."""
        name = f"{self._io.clock.now().astimezone(UTC).strftime(_TIME)}-{key}.json"
        self._publisher.publish(self.path(spec, stream), name, key, dump_json(data), again=again)
        try:
            self.close_due(spec, stream)
        except HubError as e:
            # The record is safe; whoever comes next closes the batch.
            self._io.log.warning("files.batch_not_closed", stream=stream, code=e.code, error=e.message)

    def close_due(self, spec: Writing, stream: str) -> None:
        """Close the batch that is full or old, and those that somebody left half-way."""
        assert spec.batch is not None
        room = self.path(spec, stream)
        entries = self._folder.entries(room)
        now = self._io.clock.now()
        for entry in entries:
            if entry.folder and entry.name.startswith("batch-") and now - _begun(entry.name) > ABANDONED:
                self._finish(spec, stream, f"{room}/{entry.name}", entry.name, again=True)
        waiting = sorted(entry.name for entry in entries if entry.name.endswith(".json"))
        if not _due(waiting, spec.batch, now):
            return
        name = f"batch-{now.astimezone(UTC).strftime(_TIME)}-{secrets.token_hex(4)}"
        self._folder.make_folder(f"{room}/{name}")
        for one in waiting[: spec.batch.records]:
            self._folder.rename(f"{room}/{one}", f"{room}/{name}/{one}")
        self._finish(spec, stream, f"{room}/{name}", name, again=False)

    def _finish(self, spec: Writing, stream: str, folder: str, key: str, *, again: bool) -> None:
        parts = sorted(entry.name for entry in self._entries(folder))
        if parts:
            records = [self._record(f"{folder}/{part}") for part in parts]
            name = spec.name.format(stream=stream, key=key, time=key.split("-")[1], ending=ENDINGS[spec.format], id="")
            final = self._publisher.publish(
                spec.path, name, key, file_of(records, spec), marker=spec.done_suffix, again=again
            )
            self._io.log.info("files.batch", file=final, stream=stream, records=len(records))
        for part in parts:
            self._folder.remove(f"{folder}/{part}")
        self._folder.remove_folder(folder)

    def _entries(self, folder: str) -> list[FileEntry]:
        return [entry for entry in self._folder.entries(folder) if entry.name.endswith(".json")]

    def _record(self, path: str) -> dict[str, Any]:
        return read_object(self._folder.read_all(path, _LARGEST) or b"{}", max_keys=2_000_000)


def _due(waiting: list[str], batch: Batch, now: datetime) -> bool:
    if not waiting:
        return False
    first = datetime.strptime(waiting[0].split("-")[0], _TIME).replace(tzinfo=UTC)
    return len(waiting) >= batch.records or now - first >= timedelta(minutes=batch.minutes)


def _begun(name: str) -> datetime:
    return datetime.strptime(name.split("-")[1], _TIME).replace(tzinfo=UTC)
