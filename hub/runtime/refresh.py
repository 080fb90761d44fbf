"""Takes changed mapping files and lookup tables into use while the hub runs. A bad edit leaves the last good version in use."""

from __future__ import annotations

import threading

from hub.mapping import Finding, MappingSet
from hub.telemetry import get_logger

log = get_logger(__name__)

EVERY = 2.0


class Refresher:
    """Looks at the files every two seconds, and says once in the log what is wrong with them."""

    def __init__(self, mappings: MappingSet, every: float = EVERY) -> None:
        self._mappings = mappings
        self._every = every
        self._said: set[Finding] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mappings", daemon=True)

    def start(self) -> None:
        """Begin to look."""
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """Look no more."""
        self._stop.set()
        self._thread.join(timeout)

    def look(self) -> None:
        """Look once."""
        findings = set(self._mappings.refresh())
        for finding in sorted(findings - self._said, key=str):
            log.warning(
                "mapping.problem", code=finding.code, file=finding.file, line=finding.line, said=finding.message
            )
        self._said = findings

    def _run(self) -> None:
        while not self._stop.wait(self._every):
            try:
                self.look()
            except Exception:
                log.exception("mapping.refresh", code="HUB-BUG")
