"""Files in: taken when they are whole, read page by page from where the hub has got to, and put away when every record is stored.

The hub stores a page and the cursor behind it in one transaction. So the cursor that comes back is the proof that all before it is
safe: only then is a file moved. A hub that is killed at any moment goes on with the last stored cursor, and loses and doubles nothing.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import takewhile
from typing import Any

from connectors.files.changes import Before
from connectors.files.config import Reading
from connectors.files.formats import csv_rows, fixed_rows, json_rows, jsonl_rows, xml_rows
from connectors.files.formats.base import FileFault, Position, Rows
from connectors.files.position import FilesCursor, Taken, digest_of
from connectors.files.putting_away import put_away
from connectors.files.records import Record, records
from hub.sdk.connector import ConnectorIO
from hub.sdk.files import FileEntry, FileReader, Folder
from hub.sdk.records import Cursor, Page, RawMessage

MOST_FAULTS = 20
KEEP_OPEN = 1024 * 1024
"""Bytes above which a file stays open between two pages."""
MOST_PASSED = 50_000
"""Rows that one page passes over, at most, because they are as they were."""
_FORMATS: dict[str, Rows] = {
    "csv": csv_rows.rows, "fixed": fixed_rows.rows, "jsonl": jsonl_rows.rows, "json": json_rows.rows, "xml": xml_rows.rows,
}  # fmt: skip
_DIGITS = re.compile(r"(\d+)")


@dataclass(slots=True)
class _Open:
    """A file that is being read."""

    name: str
    stamp: str
    at: Position
    reader: FileReader
    records: Iterator[Record]
    before: Before | None = None

    def close(self) -> None:
        """Let go of it."""
        self.reader.close()
        if self.before is not None:
            self.before.close()


class Inbox:
    """Reads the files of one connection."""

    def __init__(self, folder: Folder, io: ConnectorIO) -> None:
        self._folder = folder
        self._io = io
        self._open: dict[str, _Open] = {}
        self._lock = threading.Lock()

    def poll(self, stream: str, spec: Reading, cursor: Cursor | None, limit: int) -> Page:
        """The next records. ``more`` until every file that is ready has been read and put away."""
        state = FilesCursor.load(cursor)
        for file in state.ended:
            put_away(self._folder, spec, stream, file, self._io.log)
            if file.to == "archive":
                state.before = file.put_away_as()
        state.ended = []
        messages: list[RawMessage] = []
        listed: Iterator[FileEntry] | None = None
        while len(messages) < limit:
            if state.file is None:
                listed = self._ready(spec, state) if listed is None else listed
                entry = next(listed, None)
                # A list is compared with the one before it, which must be in the archive by then.
                if entry is None or (spec.changed_only and state.ended):
                    break
                file = state.take(entry, self._io.clock.now())
                if spec.check_first and (faults := self._faults(stream, spec, state, file)):
                    messages.append(self._refuse(stream, spec, state, file, faults))
                    continue
            messages += self._read_on(stream, spec, state, limit - len(messages))
            if state.file is not None:
                break
        return Page(messages, state.dump(), more=bool(state.file or state.ended or len(messages) >= limit))

    def close(self) -> None:
        """Let go of open files."""
        with self._lock:
            open_now, self._open = self._open, {}
        for one in open_now.values():
            one.close()

    # --- which files

    def _ready(self, spec: Reading, state: FilesCursor) -> Iterator[FileEntry]:
        """The files that can be taken now, in order."""
        entries = [entry for entry in self._folder.entries(spec.path) if not entry.folder]
        names = {entry.name for entry in entries}
        wanted = [entry for entry in entries if self._wanted(entry.name, spec)]
        digests = {digest_of(entry.name, entry.stamp) for entry in wanted} if state.kept else set()
        state.forget_missing(names, digests)
        done = {*state.kept, *(digest_of(file.name, file.stamp) for file in state.ended)}
        now = self._io.clock.now()
        found = []
        for entry in sorted(wanted, key=_by_name if spec.order == "name" else _by_time):
            if done and digest_of(entry.name, entry.stamp) in done:
                continue
            if entry.name + spec.done_suffix in names if spec.done_suffix else state.ready(entry, now, spec.stable_for):
                found.append(entry)
        return iter(found)

    def _wanted(self, name: str, spec: Reading) -> bool:
        if "/" in name or not name.isprintable():
            self._io.log.warning("files.odd_name", folder=spec.path, name=repr(name)[:200])
            return False
        if spec.done_suffix and name.endswith(spec.done_suffix):
            return False
        return fnmatchcase(name, spec.pattern) and not any(fnmatchcase(name, one) for one in spec.ignore)

    # --- reading

    def _faults(self, stream: str, spec: Reading, state: FilesCursor, file: Taken) -> list[str]:
        """What is wrong with a file, found by reading all of it. One that is good stays open for what follows."""
        reader = self._reader(spec, file)
        if reader is None:
            return []
        faults: list[str] = []
        good = False
        try:
            for record in records(_FORMATS[spec.format](reader, spec, Position()), spec, file.name):
                if record.fault and spec.bad_rows == "stop":
                    faults.append(str(FileFault(record.fault, record.line)))
                    if len(faults) == MOST_FAULTS:
                        break
            good = not faults
        except FileFault as e:
            faults.append(str(e))
        finally:
            if not good:
                reader.close()
        if good:
            self._keep_open(stream, self._begun(spec, state, file, reader))
        return faults

    def _read_on(self, stream: str, spec: Reading, state: FilesCursor, limit: int) -> list[RawMessage]:
        file = state.file
        assert file is not None
        one = self._opened(stream, spec, state, file)
        if one is None:
            return self._lost(stream, state, file)
        messages: list[RawMessage] = []
        ended = keep = False
        try:
            ended = self._take(stream, spec, file, one, limit, messages)
            # A small file is as quickly opened again.
            keep = not ended and one.reader.entry.size > KEEP_OPEN
        except FileFault as e:
            messages.append(self._refuse(stream, spec, state, file, [str(e)]))
            return messages
        finally:
            if not keep:
                one.close()
        if keep:
            one.at = file.position
            self._keep_open(stream, one)
        if ended:
            self._io.log.info("files.read", file=file.name, stream=stream, rows=file.rows)
            self._end(spec, state, file)
        return messages

    def _take(
        self, stream: str, spec: Reading, file: Taken, one: _Open, limit: int, messages: list[RawMessage]
    ) -> bool:
        """Add up to ``limit`` messages. True at the end of the file."""
        for passed, record in enumerate(one.records, 1):
            if record.fault and spec.bad_rows == "stop":
                raise FileFault(record.fault, record.line)
            file.move_on(record.after)
            if not record.same:
                messages.append(self._message(stream, spec, file, record))
            if len(messages) == limit or passed == MOST_PASSED:
                return False
        return True

    def _keep_open(self, stream: str, one: _Open) -> None:
        """The next page begins where this one ended, most likely."""
        with self._lock:
            spare = self._open.pop(stream, None)
            self._open[stream] = one
        if spare is not None:
            spare.close()

    def _opened(self, stream: str, spec: Reading, state: FilesCursor, file: Taken) -> _Open | None:
        """The file at its position: still open from the page before, or opened again. None where it is not there as it was."""
        with self._lock:
            one = self._open.pop(stream, None)
        if one is not None:
            if (one.name, one.stamp, one.at) == (file.name, file.stamp, file.position):
                return one
            one.close()
        reader = self._reader(spec, file)
        return self._begun(spec, state, file, reader) if reader is not None else None

    def _begun(self, spec: Reading, state: FilesCursor, file: Taken, reader: FileReader) -> _Open:
        """Ready to read on from where the hub has got to."""
        rows = _FORMATS[spec.format]
        before: Before | None = None
        if spec.changed_only and state.before:
            before = Before()
            self._learn(before, spec, state.before, reader, file)
        found = records(rows(reader, spec, file.position), spec, file.name)
        return _Open(file.name, file.stamp, file.position, reader, before.mark(found) if before else found, before)

    def _learn(self, before: Before, spec: Reading, archived: str, reader: FileReader, file: Taken) -> None:
        """What the file before says, and what this one says up to its position. Without the one before, every row is new."""
        rows = _FORMATS[spec.format]
        try:
            old = self._folder.read(f"{spec.path}/{spec.archive}/{archived}")
            if old is not None:
                try:
                    before.add(records(rows(old, spec, Position()), spec, archived))
                finally:
                    old.close()
        except FileFault as e:
            self._io.log.warning("files.before_unreadable", file=archived, error=str(e))
        so_far = records(rows(reader, spec, Position()), spec, file.name)
        before.add(takewhile(lambda record: record.row <= file.rows, so_far) if file.rows else ())

    def _reader(self, spec: Reading, file: Taken) -> FileReader | None:
        """The file where it was put, or in the archive: a database that was restored may know less than the folder."""
        for path in (f"{spec.path}/{file.name}", f"{spec.path}/{spec.archive}/{file.put_away_as()}"):
            reader = self._folder.read(path)
            if reader is not None:
                if reader.entry.stamp == file.stamp:
                    return reader
                reader.close()
        return None

    # --- messages

    def _message(self, stream: str, spec: Reading, file: Taken, record: Record) -> RawMessage:
        key = f"{stream}:{file.name}:{file.stamp}:{record.row}"
        if record.fault:
            said = {
                "file": file.name,
                "line": record.line,
                "row": record.row,
                "why": record.fault,
                "text": str(record.payload)[:2000],
            }
            return RawMessage(
                stream, record.id, said, key, topic=file.name, refused=("IN-FILE", f"{file.name}: line {record.line}: {record.fault}"),
            )  # fmt: skip
        return RawMessage(
            stream, record.id, record.payload, key, topic=file.name, occurred_at=file.modified, deleted=record.deleted,
            source_version=record.version if spec.version else f"{file.taken}#{record.row:09d}",
        )  # fmt: skip

    def _refuse(self, stream: str, spec: Reading, state: FilesCursor, file: Taken, faults: list[str]) -> RawMessage:
        """End with a file that cannot be read: it goes to quarantine, and the hub has an exception about it."""
        self._end(spec, state, file, faults)
        taken = f"the {file.rows} rows before it were taken" if file.rows else "nothing of it was taken"
        said = {
            "file": file.name,
            "why": faults,
            "rows_taken": file.rows,
            "quarantine": f"{spec.quarantine}/{file.put_away_as()}",
        }
        return RawMessage(
            stream, file.name, said, f"{stream}:{file.name}:{file.stamp}:file", topic=file.name,
            refused=("IN-FILE", f"{file.name}: {faults[0]}; {taken}"),
        )  # fmt: skip

    def _lost(self, stream: str, state: FilesCursor, file: Taken) -> list[RawMessage]:
        """A file that is gone or another one since it was taken. Where some of it was read, somebody must know."""
        state.file = None
        if not file.rows:
            return []
        fault = f"it was taken away or replaced while it was being read; only its first {file.rows} rows were taken"
        self._io.log.warning("files.lost", file=file.name, stream=stream, rows=file.rows)
        said = {"file": file.name, "why": [fault], "rows_taken": file.rows}
        return [
            RawMessage(
                stream, file.name, said, f"{stream}:{file.name}:{file.stamp}:lost", topic=file.name,
                refused=("IN-FILE", f"{file.name}: {fault}"),
            )
        ]  # fmt: skip

    def _end(self, spec: Reading, state: FilesCursor, file: Taken, faults: list[str] | None = None) -> None:
        state.file = None
        file.why = (faults or [])[:MOST_FAULTS]
        file.to = spec.after if not faults or spec.after == "keep" else "quarantine"
        if file.to == "keep":
            state.kept.append(digest_of(file.name, file.stamp))
        else:
            state.ended.append(file)


def _by_time(entry: FileEntry) -> Any:
    return entry.modified, _by_name(entry)


def _by_name(entry: FileEntry) -> list[tuple[int, str]]:
    """A name with its numbers as numbers: 2 comes before 10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in _DIGITS.split(entry.name)]
