"""Schedules: leased rows that any number of hubs run once each, with backoff after failures."""

import threading
import time

import pytest

from hub.errors import RateLimited, RetryLater
from hub.runtime.scheduler import Scheduler, backoff, poll_name
from hub.store import Schedule, Store


@pytest.fixture
def store(tmp_path):
    opened = Store.open(f"sqlite:///{tmp_path}/hub.db")
    opened.register_connections(["shop"])
    yield opened
    opened.close()


def _until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def _plan(store, interval=0.05, name="poll:shop:order"):
    store.plan([Schedule(name, "shop", "order", interval)])


def test_two_hubs_run_a_schedule_once_each_time_and_never_at_once(store):
    running, most, runs = 0, 0, []
    lock = threading.Lock()

    def job(schedule, until):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.05)
        runs.append(schedule.name)
        with lock:
            running -= 1

    _plan(store)
    hubs = [Scheduler(store, {"poll": job}, tick=0.02) for _ in range(2)]
    for number, hub in enumerate(hubs):
        hub._owner = f"hub-{number}"
        hub.start()
    _until(lambda: len(runs) >= 4)
    for hub in hubs:
        hub.stop(5)
    assert most == 1


def test_a_failing_job_backs_off_and_recovers(store):
    fails = iter([RetryLater("down"), ValueError("bug")])
    at = []

    def job(schedule, until):
        at.append((time.monotonic(), schedule.failures))
        for error in fails:
            raise error

    _plan(store, interval=0.05)
    scheduler = Scheduler(store, {"poll": job}, tick=0.02)
    scheduler.start()
    _until(lambda: len(at) >= 3, 10)
    scheduler.stop(5)
    assert [failures for _, failures in at[:3]] == [0, 1, 2]
    assert at[1][0] - at[0][0] >= 0.9
    assert at[2][0] - at[1][0] >= 1.9


def test_a_named_pace_is_kept(store):
    at = []

    def job(schedule, until):
        at.append(time.monotonic())
        if len(at) == 1:
            raise RateLimited("slow down", after=1.5)

    _plan(store)
    scheduler = Scheduler(store, {"poll": job}, tick=0.02)
    scheduler.start()
    _until(lambda: len(at) >= 2, 10)
    scheduler.stop(5)
    assert at[1] - at[0] >= 1.4


def test_a_run_by_hand_comes_at_once(store):
    runs = []
    _plan(store, interval=3600)
    scheduler = Scheduler(store, {"poll": lambda schedule, until: runs.append(1)}, tick=5)
    scheduler.start()
    _until(lambda: len(runs) == 1)
    _until(lambda: store.claim_schedules(owner="nobody") == [] and scheduler._running == 0)
    assert store.run_schedule_now(poll_name("shop", "order"))
    scheduler.nudge()
    _until(lambda: len(runs) == 2)
    scheduler.stop(5)
    assert not store.run_schedule_now("poll:shop:nothing")


def test_stop_waits_for_a_running_job(store):
    done = threading.Event()
    began = threading.Event()

    def job(schedule, until):
        began.set()
        time.sleep(0.2)
        done.set()

    _plan(store, interval=3600)
    scheduler = Scheduler(store, {"poll": job}, tick=0.02)
    scheduler.start()
    assert began.wait(5)
    scheduler.stop(5)
    assert done.is_set()


def test_backoff_doubles_up_to_a_quarter_of_an_hour():
    assert [backoff(failures, 5.0) for failures in range(4)] == [5.0, 10.0, 20.0, 40.0]
    assert backoff(0, 0.1) == 1.0
    assert backoff(30, 60.0) == 900.0
    assert backoff(0, None) == 30.0
