"""The state of one run of the checked form: names, places, what was read, what it has cost, and how errors get their place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from hub.errors import MappingError
from hub.mapping import expression as ex
from hub.mapping import limits, tree
from hub.mapping.filters.base import ABSENT
from hub.mapping.findings import MappingFault
from hub.mapping.recording import Bound, Reads, Recorder
from hub.mapping.runtime import Links

STEP_WORK = 3
"""What one step costs of the budget."""
MAY_BE_MISSING = "If it may be missing, write `| default(...)` after it or mark the field $optional."


class Missing(MappingFault):
    """A path leads nowhere: caught by default, $optional, $first and `is defined`."""


class Situation:
    """Where a run stands."""

    def __init__(
        self,
        program: tree.Program,
        src: Any,
        meta: Any,
        links: Links,
        filters: Mapping[str, Callable[..., Any]],
        tables: Mapping[str, Any],
        recorder: Recorder | None = None,
    ) -> None:
        self.program = program
        self.filters = filters
        self.tables = tables
        self.links = links
        self.recorder = recorder or Recorder()
        self.scope: dict[str, Bound] = {"src": Bound(src, "src"), "meta": Bound(meta, "meta")}
        self.loop: dict[str, Any] = {}
        self.indexes: list[str | int] = []
        self.part: tree.Part = program.output
        self.reads = Reads()
        self.branches: tuple[str, ...] = ()
        self.guarded = 0
        self.work = 0
        self.faults: list[MappingFault] = []
        self.used: list[tuple[str, str, bool, str]] = []
        self.gathered: dict[str, Any] = {}  # what the value of a `let` was made of, wherever in it
        self.missing: dict[tuple[str, str, bool], None] = {}

    # --- faults

    def target(self, part: tree.Part) -> str:
        """The path of a part in the output, with the numbers of the loops it is in."""
        shown, waiting = part.place.target, list(self.indexes)
        waiting = waiting[len(waiting) - shown.count("[]") - shown.count(".*") :]
        pieces = shown.replace(".*", "[]").split("[]")
        out = pieces[0]
        for index, piece in zip(waiting, pieces[1:], strict=False):
            out += (f"[{index}]" if isinstance(index, int) else f".{index}") + piece
        return out

    def fault(self, code: str, message: str, fix: str = "", source: str | None = None) -> MappingFault:
        """An error at the part that is being made."""
        place = self.part.place
        return MappingFault(
            message,
            code=code,
            fix=fix,
            file=place.file,
            line=place.line,
            at=self.target(self.part),
            source=source or "",
        )

    def missing_fault(self, message: str, fix: str = MAY_BE_MISSING, source: str | None = None) -> Missing:
        """The error for a path that leads nowhere."""
        place = self.part.place
        return Missing(
            message,
            code="MAP-MISSING",
            fix=fix,
            file=place.file,
            line=place.line,
            at=self.target(self.part),
            source=source or "",
        )

    def placed(self, error: MappingError, source: str | None = None) -> MappingFault:
        """An error of a filter or a calculation, with its place."""
        message = f"{error.message.rstrip('.')} (read from {source})." if source else error.message
        return self.fault(error.code, message, error.fix, source)

    def checked(self, act: Callable[[], Any]) -> Any:
        """What ``act`` gives; its error gets the place of the part that is being made."""
        try:
            return act()
        except MappingFault:
            raise
        except MappingError as error:
            raise self.placed(error) from None

    def source_of(self, expr: ex.Expr) -> str | None:
        """The first source path below an expression, for a message."""
        for inner in ex.walk(expr):
            if isinstance(inner, ex.Access | ex.Name) and ex.path(inner) is not None:
                name, steps = ex.path(inner) or ("", ())
                bound = self.scope.get(name)
                origin = bound.origin if bound is not None and bound.origin else name
                for key in steps:
                    origin = step(origin, key) or origin
                return origin
        return None

    # --- bookkeeping

    def _spend(self, units: int) -> None:
        self.work += units
        if self.work > limits.WORK:
            raise self.fault(
                "MAP-LIMIT",
                "The mapping does too much work for one record.",
                "Use fewer loops inside loops, or shorter texts.",
            )

    def _read(self, origin: str, value: Any) -> None:
        self.reads.data.setdefault(origin, value)

    def _missed(self, fault: Missing) -> None:
        """That a path leads nowhere decides the way."""
        if fault.source:
            self.reads.control.setdefault(fault.source, ABSENT)

    @contextmanager
    def _separate_reads(self) -> Iterator[Reads]:
        outer, self.reads = self.reads, Reads(control=dict(self.reads.control))
        inner = self.reads
        try:
            yield inner
        finally:
            self.reads = outer

    @contextmanager
    def _control(self) -> Iterator[None]:
        """What is read inside decides the way, not the content."""
        outer, self.reads = self.reads, Reads()
        try:
            yield
        finally:
            inner, self.reads = self.reads, outer
            self.reads.control.update(inner.control)
            self.reads.control.update(inner.data)

    @contextmanager
    def _branching(self) -> Iterator[Callable[[str], None]]:
        """The parts made inside depend on what is read to choose the branch; those after it do not."""
        branches, before = self.branches, Reads(self.reads.data, dict(self.reads.control))

        def choose(branch: str) -> None:
            self.branches = (*branches, branch)

        try:
            yield choose
        finally:
            self.branches = branches
            self.reads = before


def step(origin: str | None, key: Any) -> str | None:
    """The path of a field or an item below another path."""
    if origin is None:
        return None
    if key.__class__ is int:
        return f"{origin}[{key}]"
    name = str(key)
    return f"{origin}.{name}" if name.replace("_", "a").isalnum() else f"{origin}[{name!r}]"
