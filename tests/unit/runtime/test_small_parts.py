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
from hub.runtime.pace import Pace
from hub.runtime.supervisor import Supervisor


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
