"""Writes the page of all filters from their registry: ``python -m hub.mapping.tools.reference docs/mapping/filters.md``."""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path

from hub.mapping.filters import FILTERS, Filter
from hub.mapping.tools.data import one_line

_HEAD = """# Filters

A filter stands after a `|`: `{{ src.price | money('EUR') }}`. It takes the value before it, is strict about what that is, and never
rounds, guesses or cuts in silence. Every example on this page is run by the test suite; a code such as `MAP-TYPE` means that the value
is refused with that error. This page is made from the filters themselves; do not edit it.
"""


def filters_page() -> str:
    """The page as Markdown."""
    entries = list(FILTERS.values())
    order = list(dict.fromkeys(entry.group for entry in entries))
    entries.sort(key=lambda entry: (order.index(entry.group), entry.name))
    lines = [_HEAD]
    for group, found in groupby(entries, key=lambda entry: entry.group):
        members = list(found)
        lines.append(f"## {group[:1].upper()}{group[1:]}\n")
        lines.append(" · ".join(f"[{entry.name}](#{entry.name})" for entry in members) + "\n")
        lines += [_entry(entry) for entry in members]
    return "\n".join(lines)


def _entry(entry: Filter) -> str:
    rows = [f"### {entry.name}\n", entry.doc, "", "| expression | with | gives |", "|---|---|---|"]
    for example in (*entry.examples, *entry.refused):
        given = ", ".join(f"{name}: {one_line(value, 90)}" for name, value in example.source.items())
        refused = example in entry.refused
        gives = str(example.result) if refused else one_line(example.result, 120)
        cells = (f"`{_cell(example.expression)}`", f"`{_cell(given)}`" if given else "", f"`{_cell(gives)}`")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", "\\n")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(filters_page(), encoding="utf-8")
