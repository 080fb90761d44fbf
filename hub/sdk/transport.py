"""The wire under the HTTP client: pooled connections with a guard on the address, one deadline a call, and a cap on the answer.

It stands on httpcore2, the connection layer of httpx2. The layer above it (cookies, redirects, proxies from the environment,
automatic decoding without a limit) is exactly what calls of the hub must not have.
"""

# ruff: noqa: ARG002 - the signatures are the connection layer's.

from __future__ import annotations

import ssl
import threading
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpcore2

from hub.sdk.egress import Egress

CONNECT_TIMEOUT = 10.0
KEEPALIVE = 10.0
_COALESCE = 65_536


class TooLarge(Exception):
    """The answer went over its cap."""


class CallFailed(Exception):
    """A call got no whole answer. ``sent``: bytes of the request may have reached the other side."""

    def __init__(self, reason: str, *, sent: bool, reused: bool = False, timeout: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.reused = reused
        self.timeout = timeout


class _Call(threading.local):
    """The call that runs in this thread: its streams, which are shared by the pool, look here for its deadline."""

    until: float = 0.0
    sent: bool = False
    received: bool = False
    connected: bool = False

    def left(self, limit: float | None = None) -> float:
        left = self.until - time.monotonic()
        return left if limit is None else min(left, limit)


_call = _Call()


class _Stream(httpcore2.NetworkStream):
    """A socket whose every read and write ends at the call's deadline. Small writes go out together, in one packet."""

    def __init__(self, inner: httpcore2.NetworkStream) -> None:
        self._inner = inner
        self._waiting = b""

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._waiting += buffer
        if len(self._waiting) > _COALESCE:
            self._flush()

    def _flush(self) -> None:
        buffer, self._waiting = self._waiting, b""
        left = _call.left()
        if left <= 0:
            raise httpcore2.WriteTimeout("deadline")
        _call.sent = True
        self._inner.write(buffer, timeout=left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if self._waiting:
            try:
                self._flush()
            except httpcore2.WriteError:
                self._waiting = b""  # The other side may have refused early: its answer is still worth reading.
        left = _call.left()
        if left <= 0:
            raise httpcore2.ReadTimeout("deadline")
        data = self._inner.read(max_bytes, timeout=left)
        if data:
            _call.received = True
        return data

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(
            self._inner.start_tls(ssl_context, server_hostname, timeout=max(0.001, _call.left(CONNECT_TIMEOUT)))
        )

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Backend(httpcore2.NetworkBackend):
    """Connects to permitted addresses only, and to the very address that was checked."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress
        self._inner = httpcore2.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        failure: Exception | None = None
        for info in self._egress.resolve(host, port, _call.left(CONNECT_TIMEOUT)):
            left = _call.left(CONNECT_TIMEOUT)
            if left <= 0:
                raise httpcore2.ConnectTimeout("deadline")
            try:
                stream = self._inner.connect_tcp(str(info[4][0]), port, timeout=left, socket_options=())
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as e:
                failure = e
                continue
            _call.connected = True
            return _Stream(stream)
        raise failure or httpcore2.ConnectError("the name has no address")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, decoded."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """The connections of everyone who has the same egress rule and the same trusted certificates."""

    def __init__(self, egress: Egress, ca_file: str | None = None) -> None:
        context = ssl.create_default_context(cafile=ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=256,
            max_keepalive_connections=64,
            keepalive_expiry=KEEPALIVE,
            network_backend=_Backend(egress),
        )

    def call(
        self, method: str, url: str, headers: list[tuple[bytes, bytes]], body: bytes, deadline: float, max_bytes: int
    ) -> Answer:
        """One request, one answer. Raises `CallFailed`, `TooLarge`, or `Unreachable` from the guard."""
        _call.until = time.monotonic() + deadline
        _call.sent = _call.received = _call.connected = False
        try:
            with self._pool.stream(
                method, url, headers=headers, content=body,
                extensions={"timeout": {"pool": deadline, "connect": None, "read": None, "write": None}},
            ) as response:  # fmt: skip
                found = _headers(response.headers)
                encoding = found.get("content-encoding", "")
                return Answer(response.status, found, _collect(response.iter_stream(), encoding, max_bytes))
        except httpcore2.TimeoutException:
            raise CallFailed(f"no answer within {deadline:g} s", sent=_call.sent, timeout=True) from None
        except (httpcore2.NetworkError, httpcore2.ProtocolError, zlib.error) as e:
            reused = _call.sent and not _call.connected and not _call.received
            raise CallFailed(_reason(e), sent=_call.sent, reused=reused) from None

    def close(self) -> None:
        """Close every connection."""
        self._pool.close()


_wires: dict[tuple[frozenset[str], str | None], Wire] = {}
_wires_lock = threading.Lock()


def wire(egress: Egress, ca_file: str | None = None) -> Wire:
    """The process-wide wire for this rule: a connection opened under one allow-list never serves another."""
    key = (egress.allow_hosts, ca_file)
    with _wires_lock:
        if key not in _wires:
            _wires[key] = Wire(egress, ca_file)
        return _wires[key]


def close_all() -> None:
    """Close the connections of the whole process; later calls open new ones."""
    with _wires_lock:
        for one in _wires.values():
            one.close()
        _wires.clear()


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        # Cookies hold commas, so several of them come one a line.
        found[key] = f"{found[key]}{chr(10) if key == 'set-cookie' else ', '}{text}" if key in found else text
    return found


def _collect(chunks: Iterable[bytes], encoding: str, max_bytes: int) -> bytes:
    """The body, decoded, never more than ``max_bytes`` of it in memory: a small answer may unpack to gigabytes."""
    kind = encoding.strip().lower()
    inflate = zlib.decompressobj(wbits=47) if kind in ("gzip", "x-gzip", "deflate") else None
    parts: list[bytes] = []
    size = 0
    for chunk in chunks:
        part = inflate.decompress(chunk, max_bytes - size + 1) if inflate else chunk
        size += len(part)
        if size > max_bytes:
            raise TooLarge
        parts.append(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _reason(error: Exception) -> str:
    text = str(error).lower()
    if isinstance(error, httpcore2.ConnectError):
        return (
            "its certificate is not trusted" if "certificate" in text else "the connection was refused or not possible"
        )
    if isinstance(error, httpcore2.ProtocolError):
        return (
            "the connection ended in the middle of the answer"
            if "disconnected" in text or "incomplete" in text or ("closed" in text)
            else "the answer is not HTTP"
        )
    if isinstance(error, zlib.error):
        return "the answer could not be unpacked"
    return "the connection broke"
