"""The payload archive: its shelves, who takes how much of them, and what maintenance did."""

from __future__ import annotations

from typing import Any

from rich.table import Table
from rich.text import Text

from hub.cli.views.console import out

Data = dict[str, Any]
_STYLES = {"ok": "good", "high": "wait", "over": "bad", "full": "bad"}


def bytes_text(number: float) -> str:
    """A size for people: 12.3 MB."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def room_text(room: Data) -> str:
    """What a keeper takes: 1.2 GB of 5.0 GB (24 %)."""
    taken = bytes_text(room["bytes"])
    return f"{taken} of {bytes_text(room['budget'])} ({room['share'] * 100:.0f} %)" if room.get("budget") else taken


def show_archive(data: Data) -> None:
    """The shelves, the newest first, and the budgets."""
    console = out()
    if not data["shelves"]:
        console.print("[quiet]the archive is empty[/quiet]")
    else:
        names = ("written on", "kept until", "payloads", "in the database", "in the object store")
        table = Table(*names, box=None, header_style="quiet", padding=(0, 2, 0, 0))
        for one in reversed(data["shelves"]):
            away = bytes_text(one["moved"]) if one["moved"] else ""
            table.add_row(one["written_on"], one["kept_until"], str(one["payloads"]), bytes_text(one["bytes"]), away)
        console.print(table)
    for room in data["rooms"]:
        style = _STYLES[room["state"]]
        state = "" if room["state"] == "ok" else f"  {room['state']}"
        console.print(Text.assemble((room["title"], "name"), "  ", room_text(room), (state, style)))
        if room.get("advice"):
            console.print(Text.assemble(("→ ", "good"), room["advice"]))


def show_maintained(done: Data, *, dry_run: bool) -> None:
    """What was made and forgotten, or would be."""
    console = out()
    dropped = [one for one in done["dropped"] if one["payloads"]]
    for one in dropped:
        word = "would be forgotten" if dry_run else "forgotten"
        kept = f", {one['kept']} kept because something open needs them" if one["kept"] else ""
        console.print(
            f"{word}: {one['payloads']} payloads of {one['written_on']} ({bytes_text(one['bytes'])}){kept}",
            markup=False,
        )
    for one in done["moved"]:
        word = "would move" if dry_run else "moved"
        where = "" if dry_run else f" in {one['packs']} packs"
        console.print(
            f"{word} to the object store: {one['payloads']} payloads of {one['written_on']} ({bytes_text(one['bytes'])}){where}",
            markup=False,
        )
    for one in done["busy"]:
        console.print(f"in use just now, comes again: {one['day']}", markup=False)
    if done["made"]:
        word = "would be made" if dry_run else "made"
        console.print(f"{word} ahead: {len(done['made'])} shelves up to {done['made'][-1]['day']}", markup=False)
    if not (dropped or done["moved"] or done["busy"] or done["made"]):
        console.print("nothing to do")
