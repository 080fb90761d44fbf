"""All mappings of a project: found by their headers, compiled when first needed, read again when a file changes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Mapping as MappingABC
from pathlib import Path
from threading import RLock
from typing import Any

from hub.errors import MappingError
from hub.mapping import limits
from hub.mapping.findings import Finding, MappingInvalid
from hub.mapping.lineage import Lineage
from hub.mapping.lookups import Lookups
from hub.mapping.mapping import Mapping
from hub.mapping.own_filters import own_filters
from hub.mapping.source import Library, Source, build, read_source, stamp_of

_ENDINGS = tuple(
    f".{kind}.{ending}" for kind in ("to_canonical", "from_canonical") for ending in ("yaml", "yml", "json")
)
_SKIPPED = frozenset({"lookups", "samples", "fragments", "node_modules", "__pycache__"})
_VERSIONS = 500
"""How many versions of mappings stay known in one process."""
Pair = tuple[str, str, str, str]


class MappingSet:
    """The mappings below some folders; where two translate the same thing, the one in the earlier folder wins.

    ``problems`` lists what is wrong with files now; what was compiled before stays in use until the file is right again.
    """

    def __init__(self, folders: Sequence[Path], lookups: Lookups, filters: MappingABC[str, Callable[..., Any]]) -> None:
        self.folders = tuple(folders)
        self.lookups = lookups
        self.filters = filters
        self.problems: list[Finding] = []
        self.found_in_filters: list[Finding] = []
        self._read: dict[Path, tuple[tuple[int, int], Source | MappingInvalid]] = {}
        self._sources: dict[Pair, list[Source]] = {}
        self._broken: dict[Pair, MappingInvalid] = {}
        self._compiled: dict[Pair, Mapping] = {}
        self._answers: dict[tuple[str, str, str], list[Mapping]] = {}
        self._versions: dict[str, Mapping] = {}
        self._lock = RLock()

    @classmethod
    def load(
        cls,
        folders: Iterable[Path | str],
        *,
        lookups: Lookups | None = None,
        filters: MappingABC[str, Callable[..., Any]] | None = None,
    ) -> MappingSet:
        """Finds the mappings below these folders. Broken files do not stop the others: see ``problems``.

        Without ``filters`` there are the hub's own and those of a `filters.py` beside a folder; a change of that file needs
        a new process.
        """
        paths = [Path(folder) for folder in folders]
        if lookups is None:
            places = [
                place
                for path in paths
                for place in (path / "lookups", *sorted(path.glob("*/lookups")), path.parent / "lookups")
            ]
            lookups = Lookups.load(list(dict.fromkeys(places)))
        found: list[Finding] = []
        if filters is None:
            builtin = builtin_filters()
            own, found = own_filters(paths, builtin)
            filters = {**builtin, **own}
        made = cls(paths, lookups, filters)
        made.found_in_filters = found
        made._scan()
        return made

    def __iter__(self) -> Iterator[Mapping]:
        for pair in sorted(self._sources):
            yield self._get(pair)

    @property
    def pairs(self) -> list[Pair]:
        """(direction, connector, stream, entity) of every mapping that there is."""
        return sorted(self._sources)

    def inbound(self, connector: str, stream: str) -> list[Mapping]:
        """Every mapping from this stream to the canonical model, those that others refer to first."""
        known = self._answers.get(("inbound", connector, stream))
        if known is not None:
            return list(known)
        with self._lock:
            answer = self._inbound(connector, stream)
            self._answers["inbound", connector, stream] = answer
            return list(answer)

    def _inbound(self, connector: str, stream: str) -> list[Mapping]:
        from hub.canonical import ENTITIES

        wanted = ("inbound", connector, stream)
        for pair, error in self._broken.items():
            # a file that cannot be read may be one of these: without it a message would be translated by halves
            if pair not in self._sources and pair[:2] == wanted[:2] and f"{pair[2]}_".startswith(f"{stream}_"):
                raise error
        pairs = [pair for pair in self._sources if pair[:3] == wanted]
        return [self._get(pair) for pair in sorted(pairs, key=lambda pair: ENTITIES[pair[3]].rank)]

    def outbound(self, entity: str, connector: str) -> Mapping:
        """The mapping from a canonical entity to a connector; raises MAP-NONE where there is none."""
        known = self._answers.get(("outbound", connector, entity))
        if known is not None:
            return known[0]
        with self._lock:
            answer = self._outbound(entity, connector)
            self._answers["outbound", connector, entity] = [answer]
            return answer

    def _outbound(self, entity: str, connector: str) -> Mapping:
        for pair in self._sources:
            if pair[0] == "outbound" and pair[1] == connector and pair[3] == entity:
                return self._get(pair)
        for pair, error in self._broken.items():
            if pair[0] == "outbound" and pair[1] == connector and entity in (pair[2], pair[3]):
                raise error
        fix = f"Add mappings/{connector}/{entity}.from_canonical.yaml."
        raise MappingError(f"No mapping translates {entity} for {connector}.", code="MAP-NONE", fix=fix)

    def by_file(self, path: Path | str) -> Mapping:
        """The mapping of one file, whichever folder it is in."""
        wanted = Path(path).resolve()
        source = next((s for sources in self._sources.values() for s in sources if s.path.resolve() == wanted), None)
        if source is None:
            for known, (_, found) in self._read.items():
                if known.resolve() == wanted and isinstance(found, MappingInvalid):
                    raise found
            raise MappingError(
                f"{Path(path).name} is not among the mappings.", code="MAP-NONE", fix="Check the path and its ending."
            )
        return self._compile(source)

    def lineage(self, snapshot: MappingABC[str, Any], src: Any, meta: dict[str, Any]) -> Lineage:
        """The story of a stored message, by the version of the mapping that made it; raises where that is no longer known.

        Versions that this process has used stay known after an edit.
        """
        known = self._versions.get(snapshot["hash"])
        if known is None:
            for source in [source for sources in self._sources.values() for source in sources]:
                mapping = self._try(source)
                if mapping is not None and mapping.hash == snapshot["hash"]:
                    return Lineage.restore(mapping, src, meta, snapshot)
            message = f"{snapshot['mapping']} or one of its tables has changed since the record was made."
            raise MappingError(
                message, code="MAP-NONE", fix="Replay the message to see what the mapping makes of it now."
            )
        return Lineage.restore(known, src, meta, snapshot)

    def _try(self, source: Source) -> Mapping | None:
        try:
            return self._compile(source)
        except MappingInvalid:
            return None

    def check(self) -> list[Finding]:
        """Compiles everything and gives all that is wrong."""
        with self._lock:
            return self._check()

    def _check(self) -> list[Finding]:
        for pair in list(self._sources):
            try:
                self._get(pair)
            except MappingInvalid as error:
                self._broken[pair] = error
        self._report()
        return self.problems

    def refresh(self) -> list[Finding]:
        """Reads again what changed on disk; gives what is wrong now. A bad edit leaves the last good version in use."""
        with self._lock:
            return self._refresh()

    def _refresh(self) -> list[Finding]:
        self.lookups.refresh()
        in_use = list(self._compiled)
        self._scan()
        for pair in in_use:
            if pair in self._sources:
                try:
                    self._get(pair, fresh=True)
                except MappingInvalid as error:
                    self._broken[pair] = error
        self._answers = {}
        self._report()
        return self.problems

    # --- reading

    def _scan(self) -> None:
        seen: dict[Path, tuple[tuple[int, int], Source | MappingInvalid]] = {}
        sources: dict[Pair, list[Source]] = {}
        self._broken = {}
        for number, folder in enumerate(self.folders):
            for path in _mapping_files(folder):
                if path in seen:
                    continue
                stamp, found = self._file(path, number)
                seen[path] = (stamp, found)
                if isinstance(found, Source):
                    sources.setdefault(found.pair, []).append(found)
                else:
                    self._broken[_guess(path)] = found
        for path, (_, error) in seen.items():
            before = next(
                (pair for pair, known in self._sources.items() if any(one.path == path for one in known)), None
            )
            if isinstance(error, MappingInvalid) and before is not None and before in self._compiled:
                self._broken.pop(_guess(path), None)
                self._broken[before] = error
                if before not in sources:
                    sources[before] = self._sources[before]  # the last good version stays in use
        self._read, self._sources = seen, sources
        for pair, same in sources.items():
            if len(same) > 1 and same[0].folder == same[1].folder:
                finding = same[1].node.finding(
                    "MAP027", f"{same[0].label} translates the same thing.", "Keep one of the two files."
                )
                self._broken[pair] = MappingInvalid([finding])
        self._report()

    def _report(self) -> None:
        found = [finding for error in self._broken.values() for finding in error.findings]
        self.problems = list(dict.fromkeys([*self.found_in_filters, *found]))

    def _file(self, path: Path, folder: int) -> tuple[tuple[int, int], Source | MappingInvalid]:
        label = self._label(path)
        try:
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size)
            known = self._read.get(path)
            if known is not None and known[0] == stamp:
                return known
            if status.st_size > limits.FILE_BYTES:
                raise MappingInvalid(
                    [Finding("MAP006", "error", label, 1, 1, "The file is longer than 1 MiB.")], code="MAP-LIMIT"
                )
            return stamp, read_source(path, label, path.read_bytes().decode("utf-8-sig"), folder)
        except MappingInvalid as error:
            return stamp, error
        except UnicodeDecodeError as error:
            finding = Finding(
                "MAP001", "error", label, 1, 1, f"The file is not UTF-8 (byte {error.start}).", "Save it as UTF-8."
            )
            return stamp, MappingInvalid([finding])
        except OSError as error:
            finding = Finding("MAP001", "error", label, 1, 1, f"The file cannot be read: {error.strerror}.")
            return (0, 0), MappingInvalid([finding])

    def _label(self, path: Path) -> str:
        """How a file is called in messages: from the working folder if it is below it, else from its mappings folder."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100 - links must not be followed in a name
        if absolute.is_relative_to(Path.cwd()):
            return absolute.relative_to(Path.cwd()).as_posix()
        for folder in self.folders:
            base = Path(os.path.abspath(folder))  # noqa: PTH100
            if absolute.is_relative_to(base):
                return f"{base.name}/{absolute.relative_to(base).as_posix()}"
        return path.name

    # --- compiling

    def _get(self, pair: Pair, *, fresh: bool = False) -> Mapping:
        known = self._compiled.get(pair)
        if known is not None and (not fresh or self._current(known, self._sources[pair][0])):
            return known
        broken = self._broken.get(pair)
        if broken is not None:
            raise broken
        mapping = self._compile(self._sources[pair][0])
        if known is None or known.hash != mapping.hash:
            self._compiled[pair] = mapping
            self._versions[mapping.hash] = mapping
            while len(self._versions) > _VERSIONS:
                self._versions.pop(next(iter(self._versions)))
        return self._compiled[pair]

    def _current(self, mapping: Mapping, source: Source) -> bool:
        """Is it still made of the same files and tables?"""
        same_files = all(stamp_of(path) == stamp for path, stamp in mapping.paths.items())
        return mapping.path == source.path and same_files and mapping.uses(self.lookups)

    def _compile(self, source: Source) -> Mapping:
        from hub.canonical import ENTITIES

        library = Library(
            roots=self.folders,
            label=self._label,
            filters=self.filters,
            absent=absent_filters(),
            tables=lambda name: self.lookups.get(name) is not None,
            base=self._base,
            entities=tuple(ENTITIES),
        )
        return Mapping(source, build(source, library), self.lookups, self.filters)

    def _base(self, source: Source, name: str) -> Source | None:
        if name == "default":
            return next((other for other in self._sources.get(source.pair, []) if other.folder > source.folder), None)
        for _, found in self._read.values():
            if (
                isinstance(found, Source)
                and found is not source
                and found.path.as_posix().endswith("/" + name.lstrip("/"))
            ):
                return found
        return None


def builtin_filters() -> dict[str, Callable[..., Any]]:
    """The reviewed filters by name."""
    from hub.mapping.filters import FILTERS

    return {name: entry.function for name, entry in FILTERS.items()}


def absent_filters() -> frozenset[str]:
    """The names of the filters that can find nothing."""
    from hub.mapping.filters import FILTERS

    return frozenset(name for name, entry in FILTERS.items() if entry.may_be_absent)


def _mapping_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    found = []
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if name not in _SKIPPED and not name.startswith("."))
        found += [
            Path(root) / name for name in sorted(names) if name.endswith(_ENDINGS) and not name.startswith((".", "~"))
        ]
    return found


def _guess(path: Path) -> Pair:
    """What a file that cannot be read is for, by its name: shopify/order.to_canonical.yaml."""
    *stem, kind, _ = path.name.split(".")
    name = "_".join(stem)
    return ("inbound" if kind == "to_canonical" else "outbound", path.parent.name, name, name)
