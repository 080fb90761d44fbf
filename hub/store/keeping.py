"""How long payloads are kept. A keeper is who wrote them: a connection for its messages, a flow for its deliveries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

DEFAULT_DAYS = 30


def flow_keeper(flow: str) -> str:
    """The keeper of what the deliveries of a flow write. The keeper of a message's payloads is its connection's name."""
    return f"flow:{flow}"


@dataclass(frozen=True, slots=True)
class Keeping:
    """The days that payloads are kept after the day on which they were written: for all, and for single keepers."""

    days: int = DEFAULT_DAYS
    special: Mapping[str, int] = field(default_factory=dict)

    def of(self, keeper: str) -> int:
        """The days for one keeper."""
        return self.special.get(keeper, self.days)

    @property
    def different(self) -> frozenset[int]:
        """Every number of days that is in use."""
        return frozenset({self.days, *self.special.values()})
