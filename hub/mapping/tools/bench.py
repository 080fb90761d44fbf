"""How fast one mapping is on this machine, over one record."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hub.mapping.mapping_set import MappingSet
from hub.mapping.tools.data import leaves
from hub.mapping.tools.opening import Opened, folders_of
from hub.mapping.tools.testing import META, CaseLinks
from hub.mapping.tools.trying import run_once


@dataclass(frozen=True, slots=True)
class Speed:
    """The measured times. ``us_per_record`` is the median of many rounds; validating is against the canonical schema."""

    mapping: str
    fields: int
    us_per_record: float
    records_per_s: float
    us_with_lineage: float
    us_with_validation: float
    compile_ms: float

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON data."""
        return {key: round(value, 3) if isinstance(value, float) else value for key, value in asdict(self).items()}


def speed(opened: Opened, record: Any, *, seconds: float = 1.5) -> Speed:
    """Measure a mapping over a record; raises the error of the mapping where it does not translate it."""
    links = CaseLinks(auto=True)
    first = run_once(opened, record, links)
    if first.error is not None:
        raise first.error
    meta = {"connection": opened.connector, **META}
    run = opened.mapping.run

    def plainly() -> Any:
        return run(record, meta=meta, links=links)

    def traced() -> Any:
        return run(record, meta=meta, links=links, lineage=True)

    def checked() -> Any:
        return opened.finished(run(record, meta=meta, links=links).record)

    us = _median(plainly, seconds / 2)
    with_validation = _median(checked, seconds / 4) if not first.filtered else us
    return Speed(
        opened.file, sum(1 for _ in leaves(first.record)) if first.record is not None else 0, us, 1e6 / us,
        _median(traced, seconds / 4), with_validation, _compile_ms(opened.path),
    )  # fmt: skip


def _median(work: Callable[[], Any], seconds: float) -> float:
    """Microseconds of one call: the median of rounds that last about 20 ms each."""
    start = time.perf_counter()
    work()
    once = max(time.perf_counter() - start, 1e-7)
    calls = max(1, int(0.02 / once))
    rounds: list[float] = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(rounds) < 5:
        start = time.perf_counter()
        for _ in range(calls):
            work()
        rounds.append((time.perf_counter() - start) / calls * 1e6)
    return statistics.median(rounds)


def _compile_ms(path: Path) -> float:
    """Reading and compiling the file, the best of three."""
    times = []
    mappings = MappingSet.load(folders_of(path))
    for _ in range(3):
        start = time.perf_counter()
        mappings.by_file(path)
        times.append((time.perf_counter() - start) * 1e3)
    return min(times)
