"""JSON lines in: one object on each line, read as strictly as everything from outside."""

from __future__ import annotations

from collections.abc import Iterator

from connectors.files.config import Reading
from connectors.files.formats.base import Lines, Position, Row
from hub.errors import InputRefused
from hub.sdk.files import FileReader
from hub.sdk.jsonio import read_object


def rows(reader: FileReader, spec: Reading, at: Position) -> Iterator[Row]:
    """The rows behind ``at``."""
    lines = Lines(reader, spec, at)
    if not at.rows and not at.offset:
        lines.skip(spec.skip_lines)
    number = at.rows
    for text in lines:
        lines.mark()
        if not text.strip():
            continue
        number += 1
        try:
            yield Row(read_object(text), number, lines.line, lines.offset, lines.line)
        except InputRefused as e:
            yield Row(text.strip(), number, lines.line, lines.offset, lines.line, e.message)
