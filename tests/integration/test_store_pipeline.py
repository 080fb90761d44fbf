"""Messages and deliveries through the whole pipeline, on both databases, with real mapping files and a target that can be told to fail."""

from __future__ import annotations

import json
import textwrap
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hub.errors import AuthFailed, HubError, OutcomeUnknown, RateLimited, Rejected, Unreachable, Unsupported
from hub.mapping import MappingSet
from hub.pipeline import Context, Flow, Ownership, ProcessReport, WorkReport, as_new_message, process_batch, work_batch
from hub.sdk.connector import FULL, Connector, ConnectorConfig, Manifest, Stream
from hub.sdk.records import DeliverResult, ExternalRef, NaturalKey, OutboundRecord, RawMessage
from hub.store import Store

MAPPINGS = {
    "till/order.to_canonical": """
        mapping: 1
        from: till/order
        to: canonical/order@1
        when: "{{ not src.test | default(false) }}"
        key: "{{ src.id }}"
        output:
          number: "{{ src.name }}"
          placed_at: "{{ src.at }}"
          currency: EUR
          customer: {$if: "{{ src.buyer is defined }}", $then: {$link: customer, key: "{{ src.buyer.id }}"}, $else: {$omit: true}}
          lines:
            $for: line in src.lines
            $each: {id: "{{ line.sku }}", sku: "{{ line.sku }}", quantity: "{{ line.qty | number }}",
              unit_price: "{{ line.price | money('EUR') }}"}
          totals:
            goods: "{{ src.total | money('EUR') }}"
            total: "{{ src.total | money('EUR') }}"
    """,
    "till/customer.to_canonical": """
        mapping: 1
        from: till/order
        to: canonical/customer@1
        when: "{{ src.buyer is defined }}"
        key: "{{ src.buyer.id }}"
        output:
          name: "{{ src.buyer.name }}"
          email: "{{ src.buyer.email }}"
    """,
    "till/level.to_canonical": """
        mapping: 1
        from: till/inventory_level
        to: canonical/inventory_level@1
        key: "{{ src.sku }}@{{ src.place }}"
        output: {sku: "{{ src.sku }}", warehouse: "{{ src.place }}", available: "{{ src.n | number }}"}
    """,
    "book/order.from_canonical": """
        mapping: 1
        from: canonical/order@1
        to: book/order
        output:
          ref: "{{ src.number }}"
          partner: {$link: customer, key: "{{ src.customer }}", optional: true}
          lines:
            $for: line in src.lines
            $each: {product: {$link: variant, natural: "{{ line.sku }}"}, qty: "{{ line.quantity | number }}"}
    """,
    "book/customer.from_canonical": """
        mapping: 1
        from: canonical/customer@1
        to: book/customer
        output: {name: "{{ src.name }}"}
    """,
    "book/level.from_canonical": """
        mapping: 1
        from: canonical/inventory_level@1
        to: book/inventory_level
        output: {sku: "{{ src.sku }}", n: "{{ src.available | number }}"}
    """,
    "book/level.to_canonical": """
        mapping: 1
        from: book/inventory_level
        to: canonical/inventory_level@1
        key: "{{ src.id }}"
        output: {sku: "{{ src.sku }}", warehouse: "{{ src.place }}", available: "{{ src.n | number }}"}
    """,
}


class Till(Connector[ConnectorConfig]):
    """Where orders come from."""

    manifest = Manifest("till", "Till", "Till", streams={"order": Stream("order", "order", poll=FULL)})
    Config = ConnectorConfig


class Book(Connector[ConnectorConfig]):
    """Where orders go. It keeps what it was sent by its marker, and fails as it is told."""

    manifest = Manifest(
        "book", "Book", "Book",
        streams={
            "order": Stream("order", "order", create=FULL, update=FULL),
            "customer": Stream("customer", "customer", create=FULL, find=FULL, natural_key="email"),
            "variant": Stream("variant", "variant", find=FULL, natural_key="sku"),
            "inventory_level": Stream("inventory_level", "inventory_level", update=FULL, state_carrying=True),
        },
    )  # fmt: skip
    Config = ConnectorConfig

    def __init__(self) -> None:
        super().__init__(ConnectorConfig(settle=5.0), SimpleNamespace())  # type: ignore[arg-type]
        self.catalogue = {"VALVE": "v1", "PUMP": "v2"}
        self.records: dict[str, tuple[str, Any]] = {}
        self.sent: list[OutboundRecord] = []
        self.looked_up: list[str] = []
        self.faults: list[tuple[HubError | Exception, bool]] = []
        """What the next writes raise, and whether they take effect all the same."""

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        assert (stream, key.kind) in (("variant", "sku"), ("customer", "email"))
        found = self.catalogue.get(key.value)
        return ExternalRef(found) if found else None

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        self.looked_up.append(record.marker)
        found = self.records.get(record.marker)
        return DeliverResult(found[0], "adopted") if found else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        self.sent.append(record)
        fault, effect = self.faults.pop(0) if self.faults else (None, True)
        if effect:
            known = self.records.get(record.marker)
            identity = known[0] if known else f"b{len(self.records) + 1}"
            self.records[record.marker] = (identity, record.data)
        if fault is not None:
            raise fault
        return DeliverResult(identity, "updated" if record.external_id else "created")


class Clock:
    """A clock that tests turn."""

    time = 1_790_000_000.0

    def __call__(self) -> float:
        return self.time


class Hub:
    """A hub of two connections, worked by hand."""

    def __init__(self, store: Store, mappings: MappingSet, clock: Clock) -> None:
        self.store, self.clock = store, clock
        self.book = Book()
        connectors: dict[str, Any] = {"shop": Till(ConnectorConfig(), SimpleNamespace()), "erp": self.book}  # type: ignore[arg-type]
        self.context = Context(
            installation="test", mappings=mappings, connector=connectors.__getitem__,
            connector_name={"shop": "till", "erp": "book"}.__getitem__,
            flows=[
                Flow("customers", "customer", "shop", "erp", "customer"),
                Flow("orders", "order", "shop", "erp", "order", when=lambda record: record["status"] != "cancelled"
                     if "status" in record else True),
                Flow("levels", "inventory_level", "shop", "erp", "inventory_level"),
            ],
            ownership={"order": Ownership("shop"), "inventory_level": Ownership("shop")},
        )  # fmt: skip
        store.register_connections(["shop", "erp"])

    def receive(
        self, stream: str, payload: Any, *, key: str = "", version: str = "", connection: str = "shop", **more: Any
    ) -> int:
        raw = RawMessage(
            stream, str(payload.get("id", "")), payload, key or json.dumps([stream, payload]), source_version=version, **more
        )  # fmt: skip
        return self.store.accept([as_new_message(connection, raw)])[0].id

    def process(self) -> ProcessReport:
        total = ProcessReport()
        while claimed := self.store.claim_messages(owner="p"):
            report = process_batch(self.store, self.context, claimed)
            for name in ("done", "filtered", "waiting", "exceptions", "again"):
                setattr(total, name, getattr(total, name) + getattr(report, name))
            total.targets |= report.targets
        return total

    def work(self, executor: ThreadPoolExecutor | None = None) -> WorkReport:
        return work_batch(self.store, self.context, self.store.claim_deliveries("erp", owner="w"), executor)

    def drain(self) -> None:
        for _ in range(20):
            self.process()
            while claimed := self.store.claim_deliveries("erp"):
                work_batch(self.store, self.context, claimed)
            if not self.store.in_flight():
                return
            self.clock.time += 40
            self.store.reap(settle=5)
        raise AssertionError(f"does not drain: {self.store.in_flight()}")

    def outcomes(self, message: int) -> list[tuple[str, str, str]]:
        return [(step["name"], step["outcome"], step["code"]) for step in self.store.trace(message).steps]


@pytest.fixture(scope="session")
def mappings(tmp_path_factory: pytest.TempPathFactory) -> MappingSet:
    folder = tmp_path_factory.mktemp("mappings")
    for name, text in MAPPINGS.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    made = MappingSet.load([folder])
    assert not made.check()
    return made


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def hub(open_store: Callable[..., Store], mappings: MappingSet, clock: Clock) -> Hub:
    return Hub(open_store(clock=clock), mappings, clock)


def order(number: int, *, sku: str = "VALVE", quantity: int = 2, total: str = "20.00", **more: Any) -> dict[str, Any]:
    return {
        "id": f"o{number}", "name": f"#{number}", "at": "2026-11-01T10:00:00Z", "total": total,
        "lines": [{"sku": sku, "qty": quantity, "price": "10.00"}], **more,
    }  # fmt: skip


def test_an_order_goes_all_the_way(hub: Hub) -> None:
    message = hub.receive("order", order(1001))
    assert hub.process().done == 1
    report = hub.work()
    assert (report.done, report.failed) == (1, 0)
    (sent,) = hub.book.sent
    assert sent.data == {"ref": "#1001", "lines": [{"product": "v1", "qty": 2}]}
    assert (sent.operation, sent.external_id, sent.attempt) == ("create", None, 1)
    assert sent.marker.startswith("hub-test-ord_")
    assert hub.outcomes(message) == [
        ("accept", "ok", ""), ("translate", "filtered", "FLT-FILTERED"), ("translate", "ok", ""), ("merge", "created", ""),
        ("guard", "ok", ""), ("route", "ok", ""), ("render", "ok", ""), ("deliver", "done", ""), ("settle", "done", ""),
    ]  # fmt: skip
    view = hub.store.trace(message)
    rendered = next(step for step in view.steps if step["name"] == "render")
    assert rendered["before_body"]["number"] == "#1001"
    assert rendered["after_body"] == sent.data
    assert rendered["mapping"].endswith("book/order.from_canonical.yaml")
    assert rendered["lineage"]["hash"] == rendered["mapping_hash"]
    assert [found["id"] for found in hub.store.find_messages(kind="order", value="#1001")] == [message]
    assert [found["id"] for found in hub.store.find_messages(value="valve")] == [message]
    assert hub.store.conservation().delivered == 1


def test_an_update_goes_to_the_record_that_was_made(hub: Hub) -> None:
    hub.receive("order", order(1), version="1")
    hub.drain()
    hub.receive("order", order(1, quantity=3, total="30.00"), version="2")
    hub.drain()
    assert [(sent.operation, sent.external_id) for sent in hub.book.sent] == [("create", None), ("update", "b1")]
    assert len({sent.idempotency_key for sent in hub.book.sent}) == 2
    assert len({sent.marker for sent in hub.book.sent}) == 1


def test_what_changes_nothing_or_is_older_goes_nowhere(hub: Hub) -> None:
    hub.receive("order", order(1), version="2026-01-02")
    hub.drain()
    same = hub.receive("order", {**order(1), "noise": 1}, version="2026-01-03")
    old = hub.receive("order", order(1, quantity=9, total="90.00"), version="2026-01-01")
    test = hub.receive("order", {**order(2), "test": True})
    assert hub.process().filtered == 3
    assert [hub.outcomes(one)[-1][2] for one in (same, old)] == ["FLT-UNCHANGED", "SEQ-STALE"]
    assert {message["id"]: message["reason"] for message in hub.store.find_messages(state="filtered")} == {
        same: "FLT-UNCHANGED", old: "SEQ-STALE", test: "FLT-FILTERED",
    }  # fmt: skip
    assert len(hub.book.sent) == 1
    assert hub.store.conservation().holds


def test_an_order_waits_for_its_customer_who_is_made_first(hub: Hub) -> None:
    hub.receive("order", order(1, buyer={"id": "c1", "name": "Ann", "email": "Ann@example.com"}))
    hub.process()
    hub.drain()
    assert [sent.stream for sent in hub.book.sent] == ["customer", "order"]
    assert hub.book.sent[1].data["partner"] == "b1"


def test_required_links_are_waited_for_without_costing_retries(hub: Hub, tmp_path: Path) -> None:
    """The same with a mapping that insists on the customer."""
    folder = tmp_path / "mappings"
    for name, text in MAPPINGS.items():
        path = folder / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).replace(", optional: true", ""))
    hub.context = Context(**{**hub.context.__dict__, "mappings": MappingSet.load([folder])})
    message = hub.receive("order", order(1, buyer={"id": "c1", "name": "Ann", "email": "ann@example.com"}))
    hub.process()
    report = hub.work()
    assert (report.done, report.waiting) == (1, 1)
    assert report.targets == {"erp"}  # the link woke the order
    assert hub.work().done == 1
    assert hub.book.sent[1].data["partner"] == "b1"
    assert hub.store.trace(message).deliveries[1]["failures"] == 1


def test_a_customer_that_is_there_already_is_found_and_not_made_again(hub: Hub) -> None:
    hub.book.catalogue["ann@example.com"] = "p77"
    hub.context.flows[:] = [flow for flow in hub.context.flows if flow.name == "orders"]  # type: ignore[index]
    hub.receive("order", order(1, buyer={"id": "c1", "name": "Ann", "email": "Ann@example.com"}))
    hub.drain()
    assert [sent.stream for sent in hub.book.sent] == ["order"]


def test_an_unknown_sku_is_an_exception_that_a_release_ends(hub: Hub) -> None:
    message = hub.receive("order", order(1, sku="NOSUCH"))
    good = hub.receive("order", order(2))
    hub.process()
    report = hub.work()
    assert (report.done, report.failed) == (1, 1)
    (trouble,) = hub.store.exceptions()
    assert (trouble["code"], trouble["message_id"]) == ("ITM-UNKNOWN", message)
    assert "NOSUCH" in trouble["detail"]
    assert "Create the product" in trouble["fix"]
    assert good in [found["id"] for found in hub.store.find_messages(state="done")]
    hub.book.catalogue["NOSUCH"] = "v9"
    assert hub.store.release([trouble["id"]]) == {"erp"}
    assert hub.work().done == 1
    assert hub.book.sent[-1].data["lines"] == [{"product": "v9", "qty": 2}]
    counts = hub.store.conservation()
    assert (counts.delivered, counts.exceptions, counts.holds) == (2, 0, True)


def test_a_bad_message_does_not_harm_its_neighbours(hub: Hub) -> None:
    broken = hub.receive("order", {"id": "o9", "name": "#9"})
    wrong = hub.receive("order", {**order(8), "at": "not a date"})
    unknown = hub.receive("gadget", {"id": "g1"})
    hub.receive("order", order(1))
    report = hub.process()
    assert (report.done, report.exceptions) == (1, 3)
    codes = {trouble["message_id"]: trouble["code"] for trouble in hub.store.exceptions()}
    assert codes == {broken: "MAP-MISSING", wrong: "SCH-INVALID", unknown: "MAP-NONE"}


def test_sums_that_do_not_add_up_stop_an_order_until_a_person_looked(hub: Hub) -> None:
    message = hub.receive("order", order(1, total="25.00"))
    assert hub.process().exceptions == 1
    (trouble,) = hub.store.exceptions()
    assert trouble["code"] == "AMT-TOTAL"
    assert hub.store.find_messages(value="1")[0]["id"] == message  # it is findable although it stopped
    hub.store.release([trouble["id"]], by="ann")
    hub.drain()
    assert ("guard", "waived", "AMT-TOTAL") in hub.outcomes(message)
    assert len(hub.book.sent) == 1


def test_an_unknown_outcome_is_looked_up_and_adopted(hub: Hub, clock: Clock) -> None:
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(OutcomeUnknown("the connection broke"), True)]
    assert hub.work().retried == 1
    assert hub.work().done == 0  # the target gets its time to settle
    clock.time += 5 + 3
    assert hub.work().done == 1
    assert (len(hub.book.sent), len(hub.book.looked_up), len(hub.book.records)) == (1, 1, 1)
    ((link,),) = [list(hub.store.links([("order", "erp", "b1")]).values())]
    assert link.applied_version == 1


def test_an_unknown_outcome_without_effect_is_sent_again(hub: Hub, clock: Clock) -> None:
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(OutcomeUnknown("the connection broke"), False)]
    hub.work()
    clock.time += 8
    assert hub.work().done == 1
    first, second = hub.book.sent
    assert (first.data, first.idempotency_key, first.marker) == (second.data, second.idempotency_key, second.marker)
    assert (second.attempt, second.maybe_sent) == (2, True)


def test_a_worker_that_died_while_sending_is_followed_by_a_look_up(hub: Hub, clock: Clock) -> None:
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(KeyboardInterrupt(), True)]  # type: ignore[list-item]
    with pytest.raises(KeyboardInterrupt):
        hub.work()
    clock.time += 61
    assert hub.store.reap(settle=5).deliveries == 1
    clock.time += 6
    assert hub.work().done == 1
    assert (len(hub.book.sent), hub.book.looked_up) == (1, [hub.book.sent[0].marker])


def test_what_cannot_be_looked_up_is_asked(hub: Hub, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "find_effect", Connector.find_effect)
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(OutcomeUnknown("the connection broke"), False)]
    hub.work()
    clock.time += 8
    assert hub.work().failed == 1
    (trouble,) = hub.store.exceptions()
    assert trouble["code"] == "CON-OUTCOME"
    hub.store.release([trouble["id"]], note="not there")
    assert hub.work().done == 1


def test_nothing_is_sent_twice_when_nothing_was_sent(hub: Hub, clock: Clock) -> None:
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(Unreachable("no connection"), False)] * 3
    for _ in range(3):
        assert hub.work().retried == 1
        clock.time += 60
    assert hub.work().done == 1
    assert hub.book.looked_up == []


def test_an_unreachable_target_opens_the_breaker_and_all_goes_out_when_it_is_back(hub: Hub, clock: Clock) -> None:
    for number in range(10):
        hub.receive("order", order(number))
    hub.process()
    hub.book.faults = [(Unreachable("no connection"), False)] * 15
    hub.work()
    assert hub.store.connection_states()["erp"].breaker == "open"
    assert hub.work().retried == 0
    hub.drain()
    assert hub.store.connection_states()["erp"].breaker == "closed"
    assert len(hub.book.records) == 10
    assert hub.store.exceptions() == []


def test_a_refusal_is_parked_with_the_words_of_the_target(hub: Hub) -> None:
    hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(Rejected("the period is closed", fix="Open the period."), False)]
    assert hub.work().failed == 1
    (trouble,) = hub.store.exceptions()
    assert (trouble["code"], trouble["detail"], trouble["fix"]) == (
        "CON-REJECTED",
        "the period is closed",
        "Open the period.",
    )


def test_wrong_credentials_pause_the_connection_and_keep_its_deliveries(hub: Hub) -> None:
    for number in range(3):
        hub.receive("order", order(number))
    hub.process()
    hub.book.faults = [(AuthFailed("the key was refused"), False)]
    report = hub.work()
    assert (report.retried, report.failed, report.done) == (1, 0, 2)
    assert hub.store.connection_states()["erp"].pause_code == "CON-AUTH"
    assert hub.work().done == 0
    hub.store.resume("erp")
    assert hub.work().done == 1


def test_a_named_pace_holds_all_and_counts_for_nothing(hub: Hub, clock: Clock) -> None:
    message = hub.receive("order", order(1))
    hub.process()
    hub.book.faults = [(RateLimited("slower", after=20.0), False)]
    hub.work()
    clock.time += 19
    assert hub.store.claim_deliveries("erp") == []
    clock.time += 2
    assert hub.work().done == 1
    assert hub.store.trace(message).deliveries[0]["failures"] == 1  # the one that worked


def test_a_connector_that_breaks_is_an_exception_and_not_a_loss(hub: Hub) -> None:
    hub.receive("order", order(1))
    hub.receive("order", order(2))
    hub.process()
    hub.book.faults = [(ZeroDivisionError("secret of the buyer"), False)]
    report = hub.work()
    assert (report.done, report.failed) == (1, 1)
    (trouble,) = hub.store.exceptions()
    assert (trouble["code"], trouble["detail"]) == ("HUB-BUG", "ZeroDivisionError in the connector")


def test_states_coalesce_and_echoes_end(hub: Hub) -> None:
    for quantity in (5, 4, 3):
        hub.receive("inventory_level", {"id": "l1", "sku": "VALVE", "place": "MAIN", "n": quantity})
    hub.drain()
    assert [sent.data["n"] for sent in hub.book.sent] == [3]
    counts = hub.store.conservation()
    assert (counts.superseded, counts.delivered) == (2, 1)
    echo = hub.receive("inventory_level", {"id": "b1", "sku": "VALVE", "place": "MAIN", "n": "3.0"}, connection="erp")
    meddling = hub.receive("inventory_level", {"id": "b1", "sku": "VALVE", "place": "MAIN", "n": 99}, connection="erp")
    hub.drain()
    reasons = {message["id"]: message["reason"] for message in hub.store.find_messages(state="filtered")}
    assert reasons[echo] == "FLT-ECHO"
    assert reasons[meddling] == "OWN-VIOLATION"
    assert len(hub.book.sent) == 1


def _in_doubt(hub: Hub) -> int:
    """An order whose creation took effect and then failed, and a newer version of it. Returns the message of the newer one."""
    hub.book.faults = [(RuntimeError("a fault of the connector"), True)]
    hub.receive("order", order(1), version="1")
    hub.drain()
    assert [row["code"] for row in hub.store.exceptions()] == ["HUB-BUG"]
    newer = hub.receive("order", order(1, quantity=3, total="30.00"), version="2")
    hub.drain()
    return newer


def test_what_a_failed_creation_left_there_is_changed_and_not_made_again(hub: Hub) -> None:
    newer = _in_doubt(hub)
    assert [sent.operation for sent in hub.book.sent] == ["create", "update"]
    ((identity, data),) = hub.book.records.values()
    assert (identity, data["lines"][0]["qty"]) == ("b1", 3)
    (delivery,) = hub.store.trace(newer).deliveries
    assert delivery["state"] == "done"


def test_a_creation_in_doubt_at_a_target_that_cannot_be_asked_is_for_a_person(hub: Hub) -> None:
    """It does the same key once: another key would make a second order, and the first one's answer does not hold the newer version."""
    answers: dict[str, DeliverResult] = {}
    deliver = hub.book.deliver

    def once_a_key(record: OutboundRecord) -> DeliverResult:
        if record.idempotency_key not in answers:
            answers[record.idempotency_key] = DeliverResult(f"b{len(answers) + 1}", "created")
            return deliver(record)
        return answers[record.idempotency_key]

    def by_key(record: OutboundRecord) -> None:
        if not record.idempotency_key:
            raise Unsupported("only the key tells")

    hub.book.deliver, hub.book.find_effect = once_a_key, by_key  # type: ignore[method-assign,assignment]
    _in_doubt(hub)
    first, second = hub.store.exceptions()
    assert (first["code"], second["code"]) == ("HUB-BUG", "CON-OUTCOME")
    assert len(answers) == 1
    hub.store.release([first["id"]])
    hub.drain()
    assert len(answers) == 1
    hub.store.release([second["id"]])
    hub.drain()
    assert [(sent.operation, sent.data["lines"][0]["qty"]) for sent in hub.book.sent] == [("create", 2), ("update", 3)]
    assert hub.store.exceptions() == []


def test_a_change_that_the_target_would_not_see_is_not_sent(hub: Hub) -> None:
    hub.receive("order", order(1), version="1")
    hub.drain()
    later = {**order(1), "at": "2026-11-01T10:00:01Z"}
    message = hub.receive("order", later, version="2")
    hub.drain()
    assert len(hub.book.sent) == 1
    assert hub.store.trace(message).deliveries[0]["reason"] == "FLT-UNCHANGED"


def test_two_records_of_one_system_with_the_same_identity_are_told(hub: Hub) -> None:
    hub.receive("order", order(1, buyer={"id": "c1", "name": "Ann", "email": "ann@example.com"}))
    twin = hub.receive("order", order(2, buyer={"id": "c2", "name": "Ann", "email": "ann@example.com"}))
    hub.process()
    (trouble,) = hub.store.exceptions()
    assert (trouble["code"], trouble["message_id"]) == ("XREF-CONFLICT", twin)
    assert "ann" not in trouble["detail"].lower()


def test_what_another_worker_took_over_is_not_sent_when_its_turn_comes(hub: Hub) -> None:
    """The lease of what still waits for its call is lost while an earlier call is under way; renewing it tells."""
    hub.book.config = ConnectorConfig(settle=5.0, concurrency=1)
    deliver = hub.book.deliver

    def slowly(record: OutboundRecord) -> DeliverResult:
        if not hub.book.sent:
            hub.clock.time += 100
            assert hub.store.reap(settle=5).deliveries == 2
            time.sleep(1.3)
        return deliver(record)

    hub.book.deliver = slowly  # type: ignore[method-assign]
    hub.receive("order", order(1)), hub.receive("order", order(2))
    hub.process()
    claimed = hub.store.claim_deliveries("erp", lease=3.0, owner="w")
    with ThreadPoolExecutor(2) as executor:
        report = work_batch(hub.store, hub.context, claimed, executor)
    assert (report.fenced, len(hub.book.sent)) == (2, 1)
    hub.drain()
    assert len(hub.book.records) == len(hub.book.sent) == 2


def test_many_calls_at_once(hub: Hub) -> None:
    for number in range(60):
        hub.receive("order", order(number))
    hub.process()
    with ThreadPoolExecutor(8) as executor:
        done = 0
        while report := hub.work(executor):
            if not report.done:
                break
            done += report.done
    assert done == 60
    assert len(hub.book.records) == 60


def test_a_deletion_by_the_owner_marks_the_record(hub: Hub) -> None:
    hub.receive("order", order(1))
    hub.drain()
    message = hub.receive("order", {"id": "o1"}, key="gone", deleted=True)
    hub.drain()
    assert hub.outcomes(message)[1] == ("merge", "deleted", "")
    ((link,),) = [list(hub.store.links([("order", "shop", "o1")]).values())]
    record = hub.store.record(link.record_id or "")
    assert record is not None
    assert record.deleted


def test_many_workers_on_shared_records_lose_nothing(hub: Hub) -> None:
    """Four threads process and deliver 200 orders of ten buyers who all begin unknown: the hardest case for links and lanes."""
    for number in range(200):
        buyer = {"id": f"c{number % 10}", "name": "B", "email": f"b{number % 10}@example.com"}
        hub.receive("order", order(number, buyer=buyer), version="1")
    faults: list[BaseException] = []

    def work(name: str) -> None:
        try:
            for _ in range(200):
                messages = hub.store.claim_messages(limit=9, owner=name)
                process_batch(hub.store, hub.context, messages)
                deliveries = hub.store.claim_deliveries("erp", limit=9, owner=name)
                work_batch(hub.store, hub.context, deliveries)
                if not messages and not deliveries and not hub.store.in_flight():
                    return
        except BaseException as error:
            faults.append(error)

    with ThreadPoolExecutor(4) as executor:
        list(executor.map(work, "abcd"))
    hub.drain()
    assert not faults
    assert hub.store.exceptions() == []
    counts = hub.store.conservation()
    assert (counts.in_, counts.delivered, counts.holds) == (200, 200, True)
    assert Counter(sent.stream for sent in hub.book.sent) == {"order": 200, "customer": 10}
    partners = {sent.data["partner"] for sent in hub.book.sent if sent.stream == "order"}
    assert len(partners) == 10


def test_an_answer_that_the_database_refuses_harms_no_other(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = Book.deliver

    def deliver(book: Book, record: OutboundRecord) -> DeliverResult:
        result = honest(book, record)
        if record.data["ref"] != "#2":
            return result
        twice = "ord_01ARZ3NDEKTSV4RRFFQ69G5FAV"  # one record under two ids cannot be
        return DeliverResult(result.external_id, links=[("order", twice, "x1"), ("order", twice, "x2")])

    monkeypatch.setattr(Book, "deliver", deliver)
    for number in (1, 2, 3):
        hub.receive("order", order(number))
    hub.process()
    report = hub.work()
    assert (report.done, report.failed) == (2, 1)
    (trouble,) = hub.store.exceptions()
    assert (trouble["code"], trouble["keys"][0]) == ("HUB-BUG", "order 2")


def test_a_message_that_the_database_refuses_harms_no_other(hub: Hub) -> None:
    hub.receive("order", order(1))
    nasty = hub.receive("order", {**order(2), "id": "o\x00"})
    hub.receive("order", order(3))
    report = hub.process()
    assert report.done >= 2
    assert hub.store.in_flight() == {"delivery.pending": report.done}
    assert [trouble["message_id"] for trouble in hub.store.exceptions()] == [nasty] * report.exceptions


def test_two_records_that_claim_one_record_of_the_target_are_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Book, "deliver", lambda book, record: DeliverResult("77", "adopted"))
    for number in (1, 2):
        hub.receive("order", order(number))
    hub.process()
    report = hub.work()
    assert (report.done, report.failed) == (1, 1)
    (trouble,) = hub.store.exceptions()
    assert trouble["code"] == "XREF-CONFLICT"
    assert "order 77 of erp is linked to ord_" in trouble["detail"]
