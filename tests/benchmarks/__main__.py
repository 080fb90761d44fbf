"""`python -m tests.benchmarks [NAME ...]`: run the benchmarks, print a table, and write build/bench.json."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
RESULT = HERE.parents[1] / "build" / "bench.json"


def main(wanted: list[str]) -> int:
    """Run the benchmarks whose name is wanted (none = all); each module's ``run()`` gives {metric: value}."""
    names = sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))
    console = Console()
    if {"-h", "--help"} & set(wanted):
        console.print(
            f"make bench ARGS='NAME ...' measures, and writes build/bench.json. Names: {', '.join(names)} (none = all)"
        )
        return 0
    if unknown := [name for name in wanted if name not in names]:
        console.print(f"no benchmark is called {', '.join(unknown)}; there are: {', '.join(names)}", style="red")
        return 2
    metrics: dict[str, float | str] = {}
    for name in wanted or names:
        with console.status(f"measuring {name} ..."):
            metrics |= importlib.import_module(f"tests.benchmarks.bench_{name}").run()
    machine = f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python {platform.python_version()}"
    table = Table(title=machine, title_justify="left")
    table.add_column("metric")
    table.add_column("value", justify="right")
    for metric, value in metrics.items():
        table.add_row(metric, f"{value:,.3f}" if isinstance(value, float) else str(value))
    console.print(table)
    RESULT.parent.mkdir(exist_ok=True)
    said = {**metrics, "machine": machine, "measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
    RESULT.write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")
    console.print(f"written to {RESULT.relative_to(HERE.parents[1])}")
    return 0


def _cpu() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
