"""Faults as data: what a simulator does wrong, to which requests, and how often."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hub.sdk.testing.simulator import Request


@dataclass(frozen=True, slots=True)
class Status:
    """Answer with this status. With ``after_effect`` the request is carried out all the same."""

    code: int
    body: bytes = b'{"error":"simulated fault"}'
    headers: dict[str, str] = field(default_factory=dict)
    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Timeout:
    """Give no answer for ``seconds``, then close. With ``after_effect`` the request is carried out first."""

    after_effect: bool = False
    seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class LateEffect:
    """Give no answer, and carry the request out only after ``seconds``, when the caller has given up."""

    seconds: float = 1.0
    hold: float = 30.0


@dataclass(frozen=True, slots=True)
class Reset:
    """Reset the connection instead of answering. With ``after_effect`` the request is carried out first."""

    after_effect: bool = False


@dataclass(frozen=True, slots=True)
class Delay:
    """Answer rightly, but only after ``seconds``."""

    seconds: float


@dataclass(frozen=True, slots=True)
class RateLimited:
    """Refuse as the vendor does when calls come too fast; ``after`` is the time to wait."""

    after: float = 1.0


@dataclass(frozen=True, slots=True)
class CutBody:
    """Carry the request out, and break the connection in the middle of the answer."""

    keep: int = 20


@dataclass(frozen=True, slots=True)
class ExpiredToken:
    """Refuse as the vendor does when an access token is not valid any more."""


@dataclass(frozen=True, slots=True)
class BadAnswer:
    """Answer 200 with something that is no answer: a login page, an empty body, NaN. With ``after_effect`` it is carried out."""

    body: bytes = b"<html><body>Please log in</body></html>"
    content_type: str = "text/html"
    after_effect: bool = False


Fault = Status | Timeout | LateEffect | Reset | Delay | RateLimited | CutBody | ExpiredToken | BadAnswer


@dataclass(slots=True)
class _Rule:
    method: str
    path: str
    then: Sequence[Fault | None]
    left: int
    match: Callable[[Request], bool] | str | None
    used: int = 0

    def fits(self, request: Request) -> bool:
        if self.left <= 0 or (self.method != "*" and self.method != request.method):
            return False
        if not request.path.startswith(self.path):
            return False
        if callable(self.match):
            return self.match(request)
        return self.match is None or self.match.encode() in request.body


class Faults:
    """The faults that a simulator has in store. Each rule is used up; afterwards everything works again."""

    def __init__(self) -> None:
        self._rules: list[_Rule] = []
        self._lock = threading.Lock()
        self.hit = 0

    def add(
        self,
        on: str = "* /",
        then: Sequence[Fault | None] | Fault = (),
        times: int | None = None,
        match: Callable[[Request], bool] | str | None = None,
    ) -> None:
        """Do ``then``, one after the other, to the next requests that fit.

        ``on`` is "METHOD /path-prefix" ("*" = any method). ``match`` narrows it: a text in the body, or a function of the request.
        None in ``then`` lets one request through. ``times`` requests are hit in all (default: one for each of ``then``).
        """
        method, _, path = on.partition(" ")
        faults = list(then) if isinstance(then, Sequence) else [then]
        with self._lock:
            self._rules.append(
                _Rule(method.upper(), path or "/", faults, len(faults) if times is None else times, match)
            )

    def clear(self) -> None:
        """Everything works again."""
        with self._lock:
            self._rules.clear()

    def next(self, request: Request) -> Fault | None:
        """The fault for this request, taken out of the store."""
        with self._lock:
            for rule in self._rules:
                if rule.then and rule.fits(request):
                    fault = rule.then[rule.used % len(rule.then)]
                    rule.used += 1
                    rule.left -= 1
                    self.hit += fault is not None
                    return fault
        return None
