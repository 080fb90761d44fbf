"""Acting by hand: in the store, and through the REST API of a running hub that holds the store."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub.project import load


def test_release_makes_the_message_due_again(hub, busy):
    assert hub("exceptions", "release", "1", "--note", "added the row").code == 0
    assert hub("exceptions", "--json").json["exceptions"] == []
    closed = hub("exceptions", "list", "--state", "released", "--json").json["exceptions"][0]
    assert (closed["note"], closed["closed_by"]) == ("added the row", "cli")
    assert hub("status", "--json").json["in_flight"] == {"message.new": 1}


def test_resolve_closes_without_trying_again(hub, busy):
    assert hub("exceptions", "resolve", "1", "--note", "entered by hand", "--json").json == {"resolved": [1]}
    assert hub("status", "--json").json["in_flight"] == {}
    again = hub("exceptions", "resolve", "1")
    assert again.code == 1
    assert "EXC-UNKNOWN" in again.err


def test_replay(hub, busy):
    assert hub("replay", "message", "1", "--json").json == {"replayed": 1, "message": 3}
    assert hub("replay", "delivery", "1").code == 0
    assert hub("deliveries", "--state", "pending", "--json").json["deliveries"][0]["id"] == 1
    assert hub("trace", "1001", "--json").json["summary"]["state"] == "in_flight"
    assert hub("replay", "message", "77").code == 1
    assert hub("replay", "delivery", "77").code == 1


def test_pause_and_resume(hub, busy):
    assert hub("connections", "pause", "erp", "--reason", "upgrade until 18:00").code == 0
    rows = {row["name"]: row for row in hub("connections", "list", "--json").json["connections"]}
    assert rows["erp"]["paused"]
    assert rows["erp"]["pause"]["detail"] == "upgrade until 18:00"
    assert "upgrade until 18:00" in hub("connections", "list").out
    assert hub("connections", "resume", "erp").code == 0
    assert "Did you mean 'erp'?" in hub("connections", "pause", "epr").err


def test_poll_names_are_checked(hub, busy):
    assert hub("poll", "shop", "order", "--json").json["due"] is False
    said = hub("poll", "shop", "orders")
    assert said.code == 2
    assert "Did you mean 'order'?" in said.err


def test_db_upgrade_and_status(hub, company):
    assert hub("db", "upgrade", "--json").json["version"]
    assert hub("db", "status", "--json").json["in_flight"] == {}


@pytest.fixture
def running(busy: Path) -> Iterator[Path]:
    """The same project with a hub that holds its store and serves the REST API."""
    from hub.api.server import WebServer
    from hub.runtime.hub import Hub

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    file = busy / "hub.yaml"
    file.write_text(file.read_text().replace("127.0.0.1:8080", f"127.0.0.1:{port}"))
    hub = Hub.open(load(busy))
    try:
        with WebServer(hub, "127.0.0.1", port):
            yield busy
    finally:
        hub.stop()


def test_everything_works_beside_a_running_hub(hub, running):
    assert hub("exceptions", "release", "1").code == 0
    assert hub("exceptions", "--json").json["exceptions"] == []
    assert hub("exceptions", "resolve", "1").code == 1
    assert hub("replay", "message", "1", "--json").json["message"] == 3
    assert hub("replay", "delivery", "1").code == 0
    assert hub("connections", "pause", "erp", "--reason", "x").code == 0
    assert hub("connections", "resume", "erp").code == 0
    assert hub("poll", "shop", "order").code == 0
    doctor = {(one["area"], one["name"]): one for one in hub("doctor", "--json").json["diagnoses"]}
    assert any(area == "receiver" and "a hub runs" in one["summary"] for (area, _), one in doctor.items())


def test_a_running_hub_without_a_token(hub, running):
    env = running / ".env"
    env.write_text("\n".join(row for row in env.read_text().splitlines() if "HUB_API_TOKEN" not in row))
    said = hub("exceptions", "release", "1")
    assert said.code == 2
    assert "HUB_API_TOKEN" in said.err


def test_a_store_that_is_held_by_something_that_does_not_answer(hub, busy):
    from hub.store import Store

    file = busy / "hub.yaml"
    file.write_text(file.read_text().replace("127.0.0.1:8080", "127.0.0.1:1"))
    held = Store.open(load(busy).database)
    try:
        said = hub("exceptions", "release", "1")
        assert said.code == 1
        assert "HUB-NOT-ANSWERING" in said.err
    finally:
        held.close()
