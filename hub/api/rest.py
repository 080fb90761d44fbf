"""The REST API: messages, traces, exceptions and the conservation counter. Nothing without the bearer token."""

from __future__ import annotations

import dataclasses
import hmac
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from fastapi.responses import JSONResponse, Response

from hub.errors import HubError, InputRefused, StoreError
from hub.sdk.jsonio import dump_json

if TYPE_CHECKING:
    from fastapi import FastAPI

    from hub.runtime.hub import Hub

SEARCH_KINDS = ("order", "sku", "customer", "shipment", "po", "email")


def require_token(expected: str | None) -> Any:
    """A dependency that lets a request pass only with ``Authorization: Bearer <token>``. Without a token set, none passes."""

    def check(authorization: Annotated[str, Header()] = "") -> None:
        if not expected:
            raise HTTPException(
                403, {"code": "API-NO-TOKEN", "message": "The REST API has no token.", "fix": "Set HUB_API_TOKEN."}
            )
        scheme, _, given = authorization.partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), expected.encode()):
            raise HTTPException(
                401,
                {"code": "API-TOKEN", "message": "The bearer token is missing or wrong."},
                {"WWW-Authenticate": "Bearer"},
            )

    return Depends(check)


def routes(hub: Hub) -> APIRouter:
    """Every route of the REST API that reads."""
    api = APIRouter(prefix="/api")
    store = hub.store

    @api.get("/messages")
    def messages(
        kind: str | None = None, value: str | None = None, connection: str | None = None, state: str | None = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> Response:  # fmt: skip
        """Messages by business key, connection or state, the newest first."""
        found = store.find_messages(kind=kind, value=value, connection=connection, state=state, limit=limit)
        return as_json({"messages": found})

    @api.get("/messages/{message_id}")
    def message(message_id: int) -> Response:
        """The trace of one message."""
        return as_json(store.trace(message_id))

    @api.get("/trace")
    def trace(request: Request, limit: Annotated[int, Query(ge=1, le=50)] = 10) -> Response:
        """The traces of the messages with a business key: ``?order=1001``, ``?sku=VALVE-10``."""
        keys = [(kind, value) for kind, value in request.query_params.items() if kind in SEARCH_KINDS]
        if len(keys) != 1:
            raise InputRefused(f"Give one of: {', '.join(SEARCH_KINDS)}.", status=400, code="API-QUERY")
        kind, value = keys[0]
        found = store.find_messages(kind=kind, value=value.lstrip("#"), limit=limit)
        return as_json({"traces": [store.trace(item["id"]) for item in found]})

    @api.get("/exceptions")
    def exceptions(state: str = "open", limit: Annotated[int, Query(ge=1, le=1000)] = 200) -> Response:
        """The exceptions desk, the oldest first. ``state=all`` gives closed ones too."""
        return as_json({"exceptions": store.exceptions(None if state == "all" else state, limit)})

    @api.get("/conservation")
    def conservation() -> Response:
        """Where every accepted message is."""
        ledger = store.conservation()
        return as_json({**_plain(ledger), "holds": ledger.holds})

    @api.get("/connections")
    def connections() -> Response:
        """The connections with their live state."""
        return as_json({"connections": hub.overview()})

    return api


def install_error_answers(app: FastAPI) -> None:
    """Answer every error of the REST API as ``{code, message, field?, fix?}``."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException as AnyHttpError

    from hub.api.answers import error_document

    @app.exception_handler(HubError)
    def said(_request: Request, error: HubError) -> JSONResponse:
        status = _status(error)
        return JSONResponse(error_document(error), status, {"retry-after": "2"} if status == 503 else None)

    @app.exception_handler(AnyHttpError)
    def refused(_request: Request, error: AnyHttpError) -> JSONResponse:
        detail: Any = error.detail
        document = detail if isinstance(detail, dict) else {"code": f"API-{error.status_code}", "message": str(detail)}
        return JSONResponse(document, error.status_code, error.headers)

    @app.exception_handler(RequestValidationError)
    def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"][1:])
        return JSONResponse({"code": "API-QUERY", "message": first["msg"], "field": field}, 400)

    @app.exception_handler(Exception)
    def bug(_request: Request, _error: Exception) -> JSONResponse:
        return JSONResponse({"code": "HUB-BUG", "message": "The hub failed on this request; its log says more."}, 500)


def _status(error: HubError) -> int:
    if isinstance(error, InputRefused):
        return error.status
    if error.code.endswith(("-UNKNOWN", "-NOTHING", "CFG-CONNECTION")):
        return 404
    return 503 if isinstance(error, StoreError) else 409


def as_json(data: Any) -> Response:
    """An answer with exact numbers."""
    return Response(dump_json(_plain(data)), media_type="application/json")


def _plain(data: Any) -> Any:
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        return {field.name: _plain(getattr(data, field.name)) for field in dataclasses.fields(data)}
    if isinstance(data, dict):
        return {str(name): _plain(value) for name, value in data.items()}
    if isinstance(data, (list, tuple, set, frozenset)):
        return [_plain(item) for item in data]
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else data
