"""A mapping that is ready to run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub.errors import LinkMissing, MappingError
from hub.mapping.evaluate import Evaluator, Outcome, links_missing
from hub.mapping.fast import Run, finder
from hub.mapping.filters import FILTERS
from hub.mapping.findings import Finding, MappingFault
from hub.mapping.lineage import Lineage
from hub.mapping.own_filters import version
from hub.mapping.recording import Recorder
from hub.mapping.runtime import Links
from hub.mapping.source import Built, Direction, Source
from hub.mapping.tree import Link, Part, walk

if TYPE_CHECKING:
    from hub.mapping.lookups import Lookups, Table

ENGINE = "1"
"""Part of every mapping's hash: raised when the same files could give other results."""


class NoLinks:
    """Knows no record of the other side: for trying out a mapping without a store."""

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:  # noqa: ARG002 - the protocol's signature
        """Nothing is known."""
        return None


@dataclass(slots=True)
class Translation:
    """What a mapping made of one record.

    ``record`` is plain data with Decimals; it may share lists and objects with the source, so treat both as unchangeable.
    ``key`` is the external id (inbound). ``filtered`` is the rule that kept the record out, and then there is no ``record``.
    ``links_used`` lists (entity, key, natural, id). ``lineage`` says for every value where it came from, if it was asked for.
    """

    record: Any
    key: str | None = None
    filtered: str | None = None
    links_used: list[tuple[str, str, bool, str]] = field(default_factory=list)
    lineage: Lineage | None = None


class Mapping:
    """One compiled mapping: a pure function from a record, lookups and links to a record."""

    def __init__(
        self, source: Source, built: Built, lookups: Lookups, filters: MappingABC[str, Callable[..., Any]]
    ) -> None:
        self.direction: Direction = source.direction
        self.connector = source.connector
        self.stream = source.stream
        self.entity = source.entity
        self.file = source.label
        self.path = source.path
        self.texts = built.texts
        self.paths = built.paths
        self.program = built.program
        self.text = built.code.text
        self.warnings: list[Finding] = built.warnings
        self._source, self._built, self._lookups, self._filters = source, built, lookups, filters
        self._tables: dict[str, Table] = {name: lookups.require(name) for name in built.program.tables}
        self._fast = self._bound()
        self.deviations = 0  # how often the checked form had to run
        self._linking = any(isinstance(part, Link) for part in self._parts())
        self._unlinked = Run(NoLinks())
        self._rule = (
            f"{self.file}:{self.program.when.place.line}: when: {self.program.when.text}" if self.program.when else ""
        )
        self.tables = {name: table.version for name, table in sorted(self._tables.items())}
        versions = "".join(f"{name}={version};" for name, version in self.tables.items())
        own = version(built.code.filters, filters, FILTERS)
        self.hash = hashlib.sha256(f"{ENGINE}\0{built.digest}\0{versions}\0{own}".encode()).hexdigest()[:32]

    def _parts(self) -> Iterator[Part]:
        for _, part in self.program.let:
            yield from walk(part)
        yield from walk(self.program.output)

    def _bound(self) -> Callable[..., Any]:
        from hub.mapping.compiler import bind

        def lookup(table: str, column: str, own: bool) -> Callable[..., Any]:
            return finder(self._tables[table], column, own, self._lookups.note_missing)

        return bind(self._built.code, self._filters, lookup)

    def __repr__(self) -> str:
        return f"<Mapping {self.file} {self.hash[:8]}>"

    def uses(self, lookups: Lookups) -> bool:
        """Are these the tables that it uses?"""
        return all(lookups.get(name) is table for name, table in self._tables.items())

    def with_lookups(self, more: Lookups) -> Mapping:
        """The same mapping with these tables in place of its own where the names are equal."""
        return Mapping(self._source, self._built, self._lookups.with_tables(more), self._filters)

    def run(self, src: Any, *, meta: dict[str, Any], links: Links, lineage: bool = False) -> Translation:
        """Translates one record; raises :class:`MappingFault` or :class:`LinkMissing`."""
        run = Run(links) if self._linking else self._unlinked
        try:
            made = self._fast(src, meta, run)
        except Exception as error:  # noqa: BLE001 - whatever the fast form stumbled over, the checked form says it properly
            self.deviations += 1
            if isinstance(error, MappingError) and error.code == "MAP-LIMIT":
                raise self._over(error) from None  # the checked form would only take longer to get there
            outcome = self.checked(src, meta, links)
            story = Lineage(self, src, meta, outcome.links) if lineage and outcome.filtered is None else None
            return Translation(outcome.record, outcome.key, outcome.filtered, outcome.links, story)
        used = run.used if self._linking else []
        if made is None:
            return Translation(None, None, self._rule, used)
        if run.missing:
            raise links_missing(run.missing, self.file)
        return Translation(made[1], made[0], None, used, Lineage(self, src, meta, used) if lineage else None)

    def _over(self, error: MappingError) -> MappingFault:
        """The error of a budget, at the place of the mapping where it ran out."""
        frame, line = error.__traceback__, 0
        while frame is not None:
            line = frame.tb_lineno if frame.tb_frame.f_code.co_filename == "<mapping>" else line
            frame = frame.tb_next
        places = self._built.code.places
        place = places[line - 1] if 0 < line <= len(places) else None
        file, number, target = (place.file, place.line, place.target) if place else (self.file, 1, "output")
        return MappingFault(error.message, code=error.code, fix=error.fix, file=file, line=number, at=target)

    def checked(self, src: Any, meta: dict[str, Any], links: Links, recorder: Recorder | None = None) -> Outcome:
        """Runs the checked form: slower, with every error at its place, and told step by step to ``recorder``."""
        evaluator = Evaluator(self.program, src, meta, links, self._filters, self._tables, recorder)
        try:
            return evaluator.run()
        except (LinkMissing, MappingFault):
            raise
        except MappingError as error:
            raise evaluator.placed(error) from None
        except RecursionError:
            raise evaluator.fault("MAP-LIMIT", "The record or the mapping is nested too deep.") from None
        except Exception as error:  # noqa: BLE001 - whatever a filter lets through must end as a mapping error
            raise evaluator.fault("MAP-EXPR", f"The expression failed ({type(error).__name__}).") from None
