"""A vendor's webhook sender: a background thread with retries, and with the faults that real ones have."""

from __future__ import annotations

import heapq
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

FaultKind = Literal["lose", "duplicate", "late", "reorder"]
RETRY_AFTER = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Vendors wait minutes to hours; the simulator keeps the shape and shortens the time."""


@dataclass(slots=True)
class WebhookFault:
    """One fault: "lose" it, send it twice, send it ``seconds`` late, or send it only after the next one."""

    kind: FaultKind
    times: int = 1
    match: str = ""
    seconds: float = 1.0


class WebhookFaults:
    """The faults in store for the next webhooks."""

    def __init__(self) -> None:
        self._faults: list[WebhookFault] = []
        self._lock = threading.Lock()

    def add(self, kind: FaultKind, *, times: int = 1, match: str = "", seconds: float = 1.0) -> None:
        """Do ``kind`` to the next ``times`` webhooks whose headers or body hold the text ``match``."""
        with self._lock:
            self._faults.append(WebhookFault(kind, times, match, seconds))

    def take(self, headers: Mapping[str, str], body: bytes) -> WebhookFault | None:
        """The fault for this webhook, taken out of the store."""
        shown = "\n".join(headers.values()).encode() + b"\n" + body
        with self._lock:
            for fault in self._faults:
                if fault.times > 0 and fault.match.encode() in shown:
                    fault.times -= 1
                    return fault
        return None


@dataclass(slots=True)
class Sent:
    """One webhook, its answers so far, and whether the sender has given it up. ``lost`` ones never left."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    statuses: list[int] = field(default_factory=list)
    given_up: bool = False
    lost: bool = False


class WebhookSender:
    """Posts webhooks in the order they were queued; whatever is not answered with 2xx is sent again, a few times."""

    def __init__(self, faults: WebhookFaults) -> None:
        self.sent: list[Sent] = []
        self.on_given_up: Callable[[Sent], None] | None = None
        """Called with every webhook that is given up: vendors then end the subscription."""
        self._faults = faults
        self._queue: list[tuple[float, int, int, Sent]] = []
        self._held: list[Sent] = []
        self._count = itertools.count()
        self._wake = threading.Condition()
        self._busy = 0
        self._stopped = False
        self._thread: threading.Thread | None = None
        self._connections: dict[str, http.client.HTTPConnection] = {}

    def send(self, url: str, headers: Mapping[str, str], body: bytes) -> None:
        """Queue one webhook."""
        fault = self._faults.take(headers, body)
        kind = fault.kind if fault else ""
        item = Sent(url, dict(headers), body, lost=kind == "lose")
        with self._wake:
            self.sent.append(item)
            if kind == "lose":
                return
            if kind == "reorder":
                self._held.append(item)
            else:
                self._push(item, fault.seconds if fault and kind == "late" else 0.0)
                if kind == "duplicate":
                    self._push(item, 0.0)
                for held in self._held:
                    self._push(held, 0.05)
                self._held.clear()
            self._start()
            self._wake.notify_all()

    def drain(self, timeout: float) -> bool:
        """Wait until everything is answered or given up; what was held back for reordering goes out now."""
        with self._wake:
            for held in self._held:
                self._push(held, 0.0)
            self._held.clear()
            self._wake.notify_all()
            return self._wake.wait_for(lambda: not self._queue and not self._busy, timeout)

    def close(self) -> None:
        """Stop; what is still queued is dropped."""
        with self._wake:
            self._stopped = True
            self._queue.clear()
            self._wake.notify_all()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(5)
        for connection in self._connections.values():
            connection.close()
        self._connections.clear()

    def _push(self, item: Sent, delay: float, attempt: int = 0) -> None:
        heapq.heappush(self._queue, (time.monotonic() + delay, next(self._count), attempt, item))

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True, name="webhook-sender")
            self._thread.start()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._stopped and (not self._queue or self._queue[0][0] > time.monotonic()):
                    self._wake.wait(max(0.001, self._queue[0][0] - time.monotonic()) if self._queue else None)
                if self._stopped:
                    return
                _, _, attempt, item = heapq.heappop(self._queue)
                self._busy += 1
            status = self._post(item)
            with self._wake:
                item.statuses.append(status)
                if not 200 <= status < 300:
                    if attempt < len(RETRY_AFTER) and not self._stopped:
                        self._push(item, RETRY_AFTER[attempt], attempt + 1)
                    else:
                        item.given_up = True
            if item.given_up and self.on_given_up is not None:
                self.on_given_up(item)
            with self._wake:
                self._busy -= 1
                self._wake.notify_all()

    def _post(self, item: Sent) -> int:
        parts = urlsplit(item.url)
        target = parts.path or "/"
        target += f"?{parts.query}" if parts.query else ""
        for fresh in (False, True):
            connection = self._connection(parts.netloc, fresh=fresh)
            try:
                connection.request("POST", target, item.body, dict(item.headers))
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            return answer.status
        return 0

    def _connection(self, netloc: str, *, fresh: bool) -> http.client.HTTPConnection:
        if fresh or netloc not in self._connections:
            if netloc in self._connections:
                self._connections[netloc].close()
            self._connections[netloc] = http.client.HTTPConnection(netloc, timeout=5)
        return self._connections[netloc]
