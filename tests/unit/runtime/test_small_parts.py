"""The small parts of the runtime: pace, batch size, secrets of settings, conditions of flows, the supervisor."""

import sys
import threading
import time

import pytest
from pydantic import BaseModel, SecretStr

from hub.errors import ConfigError
from hub.runtime.assembly import compile_condition
from hub.runtime.batch_size import BatchSize
from hub.runtime.connections import secrets_of
from hub.runtime.pace import Pace, SharedPace
from hub.runtime.supervisor import Supervisor
from hub.runtime.threads import DaemonPool


class _Time:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds


def test_a_pace_lets_a_burst_pass_and_then_keeps_the_rate():
    at = _Time()
    pace = Pace(10.0, clock=at, sleep=at.sleep)
    for _ in range(10):
        pace.wait()
    assert at.now == 100.0
    for _ in range(20):
        pace.wait()
    assert at.now == pytest.approx(102.0)


def test_a_slow_pace_and_none():
    at = _Time()
    slow = Pace(0.5, clock=at, sleep=at.sleep)
    slow.wait()
    slow.wait()
    assert at.now == pytest.approx(102.0)
    none = Pace(None, clock=at, sleep=at.sleep)
    for _ in range(1000):
        none.wait()
    assert at.now == pytest.approx(102.0)


def test_batches_grow_with_a_fast_target_and_shrink_with_a_slow_one():
    size = BatchSize(4)
    assert size.size == 4
    for _ in range(10):
        size.worked(size.size, 0.05)
    assert size.size == 100
    size.worked(3, 0.05)
    assert size.size == 100
    size.worked(100, 10.0)
    assert size.size == 4


def test_every_secret_of_the_settings_is_found():
    class Inner(BaseModel):
        key: SecretStr

    class Settings(BaseModel):
        token: SecretStr
        headers: dict[str, SecretStr]
        inner: list[Inner]
        plain: str = "visible"

    settings = Settings(token="one", headers={"a": "two"}, inner=[{"key": "three"}])
    assert set(secrets_of(settings)) == {"one", "two", "three"}


def test_conditions_speak_the_mapping_language():
    holds = compile_condition("{{ record.status != 'cancelled' and record.lines | length > 1 }}", "order")
    assert holds({"status": "submitted", "lines": [1, 2]}) is True
    assert holds({"status": "cancelled", "lines": [1, 2]}) is False
    assert compile_condition("record.status == 'open'", "order")({"status": "open"}) is True


def test_a_condition_that_cannot_be_read_says_where():
    with pytest.raises(ConfigError) as refused:
        compile_condition("{{ recrd.status }}", "order", "flows/a.yaml:3")
    assert refused.value.where.startswith("flows/a.yaml")
    assert "record" in str(refused.value)


def test_the_supervisor_starts_again_what_ends(tmp_path):
    marks = tmp_path / "marks"
    program = f"open({str(marks)!r}, 'a').write('x')"
    supervisor = Supervisor([sys.executable, "-c", program], 1)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    until = time.monotonic() + 15
    while supervisor.starts < 3 and time.monotonic() < until:
        time.sleep(0.05)
    supervisor.stop()
    thread.join(15)
    assert supervisor.starts >= 3
    assert not thread.is_alive()


def test_the_supervisor_ends_its_children(tmp_path):
    supervisor = Supervisor([sys.executable, "-c", "import time; time.sleep(60)"], 2)
    thread = threading.Thread(target=supervisor.run)
    thread.start()
    until = time.monotonic() + 10
    while len(supervisor.pids) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert len(supervisor.pids) == 2
    supervisor.stop()
    thread.join(15)
    assert supervisor.pids == []


def test_the_pool_runs_as_many_at_once_as_it_may_and_no_more():
    pool, most, running = DaemonPool(4, "t"), 0, 0
    lock = threading.Lock()

    def call(number):
        nonlocal most, running
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1
        return number * 2

    assert list(pool.map(call, range(20))) == [number * 2 for number in range(20)]
    assert most == 4
    pool.shutdown()
    with pytest.raises(RuntimeError):
        pool.submit(call, 1)


def test_the_pool_hands_errors_over_and_starts_no_thread_without_need():
    pool = DaemonPool(8, "t")

    def fails():
        raise ValueError("no")

    for _ in range(5):
        with pytest.raises(ValueError, match="no"):
            pool.submit(fails).result(2)
        time.sleep(0.01)
    assert len(pool._threads) <= 2
    pool.shutdown()


def test_a_hanging_call_does_not_keep_a_process_alive():
    import subprocess

    program = (
        "import time\nfrom hub.runtime.threads import DaemonPool\n"
        "pool = DaemonPool(2, 't')\npool.submit(time.sleep, 60)\ntime.sleep(0.1)\npool.shutdown(wait=False)\n"
    )
    began = time.monotonic()
    subprocess.run([sys.executable, "-c", program], check=True, timeout=20)
    assert time.monotonic() - began < 15


def test_calls_that_have_not_begun_can_be_dropped():
    pool, go = DaemonPool(1, "t"), threading.Event()
    first = pool.submit(go.wait, 5)
    second = pool.submit(lambda: 1)
    time.sleep(0.05)
    pool.shutdown(wait=False, cancel_futures=True)
    go.set()
    assert first.result(2) is True
    assert second.cancelled()


def test_two_workers_keep_one_rate_together(tmp_path):
    from functools import partial

    from hub.store import Store

    at = _Time()
    store = Store.open(f"sqlite:///{tmp_path}/hub.db", clock=at)
    paces = [SharedPace(10.0, partial(store.reserve_calls, "shop"), at.sleep) for _ in range(2)]
    for _ in range(40):
        for pace in paces:
            pace.wait()
    store.close()
    assert at.now - 100.0 == pytest.approx(7.0, abs=0.3)  # 80 calls at 10 a second, after a burst of 10
