"""The in-process wake bus: wakes at once, joins wake-ups, and survives a failing handler."""

import threading
import time

import pytest

from hub.runtime.bus import InProcessBus, MutedBus, open_bus
from hub.runtime.bus.publisher import Publisher


def test_a_wake_up_reaches_the_handler_within_milliseconds():
    bus, arrived = InProcessBus(), []
    ready = threading.Event()

    def handler(group):
        arrived.append((group, time.perf_counter()))
        ready.set()

    bus.subscribe("inbound", handler)
    bus.start()
    started = time.perf_counter()
    bus.wake(["inbound", "nobody.listens"])
    assert ready.wait(2)
    bus.stop(2)
    assert arrived[0][0] == "inbound"
    assert arrived[0][1] - started < 0.2


def test_wake_ups_of_a_busy_group_are_joined_and_none_is_lost():
    bus, runs = InProcessBus(), []
    go, began = threading.Event(), threading.Event()

    def handler(group):
        runs.append(group)
        began.set()
        go.wait(2)

    bus.subscribe("g", handler)
    bus.start()
    bus.wake(["g"])
    assert began.wait(2)
    for _ in range(50):
        bus.wake(["g"])  # while the handler is busy: exactly one more run must follow
    go.set()
    until = time.monotonic() + 2
    while len(runs) < 2 and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)
    bus.stop(2)
    assert runs == ["g", "g"]


def test_a_failing_handler_does_not_stop_its_group():
    bus, runs = InProcessBus(), threading.Semaphore(0)

    def handler(group):
        runs.release()
        raise ValueError("boom")

    bus.subscribe("g", handler)
    bus.start()
    for _ in range(3):
        bus.wake(["g"])
        assert runs.acquire(timeout=2)
    bus.stop(2)


def test_stop_waits_for_a_running_handler():
    bus, done = InProcessBus(), []
    began = threading.Event()

    def handler(group):
        began.set()
        time.sleep(0.1)
        done.append(group)

    bus.subscribe("g", handler)
    bus.start()
    bus.wake(["g"])
    assert began.wait(2)
    bus.stop(2)
    assert done == ["g"]
    assert not bus.healthy


def test_the_address_chooses_the_bus():
    assert isinstance(open_bus(None, installation="t"), InProcessBus)
    assert isinstance(open_bus("muted:", installation="t"), MutedBus)
    from hub.errors import ConfigError

    with pytest.raises(ConfigError):
        open_bus("amqp://host:port/x", installation="t")


def test_the_publisher_joins_what_waits_and_reports_failures():
    sent, fail = [], threading.Event()

    def publish(name):
        sent.append(name)
        return not fail.is_set()

    publisher = Publisher(publish, lambda: None, lambda: None)
    assert publisher.post(["a", "b", "a"]).wait(2)
    assert sorted(sent) == ["a", "b"]
    fail.set()
    assert not publisher.post(["c"]).wait(2)
    assert not publisher.healthy
    fail.clear()
    assert publisher.post(["d"]).wait(4)
    assert publisher.healthy
    publisher.stop(2)
    assert not publisher.post(["late"]).wait(0.1)
