"""The times of a system: how it writes them, in which zone, and how it wants to be asked for them."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

FORMATS = ("iso", "iso_seconds", "iso_offset", "date", "seconds", "milliseconds", "odata2")
"""Names of formats for ``{since}``; everything else holds a ``%`` and is a pattern of strftime."""

_TICKS = re.compile(r"/Date\((-?[0-9]{1,17})(?:[+-][0-9]{4})?\)/")
_MILLISECONDS = 100_000_000_000
"""Numbers from here on are milliseconds since 1970; as seconds they would be in the year 5138."""


def zone_of(name: str) -> tzinfo:
    """The zone of this name. Raises `ValueError`."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"there is no time zone {name!r}: write one such as Europe/Berlin") from None


def reader(zone: tzinfo = UTC) -> Callable[[Any], datetime | None]:
    """A function that reads a system's time; none where it is no time. A time without an offset is one of ``zone``."""

    def read(value: Any) -> datetime | None:
        if isinstance(value, str):
            try:
                at = datetime.fromisoformat(value)
            except ValueError:
                return _ticks(value)
            if at.tzinfo is not None:
                return at
            # Always as UTC: arithmetic and comparison within one zone go by the clock on the wall, which turns back.
            return at.replace(tzinfo=zone).astimezone(UTC)
        if isinstance(value, (int, Decimal)) and not isinstance(value, bool):
            return _since_1970(float(value))
        return None

    return read


def writer(form: str, zone: tzinfo = UTC) -> Callable[[datetime], str | int]:
    """A function that writes a time as the system is asked for it, rounded down where the format is coarser."""
    match form:
        case "iso":
            return lambda at: at.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"
        case "iso_seconds":
            return lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        case "iso_offset":
            return lambda at: at.astimezone(zone).isoformat()
        case "date":
            return lambda at: at.astimezone(zone).strftime("%Y-%m-%d")
        case "seconds":
            return lambda at: int(at.timestamp() // 1)
        case "milliseconds":
            return lambda at: int(at.timestamp() * 1000 // 1)
        case "odata2":
            return lambda at: at.astimezone(zone).strftime("datetime'%Y-%m-%dT%H:%M:%S'")
    if "%" not in form:
        raise ValueError(f"there is no time format {form!r}: one of {', '.join(FORMATS)}, or a pattern with %Y-%m-%d")
    return lambda at: at.astimezone(zone).strftime(form)


def safe_overlap(overlap: timedelta, zone: tzinfo) -> timedelta:
    """In a zone that turns its clocks back, an hour of local time comes twice; what is read again must cover it."""
    return overlap if zone is UTC else max(overlap, timedelta(hours=1, minutes=1))


def stamp(at: datetime) -> str:
    """The time as text that sorts: UTC, with microseconds."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def _ticks(text: str) -> datetime | None:
    found = _TICKS.fullmatch(text)
    return _since_1970(float(found[1]), milliseconds=True) if found else None


def _since_1970(number: float, *, milliseconds: bool = False) -> datetime | None:
    seconds = number / 1000 if milliseconds or abs(number) >= _MILLISECONDS else number
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
