"""Canonical events over the REST API: the same rows that a relay publishes to the broker, page by page or as they come."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import Response

from hub.errors import HubError, InputRefused
from hub.runtime.events.envelope import CONTENT_TYPE, as_cloud_event

if TYPE_CHECKING:
    from hub.runtime.hub import Hub

LOOK_EVERY = 0.25
LONGEST_WAIT = 30.0
MOST = 2**63 - 1


def routes(hub: Hub) -> APIRouter:
    """``/api/events`` and ``/api/events/{position}``."""
    api = APIRouter(prefix="/api")
    store, installation = hub.store, hub.project.name
    base = hub.project.public_url or ""

    def page(after: int | None, limit: int, entities: list[str], connections: list[str]) -> tuple[list[bytes], int]:
        """Events after a position, and the position to go on from."""
        feed = store.feed()
        if after is not None and after < feed.dropped:
            raise InputRefused(
                f"Events up to {feed.dropped} are no longer kept.", status=410, code="API-EVENTS-GONE",
                fix=f"Read the records anew, and go on with after={feed.dropped}.",
            )  # fmt: skip
        if after is not None and after > feed.newest:
            raise InputRefused(
                f"There is no event {after} yet; the newest is {feed.newest}.", status=410, code="API-EVENTS-AHEAD",
                fix="Is this another hub, or one from an older backup? Read the records anew, and begin without after.",
            )  # fmt: skip
        start = feed.dropped if after is None else after
        found = store.events(start, limit, entities=entities, connections=connections)
        last = found[-1].id if found else start
        if len(found) < limit and (entities or connections):
            last = max(last, feed.newest)  # no other ones up to there: none becomes visible late
        return [as_cloud_event(event, installation, base=base) for event in found], last

    @api.get("/events")
    async def events(
        request: Request,
        after: Annotated[
            int | None, Query(ge=0, le=MOST, description="The position to go on from; none = the oldest kept.")
        ] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
        wait: Annotated[float, Query(ge=0, le=LONGEST_WAIT, description="Seconds to wait for an event.")] = 0.0,
        entity: Annotated[list[str] | None, Query()] = None,
        connection: Annotated[list[str] | None, Query()] = None,
    ) -> Response:
        """Canonical changes as CloudEvents, in order. Ask again with the ``after`` of the answer."""
        if hub.project.events is None:
            raise InputRefused(
                "Canonical events are off.", status=404, code="API-EVENTS-OFF", fix="Add 'events: {}' to hub.yaml."
            )
        until = time.monotonic() + wait
        while True:
            found, last = await run_in_threadpool(page, after, limit, entity or [], connection or [])
            if found or hub.stopping or time.monotonic() >= until or await request.is_disconnected():
                break
            await asyncio.sleep(LOOK_EVERY)
        more = b"true" if len(found) == limit else b"false"
        body = b'{"events":[' + b",".join(found) + b'],"after":' + str(last).encode() + b',"more":' + more + b"}"
        return Response(body, media_type="application/json")

    @api.get("/events/{position}")
    def event(position: Annotated[int, Path(ge=1, le=MOST)]) -> Response:
        """One event, with its record however large it is."""
        found = store.events(position - 1, 1)
        if not found or found[0].id != position:
            raise HubError(f"there is no event {position}, or no longer.", code="EVT-UNKNOWN")
        return Response(as_cloud_event(found[0], installation, largest=None), media_type=CONTENT_TYPE)

    return api
