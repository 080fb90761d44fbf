"""The answer before the details: where is it now, and under which ids do the systems know it?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from hub.canonical.reasons import REASONS
from hub.cli.views.console import out, safe, state_text
from hub.cli.views.times import ago

if TYPE_CHECKING:
    from hub.store import Store

_UNFINISHED = {"new", "leased", "waiting", "pending"}
_MOST_RECORDS = 8
_NAMES = ("number", "sku", "code", "name")
"""What people call a record that has no natural key, the best first."""


def story(store: Store, views: Sequence[Any]) -> dict[str, Any]:
    """The records that these messages are about, with their links; what is under way; and what waits for a person."""
    from hub.store import listing

    deliveries = [delivery for view in views for delivery in view.deliveries]
    record_ids = list(dict.fromkeys(delivery["record_id"] for delivery in deliveries))
    records = [found for one in record_ids[-_MOST_RECORDS:] if (found := listing.record_view(store.database, one))]
    desk = [one for view in views for one in view.exceptions if one["state"] == "open"]
    busy = [one for one in deliveries if one["state"] in _UNFINISHED]
    flying = bool(busy) or any(view.message["state"] in _UNFINISHED for view in views)
    return {
        "state": "exception" if desk else "in_flight" if flying else "done",
        "records": [_record(record) for record in records],
        "more_records": max(0, len(record_ids) - _MOST_RECORDS),
        "under_way": [
            {
                key: one[key]
                for key in ("id", "flow", "target", "state", "reason", "due_at")
                if one[key] not in (None, "")
            }
            for one in busy
        ],
        "open_exceptions": [{"id": one["id"], "code": one["code"]} for one in desk],
    }


def _record(record: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": record["id"],
        "entity": record["entity"],
        "key": record["natural_key"]
        or next((str(record["body"][name]) for name in _NAMES if record["body"].get(name)), ""),
        "known_as": {link["connection"]: link["external_id"] for link in record["links"]},
    }


def show_story(told: dict[str, Any], now: float) -> None:
    """The records and the verdict, one line each."""
    console = out()
    for record in told["records"]:
        text = Text.assemble(
            (record["entity"], "name"), " ", (safe(record["key"]), "key"), (f"  {record['id']}", "quiet")
        )
        for connection, external_id in record["known_as"].items():
            text.append("  = ", "quiet").append(connection, "name").append(f" {safe(external_id)}")
        console.print(text)
    if told["more_records"]:
        console.print(Text(f"and {told['more_records']} more records", "quiet"))
    for one in told["open_exceptions"]:
        meaning = REASONS[one["code"]].meaning if one["code"] in REASONS else ""
        number = one["id"]
        console.print(
            Text.assemble(("waits for a person", "bad"), f": {one['code']} {meaning} (hub exceptions show {number})")
        )
    for one in told["under_way"]:
        when = f", {ago(one['due_at'], now)}" if one["state"] != "leased" and one["due_at"] > now else ""
        why = f" {one['reason']}" if one.get("reason") else ""
        console.print(
            Text.assemble(
                ("on its way", "busy"), f": {one['flow']} to {one['target']} ", state_text(one["state"]), why, when
            )
        )
    if told["state"] == "done":
        console.print(Text.assemble(("done", "good"), ": nothing is under way, and nothing waits for a person"))
    elif not told["open_exceptions"] and not told["under_way"]:
        console.print(Text.assemble(("on its way", "busy"), ": the hub has it and has not finished with it"))
