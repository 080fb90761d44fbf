"""The hub end to end, on both sizes: a webhook in, translated, routed, delivered over HTTP, settled."""

import time

import pytest

from hub.runtime.bus import MutedBus


def _accept(hub, request):
    return hub.accept_webhook("src", request)


def _orders(target):
    return [effect.data["number"] for effect in target.effects("order")]


def test_a_webhook_reaches_its_target_once(backend, open_hub, target, order_webhook):
    with open_hub(backend) as hub:
        assert _accept(hub, order_webhook(1)).accepted == 1
        again = _accept(hub, order_webhook(1))
        assert (again.accepted, again.duplicates) == (0, 1)
        assert hub.drain(15)
        assert _orders(target) == ["#1001"]
        ledger = hub.store.conservation()
        assert ledger.holds
        assert (ledger.in_, ledger.delivered, ledger.in_flight, ledger.duplicates) == (1, 1, 0, 1)
        headers = target.journal[-1]
        assert headers.path == "/order"


def test_changes_of_one_record_arrive_in_order(backend, open_hub, target, order_webhook):
    with open_hub(backend) as hub:
        for step in range(12):
            _accept(
                hub, order_webhook(1, event=f"e{step}", note=f"step {step}", updated=f"2026-03-10T12:00:{step:02}Z")
            )
        assert hub.drain(30)
        notes = [effect.data["note"] for effect in target.effects("order")]
        assert notes == sorted(notes, key=lambda note: int(note.split()[1]))
        assert notes[-1] == "step 11"
        assert target.records["order"]["order-1"]["note"] == "step 11"
        assert hub.store.conservation().holds


def test_everything_drains_with_the_bus_muted(backend, open_hub, target, order_webhook):
    """Rule 1: the broker only wakes. Without any wake-up the sweep finds all work."""
    with open_hub(backend, bus=MutedBus(), sweep=0.2) as hub:
        for number in range(10):
            _accept(hub, order_webhook(number))
        assert hub.drain(30)
        assert sorted(_orders(target)) == sorted(f"#{1000 + number}" for number in range(10))
        assert hub.store.conservation().holds


def test_a_handler_that_gives_its_wake_up_back_asks_for_another(open_hub, target, order_webhook, monkeypatch):
    """A broker ends a consumer that holds a message for long, so no turn lasts for ever; no sweep helps here."""
    monkeypatch.setattr("hub.runtime.workers.LONGEST_TURN", 0.0)
    monkeypatch.setattr("hub.runtime.workers.BATCH", 5)
    monkeypatch.setattr("hub.runtime.workers.INBOUND_BATCH", 5)
    with open_hub(sweep=600.0) as hub:
        time.sleep(0.3)  # the first look of the sweep is over
        hub.intake.commit([hub.intake.read("src", order_webhook(number)) for number in range(40)])
        assert hub.drain(60)
        assert len(_orders(target)) == 40


def test_embedded_end_to_end_takes_milliseconds(open_hub, target, order_webhook):
    with open_hub() as hub:
        _accept(hub, order_webhook(0))
        assert hub.drain(10)
        took = []
        for number in range(1, 16):
            began = time.perf_counter()
            _accept(hub, order_webhook(number))
            while len(target.effects("order")) <= number and time.perf_counter() - began < 5:
                time.sleep(0.0005)
            took.append(time.perf_counter() - began)
        took.sort()
        assert took[len(took) // 2] < 0.25, took  # a few ms on a quiet machine


def test_a_target_that_is_down_costs_nothing_but_time(backend, open_hub, target, order_webhook):
    from hub.sdk.testing.faults import Status

    target.faults.add(on="POST /order", then=[Status(503), Status(503)])
    with open_hub(backend, sweep=0.2) as hub:
        for number in range(3):
            _accept(hub, order_webhook(number))
        deadline = time.monotonic() + 60
        while len(target.effects("order")) < 3 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert sorted(_orders(target)) == ["#1000", "#1001", "#1002"]


def test_a_second_hub_on_the_same_files_is_refused(open_hub):
    from hub.errors import StoreError

    with open_hub():
        with pytest.raises(StoreError) as refused:
            open_hub()
        assert refused.value.code == "STO-LOCKED"


def test_pause_holds_and_resume_sends(backend, open_hub, target, order_webhook):
    with open_hub(backend) as hub:
        hub.pause("dst", "maintenance")
        _accept(hub, order_webhook(1))
        time.sleep(0.5)
        assert _orders(target) == []
        assert {row["connection"]: row["paused"] for row in hub.overview()} == {"src": False, "dst": True}
        hub.resume("dst")
        assert hub.drain(15)
        assert _orders(target) == ["#1001"]


def test_stopping_gives_leases_back_and_the_next_start_goes_on(open_hub, target, order_webhook):
    from hub.sdk.testing.faults import Delay

    target.faults.add(on="POST /order", then=[Delay(0.3)] * 40)
    hub = open_hub().start()
    for number in range(20):
        _accept(hub, order_webhook(number))
    time.sleep(0.4)
    began = time.monotonic()
    hub.stop(10)
    assert time.monotonic() - began < 10
    with open_hub(sweep=0.2) as hub:
        deadline = time.monotonic() + 60
        while len(target.effects("order")) < 20 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert hub.drain(30)
    assert sorted(_orders(target)) == sorted(f"#{1000 + number}" for number in range(20))


def test_an_unreachable_target_opens_its_breaker_and_everything_goes_out_when_it_is_back(
    backend, open_hub, target, order_webhook
):
    from urllib.parse import urlsplit

    port = urlsplit(target.url).port
    target.server.stop()
    with open_hub(backend, sweep=0.2) as hub:
        for number in range(12):
            _accept(hub, order_webhook(number))
        deadline = time.monotonic() + 20
        while hub.store.connection_states()["dst"].breaker == "closed" and time.monotonic() < deadline:
            time.sleep(0.05)
        assert hub.store.connection_states()["dst"].breaker != "closed"
        assert hub.store.exceptions() == []
        with target.serve(port):
            assert hub.drain(60)
            assert sorted(_orders(target)) == sorted(f"#{1000 + number}" for number in range(12))
            state = hub.store.connection_states()["dst"]
            assert (state.breaker, state.failures) == ("closed", 0)
            assert hub.store.conservation().delivered == 12


def test_wrong_credentials_pause_the_target_and_lose_nothing(backend, open_hub, target, order_webhook):
    from hub.sdk.testing.faults import ExpiredToken

    target.faults.add(on="POST /order", then=[ExpiredToken()])
    with open_hub(backend, sweep=0.2) as hub:
        _accept(hub, order_webhook(1))
        deadline = time.monotonic() + 15
        while not hub.store.connection_states()["dst"].paused and time.monotonic() < deadline:
            time.sleep(0.02)
        state = hub.store.connection_states()["dst"]
        assert (state.paused, state.pause_code) == (True, "CON-AUTH")
        _accept(hub, order_webhook(2))
        time.sleep(0.4)
        assert _orders(target) == []
        hub.resume("dst")
        assert hub.drain(20)
        assert sorted(_orders(target)) == ["#1001", "#1002"]


def test_an_answer_that_never_comes_is_looked_up_and_the_effect_adopted(backend, open_hub, target, order_webhook):
    from hub.sdk.testing.faults import Reset

    target.honours_keys = False
    target.faults.add(on="POST /order", then=[Reset(after_effect=True)])
    with open_hub(backend, sweep=0.2) as hub:
        message = _accept(hub, order_webhook(1)).ids[0]
        assert hub.drain(40)
        assert _orders(target) == ["#1001"]
        (delivery,) = hub.store.trace(message).deliveries
        assert [attempt["outcome"] for attempt in delivery["attempts"]] == ["unknown", "adopted"]


def test_a_newer_version_does_not_take_the_place_of_a_create_in_doubt(
    backend, project_dir, open_hub, target, order_webhook
):
    """The target does one key once and cannot be asked: a create under another key would be a second order."""
    from hub.sdk.testing.faults import RateLimited, Reset

    file = project_dir / "hub.yaml"
    file.write_text(file.read_text().replace("lookup: true", "lookup: false"))
    target.faults.add(on="POST /order", then=[Reset(after_effect=True), RateLimited(3.0)])
    with open_hub(backend, sweep=0.2) as hub:
        message = _accept(hub, order_webhook(1)).ids[0]
        deadline = time.monotonic() + 30
        while [one["reason"] for one in hub.store.trace(message).deliveries] != ["CON-RATE"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        _accept(hub, order_webhook(1, event="later", note="changed", updated="2026-03-10T12:00:01Z"))
        assert hub.drain(30)
        assert [effect.verb for effect in target.effects("order")] == ["create", "update"]
        assert target.records["order"]["order-1"]["note"] == "changed"


def test_a_delivery_that_waits_for_its_pace_past_its_lease_is_not_sent(
    backend, project_dir, open_hub, target, order_webhook, monkeypatch
):
    """As when the machine slept in the middle of the wait: another worker may have sent it meanwhile."""
    from hub.pipeline import work

    slept = []

    def steady():
        return time.monotonic() + sum(slept)

    monkeypatch.setattr(work, "steady", steady)
    with open_hub(backend, sweep=0.2) as hub:
        http = hub.connections.get("dst").io.http
        sleeps = iter([600.0])
        monkeypatch.setattr(http, "_before", lambda: slept.append(next(sleeps, 0.0)))
        message = _accept(hub, order_webhook(1)).ids[0]
        deadline = time.monotonic() + 30
        while not slept:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.3)
        assert _orders(target) == []
        assert [one["state"] for one in hub.store.trace(message).deliveries] != ["done"]
