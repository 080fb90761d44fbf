"""Behaviours of reads when the system is slow, down, too busy, or does not know the token any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from hub.errors import AuthFailed, DeliveryError, OutcomeUnknown, RateLimited, RetryLater, Unreachable
from hub.sdk.testing.behaviours.reading import ids
from hub.sdk.testing.behaviours.registry import Level, behaviour
from hub.sdk.testing.bench import Bench, require
from hub.sdk.testing.faults import (
    BadAnswer,
    CutBody,
    Delay,
    ExpiredToken,
    Fault,
    Reset,
    Status,
    Timeout,
)
from hub.sdk.testing.faults import (
    RateLimited as TooFast,
)


def _poll(bench: Bench, stream: str) -> Any:
    return bench.connector().poll(stream, None, 20)


def _meets(bench: Bench, stream: str, fault: Fault, times: int = 20) -> Exception | None:
    """What a poll raises when every request meets ``fault``; none when it gives a page all the same."""
    bench.sim.faults.add("* /", fault, times=times)
    try:
        _poll(bench, stream)
    except Exception as e:  # noqa: BLE001
        return e
    finally:
        bench.sim.faults.clear()
    return None


def _then_works(bench: Bench, stream: str, made: set[str]) -> None:
    found, _ = bench.drain(stream, limit=4)
    require(made <= ids(found), "after the trouble not everything is read")


def _is(error: Exception | None, kinds: tuple[type[Exception], ...], what: str) -> None:
    names = " or ".join(kind.__name__ for kind in kinds)
    require(error is not None, f"{what} gives a page, as if nothing had happened")
    require(isinstance(error, kinds), f"{what} raises {type(error).__name__} instead of {names}: {error}")
    require(not isinstance(error, OutcomeUnknown), f"{what} of a read is called an unknown outcome")


@behaviour(Level.SILVER, "poll")
def a_read_that_fails_with_5xx_is_retried_later(bench: Bench, stream: str) -> None:
    """A 500, 502 or 503 to a read is `RetryLater`, and afterwards everything is read."""
    made = set(bench.sim.seed_records(stream, 5))
    for code in (500, 502, 503):
        _is(_meets(bench, stream, Status(code, b"<html>oops</html>")), (RetryLater,), f"a {code}")
    _then_works(bench, stream, made)


@behaviour(Level.SILVER, "poll")
def a_read_too_fast_says_how_long_to_wait(bench: Bench, stream: str) -> None:
    """The vendor's "too fast" is `RateLimited`, with the vendor's time where it names one; it is no failed attempt."""
    made = set(bench.sim.seed_records(stream, 5))
    error = _meets(bench, stream, TooFast(2.0))
    _is(error, (RateLimited,), "too fast")
    if isinstance(error, RateLimited):
        require(error.after is None or 0 < error.after <= 60, f"the time to wait is {error.after}")
    _then_works(bench, stream, made)


@behaviour(Level.SILVER, "poll", deadline=1.5)
def a_read_without_an_answer_ends_at_its_deadline(bench: Bench, stream: str) -> None:
    """A system that accepts the connection and says nothing is given up at the deadline, as `RetryLater`."""
    bench.sim.seed_records(stream, 2)
    began = time.monotonic()
    error = _meets(bench, stream, Timeout())
    took = time.monotonic() - began
    _is(error, (RetryLater,), "no answer")
    require(
        took < 2 * bench.config.deadline + 2,
        f"the read took {took:.1f} s with a deadline of {bench.config.deadline:g} s",
    )


@behaviour(Level.SILVER, "poll")
def a_read_that_breaks_off_is_retried_later(bench: Bench, stream: str) -> None:
    """A connection that breaks in the middle of the answer is `RetryLater`; half a page is never taken for a page."""
    made = set(bench.sim.seed_records(stream, 5))
    for fault in (CutBody(25), Reset()):
        _is(_meets(bench, stream, fault), (RetryLater,), f"{type(fault).__name__}")
    _then_works(bench, stream, made)


@behaviour(Level.SILVER, "poll")
def a_read_that_gets_a_login_page_is_retried_later(bench: Bench, stream: str) -> None:
    """Status 200 with HTML, with nothing, or with NaN in it is `RetryLater` or `AuthFailed`, never an empty page."""
    bench.sim.seed_records(stream, 5)
    for fault in (BadAnswer(), BadAnswer(b"", "application/json"), BadAnswer(b'{"result":NaN}', "application/json")):
        _is(_meets(bench, stream, fault), (RetryLater, AuthFailed), f"an answer of {fault.body[:12]!r}")


@behaviour(Level.SILVER, "poll")
def a_read_from_a_system_that_is_down_is_unreachable(bench: Bench, stream: str) -> None:
    """When no connection can be made, a read says `Unreachable`."""
    bench.server.stop()
    try:
        _poll(bench, stream)
    except Unreachable:
        return
    except DeliveryError as e:
        require(False, f"a system that is down raises {type(e).__name__}")
    require(False, "a read from a system that is down succeeds")


@behaviour(Level.SILVER, "poll")
def a_token_that_is_not_valid_any_more(bench: Bench, stream: str) -> None:
    """A refused token is renewed, where the connector can, and else is `AuthFailed` with what to do; never `Rejected`."""
    made = set(bench.sim.seed_records(stream, 4))
    error = _meets(bench, stream, ExpiredToken(), times=40)
    _is(error, (AuthFailed,), "a refused token")
    _then_works(bench, stream, made)


@behaviour(Level.GOLD, "poll")
def trouble_in_the_middle_of_a_round_loses_nothing(bench: Bench, stream: str) -> None:
    """Requests that fail between pages are repeated with the same cursor, and every record is found."""
    made = set(bench.sim.seed_records(stream, 13))
    faults: list[Fault | None] = [None, Status(503), None, TooFast(0.1), Reset(), None, CutBody(9), BadAnswer()]
    bench.sim.faults.add("* /", faults, times=40)
    found: set[str] = set()
    cursor = None
    for _ in range(200):
        try:
            page = bench.connector().poll(stream, cursor, 3)
        except (RetryLater, AuthFailed):
            bench.sim.clock.advance(1)
            continue
        found |= ids(page.messages)
        cursor = page.cursor
        if not page.more:
            break
    require(made <= found, f"{len(made - found)} of {len(made)} records were not found")


@behaviour(Level.PLATINUM, "poll")
def eight_threads_read_at_once(bench: Bench, stream: str) -> None:
    """One instance serves eight threads at once, and each reads everything."""
    made = set(bench.sim.seed_records(stream, 6))
    connector = bench.connector()
    outcomes = _at_once([partial(_all, connector.poll, stream)] * 8)
    wrong = [one for one in outcomes if isinstance(one, Exception)]
    require(not wrong, f"{len(wrong)} of 8 threads failed: {wrong[:1]}")
    require(all(made <= found for found in outcomes), "a thread did not read everything")


@behaviour(Level.GOLD, "poll")
def workers_with_an_expired_token_renew_it_once(bench: Bench, stream: str) -> None:
    """Eight workers meet the end of the token that they share: one renews it, for all, and each reads everything with the new one."""
    bench.log_in_by_tokens()
    made = set(bench.sim.seed_records(stream, 3))
    workers = [bench.connector() for _ in range(8)]
    require(all(made <= _all(worker.poll, stream) for worker in workers), "with a new token not everything is read")
    before = bench.sim.tokens_given()
    require(before == 1, f"{before} tokens were fetched where the workers could share one")
    bench.sim.expire_tokens()
    # Every first request is under way before the first is refused: no worker can profit from another by being late.
    bench.sim.faults.add("* /", Delay(0.3), times=8)
    outcomes = _at_once([partial(_all, worker.poll, stream) for worker in workers])
    wrong = [one for one in outcomes if isinstance(one, Exception)]
    require(not wrong, f"{len(wrong)} of 8 workers failed: {wrong[:1]}")
    require(all(made <= found for found in outcomes), "a worker did not read everything")
    renewed = bench.sim.tokens_given() - before
    require(renewed == 1, f"the token was renewed {renewed} times instead of once")
    require(made <= _all(bench.connector().poll, stream), "a worker that begins now does not read everything")
    require(bench.sim.tokens_given() - before == 1, "a worker that begins now fetches a token of its own")


def _at_once(jobs: list[Callable[[], Any]]) -> list[Any]:
    """What each job gives, or raises, when all begin at the same moment in threads of their own."""
    outcomes: list[Any] = []
    start = threading.Barrier(len(jobs))

    def work(job: Callable[[], Any]) -> None:
        start.wait()
        try:
            outcomes.append(job())
        except Exception as e:  # noqa: BLE001
            outcomes.append(e)

    threads = [threading.Thread(target=work, args=(job,)) for job in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _all(poll: Callable[..., Any], stream: str) -> set[str]:
    found: set[str] = set()
    cursor = None
    for _ in range(100):
        page = poll(stream, cursor, 50)
        found |= ids(page.messages)
        cursor = page.cursor
        if not page.more:
            break
    return found


@behaviour(Level.BRONZE, "poll")
def no_secret_shows_when_reading(bench: Bench, stream: str) -> None:
    """Neither the trace of a read nor its log nor its errors hold a secret."""
    bench.sim.seed_records(stream, 2)
    io = bench.io()
    connector = bench.connector(io)
    shown: list[str] = []
    with io.http.recording() as exchanges:
        connector.poll(stream, None, 5)
        connector.check()
        for fault in (Status(400, b'{"message":"no"}'), ExpiredToken(), Status(500), CutBody(10)):
            bench.sim.faults.add("* /", fault)
            try:
                connector.poll(stream, None, 5)
            except Exception as e:  # noqa: BLE001
                shown.append(f"{e!r} {e}")
            bench.sim.faults.clear()
    require(exchanges, "the wire tap saw no call")
    text = "\n".join([*shown, bench.log.text, *(str(exchange.as_dict()) for exchange in exchanges)])
    for secret in bench.secrets:
        require(secret not in text, "a secret shows in a trace, a log or an error")
