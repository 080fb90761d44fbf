"""How often a stream is polled: an interval ("30s") or a cron line with its time zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

_DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?\Z")
_SECONDS = (86_400, 3_600, 60, 1)


def duration(text: str) -> float:
    """Seconds of a duration such as "30s", "5m", "2h", "1d" or "1h30m". Raises `ValueError`."""
    found = _DURATION.match(text.strip())
    if not text.strip() or found is None:
        raise ValueError(f"{text[:40]!r} is not a duration; write 30s, 5m, 2h or 1d")
    seconds = sum(int(number) * unit for number, unit in zip(found.groups(), _SECONDS, strict=True) if number)
    if seconds <= 0:
        raise ValueError("a duration must be longer than nothing")
    return float(seconds)


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        return duration(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write {value}s, {value}m or {value}h")
    return value


def _schedule(value: Any) -> Any:
    if isinstance(value, str) and len(value.split()) == 5:
        return {"cron": value}
    return {"every": value} if not isinstance(value, (dict, Poll)) else value


Duration = Annotated[float, BeforeValidator(_seconds, json_schema_input_type=str)]


class Poll(BaseModel):
    """When a stream is polled. Exactly one of ``every`` (seconds) and ``cron`` is set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    every: Duration | None = Field(default=None, description="An interval: 30s, 5m, 2h, 1d.")
    cron: str | None = Field(default=None, description='A cron line of five fields: "*/15 6-22 * * 1-5".')
    timezone: str = Field(default="UTC", description="The time zone of the cron line, as Europe/Berlin.")

    @field_validator("cron")
    @classmethod
    def _cron(cls, value: str | None) -> str | None:
        from croniter import CroniterBadDateError, croniter

        if value is not None and (len(value.split()) != 5 or not croniter.is_valid(value)):
            raise ValueError('not a cron line; write five fields: minute hour day month weekday, as "*/15 * * * *"')
        if value is not None:
            try:
                croniter(value, datetime.now(UTC)).get_next()
            except CroniterBadDateError:
                raise ValueError("a time that never comes; such as a 30th of February") from None
        return value

    @field_validator("timezone")
    @classmethod
    def _timezone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):
            raise ValueError(f"{value[:40]!r} is not a known time zone; write one as Europe/Berlin") from None
        return value

    @model_validator(mode="after")
    def _one(self) -> Poll:
        if (self.every is None) == (self.cron is None):
            raise ValueError("give either every or cron")
        return self

    def __str__(self) -> str:
        if self.every is None:
            return f"cron {self.cron} ({self.timezone})"
        left, text = int(self.every), ""
        for unit, letter in zip(_SECONDS, "dhms", strict=True):
            number, left = divmod(left, unit)
            text += f"{number}{letter}" if number else ""
        return f"every {text}"


Schedule = Annotated[Poll, BeforeValidator(_schedule, json_schema_input_type=str | Poll)]
"""A `Poll`, or the short forms "30s" and "*/5 * * * *"."""
