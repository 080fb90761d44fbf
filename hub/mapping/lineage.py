"""Where every value of a record came from.

A mapping is pure, so nothing needs to be written down while it runs except what is not part of the source: the links that
were used and the versions of the tables. From these, the source and the mapping, the checked form tells the whole story
again whenever somebody asks for it: for every value the line of the mapping, the source paths with their values, the row of
the lookup table, the branch that was taken and the filters that were applied.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as Mapping_
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from hub.errors import MappingError
from hub.mapping import expression as ex
from hub.mapping import tree
from hub.mapping.filters.base import ABSENT
from hub.mapping.recording import Reads, Recorder
from hub.mapping.runtime import LEFT

if TYPE_CHECKING:
    from hub.mapping.mapping import Mapping

_INDEX = re.compile(r"\[(\d+)\]")


class Hit(NamedTuple):
    """The row that a lookup found."""

    table: str
    version: str
    row: int
    key: tuple[Any, ...]


@dataclass(slots=True)
class Origin:
    """Where one value of the output came from.

    ``at`` is its path, ``file`` and ``line`` the place in the mapping. ``data`` has the source paths that its content was made
    of, ``control`` those that only decided the way; both with the values that were read (`ABSENT` where there was nothing).
    ``kind`` is "value", "shape" (how many items a list has) or "left out".
    """

    at: str
    file: str
    line: int
    kind: str
    data: dict[str, Any]
    control: dict[str, Any]
    branches: tuple[str, ...] = ()
    filters: tuple[str, ...] = ()
    lookup: Hit | None = None
    link: str = ""

    def names(self, path: str) -> bool:
        """Does this value depend on what is at ``path`` in the source?"""
        return any(path == read or _inside(path, read) or _inside(read, path) for read in (*self.data, *self.control))

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON data; what is empty is left out."""
        said: dict[str, Any] = {
            "at": self.at,
            "line": f"{self.file}:{self.line}",
            "kind": self.kind,
            "data": {path: None if value is ABSENT else value for path, value in self.data.items()},
            "control": {path: None if value is ABSENT else value for path, value in self.control.items()},
            "branches": list(self.branches),
            "filters": list(self.filters),
            "lookup": self.lookup._asdict() if self.lookup else None,
            "link": self.link,
        }
        return {name: value for name, value in said.items() if value}


def _inside(path: str, start: str) -> bool:
    return path.startswith(start) and path[len(start) :][:1] in (".", "[")


class Story(Recorder):
    """Listens to one run and writes down the origins."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self._hit: Hit | None = None
        self._filters: dict[int, tuple[str, ...]] = {}  # of the parts of one program, which stay where they are

    def leaf(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:
        """A value was made, or left out."""
        kind = "left out" if value is LEFT else "value"
        hit, self._hit = (self._hit, None) if isinstance(part, tree.Lookup) else (None, self._hit)
        link = part.entity if isinstance(part, tree.Link) else ""
        self._add(part, target, kind, reads, branches, hit, link)

    def shape(self, part: tree.Part, target: str, value: Any, reads: Reads, branches: tuple[str, ...]) -> None:  # noqa: ARG002
        """A list was made; only the number of its items is told here."""
        self._add(part, target, "shape", Reads(control=reads.control), branches, None, "")

    def _add(
        self, part: tree.Part, target: str, kind: str, reads: Reads, branches: tuple[str, ...], hit: Hit | None, link: str
    ) -> None:  # fmt: skip
        control = {path: value for path, value in reads.control.items() if path not in reads.data}
        place, filters = part.place, self._filters.get(id(part))
        if filters is None:
            filters = self._filters[id(part)] = tuple(_filters(part))
        self.origins.append(
            Origin(target, place.file, place.line, kind, dict(reads.data), control, branches, filters, hit, link)
        )

    def lookup(self, table: str, key: Any, hit: Any) -> None:
        """The next value came from this row."""
        self._hit = Hit(table, "", hit.line, tuple(key))

    def mark(self) -> int:
        """How many origins there are."""
        return len(self.origins)

    def moved(self, since: int, target: str, by: int) -> None:
        """Items were put behind others in one list."""
        for origin in self.origins[since:]:
            if origin.at.startswith(f"{target}["):
                rest = origin.at[len(target) :]
                match = _INDEX.match(rest)
                if match is not None:
                    origin.at = f"{target}[{int(match[1]) + by}]{rest[match.end() :]}"

    def dropped(self, since: int) -> dict[str, Any]:
        """What was told since then is not part of the output; all that it depended on decided so."""
        gone = self.origins[since:]
        del self.origins[since:]
        return {path: value for origin in gone for path, value in (*origin.control.items(), *origin.data.items())}


def _filters(part: tree.Part) -> Iterator[str]:
    """The filters of a value, in the order in which they are applied."""
    names = [
        found.name for expr in tree.expressions(part) for found in ex.walk(expr) if isinstance(found, ex.FilterCall)
    ]
    yield from reversed(names)


class _KnownLinks:
    """The links as they were when the record was made."""

    def __init__(self, used: list[tuple[str, str, bool, str]]) -> None:
        self._ids = {(entity, key, natural): found for entity, key, natural, found in used}

    def resolve(self, entity: str, key: str, natural: bool) -> str | None:
        """The id that was used."""
        return self._ids.get((entity, key, natural))


class Lineage:
    """The story of one record, told when it is asked for."""

    __slots__ = ("__dict__", "links", "mapping", "meta", "src")

    def __init__(
        self, mapping: Mapping, src: Any, meta: dict[str, Any], links: list[tuple[str, str, bool, str]]
    ) -> None:
        self.mapping, self.src, self.meta, self.links = mapping, src, meta, links

    @cached_property
    def origins(self) -> list[Origin]:
        """Where every value came from, in the order in which they were made; values of `let` begin with "let."."""
        story = Story()
        self.mapping.checked(self.src, self.meta, _KnownLinks(self.links), story)
        for origin in story.origins:
            if origin.lookup is not None:
                origin.lookup = origin.lookup._replace(version=self.mapping.tables[origin.lookup.table])
        return story.origins

    def at(self, path: str) -> list[Origin]:
        """The origins of one value of the output, of what is in it, or else of what it is in: ``lines[0].unit_price``."""
        wanted = path if path == "output" or path.startswith(("output.", "output[", "let.")) else f"output.{path}"
        found = [origin for origin in self.origins if origin.at == wanted or _inside(origin.at, wanted)]
        if found:
            return found
        around = [origin for origin in self.origins if _inside(wanted, origin.at) and origin.kind == "value"]
        return around[-1:]

    def snapshot(self) -> dict[str, Any]:
        """All that must be stored with a message to tell the story again from its source and its mapping: some 100 bytes."""
        mapping = self.mapping
        links = [list(link) for link in self.links]
        return {"mapping": mapping.file, "hash": mapping.hash, "links": links, "tables": mapping.tables}

    @classmethod
    def restore(cls, mapping: Mapping, src: Any, meta: dict[str, Any], snapshot: Mapping_[str, Any]) -> Lineage:
        """The story of a stored message; raises where the mapping is no longer the one that made the record."""
        if snapshot.get("hash") != mapping.hash:
            message = f"{mapping.file} or one of its tables has changed since the record was made."
            raise MappingError(
                message, code="MAP-NONE", fix="Replay the message to see what the mapping makes of it now."
            )
        return cls(
            mapping, src, meta, [(entity, key, natural, found) for entity, key, natural, found in snapshot["links"]]
        )

    def compact(self) -> dict[str, Any]:
        """The whole story without values, equal lines of a loop told once: for a page or an export."""
        rows: dict[tuple[Any, ...], list[str]] = {}
        for origin in self.origins:
            if origin.at.startswith("let."):
                continue
            general = tuple(_INDEX.sub("[*]", text) for text in (origin.at, *origin.data, "|", *origin.control))
            hit = f"{origin.lookup.table}:{origin.lookup.row}" if origin.lookup else ""
            key = (origin.line, origin.kind[0], general, origin.branches, hit)
            rows.setdefault(key, []).append(".".join(_INDEX.findall(origin.at)))
        said = []
        for (line, kind, general, branches, hit), places in rows.items():
            split = general.index("|")
            row: dict[str, Any] = {"at": general[0].removeprefix("output."), "line": line}
            more = {
                "from": list(general[1:split]), "by": list(general[split + 1 :]), "kind": kind if kind != "v" else "",
                "branch": list(branches), "row": hit, "n": len(places) if len(places) > 1 else 0,
            }  # fmt: skip
            said.append(row | {name: value for name, value in more.items() if value})
        return {**self.snapshot(), "rows": said}
