"""Lists as tables: messages, deliveries, exceptions and records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from hub.canonical.reasons import REASONS
from hub.cli.views.console import out, safe, state_text
from hub.cli.views.times import ago

Row = dict[str, Any]


def _table(*columns: str) -> Table:
    table = Table(box=None, header_style="quiet", padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold", justify="right" if column == "id" else "left")
    return table


def _row(table: Table, *cells: str | Text) -> None:
    """Text as it is: what comes from outside is never read as markup."""
    table.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in cells))


def show_messages(found: Sequence[Row], now: float) -> None:
    """Messages, one a row."""
    if not found:
        out().print("[quiet]no messages[/quiet]")
        return
    table = _table("id", "received", "from", "stream", "external id", "state", "why")
    for one in found:
        _row(
            table, str(one["id"]), ago(one["received_at"], now), Text(one["connection"], "name"), one["stream"],
            safe(one["external_id"]), state_text(one["state"]), _why(one["reason"]),
        )  # fmt: skip
    out().print(table)


def show_deliveries(found: Sequence[Row], now: float) -> None:
    """Deliveries, one a row."""
    if not found:
        out().print("[quiet]no deliveries[/quiet]")
        return
    table = _table("id", "message", "flow", "to", "record", "state", "attempts", "made", "why")
    for one in found:
        state = state_text(one["state"])
        if one["state"] in {"pending", "waiting"} and one["due_at"] > now:
            state.append(f", {ago(one['due_at'], now)}")
        target = Text.assemble((one["target"], "name"), " ", safe(one["external_id"] or ""))
        _row(
            table, str(one["id"]), str(one["message_id"]), one["flow"], target, safe(one["record_id"]), state,
            str(one["attempt"]), ago(one["created_at"], now), _why(one["reason"]),
        )  # fmt: skip
    out().print(table)


_ALIKE = 3
"""So many exceptions with one cause are shown; the others are counted."""


def show_exceptions(found: Sequence[Row], now: float) -> None:
    """The exceptions desk: each with its reason and what to do. Those with one cause are shown together."""
    if not found:
        out().print("[good]nothing waits for a person[/good]")
        return
    causes: dict[tuple[str, ...], list[Row]] = {}
    for one in found:
        causes.setdefault((one["code"], one["state"], one["detail"], one.get("where") or ""), []).append(one)
    for alike in causes.values():
        for one in alike[:_ALIKE]:
            _exception(one, now)
        if len(alike) > _ALIKE:
            code, left = alike[0]["code"], len(alike) - _ALIKE
            numbers = ", ".join(str(one["id"]) for one in alike[_ALIKE : _ALIKE + 20]) + (" ..." if left > 20 else "")
            _indented(Text.assemble((f"and {left} more like it", "name"), f": {numbers}"))
            if alike[0]["state"] == "open":
                _indented(Text.assemble(("→ ", "good"), f"all at once: hub exceptions release --code {code}"))


def _exception(one: Row, now: float) -> None:
    head = Text.assemble(
        (f"exception {one['id']}", "name"), "  ", (one["code"], "bad" if one["state"] == "open" else "quiet"), "  ",
        state_text(one["state"]), f"  {ago(one['opened_at'], now)}",
    )  # fmt: skip
    out().print(head)
    route = one["connection"] + (f" → {one['target']}" if one.get("target") else "")
    what = f"{route}  {one['stream']} {safe(one['external_id'])}"
    keys = ", ".join(one.get("keys", ()))
    _indented(Text.assemble((what, "key"), f"  message {one['message_id']}", f"  ({safe(keys)})" if keys else ""))
    _indented(Text(safe(one["detail"] or _meaning(one["code"]))))
    if one.get("where"):
        _indented(Text.assemble(("at ", "quiet"), (safe(one["where"]), "key")))
    fix = fix_of(one)
    if fix and one["state"] == "open":
        _indented(Text.assemble(("→ ", "good"), safe(fix)))
    if one.get("note") or one.get("closed_by"):
        _indented(Text(f"{one['state']} by {one['closed_by'] or '?'} {safe(one['note'] or '')}".rstrip(), "quiet"))


def show_records(found: Sequence[Row], now: float) -> None:
    """Canonical records, one a row."""
    if not found:
        out().print("[quiet]no records[/quiet]")
        return
    table = _table("record", "entity", "key", "version", "from", "changed", "message")
    for one in found:
        _row(
            table, Text(one["id"], "name"), one["entity"], safe(one["natural_key"] or ""), str(one["version"]), one["origin"],
            ago(one["updated_at"], now), str(one["message_id"]),
        )  # fmt: skip
    out().print(table)


def fix_of(exception: Row) -> str:
    """What to do about an exception: its own words, else those of its reason code; with its number in the command."""
    registered = REASONS.get(exception["code"])
    text = exception.get("fix") or (registered.fix if registered else "")
    return str(text).replace("release ID", f"release {exception['id']}")


def _meaning(code: str) -> str:
    return REASONS[code].meaning if code in REASONS else ""


def _why(code: str | None) -> Text:
    if not code:
        return Text("")
    meaning = _meaning(code)
    return Text.assemble(code, (f"  {meaning}" if meaning else "", "quiet"))


def _indented(text: Text) -> None:
    out().print(Padding(text, (0, 0, 0, 2), expand=False))
