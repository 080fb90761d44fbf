"""A broker of the test's own: out of memory, killed and started again. Nobody hangs, and what was confirmed is there."""

import contextlib
import threading
import time

import pika
import pytest

from hub.errors import HubError
from hub.runtime.bus.rabbit import RabbitBus
from hub.runtime.bus.topic import Letter, TopicPublisher
from tests.chaos.services import Rabbit, Unavailable

pytestmark = [pytest.mark.rabbitmq, pytest.mark.slow, pytest.mark.timeout(400), pytest.mark.xdist_group("own-broker")]


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A RabbitMQ node that nobody else uses."""
    try:
        node = Rabbit(tmp_path_factory.mktemp("broker"))
    except Unavailable as why:
        pytest.skip(str(why))
    try:
        node.start()
        node.wait(150)
        yield node
    finally:
        node.close()


@contextlib.contextmanager
def _alarm(broker):
    """The broker says that it has no memory left: it reads no more from connections that publish."""
    broker.control("set_vm_memory_high_watermark", "0.00001")
    try:
        yield
    finally:
        broker.control("set_vm_memory_high_watermark", "0.6")


def _until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    assert condition()


def _letters(start, count):
    return [Letter("order.created.shop", b'{"n": %d}' % n, f"id-{n}", "t", 1) for n in range(start, start + count)]


def test_an_alarm_of_the_broker_stops_no_worker(broker):
    """dramatiq's send() would wait for ever; here only one thread waits, and not long."""
    sender, receiver = (RabbitBus(broker.url, installation="alarm") for _ in range(2))
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    try:
        assert sender.wake_surely(["inbound"], timeout=30)
        _until(lambda: seen == ["inbound"])
        with _alarm(broker):
            time.sleep(1)
            began = time.monotonic()
            for _ in range(100):
                sender.wake(["inbound"])
            assert time.monotonic() - began < 1
            assert not sender.wake_surely(["inbound"], timeout=3)
            _until(lambda: not sender.healthy)  # the time-out for blocked connections has ended the call
        count = len(seen)
        _until(lambda: sender.wake_surely(["inbound"], timeout=10))
        _until(lambda: len(seen) > count)
        assert sender.healthy
    finally:
        sender.stop(5)
        receiver.stop(5)


def test_an_alarm_holds_events_back_and_no_longer(broker):
    publisher = TopicPublisher(broker.url, "alarm.events", "application/json")
    publisher.publish(_letters(0, 1))
    with _alarm(broker):
        time.sleep(1)
        began = time.monotonic()
        with pytest.raises(HubError) as said:
            publisher.publish(_letters(1, 5))
        assert said.value.code in {"BUS-DOWN", "BUS-SLOW"}
        assert time.monotonic() - began < 40

    def again():
        with contextlib.suppress(HubError):
            publisher.publish(_letters(1, 5))
            return True

    _until(again)
    publisher.close()


def test_a_broker_that_is_killed_keeps_what_it_confirmed(broker):
    """kill -9 while events and wake-ups stream: every confirmed event is in the queue, and both buses go on by themselves."""
    connection = broker.connect()
    channel = connection.channel()
    channel.exchange_declare("kill.events", "topic", durable=True)
    channel.queue_declare("kill.listener", durable=True, arguments={"x-queue-type": "quorum"})
    channel.queue_bind("kill.listener", "kill.events", "#")
    connection.close()
    sender, receiver = (RabbitBus(broker.url, installation="kill") for _ in range(2))
    seen, confirmed, faults = [], [], []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    publisher = TopicPublisher(broker.url, "kill.events", "application/json")
    stop = threading.Event()

    def stream():
        number = 0
        while not stop.is_set():
            try:
                publisher.publish(_letters(number, 20))
            except Exception as error:
                faults.append(f"{type(error).__name__}: {error}")
                time.sleep(0.2)
                continue
            confirmed.extend(range(number, number + 20))
            number += 20
            sender.wake(["inbound"])

    thread = threading.Thread(target=stream)
    thread.start()
    try:
        _until(lambda: len(confirmed) >= 100 and seen)
        time.sleep(8)  # RabbitMQ 3.10 loses a quorum queue for good when it is killed right after it was declared
        for _ in range(2):
            broker.kill()
            time.sleep(0.5)
            broker.start()
            broker.wait(150)
            events, wakes = len(confirmed), len(seen)
            until = time.monotonic() + 120
            while time.monotonic() < until and (len(confirmed) <= events + 60 or len(seen) <= wakes):
                time.sleep(0.1)
            assert len(confirmed) > events + 60, faults[-3:]
            assert len(seen) > wakes, (sender.healthy, len(seen))
    finally:
        stop.set()
        thread.join(30)
        publisher.close()
        sender.stop(5)
        receiver.stop(5)
    connection = broker.connect()
    there = set()
    for method, properties, _ in connection.channel().consume("kill.listener", auto_ack=True, inactivity_timeout=3):
        if method is None:
            break
        there.add(properties.message_id)
    connection.close()
    assert {f"id-{number}" for number in confirmed} <= there
    assert {fault.partition(":")[0] for fault in faults} <= {"Unreachable", "RetryLater"}, faults


def test_pika_is_told_to_give_up(broker):
    """The parameters that all of this rests on."""
    for bus in (RabbitBus(broker.url, installation="x"), TopicPublisher(broker.url, "x", "x")):
        parameters = bus._broker.parameters if isinstance(bus, RabbitBus) else bus._nodes
        assert isinstance(parameters, pika.URLParameters)
        assert 0 < parameters.blocked_connection_timeout <= 10
        assert 0 < parameters.socket_timeout <= 10
        assert 0 < parameters.stack_timeout <= 15
        assert 15 <= parameters.heartbeat <= 30
