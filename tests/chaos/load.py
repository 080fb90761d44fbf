"""The sender, a process of its own: ``python -m tests.chaos.load``. It repeats each webhook until it is answered with 2xx, as a shop does.

Its journal has a line ``sent NAME`` before the first try of each fact, and ``acknowledged NAME`` after the 2xx.
"""

from __future__ import annotations

import argparse
import http.client
import random
import threading
import time
from pathlib import Path

from tests.chaos.traffic import Fact, plan, request, shuffled

TRY_AGAIN = (0.05, 0.5)
REPEATS = 0.05
"""The share of facts that are told once more after the 2xx, as shops do."""


class Sender:
    """Sends the facts of one thread's records, at its part of the rate."""

    def __init__(self, port: int, journal: Journal, seed: int, pause: float) -> None:
        self._port = port
        self._journal = journal
        self._rnd = random.Random(seed)
        self._pause = pause
        self._connection: http.client.HTTPConnection | None = None

    def run(self, records: list[list[Fact]], patience: float) -> None:
        """Send everything; ends early when nothing at all was acknowledged for so long."""
        due = time.monotonic()
        for fact in shuffled(records, self._rnd):
            due = max(due + self._pause * self._rnd.uniform(0.2, 1.8), time.monotonic() - 2.0)
            time.sleep(max(0.0, due - time.monotonic()))
            self._journal.write("sent", fact)
            while not self._told(fact):
                if time.monotonic() > self._journal.acknowledged_at + patience:
                    return
                time.sleep(self._rnd.uniform(*TRY_AGAIN))
            self._journal.write("acknowledged", fact)
            if self._rnd.random() < REPEATS:
                self._told(fact)

    def _told(self, fact: Fact) -> bool:
        headers, body = request(fact)
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=12)
            self._connection.request("POST", "/webhooks/src", body, headers)
            answer = self._connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            return False
        if 400 <= answer.status < 500:
            self._journal.note(f"refused {fact.name} {answer.status}")
        return 200 <= answer.status < 300


class Journal:
    """Lines that are in the file when `write` returns."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("ab", buffering=0)
        self.acknowledged_at = time.monotonic()
        self._lock = threading.Lock()

    def write(self, what: str, fact: Fact) -> None:
        """Note one fact."""
        if what == "acknowledged":
            self.acknowledged_at = time.monotonic()
        self.note(f"{what} {fact.name}")

    def note(self, line: str) -> None:
        """Note a line."""
        with self._lock:
            self._file.write(f"{line}\n".encode())


def main() -> None:
    """Send a whole plan."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True, help="how long the sending shall take")
    parser.add_argument("--patience", type=float, required=True, help="how long it tries while nobody gets an answer")
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--journal", type=Path, required=True)
    given = parser.parse_args()
    journal = Journal(given.journal)
    records = plan(given.seed, given.messages)
    threads = []
    for number in range(given.threads):
        mine = records[number :: given.threads]
        pause = given.seconds / max(1, sum(map(len, mine)))
        sender = Sender(given.port, journal, given.seed * 100 + number, pause)
        threads.append(threading.Thread(target=sender.run, args=(mine, given.patience)))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
