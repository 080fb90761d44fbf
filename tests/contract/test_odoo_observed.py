"""What real Odoo servers were observed to do, and the simulator therefore does: a test for each observation, by its number."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.odoo.simulator import OdooSimulator
from connectors.odoo.simulator.simulator import API_KEY, DATABASE, LOGIN
from hub.sdk.testing.simulator import Request


class Caller:
    """Calls the simulator in one of its two wire formats."""

    def __init__(self, version: str, **more: Any) -> None:
        self.sim = OdooSimulator(version=version, **more)
        self.new = version.startswith("19")
        self.headers: dict[str, str] = {}

    def raw(
        self, model: str, method: str, ids: list[int] | None = None, key: str = API_KEY, **named: Any
    ) -> tuple[int, Any]:
        if self.new:
            body = named if ids is None else {"ids": ids, **named}
            headers = {"authorization": f"bearer {key}", "x-odoo-database": DATABASE}
            return self._post(f"/json/2/{model}/{method}", body, headers)
        args = [named.pop("vals_list")] if method == "create" else [] if ids is None else [ids]
        return self.jsonrpc("object", "execute_kw", [DATABASE, 2, key, model, method, args, named])

    def jsonrpc(self, service: str, method: str, args: list[Any]) -> tuple[int, Any]:
        return self._post(
            "/jsonrpc",
            {
                "jsonrpc": "2.0",
                "method": "call",
                "id": 1,
                "params": {"service": service, "method": method, "args": args},
            },
            {},
        )

    def call(self, *args: Any, **named: Any) -> Any:
        status, body = self.raw(*args, **named)
        assert status == 200, body
        if self.new:
            return body
        assert "error" not in body, body
        return body["result"]

    def _post(self, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        response = self.sim.handle(Request("POST", path, headers=headers, body=json.dumps(body).encode()))
        self.headers = response.headers
        return response.status, json.loads(response.body)

    def order(self, quantity: int = 3, **values: Any) -> int:
        if not any(p["default_code"] == "SKU-001" for p in self.sim.env["product.product"].rows.values()):
            self.sim.add_product("SKU-001", "Widget", 12.5, {"WH": 100})
        line = {"product_id": self.sim.product("SKU-001")["id"], "product_uom_qty": quantity, "price_unit": 12.5}
        partner = self.call(
            "res.partner", "create", vals_list=[{"name": "ACME GmbH", "ref": "CUST-1001", **values.pop("partner", {})}]
        )
        values = {"partner_id": partner[0], "client_order_ref": "SHOP-000123", "order_line": [[0, 0, line]], **values}
        return int(self.call("sale.order", "create", vals_list=[values])[0])


@pytest.fixture(params=["19.0", "18.0"])
def odoo(request: pytest.FixtureRequest) -> Caller:
    return Caller(request.param)


def test_observation_1_client_order_ref_is_not_unique(odoo: Caller) -> None:
    ids = [odoo.order() for _ in range(4)]
    found = odoo.call("sale.order", "search", domain=[["client_order_ref", "=", "SHOP-000123"]])
    assert sorted(found) == ids


def test_observation_1_an_external_id_is_unique_so_that_load_makes_one_order(odoo: Caller) -> None:
    """Seen at the real 19: eight parallel loads made one order; the others got "could not serialize access"."""
    partner = odoo.call("res.partner", "create", vals_list=[{"name": "ACME"}])[0]
    made = [
        odoo.call("sale.order", "load", fields=["id", "partner_id/.id"], data=[["__hub__.x", str(partner)]])
        for _ in range(3)
    ]
    assert [answer["ids"] for answer in made] == [[1], [1], [1]]
    assert len(odoo.sim.orders) == 1


def test_observation_2_jsonrpc_answers_errors_with_status_200() -> None:
    odoo = Caller("18.0")
    status, body = odoo.raw("res.partner", "read", [1], key="wrong")
    assert status == 200
    assert (body["error"]["code"], body["error"]["data"]["name"]) == (0, "odoo.exceptions.AccessDenied")
    status, body = odoo.raw("sale.order", "create", vals_list=[{"client_order_ref": "x"}])
    assert (status, body["error"]["data"]["name"]) == (200, "odoo.exceptions.ValidationError")
    status, body = odoo.raw("sale.order", "search_read", domain=[["nofield", "=", 1]])
    assert body["error"]["data"]["message"] == "Invalid field sale.order.nofield in condition ('nofield', '=', 1)"
    status, body = odoo.jsonrpc("common", "authenticate", [DATABASE, LOGIN, "wrong", {}])
    assert (status, body["result"]) == (200, False)


def test_observation_2_json2_answers_with_real_status_codes() -> None:
    odoo = Caller("19.0")
    status, body = odoo.raw("res.partner", "search", key="wrong", domain=[])
    assert (status, body["name"], body["message"]) == (401, "werkzeug.exceptions.Unauthorized", "Invalid apikey")
    assert odoo.headers["www-authenticate"] == "Bearer"
    status, body = odoo.raw("sale.order", "create", vals_list=[{"client_order_ref": "x"}])
    assert (status, body["name"]) == (422, "odoo.exceptions.ValidationError")
    status, body = odoo.raw("sale.order", "search_read", domain=[["nofield", "=", 1]])
    assert (status, body["name"]) == (500, "builtins.ValueError")
    status, body = odoo.raw("sale.order", "nomethod", [])
    assert (status, body["name"]) == (404, "werkzeug.exceptions.NotFound")
    status, body = odoo.raw("sale.order", "_action_cancel", [1])
    assert (status, body["name"]) == (403, "odoo.exceptions.AccessError")


def test_observation_3_error_bodies_carry_a_traceback(odoo: Caller) -> None:
    _, body = odoo.raw("sale.order", "create", vals_list=[{"client_order_ref": "x"}])
    data = body if odoo.new else body["error"]["data"]
    assert data["debug"].startswith("Traceback (most recent call last)")


def test_observation_3_jsonrpc_still_works_at_19() -> None:
    assert Caller("19.0").jsonrpc("common", "version", [])[1]["result"]["server_version"] == "19.0"
    assert Caller("19.0").jsonrpc("common", "authenticate", [DATABASE, LOGIN, API_KEY, {}])[1]["result"] == 2


def test_observation_4_a_missing_record_is_read_as_nothing(odoo: Caller) -> None:
    assert odoo.call("res.partner", "read", [999999], fields=["name"]) == []


def test_observation_5_write_date_is_shown_in_seconds_and_compared_by_seconds(odoo: Caller) -> None:
    odoo.sim.add_product("SKU-001", "Widget", 12.5)
    row = odoo.sim.product("SKU-001")
    row["write_date"] = row["write_date"].replace(microsecond=769778)
    shown = odoo.call("product.product", "read", [row["id"]], fields=["write_date"])[0]["write_date"]
    assert shown == row["write_date"].strftime("%Y-%m-%d %H:%M:%S")
    mine = ["id", "=", row["id"]]
    assert odoo.call("product.product", "search", domain=[mine, ["write_date", ">", shown]]) == []
    assert odoo.call("product.product", "search", domain=[mine, ["write_date", ">=", shown]]) == [row["id"]]


def test_observation_6_confirming_overwrites_the_date_and_keeps_the_origin(odoo: Caller) -> None:
    id_ = odoo.order(date_order="2020-11-20 10:00:00", origin="shop:1:000123")
    odoo.call("sale.order", "action_confirm", [id_])
    (order,) = odoo.call("sale.order", "read", [id_], fields=["date_order", "origin"])
    assert order["date_order"] > "2026"
    assert order["origin"] == "shop:1:000123"


@pytest.mark.parametrize(("version", "origin"), [("19.0", "S00001"), ("18.0", "S00001 - SHOP-000123")])
def test_observation_7_the_origin_of_a_delivery_differs_by_version(version: str, origin: str) -> None:
    odoo = Caller(version)
    odoo.call("sale.order", "action_confirm", [odoo.order()])
    (picking,) = odoo.call("stock.picking", "search_read", domain=[], fields=["origin", "sale_id"])
    assert (picking["origin"], picking["sale_id"]) == (origin, [1, "S00001"])


def test_observation_8_a_partial_delivery_asks_about_a_backorder(odoo: Caller) -> None:
    odoo.call("sale.order", "action_confirm", [odoo.order()])
    (picking,) = odoo.call("stock.picking", "search_read", domain=[], fields=["move_ids"])
    odoo.call("stock.move", "write", picking["move_ids"], vals={"quantity": 2, "picked": True})
    action = odoo.call("stock.picking", "button_validate", [picking["id"]])
    assert action["res_model"] == "stock.backorder.confirmation"
    assert odoo.call("stock.picking", "read", [picking["id"]], fields=["state"])[0]["state"] == "assigned"
    wizard = odoo.call("stock.backorder.confirmation", "create", vals_list=[{}], context=action["context"])
    assert odoo.call("stock.backorder.confirmation", "process", wizard, context=action["context"]) is True
    second, first = odoo.call("stock.picking", "search_read", domain=[], fields=["state", "backorder_id", "move_ids"])
    assert (first["state"], second["state"]) == ("done", "assigned")
    assert second["backorder_id"] == [first["id"], "WH/OUT/00001"]
    assert odoo.call("stock.picking", "button_validate", [second["id"]]) is True


def test_observation_9_tracking_comes_with_a_module() -> None:
    assert "carrier_tracking_ref" in Caller("19.0").call("stock.picking", "fields_get")
    assert "carrier_tracking_ref" not in Caller("19.0", modules=()).call("stock.picking", "fields_get")


@pytest.mark.parametrize(("version", "tax"), [("19.0", 0.0), ("18.0", 5.63)])
def test_observation_10_odoo_19_exports_without_tax_and_18_does_not(version: str, tax: float) -> None:
    odoo = Caller(version)
    germany = odoo.call("res.country", "search", domain=[["code", "=", "DE"]])[0]
    odoo.order(partner={"country_id": germany})
    assert odoo.call("sale.order", "search_read", domain=[], fields=["amount_tax"])[0]["amount_tax"] == tax


def test_observation_11_nothing_is_false_and_a_relation_is_a_pair(odoo: Caller) -> None:
    odoo.order()
    (line,) = odoo.call("sale.order.line", "search_read", domain=[], fields=["product_id", "name"])
    assert line["product_id"] == [odoo.sim.product("SKU-001")["id"], "[SKU-001] Widget"]
    (partner,) = odoo.call(
        "res.partner", "search_read", domain=[["ref", "=", "CUST-1001"]], fields=["email", "country_id", "parent_id"]
    )
    assert (partner["email"], partner["country_id"], partner["parent_id"]) == (False, False, False)


def test_observation_12_the_invoice_wizard(odoo: Caller) -> None:
    id_ = odoo.order()
    odoo.call("sale.order", "action_confirm", [id_])
    context = {"active_model": "sale.order", "active_ids": [id_], "active_id": id_}
    wizard = odoo.call("sale.advance.payment.inv", "create", vals_list=[{}], context=context)
    odoo.call("sale.advance.payment.inv", "create_invoices", wizard, context=context)
    (invoice,) = odoo.call("sale.order", "read", [id_], fields=["invoice_ids"])[0]["invoice_ids"]
    odoo.call("account.move", "action_post", [invoice])
    fields = ["ref", "invoice_origin", "payment_state", "state", "move_type", "amount_untaxed"]
    (read,) = odoo.call("account.move", "read", [invoice], fields=fields)
    del read["id"]
    assert read == {
        "ref": "SHOP-000123", "invoice_origin": "S00001", "payment_state": "not_paid", "state": "posted", "move_type": "out_invoice",
        "amount_untaxed": 37.5,
    }  # fmt: skip


# --- seen since at the real Odoo 19, each with a test against it in tests/odoo

ONCE = {"mode": "update", "noupdate": True}


def invoiced(odoo: Caller, *, post: bool = True) -> int:
    order = odoo.order()
    odoo.call("sale.order", "action_confirm", [order])
    context = {"active_model": "sale.order", "active_ids": [order], "active_id": order}
    wizard = odoo.call("sale.advance.payment.inv", "create", vals_list=[{}], context=context)
    invoice = int(odoo.call("sale.advance.payment.inv", "create_invoices", wizard, context=context)["res_id"])
    if post:
        odoo.call("account.move", "action_post", [invoice])
    return invoice


def paid(odoo: Caller, invoice: int, amount: str, name: str = "__hub__.pay", **context: Any) -> int:
    (move,) = odoo.call("account.move", "read", [invoice], fields=["partner_id"])
    columns = ["id", "payment_type", "partner_type", "partner_id/.id", "amount", "journal_id/.id", "invoice_ids/.id"]
    journal = odoo.call("account.journal", "search", domain=[["code", "=", "BNK1"]])[0]
    row = [name, "inbound", "customer", str(move["partner_id"][0]), amount, str(journal), str(invoice)]
    answer = odoo.call("account.payment", "load", fields=columns, data=[row], context=context)
    assert answer["messages"] == []
    return int(answer["ids"][0])


def state_of(odoo: Caller, invoice: int) -> tuple[str, float]:
    (read,) = odoo.call("account.move", "read", [invoice], fields=["payment_state", "amount_residual"])
    return read["payment_state"], read["amount_residual"]


def test_a_load_with_noupdate_leaves_what_is_there_as_it_is(odoo: Caller) -> None:
    for name, context in (("first", ONCE), ("second", ONCE), ("third", {})):
        odoo.call("res.partner", "load", fields=["id", "name"], data=[["__hub__.p", name]], context=context)
        read = odoo.call(
            "res.partner", "search_read", domain=[["name", "in", ["first", "second", "third"]]], fields=["name"]
        )
        assert [row["name"] for row in read] == ["third" if name == "third" else "first"]


def test_the_external_id_of_a_deleted_record_is_taken_over(odoo: Caller) -> None:
    ids = []
    for _ in range(2):
        ids += odoo.call("res.partner", "load", fields=["id", "name"], data=[["__hub__.p", "x"]], context=ONCE)["ids"]
        odoo.call("res.partner", "unlink", [ids[-1]])
    assert ids[0] != ids[1]


def test_a_draft_payment_that_is_imported_again_loses_its_account_and_makes_its_invoice_paid(odoo: Caller) -> None:
    invoice = invoiced(odoo)
    accounts = []
    for _ in range(2):
        payment = paid(odoo, invoice, "1.00")
        read = odoo.call("account.payment", "read", [payment], fields=["outstanding_account_id"])[0]
        accounts.append(read["outstanding_account_id"] and read["outstanding_account_id"][1])
    assert accounts == ["Outstanding Receipts", False]
    before = state_of(odoo, invoice)
    odoo.call("account.payment", "action_post", [payment])
    assert odoo.call("account.payment", "read", [payment], fields=["name", "state", "move_id"])[0] == {
        "id": payment, "name": "PAY00001", "state": "in_process", "move_id": False,
    }  # fmt: skip
    assert (before[0], state_of(odoo, invoice)) == ("not_paid", ("paid", before[1]))


def test_a_payment_settles_its_invoice_only_when_it_is_assigned_and_only_once(odoo: Caller) -> None:
    invoice = invoiced(odoo)
    due = state_of(odoo, invoice)[1]
    payment = paid(odoo, invoice, str(due), **ONCE)
    for _ in range(2):
        odoo.call("account.payment", "action_post", [payment])  # a second time changes nothing
    (read,) = odoo.call("account.payment", "read", [payment], fields=["name", "move_id"])
    assert read["name"].startswith("PBNK1/2")
    assert state_of(odoo, invoice) == ("not_paid", due)
    domain = [["move_id", "=", read["move_id"][0]], ["account_type", "=", "asset_receivable"]]
    (line,) = odoo.call("account.move.line", "search", domain=domain)
    odoo.call("account.move", "js_assign_outstanding_line", [invoice], line_id=line)
    assert state_of(odoo, invoice) == ("paid", 0)
    status, body = odoo.raw("account.move", "js_assign_outstanding_line", [invoice], line_id=line)
    said = body if odoo.new else body["error"]["data"]
    assert (status, said["message"]) == (
        422 if odoo.new else 200, "You are trying to reconcile some entries that are already reconciled.",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("method", "said"),
    [("action_post", "must be in draft"), ("write", "readonly fields on a posted move")],
    ids=["post", "write"],
)
def test_a_posted_invoice_is_posted_and_changed_no_more(odoo: Caller, method: str, said: str) -> None:
    invoice = invoiced(odoo)
    _, body = odoo.raw("account.move", method, [invoice], **({"vals": {"partner_id": 1}} if method == "write" else {}))
    assert said in (body if odoo.new else body["error"]["data"])["message"]


def test_a_posted_credit_note_settles_its_invoice_by_itself(odoo: Caller) -> None:
    invoice = invoiced(odoo)
    wizard = odoo.call("account.move.reversal", "create", vals_list=[{"move_ids": [[6, 0, [invoice]]]}])
    note = odoo.call("account.move.reversal", "refund_moves", wizard)["res_id"]
    odoo.call("account.move", "action_post", [note])
    assert state_of(odoo, invoice) == ("reversed", 0)
    assert state_of(odoo, note) == ("paid", 0)


def test_only_a_posted_invoice_is_printed_and_an_empty_one_is_not_posted(odoo: Caller) -> None:
    draft = invoiced(odoo, post=False)
    _, body = odoo.raw("account.move.send.wizard", "create", vals_list=[{"move_id": draft, "sending_methods": []}])
    assert (body if odoo.new else body["error"]["data"])[
        "message"
    ] == "You can't generate invoices that are not posted."
    empty = odoo.call("account.move", "create", vals_list=[{"move_type": "out_invoice", "partner_id": 1}])
    _, body = odoo.raw("account.move", "action_post", empty)
    assert (body if odoo.new else body["error"]["data"])["message"] == "Even magicians can't post nothing!"
    odoo.call("account.move", "action_post", [draft])
    wizard = odoo.call("account.move.send.wizard", "create", vals_list=[{"move_id": draft, "sending_methods": []}])
    assert odoo.call("account.move.send.wizard", "action_send_and_print", wizard) == {
        "type": "ir.actions.act_window_close"
    }
    domain = [["res_model", "=", "account.move"], ["res_id", "=", draft]]
    (file,) = odoo.call("ir.attachment", "search_read", domain=domain, fields=["name", "mimetype", "res_field"])
    assert (file["mimetype"], file["res_field"]) == ("application/pdf", "invoice_pdf_report_file")


def test_a_pricelist_rule_must_end_after_it_begins(odoo: Caller) -> None:
    (pricelist,) = odoo.call("product.pricelist", "create", vals_list=[{"name": "B2B"}])
    dates = {"date_start": "2026-12-01 00:00:00", "date_end": "2026-12-01 00:00:00"}
    _, body = odoo.raw("product.pricelist.item", "create", vals_list=[{"pricelist_id": pricelist, **dates}])
    assert "should be after start date" in (body if odoo.new else body["error"]["data"])["message"]


def test_a_source_with_a_taken_name_gets_a_number(odoo: Caller) -> None:
    for _ in range(2):
        odoo.call("utm.source", "create", vals_list=[{"name": "b2b"}])
    assert [row["name"] for row in odoo.call("utm.source", "search_read", domain=[], fields=["name"])] == [
        "b2b",
        "b2b [2]",
    ]
