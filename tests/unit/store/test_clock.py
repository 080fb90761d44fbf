"""The clock of the embedded hub, when the computer's clock is set while it runs."""

from __future__ import annotations

import pytest

from hub.store.clock import SteadyClock, steady


class Times:
    """A system's clock that can be set, and one that cannot."""

    wall = 1_790_000_000.0
    passed = 50.0

    def go_on(self, seconds: float) -> None:
        self.wall += seconds
        self.passed += seconds


@pytest.fixture
def times() -> Times:
    return Times()


@pytest.fixture
def clock(times: Times) -> SteadyClock:
    return SteadyClock(lambda: times.wall, lambda: times.passed)


def test_it_is_the_systems_time_while_nobody_sets_it(times: Times, clock: SteadyClock) -> None:
    for seconds in (0.0, 0.001, 5.0, 86_400.0):
        times.go_on(seconds)
        assert clock() == pytest.approx(times.wall, abs=1e-5)


@pytest.mark.parametrize("jump", [3600.0, -3600.0, 1e9])
def test_it_does_not_jump_along_but_follows(times: Times, clock: SteadyClock, jump: float) -> None:
    before = clock()
    times.wall += jump
    assert clock() == before
    times.go_on(50.0)
    passed = clock() - before
    assert passed == pytest.approx(51.0 if jump > 0 else 49.0)


def test_it_catches_up_and_is_then_right(times: Times, clock: SteadyClock) -> None:
    times.wall += 30.0
    for _ in range(200):
        times.go_on(10.0)
        clock()
    assert clock() == pytest.approx(times.wall)


def test_it_never_goes_back(times: Times, clock: SteadyClock) -> None:
    times.wall -= 1000.0
    seen = []
    for _ in range(50):
        times.go_on(0.1)
        seen.append(clock())
    assert seen == sorted(seen)
    assert steady() <= steady()
