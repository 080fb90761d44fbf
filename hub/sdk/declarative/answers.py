"""What an answer means: the file's rules first, in their order, then what its status says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from hub.errors import AuthFailed, Duplicate, HubError, InputRefused, OutcomeUnknown, RateLimited, Rejected, RetryLater
from hub.sdk.declarative.conditions import Test, condition
from hub.sdk.declarative.file.answers import ErrorRule
from hub.sdk.declarative.paths import ABSENT, Getter, getter
from hub.sdk.http import HttpResponse
from hub.sdk.jsonio import read_json

USUAL = (
    "message", "error.message", "error_description", "error", "detail", "title", "errors[0].message", "errors[0].detail",
    "errors[0]", "error.details[0].message",
)  # fmt: skip
"""Where systems put the text of an error."""
_GONE = (404, 410)
_CLASSES: dict[str, type[HubError]] = {
    "retry_later": RetryLater,
    "rate_limited": RateLimited,
    "rejected": Rejected,
    "auth_failed": AuthFailed,
    "outcome_unknown": OutcomeUnknown,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that is no error. ``data`` is its JSON, absent where it has no body. ``missing`` = there is no such record."""

    response: HttpResponse
    data: Any = ABSENT
    missing: bool = False

    def there(self) -> Answer:
        """The answer itself; one that says "no such record" raises `Rejected`."""
        if self.missing and not self.response.ok:
            self.response.raise_for()
        if self.missing:
            raise Rejected("the system says that it has no such record")
        return self


@dataclass(frozen=True, slots=True)
class _Rule:
    statuses: frozenset[int]
    fits: Test | None
    spec: ErrorRule
    id_of: Getter | None
    after_of: Getter | None

    def applies(self, response: HttpResponse, data: Any) -> bool:
        if self.statuses and response.status not in self.statuses:
            return False
        if self.spec.on is not None and (self.spec.on == "write") != response.effect:
            return False
        return self.fits is None or (data is not ABSENT and self.fits(data))


class Judge:
    """Says what answers mean. Raises the errors of the contract, and gives back everything else."""

    def __init__(self, rules: Sequence[ErrorRule], messages: Sequence[str] = ()) -> None:
        self._rules = [_rule(spec) for spec in rules]
        self._texts = [getter(path) for path in (*messages, *USUAL)]

    def __call__(self, response: HttpResponse) -> Answer:
        """The answer, read and judged."""
        data = _data(response)
        for rule in self._rules:
            if rule.applies(response, data):
                return self._ruled(rule, response, data)
        if response.ok:
            return Answer(response, data)
        if response.status in _GONE:
            return Answer(response, data, missing=True)
        if response.status == 412:
            # The precondition of an If-Match failed, so nothing was written.
            raise RetryLater("the record was changed at the system meanwhile; the write is made on its new state")
        self._short(response, data).raise_for()
        return Answer(response, data)

    def text(self, data: Any) -> str:
        """The text of an error in an answer, for people; "" where there is none."""
        found = (get(data) for get in self._texts)
        return next((" ".join(text.split())[:300] for text in found if isinstance(text, str) and text.strip()), "")

    def _short(self, response: HttpResponse, data: Any) -> HttpResponse:
        """The same answer with nothing but its text, which an error then quotes."""
        text = self.text(data) if data is not ABSENT else ""
        headers = {**response.headers, "content-type": "text/plain; charset=utf-8"}
        return replace(response, body=text.encode(), headers=headers) if text else response

    def _ruled(self, rule: _Rule, response: HttpResponse, data: Any) -> Answer:
        meaning = rule.spec.meaning
        if meaning == "ok":
            return Answer(response, data)
        if meaning == "missing":
            return Answer(response, data, missing=True)
        said = response.hide(self.text(data)) or f"the system answered {response.status}"
        if meaning == "duplicate":
            external_id = rule.id_of(data) if rule.id_of is not None else None
            if external_id in (None, ""):
                raise Rejected(f"the record is there already, and the answer does not name it: {said}")
            raise Duplicate(said, external_id=str(external_id))
        details: dict[str, Any] = {"fix": rule.spec.fix}
        if rule.spec.code:
            details["code"] = rule.spec.code
        if meaning in ("retry_later", "rate_limited"):
            details["after"] = _seconds(rule, response, data)
        raise _CLASSES[meaning](said, **details)


def _rule(spec: ErrorRule) -> _Rule:
    fits = condition(spec.where, spec.has) if spec.where or spec.has else None
    after = getter(spec.after) if isinstance(spec.after, str) else None
    return _Rule(frozenset(spec.status), fits, spec, getter(spec.id) if spec.id else None, after)


def _seconds(rule: _Rule, response: HttpResponse, data: Any) -> float | None:
    if rule.after_of is not None:
        given = rule.after_of(data)
        number = isinstance(given, (int, Decimal)) and not isinstance(given, bool)
        return min(max(float(given), 0.0), 86_400.0) if number else response.retry_after()
    return float(rule.spec.after) if isinstance(rule.spec.after, (int, float)) else response.retry_after()


def _data(response: HttpResponse) -> Any:
    """The JSON in an answer. A success that is not JSON is no success: login pages come with status 200."""
    if not response.body.strip():
        return ABSENT
    if response.ok:
        return response.json()
    try:
        return read_json(response.body)
    except InputRefused:
        return ABSENT
