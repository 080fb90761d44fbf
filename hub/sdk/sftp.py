"""Files on an SFTP server: host key checked, address checked, one connection for all workers of a process.

asyncssh does the protocol, in an event loop of its own thread; the calls here wait for it, each for no longer than its deadline.
"""

from __future__ import annotations

import asyncio
import atexit
import hashlib
import os
import socket
import stat
import threading
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from hub.sdk.connector import ConnectorIO
from hub.sdk.files import FileEntry, FileFailed, FileReader, Folder

if TYPE_CHECKING:
    import asyncssh

T = TypeVar("T")

IDLE = 60.0
"""Seconds without a call after which a connection is closed."""
KEEPALIVE = 15.0
_PIECE = 32 * 1024
_AT_ONCE = 32
_RATE_CODE, _AUTH_CODE = 12, 14
"""Disconnection codes of RFC 4253, section 11.1: too many connections; no more authentication methods available."""


class SftpServer(BaseModel):
    """Where an SFTP server is and how to log in. One of password and private key is needed; the server's own key always is."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$", description="The server's name or address.")
    port: int = Field(default=22, ge=1, le=65535, description="Its port.")
    user: str = Field(min_length=1, description="The user to log in as.")
    password: SecretStr | None = Field(default=None, description="The user's password.")
    private_key: SecretStr | None = Field(
        default=None, description="The user's private key, the text of an OpenSSH or PEM file."
    )
    passphrase: SecretStr | None = Field(default=None, description="What the private key is locked with.")
    host_key: tuple[str, ...] = Field(
        min_length=1,
        description="The server's public key as ssh-keyscan prints it (ssh-ed25519 AAAA...), or its fingerprint (SHA256:...); "
        "several while one takes the other's place.",
    )
    folder: str = Field(default="", description="Where paths begin; empty = the folder that the login leads to.")

    @model_validator(mode="after")
    def _some_secret(self) -> Self:
        if self.password is None and self.private_key is None:
            raise ValueError("a password or a private_key is needed")
        return self

    @model_validator(mode="before")
    @classmethod
    def _one_key(cls, given: Any) -> Any:
        if isinstance(given, dict) and isinstance(given.get("host_key"), str):
            return {**given, "host_key": (given["host_key"],)}
        return given


class SftpFolder(Folder):
    """A folder of an SFTP server."""

    def __init__(self, io: ConnectorIO, server: SftpServer) -> None:
        host = f"[{server.host}]" if ":" in server.host else server.host
        super().__init__(io, f"sftp://{host}:{server.port}")
        self._server = server
        self._base = server.folder.rstrip("/") if server.folder.strip("/") else server.folder[:1]

    def _list(self, path: str) -> list[FileEntry]:
        async def work(sftp: asyncssh.SFTPClient) -> list[FileEntry]:
            names = await sftp.readdir(self._at(path))
            found = (_entry(str(one.filename), one.attrs) for one in names if str(one.filename) not in (".", ".."))
            return [entry for entry in found if entry is not None]

        return self.run(work)

    def _stat(self, path: str) -> FileEntry:
        async def work(sftp: asyncssh.SFTPClient) -> FileEntry:
            entry = _entry(path.rsplit("/", 1)[-1], await sftp.lstat(self._at(path)))
            if entry is None:
                raise FileFailed("refused", "it is a link or a device")
            return entry

        return self.run(work)

    def _read(self, path: str) -> FileReader:
        session = self._session()

        async def work(sftp: asyncssh.SFTPClient) -> _SftpReader:
            file = await sftp.open(self._at(path), "rb", encoding=None, block_size=_PIECE, max_requests=_AT_ONCE)
            entry = _entry(path.rsplit("/", 1)[-1], await file.stat())
            if entry is None or entry.folder:
                await file.close()
                raise FileFailed("refused", "it is no plain file")
            return _SftpReader(self, path, session, file, entry)

        return session.run(work, self.deadline)

    def _write(self, path: str, parts: Iterator[bytes], new: bool) -> None:
        import asyncssh

        async def work(sftp: asyncssh.SFTPClient) -> None:
            # One deadline for each piece: a large file may take longer than one small call.
            opening = sftp.open(self._at(path), "xb" if new else "wb", encoding=None, block_size=_PIECE)
            file = await asyncio.wait_for(opening, self.deadline)
            try:
                for part in parts:
                    await asyncio.wait_for(file.write(part), self.deadline)
                with suppress(asyncssh.SFTPOpUnsupported):
                    await asyncio.wait_for(file.fsync(), self.deadline)
            finally:
                await asyncio.wait_for(file.close(), self.deadline)

        try:
            self.run(work, whole=False)
        except FileFailed as e:
            # Version 3 of the protocol has no code of its own for "is there already".
            if new and e.kind == "failed" and self.stat(path) is not None:
                raise FileFailed("exists", "it is there already") from None
            raise

    def _rename(self, source: str, target: str) -> None:
        import asyncssh

        async def work(sftp: asyncssh.SFTPClient) -> None:
            old, new = self._at(source), self._at(target)
            try:
                await sftp.posix_rename(old, new)
            except asyncssh.SFTPOpUnsupported:
                await sftp.rename(old, new)

        self.run(work)

    def _remove(self, path: str) -> None:
        self.run(lambda sftp: sftp.remove(self._at(path)))

    def _make_folder(self, path: str) -> None:
        self.run(lambda sftp: sftp.mkdir(self._at(path)))

    def _remove_folder(self, path: str) -> None:
        self.run(lambda sftp: sftp.rmdir(self._at(path)))

    # ---

    @property
    def deadline(self) -> float:
        """Seconds that one call may take."""
        return self._io.http.deadline

    def run(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], *, whole: bool = True) -> T:
        """Do ``work(sftp)`` on the shared connection, within the deadline. Raises `FileFailed`."""
        return self._session().run(work, self.deadline, whole=whole)

    def _at(self, path: str) -> str:
        if not self._base:
            return path
        return f"{self._base.rstrip('/')}/{path}" if path != "." else self._base

    def _session(self) -> _Session:
        key = _key_of(self._server, self._io)
        with _lock_for(key):
            session = _sessions.get(key)
            if session is None or not session.alive:
                session = self._call("LOGIN", "", lambda: _open(self._server, self._io))
                assert session is not None
                _sessions[key] = session
            session.used = time.monotonic()
            return session


class _SftpReader:
    """An open file on the server, read in large pieces, several requests of each under way at once."""

    def __init__(self, folder: SftpFolder, path: str, session: _Session, file: Any, entry: FileEntry) -> None:
        self.entry = entry
        self._folder = folder
        self._path = path
        self._session = session
        self._file = file
        self._at = 0
        self._open = True

    def read(self, size: int) -> bytes:
        try:
            data: bytes = self._session.run(lambda _: self._file.read(size, self._at), self._folder.deadline)
        except FileFailed as e:
            self._folder.fail(e, "READ", self._path)
        self._at += len(data)
        return data

    def seek(self, offset: int) -> None:
        self._at = offset

    def close(self) -> None:
        if self._open:
            self._open = False
            _loop().start(_quietly(self._file.close()))


# --- connections


@dataclass
class _Session:
    """One logged-in connection."""

    connection: asyncssh.SSHClientConnection
    sftp: asyncssh.SFTPClient
    client: Any
    used: float = field(default_factory=time.monotonic)
    running: int = 0

    @property
    def alive(self) -> bool:
        return not self.connection.is_closed() and not self.client.lost.is_set()

    def run(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], deadline: float, *, whole: bool = True) -> T:
        """Do ``work(sftp)``; ``deadline`` is for the ``whole`` of it, or for each of its parts. Raises `FileFailed`."""
        try:
            return _loop().run(self.work(work, deadline if whole else None))
        except (TimeoutError, asyncio.CancelledError):
            self.drop()
            raise FileFailed("timeout", f"no answer within {deadline:g} s") from None
        except FileFailed:
            raise
        except Exception as e:  # noqa: BLE001 - whatever the library raises, the call failed
            raise _failure(self.why_lost(e)) from None

    async def work(self, work: Callable[[asyncssh.SFTPClient], Awaitable[T]], deadline: float | None) -> T:
        self.running += 1
        try:
            return await asyncio.wait_for(work(self.sftp), deadline)
        finally:
            self.running -= 1
            self.used = time.monotonic()

    def drop(self) -> None:
        """Close at once: after a time-out nobody knows what is still in it."""
        _loop().call(self.connection.abort)

    def why_lost(self, error: Exception) -> Exception:
        """A call that fails because the connection is gone does not say why; the connection does."""
        import asyncssh

        if isinstance(error, asyncssh.SFTPError) and not isinstance(
            error, (asyncssh.SFTPConnectionLost, asyncssh.SFTPNoConnection)
        ):
            return error
        self.client.lost.wait(0.2)
        return self.client.reason or error


_sessions: dict[str, _Session] = {}
_locks: dict[str, threading.Lock] = {}
_guard = threading.Lock()


def _lock_for(key: str) -> threading.Lock:
    with _guard:
        return _locks.setdefault(key, threading.Lock())


def _key_of(server: SftpServer, io: ConnectorIO) -> str:
    """Who shares a connection: the same server and login under the same egress rule."""
    secrets = [one.get_secret_value() for one in (server.password, server.private_key) if one is not None]
    told = (server.host, server.port, server.user, server.host_key, sorted(io.http.egress.allow_hosts), secrets)
    return hashlib.sha256(repr(told).encode("utf-8", "surrogatepass")).hexdigest()


def _open(server: SftpServer, io: ConnectorIO) -> _Session:
    import asyncssh

    deadline = io.http.deadline
    keys = _client_keys(server)
    sock = _connect(server, io, deadline)
    try:
        return _loop().run(asyncio.wait_for(_login(server, sock, keys), deadline))
    except (TimeoutError, asyncio.CancelledError):
        raise FileFailed("unreachable", f"no login within {deadline:g} s") from None
    except asyncssh.HostKeyNotVerifiable:
        raise FileFailed("host_key", "its key is not the one in host_key") from None
    except (asyncssh.Error, OSError) as e:
        failure = _failure(e)
        raise failure if failure.kind in ("auth", "rate") else FileFailed("unreachable", failure.reason) from None


def _connect(server: SftpServer, io: ConnectorIO, deadline: float) -> socket.socket:
    """Connect to the very address that the guard has checked."""
    until = time.monotonic() + deadline
    reason = "the name has no address"
    for family, kind, protocol, _, address in io.http.egress.resolve(server.host, server.port, deadline):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(max(0.1, until - time.monotonic()))
            sock.connect(address)
        except OSError as e:
            sock.close()
            reason = (
                "no connection within the time limit" if isinstance(e, TimeoutError) else "the connection was refused"
            )
            continue
        sock.setblocking(False)
        return sock
    raise FileFailed("unreachable", reason)


async def _login(server: SftpServer, sock: socket.socket, keys: list[Any]) -> _Session:
    import asyncssh

    client = _client_class()(server.host_key)
    connection = await asyncssh.connect(
        server.host, server.port, sock=sock, config=None, client_factory=lambda: client, username=server.user,
        password=server.password.get_secret_value() if server.password else None, client_keys=keys or None, agent_path=None,
        # Nobody is trusted but by `validate_host_public_key`; none at all would switch the check off.
        known_hosts=lambda *_: ([], [], []), server_host_key_algs=_key_kinds(server.host_key), keepalive_interval=KEEPALIVE,
    )  # fmt: skip
    try:
        return _Session(connection, await connection.start_sftp_client(), client)
    except BaseException:
        connection.abort()
        raise


@lru_cache(1)
def _client_class() -> Any:
    import asyncssh

    class Client(asyncssh.SSHClient):
        """Checks the server's key, and remembers why the connection ended."""

        def __init__(self, host_key: tuple[str, ...]) -> None:
            self._known = {_plain_key(one) for one in host_key}
            self.lost = threading.Event()
            self.reason: Exception | None = None

        def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:  # noqa: ARG002
            shown = _plain_key(key.export_public_key().decode("ascii", "replace"))
            return shown in self._known or key.get_fingerprint("sha256").rstrip("=") in self._known

        def connection_lost(self, exc: Exception | None) -> None:
            self.reason = exc
            self.lost.set()

    return Client


def _plain_key(text: str) -> str:
    """A public key without host names before it and a comment behind it; a fingerprint without padding."""
    words = text.split()
    for at, word in enumerate(words[:-1]):
        if word.startswith(("ssh-", "ecdsa-", "sk-")):
            return f"{word} {words[at + 1]}"
    return text.strip().rstrip("=")


_KINDS = {"ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256")}
_ALL_KINDS = (
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "rsa-sha2-512", "rsa-sha2-256",
)  # fmt: skip


def _key_kinds(host_key: tuple[str, ...]) -> list[str]:
    """Servers have keys of several kinds; the one to show is of a kind that is known here. A fingerprint does not tell its kind."""
    kinds = [_plain_key(one).partition(" ")[0] for one in host_key if " " in _plain_key(one)]
    if len(kinds) < len(host_key):
        return list(_ALL_KINDS)
    return [name for kind in dict.fromkeys(kinds) for name in _KINDS.get(kind, (kind,))]


def _client_keys(server: SftpServer) -> list[Any]:
    if server.private_key is None:
        return []
    import asyncssh

    try:
        phrase = server.passphrase.get_secret_value() if server.passphrase else None
        return [asyncssh.import_private_key(server.private_key.get_secret_value(), phrase)]
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError):
        # The cause is cut off: it may show a part of the key.
        raise FileFailed("auth", "the private key cannot be read, or its passphrase is wrong") from None


def _failure(error: Exception) -> FileFailed:
    """What an error of the library means."""
    import asyncssh

    reason = (getattr(error, "reason", "") or str(error) or type(error).__name__).strip().lower()
    match error:
        case FileFailed():
            return error
        case asyncssh.SFTPNoSuchFile() | asyncssh.SFTPNoSuchPath():
            return FileFailed("missing", reason)
        case asyncssh.SFTPPermissionDenied() | asyncssh.SFTPWriteProtect():
            return FileFailed("denied", reason)
        case asyncssh.SFTPFileAlreadyExists():
            return FileFailed("exists", reason)
        case asyncssh.SFTPNoSpaceOnFilesystem() | asyncssh.SFTPQuotaExceeded():
            return FileFailed("full", reason)
        case asyncssh.SFTPOpUnsupported() | asyncssh.SFTPInvalidFilename() | asyncssh.SFTPFileIsADirectory():
            return FileFailed("refused", reason)
        case asyncssh.SFTPConnectionLost() | asyncssh.SFTPNoConnection():
            return FileFailed("lost", "the connection was lost")
        case asyncssh.SFTPError():
            # Version 3 of the protocol has one code for most things; servers say the rest in words.
            return FileFailed("full" if "space" in reason or "quota" in reason else "failed", reason)
        case asyncssh.DisconnectError(code=code) if code == _AUTH_CODE:
            return FileFailed("auth", reason)
        case asyncssh.DisconnectError(code=code) if code == _RATE_CODE:
            return FileFailed("rate", reason)
    return FileFailed("lost", reason)


def _entry(name: str, attrs: Any) -> FileEntry | None:
    """A name in a folder; none for links and devices."""
    mode = attrs.permissions
    kind = stat.S_IFMT(mode) if mode is not None else 0
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        return None
    size, seconds = attrs.size or 0, attrs.mtime or 0
    return FileEntry(name, size, datetime.fromtimestamp(seconds, UTC), f"{size}.{seconds}", folder=kind == stat.S_IFDIR)


# --- the loop


class _Loop:
    """An event loop in a thread of its own, for all connections of this process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sftp")
        self._thread.start()
        self.start(_close_idle())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, and give its result."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def start(self, work: Coroutine[Any, Any, Any]) -> None:
        """Run without waiting."""
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def call(self, function: Any) -> None:
        """Call in the loop's thread."""
        self._loop.call_soon_threadsafe(function)


_running: _Loop | None = None


def _loop() -> _Loop:
    global _running
    with _guard:
        if _running is None:
            _running = _Loop()
        return _running


async def _close_idle() -> None:
    while True:
        await asyncio.sleep(IDLE / 4)
        for key, session in list(_sessions.items()):
            if not session.alive:
                _sessions.pop(key, None)
            elif not session.running and time.monotonic() - session.used > IDLE:
                _sessions.pop(key, None)
                session.connection.close()


async def _quietly(work: Any) -> None:
    with suppress(Exception):
        await work


def _after_fork() -> None:
    """The connections and the loop are the parent process's."""
    global _running, _guard
    _running, _guard = None, threading.Lock()
    _sessions.clear()
    _locks.clear()


os.register_at_fork(after_in_child=_after_fork)


def close_all() -> None:
    """Close every connection of this process; later calls open new ones."""
    for key in list(_sessions):
        if (session := _sessions.pop(key, None)) is not None:
            session.drop()


atexit.register(close_all)
