"""The archive of a running hub: it looks after itself, and lets nothing more in only when there is really no room."""

import os
import time
import urllib.error
import urllib.request

import pytest

from hub.api.server import WebServer
from hub.store import NewMessage


def _until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def _send(url, request):
    call = urllib.request.Request(
        f"{url}/webhooks/src", data=request.body, headers=dict(request.headers), method="POST"
    )
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), error.read()


@pytest.fixture
def budget(project_dir):
    """A function that gives the source of the project a budget."""

    def give(text):
        file = project_dir / "hub.yaml"
        file.write_text(file.read_text().replace("  src:\n", f"  src:\n    budget: {text}\n"))

    return give


def test_full_means_come_again_and_only_for_who_is_full(budget, open_hub, backend, order_webhook, target):
    budget("10 kB")
    hub = open_hub(backend)
    with hub, WebServer(hub) as server:
        assert _send(server.url, order_webhook(1))[0] == 200
        hub.store.accept([NewMessage("src", "order", "big", "big", os.urandom(9_000))])
        hub.archive.look()
        assert _send(server.url, order_webhook(2))[0] == 200  # over 80 %: a warning, no more
        hub.store.accept([NewMessage("src", "order", "big2", "big2", os.urandom(12_000))])
        hub.archive.look()
        status, headers, body = _send(server.url, order_webhook(3))
        assert (status, headers["retry-after"]) == (503, "60")
        assert b"ARC-FULL" in body
        assert hub.archive.full("src")
        assert not hub.archive.full("dst")
        metrics = urllib.request.urlopen(f"{server.url}/metrics", timeout=10).read().decode()
        assert 'hub_archive_budget_bytes{keeper="src"} 10000.0' in metrics
        # what was accepted is delivered all the same
        assert _until(lambda: {effect.data["number"] for effect in target.effects("order")} >= {"#1001", "#1002"})
        # there is room again: it opens by itself
        with hub.store.database.write() as connection:
            hub.store.database.run(connection, "DELETE FROM archive_usage")
        assert _until(lambda: _send(server.url, order_webhook(3))[0] == 200, 20)


def test_maintenance_runs_by_itself_and_once(open_hub, backend):
    hub = open_hub(backend)
    with hub:
        assert _until(
            lambda: any(one["name"] == "maintain:archive" and one["last_run_at"] for one in _schedules(hub.store))
        )
        assert hub.store.maintain().made == ()


def _schedules(store):
    from hub.store import listing

    return listing.schedules(store.database)
