"""Messages come in once each, in order, and are claimed by one worker at a time."""

from __future__ import annotations

import threading

import pytest

from hub.store import Accepted, CursorMove, Finished, NewMessage, Step, Store, Trouble, Wait


def order(number: int, version: int = 1, **more: object) -> NewMessage:
    body = f'{{"id": {number}, "version": {version}}}'.encode()
    return NewMessage("shop", "order", f"o{number}", f"order/{number}@{version}", body, **more)  # type: ignore[arg-type]


def test_a_repeated_fact_is_stored_once_and_counted(store: Store) -> None:
    first = store.accept([order(1), order(2)])
    again = store.accept([order(2), order(3), order(3)])
    assert [answer.duplicate for answer in first + again] == [False, False, True, False, True]
    assert again[0].id == first[1].id
    assert again[2].id == again[1].id
    assert store.conservation().in_ == 3
    assert store.conservation().duplicates == 2
    assert [step["code"] for step in store.trace(first[1].id).steps] == ["", "DUP-EVENT"]


def test_the_same_key_of_two_connections_is_two_facts(store: Store) -> None:
    other = NewMessage("erp", "order", "o1", "order/1@1", b"{}")
    assert [answer.duplicate for answer in store.accept([order(1), other])] == [False, False]


def test_the_cursor_moves_with_the_page_or_not_at_all(store: Store) -> None:
    assert store.cursor("shop", "order") is None
    store.accept([order(1)], CursorMove("shop", "order", {"since": "2026-01-01"}))
    store.accept([], CursorMove("shop", "order", {"since": "2026-01-02"}))
    assert store.cursor("shop", "order") == {"since": "2026-01-02"}
    with pytest.raises(TypeError):  # what cannot be stored takes the whole page with it
        store.accept([order(2)], CursorMove("shop", "order", {"since": object()}))
    assert store.cursor("shop", "order") == {"since": "2026-01-02"}
    assert store.conservation().in_ == 1


def test_what_is_authentic_but_unusable_is_kept_as_an_exception(store: Store) -> None:
    bad = NewMessage("shop", "", "", "sha:1", b"\xff\x00not json", refused=("IN-UNUSABLE", "the body is not UTF-8"))
    (answer,) = store.accept([bad])
    assert store.claim_messages() == []
    (trouble,) = store.exceptions()
    assert (trouble["code"], trouble["message_id"]) == ("IN-UNUSABLE", answer.id)
    assert store.payloads([store.trace(answer.id).message["payload"]]).popitem()[1] == b"\xff\x00not json"
    assert store.conservation().exceptions == 1


def test_only_the_first_message_of_an_object_is_claimed(store: Store) -> None:
    ids = [answer.id for answer in store.accept([order(1, 1), order(1, 2), order(2, 1)])]
    first = store.claim_messages(owner="a")
    assert [message.id for message in first] == [ids[0], ids[2]]
    assert first[0].body == b'{"id": 1, "version": 1}'
    assert store.claim_messages(owner="b") == []
    store.finish_messages([Finished(first[0].id, first[0].epoch, "done")])
    assert [message.id for message in store.claim_messages(owner="b")] == [ids[1]]


def test_a_worker_that_lost_its_lease_changes_nothing(store: Store) -> None:
    store.accept([order(1)])
    (slow,) = store.claim_messages(lease=-1, owner="slow")
    assert store.reap().messages == 1
    (quick,) = store.claim_messages(owner="quick")
    assert quick.epoch == slow.epoch + 1
    store.finish_messages([Finished(slow.id, slow.epoch, "filtered", steps=[Step("late", "ok")])])
    assert store.find_messages()[0]["state"] == "leased"
    store.finish_messages([Finished(quick.id, quick.epoch, "done")])
    assert store.find_messages()[0]["state"] == "done"
    assert "late" not in [step["name"] for step in store.trace(quick.id).steps]


def test_the_third_crash_parks_a_message(store: Store) -> None:
    store.accept([order(1)])
    for _ in range(3):
        assert len(store.claim_messages(lease=-1)) == 1
        store.reap()
    assert store.claim_messages() == []
    assert [trouble["code"] for trouble in store.exceptions()] == ["HUB-WORKER-CRASH"]


def test_a_release_tries_again_and_a_resolve_does_not(store: Store) -> None:
    ids = [answer.id for answer in store.accept([order(1), order(2)])]
    for message in store.claim_messages():
        store.finish_messages(
            [Finished(message.id, message.epoch, "exception", "MAP-TYPE", trouble=Trouble("MAP-TYPE"))]
        )
    first, second = store.exceptions()
    assert store.release([first["id"]], by="ann", note="mapping mended") == {""}
    assert store.release([first["id"]]) == frozenset()
    assert store.resolve([second["id"]], by="ann") == 1
    assert store.exceptions() == []
    assert [message.id for message in store.claim_messages()] == [ids[0]]


def test_a_message_waits_for_a_link_and_then_gives_up(store: Store) -> None:
    store.accept([order(1), order(2)])
    waits = [Wait("customer", "shop", "c1", "external")]
    batch = store.claim_messages()
    store.finish_messages([
        Finished(batch[0].id, batch[0].epoch, "waiting", waits=waits, wait_for=3600),
        Finished(batch[1].id, batch[1].epoch, "waiting", waits=[Wait("variant", "shop", "VALVE", "natural")], wait_for=-1),
    ])  # fmt: skip
    assert store.claim_messages() == []
    assert store.reap().waits_over == 1
    (trouble,) = store.exceptions()
    assert (trouble["code"], trouble["detail"]) == ("XREF-MISSING", "variant VALVE is not known at shop")
    from hub.store import Link

    assert store.bind_links([Link("customer", "shop", "c1", "cus_1")]) == {""}
    assert [message.id for message in store.claim_messages()] == [batch[0].id]


def test_a_wait_whose_link_came_meanwhile_is_over_at_once(store: Store) -> None:
    from hub.store import Link

    store.accept([order(1)])
    (message,) = store.claim_messages()
    store.bind_links([Link("customer", "shop", "c1", "cus_1")])
    done = Finished(
        message.id, message.epoch, "waiting", waits=[Wait("customer", "shop", "c1", "external")], wait_for=60
    )
    assert store.finish_messages([done]) == {""}
    assert len(store.claim_messages()) == 1


def test_replaying_a_message_makes_a_new_one_that_names_its_cause(store: Store) -> None:
    (first,) = store.accept([order(1)])
    again = store.replay_message(first.id, by="ann")
    view = store.trace(again)
    assert (view.message["causation_id"], view.message["correlation_id"]) == (first.id, first.id)
    assert view.message["payload_body"] == {"id": 1, "version": 1}
    assert [message["id"] for message in view.related] == [first.id]


def test_many_receivers_accept_the_same_facts_once(store: Store) -> None:
    """Eight threads send the same 100 facts in different order: each is stored once, and everyone is answered."""
    answers: list[list[Accepted]] = []
    faults: list[BaseException] = []

    def send(seed: int) -> None:
        try:
            for start in range(0, 100, 20):
                numbers = [(start + seed * 7 + step * 13) % 100 for step in range(20)]
                answers.append(store.accept([order(number) for number in numbers]))
        except BaseException as error:
            faults.append(error)

    threads = [threading.Thread(target=send, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not faults
    stored = store.conservation()
    fresh = sum(not answer.duplicate for batch in answers for answer in batch)
    assert fresh == stored.in_
    assert stored.duplicates == 8 * 100 - fresh


def test_many_workers_claim_each_message_once(store: Store) -> None:
    store.accept([order(number) for number in range(200)])
    claimed: list[int] = []
    lock = threading.Lock()

    def work(name: str) -> None:
        while batch := store.claim_messages(limit=7, owner=name):
            store.finish_messages([Finished(message.id, message.epoch, "done") for message in batch])
            with lock:
                claimed.extend(message.id for message in batch)

    threads = [threading.Thread(target=work, args=(f"w{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(claimed) == sorted(set(claimed))
    # a worker may find everything locked by the others and stop early; nothing is left for ever
    while batch := store.claim_messages(limit=50):
        claimed.extend(message.id for message in batch)
    assert len(claimed) == 200


def test_personal_data_and_hostile_text_do_not_break_the_store(store: Store) -> None:
    nasty = "a\x00b\ud800'; DROP TABLE message;--%s?"
    (answer,) = store.accept(
        [NewMessage("shop", "order", nasty, "d1", b"{}", topic=nasty, search_keys=[("order", nasty)])]
    )
    assert store.trace(answer.id).message["external_id"].startswith("a\N{REPLACEMENT CHARACTER}b")
    assert (
        len(store.find_messages(value=nasty.replace("\x00", "\N{REPLACEMENT CHARACTER}").replace("\ud800", "?"))) == 1
    )
