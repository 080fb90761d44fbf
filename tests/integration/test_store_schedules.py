"""Schedules run once among any number of hubs; tokens are renewed by one worker at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from hub.store import Schedule, Store
from hub.store.schedules import next_run


class Clock:
    """A clock that tests turn."""

    time = datetime(2026, 3, 28, 12, 0, tzinfo=UTC).timestamp()

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(open_store: Callable[..., Store], clock: Clock) -> Store:
    return open_store(clock=clock)


def test_a_new_interval_is_due_at_once_and_then_after_its_interval(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("poll:erp:order", "erp", "order", interval=30.0)])
    (run,) = hub.claim_schedules(owner="a")
    assert (run.connection, run.stream, run.interval) == ("erp", "order", 30.0)
    assert hub.claim_schedules(owner="b") == []
    assert hub.finish_schedule(run.name, "a")
    assert hub.claim_schedules(owner="b") == []
    clock.time += 31
    assert len(hub.claim_schedules(owner="b")) == 1


def test_what_was_missed_is_caught_up_once(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("p", interval=30.0)])
    hub.finish_schedule(hub.claim_schedules(owner="a")[0].name, "a")
    clock.time += 3600
    (run,) = hub.claim_schedules(owner="a")
    hub.finish_schedule(run.name, "a")
    assert hub.claim_schedules(owner="a") == []


def test_a_dead_runner_gives_way(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("p", interval=30.0)])
    hub.claim_schedules(owner="dead", lease=60)
    clock.time += 61
    assert len(hub.claim_schedules(owner="b")) == 1
    assert not hub.finish_schedule("p", "dead")
    assert hub.finish_schedule("p", "b", error="the shop does not answer")


def test_replanning_keeps_the_last_run_and_shortens_the_wait(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("p", interval=3600.0), Schedule("gone", interval=5.0)])
    for run in hub.claim_schedules(owner="a"):
        hub.finish_schedule(run.name, "a")
    hub.plan([Schedule("p", interval=10.0)])
    assert hub.claim_schedules(owner="a") == []
    clock.time += 11
    (run,) = hub.claim_schedules(owner="a")
    assert (run.name, run.last_run_at) == ("p", pytest.approx(clock.time - 11))


def test_cron_follows_the_clock_on_the_wall_over_the_change_to_summer_time() -> None:
    nightly = Schedule("night", cron="30 3 * * *", timezone="Europe/Berlin")
    before = datetime(2026, 3, 28, 12, 0, tzinfo=UTC).timestamp()
    first = next_run(nightly, before)
    assert datetime.fromtimestamp(first, UTC).isoformat() == "2026-03-29T01:30:00+00:00"  # 3:30 in summer time
    assert datetime.fromtimestamp(next_run(nightly, first), UTC).isoformat() == "2026-03-30T01:30:00+00:00"


def test_a_manual_run_is_due_at_once(hub: Store) -> None:
    hub.plan([Schedule("night", cron="0 3 * * *", timezone="UTC")])
    assert hub.claim_schedules(owner="a") == []
    assert hub.run_schedule_now("night")
    assert not hub.run_schedule_now("none")
    assert len(hub.claim_schedules(owner="a")) == 1


def test_one_worker_renews_a_token_and_the_others_see_it(store: Store) -> None:
    renewed: list[int] = []

    def renew(current: dict[str, Any] | None) -> dict[str, Any]:
        if current and current["serial"] == 1:
            return current  # somebody else was quicker
        renewed.append(1)
        time.sleep(0.05)
        return {"serial": 1, "token": "t1"}

    threads = [threading.Thread(target=lambda: store.tokens("erp").refresh("access", renew)) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(renewed) == 1
    assert store.tokens("erp").load("access") == {"serial": 1, "token": "t1"}
    assert store.tokens("shop").load("access") is None


def test_a_renewal_that_fails_lets_the_next_one_try(store: Store) -> None:
    def fail(_: object) -> dict[str, Any]:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError):
        store.tokens("erp").refresh("access", fail)
    assert store.tokens("erp").refresh("access", lambda _: {"a": 1}) == {"a": 1}


def test_a_living_owner_keeps_its_schedule_and_a_dead_one_loses_it(store: Store) -> None:
    store.plan([Schedule(name="poll:a:order", connection="a", stream="order", interval=1.0)])
    assert [one.name for one in store.claim_schedules(owner="one", lease=0.3)] == ["poll:a:order"]
    assert store.extend_schedules("one", 30.0) == 1
    time.sleep(0.4)
    assert store.claim_schedules(owner="two", lease=30.0) == []
    assert store.extend_schedules("two", 30.0) == 0
    store.recover()
    assert [one.name for one in store.claim_schedules(owner="two", lease=30.0)] == ["poll:a:order"]
    assert not store.finish_schedule("poll:a:order", "one")
