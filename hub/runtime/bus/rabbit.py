"""The wake bus over RabbitMQ: dramatiq's worker and broker, told to do less than they can.

No retries, no delays, no priorities, no results: the database owns all of that. What remains is a pushed wake-up whose
body names a lane group. Queues are quorum queues with confirms; a queue that runs full drops its oldest wake-ups, which
are no loss.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from typing import Any

import dramatiq
import pika
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from dramatiq.errors import BrokerError, ConnectionClosed
from dramatiq.middleware import ShutdownNotifications
from typing_extensions import override

from hub.errors import ConfigError
from hub.runtime.bus.base import Handler, WakeBus
from hub.runtime.bus.publisher import Publisher
from hub.telemetry import get_logger

log = get_logger(__name__)

ACTOR = "wake"
LONGEST_QUEUE = 100
"""One wake-up would do; more only spread the work over more workers."""
MOST_DELIVERIES = 1000
"""RabbitMQ 4 drops a message after 20 deliveries by itself; the database counts crashes, so that the broker need not."""
REFUSES_FOR = 10.0
"""Seconds for which a queue may refuse wake-ups before it is made anew; one that chooses its leader refuses for a moment."""
_OTHER_ARGUMENTS = 406
_PERSISTENT = pika.BasicProperties(delivery_mode=2)
SILENCE = 15.0
"""Seconds without a wake-up after which a consumer subscribes anew."""
TIMEOUTS = {"socket_timeout": 5.0, "stack_timeout": 10.0, "blocked_connection_timeout": 5.0, "heartbeat": 20}


class SafeConsumer(_RabbitmqConsumer):
    """Acknowledges only what came over its own channel.

    Delivery tags start again at 1 after a reconnect, and dramatiq compares only the number: a late acknowledgement of
    the old channel's message 3 would acknowledge the new channel's message 3, which then never runs.
    """

    def __init__(self, broker: Any, queue_name: str, prefetch: int, timeout: int) -> None:
        super().__init__(broker, queue_name, prefetch, timeout)  # type: ignore[no-untyped-call]
        self._pause = timeout / 1000
        self._heard = time.monotonic()

    def __next__(self) -> Any:
        message = super().__next__()  # type: ignore[no-untyped-call]
        if message is not None:
            message.channel_owner = self
            self._heard = time.monotonic()
        elif time.monotonic() - self._heard > SILENCE and not self.known_tags:
            self._subscribe_again()
        return message

    def _subscribe_again(self) -> None:
        """A quorum queue that is deleted and made again at once leaves its consumers deaf, and nobody tells them."""
        self._heard = time.monotonic()
        try:
            self.channel.cancel()
            self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=self._pause)
        except pika.exceptions.AMQPError as error:
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]

    def ack(self, message: Any) -> None:
        """Acknowledge the message if it is this channel's."""
        if getattr(message, "channel_owner", None) is self:
            super().ack(message)  # type: ignore[no-untyped-call]

    def nack(self, message: Any) -> None:
        """Refuse the message if it is this channel's."""
        if getattr(message, "channel_owner", None) is self:
            super().nack(message)  # type: ignore[no-untyped-call]


class WakeBroker(RabbitmqBroker):
    """dramatiq's broker without delay queues and dead-letter queues, over queues of the type asked for."""

    def __init__(self, parameters: Any, *, quorum: bool) -> None:
        super().__init__(confirm_delivery=True, middleware=[ShutdownNotifications()])
        self.parameters = parameters
        self._away = False
        self._refuses_since: dict[str, float] = {}
        self._arguments: dict[str, Any] = {"x-max-length": LONGEST_QUEUE, "x-overflow": "drop-head"}
        if quorum:
            self._arguments |= {"x-queue-type": "quorum", "x-delivery-limit": MOST_DELIVERIES}

    @property
    def consumer_class(self) -> type[SafeConsumer]:
        """The consumer that cannot acknowledge another channel's message."""
        return SafeConsumer

    def declare_actor(self, actor: dramatiq.Actor[Any, Any]) -> None:
        """Register the one actor, which serves every queue."""
        self.actors[actor.actor_name] = actor

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> SafeConsumer:
        """A consumer with a connection of its own; the one that declared the queue would only sit idle, so it is closed."""
        try:
            self.declare_queue(queue_name, ensure=True)
            del self.connection
            consumer = SafeConsumer(self, queue_name, prefetch, timeout)
        except Exception as error:
            if not self._away:
                log.warning("broker.away", error=type(error).__name__, fix="work is found by sweeping meanwhile")
            self._away = True
            raise
        if self._away:
            log.warning("broker.back")
        self._away = False
        return consumer

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Declare the queue alone: nothing here is ever delayed."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            self._ensure_queue(queue_name)  # type: ignore[no-untyped-call]

    def enqueue(self, message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:  # noqa: ARG002
        """Publish with a confirmation; once more where the connection turns out to be lost, or the queue to be gone."""
        queue = message.queue_name
        for last in (False, True):
            try:
                self.declare_queue(queue, ensure=True)
                self.channel.basic_publish("", queue, message.encode(), _PERSISTENT, mandatory=True)
            except (pika.exceptions.AMQPConnectionError, pika.exceptions.AMQPChannelError) as error:
                del self.connection
                if isinstance(error, pika.exceptions.UnroutableError):
                    self.queues_pending.add(queue)
                if isinstance(error, pika.exceptions.NackError):
                    self._refused(queue)
                if last:
                    raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]
            else:
                self._refuses_since.pop(queue, None)
                break
        return message

    def _refused(self, queue: str) -> None:
        """Make a queue anew that has refused for long.

        RabbitMQ 3.10 that is killed within seconds of declaring a quorum queue has it without a leader ever after; what is
        published is refused after a few seconds, and nobody is told.
        """
        since = self._refuses_since.setdefault(queue, time.monotonic())
        if time.monotonic() - since >= REFUSES_FOR:
            del self._refuses_since[queue]
            self._delete_queue(queue, "it refuses messages")
            self.queues_pending.add(queue)

    @override
    def _declare_queue(self, canonical_queue_name: str) -> Any:
        """A queue that an older hub declared otherwise is made anew."""
        try:
            return super()._declare_queue(canonical_queue_name)  # type: ignore[no-untyped-call]
        except pika.exceptions.ChannelClosedByBroker as error:
            if error.reply_code != _OTHER_ARGUMENTS:
                raise
            self._delete_queue(canonical_queue_name, "it has other arguments")
            return super()._declare_queue(canonical_queue_name)  # type: ignore[no-untyped-call]

    def _delete_queue(self, queue: str, why: str) -> None:
        """What is lost with it are wake-ups."""
        log.warning("broker.queue_made_anew", queue=queue, why=why)
        del self.connection
        self.channel.queue_delete(queue)
        time.sleep(0.5)  # a quorum queue that comes back at once may not find its leader

    @override
    def _build_queue_arguments(self, queue_name: str) -> dict[str, Any]:
        return dict(self._arguments)

    @override
    def _declare_dq_queue(self, queue_name: str) -> None:
        """There is no delay queue."""

    @override
    def _declare_xq_queue(self, queue_name: str) -> None:
        """There is no dead-letter queue: a wake-up that cannot be used is worth nothing."""


class RabbitBus(WakeBus):
    """Carries wake-ups over RabbitMQ. A process that only publishes never consumes, and the other way round."""

    def __init__(self, url: str, *, installation: str, quorum: bool = True) -> None:
        self._prefix = f"hub.{installation}."
        self._suffix = "" if quorum else ".classic"
        self._broker = WakeBroker(connection_parameters(url), quorum=quorum)
        self._handlers: dict[str, Handler] = {}
        self._threads = 0
        self._worker: dramatiq.Worker | None = None
        self._publisher = Publisher(self._publish, self._idle, self._hang_up)
        dramatiq.Actor(self._handle, broker=self._broker, actor_name=ACTOR, queue_name="wake", priority=0, options={})
        self._lock = threading.Lock()

    def wake(self, groups: Iterable[str]) -> None:
        """Hand the wake-ups to the publishing thread."""
        self._publisher.post(groups)

    def wake_surely(self, groups: Iterable[str], timeout: float = 5.0) -> bool:
        """Hand them over, and wait for the broker's confirmation."""
        return self._publisher.post(groups).wait(timeout)

    def subscribe(self, group: str, handler: Handler, threads: int = 1) -> None:
        """Consume the group's queue."""
        self._handlers[group] = handler
        self._threads += threads

    def start(self) -> None:
        """Start to consume. Where the broker is away, dramatiq tries again every three seconds."""
        if not self._handlers:
            return
        for group in self._handlers:
            self._broker.declare_queue(self._queue(group))
        worker = dramatiq.Worker(self._broker, worker_threads=self._threads, worker_timeout=200)
        worker.queue_prefetch = 1
        worker.start()
        self._worker = worker

    def stop(self, timeout: float = 10.0) -> None:
        """Stop consuming and publishing, and close every connection."""
        until = time.monotonic() + timeout
        with self._lock:
            worker, self._worker = self._worker, None
        if worker is not None:
            worker.stop(timeout=int(timeout * 1000))
        self._publisher.stop(max(1.0, until - time.monotonic()))

    @property
    def healthy(self) -> bool:
        """Whether the last publish worked."""
        return self._publisher.healthy

    def delete_queues(self) -> None:
        """Remove this installation's queues of the subscribed groups; for tests and for `hub` uninstalls."""
        connection = pika.BlockingConnection(self._broker.parameters)
        try:
            for group in self._handlers:
                connection.channel().queue_delete(self._queue(group))
        finally:
            connection.close()

    def _queue(self, group: str) -> str:
        return f"{self._prefix}{group}{self._suffix}"

    def _handle(self, group: str) -> None:
        handler = self._handlers.get(group)
        if handler is None:
            return
        try:
            handler(group)
        except Exception:
            log.exception("handler.failed", group=group)

    def _publish(self, group: str) -> bool:
        message: dramatiq.Message[Any] = dramatiq.Message(
            queue_name=self._queue(group), actor_name=ACTOR, args=(group,), kwargs={}, options={}
        )
        try:
            self._broker.enqueue(message)
        except (BrokerError, pika.exceptions.AMQPError, OSError) as error:
            if self._publisher.healthy:
                log.warning("broker.unreachable", error=type(error).__name__)
            return False
        return True

    def _idle(self) -> None:
        """Answer heartbeats, so that an idle publisher keeps its connection."""
        connection = getattr(self._broker.state, "connection", None)
        if connection is not None:
            try:
                connection.process_data_events(0)
            except (pika.exceptions.AMQPError, OSError):
                del self._broker.connection

    def _hang_up(self) -> None:
        try:
            del self._broker.connection
        except (pika.exceptions.AMQPError, OSError) as error:
            log.debug("broker.close", error=type(error).__name__)


def connection_parameters(url: str) -> Any:
    """Connection parameters with time-outs on everything, so that no broker state can hang the hub."""
    nodes = []
    for part in url.split(";"):
        try:
            node = pika.URLParameters(part)
        except (ValueError, TypeError, IndexError) as error:
            raise ConfigError(
                "the broker address is not an AMQP address", fix="Write it as amqp://user:password@host:5672/vhost."
            ) from error
        for name, value in TIMEOUTS.items():
            setattr(node, name, value)
        nodes.append(node)
    return nodes if len(nodes) > 1 else nodes[0]
