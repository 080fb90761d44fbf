"""Filters for points in time and dates. A time without a zone is refused unless the mapping names the zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from hub.mapping.filters.base import exact, filter_, masked, need_text, wrong

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_GROUP = "dates and times"
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:[.,]([0-9]{1,9}))?\s?(Z|z|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_PARTS = frozenset("YmdHMSyjBbAaIpfzZ%uVG")


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo | None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def _need_zone(name: Any, filter_name: str) -> ZoneInfo:
    zone = _zone(need_text(name, filter_name))
    if zone is None:
        raise wrong(
            f"`{filter_name}` does not know this time zone.", "Use an IANA name such as 'Europe/Berlin' or 'UTC'."
        )
    return zone


def _parsed(value: Any, name: str) -> datetime:
    if value.__class__ is not str and isinstance(value, (int, Decimal)) and not isinstance(value, bool):
        raise wrong(
            f"`{name}` needs ISO 8601 text, but got a number.",
            "Write `| from_epoch('s')` or `| from_epoch('ms')` before it.",
        )
    body = need_text(value, name)
    found = _MOMENT.fullmatch(body)
    if not found:
        fix = "Write `| date` for a day without a time." if _DAY.fullmatch(body) else ""
        raise wrong(f"`{name}` needs a time such as 2026-03-10T12:00:00Z, but got {masked(value)}.", fix)
    day, clock, seconds, fraction, offset = found.groups()
    text = f"{day}T{clock}{seconds or ':00'}"
    if fraction:
        text += f".{fraction[:6]:0<6}"
    try:
        return datetime.fromisoformat(text + ("+00:00" if offset in {"Z", "z"} else offset or ""))
    except ValueError:
        raise wrong(f"`{name}` got a day or a time that does not exist.") from None


def _placed(moment: datetime, zone: ZoneInfo, fold: Any, name: str) -> datetime:
    """A wall clock time in a zone. Summer time makes some times not exist, and some exist twice."""
    if fold not in {"first", "second", "refuse"}:
        raise wrong(f"`{name}` knows fold='first', 'second' and 'refuse'.")
    first, second = moment.replace(tzinfo=zone, fold=0), moment.replace(tzinfo=zone, fold=1)
    if first.utcoffset() == second.utcoffset():
        return first
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
        raise wrong(
            f"`{name}` got a time that the clocks skip when summer time begins.", "Have the source send the offset."
        )
    if fold == "refuse":
        raise wrong(
            f"`{name}` got a time that the clocks pass twice when summer time ends.",
            "Use fold='first' or fold='second'.",
        )
    return second if fold == "second" else first


def _iso(moment: datetime) -> str:
    text = moment.isoformat()
    return text[:-6] + "Z" if text.endswith("+00:00") else text


@filter_(
    "datetime",
    _GROUP,
    ("src.at | datetime", {"at": "2026-03-10T12:00:00+01:00"}, "2026-03-10T11:00:00Z"),
    ("src.at | datetime('Europe/Berlin')", {"at": "2026-03-10 12:00:00"}, "2026-03-10T11:00:00Z"),
    ("src.at | datetime('Europe/Berlin', fold='second')", {"at": "2026-10-25T02:30:00"}, "2026-10-25T01:30:00Z"),
    refused=(
        ("src.at | datetime", {"at": "2026-03-10T12:00:00"}, "MAP-TYPE"),
        ("src.at | datetime('Europe/Berlin')", {"at": "2026-03-29T02:30:00"}, "MAP-TYPE"),
        ("src.at | datetime", {"at": "2026-02-29T00:00:00Z"}, "MAP-TYPE"),
        ("src.at | datetime", {"at": 1773140400000}, "MAP-TYPE"),
    ),
)
def datetime_(value: Any, tz: Any = None, fold: Any = "first") -> str:
    """Reads an ISO 8601 time and gives it in UTC.

    A time without an offset needs `tz`, the zone it is meant in. A time that summer time skips is refused; one that occurs
    twice means the first, unless `fold` says 'second' or 'refuse'.
    """
    moment = _parsed(value, "datetime")
    try:
        if moment.tzinfo is None:
            if tz is None:
                raise wrong(
                    "`datetime` got a time without a zone.",
                    "Name its zone: `| datetime('Europe/Berlin')` or `| datetime('UTC')`.",
                )
            moment = _placed(moment, _need_zone(tz, "datetime"), fold, "datetime")
        return _iso(moment.astimezone(UTC))
    except OverflowError:
        raise wrong("`datetime` got a year outside 1 to 9999.") from None


def _moment(value: Any, name: str) -> datetime:
    moment = _parsed(value, name)
    if moment.tzinfo is None:
        raise wrong(f"`{name}` got a time without a zone.", "Write `| datetime('ZONE')` before it.")
    return moment


@filter_(
    "timezone",
    _GROUP,
    ("src.at | timezone('Europe/Berlin')", {"at": "2026-03-10T11:00:00Z"}, "2026-03-10T12:00:00+01:00"),
)
def timezone(value: Any, tz: Any) -> str:
    """Gives the same point in time by the clocks of another zone."""
    try:
        return _iso(_moment(value, "timezone").astimezone(_need_zone(tz, "timezone")))
    except OverflowError:
        raise wrong("`timezone` got a year outside 1 to 9999.") from None


@filter_(
    "date",
    _GROUP,
    ("src.at | date", {"at": "2026-03-10"}, "2026-03-10"),
    ("src.at | date('Europe/Berlin')", {"at": "2026-03-10T23:30:00Z"}, "2026-03-11"),
    refused=(
        ("src.at | date", {"at": "2026-03-10T23:30:00Z"}, "MAP-TYPE"),
        ("src.at | date", {"at": "10.03.2026"}, "MAP-TYPE"),
    ),
)
def date(value: Any, tz: Any = None) -> str:
    """Reads a day (YYYY-MM-DD). For a point in time, `tz` says whose calendar is meant."""
    body = need_text(value, "date")
    if _DAY.fullmatch(body):
        try:
            return datetime.fromisoformat(body).date().isoformat()
        except ValueError:
            raise wrong("`date` got a day that does not exist.") from None
    moment = _moment(value, "date")
    if tz is None:
        raise wrong(
            "`date` got a point in time, whose day depends on the zone.", "Name the zone: `| date('Europe/Berlin')`."
        )
    return timezone(_iso(moment), tz)[:10]


@filter_(
    "parse_date",
    _GROUP,
    ("src.at | parse_date('%d.%m.%Y')", {"at": "10.03.2026"}, "2026-03-10"),
    ("src.at | parse_date('%d/%m/%Y %H:%M', 'UTC')", {"at": "10/03/2026 12:30"}, "2026-03-10T12:30:00Z"),
)
def parse_date(value: Any, form: Any, tz: Any = None) -> str:
    """Reads a day, or with `tz` a point in time, that is written in another form (%d day, %m month, %Y year, %H:%M:%S)."""
    form = _form(form, "parse_date")
    try:
        moment = datetime.strptime(need_text(value, "parse_date"), form)  # noqa: DTZ007  # the zone follows
    except ValueError:
        raise wrong(f"`parse_date` cannot read {masked(value)} in this form.") from None
    if tz is None:
        return moment.date().isoformat()
    return _iso(_placed(moment, _need_zone(tz, "parse_date"), "first", "parse_date").astimezone(UTC))


def _form(form: Any, name: str) -> str:
    body = need_text(form, name)
    if len(body) > 100 or not body.isprintable() or any(part not in _PARTS for part in re.findall(r"%(.?)", body)):
        raise wrong(f"`{name}` got a form that it does not know.", "Use %Y %m %d %H %M %S, as in '%Y-%m-%d %H:%M:%S'.")
    return body


@filter_(
    "format_date",
    _GROUP,
    ("src.at | format_date('%Y-%m-%d %H:%M:%S')", {"at": "2026-03-10T11:00:00Z"}, "2026-03-10 11:00:00"),
    ("src.at | format_date('%d.%m.%Y', 'Europe/Berlin')", {"at": "2026-03-10T23:30:00Z"}, "11.03.2026"),
    ("src.day | format_date('%d.%m.%Y')", {"day": "2026-03-10"}, "10.03.2026"),
)
def format_date(value: Any, form: Any, tz: Any = None) -> str:
    """Writes a day or a point in time in another form; `tz` first turns it to that zone's clocks."""
    form = _form(form, "format_date")
    if isinstance(value, str) and _DAY.fullmatch(value):
        return datetime.fromisoformat(date(value)).strftime(form)
    moment = _moment(value, "format_date")
    return (moment.astimezone(_need_zone(tz, "format_date")) if tz is not None else moment).strftime(form)


_UNIT = {"s": Decimal(1), "ms": Decimal(1000), "us": Decimal(1_000_000)}


def _per_second(unit: Any, name: str) -> Decimal:
    if not isinstance(unit, str) or unit not in _UNIT:
        raise wrong(f"`{name}` counts in 's' (seconds), 'ms' or 'us'.")
    return _UNIT[unit]


@filter_(
    "epoch",
    _GROUP,
    ("src.at | epoch", {"at": "2026-03-10T11:00:00Z"}, 1773140400),
    ("src.at | epoch('ms')", {"at": "2026-03-10T11:00:00Z"}, 1773140400000),
)
def epoch(value: Any, unit: Any = "s") -> int:
    """Gives a point in time as the number of seconds, 'ms' or 'us' since 1970."""
    passed = _moment(value, "epoch") - datetime(1970, 1, 1, tzinfo=UTC)
    return int(_per_second(unit, "epoch") * (passed // timedelta(microseconds=1)) // 1_000_000)


@filter_("from_epoch", _GROUP, ("src.at | from_epoch('ms')", {"at": 1773140400000}, "2026-03-10T11:00:00Z"))
def from_epoch(value: Any, unit: Any) -> str:
    """Reads the number of seconds ('s'), 'ms' or 'us' since 1970. The unit must be said, because it cannot be guessed."""
    micros = exact(value, "from_epoch") * 1_000_000 / _per_second(unit, "from_epoch")
    try:
        return _iso(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=int(micros)))
    except OverflowError:
        raise wrong("`from_epoch` got a year outside 1 to 9999.", "Check whether the unit is 's' or 'ms'.") from None


@filter_(
    "shift",
    _GROUP,
    ("src.at | shift(days=2)", {"at": "2026-03-10"}, "2026-03-12"),
    ("src.at | shift(hours=-1)", {"at": "2026-03-10T11:00:00Z"}, "2026-03-10T10:00:00Z"),
)
def shift(value: Any, days: Any = 0, hours: Any = 0, minutes: Any = 0) -> str:
    """Moves a day, or a point in time, by days, hours and minutes; negative numbers move it back."""
    step = [int(exact(part, "shift")) for part in (days, hours, minutes)]
    day_only = isinstance(value, str) and _DAY.fullmatch(value)
    moment = datetime.fromisoformat(date(value)) if day_only else _moment(value, "shift")
    try:
        moved = moment + timedelta(days=step[0], hours=step[1], minutes=step[2])
    except OverflowError:
        raise wrong("`shift` would leave the years 1 to 9999.") from None
    return moved.date().isoformat() if day_only else _iso(moved)
