"""Webhooks in: counted, verified over the raw bytes, stored together with their neighbours, and only then answered."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from hub.api.answers import Headers, Receive, Scope, Send, answer, refuse, refuse_unread, say
from hub.api.body import check_head, inbound_request, read_body, read_headers
from hub.api.group_commit import GroupCommit
from hub.api.limits import Limits
from hub.errors import HubError, InputRefused, StoreError
from hub.sdk.records import Answer
from hub.telemetry import get_logger, metrics

if TYPE_CHECKING:
    from hub.runtime.intake import AcceptResult, Arrival, Intake
    from hub.sdk.records import InboundRequest

R = TypeVar("R")
log = get_logger(__name__)

PREFIX = "/webhooks/"
LARGE = 64 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}\Z")


class Receiver:
    """The ASGI application behind ``/webhooks/{connection}[/{rest}]``."""

    def __init__(self, intake: Intake, limits: Limits) -> None:
        self._intake = intake
        self._limits = limits
        self._commits: GroupCommit[Arrival, AcceptResult] = GroupCommit(
            intake.commit, batch=limits.batch, linger=limits.linger
        )
        self._in_flight: Counter[str] = Counter()

    async def close(self) -> None:
        """Commit what was read, then stop."""
        await self._commits.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        status = 200
        try:
            result = await self._take(scope, receive)
        except _UnreadError as unread:
            status = unread.error.status
            await refuse_unread(receive, send, unread.error, self._headers(unread.error))
            metrics.REFUSED.labels(unread.error.code).inc()
        except InputRefused as error:
            status = error.status
            await refuse(send, error, self._headers(error))
            metrics.REFUSED.labels(error.code).inc()
        else:
            if isinstance(result, Answer):
                status = result.status
                await say(send, result)
            else:
                await answer(send, status, result.as_dict())
        metrics.REQUEST_SECONDS.labels("webhook", str(status)).observe(time.perf_counter() - started)

    async def _take(self, scope: Scope, receive: Receive) -> AcceptResult | Answer:
        name, rest = self._target(scope)
        challenged = self._intake.challenged(name)
        try:
            if scope["method"] != "POST" and not (challenged and scope["method"] == "GET"):
                raise _not_post()
            headers = read_headers(scope)
            limit = self._limits.body
            # a test of the address may say that it is text, and have no body at all
            bare = challenged and headers.get("content-length", "0") == "0"
            check_head(headers, limit, (*self._intake.media_types(name), *(("text/plain",) if bare else ())))
            self._admit(name)
        except InputRefused as error:
            raise _UnreadError(error) from None
        with metrics.IN_FLIGHT.track_inprogress():
            self._in_flight[name] += 1
            self._in_flight[""] += 1
            try:
                try:
                    body = await read_body(receive, self._limits, limit)
                except InputRefused as error:
                    raise _UnreadError(error) from None
                request = inbound_request(scope, headers, rest, body)
                if challenged and (said := await self._read(self._intake.challenge, name, request, 0)) is not None:
                    metrics.ACCEPTED.labels(name, "challenge").inc()
                    return said
                if scope["method"] != "POST":
                    raise _not_post()
                return await self._store(await self._read(self._intake.read, name, request, len(body)))
            finally:
                self._in_flight[name] -= 1
                self._in_flight[""] -= 1

    def _target(self, scope: Scope) -> tuple[str, str]:
        name, _, rest = scope["path"].removeprefix(PREFIX).partition("/")
        if not _NAME.match(name) or not self._intake.knows(name):
            raise _UnreadError(InputRefused("There is no such connection.", status=404, code="IN-UNKNOWN-CONNECTION"))
        return name, f"/{rest}"

    def _admit(self, name: str) -> None:
        full = self._in_flight[""] >= self._limits.in_flight or self._in_flight[name] >= self._limits.per_connection
        if full or self._intake.under_pressure():
            raise InputRefused("The hub is busy; send it again.", status=503, code="HUB-BUSY")
        if self._intake.full(name):
            raise InputRefused("The hub has no room for more payloads; send it again.", status=503, code="ARC-FULL")

    async def _read(self, read: Callable[[str, InboundRequest], R], name: str, request: InboundRequest, size: int) -> R:
        """What the connector makes of a request; in a thread of its own where that may take a while."""
        try:
            if size > LARGE:
                return await asyncio.to_thread(read, name, request)
            return read(name, request)
        except InputRefused:
            raise
        except HubError as error:
            log.warning("webhook.unreadable", connection=name, code=error.code)
            raise InputRefused(error.message, status=503, code=error.code) from None
        except Exception:
            log.exception("webhook.bug", connection=name, code="HUB-BUG")
            raise InputRefused("The connector failed on this request.", status=500, code="HUB-BUG") from None

    async def _store(self, arrival: Arrival) -> AcceptResult:
        try:
            async with asyncio.timeout(self._limits.commit_seconds):
                return await self._commits.add(arrival)
        except (StoreError, TimeoutError) as error:
            code = error.code if isinstance(error, StoreError) else "STO-SLOW"
            log.warning("webhook.not_stored", connection=arrival.connection, code=code)
            raise InputRefused("The message could not be stored; send it again.", status=503, code=code) from None
        except Exception:
            log.exception("webhook.not_stored", connection=arrival.connection, code="HUB-BUG")
            raise InputRefused("The message could not be stored; send it again.", status=503, code="HUB-BUG") from None

    def _headers(self, error: InputRefused) -> Headers:
        if error.status == 503:
            after = self._limits.retry_after_full if error.code == "ARC-FULL" else self._limits.retry_after
            return [(b"retry-after", str(after).encode())]
        return []


def _not_post() -> InputRefused:
    return InputRefused("Webhooks are sent with POST.", status=405, code="IN-METHOD")


class _UnreadError(Exception):
    """An error that is answered before the body was read to its end."""

    def __init__(self, error: InputRefused) -> None:
        super().__init__(str(error))
        self.error = error
