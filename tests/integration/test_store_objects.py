"""Older payloads move to an object store: a folder, and a real S3 server over HTTP. Both databases."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from hub.errors import StoreError
from hub.store import NewMessage, Objects, Store
from hub.store import shelves as shelving
from hub.store.shelves import Shelf
from tests.integration.test_store_archive import DAY, TODAY, Clock, bodies, deliver, take


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["folder", "s3"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "folder":
        return Objects(f"file://{tmp_path}/archive", "acme")
    url = request.getfixturevalue("s3_server")
    return Objects(
        f"s3://hub/{uuid.uuid4().hex}", "acme", endpoint=url, region="us-east-1", access_key="key", secret_key="secret-key"
    )  # fmt: skip


@pytest.fixture
def store(open_store: Callable[..., Store], clock: Clock, objects: Objects) -> Store:
    store = open_store(clock=clock)
    store.use_objects(objects)
    return store


def in_database(store: Store) -> dict[int, int]:
    """Bytes of bodies that are in the database, by day."""
    with store.reading() as work:
        statement = "SELECT shelf, COALESCE(sum(length(body)), 0) AS size FROM payload GROUP BY shelf"
        return {
            Shelf.of(row.shelf).day: int(row.size)
            for row in store.database.rows(work.connection, statement)
            if row.size
        }


def packs(store: Store) -> set[str]:
    with store.reading() as work:
        rows = store.database.rows(work.connection, "SELECT DISTINCT pack FROM payload WHERE pack IS NOT NULL")
        return {row[0] for row in rows}


def lying(objects: Objects, shelf: Shelf) -> set[str]:
    return set(objects._names(shelf))


def test_old_days_move_and_are_read_as_before(store: Store, clock: Clock, objects: Objects) -> None:
    for name in ("a", "b", "c"):
        take(store, name)
    deliver(store)
    before = {number: store.trace(number) for number in (1, 2, 3)}
    clock.time += 2 * DAY
    assert store.maintain().moved == ()
    clock.time += DAY
    would = store.maintain(dry_run=True)
    assert [(one.shelf, one.payloads) for one in would.moved] == [(Shelf(TODAY, 30), 12)]
    (moved,) = store.maintain().moved
    assert (moved.shelf, moved.payloads, moved.packs) == (Shelf(TODAY, 30), 12, 1)
    assert in_database(store) == {}
    assert lying(objects, moved.shelf) == packs(store)
    assert {number: store.trace(number) for number in (1, 2, 3)} == before
    assert store.maintain().moved == ()
    assert store.archive_shelves()[0].moved == moved.bytes
    new = store.replay_message(1)
    assert bodies(store, new)[0] == bodies(store, 1)[0]
    clock.time += 30 * DAY  # its time is over: the rows go, and the packs with them
    store.maintain()
    assert lying(objects, moved.shelf) == set()
    assert set(bodies(store, 2)) == {None}
    assert store.trace(2).message["forgotten"] == ["payload"]


def test_what_is_open_stays_in_the_database_and_works_without_the_store(
    store: Store, clock: Clock, tmp_path: Path
) -> None:
    take(store, "done")
    deliver(store)
    take(store, "on the desk")
    deliver(store, trouble=True)
    take(store, "not begun")
    clock.time += 3 * DAY
    (moved,) = store.maintain().moved
    assert moved.payloads == 4
    nothing = Objects(
        "s3://hub/x", "acme", endpoint="http://127.0.0.1:1", region="x", access_key="key", secret_key="no"
    )
    store.use_objects(nothing)
    assert [message.body for message in store.claim_messages()] == [
        json.dumps({"name": "not begun", "text": "x" * 50}).encode()
    ]
    store.release([one["id"] for one in store.exceptions()])
    assert len(store.claim_deliveries("erp")) == 1
    view = store.trace(1)
    assert view.message["payload_body"] is None
    assert view.message["unreachable"] == ["payload"]
    assert "forgotten" not in view.message
    for call in (lambda: store.replay_message(1), lambda: store.payloads([view.message["payload"]])):
        with pytest.raises(StoreError) as down:
            call()
        assert down.value.code == "ARC-DOWN"
        assert down.value.fix


def test_a_store_that_is_away_holds_up_nothing_else(store: Store, clock: Clock, objects: Objects) -> None:
    take(store, "old")
    deliver(store)
    clock.time += 29 * DAY
    take(store, "newer")
    deliver(store)
    clock.time += 3 * DAY
    store.use_objects(
        Objects("s3://hub/x", "acme", endpoint="http://127.0.0.1:1", region="x", access_key="key", secret_key="no")
    )
    with pytest.raises(StoreError) as down:
        store.maintain()
    assert down.value.code == "ARC-DOWN"
    assert set(bodies(store, 1)) == {None}  # forgotten all the same
    assert None not in bodies(store, 2)
    store.use_objects(objects)
    assert [one.payloads for one in store.maintain().moved] == [4]
    assert None not in bodies(store, 2)


def test_a_run_that_ends_in_the_middle_loses_nothing(
    store: Store, clock: Clock, objects: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.store.moving.PACK_PAYLOADS", 5)
    for name in "abcdef":
        take(store, name)
    deliver(store)
    before = {number: bodies(store, number) for number in range(1, 7)}
    clock.time += 3 * DAY
    real, calls = Objects.put, []

    def put(self: Objects, shelf: Shelf, pack: bytes) -> str:
        name = real(self, shelf, pack)
        calls.append(name)
        if len(calls) == 3:
            raise KeyboardInterrupt  # after the pack is there, and before any row points into it
        return name

    with monkeypatch.context() as patched:
        patched.setattr(Objects, "put", put)
        with pytest.raises(KeyboardInterrupt):
            store.maintain()
    assert {number: bodies(store, number) for number in range(1, 7)} == before
    objects.put(Shelf(TODAY, 30), b"left by somebody")
    (moved,) = store.maintain().moved
    assert (moved.payloads, in_database(store)) == (24, {})
    assert {number: bodies(store, number) for number in range(1, 7)} == before
    assert lying(objects, Shelf(TODAY, 30)) == packs(store)  # and nothing is left over


def test_what_is_opened_again_is_brought_back_before_its_day_goes(store: Store, clock: Clock, objects: Objects) -> None:
    take(store, "a")
    deliver(store)
    take(store, "b")
    deliver(store)
    before = bodies(store, 1)
    clock.time += 3 * DAY
    store.maintain()
    store.replay_delivery(1)
    clock.time += 28 * DAY
    nothing = Objects(
        "s3://hub/x", "acme", endpoint="http://127.0.0.1:1", region="x", access_key="key", secret_key="no"
    )
    store.use_objects(nothing)
    with pytest.raises(StoreError):
        store.maintain()
    store.use_objects(objects)  # nothing was dropped while it could not be brought back
    assert store.maintain().dropped != ()
    assert [body for body in bodies(store, 1) if body is not None] == [
        body for body in before if body != {"request": 1}
    ]  # the request is made anew by a replay
    assert set(bodies(store, 2)) == {None}
    assert lying(objects, Shelf(TODAY, 30)) == set()


def test_packs_of_a_forgotten_day_are_swept(store: Store, clock: Clock, objects: Objects) -> None:
    old, live = Shelf(TODAY - 40, 30), Shelf(TODAY - 3, 30)
    objects.put(old, b"left behind when a hub was killed")
    objects.put(live, b"its day is not over")
    store.maintain()
    assert lying(objects, old) == set()
    assert len(lying(objects, live)) == 1


def test_a_damaged_or_lost_pack_is_told_and_never_believed(
    open_store: Callable[..., Store], clock: Clock, tmp_path: Path
) -> None:
    store = open_store(clock=clock)
    store.use_objects(Objects(f"file://{tmp_path}/archive", "acme"))
    for number in range(20):
        store.accept([NewMessage("shop", "order", str(number), str(number), json.dumps({"n": number}).encode() * 9)])
    deliver(store)
    clock.time += 3 * DAY
    store.maintain()
    (pack,) = packs(store)
    file = tmp_path / "archive" / "acme" / pack
    data = bytearray(file.read_bytes())
    for at in range(20, len(data)):
        data[at] ^= 0xFF
    file.write_bytes(data)
    sha = store.trace(1).message["payload"]
    with pytest.raises(StoreError) as damaged:
        store.payloads([sha])
    assert damaged.value.code == "ARC-DAMAGED"
    file.unlink()
    with pytest.raises(StoreError) as lost:
        store.payloads([sha])
    assert lost.value.code == "ARC-LOST"
    assert store.trace(1).message["unreachable"] == ["payload"]


@pytest.mark.parametrize("name", ["2026-11-28_keep_30", "2026-13-01_keep_30", "x", "2026-11-28_keep_300000"])
def test_only_names_of_shelves_are_shelves(name: str) -> None:
    shelf = Shelf.named(name)
    assert (shelf is not None) == (name == "2026-11-28_keep_30")
    assert shelf is None or shelf.folder == name
    assert shelving.DAY == DAY


def test_a_wrong_bucket_and_wrong_keys_are_said_in_a_sentence(s3_server: str) -> None:
    for objects in (
        Objects(
            "s3://nowhere/x", "acme", endpoint=s3_server, region="us-east-1", access_key="key", secret_key="secret-key"
        ),
        Objects(
            "s3://hub/x", "acme", endpoint="http://127.0.0.1:1", region="x", access_key="key", secret_key="secret-key"
        ),
    ):
        with pytest.raises(StoreError) as refused:
            objects.check()
        assert refused.value.code == "ARC-DOWN"
        assert "secret-key" not in str(refused.value) + repr(objects)
