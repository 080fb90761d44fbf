"""Wait in the foreground until Ctrl-C or SIGTERM."""

from __future__ import annotations

import contextlib
import signal
import threading
import time
from collections.abc import Iterator

LOOK_UP = 0.5
"""Seconds. A signal that arrives just before the main thread blocks is handled only when it looks up again."""


@contextlib.contextmanager
def stop_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and SIGINT set ``stop``; a second one ends the process as usual."""

    def note(number: int, _frame: object) -> None:
        stop.set()
        signal.signal(number, before[signal.Signals(number)])

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, note)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def wait_for(stop: threading.Event, seconds: float = 0) -> None:
    """Wait until ``stop`` is set, or for so many ``seconds`` (0 = without end)."""
    until = time.monotonic() + seconds if seconds else float("inf")
    while time.monotonic() < until and not stop.wait(min(LOOK_UP, until - time.monotonic())):
        continue
