"""The base of simulators: a vendor's system with state, seeded data, faults, a real HTTP face and webhooks.

A vendor's simulator answers requests in `respond`, in the vendor's own wire format, and tells its effects with `effect`. For
the conformance kit it also offers the hooks below; their defaults say "not offered", and the kit then skips with that reason.

    seed_records(stream, n)         n records, all different; returns their external ids, in the order they were made
    change(stream, external_id)     change one record as a user of the vendor's system would
    delete(stream, external_id)     delete one record as a user would
    sample_outbound(stream)         a valid `OutboundRecord.data` for a create, different at every call
    sample_change(stream, data)     ``data`` of an earlier create with something changed, valid for an update
    webhook_request(stream, id)     the vendor's signed webhook for the record as it is now
    put_record(stream, **fields)    one record with these values in it (text, sku, zip, price, lines, extra): see its docstring
    natural_key(stream, id)         the value by which the connector's `find` finds this record
    sign_webhook(request)           the request, signed anew: lets the kit send any body rightly signed
    expiring_config(url)            settings with tokens that run out; with expire_tokens() and tokens_given()
"""

# ruff: noqa: ARG002 - the hooks name their arguments for those who override them.

from __future__ import annotations

import random
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from hub.sdk.jsonio import dump_json, read_json
from hub.sdk.records import InboundRequest
from hub.sdk.testing.faults import (
    BadAnswer,
    CutBody,
    Delay,
    ExpiredToken,
    Fault,
    Faults,
    LateEffect,
    RateLimited,
    Reset,
    Status,
    Timeout,
)
from hub.sdk.testing.sender import WebhookFaults, WebhookSender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from hub.sdk.testing.server import SimulatorServer


@dataclass(slots=True)
class Request:
    """One request to a simulated system. Header names are lower-case; ``query`` has the last value of each name."""

    method: str
    path: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @classmethod
    def at(cls, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Request:
        """The request for an HTTP request line's target."""
        parts = urlsplit(target)
        return cls(
            method.upper(), parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), dict(headers), body
        )

    def json(self) -> Any:
        """The body as JSON."""
        return read_json(self.body)


@dataclass(slots=True)
class Response:
    """One answer of a simulated system. The last three fields let it misbehave on the wire."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    reset: bool = False
    cut: int | None = None
    hang: float = 0.0

    @classmethod
    def json(cls, data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """An answer with a JSON body."""
        return cls(status, {"content-type": "application/json", **(headers or {})}, dump_json(data))


@dataclass(slots=True)
class Entry:
    """One line of the journal: a request, when it came, what fault it met, and the effects that it had."""

    method: str
    path: str
    at: datetime
    effect: list[Effect] = field(default_factory=list)
    fault: Fault | None = None
    status: int = 0
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Effect:
    """Something that a request changed. ``kind`` is "<stream>.<verb>", ``key`` the record's external id there."""

    kind: str
    key: str
    data: Any
    at: datetime

    @property
    def stream(self) -> str:
        """The stream that the effect belongs to."""
        return self.kind.partition(".")[0]

    @property
    def verb(self) -> str:
        """What happened: "create", "update", "delete" or a word of the vendor's."""
        return self.kind.partition(".")[2]


class NotOffered(NotImplementedError):
    """The simulator has no such thing; the conformance kit skips what needs it, with this reason."""


class NotApplicable(NotOffered):
    """By its nature the vendor's record has no such thing (a customer has no lines): no gap in the proof."""


class SimClock:
    """A clock that goes on by itself and can be pushed forward."""

    def __init__(self, start: datetime | None = None) -> None:
        self._offset = timedelta()
        self._frozen: datetime | None = None
        if start is not None:
            self._offset = start - datetime.now(UTC)

    def now(self) -> datetime:
        """The simulated time, aware, in UTC."""
        return self._frozen or datetime.now(UTC) + self._offset

    def freeze(self) -> None:
        """Let the time of day stand still, so that many things happen at the same moment."""
        self._frozen = self.now().replace(microsecond=0)

    def thaw(self) -> None:
        """Let the time go on from where it would be."""
        self._frozen = None

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic() + self._offset.total_seconds()

    def sleep(self, seconds: float) -> None:
        """Push the clock forward instead of waiting."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Push the clock forward."""
        self._offset += timedelta(seconds=seconds)
        if self._frozen is not None:
            self._frozen += timedelta(seconds=seconds)


class Simulator(ABC):
    """A vendor's system, emulated. Its state is changed under ``self.lock`` only; `respond` is called with the lock held."""

    name: ClassVar[str]
    auth_header: ClassVar[str] = "authorization"

    def __init__(self, *, seed: int = 1, clock: Any = None) -> None:
        self.seed = seed
        self.clock = clock or SimClock()
        self.random = random.Random(seed)
        self.lock = threading.RLock()
        self.faults = Faults()
        self.journal: list[Entry] = []
        self.webhook_faults = WebhookFaults()
        self.webhook_urls: list[str] = []
        self._effects: list[Effect] = []
        self._sender = WebhookSender(self.webhook_faults)
        self._current = threading.local()

    # --- what a vendor's simulator writes

    @abstractmethod
    def respond(self, request: Request) -> Response:
        """The vendor's answer. Called with the lock held; tells what it changed with `effect`."""

    @abstractmethod
    def connection_config(self, url: str) -> dict[str, Any]:
        """The connector's settings for this simulator at ``url``, secrets in clear: for tests and the demo."""

    def rate_limited(self, after: float) -> Response:
        """The vendor's way to say "too fast"."""
        return Response(
            429, {"retry-after": f"{after:g}", "content-type": "application/json"}, b'{"errors":"too many requests"}'
        )

    def expired_token(self) -> Response:
        """The vendor's way to say that the access token is not valid (any more)."""
        return Response(401, {"content-type": "application/json"}, b'{"errors":"invalid access token"}')

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Make ``n`` different records, as a user of the vendor's system would; returns their external ids in that order."""
        raise NotOffered(f"the {self.name} simulator cannot seed {stream}")

    def change(self, stream: str, external_id: str) -> None:
        """Change one record as a user would: its time of change moves, and a webhook goes out where the vendor sends one."""
        raise NotOffered(f"the {self.name} simulator cannot change {stream}")

    def delete(self, stream: str, external_id: str) -> None:
        """Delete one record as a user would."""
        raise NotOffered(f"the {self.name} simulator cannot delete {stream}")

    def put_record(self, stream: str, **fields: Any) -> str:
        """Make one record and return its external id. Known fields, each optional, the rest of the record is made up:

        ``text`` free text somewhere in it, ``sku``, ``zip``, ``price`` (Decimal), ``lines`` (how many), ``updated_at`` (datetime),
        ``extra`` (fields that the vendor's documents do not know, merged into the payload as the vendor sends it).
        """
        raise NotOffered(f"the {self.name} simulator cannot make a {stream} with given values")

    def sample_outbound(self, stream: str) -> dict[str, Any]:
        """Valid `OutboundRecord.data` for a create, another one at every call; what it refers to exists already."""
        raise NotOffered(f"the {self.name} simulator has no sample of {stream}")

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """``data`` of an earlier create with something changed, valid for an update."""
        raise NotOffered(f"the {self.name} simulator has no sample change of {stream}")

    def spoil(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """``data`` of a valid create, changed so that the vendor refuses it by itself."""
        raise NotOffered(f"the {self.name} simulator cannot spoil a {stream}")

    def natural_key(self, stream: str, external_id: str) -> str:
        """The natural key (SKU, code, e-mail address, number) of a record, by which the connector's `find` finds it."""
        raise NotOffered(f"the {self.name} simulator does not tell the natural key of {stream}")

    def sign_webhook(self, request: InboundRequest) -> InboundRequest:
        """``request``, its body possibly changed, with a right signature."""
        raise NotOffered(f"the {self.name} simulator cannot sign any webhook")

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        """The vendor's webhook for this record as it is now, rightly signed."""
        raise NotOffered(f"the {self.name} simulator sends no webhook for {stream}")

    def challenge_request(self) -> tuple[InboundRequest, bytes]:
        """The vendor's test of a webhook address, and the body of the answer that it wants."""
        raise NotApplicable(f"{self.name} does not test webhook addresses")

    def rotated_config(self, url: str) -> dict[str, Any]:
        """The connector's settings while a new webhook secret is taken into use that the simulator does not sign with yet."""
        raise NotApplicable(f"the secret of {self.name}'s webhooks is not changed while both are good")

    def expiring_config(self, url: str) -> dict[str, Any]:
        """The connector's settings with a login whose tokens run out and are renewed."""
        raise NotApplicable(f"{self.name} has no tokens that run out")

    def expire_tokens(self) -> None:
        """All tokens that were given out are not valid any more."""
        raise NotOffered(f"the {self.name} simulator cannot end its tokens")

    def tokens_given(self) -> int:
        """How many tokens have been given out so far."""
        raise NotOffered(f"the {self.name} simulator does not count its tokens")

    # --- what it can rely on

    def effect(self, kind: str, key: str, data: Any = None) -> Effect:
        """Note a change: ``kind`` is "<stream>.<verb>" ("order.create"), ``key`` the record's external id."""
        made = Effect(kind, str(key), data, self.clock.now())
        with self.lock:
            self._effects.append(made)
            entry: Entry | None = getattr(self._current, "entry", None)
            if entry is not None:
                entry.effect.append(made)
        return made

    def effects(self, stream: str = "") -> list[Effect]:
        """What requests have changed so far, oldest first; of one stream where it is named."""
        with self.lock:
            return [one for one in self._effects if not stream or one.stream == stream]

    def handle(self, request: Request) -> Response:
        """Answer a request: the one door, for the HTTP face and for tests without a socket."""
        fault = self.faults.next(request)
        if isinstance(fault, Delay):
            time.sleep(fault.seconds)
        entry = Entry(request.method, request.path, self.clock.now(), fault=fault, body=request.body)
        with self.lock:
            self.journal.append(entry)
        response = self._with_fault(fault, request, entry)
        entry.status = response.status
        return response

    def _with_fault(self, fault: Fault | None, request: Request, entry: Entry) -> Response:
        match fault:
            case None | Delay():
                return self._carry_out(request, entry)
            case RateLimited(after):
                return self.rate_limited(after)
            case ExpiredToken():
                return self.expired_token()
            case LateEffect(seconds, hold):
                timer = threading.Timer(seconds, self._carry_out, (request, entry))
                timer.daemon = True
                timer.start()
                return Response(hang=hold)
            case CutBody(keep):
                return replace(self._carry_out(request, entry), cut=keep)
        if fault.after_effect:
            self._carry_out(request, entry)
        match fault:
            case Status(code, body, headers):
                return Response(code, {"content-type": "application/json", **headers}, body)
            case Timeout(_, seconds):
                return Response(hang=seconds)
            case BadAnswer(body, content_type):
                return Response(200, {"content-type": content_type}, body)
            case Reset():
                return Response(reset=True)

    def _carry_out(self, request: Request, entry: Entry) -> Response:
        with self.lock:
            self._current.entry = entry
            try:
                return self.respond(request)
            finally:
                self._current.entry = None

    # --- webhooks

    def subscribe_webhooks(self, url: str) -> None:
        """Send webhooks to ``url`` from now on, as if an administrator had entered it."""
        with self.lock:
            if url not in self.webhook_urls:
                self.webhook_urls.append(url)

    def emit_webhook(self, stream: str, external_id: str) -> None:
        """Send the webhook for this record to every subscriber, in the background."""
        self.send_webhook(self.webhook_request(stream, external_id))

    def send_webhook(self, request: InboundRequest) -> None:
        """Queue ``request`` for every subscriber. Faults, repetitions and retries are the sender's work."""
        with self.lock:
            urls = list(self.webhook_urls)
        for url in urls:
            self._sender.send(url, request.headers, request.body)

    def forge_webhook(self, stream: str, external_id: str) -> InboundRequest:
        """The same webhook, changed after it was signed."""
        good = self.webhook_request(stream, external_id)
        return replace(good, body=good.body.replace(b"}", b' ,"forged":true}', 1))

    def drain_webhooks(self, timeout: float = 10.0) -> bool:
        """Wait until no webhook is waiting any more. False = the time ran out."""
        return self._sender.drain(timeout)

    @property
    def webhooks(self) -> WebhookSender:
        """The sender: what was sent, what was answered, what was given up."""
        return self._sender

    # --- the HTTP face

    def serve(self, port: int = 0) -> SimulatorServer:
        """A real HTTP server on 127.0.0.1; ``with sim.serve() as server:`` stops it at the end."""
        from hub.sdk.testing.server import SimulatorServer

        return SimulatorServer(self, port)

    def close(self) -> None:
        """Stop the webhook sender."""
        self._sender.close()

    @contextmanager
    def running(self) -> Iterator[SimulatorServer]:
        """The HTTP face and the webhook sender, both stopped at the end."""
        with self.serve() as server:
            try:
                yield server
            finally:
                self.close()
