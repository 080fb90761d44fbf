"""Logs, metrics and redaction. Importing this package is cheap: what is heavy is loaded when it is first used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.telemetry.redaction import redact, redact_data, register_secret

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

__all__ = ["configure_logging", "get_logger", "redact", "redact_data", "register_secret"]


class _LazyLogger:
    """Makes the real logger at its first use, so that modules can have one at import without importing structlog."""

    __slots__ = ("_logger", "_name")

    def __init__(self, name: str) -> None:
        self._name = name
        self._logger: Any = None

    def __getattr__(self, attribute: str) -> Any:
        if self._logger is None:
            import structlog

            self._logger = structlog.stdlib.get_logger(self._name)
        return getattr(self._logger, attribute)


def get_logger(name: str) -> FilteringBoundLogger:
    """A structured logger: ``log.info("area.event", key=value)``. Say ids, counts and codes; never bodies or secrets."""
    return _LazyLogger(name)


def configure_logging(level: str = "info", *, style: str = "auto") -> None:
    """Send every log line of the process to standard error, redacted. ``style`` is json, text or auto (text at a terminal)."""
    from hub.telemetry.logs import configure

    configure(level, style=style)
