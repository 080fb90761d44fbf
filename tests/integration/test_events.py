"""Canonical events: written with the change, in order, readable again, and dropped after their time."""

import json
import threading
import time
import urllib.error
import urllib.request

import pytest

from hub.api.server import WebServer
from hub.store import Finished, NewEvent, NewMessage, Record, Store
from hub.store.archive import sha_of

TOKEN = "token-of-the-rest-api"


@pytest.fixture
def events_on(project_dir):
    """Switches events on in the project: ``events_on("entities: [order]")``."""

    def switch(settings=""):
        file = project_dir / "hub.yaml"
        file.write_text(f"{file.read_text()}events: {{{settings}}}\n")

    return switch


def _told(store, **filters):
    return [(one.entity, one.verb, one.connection, one.record_version) for one in store.events(0, 500, **filters)]


def _get(url, path):
    request = urllib.request.Request(f"{url}/api{path}", headers={"authorization": f"Bearer {TOKEN}"})
    try:
        with urllib.request.urlopen(request, timeout=40) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def test_every_change_is_told_and_nothing_else(backend, open_hub, order_webhook, events_on):
    events_on("entities: [order]")
    with open_hub((backend[0], None)) as hub:
        hub.accept_webhook("src", order_webhook(1))
        assert hub.drain(20)
        hub.accept_webhook("src", order_webhook(1, event="later", note="changed", updated="2026-03-10T13:00:00Z"))
        hub.accept_webhook("src", order_webhook(1, event="same", note="changed", updated="2026-03-10T14:00:00Z"))
        assert hub.drain(20)
        found = hub.store.events()
        assert _told(hub.store) == [("order", "created", "src", 1), ("order", "updated", "src", 2)]  # and no customer
        assert found[1].changed == "note"
        assert [json.loads(one.body).get("note") for one in found] == [None, "changed"]
        assert [one.correlation_id for one in found] == [1, 2]
        assert found[0].record_id == found[1].record_id


def test_with_events_off_nothing_is_written(open_hub, order_webhook, monkeypatch):
    locked = []
    monkeypatch.setattr("hub.store.database.Database.lock", lambda _self, _connection, keys: locked.append(list(keys)))
    with open_hub() as hub:
        hub.accept_webhook("src", order_webhook(1))
        assert hub.drain(20)
        assert hub.store.events() == []
    assert locked  # records were changed under locks
    assert ["events"] not in locked


def _change(store, number, version=1, entity="order"):
    """One message that changes a record, through the store as the pipeline does it."""
    store.accept([NewMessage("shop", entity, f"o{number}", f"d{number}-{version}", b"{}")])
    (message,) = store.claim_messages(1, owner="t")
    body = b'{"n":%d,"v":%d}' % (number, version)
    record = Record(f"{entity[:3]}_{number}", entity, version, body, sha_of(body), None, False, "shop")
    event = NewEvent("shop", entity, "created" if version == 1 else "updated", record.id, version, record.sha)
    return Finished(message.id, message.epoch, "filtered", "FLT-NOFLOW", records=[record], events=[event])


def test_an_event_is_there_exactly_when_its_change_is(store):
    kept, lost = _change(store, 1), _change(store, 2)
    store.finish_messages([kept])
    lost.epoch += 1  # somebody else took the message over
    store.finish_messages([lost])
    assert [one.record_id for one in store.events()] == ["ord_1"]
    broken = _change(store, 3)
    broken.records[0].entity = None  # the database refuses the record
    with pytest.raises(Exception, match="STO-"):
        store.finish_messages([broken])
    assert [one.record_id for one in store.events()] == ["ord_1"]


def test_a_reader_that_follows_never_misses_one_that_was_committed_late(store):
    """Ids come from a counter that does not wait for commits; the writers must."""
    changes = {number: _change(store, number) for number in range(60)}
    read, done = [], threading.Event()

    def follow():
        while True:
            ended = done.is_set()
            found = store.events(read[-1].id if read else 0, 7)
            read.extend(found)
            if not found and ended:
                return

    def write(part):
        for number in part:
            with store.working() as work:
                work.finish([changes[number]])
                time.sleep(0.002 * (number % 5))  # some commits take longer than others

    reader = threading.Thread(target=follow)
    reader.start()
    writers = [threading.Thread(target=write, args=(range(start, 60, 4),)) for start in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    done.set()
    reader.join(20)
    assert sorted(one.record_id for one in read) == sorted(f"ord_{number}" for number in range(60))


class Clock:
    """A clock that tests turn."""

    time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


def test_events_go_after_their_time_but_none_that_waits_for_the_broker(open_store):
    clock = Clock()
    store = open_store(clock=clock)
    for number in range(4):
        store.finish_messages([_change(store, number)])
        clock.time += 3600
    ids = [one.id for one in store.events()]
    store.mark_events_published(ids[1])
    store.mark_events_published(ids[0])  # never back
    feed = store.feed()
    assert (feed.newest, feed.published, feed.dropped, feed.oldest_waiting) == (ids[3], ids[1], 0, 1_790_007_200.0)
    assert store.forget_events(3600 * 5, published_only=True) == 0
    assert store.forget_events(3600 * 1.5, published_only=True) == 2  # the third is old enough, and waits
    assert store.feed().dropped == ids[1]
    clock.time += 40 * 86400
    assert [one.kept for one in store.maintain().dropped if one.payloads] == [2]
    assert [one.body for one in store.events()] == [b'{"n":2,"v":1}', b'{"n":3,"v":1}']  # their records were kept
    clock.time += 3600 * 100
    assert store.forget_events(10, published_only=False) == 1
    store.finish_messages([_change(store, 9)])  # the newest row stayed, so that no id is given twice
    assert [one.id for one in store.events()] == [ids[3], ids[3] + 1]


@pytest.mark.postgres
def test_the_stream_goes_on_after_a_move_to_the_other_database(tmp_path, postgres_url):
    clock = Clock()
    small = Store.open(f"sqlite:///{tmp_path}/a.db", clock=clock)
    for number in range(5):
        small.finish_messages([_change(small, number)])
    last = small.feed().newest
    small.mark_events_published(last)
    clock.time += 3600
    assert small.forget_events(10, published_only=True) == 4
    large = Store.open(postgres_url)
    small.copy_to(large)
    back = Store.open(f"sqlite:///{tmp_path}/b.db")
    large.copy_to(back)
    for store in (large, back):
        assert store.feed().published == last
        store.finish_messages([_change(store, 7)])
        assert [one.id for one in store.events(store.published_events())] == [last + 1]
    for store in (small, large, back):
        store.close()


@pytest.fixture
def served(open_hub, events_on):
    events_on()
    with open_hub() as hub, WebServer(hub) as server:
        yield hub, server.url


def test_the_rest_api_gives_the_stream_page_by_page(served, order_webhook):
    hub, url = served
    for number in range(4):
        hub.accept_webhook("src", order_webhook(number))
    assert hub.drain(20)
    status, all_of_them = _get(url, "/events?limit=500")
    assert status == 200
    assert all_of_them["more"] is False
    seen, after, more = [], 0, True
    while more:
        _, page = _get(url, f"/events?limit=3&after={after}")
        seen += page["events"]
        after, more = page["after"], page["more"]
    assert seen == all_of_them["events"]
    assert [one["sequence"] for one in seen] == sorted(one["sequence"] for one in seen)
    _, orders = _get(url, "/events?entity=order&connection=src")
    assert [one["data"]["number"] for one in orders["events"]] == ["#1000", "#1001", "#1002", "#1003"]
    assert orders["after"] == hub.store.feed().newest
    assert _get(url, "/events?connection=dst")[1] == {"events": [], "after": orders["after"], "more": False}
    first = orders["events"][0]
    assert first["type"] == "hub.order.created.v1"
    assert first["id"] == f"{first['subject']}-1"
    assert _get(url, f"/events/{int(first['sequence'])}") == (200, first)
    assert _get(url, f"/events?after={seen[1]['sequence']}&limit=1")[1]["events"] == [seen[2]]


def test_the_rest_api_waits_for_what_comes(served, order_webhook):
    hub, url = served
    began = time.monotonic()
    assert _get(url, "/events?wait=0.5")[1]["events"] == []
    assert time.monotonic() - began >= 0.5
    answers = []
    waiting = threading.Thread(target=lambda: answers.append(_get(url, "/events?wait=30&entity=order")))
    waiting.start()
    time.sleep(0.3)
    hub.accept_webhook("src", order_webhook(1))
    waiting.join(25)
    assert [one["data"]["number"] for one in answers[0][1]["events"]] == ["#1001"]


def test_a_reader_is_told_what_it_missed(served, order_webhook, open_hub):
    hub, url = served
    for number in range(3):
        hub.accept_webhook("src", order_webhook(number))
    assert hub.drain(20)
    time.sleep(0.01)
    hub.store.forget_events(0.0, published_only=False)
    dropped = hub.store.feed().dropped
    assert dropped > 0
    status, said = _get(url, "/events?after=0")
    assert (status, said["code"]) == (410, "API-EVENTS-GONE")
    assert str(dropped) in said["fix"]
    assert len(_get(url, f"/events?after={dropped}")[1]["events"]) == 1
    assert len(_get(url, "/events")[1]["events"]) == 1
    assert _get(url, "/events?after=99999")[1]["code"] == "API-EVENTS-AHEAD"
    assert _get(url, "/events/1")[0] == 404
    for bad in ("after=-1", "limit=0", "limit=501", "wait=31", "after=x", f"after={2**63}"):
        assert _get(url, f"/events?{bad}")[1]["code"] == "API-QUERY", bad


def test_events_are_off_unless_the_project_names_them(open_hub):
    with open_hub() as hub, WebServer(hub) as server:
        status, said = _get(server.url, "/events")
        assert (status, said["code"]) == (404, "API-EVENTS-OFF")
        assert "events: {}" in said["fix"]
