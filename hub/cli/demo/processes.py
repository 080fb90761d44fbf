"""The hub's own processes, started as an operator would start them, and stopped again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from hub.errors import HubError

EMBEDDED = (("run",),)
CLUSTER = (("web",), ("relay",), ("worker",), ("worker",))


OTHERS = ("HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_PROJECT")
"""What the environment says of another project, where the demo runs beside one."""


class HubProcesses:
    """The hub as child processes: one embedded, or web, relay and two workers in the cluster."""

    def __init__(self, project: Path, port: int, *, cluster: bool) -> None:
        self.project = project
        self.port = port
        self.roles = CLUSTER if cluster else EMBEDDED
        self.children: list[subprocess.Popen[bytes]] = []
        self.log = project / "hub.log"

    @property
    def url(self) -> str:
        """Where the hub's receiver listens."""
        return f"http://127.0.0.1:{self.port}"

    def start(self, timeout: float = 30.0) -> None:
        """Start every role and wait until the receiver says that it is ready."""
        with self.log.open("ab") as log:
            for role in self.roles:
                command = [sys.executable, "-m", "hub", "--project", str(self.project), *role]
                child = subprocess.Popen(  # noqa: S603 - our own command
                    command,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    env=_environment(),
                    start_new_session=True,
                )
                self.children.append(child)
                if role[0] == self.roles[0][0]:
                    self._wait_until_ready(timeout)

    def stop(self, timeout: float = 12.0) -> None:
        """Ask every process to finish what it holds, and wait for it."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        for child in self.children:
            try:
                child.wait(timeout)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.children.clear()

    def kill(self) -> None:
        """End every process at once, as a power cut would (kill -9 of whole process groups)."""
        for child in self.children:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, signal.SIGKILL)
            child.wait()
        self.children.clear()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/health/ready", timeout=1) as answer:  # noqa: S310 - loopback
                return bool(answer.status == 200)
        except OSError:
            return False

    def _wait_until_ready(self, timeout: float) -> None:
        until = time.monotonic() + timeout
        while time.monotonic() < until:
            if any(child.poll() is not None for child in self.children):
                break
            if self._is_ready():
                return
            time.sleep(0.05)
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-8:])
        self.stop()
        raise HubError(
            f"the hub did not start within {timeout:.0f} s; its log ends with:\n{tail}",
            code="DEMO-START",
            fix=f"Read {self.log}.",
        )


def _environment() -> dict[str, str]:
    """This process's environment, without what would send the demo's hub to another project's database or broker."""
    return {name: value for name, value in os.environ.items() if name not in OTHERS}
