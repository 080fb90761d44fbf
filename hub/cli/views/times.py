"""Points in time and durations, as people read them."""

from __future__ import annotations

from datetime import UTC, datetime

_STEPS = ((60.0, "s"), (3600.0, "min"), (86_400.0, "h"), (float("inf"), "d"))


def iso(at: float | None) -> str | None:
    """ISO 8601 in UTC with milliseconds; for programs."""
    if at is None:
        return None
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def clock(at: float | None) -> str:
    """14:02:11.123 of the day, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3] if at is not None else ""


def day(at: float | None) -> str:
    """2026-11-21 14:02:11, in UTC."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""


def span(seconds: float) -> str:
    """850 ms, 12 s, 5 min, 3 h, 2 d."""
    seconds = abs(seconds)
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    unit = 1.0
    for limit, name in _STEPS:
        if seconds < limit:
            return f"{seconds / unit:.0f} {name}"
        unit = limit
    raise AssertionError("unreachable")


def ago(at: float | None, now: float) -> str:
    """5 min ago, or in 5 min."""
    if at is None:
        return ""
    return f"{span(now - at)} ago" if at <= now else f"in {span(at - now)}"
