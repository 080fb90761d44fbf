"""The circuit breaker: a pure function."""

from __future__ import annotations

from hub.store import ConnectionState
from hub.store.connections import LONGEST_BREAK, moved


def test_failures_in_a_row_open_it_and_one_success_closes_it() -> None:
    state = ConnectionState("erp")
    for _ in range(4):
        state = moved(state, 0, 1, 100.0, 5, 5.0)
        assert state.breaker == "closed"
    state = moved(state, 0, 1, 100.0, 5, 5.0)
    assert (state.breaker, state.breaker_until) == ("open", 105.0)
    assert moved(state, 1, 3, 106.0, 5, 5.0) == ConnectionState("erp")


def test_each_break_is_longer_up_to_a_limit() -> None:
    state, waits = ConnectionState("erp", breaker="half_open", failures=5), []
    now = 0.0
    for _ in range(10):
        state = moved(state, 0, 1, now, 5, 5.0)
        waits.append((state.breaker_until or 0) - now)
        now = state.breaker_until or 0
    assert waits[:4] == [5.0, 10.0, 20.0, 40.0]
    assert waits[-1] == LONGEST_BREAK


def test_late_answers_of_earlier_calls_do_not_prolong_an_open_break() -> None:
    state = ConnectionState("erp", breaker="open", breaker_until=200.0, breaker_trips=1, failures=5)
    assert moved(state, 0, 4, 100.0, 5, 5.0) == state


def test_a_pause_is_kept_through_all_of_it() -> None:
    state = ConnectionState("erp", paused=True, pause_code="CON-AUTH", failures=4)
    assert moved(moved(state, 0, 1, 0.0, 5, 5.0), 1, 0, 1.0, 5, 5.0).pause_code == "CON-AUTH"
