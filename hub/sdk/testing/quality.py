"""``quality.yaml``: which level a connector claims, what has been shown for it, what is left to do, and what does not apply.

    quality: 1
    grade: gold
    gold:
      conformance: {status: done}
      published_schema: {status: exempt, comment: "the vendor publishes none"}

A claim holds where nothing up to its level is left to do, and a whole run of the conformance kit reaches it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hub.documents import Document, from_validation, read
from hub.errors import ConfigError
from hub.sdk.testing.behaviours import Level

FILE = "quality.yaml"


class Status(StrEnum):
    """Where something stands."""

    DONE = "done"
    TODO = "todo"
    EXEMPT = "exempt"


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Entry(_Part):
    """One thing that belongs to a level. What is not done says why."""

    status: Status
    comment: str = ""


class Claims(_Part):
    """The whole file."""

    quality: Literal[1]
    grade: Literal["none", "bronze", "silver", "gold", "platinum"]
    bronze: dict[str, Entry] = Field(default_factory=dict)
    silver: dict[str, Entry] = Field(default_factory=dict)
    gold: dict[str, Entry] = Field(default_factory=dict)
    platinum: dict[str, Entry] = Field(default_factory=dict)

    def entries(self) -> Iterator[tuple[Level, str, Entry]]:
        """Every entry with its level."""
        for level in Level:
            for name, entry in getattr(self, level.name.lower()).items():
                yield level, name, entry


def claims(folder: Path, name: str = FILE) -> tuple[Claims, Document] | None:
    """What the file in a connector's folder claims; none where it has no such file. Raises `ConfigError` with file and line."""
    path = folder / FILE
    if not path.is_file():
        return None
    document = read(path, name)
    try:
        return Claims.model_validate(document.data if document.data is not None else {}), document
    except ValidationError as error:
        raise from_validation(error, document, Claims)[0] from None


def level_of(grade: str) -> int:
    """A grade's place, from 0 for "none" to 4 for "platinum"."""
    return 0 if grade == "none" else Level[grade.upper()].value


def doubts(folder: Path, reached: str | None, *, fits: bool | None = None, name: str = FILE) -> list[ConfigError]:
    """Why the file's claim does not hold, each with file and line; empty where it holds, or nothing is claimed.

    ``reached`` is the grade of a whole run of the kit, none where there was none; ``fits`` says whether the source fits the vendor's
    description, none where it was not held against one.
    """
    found = claims(folder, name)
    if found is None:
        return []
    said, document = found
    wanted = level_of(said.grade)
    made = []
    for level, entry_name, entry in said.entries():
        where = document.where((level.name.lower(), entry_name))
        if entry.status is not Status.DONE and not entry.comment.strip():
            made.append(_doubt(f"{entry_name} is {entry.status} and does not say why.", where, "Add a comment."))
        if entry.status is Status.TODO and level <= wanted:
            fix = f"Do it, or claim less than {level.name.lower()}."
            made.append(_doubt(f"{said.grade} is claimed, and {entry_name} is left to do.", where, fix))
        if entry_name == "published_schema" and entry.status is Status.DONE and fits is False:
            made.append(_doubt("the source does not fit the vendor's description.", where, "Mend what does not fit."))
    if reached is not None and level_of(reached) < wanted:
        where = document.where(("grade",))
        made.append(_doubt(f"{said.grade} is claimed, and the run reached {reached}.", where, f"Claim {reached}."))
    return made


def _doubt(message: str, where: str, fix: str) -> ConfigError:
    return ConfigError(message, code="CON-QUALITY", where=where, fix=fix)
