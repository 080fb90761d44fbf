"""Canonical events over a real RabbitMQ: at least once with the same id, in order for every record, never lost."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pika
import pytest

from hub.errors import HubError
from hub.project import Events
from hub.runtime.bus.topic import Letter, TopicPublisher
from hub.runtime.events.publish import Publishing, windows
from hub.store import DueSchedule, Finished, NewEvent, NewMessage, Record, Store
from hub.store.archive import sha_of

pytestmark = pytest.mark.rabbitmq
ROOT = Path(__file__).parents[2]
JOB = DueSchedule("publish:events")


@pytest.fixture
def exchange():
    """A name of this test's own."""
    return f"events-{uuid.uuid4().hex[:8]}"


class Listener:
    """A company's own program: a queue bound to the exchange. ``got`` is what came, in order."""

    def __init__(self, url, exchange, binding="#", **arguments):
        parameters = pika.URLParameters(url)
        parameters.heartbeat = 0  # it may be busy elsewhere for a while
        self._connection = pika.BlockingConnection(parameters)
        self._channel = self._connection.channel()
        self._channel.exchange_declare(exchange, "topic", durable=True)
        arguments = {"x-queue-type": "quorum", **arguments}
        self.queue = f"{exchange}-{uuid.uuid4().hex[:6]}"
        self._channel.queue_declare(self.queue, durable=True, arguments=arguments)
        self._channel.queue_bind(self.queue, exchange, binding)
        self.got = []

    def take(self, most=10_000, seconds=1.0):
        """Take what is there, and what comes within so many seconds after the last; returns all events so far.

        One by one: a consumer that ends gives back what it holds, and RabbitMQ 4 drops what was given back twenty times.
        """
        until = time.monotonic() + seconds
        while most and time.monotonic() < until:
            if self.take_one():
                most, until = most - 1, time.monotonic() + seconds
            else:
                time.sleep(0.02)
        return [event for _, _, event in self.got]

    def take_one(self):
        """Take the oldest one, if there is one, and leave the others where they are."""
        method, properties, body = self._channel.basic_get(self.queue, auto_ack=True)
        if method is not None:
            self.got.append((method.routing_key, properties, json.loads(body)))
        return method is not None

    def close(self):
        self._channel.queue_delete(self.queue)
        self._connection.close()


@pytest.fixture
def listen(amqp_vhost, exchange):
    made = []

    def make(binding="#", **arguments):
        made.append(Listener(amqp_vhost, exchange, binding, **arguments))
        return made[-1]

    yield make
    for listener in made:
        listener.close()


def _fill(store, numbers, versions=1):
    """Changes of records, each in a transaction of its own: every version of each record."""
    for version in range(1, versions + 1):
        for number in numbers:
            store.accept([NewMessage("shop", "order", f"o{number}", f"d{number}-{version}", b"{}")])
            (message,) = store.claim_messages(1, owner="t")
            body = b'{"number":"%d","v":%d}' % (number, version)
            record = Record(f"ord_{number}", "order", version, body, sha_of(body), None, False, "shop")
            verb = "created" if version == 1 else "updated"
            event = NewEvent("shop", "order", verb, record.id, version, record.sha, ("v",), 7)
            done = Finished(message.id, message.epoch, "filtered", "FLT-NOFLOW", records=[record], events=[event])
            store.finish_messages([done])


def _publishing(store, url, exchange):
    return Publishing(store, Events(frozenset({"order"}), exchange), "acme", url)


def _publish(store, url, exchange, seconds=0.3):
    """One run of the job: as long as there is something, and a moment more."""
    _publishing(store, url, exchange)(JOB, time.monotonic() + seconds)


def _check_order(events):
    """The first time that each event is seen, it comes after those of its record's older versions."""
    seen = defaultdict(list)
    for event in events:
        if event["recordversion"] not in seen[event["subject"]]:
            seen[event["subject"]].append(event["recordversion"])
    assert all(versions == sorted(versions) for versions in seen.values())


def test_every_event_reaches_the_queues_bound_for_it(store, amqp_vhost, exchange, listen):
    everything, updates = listen(), listen("*.updated.shop")
    _fill(store, range(30), versions=2)
    _publish(store, amqp_vhost, exchange, 1.0)
    events = everything.take()
    assert [event["sequence"] for event in events] == sorted(event["sequence"] for event in events)
    assert len(events) == 60
    key, properties, event = everything.got[-1]
    assert key == "order.updated.shop"
    assert (properties.content_type, properties.delivery_mode) == ("application/cloudevents+json; charset=utf-8", 2)
    assert (properties.message_id, properties.type) == (event["id"], event["type"])
    assert event == {
        "specversion": "1.0", "id": "ord_29-2", "source": "/acme/shop", "type": "hub.order.updated.v1", "subject": "ord_29",
        "time": event["time"], "dataschema": "hub:canonical/order@1", "datacontenttype": "application/json", "recordversion": 2,
        "sequence": event["sequence"], "correlationid": "7", "causationid": event["causationid"], "changed": "v",
        "data": {"number": "29", "v": 2},
    }  # fmt: skip
    assert {event["recordversion"] for event in updates.take()} == {2}
    assert len(updates.got) == 30
    assert store.feed().published == store.feed().newest
    _publish(store, amqp_vhost, exchange)
    assert len(everything.take(seconds=0.3)) == 60


def test_a_listener_that_is_not_there_holds_nobody_up(store, amqp_vhost, exchange, listen):
    _fill(store, range(3))
    _publish(store, amqp_vhost, exchange)
    assert store.feed().published == store.feed().newest
    late = listen()
    _fill(store, [9])
    _publish(store, amqp_vhost, exchange)
    assert [event["subject"] for event in late.take()] == ["ord_9"]


class Gate:
    """A broker that can be taken away: a port that hands bytes on while it is open, and cuts everything when it is shut."""

    def __init__(self, url):
        parts = urlsplit(url)
        self._to = (parts.hostname, parts.port or 5672)
        self._server = None
        self._pairs = []
        self.port = None
        self.open()
        login = f"{parts.username}:{parts.password}@" if parts.username else ""
        self.url = urlunsplit((parts.scheme, f"{login}127.0.0.1:{self.port}", parts.path, "", ""))

    def open(self):
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", self.port or 0))
        server.listen(16)
        self.port = server.getsockname()[1]
        self._server = server
        threading.Thread(target=self._serve, args=(server,), daemon=True).start()

    def shut(self):
        with contextlib.suppress(OSError):
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        for one in [end for pair in self._pairs for end in pair]:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        self._pairs.clear()

    def _serve(self, server):
        while True:
            try:
                near, _ = server.accept()
            except OSError:
                return
            far = socket.create_connection(self._to)
            self._pairs.append((near, far))
            for a, b in ((near, far), (far, near)):
                threading.Thread(target=self._pump, args=(a, b), daemon=True).start()

    @staticmethod
    def _pump(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        with contextlib.suppress(OSError):
            target.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def gate(amqp_vhost):
    made = Gate(amqp_vhost)
    yield made
    made.shut()


def test_while_the_broker_is_away_events_wait_and_go_out_later(store, gate, exchange, listen):
    listener = listen()
    _fill(store, range(5))
    gate.shut()
    with pytest.raises(HubError) as said:
        _publish(store, gate.url, exchange)
    assert said.value.code == "BUS-DOWN"
    assert store.feed().published == 0
    gate.open()
    job = _publishing(store, gate.url, exchange)  # and one that is cut off in mid-stream goes on in its next run
    ends = []

    def run():
        try:
            job(JOB, time.monotonic() + 60)
        except HubError as error:
            ends.append(error.code)

    for number in range(3):
        thread = threading.Thread(target=run)
        thread.start()
        _fill(store, range(10 + number * 10, 20 + number * 10))
        while len(listener.take(1, 5)) < 10 * number + 6:
            pass
        gate.shut()
        thread.join(30)
        assert not thread.is_alive()
        gate.open()
    assert ends == ["BUS-DOWN"] * 3
    _publish(store, gate.url, exchange, 1.0)
    events = listener.take()
    assert {event["subject"] for event in events} == {f"ord_{number}" for number in [*range(5), *range(10, 40)]}
    _check_order(events)


def test_of_one_record_only_one_event_is_under_way(store, amqp_vhost, exchange, listen):
    """A queue that refuses one version and takes the next would show them the wrong way round."""
    full = listen(**{"x-max-length": 2, "x-overflow": "reject-publish"})
    _fill(store, [1], versions=30)
    for _ in range(100):
        try:
            _publish(store, amqp_vhost, exchange, 0.05)
        except HubError as error:
            assert error.code == "BUS-REFUSED"
        full.take_one()
        if store.feed().published == store.feed().newest:
            break
    events = full.take()
    assert len({event["id"] for event in events}) == 30
    _check_order(events)
    found = store.events(0, 50)
    assert [len(part) for part in windows(found)] == [1] * 30
    assert [len(part) for part in windows([*found[:1], *found[:1], *found[:1]])] == [1, 1, 1]


DYING = """
import os, signal, sys, time
from hub.project import Events
from hub.runtime.events.publish import Publishing
from hub.store import DueSchedule, Store

url, database, exchange, dies = sys.argv[1:]
store = Store.open(database)
if dies == "yes":
    def mark(position):
        os.kill(os.getpid(), signal.SIGKILL)
    store.mark_events_published = mark
Publishing(store, Events(frozenset({"order"}), exchange), "acme", url)(DueSchedule("publish:events"), time.monotonic() + 1.0)
store.close()
"""


@pytest.mark.timeout(300)
def test_killed_between_publishing_and_writing_it_down(open_store, database_url, amqp_vhost, exchange, listen):
    """kill -9 at the worst moment: a repetition with the same id, never a loss."""
    store = open_store()
    _fill(store, range(20))
    store.close()
    listener = listen()

    def publish(dies):
        command = [sys.executable, "-c", DYING, amqp_vhost, database_url, exchange, dies]
        return subprocess.run(command, timeout=150, cwd=ROOT).returncode

    assert publish("yes") == -signal.SIGKILL
    first = listener.take(20, 5)
    assert len(first) == 20
    assert publish("no") == 0
    everything = listener.take(20, 5)
    assert everything[20:] == everything[:20]  # the same ids, and all else
    assert publish("no") == 0
    assert len(listener.take(seconds=0.5)) == 40


@pytest.mark.slow
@pytest.mark.postgres
@pytest.mark.timeout(400)
def test_relays_that_are_killed_again_and_again_lose_nothing(project_dir, postgres_url, amqp_vhost, exchange, listen):
    """Two real relays and a writer; again and again one of the relays is killed and another one started."""
    listener = listen()
    (project_dir / "hub.yaml").write_text(
        (project_dir / "hub.yaml").read_text() + f"events: {{exchange: {exchange}}}\n"
    )
    secrets = {"WEBHOOK_SECRET": "webhook-simulator-key", "TARGET_TOKEN": "Bearer target-token-1234"}
    env = {**os.environ, **secrets, "HUB_DATABASE_URL": postgres_url, "HUB_BROKER_URL": amqp_vhost}
    logs = (project_dir / "relays.log").open("wb+")

    def relay():
        command = [sys.executable, "-m", "hub", "relay", "--project", str(project_dir), "--log-level", "warning"]
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=logs, cwd=ROOT)
        assert process.stdout.readline(), "it did not start"
        return process

    store = Store.open(postgres_url)
    relays = [relay(), relay()]
    try:
        for turn in range(3):
            _fill(store, range(turn * 40, turn * 40 + 40), versions=2)
            relays[turn % 2].kill()
            relays[turn % 2].wait(10)
            relays[turn % 2].stdout.close()
            relays[turn % 2] = relay()
        until = time.monotonic() + 150
        while store.feed().published < store.feed().newest and time.monotonic() < until:
            time.sleep(0.1)
        events = listener.take(seconds=2)
    finally:
        store.close()
        for process in relays:
            process.kill()
            process.wait(10)
            process.stdout.close()
        logs.seek(0)
        said = logs.read().decode()
        logs.close()
    assert len({event["id"] for event in events}) == 240, said
    _check_order(events)
    assert "Traceback" not in said


def test_faults_are_said_and_nothing_hangs(amqp_vhost, exchange):
    def fault(url, exchange):
        publisher = TopicPublisher(url, exchange, "application/json")
        with pytest.raises(HubError) as said:
            publisher.publish([Letter("a.b.c", b"{}", "1", "t", 1)])
        publisher.close()
        return said.value.code

    parts = urlsplit(amqp_vhost)
    wrong = urlunsplit(parts._replace(netloc=f"nobody:none@{parts.hostname}:{parts.port}"))
    assert fault("amqp://guest:guest@127.0.0.1:1/none", exchange) == "BUS-DOWN"
    assert fault(wrong, exchange) == "BUS-AUTH"
    assert fault(amqp_vhost, "amq.direct") == "BUS-REFUSED"  # there, and not a topic exchange
    publisher = TopicPublisher(amqp_vhost, exchange, "application/json")
    assert publisher.publish([Letter("a.b.c", b"{}", "1", "t", 1)]) == {"1"}  # nobody listens
    publisher.close()
    publisher.close()


def test_the_example_of_the_guide_runs(store, amqp_vhost, exchange):
    """The ten lines of the guide, as they are written there, against the broker."""
    guide = (ROOT / "docs" / "events.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(import json.*?)```", guide, re.DOTALL)
    assert len(example.strip().splitlines()) <= 10
    example = example.replace("amqp://guest:guest@localhost/", amqp_vhost).replace("hub.events", exchange)
    command = [sys.executable, "-u", "-c", example]
    program = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 90
        while _bound(amqp_vhost, exchange) == 0 and program.poll() is None and time.monotonic() < deadline:
            time.sleep(0.2)
        _fill(store, [1, 2], versions=2)
        _publish(store, amqp_vhost, exchange, 1.0)
        lines = []
        while len(lines) < 4 and (line := program.stdout.readline()):
            lines += [line.split()] if line.startswith("hub.") else []
    finally:
        program.kill()
        _, said = program.communicate(timeout=10)
    assert sorted(line[0] for line in lines) == ["hub.order.created.v1"] * 2 + ["hub.order.updated.v1"] * 2, said


def _bound(url, exchange):
    """Whether a queue listens: what is published comes back otherwise."""
    publisher = TopicPublisher(url, exchange, "application/json")
    event = b'{"type": "probe", "subject": "", "data": {"number": ""}}'
    try:
        return 0 if publisher.publish([Letter("order.probe.none", event, "1", "probe", 1)]) else 1
    finally:
        publisher.close()
