"""What a check against a vendor's description finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from hub.sdk.testing.specs.values import Text


class Kind(StrEnum):
    """What is wrong with a use of the vendor's API."""

    UNKNOWN = "unknown"
    """The description does not have it."""
    REMOVED = "removed"
    """The description in use has it, and the other one does not (any more)."""
    MISSING = "missing"
    """The description requires it, and the connector does not give it."""
    MISMATCH = "mismatch"
    """It is there, and of another type."""
    UNASKED = "unasked"
    """The connector reads it from an answer without having asked for it."""
    DEPRECATED = "deprecated"
    """It is there, and will go."""
    OPTIONAL = "optional"
    """It is not there; the connector asks the system for it before it is used."""

    UNDESCRIBED = "undescribed"
    """The description does not name it, and says that there may be more than it names."""


_HARMLESS = frozenset({Kind.DEPRECATED, Kind.OPTIONAL, Kind.UNDESCRIBED})


@dataclass(frozen=True, slots=True, order=True)
class Misfit:
    """One use that does not fit: where it stands in the connector's source, what is used, and what is wrong with it."""

    file: str
    line: int
    kind: Kind
    what: str
    said: str

    @property
    def breaks(self) -> bool:
        """Would the system refuse it?"""
        return self.kind not in _HARMLESS

    def as_dict(self) -> dict[str, Any]:
        """The misfit as JSON data."""
        return {"kind": str(self.kind), "file": self.file, "line": self.line, "what": self.what, "said": self.said}


def misfit(place: Text, kind: Kind, what: str, said: str, known: Iterable[str] = (), word: str = "") -> Misfit:
    """A misfit at a place; with the likely spelling of ``word`` where something ``known`` is near."""
    near = get_close_matches(word or place.text, list(known), 1, cutoff=0.75)
    if place.guarded and kind is Kind.UNKNOWN:
        kind, said = Kind.OPTIONAL, f"{said.rstrip('.')}; the connector asks before it uses it."
    return Misfit(place.file, place.line, kind, what, said + (f" Did you mean {near[0]}?" if near else ""))
