"""Writing to Odoo: each order once, whatever is lost on the way; amounts exact; changes and cancellations in their limits."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from connectors.odoo.simulator.orm import rpc
from hub.errors import AuthFailed, ConfigError, HubError, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.records import NaturalKey, OutboundRecord
from hub.sdk.testing.faults import CutBody, Reset, Status, Timeout
from hub.sdk.testing.io import make_io


@pytest.fixture(params=["19.0", "18.0"])
def sim(request: pytest.FixtureRequest) -> OdooSimulator:
    made = OdooSimulator(version=request.param)
    made.add_product("VALVE-10", "Valve", 19.99, {"WH": 1000})
    made.add_product("00123", "Washer", 1, {"WH": 1000})
    return made


@pytest.fixture
def url(sim: OdooSimulator) -> Iterator[str]:
    with sim.serve() as server:
        yield server.url
        assert server.errors == []


def connect(sim: OdooSimulator, url: str, **config: Any) -> OdooConnector:
    settings = OdooConnector.Config(**{**sim.connection_config(url), "deadline": 10.0, **config})
    return OdooConnector(settings, make_io(deadline=10.0))


def line(sim: OdooSimulator, sku: str = "VALVE-10", **values: Any) -> dict[str, Any]:
    product = str(sim.product(sku)["id"])
    return {
        "line": f"l-{sku}",
        "product_id": product,
        "name": sku,
        "product_uom_qty": "2",
        "price_unit": "10.00",
        **values,
    }


def order(sim: OdooSimulator, marker: str = "hub-t-ord_1", **values: Any) -> OutboundRecord:
    data = {
        "partner_id": None, "origin": "#1001", "currency": "USD", "date_order": "2026-11-20T10:00:00+01:00", "total": "20.00",
        "invoice_address": {"name": "Jane", "street": "Main St 1", "city": "Berlin", "zip": "10115", "country_code": "DE"},
        "order_line": [line(sim)], **values,
    }  # fmt: skip
    return OutboundRecord("order", "create", data, f"key-{marker}", marker)


def settle(odoo: OdooConnector, record: OutboundRecord, tries: int = 12) -> Any:
    """Deliver as the hub does: look the effect up before anything is sent again."""
    for attempt in range(1, tries):
        now = replace(record, attempt=attempt, maybe_sent=record.maybe_sent)
        try:
            found = odoo.find_effect(now) if now.maybe_sent else None
            return found or odoo.deliver(now)
        except OutcomeUnknown:
            record = replace(record, maybe_sent=True)
        except RetryLater:
            pass
    raise AssertionError("never settled")


def test_an_order_is_made_confirmed_and_reserves_stock(sim: OdooSimulator, url: str) -> None:
    result = connect(sim, url).deliver(order(sim))
    assert result.applied == "created"
    (made,) = sim.orders
    assert (made["state"], made["client_order_ref"], made["origin"]) == ("sale", "hub-t-ord_1", "#1001")
    assert made["amount_total"] == Decimal(20)
    (picking,) = sim.pickings
    assert (picking["state"], picking["moves"]) == (
        "assigned",
        [{"sku": "VALVE-10", "quantity": Decimal(2), "state": "assigned"}],
    )


@pytest.mark.parametrize("sim", ["19.0"], indirect=True)
@pytest.mark.parametrize("method", ["load", "action_confirm", "search_read", "read"])
@pytest.mark.parametrize(
    "fault",
    [
        Timeout(after_effect=True, seconds=1),
        Timeout(seconds=1),
        Reset(after_effect=True),
        Reset(),
        CutBody(),
        Status(502, after_effect=True),
    ],
    ids=["timeout-after", "timeout-before", "reset-after", "reset-before", "cut", "502-after"],
)
def test_one_order_whatever_is_lost(sim: OdooSimulator, url: str, method: str, fault: Any) -> None:
    sim.faults.add("POST /", [fault], match=lambda request: method.encode() in request.path.encode() + request.body)
    result = settle(connect(sim, url, deadline=0.5), order(sim))
    assert [o["state"] for o in sim.orders] == ["sale"]
    assert result.external_id == str(sim.orders[0]["id"])
    assert len([e for e in sim.effects("order") if e.verb == "create"]) == 1
    assert len(sim.pickings) == 1


def test_fifty_orders_by_eight_workers_with_lost_answers_are_fifty_orders(sim: OdooSimulator, url: str) -> None:
    sim.faults.add("POST /", [None, None, Reset(after_effect=True), None, Status(502), None, CutBody()], times=200)
    odoo = connect(sim, url)
    markers = [f"hub-t-ord_{number}" for number in range(50)]
    work = iter([marker for marker in markers for _ in range(2)])  # each is done twice, by different workers
    lock, failures = threading.Lock(), []

    def worker() -> None:
        while True:
            with lock:
                marker = next(work, None)
            if marker is None:
                return
            try:
                settle(odoo, order(sim, marker), tries=40)
            except BaseException as error:
                failures.append(error)

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failures == []
    assert sorted(o["client_order_ref"] for o in sim.orders) == sorted(markers)
    assert {o["state"] for o in sim.orders} == {"sale"}
    assert len(sim.pickings) == 50


def test_a_quotation_that_an_earlier_try_left_is_confirmed(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    sim.faults.add(
        "POST /", [Status(503)], match=lambda request: b"action_confirm" in request.path.encode() + request.body
    )
    with pytest.raises(OutcomeUnknown):
        odoo.deliver(order(sim))
    again = replace(order(sim), maybe_sent=True, attempt=2)
    assert odoo.find_effect(again) is None
    assert odoo.deliver(again).external_id == "1"
    assert [o["state"] for o in sim.orders] == ["sale"]


def test_an_order_confirmed_by_somebody_else_meanwhile_is_fine(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, confirm_orders=False)
    odoo.deliver(order(sim))
    with sim.work() as env:
        env["sale.order"].action_confirm([1])
    assert connect(sim, url).deliver(replace(order(sim), attempt=2)).applied == "adopted"


def test_two_orders_with_the_marker_stop_for_a_person(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    odoo.deliver(order(sim))
    with sim.work() as env:
        env["sale.order"].insert({"partner_id": 2, "client_order_ref": "hub-t-ord_1"})
    with pytest.raises(Rejected) as caught:
        odoo.find_effect(replace(order(sim), maybe_sent=True))
    assert caught.value.code == "HUB-DUPLICATE"


def test_a_total_that_differs_keeps_the_order_a_quotation_until_it_is_mended(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    with pytest.raises(Rejected) as caught:
        odoo.deliver(order(sim, total="21.50"))
    assert caught.value.code == "AMT-TOTAL"
    assert [o["state"] for o in sim.orders] == ["draft"]
    with sim.work() as env:
        lines = env["sale.order.line"]
        lines.change(lines.rows[1], {"price_unit": 10.75})
    assert odoo.deliver(replace(order(sim, total="21.50"), attempt=2)).applied == "adopted"
    assert [o["state"] for o in sim.orders] == ["sale"]


def test_a_total_that_differs_can_be_a_mere_warning(sim: OdooSimulator, url: str) -> None:
    result = connect(sim, url, on_total_mismatch="warn").deliver(order(sim, total="21.50"))
    assert any(w.startswith("AMT-TOTAL") for w in result.warnings)
    assert sim.orders[0]["state"] == "sale"


@pytest.mark.parametrize(
    ("rates", "included", "total"),
    [
        (["0.19"], False, "23.80"),
        (["0.19"], True, "20.00"),
        (["0.0625", "0.01"], False, "21.45"),
        (["0.08875"], False, "21.78"),
    ],
)
def test_the_taxes_that_the_shop_charged_are_found(
    sim: OdooSimulator, url: str, rates: list[str], included: bool, total: str
) -> None:
    odoo = connect(sim, url, total_tolerance="0")
    result = odoo.deliver(order(sim, tax_included=included, total=total, order_line=[line(sim, tax_rates=rates)]))
    assert result.warnings == ()
    assert sim.orders[0]["amount_total"] == Decimal(total)


def test_prices_with_tax_become_net_where_odoo_has_only_such_taxes(sim: OdooSimulator, url: str) -> None:
    with sim.work() as env:
        for tax in [t for t in env["account.tax"].rows.values() if t["price_include"]]:
            env["account.tax"].change(tax, {"active": False})
    connect(sim, url).deliver(order(sim, tax_included=True, total="20.00", order_line=[line(sim, tax_rates=["0.19"])]))
    assert abs(sim.orders[0]["amount_total"] - 20) <= Decimal("0.01")


def test_an_unknown_tax_rate_leaves_taxes_to_odoo_and_says_so(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, on_total_mismatch="warn")
    result = odoo.deliver(order(sim, order_line=[line(sim, tax_rates=["0.123"])]))
    assert any("0.123" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("quantity", "price", "discount", "lines"),
    [("2", "10.00", "5.00", 1), ("3", "19.99", "5.00", 1), ("7", "1234.56", "1.23", 2), ("1", "10.00", "10.00", 1)],
)
def test_discounts_are_exact_to_the_cent(
    sim: OdooSimulator, url: str, quantity: str, price: str, discount: str, lines: int
) -> None:
    total = str(Decimal(quantity) * Decimal(price) - Decimal(discount))
    given = line(sim, product_uom_qty=quantity, price_unit=price, discount_amount=discount)
    connect(sim, url, total_tolerance="0").deliver(order(sim, total=total, order_line=[given]))
    assert len(sim.orders[0]["lines"]) == lines


def test_a_discount_on_the_order_is_spread_over_its_taxes(sim: OdooSimulator, url: str) -> None:
    lines = [line(sim, tax_rates=["0.19"]), line(sim, "00123", price_unit="5.00", tax_rates=["0.07"])]
    # 20 + 10 less 3: two thirds off the first tax, one third off the second
    connect(sim, url, total_tolerance="0").deliver(order(sim, order_line=lines, discount_amount="3.00", total="31.05"))
    assert [row["sku"] for row in sim.orders[0]["lines"]] == ["VALVE-10", "00123", "DISCOUNT", "DISCOUNT"]


def test_shipping_is_a_line_of_the_service_product(sim: OdooSimulator, url: str) -> None:
    charge = {"name": "Standard", "price_unit": "4.90", "tax_rates": []}
    connect(sim, url).deliver(order(sim, shipping=[charge], total="24.90"))
    assert sim.orders[0]["lines"][1]["sku"] == "SHIPPING"


def test_an_order_in_another_currency_gets_a_pricelist_of_it(sim: OdooSimulator, url: str) -> None:
    connect(sim, url).deliver(order(sim, currency="EUR"))
    assert sim.orders[0]["currency"] == "EUR"
    with pytest.raises(Rejected) as caught:
        connect(sim, url).deliver(order(sim, "hub-t-ord_2", currency="NOK"))
    assert caught.value.code == "CUR-UNSUPPORTED"


def test_a_missing_service_product_is_named_with_what_to_do(sim: OdooSimulator, url: str) -> None:
    charge = {"name": "Standard", "price_unit": "4.90"}
    with pytest.raises(Rejected, match="FREIGHT") as caught:
        connect(sim, url, shipping_product="FREIGHT").deliver(order(sim, shipping=[charge]))
    assert caught.value.code == "ITM-UNKNOWN"
    assert sim.orders == []


def test_an_order_with_500_lines_and_one_with_none(sim: OdooSimulator, url: str) -> None:
    many = [line(sim, line=f"l{n}", product_uom_qty="1", price_unit="0.01") for n in range(500)]
    connect(sim, url).deliver(order(sim, order_line=many, total="5.00"))
    connect(sim, url).deliver(order(sim, "hub-t-ord_2", order_line=[], total="0"))
    assert [len(o["lines"]) for o in sim.orders] == [500, 0]


def test_addresses_are_made_once_and_used_again(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    home = {"name": "Jane Dö😀", "street": "Main St 1", "zip": "01067", "city": "Dresden", "country_code": "DE"}
    made = odoo.deliver(OutboundRecord("customer", "create", {**home, "email": "jane@example.com"}, "k", "hub-t-cus_1"))
    work = {"name": "Jane Dö😀", "company_name": "ACME", "street": "Work Rd 2", "city": "Leipzig", "country_code": "DE"}
    for number in range(3):
        data = {"partner_id": made.external_id, "invoice_address": home, "delivery_address": work}
        odoo.deliver(order(sim, f"hub-t-ord_{number}", **data))
    assert [(p["type"], p["street"]) for p in sim.partners] == [("contact", "Main St 1"), ("delivery", "Work Rd 2")]
    assert {o["partner_invoice_id"] for o in sim.orders} == {int(made.external_id)}


def test_a_customer_is_found_by_e_mail_whatever_its_case_and_never_made_twice(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    record = OutboundRecord("customer", "create", {"name": "Jane", "email": "Jane@Example.com"}, "k", "hub-t-cus_1")
    first = odoo.deliver(record)
    assert odoo.deliver(replace(record, marker="hub-t-cus_2")).external_id == first.external_id
    nobody = OutboundRecord("customer", "create", {"name": "No mail"}, "k", "hub-t-cus_3")
    assert odoo.deliver(nobody).external_id == odoo.deliver(nobody).external_id
    assert len(sim.partners) == 2
    found = odoo.find("customer", NaturalKey("email", "jane@example.com"))
    assert found is not None
    assert found.external_id == first.external_id


def test_two_partners_with_the_e_mail_address_are_not_guessed_between(sim: OdooSimulator, url: str) -> None:
    with sim.work() as env:
        for name in ("Jane", "Jane again"):
            env["res.partner"].insert({"name": name, "email": "jane@example.com"})
    record = OutboundRecord("customer", "create", {"name": "Jane", "email": "jane@example.com"}, "k", "hub-t-cus_1")
    with pytest.raises(Rejected) as caught:
        connect(sim, url).deliver(record)
    assert caught.value.code == "ACC-AMBIGUOUS"
    assert "jane@" not in str(caught.value)
    assert connect(sim, url, on_ambiguous_customer="oldest").deliver(record).external_id == "2"


def test_a_changed_order_is_brought_to_the_shops_state(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    made = odoo.deliver(order(sim))

    def edit(*lines: dict[str, Any], total: str) -> Any:
        change = order(sim, order_line=list(lines), total=total)
        return odoo.deliver(replace(change, operation="update", external_id=made.external_id))

    assert edit(line(sim), total="20.00").applied == "unchanged"
    more = line(sim, product_uom_qty="5")
    assert edit(more, line(sim, "00123"), total="70.00").applied == "updated"
    assert [(row["sku"], row["quantity"]) for row in sim.orders[0]["lines"]] == [("VALVE-10", 5), ("00123", 2)]
    assert {m["sku"]: m["quantity"] for m in sim.pickings[0]["moves"]} == {"VALVE-10": 5, "00123": 2}
    assert edit(more, line(sim, "00123"), total="70.00").applied == "unchanged"
    assert edit(more, total="50.00").applied == "updated"
    assert [(row["sku"], row["quantity"]) for row in sim.orders[0]["lines"]] == [("VALVE-10", 5), ("00123", 0)]
    sim.ship("hub-t-ord_1", {"VALVE-10": 4})
    with pytest.raises(Rejected) as caught:
        edit(line(sim, product_uom_qty="3"), total="30.00")
    assert caught.value.code == "ORD-EDIT-LATE"


def test_a_cancelled_order_is_cancelled_unless_something_left(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    made = odoo.deliver(order(sim))
    cancel = replace(order(sim, cancelled=True), operation="update", external_id=made.external_id)
    assert odoo.deliver(cancel).applied == "updated"
    assert odoo.deliver(cancel).applied == "unchanged"
    assert (sim.orders[0]["state"], sim.pickings[0]["state"]) == ("cancel", "cancel")
    late = odoo.deliver(order(sim, "hub-t-ord_2"))
    sim.ship("hub-t-ord_2", {"VALVE-10": 1})
    with pytest.raises(Rejected) as caught:
        odoo.deliver(
            replace(order(sim, "hub-t-ord_2", cancelled=True), operation="update", external_id=late.external_id)
        )
    assert caught.value.code == "ORD-CANCEL-LATE"


def test_a_wrong_key_pauses_the_connection(sim: OdooSimulator, url: str) -> None:
    with pytest.raises(AuthFailed) as caught:
        connect(sim, url, api_key="wrong").deliver(order(sim))
    assert "wrong" not in str(caught.value)
    assert not connect(sim, url, api_key="wrong").check().ok


def test_a_wrong_database_is_a_fault_of_the_settings(sim: OdooSimulator, url: str) -> None:
    with pytest.raises((AuthFailed, ConfigError, RetryLater)):
        connect(sim, url, database="nowhere").deliver(order(sim))
    assert sim.orders == []


def test_no_traceback_and_no_address_of_a_person_in_errors(sim: OdooSimulator, url: str) -> None:
    bad = order(sim, order_line=[line(sim, product_id="99999")])
    with pytest.raises(HubError) as caught:
        connect(sim, url).deliver(bad)
    assert "Traceback" not in str(caught.value)
    assert isinstance(caught.value, Rejected)


def test_a_sku_is_found_exactly_and_two_of_it_are_a_conflict(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    assert odoo.find("variant", NaturalKey("sku", "123")) is None
    found = odoo.find("variant", NaturalKey("sku", "00123"))
    assert found is not None
    assert found.external_id == str(sim.product("00123")["id"])
    sim.add_product("00123", "Washer again", 1)
    with pytest.raises(Rejected) as caught:
        odoo.find("variant", NaturalKey("sku", "00123"))
    assert caught.value.code == "XREF-CONFLICT"


def test_what_a_company_adds_to_its_order_stands_where_odoo_has_it(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url, sales_teams={"b2b": 1})
    said = {
        "channel": "b2b", "payment_terms": "account.account_payment_term_30days", "incoterm": "dap",
        "commitment_date": "2026-11-24T00:00:00+01:00",
    }  # fmt: skip
    assert odoo.deliver(order(sim, **said)).warnings == ()
    (made,) = sim.orders
    orders = sim.env["sale.order"]
    shown = [orders._shown(made, name)[1] for name in ("payment_term_id", "incoterm", "source_id", "team_id")]
    assert shown == ["30 Days", "[DAP] DELIVERED AT PLACE", "b2b", "Sales"]
    assert str(made["commitment_date"]) == "2026-11-23 23:00:00+00:00"
    by_name = order(sim, "hub-t-ord_2", channel="b2b", payment_terms="45 Days")
    assert odoo.deliver(by_name).warnings == ()
    assert len(sim.env["utm.source"].rows) == 1, "one source a channel"


def test_two_orders_of_a_new_channel_at_once_make_one_source(
    sim: OdooSimulator, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other order's source comes between the question for it and the import: Odoo then refuses the name as taken."""
    sources = sim.env["utm.source"]

    @rpc
    def load(fields: list[str], data: list[list[str]]) -> dict[str, Any]:
        sources.insert({"name": "b2b"})
        return {"ids": False, "messages": [{"type": "error", "message": "The name must be unique"}], "nextrow": 0}

    monkeypatch.setattr(sources, "load", load, raising=False)
    connect(sim, url).deliver(order(sim, channel="b2b"))
    assert sim.env["sale.order"]._shown(sim.orders[0], "source_id")[1] == "b2b"
    assert len(sources.rows) == 1


def test_terms_that_odoo_does_not_know_are_told_and_the_order_goes_on(sim: OdooSimulator, url: str) -> None:
    result = connect(sim, url).deliver(order(sim, payment_terms="14 days 2 %", incoterm="XXX"))
    assert [warning.split(":")[0] for warning in result.warnings] == [
        "Odoo has no payment terms '14 days 2 %'", "Odoo has no incoterm 'XXX'",
    ]  # fmt: skip
    assert sim.orders[0]["state"] == "sale"


def shipment(order_id: str, marker: str = "hub-t-shp_1", **values: Any) -> OutboundRecord:
    lines = [{"order_line": "l-VALVE-10", "quantity": "1"}]
    data = {"order_id": order_id, "number": "LS-1", "lines": lines, "tracking": "JJD1", **values}
    return OutboundRecord("shipment", "create", data, f"key-{marker}", marker)


def test_a_part_that_left_elsewhere_is_carried_out_and_the_rest_is_a_backorder(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    sold = odoo.deliver(order(sim, order_line=[line(sim), line(sim, "00123")], total=None)).external_id
    first = odoo.deliver(shipment(sold))
    assert first.warnings == ()
    done, rest = sim.pickings
    assert (done["state"], done["carrier_tracking_ref"], rest["state"], rest["backorder_id"]) == (
        "done",
        "JJD1",
        "assigned",
        done["id"],
    )
    assert [(m["sku"], m["quantity"]) for m in done["moves"]] == [("VALVE-10", 1)]
    assert sorted((m["sku"], m["quantity"]) for m in rest["moves"]) == [("00123", 2), ("VALVE-10", 1)]
    again = replace(shipment(sold), attempt=2, maybe_sent=True)
    found = odoo.find_effect(again)
    assert found is not None
    assert {found.external_id, odoo.deliver(again).external_id} == {first.external_id}
    both = [
        {"order_line": "l-VALVE-10", "quantity": "1"},
        {"product_id": str(sim.product("00123")["id"]), "quantity": "2"},
    ]
    odoo.deliver(shipment(sold, "hub-t-shp_2", lines=both, tracking=None))
    assert [p["state"] for p in sim.pickings] == ["done", "done"]
    with pytest.raises(Rejected, match="no delivery in Odoo that is still to go"):
        odoo.deliver(shipment(sold, "hub-t-shp_3"))


def test_more_than_was_ordered_is_a_conflict_and_tracking_may_come_later(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    sold = odoo.deliver(order(sim)).external_id
    with pytest.raises(Rejected) as caught:
        odoo.deliver(shipment(sold, lines=[{"order_line": "l-VALVE-10", "quantity": "3"}]))
    assert caught.value.code == "ORD-EDIT-CONFLICT"
    assert [p["state"] for p in sim.pickings] == ["assigned"]
    made = odoo.deliver(shipment(sold, tracking=None))
    later = replace(shipment(sold, tracking="JJD2"), operation="update", external_id=made.external_id)
    assert [odoo.deliver(later).applied for _ in range(2)] == ["updated", "unchanged"]
    assert sim.pickings[0]["carrier_tracking_ref"] == "JJD2"


@pytest.mark.parametrize("sim", ["19.0"], indirect=True)
def test_twenty_shipments_by_eight_workers_with_lost_answers_are_twenty(sim: OdooSimulator, url: str) -> None:
    odoo = connect(sim, url)
    orders = [odoo.deliver(order(sim, f"hub-t-ord_{number}")).external_id for number in range(20)]
    sim.faults.add("POST /", [None, None, Reset(after_effect=True), None, Status(502), None, CutBody()], times=200)
    work = iter([shipment(sold, f"hub-t-shp_{sold}") for sold in orders for _ in range(2)])
    lock, failures = threading.Lock(), []

    def worker() -> None:
        while True:
            with lock:
                record = next(work, None)
            if record is None:
                return
            try:
                settle(odoo, record, tries=40)
            except BaseException as error:
                failures.append(error)

    workers = [threading.Thread(target=worker) for _ in range(8)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert failures == []
    assert sorted(p["state"] for p in sim.pickings) == ["assigned"] * 20 + ["done"] * 20
