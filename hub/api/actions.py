"""The part of the REST API that changes something: the exceptions desk, replay, pauses and polls by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Body
from fastapi.responses import Response

from hub.api.rest import as_json
from hub.errors import HubError
from hub.runtime.reading import MOST

if TYPE_CHECKING:
    from hub.runtime.hub import Hub

BY = "api"
Note = Annotated[str, Body(embed=True, max_length=1000)]


def routes(hub: Hub) -> APIRouter:
    """Every route of the REST API that writes."""
    api = APIRouter(prefix="/api")

    @api.post("/exceptions/{exception_id}/release")
    def release(exception_id: int, note: Note = "") -> Response:
        """Try what stopped again."""
        hub.release(exception_id, by=BY, note=note)
        return as_json({"released": exception_id})

    @api.post("/exceptions/{exception_id}/resolve")
    def resolve(exception_id: int, note: Note = "") -> Response:
        """Close an exception without trying again."""
        if not hub.store.resolve([exception_id], BY, note):
            raise HubError(f"there is no open exception {exception_id}.", code="EXC-UNKNOWN")
        return as_json({"resolved": exception_id})

    @api.post("/messages/{message_id}/replay")
    def replay_message(message_id: int) -> Response:
        """Take a stored message in once more."""
        return as_json({"message": hub.replay(message_id=message_id, by=BY)})

    @api.post("/deliveries/{delivery_id}/replay")
    def replay_delivery(delivery_id: int) -> Response:
        """Render and send a delivery anew."""
        return as_json({"delivery": hub.replay(delivery_id=delivery_id, by=BY)})

    @api.post("/maintain")
    def maintain(dry_run: Annotated[bool, Body(embed=True)] = False) -> Response:
        """Forget the payloads whose time is over, now rather than within the hour."""
        return as_json(hub.store.maintain(dry_run=dry_run).as_dict())

    @api.post("/connections/{name}/pause")
    def pause(name: str, detail: Note = "") -> Response:
        """Call a connection no more; what is for it waits."""
        hub.pause(name, detail)
        return as_json({"connection": name, "paused": True})

    @api.post("/connections/{name}/resume")
    def resume(name: str) -> Response:
        """Call a connection again."""
        hub.resume(name)
        return as_json({"connection": name, "paused": False})

    @api.post("/connections/{name}/poll/{stream}")
    def poll(name: str, stream: str) -> Response:
        """Make a poll due at once."""
        hub.project.connection(name)
        return as_json({"connection": name, "stream": stream, "due": hub.poll_now(name, stream)})

    @api.post("/connections/{name}/read/{stream}")
    def read(
        name: str,
        stream: str,
        since: Annotated[str, Body(max_length=40)] = "",
        keep: Annotated[str, Body(max_length=2000)] = "",
        dry_run: Annotated[bool, Body()] = True,
        limit: Annotated[int, Body(ge=1, le=MOST)] = 100,
        payloads: Annotated[bool, Body()] = False,
    ) -> Response:
        """Read a stream by hand: show what would come in, or store what is new of it."""
        said = hub.reading.read(
            name, stream, since=since, keep=keep, dry_run=dry_run, limit=limit, payloads=payloads
        )  # fmt: skip
        return as_json(said)

    @api.post("/connections/{name}/webhooks/{action}")
    def webhooks(name: str, action: str, given: Annotated[dict[str, Any] | None, Body()] = None) -> Response:
        """Look at a connection's webhook subscriptions (list), or change them (ensure, pause, remove)."""
        return as_json(hub.webhooks.do(name, action, **(given or {})))

    return api
