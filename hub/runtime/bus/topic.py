"""Publishes to a topic exchange with confirms, many messages under way at once: one at a time would wait for the disk each time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pika
from pika.adapters.select_connection import IOLoop

from hub.errors import AuthFailed, HubError, RetryLater, Unreachable
from hub.runtime.bus.rabbit import connection_parameters
from hub.telemetry import get_logger

log = get_logger(__name__)

CONFIRM_WITHIN = 15.0
OPEN_WITHIN = 20.0
CLOSE_WITHIN = 2.0


@dataclass(slots=True)
class Letter:
    """One message: its routing key, its body, the id by which a consumer knows a repetition, and its type."""

    key: str
    body: bytes
    id: str
    type: str
    at: int


class TopicPublisher:
    """A connection that only publishes, persistent and mandatory. For one thread; it connects when it is first used.

    Errors are `Unreachable`, `AuthFailed` or `RetryLater`: whatever was not confirmed is to be published again.
    """

    def __init__(self, url: str, exchange: str, content_type: str) -> None:
        self._nodes = connection_parameters(url)
        self._exchange = exchange
        self._content_type = content_type
        self._loop: Any = None
        self._connection: Any = None
        self._channel: Any = None
        self._ready = False
        self._last = 0
        self._waiting: set[int] = set()
        self._returned: set[str] = set()
        self._fault: HubError | None = None

    def publish(self, letters: Sequence[Letter]) -> frozenset[str]:
        """Publish, and return when the broker has every one safe. Returns the ids of those that no queue was bound for."""
        self._open()
        self._returned.clear()
        self._waiting = set(range(self._last + 1, self._last + 1 + len(letters)))
        self._last += len(letters)
        for letter in letters:
            properties = pika.BasicProperties(
                content_type=self._content_type,
                delivery_mode=2,
                message_id=letter.id,
                type=letter.type,
                timestamp=letter.at,
            )
            self._channel.basic_publish(self._exchange, letter.key, letter.body, properties, mandatory=True)
        self._run(lambda: not self._waiting, CONFIRM_WITHIN)
        if self._waiting:
            self._fail(
                RetryLater("the broker does not confirm events.", code="BUS-SLOW", fix="Look at the broker's alarms.")
            )
        return frozenset(self._returned)

    def idle(self) -> None:
        """Answer heartbeats. Call it at least every few seconds."""
        if self._ready:
            self._run(lambda: True, 0.0)

    def close(self) -> None:
        """Hang up. It connects again when it is used."""
        connection, loop = self._connection, self._loop
        self._ready = False
        self._connection = self._channel = self._loop = None
        if loop is None:
            return
        if connection is not None and not connection.is_closed:
            connection.add_on_close_callback(lambda *_: loop.stop())
            if connection.is_open:
                connection.close()
            _run(loop, lambda: connection.is_closed, CLOSE_WITHIN)
        loop.close()

    # --- opening

    def _open(self) -> None:
        if self._ready:
            return
        self.close()
        self._fault, self._last = None, 0
        self._loop = IOLoop()
        nodes = self._nodes if isinstance(self._nodes, list) else [self._nodes]
        pika.SelectConnection.create_connection(nodes, on_done=self._connected, custom_ioloop=self._loop)
        self._run(lambda: self._ready, OPEN_WITHIN)
        if not self._ready:
            self._fail(_down("no answer"))

    def _connected(self, result: Any) -> None:
        if isinstance(result, BaseException):
            self._stop(_opening_fault(result))
            return
        self._connection = result
        result.add_on_close_callback(self._closed)
        result.channel(on_open_callback=self._channel_open)

    def _channel_open(self, channel: Any) -> None:
        self._channel = channel
        channel.add_on_close_callback(self._closed)
        channel.add_on_return_callback(self._on_return)
        channel.exchange_declare(self._exchange, "topic", durable=True, callback=self._declared)

    def _declared(self, _frame: Any) -> None:
        self._channel.confirm_delivery(self._on_confirm, callback=self._confirming)

    def _confirming(self, _frame: Any) -> None:
        self._ready = True
        self._loop.stop()

    # --- what the broker says

    def _on_return(self, _channel: Any, _method: Any, properties: Any, _body: bytes) -> None:
        self._returned.add(properties.message_id)

    def _on_confirm(self, frame: Any) -> None:
        method = frame.method
        tags = (
            {tag for tag in self._waiting if tag <= method.delivery_tag} if method.multiple else {method.delivery_tag}
        )
        if isinstance(method, pika.spec.Basic.Nack):
            self._stop(
                RetryLater(
                    "the broker refused events.", code="BUS-REFUSED", fix="Look for a full queue that refuses messages."
                )
            )
            return
        self._waiting -= tags
        if not self._waiting:
            self._loop.stop()

    def _closed(self, _thing: Any, reason: Any) -> None:
        self._stop(_closing_fault(reason))

    def _stop(self, fault: HubError) -> None:
        self._ready = False
        self._fault = self._fault or fault
        if self._loop is not None:
            self._loop.stop()

    # --- waiting

    def _run(self, done: Callable[[], bool], timeout: float) -> None:
        """Let the connection work until ``done``, a fault, or the time is over. Raises the fault."""
        _run(self._loop, lambda: self._fault is not None or done(), timeout)
        if self._fault is not None:
            self._fail(self._fault)

    def _fail(self, fault: HubError) -> None:
        self._fault = None
        self.close()
        raise fault


def _run(loop: Any, done: Callable[[], bool], timeout: float) -> None:
    until = time.monotonic() + timeout
    timer = loop.call_later(timeout, loop.stop)
    while True:  # a stop that nobody waited for ends the next start at once
        loop.start()
        if done() or time.monotonic() >= until:
            break
    loop.remove_timeout(timer)


def _down(why: str) -> Unreachable:
    return Unreachable(
        f"the broker does not answer ({why}).", code="BUS-DOWN", fix="Check that RabbitMQ runs, and broker: in hub.yaml."
    )  # fmt: skip


def _opening_fault(error: BaseException) -> HubError:
    found: Any = error
    for attempt in getattr(error, "exceptions", ()):
        found = getattr(attempt, "exception", attempt)
    if isinstance(found, (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError)):
        return AuthFailed(
            "the broker refuses the user or the virtual host.", code="BUS-AUTH", fix="Check broker: in hub.yaml."
        )
    return _down(type(found).__name__)


def _closing_fault(reason: Any) -> HubError:
    code = getattr(reason, "reply_code", 0)
    if code in (403, 406):  # not allowed, or the exchange is there with other settings
        return RetryLater(
            f"the broker refuses: {str(getattr(reason, 'reply_text', ''))[:200]}", code="BUS-REFUSED",
            fix="Set another exchange: under events: in hub.yaml, or change it at the broker.",
        )  # fmt: skip
    return _down(type(reason).__name__)
