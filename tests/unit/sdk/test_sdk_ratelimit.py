from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.ratelimit import Concurrency, CostBucket, FixedWindow, Hold, TokenBucket, dump_limit, load_limit


def test_a_token_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    bucket = TokenBucket(rate=2, burst=3)
    waits = []
    for _ in range(6):
        bucket, wait = bucket.take(10.0)
        waits.append(wait)
    assert waits == [0, 0, 0, 0.5, 1.0, 1.5]
    bucket, wait = bucket.take(100.0)
    assert wait == 0


def test_a_token_bucket_believes_the_vendor_when_it_has_less() -> None:
    bucket, _ = TokenBucket(rate=2, burst=40).take(0)
    assert bucket.learn(0, 1).take(0)[1] == 0
    assert bucket.learn(0, 0).take(0)[1] == 0.5
    assert bucket.learn(0, 999).level == 39


@given(st.lists(st.floats(0, 3), min_size=1, max_size=60))
def test_a_token_bucket_never_lets_more_pass_than_burst_and_rate(gaps: list[float]) -> None:
    bucket, now, started = TokenBucket(rate=2, burst=3), 0.0, []
    for gap in gaps:
        now += gap
        bucket, wait = bucket.take(now)
        started.append(now + wait)
    assert started == sorted(started)
    for i, first in enumerate(started):
        for count, later in enumerate(started[i:], 1):
            assert count <= 3 + 2 * (later - first) + 1e-6


def test_a_fixed_window_begins_anew() -> None:
    window = FixedWindow(limit=2, seconds=60)
    waits = []
    for now in (0, 1, 2, 3, 4):
        window, wait = window.take(now)
        waits.append(wait)
    assert waits == [0, 0, 58, 57, 116]
    fresh, wait = window.take(500)
    assert wait == 0
    assert fresh.used == 1
    assert FixedWindow(2, 60).take(0)[0].learn(10, left=0, reset_in=5).take(10)[1] == 5


def test_a_cost_bucket_reserves_and_settles() -> None:
    bucket, wait = CostBucket(maximum=1000, restore=50).take(0, 900)
    assert wait == 0
    bucket, wait = bucket.take(0, 200)
    assert wait == 2
    bucket = bucket.settle(0, 200, 10).settle(0, 900, 100)
    assert bucket.level == 890
    assert bucket.take(0, 5000)[1] == pytest.approx(110 / 50)
    known = bucket.learn(5, available=20, maximum=2000, restore=100)
    assert known.take(5, 120)[1] == 1
    assert known.take(1000, 2000)[1] == 0


def test_concurrency_forgets_calls_that_never_came_back() -> None:
    room = Concurrency(limit=2, lease=10)
    room, a = room.enter(0, "a")
    room, b = room.enter(1, "b")
    room, c = room.enter(2, "c")
    assert (a, b, c) == (True, True, False)
    assert room.leave("a").enter(2, "c")[1]
    assert room.enter(10.5, "c")[1]


def test_a_hold_is_only_ever_made_longer() -> None:
    hold = Hold().learn(0, 10).learn(1, 2)
    assert hold.take(4)[1] == 6
    assert hold.take(20)[1] == 0


@pytest.mark.parametrize(
    "limit",
    [
        TokenBucket(2, 3).take(1)[0], FixedWindow(2, 60).take(1)[0], CostBucket().take(1, 5)[0],
        Concurrency(2).enter(0, "a")[0], Hold().learn(0, 5),
    ],
)  # fmt: skip
def test_a_limit_can_be_stored(limit: Any) -> None:
    import json

    assert load_limit(json.loads(json.dumps(dump_limit(limit)))) == limit
