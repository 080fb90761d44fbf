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


def _runs(cron: str, zone: str, start: str, count: int) -> list[str]:
    """The next runs after a moment, in UTC: "29 01:00" is the 29th at one o'clock."""
    schedule, at = Schedule("x", cron=cron, timezone=zone), datetime.fromisoformat(start).timestamp()
    found = []
    for _ in range(count):
        following = next_run(schedule, at)
        assert following > at
        at = following
        found.append(datetime.fromtimestamp(at, UTC).strftime("%d %H:%M"))
    return found


BERLIN, NEW_YORK, LORD_HOWE = "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"


@pytest.mark.parametrize(
    ("cron", "zone", "start", "runs"),
    [
        # summer time begins: 02:00 becomes 03:00, and 02:30 does not come
        ("30 3 * * *", BERLIN, "2026-03-28T12:00Z", ["29 01:30", "30 01:30"]),
        ("30 2 * * *", BERLIN, "2026-03-28T00:00Z", ["28 01:30", "29 01:00", "30 00:30"]),
        ("*/30 * * * *", BERLIN, "2026-03-29T00:00Z", ["29 00:30", "29 01:00", "29 01:30", "29 02:00"]),
        ("30 2 * * *", NEW_YORK, "2026-03-07T12:00Z", ["08 07:00", "09 06:30"]),
        (
            "0 0 * * *",
            "America/Sao_Paulo",
            "2018-11-03T12:00Z",
            ["04 03:00", "05 02:00"],
        ),  # midnight itself was left out
        # summer time ends: 03:00 becomes 02:00, and 02:30 comes twice
        ("30 2 * * *", BERLIN, "2026-10-24T00:00Z", ["24 00:30", "25 00:30", "26 01:30"]),
        ("15 2 * * *", BERLIN, "2026-10-25T00:20Z", ["26 01:15"]),
        ("15 2 * * *", BERLIN, "2026-10-25T01:05Z", ["26 01:15"]),
        ("0 3 * * *", BERLIN, "2026-10-24T12:00Z", ["25 02:00", "26 02:00"]),
        ("0 * * * *", BERLIN, "2026-10-24T23:00Z", ["25 00:00", "25 01:00", "25 02:00"]),
        ("*/30 * * * *", BERLIN, "2026-10-25T00:00Z", ["25 00:30", "25 01:00", "25 01:30", "25 02:00"]),
        ("45 1 * * *", LORD_HOWE, "2026-04-03T20:00Z", ["04 14:45", "05 15:15"]),  # there it is half an hour
        ("30 1 * * 0", NEW_YORK, "2026-10-31T00:00Z", ["01 05:30", "08 06:30"]),
    ],
)
def test_cron_follows_the_clock_on_the_wall(cron: str, zone: str, start: str, runs: list[str]) -> None:
    assert _runs(cron, zone, start, len(runs)) == runs


def test_a_cron_run_that_was_missed_is_caught_up_once(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("night", cron="0 3 * * *", timezone="Europe/Berlin")])
    clock.time += 5 * 86_400
    hub.plan([Schedule("night", cron="0 3 * * *", timezone="Europe/Berlin")])  # a new start does not forget it
    (run,) = hub.claim_schedules(owner="a")
    hub.finish_schedule(run.name, "a")
    assert hub.claim_schedules(owner="a") == []
    clock.time += 86_400
    assert len(hub.claim_schedules(owner="a")) == 1


def test_another_time_zone_is_another_time(hub: Store, clock: Clock) -> None:
    hub.plan([Schedule("night", cron="0 15 * * *", timezone="Europe/Berlin")])  # 14:00 in UTC; it is 12:00 now
    hub.plan([Schedule("night", cron="0 15 * * *", timezone="America/New_York")])
    clock.time += 3 * 3600
    assert hub.claim_schedules(owner="a") == []
    clock.time += 5 * 3600
    assert len(hub.claim_schedules(owner="a")) == 1


def test_many_hubs_run_each_once(open_store: Callable[..., Store]) -> None:
    """Six claimers at once, again and again, each with a store of its own where the database takes several."""
    first = open_store()
    stores = [first if first.database.is_sqlite else open_store() for _ in range(6)]
    first.plan([Schedule(f"poll:{n}", interval=3600.0) for n in range(30)])
    runs: list[str] = []
    start = threading.Barrier(6)

    def work(number: int) -> None:
        start.wait()
        for _ in range(12):
            for run in stores[number].claim_schedules(limit=4, owner=f"hub-{number}"):
                runs.append(run.name)
                assert stores[number].finish_schedule(run.name, f"hub-{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runs) == sorted(f"poll:{n}" for n in range(30))


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
