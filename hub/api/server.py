"""The web server in a thread of its own, so that `hub run` is one process, and `hub web` the same without workers."""

from __future__ import annotations

import socket
import threading
import time
from typing import TYPE_CHECKING, Any, Self

import uvicorn
import uvloop

from hub.api.app import HealthApp, WebApp, create_app
from hub.api.limits import Limits
from hub.api.protocol import protocol
from hub.errors import ConfigError

if TYPE_CHECKING:
    from hub.runtime.hub import Hub


class WebServer:
    """Serves the hub on ``host:port`` (port 0 = any free one). A context manager; ``url`` is where it is reached.

    ``only_health`` serves nothing but health and metrics, for a relay or a worker.
    """

    def __init__(
        self,
        hub: Hub,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        limits: Limits | None = None,
        token: str | None = None,
        only_health: bool = False,
    ) -> None:
        self._limits = limits or Limits()
        self._app: WebApp | HealthApp = (
            HealthApp(hub) if only_health else create_app(hub, limits=self._limits, token=token)
        )
        self._socket = _listen(host, port)
        self.host, self.port = host, int(self._socket.getsockname()[1])
        self._server = uvicorn.Server(self._settings())
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def url(self) -> str:
        """The address of this server, as seen from this machine."""
        host = "127.0.0.1" if self.host in {"0.0.0.0", "::"} else self.host  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host else host}:{self.port}"

    def start(self) -> Self:
        """Serve until `stop`."""
        self._thread.start()
        until = time.monotonic() + 10
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.005)
        return self

    def stop(self, timeout: float = 5.0) -> None:
        """Answer what is under way, then close."""
        self._server.should_exit = True
        self._thread.join(timeout)
        if self._thread.is_alive():
            self._server.force_exit = True
            self._thread.join(1.0)
        self._socket.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _settings(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app, log_config=None, access_log=False, server_header=False, lifespan="off", proxy_headers=False,
            http=protocol(self._limits.header_seconds), ws="none", limit_concurrency=self._limits.sockets, backlog=512,
            timeout_keep_alive=self._limits.keep_alive_seconds, timeout_graceful_shutdown=4,
        )  # fmt: skip

    def _run(self) -> None:
        import asyncio

        async def serve() -> None:
            await self._server.serve(sockets=[self._socket])
            await self._app.close()

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(serve())


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(512)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"The hub cannot listen on {host}:{port}: {error.strerror or 'address not usable'}.", code="CFG-PORT",
            fix="Stop what listens there, or give another port: hub run --port 8081.",
        ) from None  # fmt: skip
    return listener


def serve_forever(hub: Hub, host: str, port: int, stop: threading.Event, **settings: Any) -> None:
    """Serve until ``stop`` is set."""
    with WebServer(hub, host, port, **settings):
        stop.wait()
