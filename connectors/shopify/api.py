"""One call to the Admin GraphQL API: send a document, read the answer, and say what every kind of failure means."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from threading import Lock
from typing import Any

from connectors.shopify.config import ShopifyConfig
from connectors.shopify.login import login
from connectors.shopify.queries import document
from hub.errors import AuthFailed, HubError, OutcomeUnknown, RateLimited, Rejected, RetryLater
from hub.sdk.connector import Clock, ConnectorIO

_FORBIDDEN = frozenset({"ACCESS_DENIED", "SHOP_INACTIVE"})
_LONGEST_PAUSE = 10.0
_SHORT_PAUSE = 2.0
"""Pauses up to this are waited for here; longer ones go back to the hub, whose other work need not wait."""
_PATIENCE = 2


class UserErrors(Rejected):
    """The shop understood a mutation and said no. ``errors`` has its words: message, field and, for some mutations, code."""

    def __init__(self, operation: str, errors: list[dict[str, Any]]) -> None:
        said = "; ".join(_one(error) for error in errors[:5])
        super().__init__(f"Shopify refused {operation}: {said}", fix="Mend what it names, then release the delivery.")
        self.operation = operation
        self.errors = errors

    @property
    def codes(self) -> set[str]:
        """The error codes, for mutations that give one."""
        return {str(error["code"]) for error in self.errors if error.get("code")}


class TooCostly(Rejected):
    """A single query costs more than the shop allows. The caller asks for a smaller page."""


class Budget:
    """What the shop's leaky bucket still holds, as its last answer said, so that a call waits rather than be refused."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._level: tuple[float, float, float, float] | None = None  # available, maximum, per second, seen at
        self._cost: dict[str, float] = {}

    def pause(self, operation: str) -> float:
        """Seconds to wait before this operation fits into the bucket."""
        with self._lock:
            if self._level is None:
                return 0.0
            available, maximum, rate, seen = self._level
            now = min(maximum, available + (self._clock.monotonic() - seen) * rate)
            short = min(self._cost.get(operation, 0.0), maximum) - now
            return min(short / rate, _LONGEST_PAUSE) if short > 0 and rate > 0 else 0.0

    def note(self, operation: str, cost: dict[str, Any]) -> None:
        """Remember what an answer said: its cost, and the state of the bucket."""
        status = cost.get("throttleStatus") or {}
        with self._lock:
            if cost.get("requestedQueryCost") is not None:
                self._cost[operation] = float(cost["requestedQueryCost"])
            if status.get("currentlyAvailable") is not None:
                self._level = (
                    float(status["currentlyAvailable"]),
                    float(status.get("maximumAvailable") or 0),
                    float(status.get("restoreRate") or 0),
                    self._clock.monotonic(),
                )


class ShopifyApi:
    """Sends this connector's documents. Reads may be repeated by anybody; a mutation that got no clear answer is `OutcomeUnknown`."""

    def __init__(self, config: ShopifyConfig, io: ConnectorIO) -> None:
        self._config = config
        self._io = io
        self._login = login(config, io)
        self._budget = Budget(io.clock)

    def query(self, name: str, **variables: Any) -> dict[str, Any]:
        """Run a query and return its data."""
        return self._send(name, variables, effect=False)

    def mutate(self, name: str, **variables: Any) -> dict[str, Any]:
        """Run a mutation of one field and return that field's payload. Its userErrors are raised as `UserErrors`."""
        data = self._send(name, variables, effect=True)
        payload: dict[str, Any] | None = next(iter(data.values()), None)
        if payload is None:
            raise OutcomeUnknown(f"Shopify answered {name} without saying what it did")
        # orderCancel alone names its errors after itself.
        if errors := payload.get("userErrors") or payload.get("orderCancelUserErrors"):
            raise UserErrors(name, errors)
        return payload

    def _send(self, name: str, variables: dict[str, Any], *, effect: bool) -> dict[str, Any]:
        """Send, and where the shop asks for a short pause, wait for it: what was throttled had no effect."""
        for _ in range(_PATIENCE):
            try:
                return self._send_once(name, variables, effect=effect)
            except RateLimited as slow:
                if slow.after is None or slow.after > _SHORT_PAUSE:
                    raise
                self._io.clock.sleep(slow.after)
        return self._send_once(name, variables, effect=effect)

    def _send_once(self, name: str, variables: dict[str, Any], *, effect: bool) -> dict[str, Any]:
        if (wait := self._budget.pause(name)) > 0:
            self._io.clock.sleep(wait)
        response = self._login.call(
            "POST",
            self._config.graphql_url,
            json={"query": document(name), "variables": variables, "operationName": name},
            effect=effect,
            deadline=self._config.deadline,
        )
        body = _json(response.body and response)
        if body is not None and isinstance(cost := (body.get("extensions") or {}).get("cost"), dict):
            self._budget.note(name, cost)
        if body is not None and body.get("errors") and response.status in (200, 429):
            raise _failure(name, body, effect=effect)
        if response.status in (402, 423):
            raise AuthFailed(
                f"the shop is not open to the API (HTTP {response.status})", fix="Look at the shop's plan and status."
            )
        response.raise_for(effect=effect)
        if body is None or not isinstance(body.get("data"), dict):
            kind = OutcomeUnknown if effect else RetryLater
            raise kind(f"Shopify's answer to {name} is not a GraphQL answer (HTTP {response.status})")
        data: dict[str, Any] = body["data"]
        return data


def _failure(name: str, body: dict[str, Any], *, effect: bool) -> HubError:
    """The error that top-level ``errors`` stand for. Throttling is told by the body: it comes with HTTP 200 and with 429."""
    raw = body["errors"]
    errors: list[dict[str, Any]] = raw if isinstance(raw, list) else [{"message": str(raw)}]
    codes = {str((error.get("extensions") or {}).get("code", "")) for error in errors}
    text = "; ".join(_one(error) for error in errors[:3])
    if "THROTTLED" in codes or any(str(error.get("message")) == "Throttled" for error in errors):
        return RateLimited(f"Shopify asks for a pause before {name}", after=_refill(body))
    if "MAX_COST_EXCEEDED" in codes:
        return TooCostly(f"Shopify refused {name}: {text}", fix="Lower page_size or line_page of the connection.")
    if codes & _FORBIDDEN:
        return AuthFailed(
            f"Shopify refused {name}: {text}",
            code="CON-SCOPE",
            fix="Grant the app the access scope that it names, and install it again.",
        )
    if "INTERNAL_SERVER_ERROR" in codes or "TIMEOUT" in codes:
        return (OutcomeUnknown if effect else RetryLater)(f"Shopify failed at {name}: {text}")
    if "BAD_REQUEST" in codes and effect and body.get("data"):
        return OutcomeUnknown(f"Shopify answered {name} with an error beside data: {text}")
    return Rejected(f"Shopify refused {name}: {text}", fix="Read its words: the request does not fit the API version.")


def _refill(body: dict[str, Any]) -> float:
    cost = (body.get("extensions") or {}).get("cost") or {}
    status = cost.get("throttleStatus") or {}
    rate = float(status.get("restoreRate") or 50)
    missing = float(cost.get("requestedQueryCost") or 100) - float(status.get("currentlyAvailable") or 0)
    return max(round(missing / rate, 2), 0.5)


def _one(error: dict[str, Any]) -> str:
    """One error in the vendor's words, with where it points."""
    message = str(error.get("message", "without a message"))[:300]
    field: Iterable[Any] | None = error.get("field")
    code = error.get("code")
    place = ".".join(str(part) for part in field) if field else ""
    said = f"{place}: {message}" if place else message
    return f"{said} ({code})" if code else said


def _json(response: Any) -> dict[str, Any] | None:
    if not response:
        return None
    try:
        body = response.json()
    except (ValueError, HubError):
        return None
    return body if isinstance(body, dict) else None


def number(value: Any) -> Decimal:
    """A number of an answer, or of what is to be written, as an exact decimal."""
    try:
        return value if isinstance(value, Decimal) else Decimal(str(value))
    except ArithmeticError:
        raise Rejected(
            f"{str(value)[:40]!r} is no number", fix="Correct it at its source, or in the mapping."
        ) from None
