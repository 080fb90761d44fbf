"""`python -m tests.chaos`: the chaos ring. Exit code 0 = nothing lost, doubled or out of order, and every negative control found out."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.chaos.controls import Control, controls
from tests.chaos.faults import DATABASE, Fault, broker_faults, clock_jumps, database_faults, frozen, full_disk, killed
from tests.chaos.processes import CLUSTER
from tests.chaos.project import Times
from tests.chaos.report import Progress, as_data, show, show_control
from tests.chaos.ring import Plan, Result, Ring
from tests.chaos.scripts import crash_loop, held_up
from tests.chaos.services import Disk, Unavailable, services

SHORT = 10.0
"""Below so many minutes leases are shortened to eight seconds, so that frozen workers fit in; above, they are the product's own."""
HOURS, MINUTES = 3 * 3600.0, 120.0
"""How far clocks jump; that of a receiver less far, since it refuses signatures that are five minutes old."""
CANNOT_RUN = 3
"""The exit code where PostgreSQL or RabbitMQ are not installed."""
RUNS = ("cluster", "embedded", "controls")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what is asked for; returns the exit code."""
    given = _parse(arguments)
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # so that what was started is ended, and what was mounted unmounted
    folder = Path(tempfile.mkdtemp(prefix="hub-chaos-"))
    folder.chmod(0o755)  # the database's own user must get through
    passed = False
    try:
        results, proofs = _runs(given, folder)
        passed = all(result.passed for result in results) and all(control.found(result) for control, result in proofs)
    except (Unavailable, TimeoutError) as error:
        print(f"the chaos ring cannot run here: {error}", file=sys.stderr)
        return CANNOT_RUN if isinstance(error, Unavailable) else 1
    finally:
        if passed and not given.keep:
            shutil.rmtree(folder, ignore_errors=True)
        else:
            print(f"logs and journals are kept in {folder}", file=sys.stderr)
    if given.json:
        print(json.dumps(as_data(results, proofs, passed), indent=2))
    else:
        for control, result in proofs:
            show_control(control, result)
        print("the ring is closed" if passed else "THE RING IS OPEN")
    return 0 if passed else 1


def _runs(given: argparse.Namespace, folder: Path) -> tuple[list[Result], list[tuple[Control, Result]]]:
    """The runs that must pass, and the controls that must be found out."""
    results, proofs = [], []
    if {"cluster", "controls"} & set(given.only):
        with services(folder, _megabytes(given.messages)) as (postgres, rabbit, disk):
            ring = Ring(folder, postgres=postgres, rabbit=rabbit, disk=disk)
            if "cluster" in given.only:
                results += [_run(ring, plan, given.json) for plan in (_cluster(given, disk), held_up(given.seed))]
            if "controls" in given.only:
                proofs = [(one, _run(ring if one.cluster else Ring(folder), one.plan)) for one in controls(given.seed)]
    if "embedded" in given.only:
        disk = Disk(folder / "small-disk", _megabytes(given.messages // 3))
        try:
            results.append(_run(Ring(folder, disk=disk), _embedded(given, disk), given.json))
            results.append(_run(Ring(folder), crash_loop(given.seed), given.json))
        finally:
            disk.close()
    return results, proofs


def _run(ring: Ring, plan: Plan, quiet: bool = True) -> Result:
    progress = Progress(plan.name)
    result = ring.run(plan, progress)
    progress.end()
    if not quiet:
        show(result)
    return result


def _cluster(given: argparse.Namespace, disk: Disk) -> Plan:
    """web, relay and two workers, with everything that can strike them."""
    short = given.minutes < SHORT
    times = Times(lease=8.0) if short else Times()
    faults: list[Fault] = [
        *(killed(role) for role in CLUSTER),
        *(frozen(role, times.longest_lease + times.settle) for role in ("worker-1", "worker-2")),
        *(clock_jumps(role, HOURS) for role in ("relay", "worker-1", "worker-2")),
        clock_jumps("web", MINUTES),
        *database_faults(),
        *broker_faults(),
    ]
    skipped = [f"disk full: {disk.why}"] if disk.why else []
    if not disk.why:
        faults.append(full_disk(DATABASE))
    # what remains of the time after the controls, the embedded run and the coming to rest
    seconds = max(20.0, given.minutes * 60 * 0.8 - 180) if "controls" in given.only else given.minutes * 60 * 0.75
    return Plan(
        "cluster", given.messages, seconds, given.seed, faults, times=times, patience=90 + 2 * times.longest_lease, skipped=skipped
    )  # fmt: skip


def _embedded(given: argparse.Namespace, disk: Disk) -> Plan:
    """The one process, killed again and again."""
    faults = [killed("hub", 4.0), clock_jumps("hub", MINUTES, 2.0)]
    skipped = [f"disk full: {disk.why}"] if disk.why else []
    if not disk.why:
        faults.append(full_disk(frozenset({"disk"})))
    seconds = max(15.0, given.minutes * 60 * 0.1)
    return Plan(
        "embedded", max(50, given.messages // 3), seconds, given.seed + 1, faults, pause=(3.0, 8.0), skipped=skipped
    )


def _megabytes(messages: int) -> int:
    """The size of the small disk: what the data needs, and a little."""
    return 256 + messages // 20


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=...", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="about how long it may take in all (default: 5)")
    parser.add_argument("--messages", type=int, help="webhooks to send to the cluster (default: 400 a minute)")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(2)), help="repeat an earlier run's dice")
    parser.add_argument("--only", choices=RUNS, nargs="+", default=list(RUNS), help="leave the others out")
    parser.add_argument("--json", action="store_true", help="print the accounts as JSON")
    parser.add_argument("--keep", action="store_true", help="keep logs, journals and databases")
    given = parser.parse_args(arguments)
    if given.minutes <= 0 or (given.messages is not None and given.messages <= 0):
        parser.error("--minutes and --messages must be above zero")
    given.messages = given.messages or max(100, int(400 * given.minutes))
    return given


if __name__ == "__main__":
    sys.exit(main())
