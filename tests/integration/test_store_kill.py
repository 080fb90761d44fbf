"""kill -9 in the middle of accept, claim and settle: what was promised is there, and nothing is there twice."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from hub.store import Store

_ACCEPTOR = """
import sys
from hub.store import NewMessage, Store
store = Store.open(sys.argv[1])
print("ready", flush=True)
for number in range(int(sys.argv[2]), 100000):
    batch = [NewMessage("shop", "order", f"o{number}-{i}", f"{number}-{i}", b"{}") for i in range(5)]
    store.accept(batch)
    print(number, flush=True)  # the promise: only after the commit
"""

_WORKER = """
import sys
from hub.store import *
from hub.store.archive import sha_of
store = Store.open(sys.argv[1])
journal = open(sys.argv[2], "a")
print("ready", flush=True)
while True:
    for message in store.claim_messages(limit=10, lease=0.3, owner="w"):
        body = message.external_id.encode()
        record = Record("ord_" + message.external_id, "order", 1, body, sha_of(body), None, False, "shop")
        new = NewDelivery("f", "erp", record.id, "order", "order", "upsert", record.id, 1, record.sha)
        store.finish_messages([Finished(message.id, message.epoch, "done", records=[record], deliveries=[new])])
    claimed = store.claim_deliveries("erp", limit=10, lease=0.3, owner="w")
    held = store.freeze_requests([Frozen(one.id, one.epoch, one.body, "k") for one in claimed if one.request is None])
    done = []
    for one in claimed:
        if one.request is None and one.id not in held:
            continue
        # the effect at a target with idempotency keys: the journal keeps the first of each
        journal.write(f"{one.record_id} {one.epoch}\\n")
        journal.flush()
        done.append(Settlement(one.id, one.message_id, one.epoch, "done", links=[Link("order", "erp", "x" + one.record_id, one.record_id)]))
    store.settle_deliveries(done)
    store.reap(settle=0)
"""


def start(program: str, *arguments: str) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", program, *arguments], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "ready"
    return process


def test_what_was_accepted_before_the_kill_is_there_after_it(database_url: str) -> None:
    rnd = random.Random(4)
    promised = -1
    for _ in range(4):
        process = start(_ACCEPTOR, database_url, str(promised + 1))
        assert process.stdout is not None
        first = process.stdout.readline()  # on a busy machine even one commit takes its time
        time.sleep(rnd.uniform(0.02, 0.15))
        process.send_signal(signal.SIGKILL)
        said, _ = process.communicate()
        promised = max([promised, *(int(line) for line in (first + said).split())])
    store = Store.open(database_url)
    stored = {message["external_id"] for message in store.find_messages(limit=100_000)}
    store.close()
    assert promised >= 0
    missing = {f"o{number}-{i}" for number in range(promised + 1) for i in range(5)} - stored
    assert not missing
    # a batch is there as a whole or not at all
    assert set(Counter(name.split("-")[0] for name in stored).values()) == {5}


@pytest.mark.timeout(240)
def test_a_worker_killed_anywhere_loses_nothing_and_settles_nothing_twice(database_url: str, tmp_path: Path) -> None:
    from hub.store import NewMessage

    store = Store.open(database_url)
    store.register_connections(["erp"])
    for page in range(10):
        store.accept([NewMessage("shop", "order", f"{page * 30 + i}", f"{page * 30 + i}", b"{}") for i in range(30)])
    store.close()
    rnd = random.Random(11)
    journal = tmp_path / "journal"
    for _ in range(7):
        process = start(_WORKER, database_url, str(journal))
        time.sleep(rnd.uniform(0.01, 0.12))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        time.sleep(0.35)  # the leases of the dead run out, so that crashes are counted
    process = start(_WORKER, database_url, str(journal))
    try:
        deadline = time.monotonic() + 90
        reader = None
        while time.monotonic() < deadline:
            reader = reader or Store.open(database_url, readonly=True)
            if not reader.in_flight():
                break
            time.sleep(0.1)
        assert reader is not None
        counts, states = (
            reader.conservation(),
            Counter(message["state"] for message in reader.find_messages(limit=1000)),
        )
        parked = [trouble["code"] for trouble in reader.exceptions()]
        reader.close()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    effects = Counter(line.split()[0] for line in journal.read_text().splitlines())
    assert counts.holds
    assert counts.in_flight == 0
    assert set(parked) <= {"HUB-WORKER-CRASH"}
    assert counts.delivered + counts.exceptions == 300, states
    assert len(effects) >= counts.delivered
    # every repetition of an effect was announced to the target by the same key; none came from two holders at once
    per_epoch = Counter(journal.read_text().splitlines())
    assert set(per_epoch.values()) == {1}
