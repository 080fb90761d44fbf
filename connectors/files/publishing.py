"""Putting a file where its receiver finds it, exactly once, however often and by how many workers it is tried.

A file is written under a name of its own in the work folder and then renamed, so that nobody sees half of it. The receiver may take it
away at once; so that it stands there no more proves nothing. Therefore a note with the key of the write is made between the two, and
stays. With a note: while the written file is still there, it has not been renamed; else it has, and that can happen only once.
"""

from __future__ import annotations

import json
import re
import secrets
from dataclasses import dataclass
from datetime import timedelta

from hub.errors import Rejected, RetryLater
from hub.sdk.connector import ConnectorIO
from hub.sdk.files import Folder

_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
SWEEP = 3600.0


@dataclass(frozen=True, slots=True)
class Note:
    """What a write left behind: the file as it was written, and as it is to be called. Both empty: it died while writing the note."""

    written: str
    final: str


class Publisher:
    """Publishes files into the folders of one connection."""

    def __init__(self, folder: Folder, io: ConnectorIO, work: str, remember_days: float) -> None:
        self._folder = folder
        self._io = io
        self._work = work
        self._remember = timedelta(days=remember_days)
        self._made: set[str] = set()
        self._sweep_at = io.clock.monotonic() + SWEEP

    def work(self, path: str, *below: str) -> str:
        """A place in the work folder of ``path``, made if it is not there."""
        place = "/".join((path, self._work, *below))
        if place not in self._made:
            # The folder itself is the receiver's: one that is not there is more likely a slip than a wish.
            if self._folder.stat(path) is None:
                raise _no_folder(path)
            self._folder.make_folder(place)
            self._made.add(place)
        return place

    def publish(self, path: str, final: str, key: str, content: bytes, *, marker: str = "", again: bool = False) -> str:
        """Put ``content`` at ``path/final`` once for this ``key``; returns the name that it got.

        ``again`` says that an earlier try may have got somewhere, and is surely not at work any more. ``marker`` is a suffix: an empty
        file with it follows.
        """
        work = self.work(path)
        self._sweep(work)
        note = self.note(path, key) if again else None
        if note is None or not note.written:
            written = f"{work}/{key}.{secrets.token_hex(4)}.part"
            try:
                self._folder.write(written, [content])
            except Rejected:
                self._made.clear()  # somebody may have taken the work folder away
                raise
            mine = Note(written, f"{path}/{final}")
            text = json.dumps({"written": mine.written, "final": mine.final}).encode()
            made = self._folder.write(f"{work}/{key}.sent", [text], new=note is None, effect=True)
            note = mine if made else self._others(path, key, written)
        # If it is gone from where it was written, another worker was quicker: it is there all the same.
        if not self._folder.rename(note.written, note.final, effect=True) and self._folder.stat(note.written):
            self._made.clear()
            raise _no_folder(path)
        if marker:
            self._folder.write(note.final + marker, [b""], effect=True)
        return note.final

    def note(self, path: str, key: str) -> Note | None:
        """What an earlier write with this key left, or none."""
        text = self._folder.read_all(f"{path}/{self._work}/{key}.sent")
        if text is None:
            return None
        try:
            said = json.loads(text)
            return Note(said["written"], said["final"])
        except (ValueError, KeyError, TypeError):
            return Note("", "")

    def published(self, path: str, key: str) -> str | None:
        """The name under which a write with this key was published, or none where it was not, or not yet."""
        note = self.note(path, key)
        if note is None or not note.written or self._folder.stat(note.written) is not None:
            return None
        return note.final

    def _others(self, path: str, key: str, written: str) -> Note:
        """Somebody else has made the note first: his file it is."""
        self._folder.remove(written)
        note = self.note(path, key)
        if note is None or not note.written:
            raise RetryLater("another worker is writing this file at this moment", after=5)
        return note

    def _sweep(self, work: str) -> None:
        """Now and then, forget what is older than any repetition can be."""
        if self._io.clock.monotonic() < self._sweep_at:
            return
        self._sweep_at = self._io.clock.monotonic() + SWEEP
        oldest = self._io.clock.now() - self._remember
        for entry in self._folder.entries(work):
            if not entry.folder and entry.modified < oldest and entry.name.endswith((".sent", ".part")):
                self._folder.remove(f"{work}/{entry.name}")


def _no_folder(path: str) -> Rejected:
    return Rejected(f"there is no folder {path!r}", fix="Create it, or correct the path in the settings.")


def file_safe(text: str) -> str:
    """``text`` as a part of a file name: letters, digits, dots, dashes and underscores."""
    return _UNSAFE.sub("-", text).strip("-.")[:120] or "none"
