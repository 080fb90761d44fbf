"""The wake bus over a real RabbitMQ: delivered, confirmed, and never acknowledged on another channel."""

import threading
import time
import uuid

import pytest

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(params=[True, False], ids=["quorum", "classic"])
def bus_pair(request, amqp_vhost):
    from hub.runtime.bus.rabbit import RabbitBus

    name = f"t{uuid.uuid4().hex[:6]}"
    made = [RabbitBus(amqp_vhost, installation=name, quorum=request.param) for _ in range(2)]
    yield made
    for bus in made:
        bus.stop(5)


def _until(condition, seconds=5):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_wake_up_crosses_from_one_process_to_another(bus_pair):
    sender, receiver = bus_pair
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.subscribe("deliver.erp", seen.append)
    receiver.start()
    assert sender.wake_surely(["inbound", "deliver.erp"], timeout=5)
    _until(lambda: sorted(seen) == ["deliver.erp", "inbound"])
    assert sender.healthy
    started = time.perf_counter()
    assert sender.wake_surely(["inbound"], timeout=5)
    _until(lambda: len(seen) == 3)
    assert time.perf_counter() - started < 0.5


def test_wake_ups_wait_for_a_worker_that_comes_later(bus_pair):
    sender, receiver = bus_pair
    assert sender.wake_surely(["inbound"], timeout=5)
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    _until(lambda: seen == ["inbound"])


def test_a_failing_handler_loses_only_its_own_wake_up(bus_pair):
    sender, receiver = bus_pair
    seen = []

    def handler(group):
        seen.append(group)
        raise ValueError("boom")

    receiver.subscribe("inbound", handler)
    receiver.start()
    for count in (1, 2):
        assert sender.wake_surely(["inbound"], timeout=5)
        _until(lambda: len(seen) == count)  # noqa: B023


def test_a_late_acknowledgement_never_acknowledges_another_channels_message(bus_pair, close_amqp_connections):
    """The bug of dramatiq 2.2: after a reconnect, tag 1 of the old channel acknowledges tag 1 of the new one."""
    sender, receiver = bus_pair
    started, go = threading.Semaphore(0), threading.Event()
    runs = []

    def handler(group):
        runs.append(group)
        started.release()
        go.wait(20)

    receiver.subscribe("inbound", handler, threads=2)
    receiver.start()
    assert sender.wake_surely(["inbound"], timeout=5)
    assert started.acquire(timeout=5)
    close_amqp_connections()
    assert started.acquire(timeout=15)  # redelivered on the new channel while the first run still goes on
    go.set()
    _until(lambda: _unacknowledged(receiver) == 0, 10)
    assert len(runs) == 2


def _unacknowledged(bus):
    import pika

    connection = pika.BlockingConnection(bus._broker.parameters)
    try:
        declared = connection.channel().queue_declare(bus._queue("inbound"), passive=True)
        return declared.method.message_count
    finally:
        connection.close()


def test_an_absent_broker_never_blocks_or_raises():
    from hub.runtime.bus.rabbit import RabbitBus

    bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/none", installation="x")
    started = time.perf_counter()
    bus.wake(["inbound"] * 100)
    assert time.perf_counter() - started < 0.1
    assert not bus.wake_surely(["inbound"], timeout=3)
    assert not bus.healthy
    bus.stop(3)


def test_a_deleted_queue_is_made_again(bus_pair, monkeypatch):
    import pika

    monkeypatch.setattr("hub.runtime.bus.rabbit.SILENCE", 1.0)
    sender, receiver = bus_pair
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    assert sender.wake_surely(["inbound"], timeout=5)
    _until(lambda: seen == ["inbound"])
    connection = pika.BlockingConnection(sender._broker.parameters)
    connection.channel().queue_delete(sender._queue("inbound"))
    connection.close()
    end = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < end:
        sender.wake_surely(["inbound"], timeout=5)
        time.sleep(0.2)
    assert len(seen) >= 2
