"""Several writes in one call: the outcome of each in its place, and which of them a mutation has refused.

The mutations that take many are all or nothing here. What is refused is named by its place in the input; it alone is told so, and the
others are sent again without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

from connectors.shopify.api import UserErrors
from connectors.shopify.shapes import Json
from hub.errors import HubError
from hub.sdk.records import DeliverResult, OutboundRecord

Outcome = DeliverResult | HubError
Place = tuple[str, int]
"""A list of the input, by its name, and the place in it, from 0."""


class Outcomes:
    """The outcomes of several writes, by their place among ``records``. Those that have none yet are open."""

    def __init__(self, records: Sequence[OutboundRecord]) -> None:
        self.records = records
        self._told: dict[int, Outcome] = {}

    @property
    def open(self) -> list[int]:
        """The places of the writes whose outcome is not known yet."""
        return [place for place in range(len(self.records)) if place not in self._told]

    def tell(self, place: int, outcome: Outcome) -> None:
        """Say what became of one write."""
        self._told[place] = outcome

    def all(self) -> list[Outcome]:
        """Every outcome, in the order of the writes."""
        return [self._told[place] for place in range(len(self.records))]

    def alone(self, places: Iterable[int], write: Callable[[OutboundRecord], DeliverResult]) -> None:
        """Make these writes one by one."""
        for place in places:
            with self.standing_for([place]):
                self.tell(place, write(self.records[place]))

    @contextmanager
    def standing_for(self, places: Iterable[int]) -> Iterator[None]:
        """An error that comes up inside is the outcome of all these writes that are still open."""
        try:
            yield
        except HubError as error:
            for place in places:
                self._told.setdefault(place, error)


def all_or_none(
    told: Outcomes, parts: list[tuple[int, Json]], named: str, send: Callable[[list[tuple[int, Json]]], None]
) -> None:
    """Send these parts of the input's list ``named`` in one call. Those that are refused are told so, and the others sent again.

    A part is the place of its write, and its input; ``send`` makes the call, and tells the outcomes. Where the shop does not say which it
    refuses, the writes stay open.
    """
    while parts:
        try:
            send(parts)
        except UserErrors as refused:
            gone = {index: no for (name, index), no in refused_places(refused).items() if name == named}
            if not gone:
                return
            for index, no in gone.items():
                told.tell(parts[index][0], no)
            parts = [part for index, part in enumerate(parts) if index not in gone]
        else:
            return


def refused_places(refused: UserErrors) -> dict[Place, UserErrors]:
    """What a mutation refused, by the place that each error's ``field`` names. Empty when an error names none: then it is about all.

    A field is a path such as ``["input", "quantities", "3", "quantity"]``.
    """
    found: dict[Place, list[dict[str, Any]]] = {}
    for error in refused.errors:
        path = [str(part) for part in error.get("field") or []]
        place = next(((name, int(index)) for name, index in pairwise(path) if index.isdigit()), None)
        if place is None:
            return {}
        found.setdefault(place, []).append(error)
    return {place: UserErrors(refused.operation, errors) for place, errors in found.items()}
