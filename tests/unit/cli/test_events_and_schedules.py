"""`hub events` and `hub schedules`: what was told, what waits, and when everything runs."""

from __future__ import annotations

import re

import pytest

from hub.project import load
from hub.store import Finished, NewEvent, NewMessage, Schedule, Store


@pytest.fixture
def told(company):
    """Three changes of which two are published."""
    file = company / "hub.yaml"
    with_broker = re.sub("(?m)^broker:.*$", "broker: amqp://guest:guest@127.0.0.1:1/none", file.read_text())
    file.write_text(f"{with_broker}\nevents: {{}}\n")
    store = Store.open(load(company, env={}).database)
    store.accept([NewMessage("shop", "order", f"o{n}", f"d{n}", b"{}") for n in range(3)])
    for message in store.claim_messages(owner="t"):
        event = NewEvent("shop", "order", "updated", f"ord_{message.id}", 2, "s", ("note",))
        store.finish_messages([Finished(message.id, message.epoch, "filtered", events=[event])])
    store.mark_events_published(2)
    store.close()
    return company


def test_events_are_listed_with_what_became_of_them(hub, told):
    said = hub("events", "--json").json
    assert [(one["record_id"], one["state"]) for one in said["events"]] == [
        ("ord_3", "waiting"), ("ord_2", "published"), ("ord_1", "published"),
    ]  # fmt: skip
    assert (said["exchange"], said["newest"], said["published"]) == ("hub.events", 3, 2)
    assert said["waiting_seconds"] >= 0
    assert said["events"][0]["at"].endswith("Z")
    text = hub("events", "--limit", "1").out
    assert "order.updated" in text
    assert "ord_3 v2" in text
    assert "note" in text
    assert hub("events", "--entity", "variant").out.strip() == "no events"
    assert "Did you mean 'order'?" in hub("events", "--entity", "ordr").err
    assert hub("events", "--connection", "nowhere").code == 2


def test_events_that_are_off_say_how_to_switch_them_on(hub, busy):
    said = hub("events")
    assert said.code == 2
    assert "events: {}" in said.err


def test_schedules_are_listed_before_and_after_the_first_start(hub, told):
    store = Store.open(load(told, env={}).database)
    rows = {one["name"]: one for one in hub("schedules", "--json").json["schedules"]}
    assert {one["state"] for one in rows.values()} == {"planned"}
    assert rows["publish:events"]["when"] == "every 1s"
    assert rows["forget:events"]["when"] == "every 1h"
    store.plan([
        Schedule("publish:events", interval=1.0), Schedule("forget:events", interval=3600.0), Schedule("poll:old:order", interval=9.0),
        Schedule("poll:late:order", cron="0 3 * * *", timezone="Europe/Berlin"),
    ])  # fmt: skip
    running, failing, _ = sorted(store.claim_schedules(owner="a", lease=60), key=lambda one: one.name)
    assert (running.name, failing.name) == ("forget:events", "poll:old:order")
    store.finish_schedule("publish:events", "a", next_in=8, error="BUS-DOWN: the broker does not answer.")
    store.finish_schedule("poll:old:order", "a")
    store.close()
    rows = {one["name"]: one for one in hub("schedules", "--json").json["schedules"]}
    assert {name: one["state"] for name, one in rows.items() if ":old:" in name or "events" in name or "late" in name} == {
        "forget:events": "running", "publish:events": "failing", "poll:old:order": "gone", "poll:late:order": "gone",
    }  # fmt: skip
    assert "next_run_at" not in rows["forget:events"]
    assert rows["publish:events"]["failures"] == 1
    text = hub("schedules").out
    assert "1x BUS-DOWN" in text
    assert "running" in text
