"""What answers mean: the file's rules first, then the status; and what a limit does to calls."""

from __future__ import annotations

from typing import Any

import pytest

from hub.errors import AuthFailed, Duplicate, OutcomeUnknown, RateLimited, Rejected, RetryLater
from hub.sdk.declarative.answers import Judge
from hub.sdk.declarative.file.answers import ErrorRule, Rate
from hub.sdk.declarative.limits import Pace, calls_per_second
from hub.sdk.http import HttpResponse
from hub.sdk.jsonio import dump_json
from hub.sdk.testing.simulator import SimClock

RULES: list[dict[str, Any]] = [
    {"status": 409, "where": {"error.code": "EXISTS"}, "is": "duplicate", "id": "error.id"},
    {"status": [400, 422], "where": {"error.code": ["LOCKED", "BUSY"]}, "is": "retry_later", "after": 7},
    {"status": 200, "where": {"error.code": "QUOTA"}, "is": "rate_limited", "after": "error.wait"},
    {"status": 200, "where": {"error.code": "LOGIN"}, "is": "auth_failed", "fix": "Renew the key."},
    {"status": 200, "has": "error", "on": "write", "is": "rejected", "code": "CON-REJECTED"},
    {"status": 200, "has": "error", "on": "read", "is": "missing"},
    {"status": 503, "where": {"maintenance": True}, "on": "write", "is": "retry_later"},
    {"status": 500, "where": {"error.code": "HALF"}, "is": "outcome_unknown"},
    {"status": 304, "is": "ok"},
]


def judged(status: int, body: Any = None, *, effect: bool = False, headers: dict[str, str] | None = None) -> Any:
    judge = Judge([ErrorRule.model_validate(rule) for rule in RULES], ["fault.text"])
    raw = body if isinstance(body, bytes) else b"" if body is None else dump_json(body)
    return judge(HttpResponse(status, headers or {}, raw, "http://rows/x", effect))


def error(code: str, **more: Any) -> dict[str, Any]:
    return {"error": {"code": code, "message": f"it is {code}", **more}}


@pytest.mark.parametrize(
    ("status", "body", "effect", "kind", "said"),
    [
        (409, error("EXISTS", id=15), True, Duplicate, "it is EXISTS"),
        (409, error("EXISTS"), True, Rejected, "does not name it"),
        (409, error("OTHER"), True, Rejected, "it is OTHER"),
        (422, error("BUSY"), True, RetryLater, "it is BUSY"),
        (422, error("WRONG"), True, Rejected, "refused the request (422): it is WRONG"),
        (200, error("LOGIN"), False, AuthFailed, "it is LOGIN"),
        (200, error("NO"), True, Rejected, "it is NO"),
        (503, {"maintenance": True}, True, RetryLater, "503"),
        (503, {"maintenance": False}, True, OutcomeUnknown, "503"),
        (500, error("HALF"), False, OutcomeUnknown, "it is HALF"),
        (412, None, True, RetryLater, "changed at the system meanwhile"),
        (401, None, False, AuthFailed, "refused the credentials"),
        (429, None, True, RateLimited, "slower pace"),
        (400, {"fault": {"text": "the date is wrong"}}, True, Rejected, "the date is wrong"),
        (400, {"errors": [{"detail": "one"}, {"detail": "two"}]}, True, Rejected, "one"),
        (400, b"<html>no</html>", True, Rejected, "<html>no</html>"),
        (200, b"<html>log in</html>", False, RetryLater, "cannot be read"),
        (200, b"<html>log in</html>", True, OutcomeUnknown, "cannot be read"),
        (302, None, False, Rejected, "redirects"),
    ],
)
def test_answers_that_are_errors(status: int, body: Any, effect: bool, kind: type[Exception], said: str) -> None:
    with pytest.raises(kind) as caught:
        judged(status, body, effect=effect)
    assert type(caught.value) is kind
    assert said in str(caught.value)


def test_waits_and_fixes_come_from_the_rule_or_the_answer() -> None:
    with pytest.raises(RetryLater) as caught:
        judged(400, error("LOCKED"))
    assert caught.value.after == 7
    with pytest.raises(RateLimited) as limited:
        judged(200, error("QUOTA", wait=12))
    assert limited.value.after == 12
    with pytest.raises(RateLimited) as limited:
        judged(200, error("QUOTA", wait="soon"), headers={"retry-after": "3"})
    assert limited.value.after == 3
    with pytest.raises(AuthFailed) as refused:
        judged(200, error("LOGIN"))
    assert refused.value.fix == "Renew the key."
    with pytest.raises(Duplicate) as there:
        judged(409, error("EXISTS", id=15), effect=True)
    assert there.value.external_id == "15"


def test_answers_that_are_none() -> None:
    assert judged(200, {"a": 1}).data == {"a": 1}
    assert judged(200, error("NO")).missing
    assert judged(404).missing
    assert judged(304).data is not None
    assert not judged(204, effect=True).missing
    for missing in (judged(404), judged(200, error("NO"))):
        with pytest.raises(Rejected):
            missing.there()


# --- limits


def pace(local: bool = True, **said: Any) -> tuple[Pace, SimClock]:
    clock = SimClock()
    return Pace(Rate.model_validate(said), clock, local=local), clock


def test_a_bucket_lets_a_burst_pass_and_then_its_rate() -> None:
    made, clock = pace(bucket={"rate": 2, "burst": 3})
    before = clock.monotonic()
    for _ in range(5):
        made.wait()
    assert 0.9 < clock.monotonic() - before < 2


def test_a_window_that_is_used_up_is_told_to_the_hub() -> None:
    made, _ = pace(window={"calls": 2, "seconds": 60})
    made.wait()
    made.wait()
    with pytest.raises(RateLimited) as caught:
        made.wait()
    assert 55 < caught.value.after <= 60


def test_the_systems_own_headers_count() -> None:
    made, clock = pace(headers={"left": "X-Left", "reset": "X-Reset"})
    made.wait()
    made.learn(HttpResponse(200, {"x-left": "0", "x-reset": "30"}, b""))
    with pytest.raises(RateLimited) as caught:
        made.wait()
    assert 29 < caught.value.after <= 30
    clock.advance(31)
    made.wait()
    at = str(int(clock.now().timestamp()) + 45)
    made.learn(HttpResponse(200, {"x-left": "0", "x-reset": at}, b""))
    with pytest.raises(RateLimited) as caught:
        made.wait()
    assert 40 < caught.value.after <= 46
    for rubbish in ("", "many", "nan", "-5", "1e999"):
        made.learn(HttpResponse(200, {"x-left": rubbish}, b""))


def test_a_connection_that_sets_its_own_pace_has_no_other() -> None:
    made, clock = pace(local=False, bucket={"rate": 1, "burst": 1})
    before = clock.monotonic()
    for _ in range(20):
        made.wait()
    assert clock.monotonic() - before < 1


def test_the_hub_keeps_the_same_pace_over_all_workers() -> None:
    assert calls_per_second(Rate.model_validate({"window": {"calls": 120, "seconds": 60}})) == 2
    assert calls_per_second(Rate.model_validate({"bucket": {"rate": 5, "burst": 40}})) == 5
    assert calls_per_second(Rate()) is None
