"""What is wrong with a mapping file, and what is wrong with a record: findings of the lint and the two kinds of errors."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

from hub.errors import MappingError

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong with a mapping file. ``line`` and ``column`` count from 1; ``fix`` says what to write instead."""

    code: str
    severity: Severity
    file: str
    line: int
    column: int
    message: str
    fix: str = ""

    @property
    def where(self) -> str:
        """The place as editors and terminals understand it: file:line:column."""
        return f"{self.file}:{self.line}:{self.column}"

    def __str__(self) -> str:
        return f"{self.where}: {self.severity} {self.code}: {self.message}{' ' + self.fix if self.fix else ''}"


class MappingInvalid(MappingError):
    """A mapping file cannot be used. ``findings`` lists all that is wrong; the message is the first of them."""

    def __init__(self, findings: Sequence[Finding], *, code: str = "MAP-EXPR") -> None:
        first = findings[0]
        rest = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        super().__init__(f"{first.code}: {first.message}{rest}", code=code, fix=first.fix, where=first.where)
        self.findings = list(findings)


class MappingFault(MappingError):
    """A mapping cannot translate this record.

    ``at`` is the path in the output, ``source`` the path that was read, ``file`` and ``line`` the place in the mapping.
    ``also`` lists what else failed in the same record.
    """

    def __init__(
        self, message: str, *, code: str, fix: str = "", file: str = "", line: int = 0, at: str = "", source: str = ""
    ) -> None:
        where = f"{file}:{line}" if file else ""
        if at:
            where = f"{where} ({at})" if where else at
        super().__init__(message, code=code, fix=fix, where=where)
        self.at = at
        self.source = source
        self.file = file
        self.line = line
        self.also: list[MappingFault] = []


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A sentence with the likely spelling, or with what there is when nothing is close."""
    names = [str(name) for name in known]
    close = get_close_matches(word, names, n=1, cutoff=0.6)
    if close:
        return f"Did you mean {close[0]!r}?"
    if 0 < len(names) <= 12:
        return f"There is: {', '.join(sorted(names))}."
    return ""
