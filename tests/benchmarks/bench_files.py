"""How fast the file connector reads one large CSV file, and how much memory it takes: ``python -m tests.benchmarks.bench_files 4000000``.

A file is read twice: once to its end before its first record is taken (`check_first`), and then in pages, each page's cursor through JSON as in
the hub. ``peak_mb`` is the whole process, the interpreter included.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from connectors.files import FilesConnector
from hub.sdk.testing.io import make_io

ROWS, PAGE = 200_000, 100
HEADER = "sku,warehouse,quantity,unit,counted_at,note\n"


def written(path: Path, rows: int) -> None:
    """A stock list with this many rows, each article in its own row; some fields hold the separator, quotes and umlauts."""
    with path.open("w", encoding="utf-8") as file:
        file.write(HEADER)
        for number in range(rows):
            note = '"said ""ok"", höher"' if number % 7 == 0 else ""
            file.write(f"{number:09d},MAIN,{number % 997}.5,pcs,2026-11-28T05:00:00Z,{note}\n")


def run(rows: int = ROWS) -> dict[str, float | str]:
    """Rows a second by the wall clock and of processor time, and the peak of memory after the first pages and at the end."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-files-") as home:
        folder = Path(home) / "in"
        folder.mkdir()
        written(folder / "stock.csv", rows)
        spec = {"path": "in", "id": ["sku", "warehouse"], "stable_for": 0, "after": "keep"}
        config = FilesConnector.Config.model_validate({"folder": home, "read": {"inventory_level": spec}})
        connector = FilesConnector(config, make_io(deadline=300))
        size = (folder / "stock.csv").stat().st_size
        began, spent = time.perf_counter(), time.process_time()
        cursor, count, last, early = None, 0, "", 0.0
        while count < rows:
            page = connector.poll("inventory_level", cursor, PAGE)
            cursor = json.loads(json.dumps(page.cursor))
            for message in page.messages:
                assert message.external_id > last, f"{message.external_id} comes after {last}"
                last = message.external_id
            count += len(page.messages)
            early = early or (_peak() if count > rows // 10 else 0.0)
            assert page.messages or page.more or not count, f"the file ended after {count} rows"
        connector.close()
        seconds, cpu = time.perf_counter() - began, time.process_time() - spent
    assert count == rows
    return {
        "files.rows": float(rows), "files.mb": size / 1e6, "files.rows_per_s": rows / seconds, "files.rows_per_cpu_s": rows / cpu,
        "files.peak_mb_at_a_tenth": early, "files.peak_mb": _peak(),
    }  # fmt: skip


def _peak() -> float:
    """The most memory that this process has had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    for metric, value in run(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS).items():
        print(f"{metric:30} {value:,.1f}")
