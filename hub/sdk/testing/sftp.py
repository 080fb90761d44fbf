"""A simulator's SFTP face: a real SSH server on loopback over a real folder, that can also misbehave on the wire.

Each call of a client is one `Request`: LOGIN, LIST, STAT, READ, WRITE, RENAME, REMOVE, MKDIR or RMDIR with the path (RENAME has its target
in ``query``). So the journal, the faults and the effects are those of every simulator. What a fault means here: a status of
4xx is "permission denied" (404 "no such file", 401 ends the connection for lack of a login), 429 is "too many connections", 5xx
"failure", an answer that is no answer "bad message"; a body that is cut breaks the connection in the middle of a file.
"""

# ruff: noqa: ARG002 - the library calls these methods, and says with what.

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, Self, cast

import asyncssh

from hub.sdk.testing.simulator import Request, Response, Simulator

USER = "hub"
PASSWORD = "sftp-simulator-password"  # noqa: S105 - a made-up password of a made-up system
DONE = Response(headers={"sftp": "done"})
_RATE_CODE, _AUTH_CODE = 12, 14


class SftpSimulator(Simulator):
    """A system that exchanges files. ``root`` is the real folder behind the server, gone after `close`.

    A simulator tells its effects in `arrived`, which is called for every file that a client renames to a visible name.
    """

    def __init__(self, *, seed: int = 1, clock: Any = None) -> None:
        super().__init__(seed=seed, clock=clock)
        self.root = Path(tempfile.mkdtemp(prefix="hub-sim-"))
        self.host_key = asyncssh.generate_private_key("ssh-ed25519")
        self.authorized_keys: set[str] = set()
        self.full = False
        """The disk is full: nothing more can be written."""

    @property
    def public_key(self) -> str:
        """The server's key as a client's settings want it."""
        return self.host_key.export_public_key().decode().strip()

    def arrived(self, path: str) -> None:
        """A client has put a file here; ``path`` is relative to ``root``."""

    def respond(self, request: Request) -> Response:
        """Do what changes the folder. Reading is left to the server, which must be able to stop in the middle."""
        place = self._at(request.path)
        try:
            match request.method:
                case "RENAME":
                    target = request.query["to"]
                    place.replace(self._at(target))
                    if not any(part.startswith(".") for part in target.split("/")):
                        self.arrived(target.strip("/"))
                case "REMOVE":
                    place.unlink()
                case "MKDIR":
                    place.mkdir()
                case "RMDIR":
                    place.rmdir()
                case "WRITE" if self.full:
                    return Response(507)
                case "LIST" | "READ" if not place.exists():
                    return Response(404)
        except FileNotFoundError:
            return Response(404)
        except PermissionError:
            return Response(403)
        except OSError:
            return Response(500)
        return DONE

    def _at(self, path: str) -> Path:
        place = (self.root / path.strip("/")).resolve()
        if not place.is_relative_to(self.root.resolve()):
            raise PermissionError(path)
        return place

    def serve(self, port: int = 0) -> Any:
        """A real SFTP server on 127.0.0.1; ``with sim.serve() as server:`` stops it at the end."""
        return SftpFace(self, port)

    def close(self) -> None:
        """Stop the webhook sender, and delete the folder."""
        super().close()
        shutil.rmtree(self.root, ignore_errors=True)


class SftpFace:
    """A running SFTP server: ``url`` is its address. `stop` closes every connection at once, as a crash of the server would."""

    def __init__(self, simulator: SftpSimulator, port: int = 0) -> None:
        self.simulator = simulator
        self.errors: list[Exception] = []
        self.connections: set[asyncssh.SSHServerConnection] = set()
        self.files: set[Any] = set()
        self.stopping: asyncio.Event
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="sftp-face")
        self._thread.start()
        self._listener = self._run(self._listen(port))
        self.port = self._listener.get_port()
        self.url = f"sftp://127.0.0.1:{self.port}"
        self._stopped = False

    def stop(self) -> None:
        """Stop listening and hang up. May be called twice."""
        if self._stopped:
            return
        self._stopped = True
        self._run(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, port: int) -> Any:
        self.stopping = asyncio.Event()
        return await asyncssh.listen(
            "127.0.0.1", port, server_factory=lambda: _Login(self), server_host_keys=[self.simulator.host_key],
            sftp_factory=lambda chan: _Session(self, chan), config=None, reuse_address=True,
        )  # fmt: skip

    async def _end(self) -> None:
        self.stopping.set()
        self._listener.close()
        for connection in list(self.connections):
            connection.abort()
        await self._listener.wait_closed()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        await asyncio.sleep(0.01)
        for file in list(self.files):
            file.close()
        await self._loop.shutdown_default_executor()

    async def ask(self, request: Request, connection: asyncssh.SSHServerConnection) -> Response:
        """The simulator's answer to one call; raises what the client is to be told instead."""
        try:
            response = await self._loop.run_in_executor(None, self.simulator.handle, request)
        except Exception as e:  # a fault of the simulator itself must be seen by the test that meets it
            self.errors.append(e)
            raise asyncssh.SFTPFailure(f"simulator error: {e!r}") from e
        if response.hang:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), response.hang)
        if response.hang or response.reset or (response.cut is not None and request.method != "READ"):
            connection.abort()
            raise asyncssh.SFTPConnectionLost("gone")
        _refuse(response, connection)
        return response


def _refuse(response: Response, connection: asyncssh.SSHServerConnection) -> None:
    """Say no in the protocol's words."""
    match response.status:
        case 401:
            _hang_up(connection, _AUTH_CODE, "the login is not valid any more")
            raise asyncssh.SFTPConnectionLost("logged out")
        case 429:
            _hang_up(connection, _RATE_CODE, "too many connections")
            raise asyncssh.SFTPConnectionLost("too many connections")
        case 404:
            raise asyncssh.SFTPNoSuchFile("no such file")
        case 507:
            raise asyncssh.SFTPFailure("no space left on device")
        case status if status >= 500:
            raise asyncssh.SFTPFailure("failure")
        case status if status >= 400:
            raise asyncssh.SFTPPermissionDenied("permission denied")
    if "sftp" not in response.headers:
        raise asyncssh.SFTPBadMessage("bad message")


def _hang_up(connection: asyncssh.SSHServerConnection, code: int, reason: str) -> None:
    """Say why, and let the client close: a close from here may overtake the reason."""
    connection._send_disconnect(code, reason, "en")  # noqa: SLF001
    asyncio.get_running_loop().call_later(1.0, connection.abort)


class _Login(asyncssh.SSHServer):
    def __init__(self, face: SftpFace) -> None:
        self._face = face
        self._connection: asyncssh.SSHServerConnection

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._connection = conn
        self._face.connections.add(conn)

    def connection_lost(self, exc: Exception | None) -> None:
        self._face.connections.discard(self._connection)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return bool(self._face.simulator.authorized_keys)

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        shown = " ".join(key.export_public_key().decode().split()[:2])
        return username == USER and shown in self._face.simulator.authorized_keys

    async def validate_password(self, username: str, password: str) -> bool:
        try:
            await self._face.ask(Request("LOGIN", "/"), self._connection)
        except (asyncssh.SFTPFailure, asyncssh.SFTPBadMessage):
            self._connection.disconnect(asyncssh.DISC_BY_APPLICATION, "the server has a problem")
            return False
        except asyncssh.SFTPError:
            return False
        return (username, password) == (USER, PASSWORD)


class _Session(asyncssh.SFTPServer):
    """One client's calls. What is not overridden is not offered."""

    def __init__(self, face: SftpFace, chan: Any) -> None:
        super().__init__(chan, chroot=os.fsencode(face.simulator.root))
        self._face = face
        self._sim = face.simulator
        self._cuts: dict[int, int] = {}

    async def _ask(self, method: str, path: bytes, **query: str) -> Response:
        name = "/" + path.decode("utf-8", "replace").strip("/")
        return await self._face.ask(Request(method, name, query=query), self.connection)

    async def scandir(self, path: bytes) -> AsyncIterator[asyncssh.SFTPName]:
        await self._ask("LIST", path)
        for found in sorted(os.scandir(self.map_path(path)), key=lambda one: one.name):
            yield asyncssh.SFTPName(found.name, attrs=asyncssh.SFTPAttrs.from_local(found.stat(follow_symlinks=False)))

    async def lstat(self, path: bytes) -> Any:
        await self._ask("STAT", path)
        return os.lstat(self.map_path(path))

    stat = lstat

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        writing = bool(pflags & asyncssh.FXF_WRITE)
        response = await self._ask("WRITE" if writing else "READ", path)
        file = cast("Any", super().open(path, pflags, attrs))
        self._face.files.add(file)
        if response.cut is not None:
            self._cuts[id(file)] = response.cut
        return file

    def read(self, file_obj: Any, offset: int, size: int) -> bytes:
        cut = self._cuts.get(id(file_obj))
        if cut is not None and offset + size > cut:
            self.connection.abort()
            raise asyncssh.SFTPConnectionLost("cut off")
        return cast("bytes", super().read(file_obj, offset, size))

    def write(self, file_obj: Any, offset: int, data: bytes) -> int:
        if self._sim.full:
            raise asyncssh.SFTPFailure("no space left on device")
        return cast("int", super().write(file_obj, offset, data))

    def close(self, file_obj: Any) -> Any:
        self._cuts.pop(id(file_obj), None)
        self._face.files.discard(file_obj)
        return super().close(file_obj)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        await self._ask("RENAME", oldpath, to="/" + newpath.decode("utf-8", "replace").strip("/"))

    rename = posix_rename

    async def remove(self, path: bytes) -> None:
        await self._ask("REMOVE", path)

    async def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        await self._ask("MKDIR", path)

    async def rmdir(self, path: bytes) -> None:
        await self._ask("RMDIR", path)

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise asyncssh.SFTPOpUnsupported("not offered")

    def symlink(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("not offered")
