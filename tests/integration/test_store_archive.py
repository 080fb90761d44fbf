"""The payload archive: shelves, what is forgotten after its time, and what is kept all the same. Both databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from hub.errors import StoreError
from hub.store import (
    AttemptMade,
    Finished,
    Frozen,
    Keeping,
    NewDelivery,
    NewMessage,
    Record,
    Settlement,
    Step,
    Store,
    Trouble,
    flow_keeper,
)  # fmt: skip
from hub.store import shelves as shelving
from hub.store.archive import sha_of
from hub.store.shelves import Shelf

DAY = 86_400
TODAY = 20_717


class Clock:
    """A clock that tests turn."""

    time = float(TODAY * DAY + 7200)

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(open_store: Callable[..., Store], clock: Clock) -> Store:
    return open_store(clock=clock)


def shelves_of(store: Store) -> list[Shelf]:
    with store.reading() as work:
        return [shelf for shelf in shelving.all_of(store.database, work.connection) if _count(store, shelf)]


def _count(store: Store, shelf: Shelf) -> int:
    with store.reading() as work:
        statement = "SELECT count(*) FROM payload WHERE shelf = ?"
        return int(store.database.rows(work.connection, statement, shelf.number)[0][0])


def take(store: Store, name: str, connection: str = "shop") -> int:
    body = json.dumps({"name": name, "text": "x" * 50}).encode()
    return store.accept([NewMessage(connection, "order", name, f"d {name}", body)])[0].id


def deliver(store: Store, *, flow: str = "orders", trouble: bool = False) -> None:
    """Work everything off that is due, from the message to the attempt, with a payload at every step."""
    for message in store.claim_messages():
        body = b'{"canonical": "%d"}' % message.id
        record = Record(f"ord_{message.id}", "order", 1, body, sha_of(body), None, False, message.connection)
        new = NewDelivery(flow, "erp", record.id, "order", "order", "upsert", record.id, 1, record.sha)
        step = Step("translate", "ok", before=message.payload, after=body)
        store.finish_messages(
            [Finished(message.id, message.epoch, "done", records=[record], deliveries=[new], steps=[step])]
        )
    for one in store.claim_deliveries("erp"):
        store.freeze_requests([Frozen(one.id, one.epoch, b'{"request": %d}' % one.id, f"k{one.id}")])
        made = AttemptMade(1.0, 2.0, "done", exchanges=b'[{"status": 200, "delivery": %d}]' % one.id)
        end = "failed" if trouble else "done"
        said = Trouble("CON-REJECTED", "no") if trouble else None
        store.settle_deliveries(
            [Settlement(one.id, one.message_id, one.epoch, end, "CON-REJECTED" if trouble else "", trouble=said, attempt=made)]
        )  # fmt: skip


def bodies(store: Store, message_id: int) -> list[object]:
    view = store.trace(message_id)
    found = [view.message["payload_body"]]
    found += [step[f"{side}_body"] for step in view.steps for side in ("before", "after") if step[side]]
    for one in view.deliveries:
        found += [one["snapshot_body"], one["request_body"], *(made["exchanges_body"] for made in one["attempts"])]
    return found


def test_a_shelf_is_a_day_and_the_days_it_is_kept(store: Store, clock: Clock) -> None:
    take(store, "a")
    store.keep_payloads(Keeping(7, {"erp": 90}))
    take(store, "b")
    take(store, "c", "erp")
    clock.time += DAY
    take(store, "d")
    assert shelves_of(store) == [Shelf(TODAY, 7), Shelf(TODAY, 30), Shelf(TODAY, 90), Shelf(TODAY + 1, 7)]
    assert all(None not in bodies(store, number) for number in (1, 2, 3, 4))


def test_what_a_delivery_writes_is_kept_as_long_as_its_flow_says(store: Store) -> None:
    store.keep_payloads(Keeping(7, {"shop": 90, flow_keeper("orders"): 30}))
    take(store, "a")
    deliver(store)
    counts = {shelf.keep: _count(store, shelf) for shelf in shelves_of(store)}
    assert counts == {90: 2, 30: 2}  # payload and record of the message; request and exchanges of the delivery


def test_payloads_go_after_their_time(store: Store, clock: Clock) -> None:
    store.keep_payloads(Keeping(30, {flow_keeper("orders"): 7}))
    take(store, "a")
    deliver(store)
    clock.time += 7 * DAY
    assert store.maintain().dropped == ()
    clock.time += DAY
    would = store.maintain(dry_run=True)
    assert [(one.shelf, one.payloads, one.kept) for one in would.dropped] == [(Shelf(TODAY, 7), 2, 0)]
    assert None not in bodies(store, 1)
    assert [one.shelf for one in store.maintain().dropped if one.payloads] == [Shelf(TODAY, 7)]
    view = store.trace(1)
    assert view.deliveries[0]["request_body"] is None
    assert view.deliveries[0]["attempts"][0]["exchanges_body"] is None
    assert view.message["payload_body"]["name"] == "a"
    clock.time += 30 * DAY
    assert [one.shelf for one in store.maintain().dropped if one.payloads] == [Shelf(TODAY, 30)]
    assert set(bodies(store, 1)) == {None}
    assert store.maintain().dropped == ()
    with pytest.raises(StoreError) as refused:
        store.replay_message(1)
    assert "forgotten" in refused.value.message
    assert refused.value.fix


def test_what_is_not_finished_or_on_the_desk_is_kept(store: Store, clock: Clock) -> None:
    take(store, "on the desk")
    deliver(store, trouble=True)
    take(store, "finished")
    deliver(store)
    take(store, "in flight")
    message = store.claim_messages()[0]
    record = Record("ord_x", "order", 1, b'{"n": 3}', sha_of(b'{"n": 3}'), None, False, "shop")
    new = NewDelivery("orders", "erp", "x", "order", "order", "upsert", "ord_x", 1, record.sha)
    store.finish_messages([Finished(message.id, message.epoch, "done", records=[record], deliveries=[new])])
    take(store, "not begun")
    before = {number: bodies(store, number) for number in (1, 3, 4)}
    clock.time += 31 * DAY
    (dropped,) = store.maintain().dropped
    assert (dropped.payloads, dropped.kept) == (11, 7)
    assert {number: bodies(store, number) for number in (1, 3, 4)} == before
    assert set(bodies(store, 2)) == {None}
    assert shelves_of(store) == [Shelf(TODAY + 31, 30)]
    # the desk is cleared, the rest is worked off: now they go, too
    store.release([one["id"] for one in store.exceptions()])
    deliver(store)
    clock.time += 31 * DAY
    store.maintain()
    assert all(set(bodies(store, number)) == {None} for number in (1, 2, 3))


def test_the_days_to_come_are_made_ahead(store: Store) -> None:
    if store.database.is_sqlite:
        assert store.maintain().made == ()
        return
    store.keep_payloads(Keeping(30, {"shop": 90}))
    made = store.maintain().made
    assert {(shelf.day, shelf.keep) for shelf in made} == {(TODAY + n, keep) for n in range(8) for keep in (30, 90)}
    assert store.maintain().made == ()


def test_a_deleted_shelf_is_emptied_in_small_steps(store: Store, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.store.retention._CHUNK", 3)
    for number in range(10):
        take(store, str(number))
    clock.time += 40 * DAY
    (dropped,) = store.maintain().dropped
    assert (dropped.payloads, dropped.kept) == (10, 10)
    assert shelves_of(store) == [Shelf(TODAY + 40, 30)]


@pytest.mark.postgres
def test_a_reader_is_not_waited_for(postgres_url: str, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.store.retention._PATIENCE", "20ms")
    store = Store.open(postgres_url, clock=clock)
    take(store, "a")
    deliver(store)
    clock.time += 31 * DAY
    with store.database.snapshot() as connection:
        store.database.rows(connection, "SELECT count(*) FROM payload")
        assert store.maintain().busy == (Shelf(TODAY, 30),)
        take(store, "b")  # nobody is held up
    assert store.maintain().busy == ()
    assert shelves_of(store) == [Shelf(TODAY + 31, 30)]
    store.close()


def test_a_clock_that_went_forward_and_back_costs_nothing(store: Store, clock: Clock) -> None:
    take(store, "a")
    clock.time += 40 * DAY
    store.maintain()  # drops the shelf of the day on which the clock will be again
    clock.time -= 40 * DAY
    take(store, "b")
    assert [bodies(store, number)[0]["name"] for number in (1, 2)] == ["a", "b"]


@pytest.mark.postgres
def test_two_processes_meet_a_new_day_together(postgres_url: str, clock: Clock) -> None:
    from concurrent.futures import ThreadPoolExecutor

    stores = [Store.open(postgres_url, clock=clock) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        for day in range(5):
            clock.time += DAY
            list(pool.map(take, stores, [f"{day} {number}" for number in range(4)]))
        clock.time += 3 * DAY  # and maintenance makes its shelves just then
        jobs = [pool.submit(stores[0].maintain), *(pool.submit(take, store, f"m {store}") for store in stores[1:])]
        assert all(job.result() is not None for job in jobs)
    assert len(shelves_of(stores[0])) == 6
    assert stores[0].conservation().in_ == 23
    for store in stores:
        store.close()


def test_payloads_of_an_earlier_version_move_onto_shelves(database_url: str) -> None:
    """Up from version 0002 with data, and down again."""
    from alembic import command
    from alembic.config import Config

    from hub.store import migrate

    def go(version: str) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrate.__file__).parent / "migrations"))
        with store.database.write() as connection:
            config.attributes["connection"] = connection
            (command.upgrade if version == "head" else command.downgrade)(config, version)
            if version != "head":
                connection.execute(
                    sa.text(
                        "INSERT INTO payload (sha, day, size, body) SELECT 'old', 20000, 3, body FROM payload LIMIT 1"
                    )
                )

    store = Store.open(database_url, clock=Clock())
    try:
        take(store, "a")
        before = bodies(store, 1)
        go("0002")
        with store.reading() as work:
            days = store.database.rows(work.connection, "SELECT DISTINCT day FROM payload ORDER BY day")
            assert [row[0] for row in days] == [20000, TODAY]
        go("head")
        assert bodies(store, 1) == before
        assert shelves_of(store) == [Shelf(20000, 30), Shelf(TODAY, 30)]
        assert store.payloads(["old"])["old"]
    finally:
        store.close()
