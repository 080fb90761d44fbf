"""What the checked form knows about where a value came from while it makes it, and who is told about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub.mapping import tree

MOST_READS = 200
"""Above so many paths a value is said to depend on the whole source."""


@dataclass(slots=True)
class Bound:
    """A named value; ``origin`` is its path in the source, or ``reads`` has the paths it was made of, with their values."""

    value: Any
    origin: str | None = None
    reads: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Reads:
    """The source paths, and their values, that one value depends on: by its content, or only by the way that was taken."""

    data: dict[str, Any] = field(default_factory=dict)
    control: dict[str, Any] = field(default_factory=dict)

    def all(self) -> dict[str, Any]:
        """Both together; very many are put down as the whole source."""
        both = {**self.control, **self.data}
        return both if len(both) <= MOST_READS else {"src": None}


class Recorder:
    """What is told about every value as it is made; this one listens to nothing. See :mod:`hub.mapping.lineage`."""

    def leaf(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:
        """A value was made."""

    def lookup(self, table: str, key: Any, hit: Any) -> None:
        """The next value came from this row of a table."""

    def shape(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:
        """A list or an object was made by $for; ``reads`` decided how many items it has."""

    def mark(self) -> int:
        """How much has been told so far."""
        return 0

    def moved(self, since: int, target: str, by: int) -> None:
        """The items told since then stand ``by`` places later in the list at ``target``."""

    def dropped(self, since: int) -> dict[str, Any]:  # noqa: ARG002 - this one listens to nothing
        """What was told since then did not get into the output; gives the paths that decided so."""
        return {}
