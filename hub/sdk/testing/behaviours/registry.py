"""What a behaviour is, and the list of all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from hub.sdk.testing.bench import DEADLINE, Bench


class Level(IntEnum):
    """How good a connector is that has a behaviour and all those of lower levels."""

    BRONZE = 1
    SILVER = 2
    GOLD = 3
    PLATINUM = 4


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One named behaviour. ``needs`` is the operation that a stream must claim ("" = it belongs to the connector as a whole).

    ``deadline`` is the time that each call of it may take.
    """

    name: str
    sentence: str
    level: Level
    needs: str
    run: Callable[..., None]
    deadline: float = DEADLINE


BEHAVIOURS: dict[str, Behaviour] = {}

Run = Callable[[Bench], None] | Callable[[Bench, str], None]


def behaviour(level: Level, needs: str = "", *, deadline: float = DEADLINE) -> Callable[[Any], Any]:
    """Register a function as a behaviour. Its name is the behaviour's name, and its docstring what it says of the connector."""

    def register(run: Any) -> Any:
        name = run.__name__
        sentence = " ".join((run.__doc__ or "").split())
        BEHAVIOURS[name] = Behaviour(name, sentence, level, needs, run, deadline)
        return run

    return register
