"""The set-up of structured logging: one line an event, redacted, control characters escaped."""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import structlog

from hub.telemetry.redaction import redact_data

Event = MutableMapping[str, Any]

SILENT = logging.CRITICAL + 1
NOISY = {
    "pika": logging.CRITICAL,
    "dramatiq": SILENT,
    "httpcore": logging.WARNING,
    "uvicorn.access": logging.WARNING,
    "uvicorn.error": logging.WARNING,
    "asyncio": logging.WARNING,
    "alembic": logging.WARNING,
    "stevedore": logging.CRITICAL,
}


class _Stderr(logging.StreamHandler[Any]):
    """Writes to whatever standard error is at the moment of the line."""

    @property
    def stream(self) -> Any:
        """The present standard error."""
        return sys.stderr

    @stream.setter
    def stream(self, _: Any) -> None:
        """Nothing to keep."""


def configure(level: str, *, style: str = "auto") -> None:
    """Configure structlog and the standard library's logging alike."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    as_json = style == "json" or (style == "auto" and not sys.stderr.isatty())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _errors(full=number <= logging.DEBUG),
        _redacted,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = _Stderr()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _as_json if as_json else _as_text],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(number)
    for name, least in NOISY.items():
        logging.getLogger(name).setLevel(max(least, number))


def _errors(*, full: bool) -> Any:
    """An exception becomes its type and where it was raised; its text may hold a customer's data, so only DEBUG shows it."""

    def process(_logger: Any, _name: str, event: Event) -> Event:
        info = event.pop("exc_info", None)
        if not info:
            return event
        error = info if isinstance(info, BaseException) else (sys.exc_info()[1] if info is True else info[1])
        if error is not None:
            frames = traceback.extract_tb(error.__traceback__)[-4:]
            event["error"] = type(error).__name__
            event["at"] = " < ".join(
                f"{frame.filename.rsplit('/', 1)[-1]}:{frame.lineno}" for frame in reversed(frames)
            )
            if full:
                event["trace"] = "".join(traceback.format_exception(error))
        return event

    return process


def _redacted(_logger: Any, _name: str, event: Event) -> Event:
    record, origin = event.pop("_record", None), event.pop("_from_structlog", None)
    clean: Event = redact_data(dict(event))
    if record is not None:
        clean["_record"] = record
    if origin is not None:
        clean["_from_structlog"] = origin
    return clean


def _as_json(_logger: Any, _name: str, event: Event) -> str:
    return json.dumps(event, default=str, ensure_ascii=False)


def _as_text(_logger: Any, _name: str, event: Event) -> str:
    when, level, said = event.pop("timestamp", ""), event.pop("level", ""), event.pop("event", "")
    event.pop("logger", None)
    details = " ".join(f"{name}={_plain(value)}" for name, value in event.items())
    return f"{str(when)[11:23]} {level:<7} {_plain(said)} {details}".rstrip()


def _plain(value: Any) -> str:
    text = str(value)
    return text if text.isprintable() and '"' not in text else json.dumps(text, ensure_ascii=True)
