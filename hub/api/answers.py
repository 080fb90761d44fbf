"""Answers as raw ASGI: JSON bodies, one-line errors, and a refusal that does not cut the sender off in mid-sentence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from hub.errors import HubError, InputRefused
from hub.sdk.records import Answer

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

DRAIN_SECONDS = 3.0


def error_document(error: HubError) -> dict[str, str]:
    """The error as the API says it: code, one line, and the field where one is known."""
    line = " ".join(error.message.split())
    said = {"code": error.code, "message": line}
    if error.where:
        said["field"] = error.where
    if error.fix:
        said["fix"] = error.fix
    return said


async def answer(send: Send, status: int, data: Any, headers: Headers | None = None) -> None:
    """Send a JSON answer."""
    await _start(send, status, body := orjson.dumps(data), headers)
    await send({"type": "http.response.body", "body": body})


async def say(send: Send, said: Answer) -> None:
    """Send what a connector wants a vendor to hear."""
    more: Headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in said.headers.items()]
    await _start(send, said.status, said.body, more, said.content_type)
    await send({"type": "http.response.body", "body": said.body})


async def refuse(send: Send, error: InputRefused, headers: Headers | None = None) -> None:
    """Answer with an error."""
    await answer(send, error.status, error_document(error), headers)


async def refuse_unread(receive: Receive, send: Send, error: InputRefused, headers: Headers | None = None) -> None:
    """Answer with an error before the body was read, then read on for a moment and forget what comes.

    Closing at once would reset the connection, and the sender would often see the reset instead of the answer.
    """
    body = orjson.dumps(error_document(error))
    await _start(send, error.status, body, [(b"connection", b"close"), *(headers or [])])
    await send({"type": "http.response.body", "body": body, "more_body": True})
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while True:
                event = await receive()
                if event["type"] == "http.disconnect" or not event.get("more_body"):
                    break
    except TimeoutError:
        pass
    await send({"type": "http.response.body", "body": b""})


async def _start(
    send: Send, status: int, body: bytes, headers: Headers | None, content_type: str = "application/json"
) -> None:
    fixed: Headers = [
        (b"content-type", content_type.encode("latin-1")),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": fixed + (headers or [])})
