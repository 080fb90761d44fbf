"""Merge what one system says about a record into what the hub knows, by who owns which field."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hub.canonical import Entity
from hub.pipeline.context import Ownership

_ANYBODY = Ownership()


@dataclass(slots=True)
class MergeResult:
    """The merged record; which fields changed; and which changes were dropped because the sender does not own the field."""

    data: dict[str, Any]
    changed: tuple[str, ...]
    dropped: tuple[str, ...]

    @property
    def unchanged(self) -> bool:
        """Does the record stay as it was?"""
        return not self.changed


def merge(
    existing: dict[str, Any] | None,
    incoming: dict[str, Any],
    source: str,
    ownership: Ownership | None,
    known: Entity | None = None,
    told: Entity | None = None,
) -> MergeResult:
    """The record after ``source`` said ``incoming``. What it does not say stays; null means "explicitly empty".

    The first system that tells of a record may say everything, since nobody has said anything yet. ``ext`` is everybody's own:
    each system's part of it is replaced as a whole. ``known`` and ``told`` are the two as models, so that 10.0 equals 10.00.
    """
    if existing is None:
        return MergeResult(incoming, tuple(sorted(incoming)), ())
    owners = ownership or _ANYBODY
    merged = dict(existing)
    changed, dropped = [], []
    for name, said in incoming.items():
        value = {**existing.get("ext", {}), **said} if name == "ext" else said
        if name in existing and _equal(name, existing[name], value, known, told):
            continue
        owner = owners.of(name)
        if name == "ext" or owner is None or owner == source:
            merged[name] = value
            changed.append(name)
        else:
            dropped.append(name)
    return MergeResult(merged, tuple(sorted(changed)), tuple(sorted(dropped)))


def _equal(name: str, old: Any, new: Any, known: Entity | None, told: Entity | None) -> bool:
    if old == new:
        return True
    if known is None or told is None or name == "ext":
        return False
    return bool(getattr(known, name) == getattr(told, name))


def is_stale(seen: str, stream: str, version: str) -> bool:
    """Is this version older than what was seen? Versions are compared as text, and only within the stream that they came from."""
    known_stream, _, known = seen.partition(" ")
    return bool(known) and bool(version) and known_stream == stream and version < known


def seen_version(stream: str, version: str) -> str:
    """How a link remembers the newest version that was seen."""
    return f"{stream} {version}" if version else ""
