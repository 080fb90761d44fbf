"""Rows of the store as JSON data for programs: times as ISO 8601, and only what has a value."""

from __future__ import annotations

from typing import Any

from hub.cli.views.times import iso

_INNER = {"payload", "lease_until", "lease_owner", "epoch", "generation", "coalesce", "published_at"}
"""How the hub works inside; of no use outside."""


_YES_NO = {"deleted", "maybe_sent", "coalesce", "state_carrying", "paused", "disabled"}
"""Kept as 0 and 1 by SQLite."""


def row(data: dict[str, Any]) -> dict[str, Any]:
    """One row."""
    return {name: _value(name, value) for name, value in data.items() if name not in _INNER and value not in (None, "")}


def rows(data: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Many rows."""
    return [row(one) for one in data]


def _value(name: str, value: Any) -> Any:
    if name in _YES_NO:
        return bool(value)
    timely = name == "at" or name.endswith(("_at", "_until"))
    if timely and isinstance(value, (int, float)) and not isinstance(value, bool):
        return iso(float(value))
    if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
        return rows(value)
    return value
