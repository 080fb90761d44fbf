"""Walks over what changed in an Odoo model, losing nothing to Odoo's clock.

Three facts of Odoo make this hard. ``write_date`` is stored in microseconds, shown and compared in whole seconds, so that ">"
loses the rest of a second. It is the time at which the transaction *began*, so that a long one shows its records later under an
older stamp. And one transaction may stamp thousands of records with the very same time.

So each walk begins ``overlap`` seconds before the newest stamp it knows, goes on by whole seconds with ">=", and pages by id inside
a second that holds more than a page. What it met before and is unchanged it leaves out by a fingerprint kept in the cursor.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from connectors.odoo.client import OdooClient, Record

BEGINNING = "1970-01-01 00:00:00"
FORMAT = "%Y-%m-%d %H:%M:%S"
_MOST_SEEN = 500


def parsed(stamp: str) -> datetime:
    """Odoo's "2026-11-21 01:47:32", which is UTC without saying so."""
    return datetime.strptime(stamp, FORMAT).replace(tzinfo=UTC)


def shifted(stamp: str, seconds: int) -> str:
    """The stamp, some seconds later or earlier; never before the beginning."""
    return max(BEGINNING, (parsed(stamp) + timedelta(seconds=seconds)).strftime(FORMAT))


def iso(stamp: object) -> str:
    """The stamp as ISO 8601 with its zone; "" for Odoo's false."""
    return parsed(stamp).isoformat().replace("+00:00", "Z") if isinstance(stamp, str) else ""


def fingerprint(payload: Any) -> str:
    """Sixteen characters that differ when the content does."""
    text = json.dumps(payload, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass
class Walk:
    """A walk over one model: where it stands, and what it met. It is stored as the cursor of a poll."""

    high: str = ""
    at: str = ""
    after: int = 0
    by_id: bool = False
    seen: dict[str, list[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, cursor: dict[str, Any] | None) -> Walk:
        """The walk that a stored cursor describes; none = a new one from the beginning."""
        return cls(**cursor) if cursor else cls()

    @classmethod
    def since(cls, moment: datetime) -> Walk:
        """A new walk from a point in time on."""
        return cls(at=moment.astimezone(UTC).strftime(FORMAT))

    def as_cursor(self) -> dict[str, Any]:
        """The walk as JSON data."""
        return {"high": self.high, "at": self.at, "after": self.after, "by_id": self.by_id, "seen": self.seen}

    def step(
        self,
        client: OdooClient,
        model: str,
        domain: list[Any],
        fields: list[str],
        limit: int,
        *,
        overlap: int,
        now: datetime,
    ) -> tuple[list[Record], bool]:
        """The next records that are new or changed, and whether there is more to read at once."""
        if not self.at:
            self.at = shifted(self.high, -overlap) if self.high else BEGINNING
        asked = list(dict.fromkeys(["id", "write_date", *fields]))
        context = {"active_test": False}
        if self.by_id:
            inside = [["write_date", ">=", self.at], ["write_date", "<", shifted(self.at, 1)], ["id", ">", self.after]]
            rows = client.search_read(model, [*domain, *inside], asked, order="id", limit=limit, context=context)
        else:
            since = [["write_date", ">=", self.at]]
            rows = client.search_read(
                model, [*domain, *since], asked, order="write_date, id", limit=limit, context=context
            )
        more = self._move(rows, full=len(rows) >= limit)
        fresh = [row for row in rows if self._is_new(row)]
        self._remember(rows, overlap, now)
        return fresh, more

    def _move(self, rows: list[Record], *, full: bool) -> bool:
        if self.by_id:
            if full:
                self.after = rows[-1]["id"]
            else:
                self.at, self.after, self.by_id = shifted(self.at, 1), 0, False
            return True
        if not full:
            self.at = ""
            return False
        last = rows[-1]["write_date"]
        if last > self.at:
            self.at = last
        else:  # more than a page in one second: go through that second by id
            self.by_id = True
        return True

    def _is_new(self, row: Record) -> bool:
        return self.seen.get(str(row["id"])) != [row["write_date"], fingerprint(row)]

    def _remember(self, rows: list[Record], overlap: int, now: datetime) -> None:
        """Keep what the next walk will meet again. A stamp from the future must not carry the walk past the present."""
        if not rows:
            return
        present = (now + timedelta(seconds=overlap)).strftime(FORMAT)
        self.high = max(self.high, min(max(row["write_date"] for row in rows), present))
        for row in rows:
            self.seen[str(row["id"])] = [row["write_date"], fingerprint(row)]
        oldest = shifted(self.high, -overlap)
        kept = [(key, value) for key, value in self.seen.items() if value[0] >= oldest]
        kept.sort(key=lambda item: item[1][0])
        self.seen = dict(kept[-_MOST_SEEN:])
