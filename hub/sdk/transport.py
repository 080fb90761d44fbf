"""The wire under the HTTP client: kept connections with a guard on the address, one deadline a call, and a cap on the answer.

It stands on sockets and httptools, because most of what a full client does (cookies, redirects, proxies from the environment,
unpacking without a limit, silent repetition) is what calls of the hub must not do, and because it costs a fraction of the time:
see docs/adr/0003-http-on-the-standard-library.md.
"""

from __future__ import annotations

import atexit
import os
import select
import socket
import ssl
import threading
import time
from urllib.parse import urlsplit

from hub.sdk.answers import Answer, AnswerReader, BadAnswer
from hub.sdk.egress import Egress

CONNECT_TIMEOUT = 10.0
KEEPALIVE = 10.0
"""Seconds that a connection may be idle and still be used again; systems close theirs after 5 to 75."""
MOST_IDLE = 32
_PIECE = 65_536


class CallFailed(Exception):
    """A call got no whole answer. ``sent``: bytes of the request may have reached the other side.

    ``reused``: the connection had been idle, and not a byte came back: most likely it was closed meanwhile.
    """

    def __init__(self, reason: str, *, sent: bool, reused: bool = False, timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.reused = reused
        self.timeout = timeout


class _Connection:
    """One connection, used by one call at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)
        self.received = 0
        """Bytes that came back in this call."""
        self.idle_since = 0.0

    def send(self, data: bytes, until: float) -> None:
        """Send all of ``data`` before ``until``."""
        self.received = 0
        self._sock.settimeout(_left(until))
        self._sock.sendall(data)

    def receive(self, until: float) -> bytes:
        """What comes in next, before ``until``; nothing when the other side has ended."""
        self._sock.settimeout(_left(until))
        data = self._sock.recv(_PIECE)
        self.received += len(data)
        return data

    def usable(self, now: float) -> bool:
        """Is it still open, and is there nothing in it that belongs to an earlier answer?"""
        if now - self.idle_since > KEEPALIVE or (isinstance(self._sock, ssl.SSLSocket) and self._sock.pending()):
            return False
        return not self._poll.poll(0)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()


class Wire:
    """The connections of everyone who has the same egress rule and the same trusted certificates."""

    def __init__(self, egress: Egress, ca_file: str | None = None) -> None:
        self._egress = egress
        self._context = ssl.create_default_context(cafile=ca_file)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._idle: dict[tuple[str, str, int], list[_Connection]] = {}
        self._lock = threading.Lock()
        self._sweep_at = 0.0

    def call(
        self,
        method: str,
        url: str,
        headers: list[tuple[bytes, bytes]],
        body: bytes,
        deadline: float,
        max_bytes: int,
        *,
        fresh: bool = False,
    ) -> Answer:
        """One request, one answer. Raises `CallFailed`, `TooLarge`, or `Unreachable` from the guard.

        ``fresh`` makes a new connection even where one is idle.
        """
        until = time.monotonic() + deadline
        parts = urlsplit(url)
        origin = (parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        connection = None if fresh else self._idle_one(origin)
        reused = connection is not None
        if connection is None:
            try:
                connection = self._connect(origin, until)
            except TimeoutError:
                raise CallFailed(f"no connection within {deadline:g} s", sent=False, timeout=True) from None
        keep = False
        try:
            request = _head(method, parts.path or "/", parts.query, headers) + body
            answer, keep = _exchange(connection, method, request, until, max_bytes)
        except TimeoutError:
            raise CallFailed(f"no answer within {deadline:g} s", sent=True, timeout=True) from None
        except BadAnswer as e:
            raise CallFailed(str(e), sent=True, reused=reused and not connection.received) from None
        except OSError:
            raise CallFailed("the connection broke", sent=True, reused=reused and not connection.received) from None
        finally:
            if keep:
                self._keep(origin, connection)
            else:
                connection.close()
        return answer

    def forget(self) -> None:
        """Let go of the connections without touching them: after a fork they are the parent process's."""
        self._idle = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close every idle connection."""
        with self._lock:
            idle, self._idle = self._idle, {}
        for connections in idle.values():
            for connection in connections:
                connection.close()

    def _idle_one(self, origin: tuple[str, str, int]) -> _Connection | None:
        now = time.monotonic()
        while True:
            with self._lock:
                waiting = self._idle.get(origin)
                # The one used last is the likeliest to be still open.
                connection = waiting.pop() if waiting else None
            if connection is None or connection.usable(now):
                return connection
            connection.close()

    def _keep(self, origin: tuple[str, str, int], connection: _Connection) -> None:
        connection.idle_since = now = time.monotonic()
        with self._lock:
            waiting = self._idle.setdefault(origin, [])
            waiting.append(connection)
            old = [waiting.pop(0)] if len(waiting) > MOST_IDLE else []
            if now > self._sweep_at:
                self._sweep_at = now + KEEPALIVE
                old += self._expired(now)
        for one in old:
            one.close()

    def _expired(self, now: float) -> list[_Connection]:
        """Take out what nobody will use again, such as connections to a system that has gone."""
        old = [one for waiting in self._idle.values() for one in waiting if now - one.idle_since > KEEPALIVE]
        gone = set(map(id, old))
        self._idle = {
            origin: kept
            for origin, waiting in self._idle.items()
            if (kept := [one for one in waiting if id(one) not in gone])
        }
        return old

    def _connect(self, origin: tuple[str, str, int], until: float) -> _Connection:
        """Connect to the very address that the guard has checked."""
        scheme, host, port = origin
        failure: Exception = OSError("the name has no address")
        for family, kind, protocol, _, address in self._egress.resolve(host, port, _left(until, CONNECT_TIMEOUT)):
            sock = socket.socket(family, kind, protocol)
            try:
                sock.settimeout(_left(until, CONNECT_TIMEOUT))
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if scheme == "https":
                    sock.settimeout(_left(until, CONNECT_TIMEOUT))
                    sock = self._context.wrap_socket(sock, server_hostname=host)
            except (OSError, ValueError) as e:
                sock.close()
                failure = e
                continue
            except BaseException:
                sock.close()
                raise
            return _Connection(sock)
        raise CallFailed(_why_not_connected(failure), sent=False, timeout=isinstance(failure, TimeoutError)) from None


def _exchange(
    connection: _Connection, method: str, request: bytes, until: float, max_bytes: int
) -> tuple[Answer, bool]:
    """Send and read. The second value says whether the connection may be used again."""
    try:
        connection.send(request, until)
    except TimeoutError:
        raise
    except OSError:
        # A system may refuse early and close: its answer is still worth reading, if there is one.
        whole = False
    else:
        whole = True
    reader = AnswerReader(method, max_bytes)
    while not reader.whole:
        reader.feed(connection.receive(until))
    return reader.answer(), whole and reader.reusable


def _head(method: str, path: str, query: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    target = f"{path}?{query}" if query else path
    lines = [f"{method} {target} HTTP/1.1".encode("ascii"), *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", b""])


_wires: dict[tuple[frozenset[str], str | None], Wire] = {}
_wires_lock = threading.Lock()


def wire(egress: Egress, ca_file: str | None = None) -> Wire:
    """The process-wide wire for this rule: a connection opened under one allow-list never serves another."""
    key = (egress.allow_hosts, ca_file)
    with _wires_lock:
        if key not in _wires:
            _wires[key] = Wire(egress, ca_file)
        return _wires[key]


def _after_fork() -> None:
    global _wires_lock
    _wires_lock = threading.Lock()
    for one in _wires.values():
        one.forget()


os.register_at_fork(after_in_child=_after_fork)


def close_all() -> None:
    """Close the idle connections of the whole process; later calls open new ones."""
    with _wires_lock:
        for one in _wires.values():
            one.close()


atexit.register(close_all)


def _left(until: float, limit: float | None = None) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left if limit is None else min(left, limit)


def _why_not_connected(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return "its certificate is not trusted"
    if isinstance(error, ssl.SSLError):
        return "it does not speak TLS 1.2 or newer there"
    if isinstance(error, TimeoutError):
        return "no connection within the time limit"
    return "the connection was refused or not possible"
