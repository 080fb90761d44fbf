"""The world of a connector under test: its HTTP client, a clock, a log that can be read, and tokens in memory."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from hub.sdk.clock import SystemClock
from hub.sdk.connector import Clock, ConnectorIO
from hub.sdk.http import HttpClient


class MemoryTokens:
    """A token store in memory: one renewal at a time, like the hub's own."""

    def __init__(self) -> None:
        self.saved: dict[str, dict[str, Any]] = {}
        self.renewals = 0
        self._lock = threading.Lock()

    def load(self, name: str) -> dict[str, Any] | None:
        """The saved token data, or none."""
        return self.saved.get(name)

    def refresh(self, name: str, renew: Callable[[dict[str, Any] | None], dict[str, Any]]) -> dict[str, Any]:
        """Renew under a lock, and keep the result."""
        with self._lock:
            before = self.saved.get(name)
            self.saved[name] = renew(before)
            self.renewals += self.saved[name] is not before
            return self.saved[name]


class ReadableLog:
    """A log in the style of structlog, whose lines a test can read. It also collects what goes to the standard logging."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def _write(self, event: str, *args: Any, **fields: Any) -> None:
        self.lines.append(
            " ".join([event, *(str(arg) for arg in args), *(f"{name}={value!r}" for name, value in fields.items())])
        )

    debug = info = warning = error = exception = critical = _write

    def bind(self, **_: Any) -> ReadableLog:
        """The same log: bound fields do not matter to tests."""
        return self

    @property
    def text(self) -> str:
        """Everything that was logged."""
        return "\n".join(self.lines)


class LogCatcher(logging.Handler):
    """Sends the standard logging's records to a `ReadableLog`."""

    def __init__(self, log: ReadableLog) -> None:
        super().__init__(logging.DEBUG)
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one record."""
        self.log.lines.append(f"{record.name} {record.getMessage()}")


def make_io(
    *,
    allow_hosts: Iterable[str] = ("127.0.0.1",),
    secrets: Iterable[str] = (),
    clock: Clock | None = None,
    tokens: MemoryTokens | None = None,
    log: Any = None,
    deadline: float = 10.0,
    connection: str = "test",
    installation: str = "hubtest",
) -> ConnectorIO:
    """The `ConnectorIO` for a connector against a simulator on loopback."""
    return ConnectorIO(
        http=HttpClient(allow_hosts=allow_hosts, secrets=secrets, deadline=deadline),
        clock=clock or SystemClock(),
        log=log if log is not None else ReadableLog(),
        tokens=tokens or MemoryTokens(),
        connection=connection,
        installation=installation,
    )
