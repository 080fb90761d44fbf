"""The hub's processes, started as an operator starts them, and started again when they end, as systemd does."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
EMBEDDED = {"hub": ("run",)}
CLUSTER = {"web": ("web",), "relay": ("relay",), "worker-1": ("worker",), "worker-2": ("worker",)}
AGAIN_AFTER = 1.0
READY_WITHIN = 180.0


class HubProcesses:
    """One process a role. ``held`` names those that a fault holds down: they are not started again yet."""

    def __init__(
        self,
        project: Path,
        port: int,
        roles: dict[str, tuple[str, ...]],
        *,
        lease: float | None,
        sabotage: Sequence[str],
    ) -> None:
        self.project = project
        self.port = port
        self.roles = roles
        self.held: set[str] = set()
        self.ended: Counter[str] = Counter()
        """Processes that ended by themselves, by role and exit code."""
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._again_at: dict[str, float] = {}
        self._lock = threading.Lock()
        self._own = [*(("--lease", str(lease)) if lease is not None else ()), *sabotage]
        for role in roles:
            self.set_clock(role, 0.0)
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
        self._environment |= {"PYTHONDONTWRITEBYTECODE": "", "NO_COLOR": "1"}

    def start(self, role: str) -> None:
        """Start a role that does not run."""
        with self._lock:
            self.held.discard(role)
            if role not in self._children or self._children[role].poll() is not None:
                self._children[role] = self._spawn(role)

    def _spawn(self, role: str) -> subprocess.Popen[bytes]:
        named = self.roles[role]
        own = [*self._own, "--clock", str(self._clock(role))]
        command = [sys.executable, "-m", "tests.chaos.sabotaged", *own, "--"]
        arguments = [*named, "--project", str(self.project), "--log-level", "warning"]
        if named[0] in {"run", "web"}:
            arguments += ["--port", str(self.port)]
        with self.log(role).open("ab") as log:
            return subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=REPOSITORY,
                env=self._environment, start_new_session=True,
            )  # fmt: skip

    def start_all(self) -> None:
        """Start every role, and wait until the receiver says that it is ready."""
        for role in self.roles:
            self.start(role)
        until = time.monotonic() + READY_WITHIN
        while not self.ready():
            if time.monotonic() > until:
                raise TimeoutError(f"the hub does not become ready; its logs are in {self.project}")
            self.tend()
            time.sleep(0.1)

    def ready(self) -> bool:
        """Can webhooks be stored now?"""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def tend(self) -> None:
        """Start what ended by itself again, after a second."""
        with self._lock:
            for role in self.roles:
                child = self._children.get(role)
                if role in self.held or child is None or child.poll() is None:
                    continue
                now = time.monotonic()
                if role not in self._again_at:
                    self._again_at[role] = now + AGAIN_AFTER
                    self.ended[f"{role} exit {child.returncode}"] += 1
                elif now >= self._again_at[role]:
                    del self._again_at[role]
                    self._children[role] = self._spawn(role)

    def kill(self, role: str) -> None:
        """kill -9; it stays down until `start`."""
        self.held.add(role)
        self._signal(role, signal.SIGKILL)
        if role in self._children:
            self._children[role].wait()

    def freeze(self, role: str) -> None:
        """SIGSTOP."""
        self.held.add(role)
        self._signal(role, signal.SIGSTOP)

    def thaw(self, role: str) -> None:
        """SIGCONT."""
        self._signal(role, signal.SIGCONT)
        self.held.discard(role)

    def set_clock(self, role: str, seconds: float) -> None:
        """Let the role's time of day be wrong by so much, from now on and after every start."""
        new = self._clock(role).with_suffix(".new")
        new.write_text(str(seconds), encoding="utf-8")
        new.replace(self._clock(role))

    def _clock(self, role: str) -> Path:
        return self.project / f"{role}.clock"

    def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not end."""
        self.held.update(self.roles)
        for role in self.roles:
            self._signal(role, signal.SIGCONT)
            self._signal(role, signal.SIGTERM)
        until = time.monotonic() + 15
        for role, child in self._children.items():
            try:
                child.wait(max(0.1, until - time.monotonic()))
            except subprocess.TimeoutExpired:
                self.ended[f"{role} did not stop"] += 1
        self.kill_all()

    def kill_all(self) -> None:
        """kill -9 of everything."""
        for role in self._children:
            self.kill(role)

    def pid(self, role: str) -> int:
        """The process id of a role that was started."""
        return self._children[role].pid

    def log(self, role: str) -> Path:
        """The file of what a role says."""
        return self.project / f"{role}.log"

    def tracebacks(self) -> int:
        """How often a process said something that no user should have to read."""
        logs = (self.log(role) for role in self.roles)
        return sum(
            log.read_text(encoding="utf-8", errors="replace").count("Traceback (most") for log in logs if log.exists()
        )

    def _signal(self, role: str, number: signal.Signals) -> None:
        child = self._children.get(role)
        if child is not None and child.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(child.pid, number)
