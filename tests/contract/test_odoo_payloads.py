"""The whole recorded session with a real Odoo 19 is played to the simulator: it must give the answers that the real one gave.

The recordings are the vendor's side of the contract and not part of this project; HUB_VENDOR_SPECS names their folder.
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.faults import error_body, fault
from connectors.odoo.simulator import OdooSimulator, simulator
from connectors.odoo.streams.order import Orders
from connectors.odoo.streams.shipment import Shipments
from connectors.odoo.streams.variant import Variants
from hub.errors import AuthFailed, Rejected
from hub.sdk.testing.io import make_io
from hub.sdk.testing.simulator import Request

SPECS = Path(os.environ.get("HUB_VENDOR_SPECS") or Path(__file__).parents[3] / "shared" / "specs") / "odoo"
TIME = re.compile(r"\d{4}-\d\d-\d\d( \d\d:\d\d:\d\d)?")
pytestmark = pytest.mark.skipif(not SPECS.is_dir(), reason="the vendor recordings are not here: set HUB_VENDOR_SPECS")


def recordings() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    found = []
    for path in SPECS.glob("*.json"):
        data = json.loads(path.read_text())
        if isinstance(data, dict) and "request" in data:
            found.append((path.stem, data["request"]["body"], data["response"]["body"]))
    return sorted(found, key=lambda one: one[1]["id"])


@pytest.fixture
def sim(monkeypatch: pytest.MonkeyPatch) -> OdooSimulator:
    """A simulator with the recorded database's name, password, and numbers so far."""
    for name, value in {"DATABASE": "odoo19", "API_KEY": "admin"}.items():
        monkeypatch.setattr(simulator, name, value)
    made = OdooSimulator()
    env = made.env
    for row in list(env["product.product"].rows.values()):
        env["product.product"].rows.pop(row["id"])
    env["product.template"].rows.clear()
    env["product.pricelist"].rows.clear()
    starts = {"product.product": 1, "product.template": 1, "product.pricelist": 1, "res.partner": 6}
    for model, start in starts.items():
        env[model]._next = start
    germany = next(row for row in env["res.country"].rows.values() if row["code"] == "DE")
    env["res.country"].rows[57] = {**germany, "id": 57}
    return made


def same(real: Any, ours: Any, at: str) -> list[str]:
    """Where our answer differs from the real one. Times and the numbers of views and taxes are a database's own."""
    if at.endswith(("view_id", "views", ".help", "currency_id", ".tax_ids", ".taxes_id", "categ_id")):
        return []
    if isinstance(real, dict) and isinstance(ours, dict):
        missing = [
            f"{at}.{name}: missing" for name in real if name not in ours and name in ("id", "res_model", "context")
        ]
        return missing + [d for name in real if name in ours for d in same(real[name], ours[name], f"{at}.{name}")]
    if isinstance(real, list) and isinstance(ours, list):
        if len(real) != len(ours):
            return [f"{at}: {len(real)} in the real one, {len(ours)} here: {real} {ours}"]
        return [d for index, pair in enumerate(zip(real, ours, strict=True)) for d in same(*pair, f"{at}[{index}]")]
    if isinstance(real, str) and isinstance(ours, str) and TIME.fullmatch(real):
        return [] if TIME.fullmatch(ours) else [f"{at}: {real!r} in the real one, {ours!r} here"]
    if type(real) is not type(ours) or real != ours:
        return [f"{at}: {real!r} in the real one, {ours!r} here"]
    return []


def test_the_simulator_answers_the_recorded_session_as_the_real_odoo_did(sim: OdooSimulator) -> None:
    between = {
        "quant_create": ("stock.quant", "action_apply_inventory", [[1]], {}),
        "picking_validate_partial": None,
    }
    differences: list[str] = []
    for name, request, real in recordings():
        args = request["params"]["args"]
        model = args[3] if len(args) > 4 else ""
        unknown = set(_fields(args)) - set(sim.env[model].known) if model in sim.env.models else set()
        if unknown:
            assert unknown <= {"property_product_pricelist", "move_line_ids"}, (name, unknown)
            args[-1]["fields"] = [field for field in args[-1]["fields"] if field not in unknown]
        if name == "invoice_create":  # the wizard was made by a call that was not recorded
            wizard = {
                "service": "object",
                "method": "execute_kw",
                "args": [*args[:3], "sale.advance.payment.inv", "create", [{}], args[-1]],
            }
            _post(sim, {"jsonrpc": "2.0", "id": 34, "params": wizard})
        ours = _post(sim, request)
        assert ours["id"] == real["id"]
        if "error" in real:
            for key in ("name", "message", "arguments"):
                differences += same(
                    real["error"]["data"][key], ours.get("error", {}).get("data", {}).get(key), f"{name}.{key}"
                )
        else:
            assert "error" not in ours, (name, ours["error"]["data"]["message"])
            differences += same(real["result"], ours["result"], name)
        call = between.get(name)
        if call:
            again = {"service": "object", "method": "execute_kw", "args": [*args[:3], *call[:3], call[3]]}
            _post(sim, {"jsonrpc": "2.0", "id": 13, "params": again})
    assert differences == []


def _fields(args: list[Any]) -> list[str]:
    return args[-1].get("fields", []) if len(args) > 5 and isinstance(args[-1], dict) else []


def _post(sim: OdooSimulator, body: Any) -> Any:
    response = sim.handle(Request("POST", "/jsonrpc", body=json.dumps(body).encode()))
    assert response.status == 200
    return json.loads(response.body)


def test_recorded_errors_become_the_hubs_errors_without_the_traceback() -> None:
    wanted = {"err_access": AuthFailed, "err_validation": Rejected, "err_field": Rejected}
    for name, _, real in recordings():
        if name in wanted:
            body = error_body(real)
            assert body is not None
            error = fault(body, "sale.order.create")
            assert type(error) is wanted[name]
            assert "Traceback" not in str(error)
            assert "psycopg2" not in str(error)
    for name, kind in {"json2_error_401.http": AuthFailed, "json2_error_422.http": Rejected}.items():
        text = (SPECS / name).read_text().partition("\n\n")[2].partition(', "debug"')[0]
        body = error_body(json.loads(f'{text}, "debug": ""}}'))
        assert body is not None
        assert type(fault(body, "x.y")) is kind


def test_json2_calls_look_as_recorded() -> None:
    """The answer of a JSON-2 call is bare JSON; the request has the model and the method in its path and names its arguments."""
    sim = OdooSimulator()
    with sim.serve() as server:
        client = OdooClient(OdooConfig(**sim.connection_config(server.url)), make_io().http)
        client.search_read("sale.order", [["client_order_ref", "=", "x"]], ["name", "state"], limit=2)
        (entry,) = [e for e in sim.journal if e.path.startswith("/json/2")]
    assert entry.path == "/json/2/sale.order/search_read"
    assert set(json.loads(entry.body)) == {"domain", "fields", "order", "limit", "context"}


def test_the_fields_that_the_connector_reads_are_fields_of_the_real_records() -> None:
    real: dict[str, set[str]] = {}
    for _, request, answer in recordings():
        args = request["params"]["args"]
        result = answer.get("result")
        if len(args) > 3 and isinstance(result, list) and result and isinstance(result[0], dict):
            real.setdefault(args[3], set()).update(result[0])
    line = {
        "order_id",
        "sequence",
        "product_id",
        "name",
        "product_uom_qty",
        "price_unit",
        "discount",
        "qty_delivered",
        "tax_ids",
    }
    assert line <= real["sale.order.line"]
    assert {Variants.model, Shipments.model, Orders.model} <= set(real)
