"""The ASGI application: webhooks on a short way of their own, everything else through FastAPI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI

from hub.api import actions, events, health, rest
from hub.api.limits import Limits
from hub.api.receiver import PREFIX, Receiver

if TYPE_CHECKING:
    from hub.api.answers import Receive, Scope, Send
    from hub.runtime.hub import Hub


class HealthApp:
    """Health and metrics of a process that takes no requests otherwise: a relay or a worker."""

    def __init__(self, hub: Hub) -> None:
        self._api = FastAPI(title="spokehub", docs_url=None, redoc_url=None, openapi_url=None)
        self._api.include_router(health.routes(hub))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._api(scope, receive, send)

    async def close(self) -> None:
        """There is nothing to finish."""


class WebApp:
    """Dispatches webhooks to the receiver and the rest to the REST API."""

    def __init__(self, receiver: Receiver, rest_api: FastAPI) -> None:
        self.receiver = receiver
        self.rest = rest_api

    async def close(self) -> None:
        """Commit what was read."""
        await self.receiver.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await self.receiver(scope, receive, send)
        else:
            await self.rest(scope, receive, send)


def create_app(hub: Hub, *, limits: Limits | None = None, token: str | None = None) -> WebApp:
    """The hub's web application. The REST API's token is ``token``, or the project's secret HUB_API_TOKEN."""
    limits = limits or Limits()
    api = FastAPI(title="spokehub", docs_url=None, redoc_url=None, openapi_url="/openapi.json")
    api.include_router(health.routes(hub))
    guard = rest.require_token(token or hub.api_token)
    api.include_router(rest.routes(hub), dependencies=[guard])
    api.include_router(events.routes(hub), dependencies=[guard])
    api.include_router(actions.routes(hub), dependencies=[guard])
    rest.install_error_answers(api)
    return WebApp(Receiver(hub.intake, limits), api)
