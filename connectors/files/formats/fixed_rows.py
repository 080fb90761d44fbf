"""Fixed-width lines in: every line has all columns, and nothing more. Blanks around a value are not part of it."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.files.config import Reading
from connectors.files.formats.base import Lines, Position, Row
from hub.sdk.files import FileReader


def rows(reader: FileReader, spec: Reading, at: Position) -> Iterator[Row]:
    """The rows behind ``at``."""
    lines = Lines(reader, spec, at)
    if not at.rows and not at.offset:
        lines.skip(spec.skip_lines)
    columns, start = [], 0
    for column in spec.widths:
        columns.append((column.name, start, start + column.width))
        start += column.width
    number = at.rows
    for text in lines:
        lines.mark()
        line = text.rstrip("\r\n")
        if not line:
            continue
        number += 1
        if len(line) < start or line[start:].strip(" "):
            fault = f"{len(line)} characters, and the columns have {start}"
            yield Row(line, number, lines.line, lines.offset, lines.line, fault)
            continue
        values = {name: line[first:last].strip(" ") for name, first, last in columns}
        yield Row(values, number, lines.line, lines.offset, lines.line)
