"""The Odoo connector against a real Odoo 19, with answers lost on the way; and the simulator against the same server."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.client import OdooClient
from connectors.odoo.simulator import OdooSimulator
from hub.errors import AuthFailed, Rejected
from hub.sdk.records import DeliverResult, NaturalKey, OutboundRecord
from tests.odoo.real import at_once, by_eight_workers, connect, drain, order, settle

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(300)]


@pytest.mark.parametrize("version", ["", "18.0"], ids=["json-2", "json-rpc"])
def test_fifty_orders_by_eight_workers_with_lost_answers_are_fifty_orders(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], lossy: str, run: str, version: str
) -> None:
    markers = [f"hub-{run}-{'rpc' if version else 'j2'}-{number}" for number in range(50)]
    through = connect(settings, url=lossy, version=version)
    jobs = [partial(settle, lambda: through, order(products, marker, 1)) for marker in markers]
    assert by_eight_workers(jobs) == []
    made = odoo.client.search_read(
        "sale.order", [["client_order_ref", "in", markers]], ["client_order_ref", "state", "picking_ids"]
    )
    assert sorted(row["client_order_ref"] for row in made) == sorted(markers)
    assert {row["state"] for row in made} == {"sale"}
    assert {len(row["picking_ids"]) for row in made} == {1}


def test_eight_workers_that_send_the_same_order_at_once_make_one(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    record = order(products, f"hub-{run}-same")
    outcomes = at_once(lambda: connect(settings).deliver(record).external_id)
    made = odoo.client.search_read("sale.order", [["client_order_ref", "=", record.marker]], ["state"])
    assert [row["state"] for row in made] == ["sale"], outcomes
    assert settle(lambda: odoo, record).external_id == str(made[0]["id"])


def test_a_customer_and_its_addresses_are_made_once(odoo: OdooConnector, products: dict[str, int], run: str) -> None:
    home = {
        "name": "Zoë 👩‍🚀",
        "street": "Main St 1",
        "zip": "01067",
        "city": "Dresden",
        "country_code": "DE",
        "lang": "de-DE",
    }
    record = OutboundRecord("customer", "create", {**home, "email": f"Zoe-{run}@Example.com"}, "k", f"hub-{run}-cus_1")
    assert odoo.find_effect(record) is None
    first = odoo.deliver(record)
    found = odoo.find_effect(replace(record, maybe_sent=True))
    assert found is not None
    assert found.external_id == first.external_id
    again = odoo.deliver(replace(record, marker=f"hub-{run}-cus_2"))
    assert (again.applied, again.external_id) == ("adopted", first.external_id)
    ref = odoo.find("customer", NaturalKey("email", f"zoe-{run}@example.com"))
    assert ref is not None
    assert ref.external_id == first.external_id
    ship_to = {"name": "Zoë", "company_name": "ACME", "street": "Work Rd 2", "city": "Leipzig", "country_code": "DE"}
    for number in range(2):
        odoo.deliver(
            order(
                products,
                f"hub-{run}-adr-{number}",
                partner_id=first.external_id,
                invoice_address=home,
                delivery_address=ship_to,
            )
        )
    children = odoo.client.search_read("res.partner", [["parent_id", "=", int(first.external_id)]], ["type", "street"])
    assert [(c["type"], c["street"]) for c in children] == [("delivery", "Work Rd 2")]
    (name,) = odoo.client.read("res.partner", [int(first.external_id)], ["name"]).values()
    assert name["name"] == "Zoë 👩‍🚀"


def test_a_customer_is_read_with_its_addresses_when_one_of_them_changes(odoo: OdooConnector, run: str) -> None:
    client = odoo.client
    _, cursor = drain(odoo, "customer")
    company = {"name": f"ACME {run}", "is_company": True, "customer_rank": 1, "ref": f"C-{run}", "country_id": 57}
    made = client.create("res.partner", company)
    depot = client.create("res.partner", {"name": "Depot", "type": "delivery", "parent_id": made, "street": "Weg 1"})
    person = client.create("res.partner", {"name": f"Jane {run}", "parent_id": made})
    first, cursor = drain(odoo, "customer", cursor)
    mine = {m.external_id: m.payload for m in first if m.external_id in (str(made), str(person), str(depot))}
    assert {id_: len(payload["addresses"]) for id_, payload in mine.items()} == {str(made): 1, str(person): 0}
    assert mine[str(person)]["parent_id"] == [made, f"ACME {run}"]
    client.write("res.partner", [depot], {"street": "Weg 2"})
    changed = [m.payload for m in drain(odoo, "customer", cursor)[0] if m.external_id == str(made)]
    assert changed[-1]["addresses"][0]["street"] == "Weg 2"
    assert changed[-1]["ref"] == f"C-{run}"


def test_a_partial_delivery_with_backorder_and_tracking_and_the_stock_that_follows(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sku, product = next(iter(products.items()))
    _, stock_cursor = drain(odoo, "inventory_level")
    before, stock_cursor = drain(odoo, "inventory_level", stock_cursor)
    _, cursor = drain(odoo, "shipment")
    marker = f"hub-{run}-partial"
    made = odoo.deliver(order(products, marker, 3, total="34.50"))
    (picking,) = odoo.client.search_read(
        "stock.picking", [["sale_id", "=", int(made.external_id)]], ["move_ids", "state"]
    )
    assert picking["state"] == "assigned"
    odoo.client.write("stock.move", picking["move_ids"], {"quantity": 2, "picked": True})
    action = odoo.client.call("stock.picking", "button_validate", [picking["id"]], effect=True)
    assert action["res_model"] == "stock.backorder.confirmation"
    wizard = odoo.client.create("stock.backorder.confirmation", {}, context=action["context"])
    odoo.client.call("stock.backorder.confirmation", "process", [wizard], effect=True, context=action["context"])
    tracking = odoo.client.has("stock.picking", "carrier_tracking_ref")
    if tracking:
        odoo.client.write("stock.picking", [picking["id"]], {"carrier_tracking_ref": "JJD000390007"})
    first, cursor = drain(odoo, "shipment", cursor)
    (one,) = [m.payload for m in first if m.payload["sale"]["client_order_ref"] == marker]
    assert [(m["sku"], m["quantity"], m["order_line"]) for m in one["moves"]] == [(sku, 2, "gid://shopify/LineItem/1")]
    assert one["sale"]["id"] == int(made.external_id)
    assert one["carrier_tracking_ref"] == ("JJD000390007" if tracking else False)
    (rest,) = odoo.client.search_read("stock.picking", [["backorder_id", "=", picking["id"]]], ["move_ids"])
    assert odoo.client.call("stock.picking", "button_validate", [rest["id"]], effect=True) is True
    second, cursor = drain(odoo, "shipment", cursor)
    (two,) = [
        m.payload
        for m in second
        if m.payload["sale"]["client_order_ref"] == marker and m.external_id == str(rest["id"])
    ]
    assert [(m["sku"], m["quantity"]) for m in two["moves"]] == [(sku, 1)]
    assert two["backorder_id"][0] == picking["id"]
    assert drain(odoo, "shipment", cursor)[0] == []
    after, _ = drain(odoo, "inventory_level", stock_cursor)
    levels = [m.payload for m in after if m.payload["product_id"] == product and m.payload["warehouse"]["code"] == "WH"]
    (now,) = odoo.client.read("product.product", [product], ["qty_available", "free_qty"]).values()
    assert (levels[-1]["qty_available"], levels[-1]["free_qty"]) == (now["qty_available"], now["free_qty"])
    assert {m.dedupe_key for m in before}.isdisjoint(m.dedupe_key for m in after if m.payload["product_id"] == product)


def shipment(order_id: str, marker: str, quantity: int, **values: Any) -> OutboundRecord:
    lines = [{"order_line": "gid://shopify/LineItem/1", "quantity": str(quantity)}]
    data = {"order_id": order_id, "number": marker[-6:], "lines": lines, "tracking": f"T-{marker}", **values}
    return OutboundRecord("shipment", "create", data, f"key-{marker}", marker)


def test_shipments_of_another_warehouse_are_carried_out_once_with_lost_answers(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], lossy: str, run: str
) -> None:
    """Each is sent by two workers at once, loses every third answer, and leaves one done picking and one backorder."""
    orders = [odoo.deliver(order(products, f"hub-{run}-3pl-{number}", 3)).external_id for number in range(6)]
    through = connect(settings, url=lossy)
    records = [shipment(sold, f"hub-{run}-shp-{sold}", 2) for sold in orders for _ in range(2)]
    assert by_eight_workers([partial(settle, lambda: through, record) for record in records]) == []
    at_once(lambda: connect(settings).deliver(replace(records[0], attempt=2)).external_id)
    fields = ["state", "backorder_id", "carrier_tracking_ref", "sale_id"]
    pickings = odoo.client.search_read("stock.picking", [["sale_id", "in", [int(id_) for id_ in orders]]], fields)
    assert (
        sorted((row["state"], bool(row["backorder_id"])) for row in pickings)
        == [("assigned", True)] * 6 + [("done", False)] * 6
    )
    sent = {row["carrier_tracking_ref"] for row in pickings if row["state"] == "done"}
    assert sent == {f"T-hub-{run}-shp-{sold}" for sold in orders}
    lines = odoo.client.search_read(
        "sale.order.line", [["order_id", "in", [int(id_) for id_ in orders]]], ["qty_delivered"]
    )
    assert {row["qty_delivered"] for row in lines} == {2}
    rest = odoo.deliver(shipment(orders[0], f"hub-{run}-shp-rest", 1))
    message = odoo.fetch("shipment", rest.external_id)
    assert message is not None
    assert [(m["quantity"], m["order_line"]) for m in message.payload["moves"]] == [(1, "gid://shopify/LineItem/1")]
    with pytest.raises(Rejected):
        odoo.deliver(shipment(orders[0], f"hub-{run}-shp-more", 1))
    with pytest.raises(Rejected) as caught:
        odoo.deliver(shipment(orders[1], f"hub-{run}-shp-many", 9))
    assert caught.value.code == "ORD-EDIT-CONFLICT"


def test_an_order_is_changed_and_cancelled_in_its_limits(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    second = list(products.items())[1]
    made = odoo.deliver(order(products, f"hub-{run}-edit"))

    def edit(quantity: int, *more: dict[str, Any], total: str, **values: Any) -> DeliverResult:
        given = order(products, f"hub-{run}-edit", quantity, total=total, **values)
        given.data["order_line"].extend(more)
        return odoo.deliver(replace(given, operation="update", external_id=made.external_id))

    def demand() -> dict[str, float]:
        moves = odoo.client.search_read(
            "stock.move", [["sale_line_id.order_id", "=", int(made.external_id)], ["state", "!=", "cancel"]],
            ["product_id", "product_uom_qty"],
        )  # fmt: skip
        found: dict[str, float] = {}
        for move in moves:
            found[move["product_id"][0]] = found.get(move["product_id"][0], 0) + float(move["product_uom_qty"])
        return {sku: found.get(id_, 0.0) for sku, id_ in products.items()}

    washer = {
        "line": "l2",
        "product_id": str(second[1]),
        "name": second[0],
        "product_uom_qty": "4",
        "price_unit": "1.00",
        "tax_rates": ["0.15"],
    }
    assert edit(2, total="23.00").applied == "unchanged"
    assert edit(5, washer, total="62.10").applied == "updated"
    assert list(demand().values()) == [5, 4]
    assert edit(5, washer, total="62.10").applied == "unchanged"
    assert edit(3, total="34.50").applied == "updated"
    assert list(demand().values()) == [3, 0]
    cancelled = edit(3, total="34.50", cancelled=True)
    assert cancelled.applied == "updated"
    states = odoo.client.search_read("stock.picking", [["sale_id", "=", int(made.external_id)]], ["state"])
    assert {row["state"] for row in states} == {"cancel"}
    assert edit(3, total="34.50", cancelled=True).applied == "unchanged"


def test_what_a_company_adds_to_its_order_stands_where_odoo_has_it(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    said = {
        "channel": f"b2b-{run}", "payment_terms": "account.account_payment_term_30days", "incoterm": "dap",
        "commitment_date": "2026-11-24T00:00:00+01:00", "note": "Ring twice\nPurchase order: 4711",
    }  # fmt: skip
    made = [odoo.deliver(order(products, f"hub-{run}-b2b-{number}", **said)) for number in range(2)]
    assert [result.warnings for result in made] == [(), ()]
    fields = ["payment_term_id", "incoterm", "source_id", "commitment_date", "note"]
    for row in odoo.client.read("sale.order", [int(result.external_id) for result in made], fields).values():
        assert [row[name][1] for name in fields[:3]] == ["30 Days", "[DAP] DELIVERED AT PLACE", f"b2b-{run}"]
        assert row["commitment_date"] == "2026-11-23 23:00:00"
        assert "Purchase order: 4711" in row["note"]
    assert len(odoo.client.search_read("utm.source", [["name", "ilike", f"b2b-{run}"]], ["name"])) == 1


def test_a_total_that_differs_keeps_the_order_a_quotation(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    with pytest.raises(Rejected) as caught:
        odoo.deliver(order(products, f"hub-{run}-total", total="99.00"))
    assert caught.value.code == "AMT-TOTAL"
    (made,) = odoo.client.search_read("sale.order", [["client_order_ref", "=", f"hub-{run}-total"]], ["state"])
    assert made["state"] == "draft"


def test_discounts_and_shipping_are_exact(odoo: OdooConnector, products: dict[str, int], run: str) -> None:
    strict = connect({**odoo.config.model_dump(), "api_key": odoo.config.api_key}, total_tolerance="0")
    given = order(products, f"hub-{run}-exact", 7, total="0")
    given.data["order_line"][0].update(price_unit="1234.56", discount_amount="1.23", tax_rates=["0.15"])
    given.data["shipping"] = [{"name": "Standard", "price_unit": "4.90", "tax_rates": ["0.15"]}]
    net = Decimal("1234.56") * 7 - Decimal("1.23") + Decimal("4.90")
    given.data["total"] = str((net * Decimal("1.15")).quantize(Decimal("0.01")))
    assert strict.deliver(given).warnings == ()


def test_refusals_are_classed(settings: dict[str, Any], products: dict[str, int], run: str) -> None:
    for version in ("", "18.0"):
        with pytest.raises(AuthFailed):
            connect(settings, api_key="wrong", version=version or "19.0").client.search_read(
                "sale.order", [], ["name"], limit=1
            )
        bad = order(products, f"hub-{run}-bad")
        bad.data["order_line"][0]["product_id"] = "99999999"
        with pytest.raises(Rejected) as caught:
            connect(settings, version=version).deliver(bad)
        assert "Traceback" not in str(caught.value)
    with pytest.raises(AuthFailed):
        connect(settings, database="no_such_database").client.search_read("sale.order", [], ["name"], limit=1)


def test_check_says_that_all_is_well(odoo: OdooConnector) -> None:
    health = odoo.check()
    assert health.ok
    assert health.details["version"] == "19.0"


OWN = {"stock.picking.type": {"last"}, "sale.order.line": {"product_uom"}}
"""What the simulator keeps in fields of its own."""


def test_every_field_of_the_simulator_is_a_field_of_the_real_odoo(odoo: OdooConnector) -> None:
    wrong = []
    for name, model in OdooSimulator().env.models.items():
        real = odoo.client.call(name, "fields_get", attributes=["type", "relation"])
        for field, ours in model.known.items():
            theirs = real.get(field)
            if field in OWN.get(name, ()):
                continue
            if theirs is None or (theirs["type"], theirs.get("relation", "")) != (ours.type, ours.relation):
                wrong.append((name, field, ours.type, ours.relation, theirs))
    assert wrong == [], wrong


def test_times_are_compared_by_whole_seconds(odoo: OdooConnector, products: dict[str, int]) -> None:
    id_ = next(iter(products.values()))
    client: OdooClient = odoo.client
    stamp = client.read("product.product", [id_], ["write_date"])[id_]["write_date"]
    mine = ["id", "=", id_]
    assert client.search_read("product.product", [mine, ["write_date", ">", stamp]], ["id"]) == []
    assert client.search_read("product.product", [mine, ["write_date", ">=", stamp]], ["id"]) != []
    assert client.search_read("product.product", [mine, ["write_date", "<", stamp]], ["id"]) == []


def test_a_variant_is_made_once_changed_and_renamed(odoo: OdooConnector, run: str) -> None:
    data = {
        "default_code": f"NEW-{run}",
        "names": {"en": "Valve é", "de": "Ventil"},
        "list_price": "19.90",
        "currency": "USD",
    }
    record = OutboundRecord(
        "variant", "create", {**data, "weight": Decimal("0.25"), "stocked": True}, "k", f"hub-{run}-var_1"
    )
    made = odoo.deliver(record)
    assert made.applied == "created"
    found = odoo.find_effect(replace(record, maybe_sent=True))
    assert found is not None
    assert found.external_id == made.external_id
    assert odoo.deliver(replace(record, marker=f"hub-{run}-var_2")).external_id == made.external_id
    odoo.deliver(
        replace(record, operation="update", external_id=made.external_id, data={**data, "list_price": "21.00"})
    )
    fields = ["name", "list_price", "weight", "is_storable", "default_code"]
    (row,) = odoo.client.read("product.product", [int(made.external_id)], fields).values()
    assert (row["name"], row["list_price"], row["weight"]) == ("Valve é", Decimal("21.0"), Decimal("0.25"))
    assert row["is_storable"] is True
    with pytest.raises(Rejected) as caught:
        odoo.deliver(replace(record, data={**data, "currency": "JPY"}))
    assert caught.value.code == "CUR-UNSUPPORTED"


def test_a_product_has_its_category_its_picture_and_its_variants(odoo: OdooConnector, run: str) -> None:
    client = odoo.client
    attribute = client.create(
        "product.attribute", {"name": f"Size {run}", "value_ids": [[0, 0, {"name": "S"}], [0, 0, {"name": "M"}]]}
    )
    values = [
        row["id"] for row in client.search_read("product.attribute.value", [["attribute_id", "=", attribute]], ["name"])
    ]
    parent = client.create("product.category", {"name": f"Clothing {run}"})
    category = client.create("product.category", {"name": "Shirts", "parent_id": parent})
    pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
    line = [0, 0, {"attribute_id": attribute, "value_ids": [[6, 0, values]]}]
    template = client.create(
        "product.template",
        {"name": f"Shirt {run}", "categ_id": category, "image_1920": pixel, "attribute_line_ids": [line]},
    )
    message = odoo.fetch("product", str(template))
    assert message is not None
    payload = message.payload
    assert (payload["code"], payload["category"]) == (f"T{template}", f"Clothing {run} / Shirts")
    assert len(payload["variants"]) == 2
    assert payload["image"]["mimetype"] == "image/png"
    assert len(payload["image"]["checksum"]) == 40
    found = odoo.find("product", NaturalKey("code", f"T{template}"))
    assert found is not None
    assert found.external_id == str(template)
    variant = odoo.fetch("variant", str(payload["variants"][1]["id"]))
    assert variant is not None
    assert variant.payload["options"] == [{"name": f"Size {run}", "value": "M"}]


def test_a_price_rule_has_its_list_its_quantity_and_its_dates(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    sku, product = next(iter(products.items()))
    rule = {
        "applied_on": "0_product_variant", "product_id": product, "compute_price": "fixed", "fixed_price": Decimal("11.50"),
        "min_quantity": 10, "date_start": "2026-12-01 00:00:00", "date_end": "2027-02-28 23:59:59",
    }  # fmt: skip
    _, cursor = drain(odoo, "price")
    made = odoo.client.create("product.pricelist", {"name": f"Retail {run}", "item_ids": [[0, 0, rule]]})
    found, _ = drain(odoo, "price", cursor)
    (payload,) = [m.payload for m in found if m.payload["pricelist_id"][0] == made]
    assert (payload["sku"], payload["fixed_price"], payload["min_quantity"]) == (sku, Decimal("11.5"), 10)
    assert (payload["date_start"], payload["date_end"]) == ("2026-12-01 00:00:00", "2027-02-28 23:59:59")


def test_an_invoice_its_payment_its_document_and_its_credit_note(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    client, marker = odoo.client, f"hub-{run}-invoice"
    made = int(odoo.deliver(order(products, marker)).external_id)
    (picking,) = client.search_read("stock.picking", [["sale_id", "=", made]], ["id"])
    client.call("stock.picking", "button_validate", [picking["id"]], effect=True)
    context = {"active_model": "sale.order", "active_ids": [made], "active_id": made}
    wizard = client.create("sale.advance.payment.inv", {"advance_payment_method": "delivered"}, context=context)
    client.call("sale.advance.payment.inv", "create_invoices", [wizard], effect=True, context=context)
    (sale,) = client.read("sale.order", [made], ["invoice_ids"]).values()
    (invoice,) = sale["invoice_ids"]
    assert odoo.fetch("invoice", str(invoice)) is None, "a draft is nobody's business yet"
    client.call("account.move", "action_post", [invoice], effect=True)
    file = {
        "name": "invoice.pdf",
        "res_model": "account.move",
        "res_id": invoice,
        "datas": "JVBERi0xLjQK",
        "mimetype": "application/pdf",
    }
    client.create("ir.attachment", file)

    def read(number: int) -> dict[str, Any]:
        message = odoo.fetch("invoice", str(number))
        assert message is not None
        return dict(message.payload)

    posted = read(invoice)
    assert posted["sale"]["client_order_ref"] == marker
    assert [(line["sku"], line["order_line"]) for line in posted["lines"]] == [
        (next(iter(products)), "gid://shopify/LineItem/1")
    ]
    assert (posted["payment_state"], posted["amount_total"]) == ("not_paid", 23)
    assert [document["mimetype"] for document in posted["documents"]] == ["application/pdf"]
    paying = {"active_model": "account.move", "active_ids": [invoice]}
    _, cursor = drain(odoo, "invoice")
    pay = client.create("account.payment.register", {"amount": 10}, context=paying)
    client.call("account.payment.register", "action_create_payments", [pay], effect=True, context=paying)
    changed = [m.payload for m in drain(odoo, "invoice", cursor)[0] if m.external_id == str(invoice)]
    assert (changed[-1]["payment_state"], changed[-1]["amount_residual"]) == ("partial", 13)
    reversal = client.create(
        "account.move.reversal",
        {"move_ids": [[6, 0, [invoice]]], "journal_id": _journal(client, invoice), "reason": "returned"},
    )
    action = client.call("account.move.reversal", "refund_moves", [reversal], effect=True)
    note = int(action["res_id"])
    client.call("account.move", "action_post", [note], effect=True)
    credit = read(note)
    assert (credit["move_type"], credit["amount_total"]) == ("out_refund", 23)
    assert credit["reversed_entry_id"][0] == invoice


def _journal(client: OdooClient, invoice: int) -> int:
    return int(client.read("account.move", [invoice], ["journal_id"])[invoice]["journal_id"][0])


def test_what_a_customer_sends_back_is_read_as_a_return(
    odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    client, sku = odoo.client, next(iter(products))
    made = odoo.deliver(order(products, f"hub-{run}-return", 3, total="34.50"))
    (delivery,) = client.search_read("stock.picking", [["sale_id", "=", int(made.external_id)]], ["name"])
    client.call("stock.picking", "button_validate", [delivery["id"]], effect=True)
    _, cursor = drain(odoo, "return")
    context = {"active_model": "stock.picking", "active_id": delivery["id"], "active_ids": [delivery["id"]]}
    wizard = client.create("stock.return.picking", {}, context=context)
    (lines,) = client.read("stock.return.picking", [wizard], ["product_return_moves"]).values()
    client.write("stock.return.picking.line", lines["product_return_moves"], {"quantity": 1})
    action = client.call("stock.return.picking", "action_create_returns", [wizard], effect=True, context=context)
    receipt = int(action["res_id"])
    (planned,) = client.read("stock.picking", [receipt], ["move_ids"]).values()
    client.write("stock.move", planned["move_ids"], {"quantity": 1, "picked": True})
    assert client.call("stock.picking", "button_validate", [receipt], effect=True) is True
    (message,) = [m for m in drain(odoo, "return", cursor)[0] if m.external_id == str(receipt)]
    assert message.payload["sale"]["id"] == int(made.external_id)
    assert message.payload["return_id"][1] == delivery["name"]
    assert [(m["sku"], m["quantity"], m["order_line"]) for m in message.payload["moves"]] == [
        (sku, 1, "gid://shopify/LineItem/1")
    ]
    (line,) = client.search_read("sale.order.line", [["order_id", "=", int(made.external_id)]], ["qty_delivered"])
    assert line["qty_delivered"] == 2


LINE = "gid://shopify/LineItem/1"


def test_a_user_without_administrators_rights_suffices(
    settings: dict[str, Any], odoo: OdooConnector, products: dict[str, int], run: str
) -> None:
    client, login = odoo.client, f"hub-{run}"
    names = (
        "base.group_user",
        "sales_team.group_sale_salesman_all_leads",
        "stock.group_stock_user",
        "base.group_partner_manager",
        "account.group_account_invoice",
    )
    groups = [client.by_external_id(name) for name in names]
    client.create(
        "res.users", {"name": "The hub", "login": login, "password": f"pass-{run}", "group_ids": [[6, 0, groups]]}
    )
    limited = connect(settings, login=login, api_key=f"pass-{run}", version="18.0")
    assert limited.check().ok
    for stream in limited.manifest.streams.values():
        if stream.poll.support.value == "full":
            limited.poll(stream.name, None, 5)
    home = {"name": "Limited", "street": "Main St 1", "city": "Berlin", "country_code": "DE"}
    made = limited.deliver(
        OutboundRecord("customer", "create", {**home, "email": f"{run}@limited.example"}, "k", f"hub-{run}-lim")
    )
    away = {**home, "street": "Side St 2"}
    sold = limited.deliver(order(products, f"hub-{run}-lim-order", partner_id=made.external_id, delivery_address=away))
    (state,) = client.read("sale.order", [int(sold.external_id)], ["state", "partner_shipping_id"]).values()
    assert state["state"] == "sale"
    assert state["partner_shipping_id"][0] != int(made.external_id)
    left = {"order_id": sold.external_id, "number": "-", "lines": [{"order_line": LINE, "quantity": "2"}]}
    limited.deliver(OutboundRecord("shipment", "create", left, "k", f"hub-{run}-lim-shp"))
    back = {**left, "status": "received", "lines": [{"order_line": LINE, "quantity": "1"}]}
    returned = limited.deliver(OutboundRecord("return", "create", back, "k", f"hub-{run}-lim-ret"))
    assert limited.fetch("return", returned.external_id) is not None
    with pytest.raises(AuthFailed) as caught:
        limited.deliver(
            OutboundRecord(
                "variant", "create", {"default_code": f"L-{run}", "names": {"en": "x"}}, "k", f"hub-{run}-lv"
            )
        )
    assert caught.value.code == "CON-SCOPE"


def test_a_price_is_written_once_changed_and_deleted(odoo: OdooConnector, products: dict[str, int], run: str) -> None:
    product = next(iter(products.values()))
    data = {
        "price_list": f"B2B-{run}", "price_list_name": f"Dealers {run}", "currency": "USD", "applies_to": "variant",
        "product_id": str(product), "fixed_price": Decimal("11.505"), "min_quantity": "10", "date_start": "2026-12-01T00:00:00+01:00",
        "date_end": "2027-03-01T00:00:00+01:00",
    }  # fmt: skip
    record = OutboundRecord("price", "create", data, "k", f"hub-{run}-prc_1")
    made = odoo.deliver(record)
    found = odoo.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found is not None
    assert {found.external_id, odoo.deliver(record).external_id} == {made.external_id}
    message = odoo.fetch("price", made.external_id)
    assert message is not None
    read = message.payload
    assert (read["pricelist"]["name"], read["fixed_price"], read["min_quantity"]) == (
        f"Dealers {run}",
        Decimal("11.505"),
        10,
    )
    assert (read["date_start"], read["date_end"]) == ("2026-11-30 23:00:00", "2027-02-28 23:00:00")
    second = replace(record, data={**data, "min_quantity": "50", "fixed_price": "9"}, marker=f"hub-{run}-prc_2")
    other = odoo.fetch("price", odoo.deliver(second).external_id)
    assert other is not None
    assert other.payload["pricelist_id"] == read["pricelist_id"], "one list for all its rules"
    rest = {name: data[name] for name in ("price_list", "currency")}
    all_ = {**rest, "applies_to": "all", "percent_price": Decimal("10.0")}
    odoo.deliver(replace(record, operation="update", external_id=made.external_id, data=all_))
    changed = odoo.fetch("price", made.external_id)
    assert changed is not None
    assert (changed.payload["applied_on"], changed.payload["percent_price"], changed.payload["product_id"]) == (
        "3_global",
        10,
        False,
    )
    with pytest.raises(Rejected) as caught:
        odoo.deliver(replace(record, data={**data, "date_end": data["date_start"]}, marker=f"hub-{run}-prc_3"))
    assert "end date" in str(caught.value)
    gone = replace(record, operation="delete", external_id=made.external_id)
    assert [odoo.deliver(gone).applied for _ in range(2)] == ["deleted", "unchanged"]
    assert odoo.deliver(record).external_id != made.external_id, "what was deleted can be made again"
