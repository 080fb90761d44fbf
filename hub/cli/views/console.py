"""The two consoles, the meaning of colours, and JSON."""

from __future__ import annotations

import functools
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from rich.console import Console
from rich.text import Text
from rich.theme import Theme

THEME = Theme(
    {
        "good": "green",  # done, delivered, healthy
        "busy": "cyan",  # on its way
        "wait": "yellow",  # held up; ends by itself
        "bad": "bold red",  # a person must act
        "quiet": "dim",  # ended as it should, without an effect
        "name": "bold",
        "key": "cyan",
    }
)

STATES = {
    state: style
    for style, states in {
        "good": "done delivered ok released resolved closed accepted created updated adopted waived",
        "busy": "new leased pending running",
        "wait": "waiting parked retry uncertain paused half_open warning wait limited warned dropped again rate unknown missing "
        "unreachable auth",
        "bad": "exception failed open error rejected bug crash refused",
        "quiet": "filtered skipped superseded unchanged echo stale duplicate deleted none",
    }.items()
    for state in states.split()
}


@functools.cache
def out() -> Console:
    """Standard output; plain where it is no terminal or NO_COLOR is set."""
    return _console(sys.stdout)


@functools.cache
def err() -> Console:
    """Standard error: errors and progress."""
    return _console(sys.stderr)


def _console(stream: Any) -> Console:
    width = None if stream.isatty() else 160
    return Console(file=stream, theme=THEME, highlight=False, width=width, soft_wrap=not stream.isatty())


def fresh() -> None:
    """Look at the standard streams again: tests and embedding programs exchange them."""
    out.cache_clear()
    err.cache_clear()


def emit(data: Any, *, as_json: bool, show: Callable[[], None]) -> None:
    """Print ``data`` as JSON for a program, or show it to a person."""
    if as_json:
        print_json(data)
    else:
        show()


def print_json(data: Any) -> None:
    """One JSON document on standard output."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, default=_plain) + "\n")
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return list(value) if isinstance(value, (set, frozenset, tuple)) else str(value)


def state_text(state: str) -> Text:
    """A state in its colour."""
    return Text(state, style=STATES.get(state, ""))


def safe(text: object) -> str:
    """Text from outside, with control characters made visible so that it cannot steer the terminal."""
    return "".join(char if char.isprintable() or char == "\n" else f"\\x{ord(char):02x}" for char in str(text))
