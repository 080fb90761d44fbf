"""What the ring says: a line that moves while it runs, and the account as a table."""

from __future__ import annotations

import dataclasses
import sys
import time
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tests.chaos.controls import Control
from tests.chaos.ring import Result

_WORDS = (
    "attempted", "acknowledged", "effects", "lost", "duplicated", "inverted", "unexpected", "recovered", "parked", "coalesced",
    "repeated", "late",
)  # fmt: skip


class Progress:
    """One line that is written over on a terminal; a line every ten seconds elsewhere."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._began = time.monotonic()
        self._said_at = 0.0
        self._said = ""
        self._moving = sys.stderr.isatty()

    def __call__(self, step: str, done: int, of: int) -> None:
        """Say how far it is."""
        now = time.monotonic()
        if not self._moving and step == self._said and now - self._said_at < 10:
            return
        self._said, self._said_at = step, now
        count = f"{of} in flight" if step == "coming to rest" else f"{done}/{of}"
        line = f"{self._name:<26} {now - self._began:5.0f} s  {step:<15} {count}"
        sys.stderr.write(f"\r{line:<78}" if self._moving else f"{line}\n")
        sys.stderr.flush()

    def end(self) -> None:
        """Leave the line."""
        if self._moving:
            sys.stderr.write(f"\r{'':<78}\r")


def show(result: Result) -> None:
    """One run: its account by target, what struck, and what is wrong."""
    console = Console(highlight=False)
    table = Table(title=f"{result.name}: seed {result.seed}, {result.seconds:.0f} s", title_justify="left")
    table.add_column("at the target")
    for one in result.accounts:
        table.add_column(one.target, justify="right")
    for word in _WORDS:
        table.add_row(word, *(str(getattr(one, word)) for one in result.accounts))
    console.print(table)
    for title, counts in (
        ("struck", result.struck),
        ("at the targets", result.target_faults),
        ("exceptions, all released", result.exceptions),
        ("ended by themselves", result.ended),
    ):
        if counts:
            console.print(f"{title}: {', '.join(f'{name} {count}' for name, count in counts.most_common())}")
    if ledger := result.conservation:
        console.print(
            f"in {ledger.in_} = delivered {ledger.delivered} + filtered {ledger.filtered} + superseded {ledger.superseded}"
            f" + exceptions {ledger.exceptions} + in flight {ledger.in_flight}   ({ledger.duplicates} repeated, absorbed)"
        )
    for skipped in result.skipped:
        console.print(f"skipped: {skipped}")
    for sentence in result.wrong:
        console.print(Text.assemble(("wrong", "red"), f": {sentence}"))
    console.print(f"[green]passed[/green]: {result.name}\n" if result.passed else f"[red]FAILED[/red]: {result.name}\n")


def show_control(control: Control, result: Result) -> None:
    """One negative control: what the ring found."""
    found = ", ".join(f"{word} {result.sum(word)}" for word in ("lost", "duplicated", "inverted") if result.sum(word))
    verdict = "[green]found out[/green]" if control.found(result) else "[red]NOT FOUND OUT[/red]"
    Console(soft_wrap=True, highlight=False).print(
        f"{verdict}  {control.what}: {found or 'nothing'}  ({result.seconds:.0f} s)"
    )
    if not control.found(result):
        for sentence in result.wrong:
            Console(highlight=False).print(f"  {sentence}", markup=False)


def as_data(results: list[Result], proofs: list[tuple[Control, Result]], passed: bool) -> dict[str, Any]:
    """Everything as plain data."""
    return {
        "passed": passed,
        "runs": [_run(result) for result in results],
        "controls": [
            {"name": control.plan.name, "what": control.what, "found": control.found(result), **_run(result)}
            for control, result in proofs
        ],
    }


def _run(result: Result) -> dict[str, Any]:
    said = dataclasses.asdict(result)
    return {**said, "seconds": round(result.seconds, 1), "passed": result.passed}
