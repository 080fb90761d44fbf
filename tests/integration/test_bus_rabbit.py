"""The wake bus over a real RabbitMQ: delivered, confirmed, and never acknowledged on another channel."""

import json
import os
import shutil
import subprocess
import threading
import time
import uuid
from urllib.parse import urlsplit

import pika
import pytest
from dramatiq.middleware import ShutdownNotifications

from hub.runtime.bus.rabbit import LONGEST_QUEUE, MOST_DELIVERIES, RabbitBus

pytestmark = pytest.mark.rabbitmq


@pytest.fixture(params=[True, False], ids=["quorum", "classic"])
def bus_pair(request, amqp_vhost):
    name = f"t{uuid.uuid4().hex[:6]}"
    made = [RabbitBus(amqp_vhost, installation=name, quorum=request.param) for _ in range(2)]
    yield made
    for bus in made:
        bus.stop(5)


def _until(condition, seconds=30):
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
    assert sender.wake_surely(["inbound", "deliver.erp"], timeout=15)
    _until(lambda: sorted(seen) == ["deliver.erp", "inbound"])
    assert sender.healthy
    started = time.perf_counter()
    assert sender.wake_surely(["inbound"], timeout=15)
    _until(lambda: len(seen) == 3)
    assert time.perf_counter() - started < 5


def test_wake_ups_wait_for_a_worker_that_comes_later(bus_pair):
    sender, receiver = bus_pair
    assert sender.wake_surely(["inbound"], timeout=15)
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
        assert sender.wake_surely(["inbound"], timeout=15)
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
    assert sender.wake_surely(["inbound"], timeout=15)
    assert started.acquire(timeout=30)
    close_amqp_connections()
    assert started.acquire(timeout=30)  # redelivered on the new channel while the first run still goes on
    go.set()
    _until(lambda: _unacknowledged(receiver) == 0)
    assert len(runs) == 2


def _unacknowledged(bus):
    connection = pika.BlockingConnection(bus._broker.parameters)
    try:
        declared = connection.channel().queue_declare(bus._queue("inbound"), passive=True)
        return declared.method.message_count
    finally:
        connection.close()


def test_an_absent_broker_never_blocks_or_raises():
    bus = RabbitBus("amqp://guest:guest@127.0.0.1:1/none", installation="x")
    started = time.perf_counter()
    bus.wake(["inbound"] * 100)
    assert time.perf_counter() - started < 0.1
    assert not bus.wake_surely(["inbound"], timeout=3)
    assert not bus.healthy
    bus.stop(3)


def test_a_deleted_queue_is_made_again(bus_pair, monkeypatch):
    monkeypatch.setattr("hub.runtime.bus.rabbit.SILENCE", 1.0)
    sender, receiver = bus_pair
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    assert sender.wake_surely(["inbound"], timeout=15)
    _until(lambda: seen == ["inbound"])
    connection = pika.BlockingConnection(sender._broker.parameters)
    connection.channel().queue_delete(sender._queue("inbound"))
    connection.close()
    end = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < end:
        sender.wake_surely(["inbound"], timeout=15)
        time.sleep(0.2)
    assert len(seen) >= 2


def _queues(url, bus):
    """The queues of a bus as the broker has them: {name: (type, arguments, messages)}."""
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        pytest.skip("rabbitmqctl cannot be used")
    vhost = urlsplit(url).path.lstrip("/")
    command = [
        "rabbitmqctl",
        "--quiet",
        "--formatter",
        "json",
        "list_queues",
        "--vhost",
        vhost,
        "name",
        "type",
        "arguments",
    ]
    said = subprocess.run(command, check=True, timeout=60, capture_output=True, text=True).stdout
    return {
        one["name"]: (one["type"], {argument[0]: argument[-1] for argument in _pairs(one["arguments"])})
        for one in json.loads(said) if one["name"].startswith(bus._prefix)
    }  # fmt: skip


def _pairs(arguments):
    return list(arguments.items()) if isinstance(arguments, dict) else arguments


def test_there_is_one_queue_a_group_and_nothing_of_dramatiqs_own(bus_pair, amqp_vhost, request):
    """No delay queue, no dead-letter queue, no middleware that retries, delays or gives up."""
    sender, receiver = bus_pair
    for group in ("inbound", "deliver.shop", "deliver.erp"):
        receiver.subscribe(group, lambda group: None)
    receiver.start()
    assert sender.wake_surely(["inbound", "deliver.shop", "deliver.erp"], timeout=10)
    _until(lambda: len(_queues(amqp_vhost, sender)) == 3, 30)
    found = _queues(amqp_vhost, sender)
    quorum = "quorum" in request.node.callspec.id
    assert sorted(found) == sorted(sender._queue(group) for group in ("inbound", "deliver.shop", "deliver.erp"))
    for kind, arguments in found.values():
        assert kind == ("quorum" if quorum else "classic")
        assert arguments["x-overflow"] == "drop-head"
        assert arguments["x-max-length"] == LONGEST_QUEUE
        assert arguments.get("x-delivery-limit") == (MOST_DELIVERIES if quorum else None)
        assert not any("dead-letter" in name for name in arguments)
    assert [type(one) for one in sender._broker.middleware] == [ShutdownNotifications]
    assert sender._broker.confirm_delivery


def test_a_full_queue_takes_more_and_holds_no_more(bus_pair):
    sender, receiver = bus_pair
    for _ in range(LONGEST_QUEUE + 30):
        assert sender.wake_surely(["inbound"], timeout=10)
    assert sender.healthy
    connection = pika.BlockingConnection(sender._broker.parameters)
    count = connection.channel().queue_declare(sender._queue("inbound"), passive=True).method.message_count
    connection.close()
    assert count <= LONGEST_QUEUE + 5  # a limit of quorum queues is kept roughly
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    _until(lambda: len(seen) >= count)
    assert sender.wake_surely(["inbound"], timeout=10)
    _until(lambda: len(seen) >= count + 1)


def test_a_queue_that_an_older_hub_declared_is_made_anew(bus_pair):
    sender, receiver = bus_pair
    connection = pika.BlockingConnection(sender._broker.parameters)
    for group in ("inbound", "deliver.erp"):
        arguments = {
            "x-max-length": 7,
            "x-overflow": "drop-head",
            **({"x-queue-type": "quorum"} if not sender._suffix else {}),
        }
        connection.channel().queue_declare(sender._queue(group), durable=True, arguments=arguments)
    connection.close()
    assert sender.wake_surely(["inbound"], timeout=10)
    assert sender.healthy
    seen = []
    for group in ("inbound", "deliver.erp"):
        receiver.subscribe(group, seen.append)
    receiver.start()
    _until(lambda: seen == ["inbound"])
    assert sender.wake_surely(["deliver.erp"], timeout=10)
    _until(lambda: seen == ["inbound", "deliver.erp"])


@pytest.mark.parametrize("bus_pair", [False], ids=["classic"], indirect=True)
def test_a_queue_that_refuses_for_long_is_made_anew(bus_pair, monkeypatch):
    """As a quorum queue without a leader does; here it is full, and told to refuse."""
    monkeypatch.setattr("hub.runtime.bus.rabbit.REFUSES_FOR", 0.5)
    sender, receiver = bus_pair
    sender._broker._arguments |= {"x-max-length": 1, "x-overflow": "reject-publish"}
    receiver._broker._arguments = sender._broker._arguments
    answers = [sender.wake_surely(["inbound"], timeout=15) for _ in range(4)]
    assert answers[0]
    assert not all(answers)
    monkeypatch.setitem(sender._broker._arguments, "x-max-length", 50)
    _until(lambda: sender.wake_surely(["inbound"], timeout=15))
    assert sender.healthy
    seen = []
    receiver.subscribe("inbound", seen.append)
    receiver.start()
    _until(lambda: seen)
