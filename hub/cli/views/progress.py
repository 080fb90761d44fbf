"""Progress bars on long work: on standard error, at a terminal only, and gone when the work is done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from hub.cli.views.console import err

T = TypeVar("T")

_SHORT = 10


def track(items: Sequence[T], what: str) -> Iterator[T]:
    """The items, with a bar while they are worked on. Short work shows none."""
    console = err()
    quiet = len(items) < _SHORT or not console.is_terminal
    with Progress(
        TextColumn(what), BarColumn(), MofNCompleteColumn(), console=console, transient=True, disable=quiet
    ) as progress:
        yield from progress.track(items, description=what)
