"""What a poll of files remembers between two pages: the file in work, those to put away, and those that are not ready yet."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import PurePosixPath

from connectors.files.formats.base import Position
from hub.sdk.files import FileEntry
from hub.sdk.records import Cursor

MOST_WAITING = 1000


@dataclass(slots=True)
class Taken:
    """A file that was taken: which (name and stamp), when (UTC, ISO 8601), and how far it has been read."""

    name: str
    stamp: str
    taken: str
    modified: str = ""
    rows: int = 0
    offset: int = 0
    line: int = 0
    to: str = ""
    """Where it goes now: "archive", "quarantine", "delete" or "keep"."""
    why: list[str] = field(default_factory=list)

    @property
    def position(self) -> Position:
        """Where to read on."""
        return Position(self.rows, self.offset, self.line)

    def move_on(self, after: Position) -> None:
        """A record was read."""
        self.rows, self.offset, self.line = after.rows, after.offset, after.line

    def put_away_as(self) -> str:
        """Its name in the archive or in quarantine: with the time at which it was taken, and so always the same."""
        path = PurePosixPath(self.name)
        at = datetime.fromisoformat(self.taken).strftime("%Y%m%dT%H%M%S%fZ")
        return f"{path.stem}.{at}{path.suffix}"


@dataclass(slots=True)
class FilesCursor:
    """The poll position of one stream."""

    file: Taken | None = None
    ended: list[Taken] = field(default_factory=list)
    waiting: dict[str, list[str]] = field(default_factory=dict)
    """Files that are not ready: name to (stamp, since when it has been that)."""
    kept: list[str] = field(default_factory=list)
    """Digests of files that were read and stay where they are."""
    last: str = ""
    """When the last file was taken."""
    before: str = ""
    """The file before this one, as it is called in the archive."""

    @classmethod
    def load(cls, cursor: Cursor | None) -> FilesCursor:
        """The position that `dump` gave."""
        given = dict(cursor or {})
        file = given.pop("file", None)
        ended = given.pop("ended", [])
        return cls(file=Taken(**file) if file else None, ended=[Taken(**one) for one in ended], **given)

    def dump(self) -> Cursor:
        """JSON data."""
        return {name: value for name, value in asdict(self).items() if value}

    def take(self, entry: FileEntry, now: datetime) -> Taken:
        """Begin with a file. Each is taken later than the one before, so that what it says is newer."""
        at = now.astimezone(UTC)
        if self.last:
            at = max(at, datetime.fromisoformat(self.last) + timedelta(microseconds=1))
        self.last = at.isoformat()
        self.waiting.pop(entry.name, None)
        self.file = Taken(entry.name, entry.stamp, self.last, entry.modified.isoformat())
        return self.file

    def ready(self, entry: FileEntry, now: datetime, seconds: float) -> bool:
        """Has the file stayed the same for so long? Each look is remembered."""
        seen = self.waiting.get(entry.name)
        if seen is None or seen[0] != entry.stamp:
            if not seconds:
                return True
            if len(self.waiting) < MOST_WAITING or seen is not None:
                self.waiting[entry.name] = [entry.stamp, now.astimezone(UTC).isoformat()]
            return False
        return (now - datetime.fromisoformat(seen[1])).total_seconds() >= seconds

    def forget_missing(self, names: set[str], digests: set[str]) -> None:
        """Files that are not there any more need not be remembered."""
        self.waiting = {name: seen for name, seen in self.waiting.items() if name in names}
        self.kept = [digest for digest in self.kept if digest in digests]


def digest_of(name: str, stamp: str) -> str:
    """A short text for a file as it is now."""
    return urlsafe_b64encode(hashlib.sha256(f"{name}\0{stamp}".encode("utf-8", "surrogatepass")).digest()[:9]).decode()
