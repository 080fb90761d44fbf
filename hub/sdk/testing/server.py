"""A simulator's HTTP face: a real server on loopback, with keep-alive, that can also misbehave on the wire."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import struct
import threading
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self

from hub.sdk.testing.simulator import Request, Response

if TYPE_CHECKING:
    from hub.sdk.testing.simulator import Simulator

_LONGEST_LINE = 65_536
_MOST_HEADERS = 200
_PHRASES = {status.value: status.phrase for status in HTTPStatus}


class _Hangup(Exception):
    """The caller has gone, or sent something that is not HTTP."""


class _Face(socketserver.StreamRequestHandler):
    wbufsize = -1
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def handle(self) -> None:
        with contextlib.suppress(OSError, _Hangup):
            while self._one():
                pass

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def _one(self) -> bool:
        line = self.rfile.readline(_LONGEST_LINE)
        if not line.strip():
            return False
        words = line.decode("latin-1").split()
        if len(words) != 3 or not words[2].startswith("HTTP/1."):
            raise _Hangup
        headers = self._headers()
        request = Request.at(words[0], words[1], headers, self._body(headers))
        try:
            response = self.server.simulator.handle(request)
        except Exception as e:  # noqa: BLE001
            # A fault of the simulator itself must be seen by the test that meets it.
            self.server.errors.append(e)
            response = Response(500, {"content-type": "text/plain"}, f"simulator error: {e!r}".encode())
        return self._answer(
            response, keep="close" not in headers.get("connection", "").lower(), head=words[0] == "HEAD"
        )

    def _headers(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        for _ in range(_MOST_HEADERS):
            line = self.rfile.readline(_LONGEST_LINE)
            if line in (b"\r\n", b"\n", b""):
                return headers
            name, _, value = line.decode("latin-1").partition(":")
            key, text = name.strip().lower(), value.strip()
            headers[key] = f"{headers[key]}, {text}" if key in headers else text
        raise _Hangup

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            parts = []
            while size := int(self.rfile.readline(_LONGEST_LINE).split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline(_LONGEST_LINE)
            self.rfile.readline(_LONGEST_LINE)
            return b"".join(parts)
        length = int(headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        if len(body) != length:
            raise _Hangup
        return body

    def _answer(self, response: Response, *, keep: bool, head: bool) -> bool:
        if response.hang:
            self.server.stopping.wait(response.hang)
            return False
        if response.reset:
            # Linger 0 makes close() send RST instead of FIN.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return False
        lines = [f"HTTP/1.1 {response.status} {_PHRASES.get(response.status, 'Unknown')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items() if name.lower() != "content-length"]
        lines.append(f"content-length: {len(response.body)}")
        if not keep:
            lines.append("connection: close")
        body = b"" if head else response.body[: response.cut]
        self.wfile.write("\r\n".join([*lines, "", ""]).encode("latin-1") + body)
        self.wfile.flush()
        return keep and response.cut is None


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 256
    block_on_close = False

    def __init__(self, port: int, simulator: Simulator) -> None:
        self.simulator = simulator
        self.errors: list[Exception] = []
        self.stopping = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", port), _Face)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        with contextlib.suppress(OSError):
            # Without SHUT_RDWR first, so that a reset stays a reset.
            request.close()

    def hang_up(self) -> None:
        for one in list(self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


class SimulatorServer:
    """A running HTTP face: ``url`` is its address. `stop` closes every connection at once, as a crash of the system would."""

    def __init__(self, simulator: Simulator, port: int = 0) -> None:
        self._server = _Server(port, simulator)
        self.port: int = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    @property
    def errors(self) -> list[Exception]:
        """Faults of the simulator itself, which a test must not pass over."""
        return self._server.errors

    def stop(self) -> None:
        """Stop listening and hang up. May be called twice."""
        self._server.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._server.hang_up()
        self._thread.join(5)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
