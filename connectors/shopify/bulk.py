"""A whole catalogue in the background: the shop runs one query over all of it, and gives a file to read piece by piece.

Paging by cursors ends after 25,000 objects and spends the budget of everything else; this does neither. The file is read by byte ranges,
so that a cursor can name the place, and nothing has to be read again after a stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from connectors.shopify.api import ShopifyApi
from connectors.shopify.queries import document
from connectors.shopify.shapes import Json, earlier
from hub.errors import RetryLater
from hub.sdk.connector import ConnectorIO
from hub.sdk.jsonio import read_object
from hub.sdk.records import Cursor, Page, RawMessage

Read = list[RawMessage]

_PIECE = 1_000_000
_AT_WORK = frozenset({"CREATED", "RUNNING", "CANCELING"})


class Bulk:
    """Starts a background query, waits for it, and reads its file."""

    def __init__(self, api: ShopifyApi, io: ConnectorIO) -> None:
        self._api = api
        self._io = io

    def page(self, name: str, at: Cursor, begun: str, overlap: float, read: Callable[[list[Json], str], Read]) -> Page:
        """Start the query of this document, or look whether it is done, or read the next piece of its file.

        ``read`` makes messages of the records of a piece, given the shop's currency. What changed since ``begun`` is left to the next poll.
        """
        if "bulk" not in at:
            return Page([], {"bulk": self.start(name), "begun": begun})
        url, currency = self.state(at["bulk"])
        if url is None:
            return Page([], at)
        rows, further = self.rows(url, int(at.get("offset", 0)))
        messages = read(rows, currency)
        if further is not None:
            return Page(messages, {**at, "offset": further}, more=True)
        return Page(messages, {"since": earlier(at["begun"], overlap)})

    def start(self, name: str) -> str:
        """Start the query of this document and return the operation's id."""
        started = self._api.mutate("bulk_start", query=document(name))
        return str(started["bulkOperation"]["id"])

    def state(self, operation: str) -> tuple[str | None, str]:
        """The address of the file once it is complete, and the shop's currency. None = still at work."""
        data = self._api.query("bulk_state", id=operation)
        found = data["bulkOperation"] or {"status": "EXPIRED"}
        if found["status"] in _AT_WORK:
            return None, data["shop"]["currencyCode"]
        if found["status"] != "COMPLETED":
            # A part of the file may be there; a part of a catalogue must not be taken for all of it.
            raise RetryLater(
                f"the shop ended the background query: {found['status']} {found.get('errorCode') or ''}".strip(),
                after=60,
            )
        return found["url"] or "", data["shop"]["currencyCode"]

    def rows(self, url: str, offset: int) -> tuple[list[Json], int | None]:
        """The records from a place in the file, and the next place; none at its end. An empty result has no file at all."""
        if not url:
            return [], None
        last = offset + _PIECE - 1
        answer = self._io.http.request("GET", url, headers={"range": f"bytes={offset}-{last}", "accept": "*/*"})
        if answer.status == 416:
            return [], None
        body = answer.raise_for().body
        if answer.status == 200:
            body = body[offset : offset + _PIECE]  # the server takes no notice of ranges
        whole = body[: body.rfind(b"\n") + 1] or (body if len(body) < _PIECE else b"")
        if body and not whole:
            raise RetryLater("a line of the shop's file is longer than a piece of it")
        rows: list[Any] = [read_object(line) for line in whole.splitlines() if line.strip()]
        return rows, offset + len(whole) if len(body) == _PIECE else None
