"""What other systems decide about orders: cancel, pay, edit, tag, hold, move, refund. Each only once, and only what differs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.shopify.simulator.model import Order
from hub.errors import OutcomeUnknown, Rejected, Unsupported
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.faults import Reset
from hub.sdk.testing.simulator import Request


@pytest.fixture
def order(sim: ShopifySimulator) -> Order:
    return sim.place_order(
        [("VALVE-10", 10, None), ("SEAL-3", 5, None)], shipping="10.00", tags=["web"], send_webhook=False
    )


def change(order: Order, **data: Any) -> OutboundRecord:
    return OutboundRecord("order", "update", data, "key-1", "hub-test-1", external_id=order.id)


def test_tags_note_and_number_change_and_nothing_else(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = change(order, tags=["erp", "web"], tags_removed=["gone"], note="Called", po_number="PO-1")
    assert shop.deliver(record).applied == "updated"
    assert (order.tags, order.note, order.po_number) == (["erp", "web"], "Called", "PO-1")
    assert shop.deliver(record).applied == "unchanged"
    assert len(sim.effects("order")) == 2
    shop.deliver(change(order, tags_removed=["web"], note=""))
    assert (order.tags, order.note) == (["erp"], "")


def test_an_order_is_cancelled_once(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    record = change(order, cancel={"reason": "inventory"})
    sim.faults.add("POST /admin", Reset(after_effect=True), match="orderCancel")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) is None  # the shop has only taken it on
    sim.clock.advance(1)
    found = shop.find_effect(again)
    assert found
    assert found.external_id == order.id
    assert shop.deliver(again).applied == "adopted"
    assert order.cancel_reason == "INVENTORY"
    assert len(order.refunds) == 1
    assert sim.inventory("VALVE-10") == 50
    with pytest.raises(Rejected) as refused:
        shop.deliver(change(order, note="too late"))
    assert refused.value.code == "ORD-CANCEL-LATE"


def cancellations(sim: ShopifySimulator) -> int:
    return sum(b"orderCancel(" in entry.body for entry in sim.journal)


def test_a_cancellation_is_told_as_done_when_the_shop_has_carried_it_out(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    sim.jobs.takes = 1.5
    assert shop.deliver(change(order, cancel={})).applied == "updated"
    assert order.cancelled
    assert cancellations(sim) == 1


def test_a_cancellation_that_the_shop_is_slow_at_is_not_told_as_done_and_not_asked_for_twice(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    sim.jobs.takes = 20
    record = change(order, cancel={})
    with pytest.raises(OutcomeUnknown, match="still at work"):
        shop.deliver(record)
    assert not order.cancelled
    sim.clock.advance(shop.config.settle)
    assert shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert (cancellations(sim), len(order.refunds), len(sim.effects("order"))) == (1, 1, 1)


def test_two_cancellations_at_once_have_one_effect(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    sim.jobs.takes = 60
    record = change(order, cancel={})
    for attempt in (1, 2):
        with pytest.raises(OutcomeUnknown):
            shop.deliver(replace(record, attempt=attempt, maybe_sent=attempt > 1))
    sim.clock.advance(120)
    assert shop.find_effect(replace(record, attempt=3, maybe_sent=True))
    assert (cancellations(sim), len(order.refunds), len(sim.effects("order"))) == (2, 1, 1)
    assert sim.inventory("VALVE-10") == 50


def test_a_cancellation_that_the_shop_takes_on_and_does_not_carry_out_is_told(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    def ship(request: Request) -> bool:
        if b"cancel_state" in request.body and not order.fulfillments:
            asked = order.fulfillment_orders[0]
            sim.shop.fulfill([(asked, [(asked.lines[0], 1)])], {}, notify=False)
        return False

    sim.faults.add("POST /admin", Reset(), times=1, match=ship)
    with pytest.raises(Rejected, match="did not carry it out"):
        shop.deliver(change(order, cancel={}))
    assert not order.cancelled


def test_a_cancellation_that_shopify_refuses(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    asked = order.fulfillment_orders[0]
    sim.shop.fulfill([(asked, [(asked.lines[0], 1)])], {}, notify=False)
    with pytest.raises(Rejected, match="fulfilled items"):
        shop.deliver(change(order, cancel={}))


def test_an_order_on_account_is_marked_as_paid(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([("VALVE-10", 1, None)], financial="PENDING", send_webhook=False)
    assert shop.deliver(change(order, paid=True)).applied == "updated"
    assert order.financial_status == "PAID"
    assert shop.deliver(change(order, paid=True)).applied == "unchanged"


def test_lines_are_edited_to_the_quantities_that_are_wanted(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    sim.add_product("PUMP-8", "Pump", "130.00", stock=5)
    valve, seal = order.lines
    record = change(
        order,
        lines=[
            {"order_line": valve.id, "quantity": "8"},
            {"sku": "SEAL-3", "quantity": 7},
            {"sku": "PUMP-8", "quantity": 1},
        ],
    )
    assert shop.deliver(record).applied == "updated"
    assert [(line.sku, line.current_quantity) for line in order.lines] == [
        ("VALVE-10", 8),
        ("SEAL-3", 7),
        ("PUMP-8", 1),
    ]
    assert [line.unfulfilled_quantity for line in order.lines] == [8, 7, 1]
    assert sim.inventory("VALVE-10") == 42
    assert shop.deliver(record).applied == "unchanged"
    assert seal.quantity == 7


def test_an_edit_that_broke_off_changes_nothing_and_is_made_again(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = change(order, lines=[{"sku": "VALVE-10", "quantity": 3}])
    sim.faults.add("POST /admin", Reset(), match="orderEditCommit")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    assert order.lines[0].current_quantity == 10
    shop.deliver(replace(record, attempt=2, maybe_sent=True))
    assert order.lines[0].current_quantity == 3


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ([{"sku": "NOPE", "quantity": 1}], "ITM-UNKNOWN"),
        ([{"sku": "VALVE-10", "quantity": "0.5"}], "ITM-UOM"),
    ],
)
def test_edits_that_cannot_be_made(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, lines: Any, code: str
) -> None:
    with pytest.raises(Rejected) as refused:
        shop.deliver(change(order, lines=lines))
    assert refused.value.code == code
    assert not sim.effects()


def test_a_hold_is_ours_alone(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    asked = order.fulfillment_orders[0]
    asked.fulfillment_holds.append(
        {"id": "gid://shopify/FulfillmentHold/1", "handle": "fraud-app", "reason": "HIGH_RISK_OF_FRAUD"}
    )
    asked.status = "ON_HOLD"
    record = change(order, hold={"reason": "awaiting_payment", "note": "credit"})
    assert shop.deliver(record).applied == "updated"
    assert shop.deliver(record).applied == "unchanged"
    assert shop.deliver(change(order, hold=None)).applied == "updated"
    assert [found["handle"] for found in asked.fulfillment_holds] == ["fraud-app"]
    assert asked.status == "ON_HOLD"


def test_another_location_takes_over(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    east = sim.shop.add_location("East")
    assert shop.deliver(change(order, location_id=east.id)).applied == "updated"
    assert order.fulfillment_orders[0].location is east
    assert sim.inventory("VALVE-10") == 50
    assert shop.deliver(change(order, location_id=east.id)).applied == "unchanged"


def asked_of(order: Order) -> list[tuple[str, str, dict[str | None, int]]]:
    """Location, status and pieces left, for each fulfilment order that has some."""
    found = [
        (one.location.name, one.status, {line.line.sku: line.remaining_quantity for line in one.lines})
        for one in order.fulfillment_orders
    ]
    return sorted((one for one in found if any(one[2].values())), key=str)


def once(shop: ShopifyConnector, sim: ShopifySimulator, record: OutboundRecord, mutation: str) -> None:
    """Deliver it with the answer to the mutation lost, go on as the hub does, and once more: the mutation was carried out once."""
    sim.faults.add("POST /admin", Reset(after_effect=True), match=mutation)
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) is None
    assert shop.deliver(again).applied in {"adopted", "updated"}  # there may be a further step to make
    assert shop.deliver(record).applied == "unchanged"
    assert sum(mutation.encode() in entry.body for entry in sim.journal) == 1


def test_some_pieces_go_from_another_location(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    east = sim.shop.add_location("East")
    lines = [{"sku": "VALVE-10", "quantity": "4"}, {"order_line": order.lines[1].id}]
    record = change(order, moves=[{"location_id": east.id, "lines": lines}])
    once(shop, sim, record, "fulfillmentOrderMove")
    assert asked_of(order) == [
        ("East", "OPEN", {"VALVE-10": 4, "SEAL-3": 5}),
        ("Main warehouse", "OPEN", {"VALVE-10": 6}),
    ]
    assert (sim.inventory("VALVE-10", "East"), sim.inventory("VALVE-10")) == (-4, 44)
    with pytest.raises(Rejected, match="not enough left to move 11 of VALVE-10"):
        shop.deliver(change(order, moves=[{"location_id": east.id, "lines": [{"sku": "VALVE-10", "quantity": 11}]}]))


def test_what_was_moved_and_has_left_already_is_not_moved_again(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    east = sim.shop.add_location("East")
    record = change(order, moves=[{"location_id": east.id, "lines": [{"sku": "VALVE-10", "quantity": 4}]}])
    shop.deliver(record)
    (moved,) = [one for one in order.fulfillment_orders if one.location is east]
    sim.shop.fulfill([(moved, [(moved.lines[0], 4)])], {}, notify=False)
    assert shop.deliver(record).applied == "unchanged"


def test_some_pieces_are_held_back_and_released(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    hold = {"reason": "inventory_out_of_stock", "lines": [{"sku": "SEAL-3", "quantity": 2}]}
    once(shop, sim, change(order, hold=hold), "fulfillmentOrderHold")
    assert asked_of(order) == [
        ("Main warehouse", "ON_HOLD", {"SEAL-3": 2}),
        ("Main warehouse", "OPEN", {"VALVE-10": 10, "SEAL-3": 3}),
    ]
    once(shop, sim, change(order, hold=None), "fulfillmentOrderReleaseHold")
    assert {status for _, status, _ in asked_of(order)} == {"OPEN"}


def test_an_order_is_edited_split_moved_and_held_in_one_write(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    """Each step meets the fulfilment orders as the one before it left them."""
    (asked,) = order.fulfillment_orders
    sim.shop.fulfill([(asked, [(asked.lines[0], 4)])], {}, notify=False)
    east = sim.shop.add_location("East")
    record = change(
        order,
        lines=[{"sku": "SEAL-3", "quantity": 7}],
        split=[{"lines": [{"sku": "VALVE-10", "quantity": 2}]}],
        hold={"reason": "other"},
        location_id=east.id,
    )
    assert shop.deliver(record).applied == "updated"
    assert {(place, status) for place, status, _ in asked_of(order)} == {("East", "ON_HOLD")}
    assert sum(sum(lines.values()) for _, _, lines in asked_of(order)) == 6 + 7
    assert shop.deliver(record).applied == "unchanged"


@pytest.mark.parametrize("lost", ["fulfillmentOrderSplit", "fulfillmentOrderHold"])
@pytest.mark.parametrize("lines", [None, [{"sku": "VALVE-10"}, {"sku": "SEAL-3"}]])
def test_what_is_left_of_an_order_that_shipped_in_part_is_held_back(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, lost: str, lines: Any
) -> None:
    (asked,) = order.fulfillment_orders
    sim.shop.fulfill([(asked, [(asked.lines[0], 4)])], {}, notify=False)
    assert asked.status == "IN_PROGRESS"
    hold = {"reason": "awaiting_payment"} | ({"lines": lines} if lines else {})
    once(shop, sim, change(order, hold=hold), lost)
    assert asked_of(order) == [("Main warehouse", "ON_HOLD", {"VALVE-10": 6, "SEAL-3": 5})]
    assert shop.deliver(change(order, hold=None)).applied == "updated"
    assert asked_of(order) == [("Main warehouse", "OPEN", {"VALVE-10": 6, "SEAL-3": 5})]


def test_some_pieces_are_split_off_and_then_held(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    record = change(order, split=[{"lines": [{"sku": "VALVE-10", "quantity": 3}, {"sku": "SEAL-3", "quantity": 1}]}])
    once(shop, sim, record, "fulfillmentOrderSplit")
    assert asked_of(order) == [
        ("Main warehouse", "OPEN", {"VALVE-10": 3, "SEAL-3": 1}),
        ("Main warehouse", "OPEN", {"VALVE-10": 7, "SEAL-3": 4}),
    ]
    further = change(order, split=[{"lines": [{"sku": "VALVE-10", "quantity": 5}]}], hold={"reason": "other"})
    assert shop.deliver(further).applied == "updated"
    assert [status for _, status, _ in asked_of(order)] == ["ON_HOLD"] * 3
    with pytest.raises(Rejected) as refused:
        shop.deliver(change(order, split=[{"lines": [{"sku": "VALVE-10", "quantity": 6}]}]))
    assert refused.value.code == "ORD-EDIT-LATE"


def test_orders_are_not_deleted_from_here(shop: ShopifyConnector, order: Order) -> None:
    with pytest.raises(Unsupported):
        shop.deliver(replace(change(order), operation="delete"))
    with pytest.raises(Rejected, match="no such order"):
        shop.deliver(replace(change(order), external_id="gid://shopify/Order/1"))


def refund(order: Order, quantity: Any = 2, **data: Any) -> OutboundRecord:
    line = {"order_line": order.lines[0].id, "quantity": quantity, "restock": "return"}
    return OutboundRecord("refund", "create", {"order_id": order.id, "lines": [line], **data}, "key-r", "hub-test-r")


def test_a_refund_is_paid_once_and_as_the_shop_reckons(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = refund(order, note="wrong size", shipping="5.00")
    sim.faults.add("POST /admin", Reset(after_effect=True), match="refundCreate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    found = shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found
    (made,) = order.refunds
    assert found.external_id == made.id
    assert made.amount == Decimal("48.20")  # 2 x 20.00, 8 per cent tax, 5.00 freight
    assert made.note == "wrong size [hub-test-r]"
    assert shop.deliver(replace(record, attempt=3)).external_id == made.id
    assert len(order.refunds) == 1


def test_a_refund_may_be_less_and_never_more(shop: ShopifyConnector, order: Order) -> None:
    shop.deliver(refund(order, amount="34.30"))
    assert order.refunds[0].amount == Decimal("34.30")
    with pytest.raises(Rejected) as refused:
        shop.deliver(replace(refund(order, amount="99.00"), marker="hub-test-2"))
    assert refused.value.code == "RFD-EXCEEDS"


def test_an_order_with_many_parts_is_read_whole(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    order = sim.place_order([(f"X-{index}", 2, "1.00") for index in range(60)], shipping="1", send_webhook=False)
    asked = order.fulfillment_orders[0]
    for part in range(7):
        sim.shop.fulfill([(asked, [(asked.lines[part], 1)])], {"numbers": [f"T{part}"]}, notify=False)
    sim.shop.fulfill([(asked, [(line, 1) for line in asked.lines[7:]])], {"numbers": ["BIG"]}, notify=False)
    for index in range(6):
        sim.shop.refund(order, [(f"X-{index}", 1, "RETURN")])
    sim.shop.refund(order, [(f"X-{index}", 1, "CANCEL") for index in range(20, 40)])
    message = connect(line_page=10).fetch("order", order.id)
    assert message
    assert len(message.payload["line_items"]) == 60
    assert [len(found["line_items"]) for found in message.payload["fulfillments"]] == [1] * 7 + [53]
    assert [len(found["refund_line_items"]) for found in message.payload["refunds"]] == [1] * 6 + [20]
