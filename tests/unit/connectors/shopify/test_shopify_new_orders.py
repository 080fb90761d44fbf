"""Orders that were placed elsewhere: made in the shop once, recognised by a custom id that the shop keeps unique."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from connectors.shopify.simulator.model import Order
from hub.errors import DeliveryError, OutcomeUnknown, Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Status, Timeout


def placed(sim: ShopifySimulator, marker: str = "hub-hubtest-1", **data: Any) -> OutboundRecord:
    new = sim.sample_outbound("order")["new"]
    new.update(data.pop("new", {}))
    return OutboundRecord("order", "create", {"new": new, **data}, f"key-{marker}", marker)


def only(sim: ShopifySimulator) -> Order:
    (found,) = sim.orders
    return found


def test_an_order_is_made_with_all_it_says(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    variant = sim.shop.variant("VALVE-10")
    assert variant
    line = {
        "sku": "VALVE-10", "variant_id": variant.id, "title": "Gate valve", "quantity": "3", "price": "20.00",
        "taxes": [{"title": "VAT", "amount": "11.40"}], "properties": {"Engraving": "Line 7"},
    }  # fmt: skip
    record = placed(
        sim, new={"lines": [line], "discount": "5.00", "discount_code": "SPRING", "total": "71.35", "po_number": "PO-7",
                  "source_identifier": "305-1", "note": "Ring twice"}, paid=True, tags=["marketplace"],
    )  # fmt: skip
    before = sim.inventory("VALVE-10")
    result = shop.deliver(record)
    order = only(sim)
    assert (result.external_id, result.applied, result.warnings) == (order.id, "created", ())
    assert (order.name, order.po_number, order.source_identifier, order.note) == ("MP-1", "PO-7", "305-1", "Ring twice")
    assert (str(order.total), order.financial_status, order.gateways) == ("71.35", "PAID", ["marketplace"])
    assert order.lines[0].variant is variant
    assert order.lines[0].properties == [("Engraving", "Line 7")]
    assert str(order.lines[0].taxes[0].rate) == "0.190000"  # reckoned from the amount, since the shop wants a rate
    assert order.shipping_address is not None
    assert (order.shipping_address.first_name, order.shipping_address.zip) == ("New", "01234")
    assert order.attributes == [("hub", "shop/hub-hubtest-1")]
    assert sim.inventory("VALVE-10") == before  # whoever owns the stock takes the pieces off
    assert shop.deliver(replace(record, attempt=2, maybe_sent=True)).external_id == order.id
    assert len(sim.orders) == 1


def test_what_the_shop_reckons_otherwise_is_told(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    result = shop.deliver(placed(sim, new={"total": "99.00"}))
    assert result.warnings == ("the shop reckons MP-1 at 28.75, and its source at 99.00",)


def test_stock_is_taken_off_where_the_settings_say_so(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    variant = sim.shop.variant("SEAL-3")
    assert variant
    line = {"sku": "SEAL-3", "variant_id": variant.id, "quantity": 4, "price": "4.00", "taxes": []}
    before = sim.inventory("SEAL-3") or 0
    connect(order_inventory="decrement_ignoring_policy").deliver(
        placed(sim, new={"lines": [line], "shipping": [], "total": "16.00"})
    )
    assert sim.inventory("SEAL-3") == before - 4


def test_orders_of_others_are_not_made_unless_asked_for(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    with pytest.raises(Rejected) as refused:
        connect(create_orders=False).deliver(placed(sim))
    assert refused.value.code == "ORD-PLACED-ELSEWHERE"
    assert "create_orders" in refused.value.fix
    assert not sim.orders


def test_half_a_piece_is_refused(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    with pytest.raises(Rejected) as refused:
        shop.deliver(placed(sim, new={"lines": [{"sku": "X", "quantity": "1.5", "price": "1"}]}))
    assert refused.value.code == "ITM-UOM"


def test_a_held_order_is_made_and_held(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    record = placed(sim, hold={"reason": "other"})
    sim.faults.add("POST /admin", Reset(after_effect=True), match="fulfillmentOrderHold")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    assert shop.find_effect(again) is None  # it must be seen to that the hold is there
    shop.deliver(again)
    order = only(sim)
    assert [len(asked.fulfillment_holds) for asked in order.fulfillment_orders] == [1]


@pytest.mark.parametrize(
    "fault",
    [
        Timeout(after_effect=True, seconds=1),
        Reset(after_effect=True),
        CutBody(),
        Reset(),
        Status(502, b"", after_effect=True),
    ],
)
@pytest.mark.parametrize("step", ["orderCreate", "metafieldDefinitionCreate"])
def test_a_lost_answer_makes_no_second_order(
    shop: ShopifyConnector, sim: ShopifySimulator, fault: Any, step: str
) -> None:
    record = placed(sim)
    sim.faults.add("POST /admin", fault, match=step)
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    result = shop.find_effect(again) or shop.deliver(again)
    assert result.external_id == only(sim).id


def test_eight_workers_make_one_order_of_one_record_and_eight_of_eight(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator
) -> None:
    """The shop refuses the second of two attempts, even where both looked before either wrote: no lease has to hold for that."""
    records = [placed(sim, f"hub-hubtest-{number}") for number in range(8)]
    start = threading.Barrier(16)
    made: list[str] = []
    odd: list[Exception] = []

    def work(record: OutboundRecord) -> None:
        shop = connect()
        start.wait()
        try:
            made.append(shop.deliver(record).external_id)
        except DeliveryError:
            pass
        except Exception as error:
            odd.append(error)

    threads = [threading.Thread(target=work, args=(record,)) for record in [*records, *[records[0]] * 8]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not odd
    assert len(sim.orders) == 8
    assert len(sim.effects("order")) == 8


def test_an_attempt_that_was_overtaken_takes_the_order_that_is_there(
    shop: ShopifyConnector, sim: ShopifySimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = placed(sim)
    shop.deliver(record)
    writer: Any = shop._writers["order"]
    looked = writer._new.find
    answers = iter([None])  # this attempt looked before the other one wrote
    monkeypatch.setattr(writer._new, "find", lambda given: next(answers, "late") and looked(given))
    result = shop.deliver(replace(record, attempt=2))
    assert result.external_id == only(sim).id
