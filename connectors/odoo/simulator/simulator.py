"""A simulated Odoo server, in both of its wire formats: JSON-2 (19 and newer) and JSON-RPC."""

from __future__ import annotations

import inspect
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, ClassVar

from connectors.odoo.simulator import accounting, deliveries, parties, payments, products, sales, stock
from connectors.odoo.simulator.description import page
from connectors.odoo.simulator.errors import OdooError, user_error
from connectors.odoo.simulator.hooks import Hooks
from connectors.odoo.simulator.orm import Env, Row
from connectors.odoo.simulator.people import USER, People
from connectors.odoo.simulator.seed import seed as make_company
from hub.errors import InputRefused
from hub.sdk.testing.simulator import Request, Response

if TYPE_CHECKING:
    from connectors.odoo.simulator.real import RealOdoo

LOGIN, API_KEY, DATABASE = "admin", "odoo-sim-key-0123456789abcdef", "odoo_sim"
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
        "default_get",
    }
)


class OdooSimulator(People):
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
            payments.MODELS,
        ):
            self.env.add(kinds)
        if self.env.version < 19:
            self.env.add((deliveries.Groups,))
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
        if request.path.startswith("/doc-bearer/") and self.env.version >= 19:
            return self._documented(request)
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

    def _documented(self, request: Request) -> Response:
        """Odoo's page about a model; 404 for a model that is not installed."""
        try:
            self._authorise(request.headers)
        except OdooError as error:
            return self._refused(error)
        model = self.env.models.get(request.path.removeprefix("/doc-bearer/").removesuffix(".json"))
        return _json(page(model)) if model is not None else Response(404, {"content-type": "text/html"}, _HTML_404)

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


def _json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Odoo's JSON: numbers as floats ("3.0"), a Date header, a space after each comma."""
    body = json.dumps(data, default=_plain, ensure_ascii=False).encode()
    date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
    return Response(status, {"content-type": "application/json; charset=utf-8", "date": date, **(headers or {})}, body)


def _plain(value: Any) -> Any:
    return float(value) if isinstance(value, Decimal) else str(value)
