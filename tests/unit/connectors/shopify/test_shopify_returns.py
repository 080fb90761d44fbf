"""Returns: read with all that became of them, found by every id that a webhook carries, made and taken back once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.shopify.simulator.model import Order
from connectors.shopify.simulator.returns import Return
from hub.errors import DeliveryError, OutcomeUnknown, Rejected
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Timeout


@pytest.fixture
def order(sim: ShopifySimulator) -> Order:
    made = sim.place_order([("VALVE-10", 5, "20.00"), ("SEAL-3", 4, "4.00")], send_webhook=False, financial="PAID")
    ship(sim, made)
    return made


def ship(sim: ShopifySimulator, order: Order, tracking: str = "1Z") -> None:
    for asked in order.fulfillment_orders:
        lines = [(line, line.remaining_quantity) for line in asked.lines if line.remaining_quantity]
        sim.shop.fulfill([(asked, lines)], {"numbers": [tracking]}, notify=False)


def wanted(order: Order, lines: Any, status: str = "approved", **given: Any) -> OutboundRecord:
    data = {
        "order_id": order.id,
        "status": status,
        "lines": [{"sku": sku, "quantity": str(quantity), **more} for sku, quantity, more in lines],
        **given.pop("data", {}),
    }
    external_id = given.get("external_id")
    return OutboundRecord("return", "update" if external_id else "create", data, "key-1", "hub-hubtest-1", **given)


def only(sim: ShopifySimulator) -> Return:
    (found,) = sim.returns.all.values()
    return found


# --- reading


def test_a_request_is_read_with_its_words(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    made = sim.returns.request(order, [("VALVE-10", 2)], reason="defective", note="Leaks 🚿")
    message = shop.fetch("return", made.id)
    assert message is not None
    assert (message.stream, message.payload["status"], message.payload["name"]) == (
        "return",
        "requested",
        f"{order.name}-R1",
    )
    (line,) = message.payload["return_line_items"]
    assert (line["line_item"]["sku"], line["quantity"], line["customer_note"]) == ("VALVE-10", 2, "Leaks 🚿")
    assert line["return_reason"] == "defective"
    assert message.payload["order"]["admin_graphql_api_id"] == order.id


def test_webhooks_of_returns_are_notices(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    made = sim.returns.request(order, [("VALVE-10", 2)])
    from connectors.shopify.simulator.returns import body_of

    for topic in ("request", "approve", "decline", "cancel", "close", "reopen", "update", "process"):
        (message,) = shop.webhook(sim.webhook(f"returns/{topic}", body_of(made, f"returns/{topic}")))
        assert (message.stream, message.external_id) == ("return_notice", made.id)


def test_a_return_is_found_by_what_belongs_to_it(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    sim.returns.open(order, [("SEAL-3", 1)])
    made = sim.returns.open(order, [("VALVE-10", 2)])
    (reverse,) = made.reverse
    sim.returns.attach(
        reverseFulfillmentOrderId=reverse.id, reverseDeliveryLineItems=[], trackingInput={"number": "1ZBACK"}
    )
    for topic, body in (
        ("reverse_fulfillment_orders/dispose", {"id": reverse.number, "admin_graphql_api_id": reverse.id}),
        ("reverse_deliveries/attach_deliverable", {"id": 1, "admin_graphql_api_id": reverse.deliveries[0].id}),
    ):
        (notice,) = shop.webhook(sim.webhook(topic, body))
        found = shop.fetch("return", notice.external_id)
        assert found is not None
        assert found.external_id == made.id
        assert found.payload["reverse_deliveries"] == [{"number": "1ZBACK", "carrier": None, "url": None}]
    assert shop.fetch("return", "gid://shopify/ReverseFulfillmentOrder/1") is None
    assert shop.fetch("return", "gid://shopify/ReverseDelivery/1") is None


def test_several_returns_of_one_order_are_polled(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    for sku in ("VALVE-10", "SEAL-3", "SEAL-3"):
        sim.returns.request(order, [(sku, 1)])
    sim.place_order([("VALVE-10", 1, None)], send_webhook=False)  # one without any
    page = shop.poll("return", None, 50)
    assert {message.external_id for message in page.messages} == {made.id for made in sim.returns.all.values()}
    assert not page.more
    again = shop.poll("return", page.cursor, 50)
    assert {message.dedupe_key for message in again.messages} <= {message.dedupe_key for message in page.messages}


# --- writing


def test_a_return_is_made_and_received_and_closed(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    made = shop.deliver(wanted(order, [("VALVE-10", 3, {"reason": "defective", "note": "Leaks"})]))
    found = only(sim)
    assert (made.external_id, made.applied, found.status) == (found.id, "created", "OPEN")
    assert found.lines[0].return_reason_note == "Leaks [hub-hubtest-1]"
    assert found.lines[0].reason is not None
    assert found.lines[0].reason["handle"] == "defective"
    place = sim.shop.location(None)
    before = sim.inventory("VALVE-10")
    assert before is not None
    came = wanted(order, [("VALVE-10", 3, {"disposition": "restock"})], "received", external_id=found.id,
                  data={"location_id": place.id, "tracking": [{"number": "1ZBACK"}]})  # fmt: skip
    assert shop.deliver(came).applied == "updated"
    assert shop.deliver(came).applied == "unchanged"
    assert (found.lines[0].processed_quantity, sim.inventory("VALVE-10")) == (3, before + 3)
    assert [delivery.tracking["number"] for delivery in found.reverse[0].deliveries] == ["1ZBACK"]
    assert [one.type for one in found.reverse[0].lines[0].dispositions] == ["RESTOCKED"]
    closing = wanted(order, [("VALVE-10", 3, {"disposition": "restock"})], "closed", external_id=found.id)
    shop.deliver(closing)
    assert found.status == "CLOSED"
    assert shop.deliver(closing).applied == "unchanged"
    assert order.refunded == 0


def test_what_comes_in_parts_is_processed_in_parts(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    shop.deliver(wanted(order, [("VALVE-10", 3, {})]))
    found = only(sim)
    for came, processed in ((1, 1), (3, 3), (3, 3)):
        shop.deliver(wanted(order, [("VALVE-10", came, {"disposition": "scrap"})], "received", external_id=found.id))
        assert found.lines[0].processed_quantity == processed
    assert [(one.type, one.quantity) for one in found.reverse[0].lines[0].dispositions] == [
        ("NOT_RESTOCKED", 1),
        ("NOT_RESTOCKED", 2),
    ]


def test_a_request_is_approved_or_declined(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    yes, no = sim.returns.request(order, [("VALVE-10", 1)]), sim.returns.request(order, [("SEAL-3", 1)])
    shop.deliver(wanted(order, [("VALVE-10", 1, {})], "approved", external_id=yes.id))
    assert yes.status == "OPEN"
    refusal = wanted(order, [("SEAL-3", 1, {})], "rejected", external_id=no.id,
                     data={"note": "Too late", "decline_reason": "return_period_ended"})  # fmt: skip
    shop.deliver(refusal)
    assert (no.status, no.decline) == ("DECLINED", {"reason": "RETURN_PERIOD_ENDED", "note": "Too late"})
    assert shop.deliver(refusal).applied == "unchanged"


def test_a_return_is_cancelled_while_nothing_came(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    made = sim.returns.open(order, [("VALVE-10", 1)])
    shop.deliver(wanted(order, [], "cancelled", external_id=made.id))
    assert made.status == "CANCELED"
    assert shop.deliver(wanted(order, [], "cancelled", external_id=made.id)).applied == "unchanged"


@pytest.mark.parametrize(
    ("state", "status"),
    [("DECLINED", "approved"), ("CANCELED", "received"), ("OPEN", "rejected"), ("CLOSED", "cancelled")],
)
def test_decisions_that_contradict_each_other_wait_for_a_person(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, state: str, status: str
) -> None:
    made = sim.returns.open(order, [("VALVE-10", 1)])
    made.status = state
    with pytest.raises(Rejected) as refused:
        shop.deliver(wanted(order, [("VALVE-10", 1, {})], status, external_id=made.id))
    assert refused.value.code == "RET-CONFLICT"


def test_a_return_that_waits_for_the_shops_approval(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    shop.deliver(wanted(order, [("VALVE-10", 1, {"note": "Too heavy"})], "requested"))
    found = only(sim)
    assert (found.status, found.lines[0].customer_note) == ("REQUESTED", "Too heavy [hub-hubtest-1]")
    with pytest.raises(Rejected) as refused:
        shop.deliver(replace(wanted(order, [("SEAL-3", 1, {})], "cancelled"), marker="hub-hubtest-2"))
    assert refused.value.code == "RET-UNKNOWN"


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ([("VALVE-10", 6, {})], "RET-QTY", "1 of VALVE-10 more"),
        ([("NOPE", 1, {})], "RET-QTY", "NOPE"),
        ([("SEAL-3", "0.5", {})], "ITM-UOM", "whole pieces"),
    ],
)
def test_what_cannot_come_back_is_refused(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, lines: Any, code: str, said: str
) -> None:
    with pytest.raises(Rejected, match=said) as refused:
        shop.deliver(wanted(order, lines))
    assert refused.value.code == code
    assert not sim.effects("return")


def test_more_than_the_return_holds_cannot_come(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    made = sim.returns.open(order, [("VALVE-10", 1)])
    with pytest.raises(Rejected) as refused:
        shop.deliver(wanted(order, [("VALVE-10", 2, {})], "received", external_id=made.id))
    assert refused.value.code == "RET-QTY"
    assert not made.lines[0].processed_quantity


def test_pieces_of_several_parcels(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([("VALVE-10", 5, "20.00")], send_webhook=False)
    (asked,) = order.fulfillment_orders
    for quantity, number in ((2, "A"), (3, "B")):
        sim.shop.fulfill([(asked, [(asked.lines[0], quantity)])], {"numbers": [number]}, notify=False)
    shop.deliver(wanted(order, [("VALVE-10", 4, {})]))
    assert [(line.fulfillment_line_item.quantity, line.quantity) for line in only(sim).lines] == [(2, 2), (3, 2)]
    shop.deliver(wanted(order, [("VALVE-10", 3, {"disposition": "scrap"})], "received", external_id=only(sim).id))
    assert [line.processed_quantity for line in only(sim).lines] == [2, 1]


def test_a_return_of_many_lines(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([(f"X-{index}", 1, "1") for index in range(120)], send_webhook=False)
    ship(sim, order)
    lines: list[Any] = [(f"X-{index}", 1, {"disposition": "scrap"}) for index in range(120)]
    made = shop.deliver(wanted(order, lines))
    shop.deliver(wanted(order, lines, "received", external_id=made.external_id))
    assert all(line.processed_quantity == 1 for line in only(sim).lines)
    message = shop.fetch("return", made.external_id)
    assert message is not None
    assert [line["dispositions"][0]["type"] for line in message.payload["return_line_items"]] == ["not_restocked"] * 120


def test_goods_received_elsewhere_meet_the_buyers_own_request(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    """The ERP knows nothing of the request in the shop; it is the same return, and not a second one."""
    asked = sim.returns.request(order, [("VALVE-10", 2)])
    came = wanted(order, [("VALVE-10", 2, {"disposition": "scrap"})], "received")
    result = shop.deliver(came)
    assert (result.external_id, asked.status, asked.lines[0].processed_quantity) == (asked.id, "OPEN", 2)
    assert len(sim.returns.all) == 1


def test_another_return_of_the_order_is_left_alone(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    asked = sim.returns.request(order, [("VALVE-10", 1)])
    result = shop.deliver(wanted(order, [("VALVE-10", 2, {})]))
    assert result.external_id != asked.id
    assert asked.status == "REQUESTED"


# --- money


def test_a_return_is_paid_for_once_where_the_settings_say_so(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, order: Order
) -> None:
    shop = connect(refund_returns=True)
    shop.deliver(wanted(order, [("VALVE-10", 2, {})]))
    came = wanted(order, [("VALVE-10", 2, {"disposition": "scrap"})], "received", external_id=only(sim).id)
    shop.deliver(came)
    shop.deliver(came)
    assert [str(refund.amount) for refund in order.refunds] == ["43.20"]  # two of 20.00, and 8 per cent tax
    assert only(sim).lines[0].refunded_quantity == 2


@pytest.mark.parametrize("fault", [Timeout(after_effect=True, seconds=1), Reset(after_effect=True), CutBody()])
@pytest.mark.parametrize("step", ["returnCreate", "returnProcess", "returnClose", "reverseDeliveryCreateWithShipping"])
def test_a_lost_answer_doubles_nothing(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, order: Order, fault: Any, step: str
) -> None:
    shop = connect(refund_returns=True)
    record = wanted(order, [("VALVE-10", 2, {"disposition": "restock"})], "closed",
                    data={"location_id": sim.shop.location(None).id, "tracking": [{"number": "1ZBACK"}]})  # fmt: skip
    before = sim.inventory("VALVE-10") or 0
    sim.faults.add("POST /admin", fault, match=step)
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    shop.find_effect(again) or shop.deliver(again)
    found = only(sim)
    assert (found.status, found.lines[0].processed_quantity) == ("CLOSED", 2)
    assert sim.inventory("VALVE-10") == before + 2
    assert len(found.reverse[0].deliveries) == 1
    assert [str(refund.amount) for refund in order.refunds] == ["43.20"]
    assert shop.find_effect(again) == DeliverResult(found.id, "adopted", shop.find_effect(again).version)  # type: ignore[union-attr]


def test_eight_workers_take_one_return_back_once(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, order: Order
) -> None:
    made = sim.returns.open(order, [("VALVE-10", 3)])
    record = wanted(order, [("VALVE-10", 3, {"disposition": "restock"})], "closed", external_id=made.id,
                    data={"location_id": sim.shop.location(None).id})  # fmt: skip
    before = sim.inventory("VALVE-10") or 0
    start = threading.Barrier(8)
    odd: list[Exception] = []

    def work() -> None:
        shop = connect(refund_returns=True)
        start.wait()
        try:
            shop.deliver(record)
        except DeliveryError:
            pass
        except Exception as error:
            odd.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connect(refund_returns=True).deliver(replace(record, attempt=2, maybe_sent=True))
    assert not odd
    assert (made.status, made.lines[0].processed_quantity, sim.inventory("VALVE-10")) == ("CLOSED", 3, before + 3)
    assert [str(refund.amount) for refund in order.refunds] == ["64.80"]
