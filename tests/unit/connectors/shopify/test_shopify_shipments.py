"""Shipments: fulfilments over the right fulfilment orders, each exactly once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.shopify.simulator.model import Order
from hub.errors import OutcomeUnknown, Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.faults import CutBody, LateEffect, Reset, Status, Timeout


def shipment(
    order: Order, lines: list[tuple[str, Any]], tracking: tuple[str, ...] = ("1Z",), **given: Any
) -> OutboundRecord:
    data = {
        "order_id": order.id,
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
        "tracking": [{"number": number, "company": "UPS"} for number in tracking],
        **given.pop("data", {}),
    }
    return OutboundRecord("shipment", "create", data, "key-1", "hub-test-1", **given)


@pytest.fixture
def order(sim: ShopifySimulator) -> Order:
    return sim.place_order([("VALVE-10", 10, None), ("SEAL-3", 5, None)], send_webhook=False)


def shipped(order: Order) -> list[tuple[dict[str | None, int], list[str]]]:
    return [({line.line.sku: quantity for line, quantity in made.lines}, made.numbers) for made in order.fulfillments]


def test_an_order_ships_in_two_parts(shop: ShopifyConnector, order: Order) -> None:
    first = shop.deliver(
        shipment(order, [("VALVE-10", "6"), ("SEAL-3", 5)], ("1Z", "2Z"), data={"notify_customer": True})
    )
    second = shop.deliver(shipment(order, [("VALVE-10", 4)], ("3Z",)))
    assert shipped(order) == [({"VALVE-10": 6, "SEAL-3": 5}, ["1Z", "2Z"]), ({"VALVE-10": 4}, ["3Z"])]
    assert order.fulfillment_status == "FULFILLED"
    assert [made.notified for made in order.fulfillments] == [1, 0]
    assert (first.applied, second.external_id) == ("created", order.fulfillments[1].id)


@pytest.mark.parametrize(
    "fault",
    [
        Timeout(after_effect=True, seconds=3),
        Reset(after_effect=True),
        CutBody(),
        Status(500, after_effect=True),
        Status(503),
        Timeout(after_effect=False, seconds=3),
    ],
    ids=lambda fault: f"{type(fault).__name__}-{getattr(fault, 'after_effect', True)}",
)
def test_an_unclear_answer_never_makes_two(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, fault: Any
) -> None:
    record = shipment(order, [("VALVE-10", 6)])
    sim.faults.add("POST /admin", fault, match="fulfillmentCreate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    result = shop.find_effect(again) or shop.deliver(again)
    assert result.external_id == order.fulfillments[0].id
    assert shipped(order) == [({"VALVE-10": 6}, ["1Z"])]
    assert shop.deliver(again).applied == "adopted"
    assert len(order.fulfillments) == 1


def test_an_effect_that_comes_late_is_found_after_the_settling_time(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = shipment(order, [("VALVE-10", 10)])
    sim.faults.add("POST /admin", LateEffect(seconds=0.2, hold=3), match="fulfillmentCreate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    found = shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found
    assert found.applied == "adopted"


def test_without_tracking_an_effect_is_known_by_its_time(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    shop.deliver(shipment(order, [("VALVE-10", 2)], ()))
    sim.clock.advance(3600)
    sent_at = sim.clock.now().isoformat()
    record = shipment(order, [("VALVE-10", 2)], (), first_sent_at=sent_at, attempt=2, maybe_sent=True)
    assert shop.find_effect(record) is None
    shop.deliver(record)
    found = shop.find_effect(record)
    assert found
    assert found.external_id == order.fulfillments[1].id
    assert len(order.fulfillments) == 2


def test_two_equal_shipments_stay_two(shop: ShopifyConnector, order: Order) -> None:
    shop.deliver(shipment(order, [("VALVE-10", 5)], ()))
    shop.deliver(shipment(order, [("VALVE-10", 5)], ()))
    assert len(order.fulfillments) == 2


@pytest.fixture
def spread(sim: ShopifySimulator) -> Order:
    sim.shop.add_location("East")
    return sim.place_order(
        [("VALVE-10", 3, None), ("SEAL-3", 2, None)], locations={"SEAL-3": "East"}, send_webhook=False
    )


def test_two_locations_make_two_and_a_broken_off_write_goes_on(
    shop: ShopifyConnector, sim: ShopifySimulator, spread: Order
) -> None:
    record = shipment(spread, [("VALVE-10", 3), ("SEAL-3", 2)])
    sim.faults.add("POST /admin", [None, Reset()], match="fulfillmentCreate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    assert len(spread.fulfillments) == 1
    again = replace(record, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) is None
    result = shop.deliver(again)
    assert result.external_id == ",".join(made.id for made in spread.fulfillments)
    assert {made.location.name for made in spread.fulfillments} == {"Main warehouse", "East"}
    assert spread.fulfillment_status == "FULFILLED"


def test_the_warehouse_that_ships_is_preferred(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    east = sim.shop.add_location("East")
    order = sim.place_order(
        [{"sku": "VALVE-10", "quantity": 2}, {"sku": "VALVE-10", "quantity": 2}], send_webhook=False
    )
    asked = order.fulfillment_orders[0]
    moved = asked.lines.pop()
    other = type(asked)(sim.shop.next_id(), order, east, sim.shop.now(), [moved])
    order.fulfillment_orders.append(other)
    sim.shop.fulfillment_orders[other.number] = other
    shop.deliver(shipment(order, [("VALVE-10", 2)], data={"location_id": east.id}))
    assert [made.location.name for made in order.fulfillments] == ["East"]


def test_lines_are_taken_by_their_id_where_it_is_known(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([("VALVE-10", 2, "10"), ("VALVE-10", 2, "5")], send_webhook=False)
    record = shipment(order, [("VALVE-10", 2)])
    record.data["lines"][0]["order_line"] = order.lines[1].id
    shop.deliver(record)
    assert [line.fulfilled for line in order.lines] == [0, 2]


def test_new_tracking_updates_the_fulfilment_that_is_there(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    made = shop.deliver(shipment(order, [("VALVE-10", 10)], ()))
    changed = shipment(order, [("VALVE-10", 10)], ("9Z",), external_id=made.external_id)
    assert shop.deliver(changed).applied == "updated"
    assert shop.deliver(changed).applied == "unchanged"
    assert shipped(order) == [({"VALVE-10": 10}, ["9Z"])]
    assert len(sim.effects("shipment")) == 2


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        ([("VALVE-10", 11)], "CON-REJECTED", "1 of VALVE-10 less"),
        ([("NOPE", 1)], "CON-REJECTED", "NOPE"),
        ([("SEAL-3", "1.5")], "ITM-UOM", "whole pieces"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_written(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order, lines: list[Any], code: str, said: str
) -> None:
    with pytest.raises(Rejected, match=said) as refused:
        shop.deliver(shipment(order, [("SEAL-3", 1), *lines]))
    assert refused.value.code == code
    assert not sim.effects("shipment")


def test_a_cancelled_order_and_one_on_hold(shop: ShopifyConnector, sim: ShopifySimulator, order: Order) -> None:
    order.fulfillment_orders[0].status = "ON_HOLD"
    with pytest.raises(Rejected, match="on hold"):
        shop.deliver(shipment(order, [("VALVE-10", 1)]))
    order.fulfillment_orders[0].status = "OPEN"
    sim.cancel_order(order, send_webhook=False)
    with pytest.raises(Rejected) as refused:
        shop.deliver(shipment(order, [("VALVE-10", 1)]))
    assert refused.value.code == "ORD-CANCEL-LATE"


def test_a_long_order_ships_whole(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    order = sim.place_order([(f"X-{index}", 1, "1") for index in range(230)], send_webhook=False)
    shop.deliver(shipment(order, [(f"X-{index}", 1) for index in range(230)]))
    assert len(order.fulfillments[0].lines) == 230
    assert order.fulfillment_status == "FULFILLED"


def test_the_vendors_words_reach_the_person(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    from connectors.shopify.simulator.shop import Refused

    def refuse(*_: Any, **__: Any) -> Any:
        raise Refused("Fulfillment order 7 is closed.", ["fulfillment"])

    monkeypatch.setattr(sim.shop, "fulfill", refuse)
    with pytest.raises(Rejected, match=r"fulfillment: Fulfillment order 7 is closed\."):
        connect().deliver(shipment(order, [("VALVE-10", 1)]))


# --- afterwards


def test_new_tracking_is_told_once_also_when_only_the_carrier_or_the_address_is_another(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = shipment(order, [("VALVE-10", 6)])
    made = shop.deliver(record).external_id
    parcel = {"number": "1Z", "company": "DPD", "url": "https://track.example/1Z"}
    other = replace(record, external_id=made, data={**record.data, "tracking": [parcel], "notify_customer": True})
    assert shop.deliver(other).applied == "updated"
    assert (order.fulfillments[0].company, order.fulfillments[0].urls) == ("DPD", ["https://track.example/1Z"])
    assert shop.deliver(other).applied == "unchanged"
    assert order.fulfillments[0].notified == 1


def test_a_shipment_is_cancelled_once_and_its_pieces_can_be_shipped_again(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = shipment(order, [("VALVE-10", 10), ("SEAL-3", 5)])
    made = shop.deliver(record).external_id
    assert order.fulfillment_status == "FULFILLED"
    back = replace(record, external_id=made, data={**record.data, "cancel": True})
    sim.faults.add("POST /admin", Reset(after_effect=True), match="fulfillmentCancel")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(back)
    again = replace(back, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) is None
    assert (shop.deliver(again).applied, shop.deliver(back).applied) == ("adopted", "unchanged")
    assert len([entry for entry in sim.journal if b"fulfillmentCancel" in entry.body]) == 1
    assert order.fulfillment_status == "UNFULFILLED"
    with pytest.raises(Rejected, match="was cancelled in the shop"):
        shop.deliver(replace(record, external_id=made))
    assert shop.deliver(shipment(order, [("VALVE-10", 10)], ("2Z",))).applied == "created"


def test_a_part_that_is_cancelled_joins_what_is_still_open(
    shop: ShopifyConnector, sim: ShopifySimulator, order: Order
) -> None:
    record = shipment(order, [("VALVE-10", 6)])
    made = shop.deliver(record).external_id
    shop.deliver(replace(record, external_id=made, data={**record.data, "cancel": True}))
    assert [line.remaining_quantity for line in order.fulfillment_orders[0].lines] == [10, 5]
    with pytest.raises(Rejected, match="knows no fulfilment"):
        shop.deliver(replace(record, data={**record.data, "cancel": True}))
