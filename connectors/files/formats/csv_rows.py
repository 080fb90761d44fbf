"""CSV in: every field is text, exactly as it stands there. What does not fit the header is a fault with its line."""

from __future__ import annotations

import csv
from collections.abc import Iterator

from connectors.files.config import Reading
from connectors.files.formats.base import FileFault, Lines, Position, Row
from hub.sdk.files import FileReader


def rows(reader: FileReader, spec: Reading, at: Position) -> Iterator[Row]:
    """The rows behind ``at``."""
    lines = Lines(reader, spec)
    lines.skip(spec.skip_lines)
    names = _header(lines, spec) if spec.header else spec.column_names
    if at.offset:
        lines = Lines(reader, spec, at)
    number = at.rows
    # A blank line gives an empty row; files often end with some.
    for line, fields in _parse(lines, spec):
        if not fields:
            continue
        number += 1
        if len(fields) == len(names):
            yield Row(dict(zip(names, fields, strict=True)), number, line, lines.offset, lines.line)
        else:
            said = f"{len(fields)} fields, and the header names {len(names)} columns"
            yield Row(spec.delimiter.join(fields), number, line, lines.offset, lines.line, said)


def _parse(lines: Lines, spec: Reading) -> Iterator[tuple[int, list[str]]]:
    parser = csv.reader(lines, delimiter=spec.delimiter, quotechar=spec.quote, strict=True)
    while True:
        line = lines.line + 1
        try:
            fields = next(parser, None)
        except csv.Error as e:
            raise FileFault(_said(str(e)), line) from None
        if fields is None:
            return
        lines.mark()
        yield line, fields


def _header(lines: Lines, spec: Reading) -> list[str]:
    """The names of the columns; where the settings name them too, they must be these."""
    line, names = next(((line, fields) for line, fields in _parse(lines, spec) if fields), (1, []))
    if not names:
        raise FileFault("there is no header", line)
    for position, name in enumerate(names, 1):
        if not name.strip():
            raise FileFault(f"column {position} has no name", line)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileFault(f"two columns have the name {twice[0]!r}", line)
    missing = [name for name in (*spec.column_names, *spec.id) if name not in names]
    if missing:
        raise FileFault(f"there is no column {missing[0]!r}", line)
    return names


def _said(error: str) -> str:
    """The library's words, in those of a person who looks at the file."""
    if "field larger than field limit" in error:
        return f"a field is longer than {csv.field_size_limit()} characters (a quote that is never closed?)"
    if "expected after" in error:
        return "there is something behind the closing quote of a field (a quote inside a field is written twice)"
    if "unexpected end of data" in error:
        return "the file ends inside a quoted field"
    return error
