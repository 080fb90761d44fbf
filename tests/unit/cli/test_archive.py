"""The commands around the payload archive, on both databases."""

from __future__ import annotations

import os
import time
import uuid
from pathlib import Path

import pytest

from hub.project import load
from hub.runtime.archive import ArchiveWatch
from hub.store import Store


@pytest.fixture
def old(company: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, tell, hub) -> Path:
    """The story as it happened 40 days ago."""
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    real = Store.open
    then = time.time() - 40 * 86_400
    with monkeypatch.context() as patched:
        patched.setattr(Store, "open", classmethod(lambda _, url, **more: real(url, **more, clock=lambda: then)))
        tell(database_url)
    return company


def test_forgetting_by_hand(hub, old):
    would = hub("db", "maintain", "--dry-run", "--json").json
    assert would["dry_run"] is True
    assert [(one["days"], one["payloads"], one["kept"]) for one in would["dropped"]] == [(30, 5, 1)]
    assert "would be forgotten: 5 payloads" in hub("db", "maintain", "--dry-run").out
    before = hub("trace", "1001", "--payloads")
    assert "forgotten" not in before.out
    said = hub("db", "maintain")
    assert said.code == 0
    assert "forgotten: 5 payloads" in said.out
    assert "1 kept because something open needs them" in said.out
    assert "nothing to do" in hub("db", "maintain").out

    traced = hub("trace", "1001", "--payloads")
    assert traced.code == 0
    assert "its payload is forgotten" in traced.out
    assert "request: forgotten after its time" in traced.out
    assert "exchanges: forgotten after its time" in traced.out
    view = hub("trace", "1001", "--json").json["traces"][0]
    assert view["message"]["forgotten"] == ["payload"]
    assert view["deliveries"][0]["forgotten"] == ["snapshot", "request"]
    assert "forgotten" not in hub("trace", "1002", "--payloads").out  # it lies on the exceptions desk
    refused = hub("replay", "message", "1")
    assert refused.code == 1
    assert "ARC-FORGOTTEN" in refused.err
    assert "hub poll" in refused.err
    assert hub("trace", "1001", "--lineage", "").code == 0
    assert hub("replay", "delivery", "1").code == 0
    assert hub("replay", "message", "2").code == 0


def test_what_the_archive_holds(hub, company, database_url, monkeypatch, tell):
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    Store.open(database_url).close()
    assert "the archive is empty" in hub("db", "archive").out
    tell(database_url)
    found = hub("db", "archive", "--json").json
    assert [one["days"] for one in found["shelves"]] == [30]
    assert found["shelves"][0]["bytes"] > 0
    assert found["rooms"][0]["keeper"] == "all"
    assert hub("db", "archive").code == 0


def test_a_budget_is_watched_and_told(hub, company, database_url, monkeypatch):
    from hub.store import NewMessage

    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    text = (company / "hub.yaml").read_text().replace("  shop:\n", "  shop:\n    budget: 1 kB\n")
    (company / "hub.yaml").write_text(text, encoding="utf-8")
    project = load(company)
    assert project.connections["shop"].budget == 1000
    store = Store.open(project.database)
    watch = ArchiveWatch(store, project)

    def fill(name: str, size: int) -> None:
        store.accept([NewMessage("shop", "order", name, name, os.urandom(size))])
        watch.look()

    fill("a", 300)
    assert not watch.full("shop")
    fill("b", 300)
    assert not watch.full("shop")
    assert not watch.full("erp")
    fill("c", 900)
    assert watch.full("shop")
    assert not watch.full("erp")
    store.close()
    said = {one["name"]: one for one in hub("doctor", "--json").json["diagnoses"] if one["area"] == "archive"}
    assert said["connection shop"]["verdict"] == "error"
    assert "object store" in said["connection shop"]["fix"]
    assert said["all payloads"]["verdict"] == "ok"
    status = hub("status")
    assert "payloads of connection shop" in status.out
    assert "full" in hub("db", "archive").out
    rooms = {one["keeper"]: one for one in hub("status", "--json").json["archive"]}
    assert rooms["shop"]["state"] == "full"
    assert rooms["shop"]["bytes"] > 2000


@pytest.mark.parametrize("place", ["folder", "s3"])
def test_older_payloads_move_to_an_object_store(hub, old, place, request, monkeypatch):
    file = old / "hub.yaml"
    if place == "folder":
        store = "store: archive"
    else:
        monkeypatch.setenv("S3_SECRET", "canary-secret-4711")
        url = request.getfixturevalue("s3_server")
        store = f"store: {{url: 's3://hub/{uuid.uuid4().hex}', endpoint: '{url}', region: us-east-1, access_key: key, "
        store += "secret_key: '${secret:S3_SECRET}'}"
    file.write_text(f"{file.read_text()}archive:\n  keep: 90d\n  {store}\n", encoding="utf-8")
    assert hub("check").code == 0
    said = {one["name"]: one for one in hub("doctor", "--json").json["diagnoses"] if one["area"] == "archive"}
    assert said["object store"]["verdict"] == "ok"
    # a story that is 40 days old and kept for 30 goes; one that is kept for longer moves
    with_more = load(old).database
    opened = Store.open(with_more)
    opened.database.transact(lambda connection: _keep_for_90(opened.database, connection))
    opened.close()
    before = hub("trace", "1001", "--json").json["traces"]
    assert "would move to the object store: 4 payloads" in hub("db", "maintain", "--dry-run").out
    done = hub("db", "maintain", "--json").json
    assert [(one["payloads"], one["packs"]) for one in done["moved"]] == [(4, 1)]
    assert hub("trace", "1001", "--json").json["traces"] == before
    assert hub("db", "archive", "--json").json["shelves"][0]["moved"] > 0
    assert hub("trace", "1001", "--lineage", "").code == 0
    # the store is away
    file.write_text(
        file.read_text().replace("store: archive", "store: s3://hub/x").replace("endpoint: '", "endpoint: 'x")
    )
    monkeypatch.setenv("AWS_ENDPOINT", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_ALLOW_HTTP", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    traced = hub("trace", "1001", "--payloads")
    assert traced.code == 0
    assert "in the object store, which does not give it now" in traced.out
    refused = hub("replay", "message", "1")
    assert (refused.code, "ARC-DOWN" in refused.err) == (1, True)
    assert "canary-secret" not in refused.err
    said = {one["name"]: one for one in hub("doctor", "--json").json["diagnoses"] if one["area"] == "archive"}
    assert said["object store"]["verdict"] == "error"


def _keep_for_90(database, connection):
    from hub.store import shelves

    (shelf,) = shelves.all_of(database, connection)
    longer = shelves.Shelf(shelf.day, 90)
    shelves.make(database, connection, longer)
    database.run(connection, f"UPDATE payload SET shelf = {longer.number} WHERE shelf = {shelf.number}")
