"""Keeps worker processes running: a child that ends, however it ends, is started again."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from hub.telemetry import get_logger

log = get_logger(__name__)

SHORT_LIFE = 5.0
FIRST_PAUSE = 0.5
LONGEST_PAUSE = 30.0
STOP_WITHIN = 12.0


@dataclass
class _Child:
    number: int
    process: subprocess.Popen[bytes] | None = None
    born: float = 0.0
    pause: float = FIRST_PAUSE
    start_at: float = 0.0
    starts: int = field(default=0)


class Supervisor:
    """Runs ``processes`` copies of ``command`` until `stop`. One that dies young waits longer and longer before its restart."""

    def __init__(self, command: Sequence[str], processes: int) -> None:
        self._command = list(command)
        self._children = [_Child(number) for number in range(processes)]
        self._stop = threading.Event()

    @property
    def pids(self) -> list[int]:
        """The process ids of the children that run."""
        return [child.process.pid for child in self._children if child.process and child.process.poll() is None]

    @property
    def starts(self) -> int:
        """How many times a child was started."""
        return sum(child.starts for child in self._children)

    def run(self) -> int:
        """Supervise until `stop` is called, then end the children. Returns the exit code of the whole: 0."""
        try:
            while not self._stop.is_set():
                for child in self._children:
                    self._tend(child)
                self._stop.wait(0.1)
        finally:
            self._end_all()
        return 0

    def stop(self) -> None:
        """Make `run` return; safe in a signal handler."""
        self._stop.set()

    def install_signals(self) -> None:
        """Stop on SIGTERM and SIGINT. In the main thread only."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())

    def _tend(self, child: _Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            code = child.process.poll()
            if code is None:
                return
            lived = now - child.born
            child.pause = min(LONGEST_PAUSE, child.pause * 2) if lived < SHORT_LIFE else FIRST_PAUSE
            log.warning("worker.ended", number=child.number, exit=code, lived=round(lived, 1), again_in=child.pause)
            child.process = None
            child.start_at = now + child.pause
        if now >= child.start_at:
            child.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL)  # noqa: S603
            child.born = now
            child.starts += 1

    def _end_all(self) -> None:
        running = [child.process for child in self._children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        until = time.monotonic() + STOP_WITHIN
        for process in running:
            try:
                process.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("worker.killed", pid=process.pid)
                process.kill()
                process.wait()
