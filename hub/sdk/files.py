"""Folders of files, on this machine or on an SFTP server, with one set of calls: what is written is on disk, what failed says how.

A write has no effect that anybody sees until it is renamed into place: that is the one call that others can notice. So `rename`
takes ``effect=True`` where it publishes something; then a lost answer is `OutcomeUnknown`, and never silently repeated.
"""

from __future__ import annotations

import errno
import os
import stat
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar
from urllib.parse import quote

from hub.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected, RetryLater, Unreachable
from hub.sdk.connector import ConnectorIO
from hub.sdk.http import Exchange

T = TypeVar("T")

_KEPT = 64 * 1024
_SHOWN = {"missing": 404, "denied": 403, "exists": 409, "refused": 422, "auth": 401, "host_key": 401, "rate": 429}


class FileFailed(Exception):
    """How a call to a folder failed: ``kind`` is what it means, ``reason`` one sentence about it.

    missing, denied, exists, refused (never as it is), full, failed (no reason given), auth, host_key, rate, unreachable (nothing was
    sent), lost and timeout (sent, and no answer).
    """

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file as a folder lists it. ``stamp`` differs whenever size or time of change do. ``folder``: it is one itself."""

    name: str
    size: int
    modified: datetime
    stamp: str
    folder: bool = False


class FileReader(Protocol):
    """An open file. ``entry`` is what it was when it was opened."""

    entry: FileEntry

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes; nothing at the end."""

    def seek(self, offset: int) -> None:
        """Go on from this byte."""

    def close(self) -> None:
        """Let go of it. May be called twice."""


class Folder(ABC):
    """A tree of files. Paths are relative to its root and use ``/``; they never lead out of it.

    Every call keeps the connection's pace, is kept by the wire tap and ends at the connection's deadline. Raises the errors of
    `hub.errors`: `Rejected` where permission is lacking, `RetryLater` where the disk is full or the call failed for another reason.
    """

    def __init__(self, io: ConnectorIO, place: str) -> None:
        self._io = io
        self._place = place

    # --- what connectors use

    def entries(self, path: str) -> list[FileEntry]:
        """Files and folders in a folder, without links and devices. `Rejected` where it is not there."""
        found = self._call("LIST", path, lambda: self._list(safe_path(path)), quiet="missing")
        if found is None:
            raise Rejected(
                f"there is no folder {path!r} in {self._place}", fix="Create it, or correct the path in the settings."
            )
        return found

    def stat(self, path: str) -> FileEntry | None:
        """One file or folder, or none where it is not there."""
        return self._call("STAT", path, lambda: self._stat(safe_path(path)), quiet="missing")

    def read(self, path: str) -> FileReader | None:
        """Open a file for reading; none where it is not there."""
        return self._call("READ", path, lambda: self._read(safe_path(path)), quiet="missing")

    def read_all(self, path: str, limit: int = 16 * 1024 * 1024) -> bytes | None:
        """The whole of a small file, or none. More than ``limit`` bytes are `Rejected`."""
        reader = self.read(path)
        if reader is None:
            return None
        try:
            parts, size = [], 0
            while part := reader.read(256 * 1024):
                size += len(part)
                if size > limit:
                    raise Rejected(f"{path} is larger than {limit} bytes")
                parts.append(part)
        finally:
            reader.close()
        return b"".join(parts)

    def write(self, path: str, parts: Iterable[bytes], *, new: bool = False, effect: bool = False) -> bool:
        """Write a file; when this returns, it is on disk. False where it must be ``new`` and is there already."""
        shown = _Shown(parts)
        return self._done(
            "WRITE", path, lambda: self._write(safe_path(path), iter(shown), new), effect=effect, sent=shown,
            quiet="exists" if new else "",
        )  # fmt: skip

    def rename(self, source: str, target: str, *, effect: bool = False) -> bool:
        """Move a file, in one step, over one that may be there. False where the source is not there."""
        note = _Shown([])
        note.kept = f"to {target}".encode()
        return self._done(
            "RENAME", source, lambda: self._rename(safe_path(source), safe_path(target)), effect=effect, sent=note, quiet="missing"
        )  # fmt: skip

    def remove(self, path: str) -> bool:
        """Delete a file. False where it is not there."""
        return self._done("REMOVE", path, lambda: self._remove(safe_path(path)), quiet="missing")

    def make_folder(self, path: str) -> None:
        """Make a folder, and those above it; one that is there is fine."""
        parts = safe_path(path).split("/")
        for depth in range(1, len(parts) + 1):
            above = "/".join(parts[:depth])
            if self.stat(above) is None:
                self._done("MKDIR", above, partial(self._make_folder, above), quiet="exists")

    def remove_folder(self, path: str) -> bool:
        """Delete an empty folder. False where it is not there, or not empty."""
        return self._done("RMDIR", path, lambda: self._remove_folder(safe_path(path)), quiet="missing exists failed")

    # --- what each kind of folder does: plain calls that raise `FileFailed`

    @abstractmethod
    def _list(self, path: str) -> list[FileEntry]: ...

    @abstractmethod
    def _stat(self, path: str) -> FileEntry: ...

    @abstractmethod
    def _read(self, path: str) -> FileReader: ...

    @abstractmethod
    def _write(self, path: str, parts: Iterator[bytes], new: bool) -> None: ...

    @abstractmethod
    def _rename(self, source: str, target: str) -> None: ...

    @abstractmethod
    def _remove(self, path: str) -> None: ...

    @abstractmethod
    def _make_folder(self, path: str) -> None: ...

    @abstractmethod
    def _remove_folder(self, path: str) -> None: ...

    # ---

    def _done(
        self, verb: str, path: str, work: Callable[[], None], *, effect: bool = False, sent: _Shown | None = None, quiet: str = ""
    ) -> bool:  # fmt: skip
        """One call that gives nothing back; False where it failed in a ``quiet`` way."""

        def done() -> bool:
            work()
            return True

        return self._call(verb, path, done, effect=effect, sent=sent, quiet=quiet) is not None

    def _call(
        self, verb: str, path: str, work: Callable[[], T], *, effect: bool = False, sent: _Shown | None = None, quiet: str = ""
    ) -> T | None:  # fmt: skip
        """One call, at the connection's pace, kept by the tap. None where it failed in one of the ``quiet`` ways."""
        http = self._io.http
        http.wait_turn()
        started, began = datetime.now(UTC), time.monotonic()

        def keep(status: int, error: str = "") -> None:
            if http.tap.active:
                body = http.tap.shown(sent.kept, {}) if sent else ""
                http.tap.keep(Exchange(
                    verb, http.redactor.text(f"{self._place}/{quote(path)}"), {}, body, status, {}, "",
                    started.isoformat(timespec="milliseconds"), round(time.monotonic() - began, 6), http.redactor.text(error),
                ))  # fmt: skip

        try:
            result = work()
        except FileFailed as e:
            keep(_SHOWN.get(e.kind, 0 if e.kind in ("lost", "timeout", "unreachable") else 500), e.reason)
            if e.kind in quiet.split():
                return None
            self.fail(e, verb, path, effect=effect)
        keep(200)
        return result

    def fail(self, failure: FileFailed, verb: str, path: str, *, effect: bool = False) -> NoReturn:
        """Raise what a failure means for the hub."""
        what = f"{verb.lower()} {path} in {self._place}"
        reason = self._io.http.redactor.text(failure.reason)
        match failure.kind:
            case "unreachable":
                raise Unreachable(f"{self._place} is not reachable: {reason}") from None
            case "auth":
                raise AuthFailed(f"{self._place} refused the login: {reason}", fix=_FIX_LOGIN) from None
            case "host_key":
                raise AuthFailed(f"{self._place}: {reason}", code="CON-HOSTKEY", fix=_FIX_KEY) from None
            case "rate":
                raise RateLimited(f"{self._place} asks for a slower pace: {reason}") from None
            case "denied":
                raise Rejected(f"{what}: permission denied", code="CON-SCOPE", fix=_FIX_RIGHTS) from None
            case "missing":
                raise Rejected(f"{what}: the file or its folder is not there", fix="Create the folder.") from None
            case "exists" | "refused":
                raise Rejected(f"{what}: {reason}") from None
            case "full":
                raise RetryLater(f"{what}: {reason}", fix="Make room there.") from None
        if effect:
            raise OutcomeUnknown(f"{what}: {reason}") from None
        raise RetryLater(f"{what}: {reason}", code="CON-TIMEOUT" if failure.kind == "timeout" else "CON-DOWN") from None


_FIX_LOGIN = "Check user, password and key of the connection."
_FIX_KEY = (
    "Ask the server's administrator for its key. Only when it is known why it changed, put the new one into host_key."
)
_FIX_RIGHTS = "Give the user the right to read, write and rename there."


class _Shown:
    """Parts on their way to a file, of which the beginning is kept for the trace."""

    def __init__(self, parts: Iterable[bytes]) -> None:
        self._parts = parts
        self.kept = b""

    def __iter__(self) -> Iterator[bytes]:
        for part in self._parts:
            if len(self.kept) < _KEPT:
                self.kept += part[:_KEPT]
            yield part


def safe_path(path: str) -> str:
    """``path`` in its plain form; `Rejected` where it is absolute, leads upwards or holds what no path may hold."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts or "\\" in path or not path.isprintable():
        raise Rejected(f"{path[:80]!r} is no path within the folder")
    return "/".join(parts) or "."


class LocalFolder(Folder):
    """A folder of this machine (or one that is mounted here). Links are not followed: a file is a plain file, or it is not seen."""

    def __init__(self, io: ConnectorIO, root: str | Path) -> None:
        self._root = Path(root)
        super().__init__(io, self._root.as_uri() if self._root.is_absolute() else str(root))

    def _list(self, path: str) -> list[FileEntry]:
        with _errors(), os.scandir(self._root / path) as found:
            return [entry for one in found if (entry := _entry(one.name, one.stat(follow_symlinks=False)))]

    def _stat(self, path: str) -> FileEntry:
        with _errors():
            entry = _entry(Path(path).name, (self._root / path).lstat())
        if entry is None:
            raise FileFailed("refused", "it is a link or a device")
        return entry

    def _read(self, path: str) -> FileReader:
        with _errors():
            return _LocalReader(self._root / path, self._place)

    def _write(self, path: str, parts: Iterator[bytes], new: bool) -> None:
        place = self._root / path
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | (os.O_EXCL if new else os.O_TRUNC)
        with _errors(), os.fdopen(os.open(place, flags, 0o666), "wb") as file:
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(place.parent)

    def _rename(self, source: str, target: str) -> None:
        old, new = self._root / source, self._root / target
        with _errors():
            old.replace(new)
        _sync_folder(new.parent)
        if old.parent != new.parent:
            _sync_folder(old.parent)

    def _remove(self, path: str) -> None:
        with _errors():
            (self._root / path).unlink()

    def _make_folder(self, path: str) -> None:
        with _errors():
            (self._root / path).mkdir()

    def _remove_folder(self, path: str) -> None:
        with _errors():
            (self._root / path).rmdir()


class _LocalReader:
    def __init__(self, path: Path, place: str) -> None:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        self._file = os.fdopen(descriptor, "rb", buffering=0)
        entry = _entry(path.name, os.fstat(descriptor))
        if entry is None or entry.folder:
            self._file.close()
            raise FileFailed("refused", "it is no plain file")
        self.entry = entry
        self._place = place

    def read(self, size: int) -> bytes:
        try:
            return self._file.read(size) or b""
        except OSError as e:
            raise RetryLater(f"read {self.entry.name} in {self._place}: {e.strerror}") from None

    def seek(self, offset: int) -> None:
        self._file.seek(offset)

    def close(self) -> None:
        self._file.close()


def _entry(name: str, found: os.stat_result) -> FileEntry | None:
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
        return None
    return FileEntry(
        name, found.st_size, datetime.fromtimestamp(found.st_mtime, UTC), f"{found.st_size}.{found.st_mtime_ns}",
        folder=stat.S_ISDIR(found.st_mode),
    )  # fmt: skip


_KINDS = {
    errno.ENOENT: "missing", errno.ENOTDIR: "missing", errno.EACCES: "denied", errno.EPERM: "denied", errno.EROFS: "denied",
    errno.EEXIST: "exists", errno.ENOTEMPTY: "exists", errno.ENOSPC: "full", errno.EDQUOT: "full", errno.EFBIG: "full",
    errno.ENAMETOOLONG: "refused", errno.EISDIR: "refused", errno.EINVAL: "refused", errno.ELOOP: "refused", errno.EXDEV: "refused",
}  # fmt: skip


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise FileFailed(_KINDS.get(e.errno or 0, "failed"), (e.strerror or type(e).__name__).lower()) from None


def _sync_folder(path: Path) -> None:
    """A rename is on disk only when its folder is."""
    with _errors():
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
