"""The two ways in which a method of an Odoo model is called over HTTP.

JSON-2 (Odoo 19 and newer) has an address for each method, named arguments and real status codes. JSON-RPC (18 and older)
has one address and answers errors with status 200.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from decimal import Decimal
from typing import Any

from connectors.odoo.config import OdooConfig
from connectors.odoo.faults import error_body, fault
from hub.errors import AuthFailed, ConfigError, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.http import HttpClient, HttpResponse

Record = dict[str, Any]


class Transport(ABC):
    """How a method of a model is called over HTTP."""

    def __init__(self, config: OdooConfig, http: HttpClient) -> None:
        self.config = config
        self.http = http

    @abstractmethod
    def call(self, model: str, method: str, ids: list[int] | None, arguments: Record, *, effect: bool) -> Any:
        """The method's result. Errors that Odoo answers are raised as the hub's."""

    def post(
        self, path: str, body: Any, *, headers: dict[str, str] | None = None, effect: bool = False
    ) -> HttpResponse:
        """POST JSON. Decimals go out as JSON numbers, digit by digit."""
        content = as_json(body).encode()
        sent = {"Content-Type": "application/json", **(headers or {})}
        url = self.config.url + path
        return self.http.request(
            "POST", url, headers=sent, content=content, effect=effect, deadline=self.config.deadline
        )


class Json2(Transport):
    """POST /json/2/<model>/<method> with a bearer key and named arguments."""

    def call(self, model: str, method: str, ids: list[int] | None, arguments: Record, *, effect: bool) -> Any:
        """The method's result: the answer's bare JSON."""
        headers = {
            "Authorization": f"bearer {self.config.api_key.get_secret_value()}",
            "X-Odoo-Database": self.config.database,
        }
        body = arguments if ids is None else {"ids": ids, **arguments}
        response = self.post(f"/json/2/{model}/{method}", body, headers=headers, effect=effect)
        if response.status == 200:
            return answer_of(response, effect)
        problem = error_body(_try_json(response))
        if problem is not None:
            raise fault(problem, f"{model}.{method}")
        if (
            response.status == 404
        ):  # Odoo's own refusals are JSON; this page means that no database is behind the address
            raise AuthFailed(
                "there is no such Odoo database at the address.", fix="Check url and database of the connection."
            )
        response.raise_for(effect=effect)
        raise Rejected(f"Odoo answered {model}.{method} with status {response.status}.")


class JsonRpc(Transport):
    """POST /jsonrpc with execute_kw, as Odoo 18 and older (and, deprecated, 19) take it."""

    def __init__(self, config: OdooConfig, http: HttpClient) -> None:
        super().__init__(config, http)
        self._uid: int | None = None

    def call(self, model: str, method: str, ids: list[int] | None, arguments: Record, *, effect: bool) -> Any:
        """The method's result, of execute_kw."""
        key = self.config.api_key.get_secret_value()
        named = dict(arguments)
        positional: list[Any] = [] if ids is None else [ids]
        if method == "create":  # Odoo looks at the first positional argument to say whether one id or a list is meant
            positional = [named.pop("vals_list")]
        args = [self.config.database, self.uid(), key, model, method, positional, named]
        return self._service("object", "execute_kw", args, f"{model}.{method}", effect=effect)

    def uid(self) -> int:
        """The hub's user id; asked once."""
        if self._uid is None:
            if not self.config.login:
                raise ConfigError(
                    "Odoo 18 and older need the user's login.", fix="Set login in the connection's config."
                )
            args = [self.config.database, self.config.login, self.config.api_key.get_secret_value(), {}]
            uid = self._service("common", "authenticate", args, "authenticate")
            if not uid:
                raise AuthFailed(
                    "Odoo refuses the credentials.", fix="Check database, login and api_key of the connection."
                )
            self._uid = int(uid)
        return self._uid

    def _service(self, service: str, method: str, args: list[Any], doing: str, *, effect: bool = False) -> Any:
        body = {
            "jsonrpc": "2.0",
            "method": "call",
            "id": 1,
            "params": {"service": service, "method": method, "args": args},
        }
        response = self.post("/jsonrpc", body, effect=effect)
        if response.status != 200:
            response.raise_for(effect=effect)
            raise Rejected(f"Odoo answered {doing} with status {response.status}.")
        answer = answer_of(response, effect)
        problem = error_body(answer)
        if problem is not None:
            raise fault(problem, doing)
        return answer.get("result") if isinstance(answer, dict) else None


def as_json(body: Any) -> str:
    """JSON in which Decimals are numbers."""
    return json.dumps(body, default=_number, ensure_ascii=False)


def _number(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"{type(value).__name__} cannot be sent to Odoo")


def _try_json(response: HttpResponse) -> Any:
    try:
        return response.json()
    except Exception:  # noqa: BLE001  whatever is not JSON is not an answer of Odoo's
        return None


def answer_of(response: HttpResponse, effect: bool) -> Any:
    """The answer's JSON. A cut answer to a write leaves the outcome open."""
    try:
        return response.json()
    except Exception:  # noqa: BLE001
        if effect:
            raise OutcomeUnknown("Odoo's answer to a write was cut off.") from None
        raise RetryLater("Odoo's answer was cut off.") from None
