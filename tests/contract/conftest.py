"""Copies of a connector's source with names spelt wrongly, for the proofs that a check of the source finds them."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

import pytest


class Name(NamedTuple):
    """One name in a source: its file below the source's folder, where in the file it begins, and its line."""

    file: str
    start: int
    line: int
    text: str


class Mutants:
    """Spells names of a source wrongly, in copies."""

    Name = Name

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made = 0

    def copy(self, source: Path, names: Iterable[Name]) -> Path:
        """A copy in which each of the names has two letters more."""
        self._made += 1
        target = self._folder / str(self._made) / source.name
        shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        for name in sorted(names, key=lambda one: -one.start):
            path = target / name.file
            body = path.read_text(encoding="utf-8")
            end = name.start + len(name.text)
            assert body[name.start : end] == name.text, name
            path.write_text(f"{body[:end]}Xx{body[end:]}", encoding="utf-8")
        return target

    def not_found(
        self, source: Path, names: list[Name], found: Callable[[Path], set[tuple[str, int, str]]]
    ) -> list[Name]:
        """Which of the misspelt names a check does not tell with file and line. One may hide another, so those are tried again apart."""
        left = names
        while left:
            told = found(self.copy(source, left))
            again = [one for one in left if not _told(one, told)]
            if again and len(again) == len(left):
                return (
                    again
                    if len(again) == 1
                    else [one for lost in again for one in self.not_found(source, [lost], found)]
                )
            left = again
        return []

    def twenty(self, names: Iterable[Name], seed: int) -> list[Name]:
        """Twenty of the names, from as many files as there are."""
        dice = random.Random(seed)
        by_file: dict[str, list[Name]] = {}
        for name in sorted(set(names)):
            by_file.setdefault(name.file, []).append(name)
        files = dice.sample(sorted(by_file), len(by_file))
        chosen: list[Name] = []
        while len(chosen) < 20:
            for file in files:
                left = [name for name in by_file[file] if name not in chosen]
                chosen += [dice.choice(left)] if left and len(chosen) < 20 else []
        return chosen


def _told(name: Name, told: set[tuple[str, int, str]]) -> bool:
    return any(file == name.file and line == name.line and f"{name.text}Xx" in said for file, line, said in told)


@pytest.fixture
def mutants(tmp_path: Path) -> Mutants:
    return Mutants(tmp_path / "mutants")
