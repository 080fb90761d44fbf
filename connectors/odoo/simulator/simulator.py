"""A simulated Odoo server, in both of its wire formats: JSON-2 (19 and newer) and JSON-RPC."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.odoo.simulator import accounting, deliveries, parties, products, sales, stock
from connectors.odoo.simulator.errors import OdooError, user_error
from connectors.odoo.simulator.hooks import Hooks
from connectors.odoo.simulator.orm import Env, Row
from connectors.odoo.simulator.seed import seed as make_company
from hub.errors import InputRefused
from hub.sdk.testing.simulator import Request, Response, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator

    from connectors.odoo.simulator.real import RealOdoo

LOGIN, API_KEY, DATABASE, USER = "admin", "odoo-sim-key-0123456789abcdef", "odoo_sim", 2
_HTML_404 = b"<!DOCTYPE html>\n<title>404 Not Found</title>\n<h1>Not Found</h1>\n"
_OF_MODEL = frozenset(
    {
        "create",
        "search",
        "search_read",
        "search_count",
        "load",
        "fields_get",
        "name_search",
        "check_object_reference",
        "context_get",
    }
)


class OdooSimulator(Simulator):
    """An Odoo database with Sales and Inventory, that behaves as the real 19 (or 18) was observed to.

    ``version`` "18.0" has no JSON-2; without the module stock_delivery a picking has no carrier fields.
    """

    name: ClassVar[str] = "odoo"

    def __init__(
        self, *, seed: int = 1, clock: Any = None, version: str = "19.0", modules: tuple[str, ...] = ("stock_delivery",),
        currency: str = "USD", country: str = "US",
    ) -> None:  # fmt: skip
        super().__init__(seed=seed, clock=clock)
        self.version = version
        self.env = Env(self.clock.now, int(version.partition(".")[0]), set(modules))
        for kinds in (
            parties.MODELS,
            products.MODELS,
            sales.MODELS,
            stock.MODELS,
            deliveries.MODELS,
            accounting.MODELS,
        ):
            self.env.add(kinds)
        with self.env.transaction():
            make_company(self.env, currency=currency, country=country)
        self._hooks = Hooks(self)
        self.env.tell = lambda kind, key, data: self.effect(kind, str(key), data)

    @classmethod
    def at(cls, url: str, database: str, api_key: str, login: str = "admin") -> RealOdoo:
        """A real Odoo in the simulator's place, with the same methods for what people do there."""
        from connectors.odoo.simulator.real import RealOdoo

        return RealOdoo(url, database, api_key, login)

    # --- the wire

    def respond(self, request: Request) -> Response:
        """Odoo's answer."""
        if request.path == "/web/health":
            return _json({"status": "pass"})
        if request.path in ("/json/version", "/web/version") and self.env.version >= 19:
            return _json({"version_info": self._version_info(), "version": self.version})
        if request.path.startswith("/json/2/") and request.method == "POST" and self.env.version >= 19:
            return self._json2(request)
        if request.path == "/jsonrpc" and request.method == "POST":
            return self._jsonrpc(request)
        return Response(404, {"content-type": "text/html; charset=utf-8"}, _HTML_404)

    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this simulator."""
        config: dict[str, Any] = {"url": url, "database": DATABASE, "api_key": API_KEY, "settle": 2.0}
        return config if self.env.version >= 19 else {**config, "login": LOGIN}

    def expired_token(self) -> Response:
        """Odoo's answer to an API key that is not valid."""
        return self._refused(OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey"))

    def _version_info(self) -> list[Any]:
        major, _, minor = self.version.partition(".")
        return [int(major), int(minor or 0), 0, "final", 0, ""]

    def _refused(self, error: OdooError) -> Response:
        headers = {"www-authenticate": "Bearer"} if error.status == 401 else {}
        return _json(error.body(), error.status, headers)

    def _json2(self, request: Request) -> Response:
        try:
            self._authorise(request.headers)
            if request.headers.get("x-odoo-database", DATABASE) != DATABASE:
                return Response(404, {"content-type": "text/html; charset=utf-8"}, _HTML_404)
            model, _, method = request.path.removeprefix("/json/2/").partition("/")
            try:
                body = request.json() if request.body else {}
            except InputRefused as error:
                raise OdooError(
                    "werkzeug.exceptions.BadRequest", f"could not parse the body as json: {error.message}"
                ) from None
            ids, context = body.pop("ids", None), body.pop("context", {})
            return _json(self._run(model, method, ids, [], body, context, json2=True))
        except OdooError as error:
            return self._refused(error)

    def _authorise(self, headers: Mapping[str, str]) -> None:
        given = headers.get("authorization", "")
        if not given:
            text = "User not authenticated, use an API Key with a Bearer Authorization header."
            raise OdooError("werkzeug.exceptions.Unauthorized", text)
        scheme, _, key = given.partition(" ")
        if scheme.lower() != "bearer" or key != API_KEY:
            raise OdooError("werkzeug.exceptions.Unauthorized", "Invalid apikey")

    def _jsonrpc(self, request: Request) -> Response:
        """JSON-RPC answers errors with status 200 and ``error.code`` 0, a wrong password as well."""
        body = request.json()
        answer: Row = {"jsonrpc": "2.0", "id": body.get("id")}
        try:
            params = body["params"]
            answer["result"] = self._service(params["service"], params["method"], params["args"])
        except OdooError as error:
            answer["error"] = {"code": 0, "message": "Odoo Server Error", "data": error.body()}
        return _json(answer)

    def _service(self, service: str, method: str, args: list[Any]) -> Any:
        if (service, method) == ("common", "version"):
            return {
                "server_version": self.version, "server_version_info": self._version_info(), "server_serie": self.version,
                "protocol_version": 1,
            }  # fmt: skip
        if (service, method) == ("common", "authenticate"):
            return USER if list(args[:3]) == [DATABASE, LOGIN, API_KEY] else False
        if (service, method) != ("object", "execute_kw"):
            raise user_error(f"Method not available {method}")
        database, uid, key, model, name, *rest = args
        if database != DATABASE:
            raise OdooError(
                "psycopg2.OperationalError", f'connection failed: FATAL:  database "{database}" does not exist\n'
            )
        if uid != USER or key != API_KEY:
            raise OdooError("odoo.exceptions.AccessDenied", "Access Denied")
        positional, named = list(rest[0]), dict(rest[1]) if len(rest) > 1 else {}
        context = named.pop("context", None) or {}
        ids = None
        if name not in _OF_MODEL:
            ids, positional = positional[0], positional[1:]
        result = self._run(model, name, [ids] if isinstance(ids, int) else ids, positional, named, context)
        if name == "read" and isinstance(ids, int):
            return result
        return result

    def _run(
        self, model: str, name: str, ids: Any, args: list[Any], named: Row, context: Row, *, json2: bool = False
    ) -> Any:
        """One call of a method: one transaction."""
        if model not in self.env.models:
            if json2:
                raise OdooError("werkzeug.exceptions.NotFound", f"the model {model!r} does not exist")
            raise user_error(f"Object {model} doesn't exist")
        method = self._method(model, name, json2=json2)
        if json2 and name in _OF_MODEL and ids:
            raise OdooError("werkzeug.exceptions.UnprocessableEntity", f"cannot call {model}.{name} with ids")
        positional = args if name in _OF_MODEL else [[int(id_) for id_ in ids or []], *args]
        try:
            inspect.signature(method).bind(*positional, **named)
        except TypeError as error:
            kind = "werkzeug.exceptions.UnprocessableEntity" if json2 else "builtins.TypeError"
            raise OdooError(kind, str(error)) from None
        self._check_context(context)
        with self.env.transaction(context):
            return method(*positional, **named)

    def _check_context(self, context: Row) -> None:
        """Odoo refuses languages that are not installed and companies that the user does not work for."""
        language = context.get("lang")
        if language and language not in {row["code"] for row in self.env["res.lang"].rows.values() if row["active"]}:
            raise user_error(f"Invalid language code: {language}")
        allowed = self.env["res.users"].rows[USER]["company_ids"]
        if any(int(company) not in allowed for company in context.get("allowed_company_ids") or []):
            raise OdooError("odoo.exceptions.AccessError", "Access to unauthorized or invalid companies.")

    def _method(self, model: str, name: str, *, json2: bool) -> Any:
        if name.startswith("_"):
            text = f"Private methods (such as '{model}.{name}') cannot be called remotely."
            raise OdooError("odoo.exceptions.AccessError", text)
        method = getattr(self.env[model], name, None)
        if not getattr(method, "remote", False):
            kind = "werkzeug.exceptions.NotFound" if json2 else "builtins.AttributeError"
            raise OdooError(kind, f"The method '{model}.{name}' does not exist")
        return method

    # --- what the conformance kit asks

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Make records, as users of the Odoo company would."""
        made = []
        for _ in range(n):
            with self.work():
                made.append(self._hooks.put(stream, {}))
        return made

    def put_record(self, stream: str, **fields: Any) -> str:
        """Make one record with these values."""
        with self.work():
            return self._hooks.put(stream, fields)

    def change(self, stream: str, external_id: str) -> None:
        """Change one record."""
        with self.work():
            self._hooks.change(stream, external_id)

    def delete(self, stream: str, external_id: str) -> None:
        """Delete one record."""
        with self.work():
            self._hooks.delete(stream, external_id)

    def natural_key(self, stream: str, external_id: str) -> str:
        """The natural key of a record."""
        with self.lock:
            return self._hooks.natural_key(stream, external_id)

    def sample_outbound(self, stream: str) -> dict[str, Any]:
        """Data for a create."""
        with self.work():
            return self._hooks.sample(stream)

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """The data with something changed."""
        with self.lock:
            return self._hooks.sample_change(stream, data)

    # --- what people do in Odoo

    @contextmanager
    def work(self) -> Iterator[Env]:
        """Do something as a user of the Odoo company would: one transaction, under the lock."""
        with self.lock, self.env.transaction():
            yield self.env
            self.env.forget_effects()  # effects are what requests did

    def add_product(
        self, sku: str, name: str, price: Any, stock: Mapping[str, Any] | None = None, **values: Any
    ) -> int:  # fmt: skip
        """Create a product, with ``stock`` by warehouse code; returns its id. An unknown warehouse is made."""
        with self.work() as env:
            given = {
                "name": name,
                "default_code": sku,
                "list_price": Decimal(str(price)),
                "is_storable": True,
                **values,
            }
            product = env["product.product"].insert(given)
            for code, quantity in (stock or {}).items():
                self._stock(product["id"], code, quantity)
            return int(product["id"])

    def add_variant(self, sku: str, of: str, **options: str) -> int:
        """Create a further variant of the product with the SKU ``of``, with its options: ``Size="M"``; returns its id."""
        with self.work() as env:
            sister = self.product(of)
            values = []
            for name, value in options.items():
                attribute = env["product.attribute"].insert({"name": name})
                given = {"name": value, "attribute_id": attribute["id"], "product_tmpl_id": sister["product_tmpl_id"]}
                values.append(env["product.template.attribute.value"].insert(given)["id"])
            made = env["product.product"].insert({
                "name": sister["name"], "default_code": sku, "list_price": sister["list_price"], "is_storable": True,
                "product_tmpl_id": sister["product_tmpl_id"], "product_template_attribute_value_ids": [[6, 0, values]],
            })  # fmt: skip
            return int(made["id"])

    def add_image(self, sku: str, checksum: str) -> None:
        """Give a product a picture with this checksum."""
        with self.work() as env:
            template = self.product(sku)["product_tmpl_id"]
            env["ir.attachment"].insert({
                "name": "image_1920", "res_model": "product.template", "res_field": "image_1920", "res_id": template,
                "checksum": checksum, "mimetype": "image/png", "file_size": 70,
            })  # fmt: skip

    def add_warehouse(self, code: str, name: str = "") -> int:
        """Create a warehouse, where there is none of this code; returns its id."""
        with self.work() as env:
            found = [row for row in env["stock.warehouse"].rows.values() if row["code"] == code]
            row = (
                found[0]
                if found
                else env["stock.warehouse"].insert({"code": code, "name": name or f"Warehouse {code}"})
            )
            return int(row["id"])

    def add_company(self, name: str, currency: str, warehouse: str) -> int:
        """A further company with a warehouse of its own, in which the hub's user may work too; returns its id."""
        with self.work() as env:
            money = next(row["id"] for row in env["res.currency"].rows.values() if row["name"] == currency)
            country = env["res.company"].rows[1]["country_id"]
            company = env["res.company"].insert({"name": name, "currency_id": money, "country_id": country})
            env["stock.warehouse"].insert({"name": name, "code": warehouse, "company_id": company["id"]})
            env["res.users"].rows[USER]["company_ids"].append(company["id"])
            return int(company["id"])

    def add_carrier(self, name: str) -> int:
        """The id of the carrier with this name, made where there is none."""
        with self.work() as env:
            found = [row for row in env["delivery.carrier"].rows.values() if row["name"] == name]
            return int((found[0] if found else env["delivery.carrier"].insert({"name": name}))["id"])

    def set_stock(self, sku: str, wh: str, qty: Any) -> None:
        """Count: make the quantity on hand of a SKU in a warehouse this."""
        with self.work():
            self._stock(self.product(sku)["id"], wh, qty)

    def ship(
        self, order_ref: str, lines: Mapping[str, Any] | None = None, tracking: str | None = None, carrier: str = ""
    ) -> str:  # fmt: skip
        """Ship an order, named by its marker, origin or name; returns the delivery's name.

        ``lines`` {sku: quantity} ships a part and leaves a backorder; none ships all that is planned.
        """
        with self.work() as env:
            order = self.order(order_ref)
            pickings = env["stock.picking"]
            open_ = [
                p
                for p in pickings.rows.values()
                if p["sale_id"] == order["id"] and p["state"] not in ("done", "cancel")
            ]
            if not open_:
                raise ValueError(f"{order_ref} has nothing left to ship")
            picking = open_[0]
            for move in [m for m in env["stock.move"].rows.values() if m["picking_id"] == picking["id"]]:
                sku = env["product.product"].rows[move["product_id"]]["default_code"]
                wanted = move["product_uom_qty"] if lines is None else Decimal(str(lines.get(sku, 0)))
                env["stock.move"].change(move, {"quantity": wanted, "picked": bool(wanted)})
            pickings.finish(picking, backorder=True)
            if "stock_delivery" in env.modules and (tracking or carrier):
                values = {
                    "carrier_tracking_ref": tracking or False,
                    "carrier_id": self.add_carrier(carrier) if carrier else False,
                }
                pickings.change(picking, values)
            return str(picking["name"])

    def take_back(self, order_ref: str, lines: Mapping[str, Any] | None = None) -> str:
        """Receive a return of an order's last delivery, all of it or {sku: quantity}; returns the receipt's name."""
        with self.work() as env:
            order, pickings, moves = self.order(order_ref), env["stock.picking"], env["stock.move"]
            done = [
                p
                for p in pickings.rows.values()
                if p["sale_id"] == order["id"] and p["state"] == "done" and not p["return_id"]
            ]
            delivery = done[-1]
            type_ = env["stock.picking.type"].of(order["warehouse_id"], "incoming")
            receipt = pickings.insert({
                "name": env["stock.picking.type"].number(type_), "sale_id": order["id"], "picking_type_id": type_["id"],
                "origin": f"Return of {delivery['name']}", "partner_id": delivery["partner_id"], "return_id": delivery["id"],
                "location_id": delivery["location_dest_id"], "location_dest_id": delivery["location_id"], "state": "assigned",
            })  # fmt: skip
            for move in [m for m in moves.rows.values() if m["picking_id"] == delivery["id"] and m["state"] == "done"]:
                sku = env["product.product"].rows[move["product_id"]]["default_code"]
                quantity = move["quantity"] if lines is None else Decimal(str(lines.get(sku, 0)))
                if quantity:
                    moves.insert({
                        "picking_id": receipt["id"], "product_id": move["product_id"], "product_uom_qty": quantity,
                        "quantity": quantity, "picked": True, "state": "assigned", "sale_line_id": move["sale_line_id"],
                        "location_id": receipt["location_id"], "location_dest_id": receipt["location_dest_id"],
                        "origin_returned_move_id": move["id"],
                    })  # fmt: skip
            pickings.finish(receipt, backorder=False)
            return str(receipt["name"])

    def track(self, picking: str, tracking: str) -> None:
        """Enter the tracking number of a delivery that was done before."""
        with self.work() as env:
            row = next(p for p in env["stock.picking"].rows.values() if p["name"] == picking)
            env["stock.picking"].change(row, {"carrier_tracking_ref": tracking})

    def product(self, sku: str) -> Row:
        """The product with this SKU."""
        rows: dict[int, Row] = self.env["product.product"].rows
        return next(row for row in rows.values() if row["default_code"] == sku)

    def order(self, order_ref: str) -> Row:
        """The order with this marker, origin or name."""
        names = ("client_order_ref", "origin", "name")
        rows = self.env["sale.order"].rows.values()
        found: Row | None = next((row for row in rows if order_ref in [row[name] for name in names]), None)
        if found is None:
            raise ValueError(f"there is no order {order_ref}")
        return found

    def _stock(self, product: int, code: str, quantity: Any) -> None:
        warehouse = self.env["stock.warehouse"].rows[self.add_warehouse(code)]
        quants = self.env["stock.quant"]
        quants.adjust(product, warehouse["lot_stock_id"], Decimal(str(quantity)))

    # --- what is in Odoo

    @property
    def orders(self) -> list[Row]:
        """All sale orders, with ``lines`` [{sku, quantity, price, discount, delivered}] and amounts."""
        with self.lock:
            return [self._order(row) for row in self.env["sale.order"].rows.values()]

    @property
    def partners(self) -> list[Row]:
        """All partners but the company itself."""
        with self.lock:
            return [dict(row) for row in self.env["res.partner"].rows.values() if row["id"] != 1]

    @property
    def pickings(self) -> list[Row]:
        """All transfers, with ``moves`` [{sku, quantity, state}]."""
        with self.lock:
            return [self._picking(row) for row in self.env["stock.picking"].rows.values()]

    def stock(self, sku: str, wh: str = "WH") -> Decimal:
        """What is on hand of a SKU in a warehouse."""
        with self.lock, self.env.transaction({"warehouse_id": self.add_warehouse(wh)}):
            return Decimal(self.env["product.product"].value(self.product(sku), "qty_available"))

    def _order(self, row: Row) -> Row:
        orders, lines = self.env["sale.order"], self.env["sale.order.line"]
        amounts = {
            name: orders.value(row, name) for name in ("amount_untaxed", "amount_tax", "amount_total", "currency_id")
        }
        mine = sorted(
            (one for one in lines.rows.values() if one["order_id"] == row["id"]),
            key=lambda one: (one["sequence"], one["id"]),
        )
        shown = [
            {
                "sku": self.env["product.product"].rows[line["product_id"]]["default_code"], "quantity": line["product_uom_qty"],
                "price": line["price_unit"], "discount": line["discount"], "delivered": lines.value(line, "qty_delivered"),
            }
            for line in mine if line["product_id"]
        ]  # fmt: skip
        amounts["currency"] = self.env["res.currency"].rows[amounts.pop("currency_id")]["name"]
        return {**row, **amounts, "lines": shown}

    def _picking(self, row: Row) -> Row:
        moves = [move for move in self.env["stock.move"].rows.values() if move["picking_id"] == row["id"]]
        products = self.env["product.product"].rows
        shown = [
            {"sku": products[m["product_id"]]["default_code"], "quantity": m["quantity"], "state": m["state"]}
            for m in moves
        ]
        return {**row, "moves": shown}


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Odoo's JSON: numbers as floats ("3.0"), a Date header, a space after each comma."""
    body = json.dumps(data, default=_plain, ensure_ascii=False).encode()
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Response(status, {"content-type": "application/json; charset=utf-8", "date": date, **(headers or {})}, body)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
