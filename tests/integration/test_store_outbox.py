"""Deliveries go out in the order of their lanes, by one worker at a time, and nothing is sent again without a look-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from hub.store import (
    AttemptMade,
    ClaimedDelivery,
    Finished,
    Frozen,
    Link,
    NewDelivery,
    NewMessage,
    Record,
    Settlement,
    Store,
    Trouble,
    Wait,
)
from hub.store.archive import sha_of


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(open_store: Callable[..., Store], clock: Clock) -> Store:
    store = open_store(clock=clock)
    store.register_connections(["erp", "shop"])
    return store


def put(
    store: Store, number: int, version: int = 1, *, carries: bool = False, target: str = "erp", lane: str = ""
) -> int:
    """One change of record ``number``, on its way to ``target``. Returns the message's id."""
    (answer,) = store.accept([NewMessage("shop", "order", f"o{number}", f"{number}@{version}@{target}", b"{}")])
    (message,) = [one for one in store.claim_messages() if one.id == answer.id]
    body = f'{{"number": "{number}", "version": {version}}}'.encode()
    record = Record(f"ord_{number}", "order", version, body, sha_of(body), None, False, "shop")
    new = NewDelivery(
        "f", target, lane or record.id, "order", "order", "upsert", record.id, version, record.sha, state_carrying=carries
    )  # fmt: skip
    store.finish_messages([Finished(message.id, message.epoch, "done", records=[record], deliveries=[new])])
    return answer.id


def frozen(store: Store, one: ClaimedDelivery) -> bool:
    return one.id in store.freeze_requests([Frozen(one.id, one.epoch, b'{"a": 1}', f"key-{one.id}")])


def settled(one: ClaimedDelivery, state: str = "done", **more: object) -> Settlement:
    return Settlement(one.id, one.message_id, one.epoch, state, **more)  # type: ignore[arg-type]


def test_only_the_head_of_a_lane_is_claimed(hub: Store) -> None:
    put(hub, 1), put(hub, 1, 2), put(hub, 2)
    first = hub.claim_deliveries("erp", owner="a")
    assert [(one.record_id, one.record_version) for one in first] == [("ord_1", 1), ("ord_2", 1)]
    assert first[0].body == b'{"number": "1", "version": 1}'
    assert hub.claim_deliveries("erp", owner="b") == []
    result = hub.settle_deliveries([settled(first[0])])
    assert (result.written, result.fenced, result.targets) == ({first[0].id}, set(), {"erp"})
    (second,) = hub.claim_deliveries("erp", owner="b")
    assert (second.record_version, second.attempt, second.epoch) == (2, 1, 1)


def test_a_retry_holds_its_lane_and_no_other(hub: Store, clock: Clock) -> None:
    put(hub, 1), put(hub, 1, 2), put(hub, 2)
    one, two = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "pending", due_in=10.0, reason="CON-DOWN"), settled(two)])
    assert hub.claim_deliveries("erp") == []
    assert hub.next_due() == pytest.approx(0.0)  # the second version is due, but waits for the first
    clock.time += 11
    (again,) = hub.claim_deliveries("erp")
    assert (again.id, again.attempt, again.failures) == (one.id, 2, 1)


def test_a_failed_delivery_lets_the_next_of_its_lane_go(hub: Store) -> None:
    put(hub, 1), put(hub, 1, 2)
    (one,) = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "failed", reason="CON-REJECTED", trouble=Trouble("CON-REJECTED", "no"))])
    assert [next_one.record_version for next_one in hub.claim_deliveries("erp")] == [2]
    assert hub.conservation().exceptions == 1


def test_the_outcome_of_a_lost_lease_is_fenced(hub: Store, clock: Clock) -> None:
    message = put(hub, 1)
    (slow,) = hub.claim_deliveries("erp", lease=60, owner="slow")
    assert frozen(hub, slow)
    clock.time += 61
    assert hub.reap(settle=5).deliveries == 1
    clock.time += 6
    (quick,) = hub.claim_deliveries("erp", lease=60, owner="quick")
    assert (quick.epoch, quick.attempt, quick.maybe_sent, quick.request) == (slow.epoch + 1, 2, True, b'{"a": 1}')
    made = AttemptMade(1.0, 2.0, "done")
    result = hub.settle_deliveries([settled(slow, links=[Link("order", "erp", "77", "ord_1")], attempt=made)])
    assert (result.written, result.fenced) == (set(), {slow.id})
    assert hub.links_of([("ord_1", "erp")]) == {}
    assert not frozen(hub, slow)
    hub.settle_deliveries([settled(quick, attempt=made)])
    (delivery,) = hub.trace(message).deliveries
    assert delivery["state"] == "done"
    assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["crashed", "fenced", "done"]


def test_a_crash_before_the_request_was_frozen_sent_nothing(hub: Store, clock: Clock) -> None:
    put(hub, 1)
    hub.claim_deliveries("erp", lease=60)
    clock.time += 61
    hub.reap(settle=30)
    (again,) = hub.claim_deliveries("erp")
    assert not again.maybe_sent


def test_the_third_crash_is_an_exception_and_a_creation_in_doubt_is_released_as_it_was(
    hub: Store, clock: Clock
) -> None:
    put(hub, 1)
    for _ in range(3):
        (one,) = hub.claim_deliveries("erp", lease=60)
        frozen(hub, one)
        clock.time += 61
        hub.reap(settle=30 if one.crashes == 2 else 0)
    assert hub.claim_deliveries("erp") == []
    (trouble,) = hub.exceptions()
    assert (trouble["code"], trouble["target"]) == ("HUB-WORKER-CRASH", "erp")
    assert hub.release([trouble["id"]]) == {"erp"}
    assert hub.claim_deliveries("erp") == []  # the dead worker's call may yet take effect
    clock.time += 31
    (again,) = hub.claim_deliveries("erp")
    assert (again.crashes, again.generation, again.maybe_sent) == (0, 0, True)
    assert (again.request, again.idempotency_key) == (b'{"a": 1}', f"key-{again.id}")


def test_a_change_in_doubt_is_released_as_the_record_is_now(hub: Store) -> None:
    hub.bind_links([Link("order", "erp", "55", "ord_1")])
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp")
    frozen(hub, one)
    hub.settle_deliveries([settled(one, "failed", maybe_sent=True, trouble=Trouble("CON-RETRIES"))])
    hub.release([hub.exceptions()[0]["id"]])
    (again,) = hub.claim_deliveries("erp")
    assert (again.generation, again.maybe_sent, again.request, again.in_doubt_until) == (1, True, None, None)


def test_what_is_in_doubt_settles_anew_when_the_only_process_starts(hub: Store, clock: Clock) -> None:
    put(hub, 1), put(hub, 2)
    one, two = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "pending", due_in=30.0, maybe_sent=True), settled(two, "pending", due_in=5.0)])
    clock.time += 3600  # the computer's clock was set while the hub was down
    hub.recover(settle=30)
    assert [again.id for again in hub.claim_deliveries("erp")] == [two.id]
    clock.time += 31
    assert [again.id for again in hub.claim_deliveries("erp")] == [one.id]


def test_an_orderly_stop_counts_no_crash(hub: Store) -> None:
    put(hub, 1)
    hub.claim_deliveries("erp", owner="me")
    assert hub.give_back("me") == 1
    (again,) = hub.claim_deliveries("erp")
    assert (again.attempt, again.crashes, again.maybe_sent) == (1, 0, False)


def test_a_newer_state_takes_the_place_of_an_older_one(hub: Store) -> None:
    first = put(hub, 1, 1, carries=True)
    put(hub, 1, 2, carries=True)
    put(hub, 1, 3, carries=True)
    (only,) = hub.claim_deliveries("erp")
    assert only.record_version == 3
    (old,) = hub.trace(first).deliveries
    assert (old["state"], old["reason"]) == ("superseded", "SEQ-SUPERSEDED")
    hub.settle_deliveries([settled(only)])
    counts = hub.conservation()
    assert (counts.in_, counts.delivered, counts.superseded, counts.holds) == (3, 1, 2, True)


def test_an_update_that_events_wait_behind_keeps_its_place(hub: Store) -> None:
    put(hub, 1, 1, carries=True)
    put(hub, 2, 1, lane="ord_1")  # a shipment of the order
    put(hub, 1, 2, carries=True)
    put(hub, 1, 3, carries=True)
    sent = []
    while claimed := hub.claim_deliveries("erp"):
        (one,) = claimed
        sent.append((one.record_id, one.record_version))
        hub.settle_deliveries([settled(one)])
    assert sent == [("ord_1", 1), ("ord_2", 1), ("ord_1", 3)]


def test_events_are_never_skipped_nor_is_what_may_have_been_sent(hub: Store, clock: Clock) -> None:
    put(hub, 1, 1)
    put(hub, 1, 2)
    put(hub, 2, 1, carries=True)
    one, two = hub.claim_deliveries("erp")
    assert (one.record_version, two.record_id) == (1, "ord_2")
    hub.settle_deliveries([settled(two, "pending", due_in=5.0, maybe_sent=True)])
    put(hub, 2, 2, carries=True)
    clock.time += 6
    assert [other.record_version for other in hub.claim_deliveries("erp") if other.record_id == "ord_2"] == [1]


def test_a_delivery_waits_for_links_and_wakes(hub: Store, clock: Clock) -> None:
    put(hub, 1), put(hub, 2)
    one, two = hub.claim_deliveries("erp")
    hub.settle_deliveries([
        settled(one, "waiting", wait_for=3600.0, counts=False, waits=[Wait("customer", "erp", "cus_9", "record")]),
        settled(two, "waiting", wait_for=60.0, counts=False, waits=[Wait("variant", "erp", "VALVE", "natural")]),
    ])  # fmt: skip
    assert hub.claim_deliveries("erp") == []
    assert hub.bind_links([Link("customer", "erp", "5", "cus_9")]) == {"erp"}
    (awake,) = hub.claim_deliveries("erp")
    assert (awake.id, awake.failures, awake.wait_until) == (one.id, 0, pytest.approx(clock.time + 3600))
    clock.time += 61
    assert hub.reap().waits_over == 1
    assert hub.exceptions()[0]["code"] == "XREF-MISSING"
    assert hub.conservation().holds


def test_a_new_link_of_one_delivery_wakes_another(hub: Store) -> None:
    put(hub, 1), put(hub, 2)
    one, two = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "waiting", wait_for=60.0, waits=[Wait("order", "erp", "ord_2", "record")])])
    result = hub.settle_deliveries([settled(two, links=[Link("order", "erp", "55", "ord_2", applied_version=1)])])
    assert result.targets == {"erp"}
    (awake,) = hub.claim_deliveries("erp")
    assert awake.id == one.id


def test_a_claimed_delivery_knows_its_link(hub: Store) -> None:
    put(hub, 1)
    hub.bind_links([Link("order", "erp", "55", "ord_1", applied_version=1, vendor_version="v9")])
    (one,) = hub.claim_deliveries("erp")
    assert one.link is not None
    assert (one.link.external_id, one.link.applied_version, one.link.vendor_version) == ("55", 1, "v9")


def test_a_record_that_was_made_anew_there_gets_the_new_link(hub: Store) -> None:
    put(hub, 1)
    hub.bind_links([Link("order", "erp", "55", "ord_1")])
    hub.bind_links([Link("order", "erp", "56", "ord_1")])
    assert hub.links_of([("ord_1", "erp")])["ord_1", "erp"].external_id == "56"
    assert hub.links([("order", "erp", "55")]) == {}


def test_a_record_whose_earlier_delivery_failed_uncertain_is_in_doubt(hub: Store, clock: Clock) -> None:
    put(hub, 1), put(hub, 1, 2), put(hub, 2)
    one, other = hub.claim_deliveries("erp")
    hub.settle_deliveries(
        [settled(one, "failed", maybe_sent=True, due_in=30.0, trouble=Trouble("CON-OUTCOME")), settled(other)]
    )
    (two,) = hub.claim_deliveries("erp")
    assert (two.maybe_sent, two.in_doubt_until, other.in_doubt_until) == (False, clock.time + 30.0, None)
    hub.settle_deliveries([settled(two, "pending")])
    hub.release([hub.exceptions()[0]["id"]])  # whoever releases it has looked at the target
    clock.time += 31
    (again,) = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(again)])
    (two,) = hub.claim_deliveries("erp")
    assert (two.record_version, two.in_doubt_until) == (2, None)


def test_whoever_releases_an_unknown_outcome_has_looked(hub: Store) -> None:
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "failed", maybe_sent=True, trouble=Trouble("CON-OUTCOME"))])
    hub.release([hub.exceptions()[0]["id"]])
    (again,) = hub.claim_deliveries("erp")
    assert not again.maybe_sent


def test_a_release_sends_the_record_as_it_is_now(hub: Store) -> None:
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(one, "failed", trouble=Trouble("CON-REJECTED"))])
    put(hub, 1, 2)
    (two,) = hub.claim_deliveries("erp")
    hub.settle_deliveries([settled(two)])
    hub.release([hub.exceptions()[0]["id"]])
    (again,) = hub.claim_deliveries("erp")
    assert (again.id, again.record_version, again.body) == (one.id, 2, b'{"number": "1", "version": 2}')


def test_replaying_a_delivery_renders_it_anew(hub: Store) -> None:
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp")
    frozen(hub, one)
    hub.settle_deliveries([settled(one)])
    assert hub.replay_delivery(one.id, by="ann") == "erp"
    (again,) = hub.claim_deliveries("erp")
    assert (again.id, again.generation, again.request) == (one.id, 1, None)


def test_a_paused_connection_is_not_called_and_others_are(hub: Store) -> None:
    put(hub, 1), put(hub, 2, target="shop")
    hub.pause("erp", "CON-AUTH", "the key was refused")
    assert [one.target for one in hub.claim_deliveries()] == ["shop"]
    assert hub.claim_deliveries("erp") == []
    assert hub.due_targets() == []
    state = hub.connection_states()["erp"]
    assert (state.paused, state.pause_code) == (True, "CON-AUTH")
    hub.resume("erp")
    assert len(hub.claim_deliveries("erp")) == 1


def test_the_breaker_opens_lets_one_try_and_closes_again(hub: Store, clock: Clock) -> None:
    for number in range(5):
        put(hub, number)
    first = hub.claim_deliveries("erp", limit=3)
    hub.settle_deliveries([settled(one, "pending", due_in=3600.0) for one in first])
    assert hub.note_calls("erp", bad=3, threshold=3, base=10).breaker == "open"
    assert hub.claim_deliveries("erp") == []
    clock.time += 11
    (probe,) = hub.claim_deliveries("erp", limit=10)
    assert hub.claim_deliveries("erp") == []
    assert hub.connection_states()["erp"].breaker == "half_open"
    assert hub.note_calls("erp", bad=1, threshold=3, base=10).breaker == "open"
    clock.time += 11
    assert hub.claim_deliveries("erp") == []  # the second break is longer
    clock.time += 10
    (other,) = hub.claim_deliveries("erp", limit=10)
    hub.settle_deliveries([settled(probe, "pending", due_in=100), settled(other)], answered=["erp"])
    assert hub.connection_states()["erp"].breaker == "closed"
    assert len(hub.claim_deliveries("erp")) == 4  # what waited for a retry is due at once


def test_a_named_pace_is_kept_by_all_workers(hub: Store, clock: Clock) -> None:
    put(hub, 1)
    hub.hold_rate("erp", 30)
    assert hub.claim_deliveries("erp") == hub.claim_deliveries() == hub.due_targets() == []
    clock.time += 31
    assert len(hub.claim_deliveries("erp")) == 1


def test_wake_ups_are_published_again_only_after_a_while(hub: Store, clock: Clock) -> None:
    put(hub, 1)
    assert [(target.name, target.due) for target in hub.unpublished()] == [("erp", 1)]
    hub.mark_published(["erp"])
    assert hub.unpublished(older_than=30) == []
    assert len(hub.due_targets()) == 1
    clock.time += 31
    assert len(hub.unpublished(older_than=30)) == 1


def test_leases_are_prolonged_for_those_who_hold_them(hub: Store, clock: Clock) -> None:
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp", lease=60)
    clock.time += 50
    assert hub.extend_leases([(one.id, one.epoch)], 60) == {one.id}
    clock.time += 50
    assert hub.reap().deliveries == 0
    assert hub.extend_leases([(one.id, one.epoch + 1)], 60) == set()


def test_everything_counts_exactly_once(hub: Store) -> None:
    for number in range(6):
        put(hub, number)
    claimed = hub.claim_deliveries("erp", limit=5)
    hub.settle_deliveries([
        settled(claimed[0]),
        settled(claimed[1], "skipped", reason="FLT-UNCHANGED"),
        settled(claimed[2], "failed", trouble=Trouble("CON-REJECTED")),
        settled(claimed[3], "pending", due_in=5.0),
    ])  # fmt: skip
    counts = hub.conservation()
    assert (counts.delivered, counts.filtered, counts.exceptions, counts.in_flight) == (1, 1, 1, 3)
    assert counts.holds
    assert hub.in_flight() == {"delivery.leased": 1, "delivery.pending": 2}


def test_settling_twice_writes_once(hub: Store) -> None:
    put(hub, 1)
    (one,) = hub.claim_deliveries("erp")
    assert hub.settle_deliveries([settled(one)]).written == {one.id}
    assert hub.settle_deliveries([settled(replace(one), "failed")]).fenced == {one.id}
