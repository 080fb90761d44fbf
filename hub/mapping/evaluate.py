"""The checked form of a mapping: the same tree as the fast one, evaluated step by step, with every error naming its place.

It runs when the fast function raised, to say why, and when somebody asks where each value came from. Both forms must agree;
tests/unit/mapping holds them against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.errors import LinkMissing, MappingError
from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.evaluate_parts import Parts
from hub.mapping.findings import MappingFault
from hub.mapping.runtime import LEFT, identity


@dataclass(slots=True)
class Outcome:
    """What a run made: the record, the external id, or the rule that filtered the message."""

    record: Any
    key: str | None
    filtered: str | None
    links: list[tuple[str, str, bool, str]]


class Evaluator(Parts):
    """One run of one program over one source record."""

    def run(self) -> Outcome:
        """Makes the record, or raises the one error that lists all that failed."""
        program, early = self.program, early_names(self.program)
        for name, part in program.let:
            if name in early:
                self._bind(name, part)
        if program.when is not None:
            self.part = program.when
            if not self.eval(program.when.expr):
                rule = f"{program.file}:{program.when.place.line}: when: {program.when.text}"
                return Outcome(None, None, rule, self.used)
        for name, part in program.let:
            if name not in early:
                self._bind(name, part)
        key = self._key() if program.key is not None else None
        record = self.make(program.output)
        if self.faults:
            first, *others = self.faults
            first.also = others
            raise first
        if record is LEFT:
            raise self.fault("MAP-MISSING", "The whole output was left out.", "Use `when:` to filter records.")
        if self.missing:
            raise links_missing(self.missing, program.file)
        return Outcome(record, key, None, self.used)

    def _key(self) -> str:
        assert self.program.key is not None
        self.part = self.program.key
        try:
            return identity(self.eval(self.program.key.expr), "`key`")
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error) from None


def early_names(program: tree.Program) -> frozenset[str]:
    """The names of `let` that `when` needs, directly or through others: they are made before it, the rest only after."""
    if program.when is None:
        return frozenset()
    needed = {inner.name for inner in ex.walk(program.when.expr) if isinstance(inner, ex.Name)}
    for name, part in reversed(program.let):
        if name in needed:
            needed |= {
                i.name
                for p in tree.walk(part)
                for e in tree.expressions(p)
                for i in ex.walk(e)
                if isinstance(i, ex.Name)
            }
    return frozenset(needed)


def links_missing(missing: Mapping[tuple[str, str, bool], None], file: str) -> LinkMissing:
    """The one error for all records that are not known on the other side yet."""
    entities = ", ".join(sorted({entity for entity, _, _ in missing}))
    return LinkMissing(
        f"{len(missing)} records are not known on the other side yet: {entities}.", missing=list(missing), where=file
    )
