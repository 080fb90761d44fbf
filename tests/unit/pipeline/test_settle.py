"""What becomes of a delivery after a try: a pure function of facts and ending."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.canonical.reasons import REASONS
from hub.pipeline.settle import FEWEST_TRIES, LONGEST_DELAY, Ending, Facts, delay, settle


def facts(failures: int = 0, maybe_sent: bool = False, age: float = 0.0) -> Facts:
    return Facts(failures, maybe_sent, age, settle=30.0, retry_for=86400.0, park_for=3600.0)


@given(
    st.integers(0, 200), st.booleans(), st.floats(0, 1e6), st.sampled_from(Ending), st.none() | st.floats(0, 1e6),
    st.floats(0, 1),
)  # fmt: skip
def test_nothing_ends_in_silence(
    failures: int, maybe: bool, age: float, ending: Ending, after: float | None, chance: float
) -> None:
    decision = settle(facts(failures, maybe, age), ending, "", after, chance)
    assert decision.state in ("pending", "waiting", "done", "skipped", "failed")
    assert decision.due_in <= LONGEST_DELAY + 30.0
    if decision.state in ("skipped", "failed", "waiting"):
        assert decision.reason in REASONS
    if ending in (Ending.UNKNOWN, Ending.LOOKUP_FAILED, Ending.ASK, Ending.BUG):
        assert decision.maybe_sent
    if maybe and decision.state in ("pending", "waiting", "failed"):
        assert decision.maybe_sent, "what may have been sent stays so until a look-up says otherwise"


def test_an_unknown_outcome_waits_for_the_target_to_settle() -> None:
    assert settle(facts(), Ending.UNKNOWN, chance=0.0).due_in >= 30.0
    assert settle(facts(), Ending.UNREACHABLE, chance=0.0).due_in < 1.0


@pytest.mark.parametrize("ending", [Ending.RATE, Ending.AUTH, Ending.MISSING, Ending.UNSENT])
def test_what_is_no_fault_of_the_delivery_costs_no_retry(ending: Ending) -> None:
    assert not settle(facts(), ending).counts


def test_the_pace_that_a_target_names_is_kept_but_not_for_ever() -> None:
    assert settle(facts(), Ending.RATE, after=17.0).due_in == 17.0
    assert settle(facts(), Ending.RATE, after=1e9).due_in == LONGEST_DELAY
    assert settle(facts(), Ending.RETRY, after=17.0, chance=0.0).due_in == 17.0


def test_retries_end_after_a_day_and_enough_tries() -> None:
    day = 86400.0
    assert settle(facts(FEWEST_TRIES, age=day / 2), Ending.RETRY).state == "pending"
    assert settle(facts(FEWEST_TRIES - 2, age=2 * day), Ending.RETRY).state == "pending"
    given_up = settle(facts(FEWEST_TRIES, maybe_sent=True, age=day), Ending.UNKNOWN)
    assert (given_up.state, given_up.reason, given_up.maybe_sent) == ("failed", "CON-RETRIES", True)


def test_the_delay_doubles_with_full_jitter_up_to_an_hour() -> None:
    assert [delay(failures, 1.0) for failures in (0, 1, 2, 3)] == [2.0, 4.0, 8.0, 16.0]
    assert delay(50, 1.0) == LONGEST_DELAY
    assert delay(50, 0.0) == 0.1
    assert all(0.1 <= delay(4) <= 32.0 for _ in range(200))


def test_success_and_refusal_show_that_the_target_is_up() -> None:
    assert settle(facts(), Ending.DONE).healthy
    assert settle(facts(), Ending.REJECTED).healthy
    assert settle(facts(), Ending.UNREACHABLE).healthy is False
    assert settle(facts(), Ending.MISSING).healthy is None
