"""The `hub` command with one of its protections taken away: ``python -m tests.chaos.sabotaged [--sabotage NAME] [--lease S] -- ARGS``.

The product has no switch for any of this; the parts are replaced here, in the child process, before the command begins. A part
that is not where it was ends the process, so that no control passes because it sabotaged nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any


def _replace(owner: Any, name: str, new: Any) -> Any:
    if not hasattr(owner, name):
        raise SystemExit(f"sabotaged: {owner} has no {name} any more; mend tests/chaos/sabotaged.py")
    old = getattr(owner, name)
    setattr(owner, name, new)
    return old


def shorten_leases(seconds: float) -> None:
    """Work is leased for so long instead of a minute."""
    from hub.runtime import workers

    _replace(workers, "LEASE", seconds)


def set_the_clock_by(file: Path) -> None:
    """The time of day is wrong by as many seconds as ``file`` says at the moment; clocks that only go forward are as they were."""
    import datetime as dt

    from hub.sdk import clock

    honest, read = time.time, [0.0, -1.0]

    def wrong_by() -> float:
        if time.monotonic() - read[1] > 0.05:
            read[:] = float(file.read_text(encoding="utf-8")), time.monotonic()
        return read[0]

    class Wrong(dt.datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return dt.datetime.now(tz) + dt.timedelta(seconds=wrong_by())

    _replace(time, "time", lambda: honest() + wrong_by())
    _replace(clock, "datetime", Wrong)


def answer_before_the_commit() -> None:
    """The receiver says 200 to a webhook that it will store in a moment."""
    from hub.api import receiver
    from hub.runtime.intake import AcceptResult

    async def later(self: Any, arrival: Any) -> None:
        await asyncio.sleep(1.0)
        await honest(self, arrival)

    async def store(self: Any, arrival: Any) -> AcceptResult:
        tasks.add(task := asyncio.get_running_loop().create_task(later(self, arrival)))
        task.add_done_callback(tasks.discard)
        return AcceptResult(len(arrival.messages), 0, 0)

    tasks: set[Any] = set()
    honest = _replace(receiver.Receiver, "_store", store)


def no_fencing() -> None:
    """A worker whose lease ran out goes on as if it held it: it sends what is left, and overwrites what others wrote."""
    from hub.pipeline import work
    from hub.store import bulk, outbox

    def freeze(database: Any, frozen: Sequence[Any]) -> frozenset[int]:
        honest_freeze(database, frozen)
        return frozenset(one.delivery_id for one in frozen)

    def deliver(connector: Any, record: Any, may_send: Callable[[], bool]) -> Any:
        return honest_deliver(connector, record, lambda: True)

    def update(database: Any, connection: Any, table: Any, keys: Any, changes: Any, *rest: Any, **named: Any) -> Any:
        if table.name == "delivery" and "attempt" in changes:  # the settlement
            columns, rows = rest
            keys, columns = ("id",), ("id", *columns[2:])
            rest = (columns, [(row[0], *row[2:]) for row in rows])
            named["where"] = "true"
        return honest_update(database, connection, table, keys, changes, *rest, **named)

    honest_freeze = _replace(outbox, "freeze_requests", freeze)
    honest_deliver = _replace(work, "deliver", deliver)
    honest_update = _replace(bulk, "update", update)


PAYLOADS = "hub.payloads-only-here"


def trust_the_broker(broker: str) -> None:
    """The receiver puts the message into a queue and says 200; the workers store what they find there."""
    import pickle

    import pika

    from hub.runtime import intake, workers

    local = threading.local()

    def channel() -> Any:
        if getattr(local, "channel", None) is None or local.channel.is_closed:
            local.channel = pika.BlockingConnection(pika.URLParameters(broker)).channel()
            local.channel.queue_declare(PAYLOADS, durable=True)
        return local.channel

    def commit(self: Any, arrivals: Sequence[Any]) -> list[Any]:
        for arrival in arrivals:
            try:
                properties = pika.BasicProperties(delivery_mode=2)
                channel().basic_publish("", PAYLOADS, pickle.dumps(list(arrival.messages)), properties)
            except Exception as error:
                local.channel = None
                from hub.errors import StoreError

                raise StoreError("the broker is away") from error
        return [intake.AcceptResult(len(arrival.messages), 0, 0) for arrival in arrivals]

    def consume(store: Any) -> None:
        while True:
            try:
                method, _, body = channel().basic_get(PAYLOADS)
                if method is None:
                    time.sleep(2.0)  # behind, as a busy consumer is
                    continue
                store.accept(pickle.loads(body))
                channel().basic_ack(method.delivery_tag)
            except Exception:
                local.channel = None
                time.sleep(0.5)

    def start(self: Any) -> None:
        threading.Thread(target=consume, args=(self._store,), daemon=True).start()
        honest_start(self)

    _replace(intake.Intake, "commit", commit)
    honest_start = _replace(workers.Workers, "start", start)


SABOTAGES = ("answer-before-the-commit", "no-fencing", "trust-the-broker")


def main() -> None:
    """Take a protection away, then run the command."""
    at = sys.argv.index("--")
    parser = argparse.ArgumentParser()
    parser.add_argument("--lease", type=float)
    parser.add_argument("--sabotage", choices=SABOTAGES)
    parser.add_argument("--broker", default="")
    parser.add_argument("--clock", type=Path)
    given = parser.parse_args(sys.argv[1:at])
    if given.lease is not None:
        shorten_leases(given.lease)
    if given.clock is not None:
        set_the_clock_by(given.clock)
    match given.sabotage:
        case "answer-before-the-commit":
            answer_before_the_commit()
        case "no-fencing":
            no_fencing()
        case "trust-the-broker":
            trust_the_broker(given.broker)
    from hub.cli.main import run

    sys.argv = ["hub", *sys.argv[at + 1 :]]
    run()


if __name__ == "__main__":
    main()
