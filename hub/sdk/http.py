"""The HTTP client of connectors: every answer is given back, every failure says whether the request may have had its effect.

`request` returns whatever the system answered. It raises `Unreachable` when nothing was sent, `OutcomeUnknown` when a write was
(or may have been) sent and no whole answer came, and `RetryLater` when a read failed. `HttpResponse.raise_for` classes the rest.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NoReturn, Self
from urllib.parse import quote, urlencode, urlsplit

from hub.errors import (
    AuthFailed,
    ConfigError,
    HubError,
    InputRefused,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    RetryLater,
    Unreachable,
)
from hub.sdk.egress import Egress
from hub.sdk.jsonio import dump_json, read_json
from hub.sdk.redaction import HIDDEN, Redactor, is_secret_name
from hub.telemetry.tracing import outgoing

if TYPE_CHECKING:
    from hub.sdk.answers import Answer
    from hub.sdk.transport import CallFailed, Wire

MAX_ANSWER = 32 * 1024 * 1024
KEPT = 64 * 1024
"""Bytes of a body that the wire tap keeps of each side."""
LONGEST_WAIT = 24 * 3600.0
_SAFE = re.compile(r"[A-Za-z0-9_.~%/:=&?+!$,;'@()*|-]+")
_BREAK = re.compile(rb"[\r\n\0]")

Params = Mapping[str, Any] | Sequence[tuple[str, Any]]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One HTTP call as the trace shows it: both sides, without secrets. ``status`` 0 = no answer came; ``error`` says why."""

    method: str
    url: str
    request_headers: Mapping[str, str]
    request_body: str
    status: int
    response_headers: Mapping[str, str]
    response_body: str
    started_at: str
    seconds: float
    error: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The exchange as JSON data."""
        return {name: getattr(self, name) for name in self.__slots__}


class WireTap:
    """Keeps the exchanges of the calls that a thread makes while it records."""

    def __init__(self, redactor: Redactor) -> None:
        self.redactor = redactor
        self._local = threading.local()

    @contextmanager
    def recording(self) -> Iterator[list[Exchange]]:
        """Collect this thread's calls. Recordings may be nested; each sees every call made inside it."""
        kept: list[Exchange] = []
        open_now: list[list[Exchange]] = getattr(self._local, "open", [])
        self._local.open = [*open_now, kept]
        try:
            yield kept
        finally:
            self._local.open = open_now

    @property
    def active(self) -> bool:
        """Is this thread recording?"""
        return bool(getattr(self._local, "open", None))

    def keep(self, exchange: Exchange) -> None:
        """Add ``exchange`` to every open recording of this thread."""
        for kept in getattr(self._local, "open", ()):
            kept.append(exchange)

    def shown(self, body: bytes, headers: Mapping[str, str]) -> str:
        """A body as text without secrets, cut to what is kept. What is not text is only measured."""
        if not body:
            return ""
        kind = headers.get("content-type", "").lower()
        if kind.startswith(
            ("image/", "video/", "audio/", "application/pdf", "application/zip", "application/octet-stream")
        ):
            return f"[{len(body)} bytes of {kind.partition(';')[0]}]"
        # Cut after hiding: a cut through the middle of a secret would leave its first half.
        text = self.redactor.text(body[: 2 * KEPT].decode("utf-8", "replace"))
        return text if len(body) <= KEPT else f"{text[:KEPT]}… [{len(body)} bytes in all]"


class Leave:
    """Whether a thread may still write. Time passes between the beginning of a delivery and its calls: a pace is waited for, a
    machine sleeps, and meanwhile another worker may have taken over."""

    def __init__(self, may_write: Callable[[], bool]) -> None:
        self._may_write = may_write
        self.wrote = False
        """A write went out."""
        self.refused = False
        """Another was held back."""

    def ask(self, where: str) -> None:
        """Raise unless one more write may go out."""
        if self.refused or not self._may_write():
            self.refused = True
            message = f"{where} was not called: the time for this delivery is over, and another worker may be at it"
            raise OutcomeUnknown(message) if self.wrote else Unreachable(message, code="CON-UNCERTAIN")
        self.wrote = True


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """An answer, whatever its status. ``headers`` has lower-case names. ``effect`` says whether the request was a write."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str = ""
    effect: bool = False
    hide: Callable[[str], str] = field(default=str, repr=False)

    @property
    def ok(self) -> bool:
        """Is it a 2xx answer?"""
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        """The body as text."""
        charset = self.headers.get("content-type", "").lower().partition("charset=")[2].strip("\"' ;") or "utf-8"
        try:
            return self.body.decode(charset, "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as strict JSON, fractions as ``Decimal``. A login page with status 200 is no answer, and is said so."""
        try:
            return read_json(self.body, max_keys=2_000_000)
        except InputRefused as e:
            kind = self.headers.get("content-type", "no type").partition(";")[0]
            message = f"{_place(self.url)} answered {self.status} with {kind} that cannot be read: {e.message}"
            if self.effect:
                raise OutcomeUnknown(message) from None
            raise RetryLater(message) from None

    def raise_for(self, effect: bool | None = None) -> Self:
        """Raise the error that a status above 299 stands for; else return the answer itself.

        ``effect`` defaults to what the request said of itself.
        """
        if self.ok:
            return self
        write = self.effect if effect is None else effect
        where = _place(self.url)
        said = f": {self.excerpt()}" if self.body else ""
        if self.status in (401, 403):
            code = "CON-AUTH" if self.status == 401 else "CON-SCOPE"
            raise AuthFailed(f"{where} refused the credentials ({self.status}){said}", code=code)
        if self.status == 429:
            raise RateLimited(f"{where} asks for a slower pace (429)", after=self.retry_after())
        if self.status in (408, 425) or self.status >= 500:
            message = f"{where} failed with {self.status}{said}"
            if write:
                raise OutcomeUnknown(message)
            raise RetryLater(message, after=self.retry_after())
        if 300 <= self.status < 400:
            raise Rejected(
                f"{where} redirects ({self.status}), and redirects are not followed",
                fix="Use the final address in the settings.",
            )
        raise Rejected(f"{where} refused the request ({self.status}){said}")

    def retry_after(self) -> float | None:
        """The seconds that the answer asks to wait, from a ``Retry-After`` of either form, at most a day."""
        given = self.headers.get("retry-after", "").strip()
        if not given:
            return None
        try:
            seconds = float(given)
        except ValueError:
            try:
                at = parsedate_to_datetime(given)
            except ValueError:
                return None
            at = at if at.tzinfo else at.replace(tzinfo=UTC)
            seconds = (at - datetime.now(UTC)).total_seconds()
        # A NaN compares false with everything, and so ends as none.
        return min(max(seconds, 0.0), LONGEST_WAIT) if seconds == seconds else None

    def excerpt(self, limit: int = 300) -> str:
        """The beginning of the body, on one line and without secrets: for messages."""
        return " ".join(self.hide(self.text[:2000]).split())[:limit]


class HttpClient:
    """The HTTP client of one connection; connections with the same egress rule share one pool underneath.

    ``before`` runs ahead of every call (rate limits wait there), ``after`` sees every answer (limits learn from its headers).
    """

    def __init__(
        self,
        *,
        allow_hosts: Iterable[str] = (),
        secrets: Iterable[str] = (),
        deadline: float = 30.0,
        max_bytes: int = MAX_ANSWER,
        ca_file: str | None = None,
        user_agent: str = "spokehub/1.0",
        before: Callable[[], None] | None = None,
        after: Callable[[HttpResponse], None] | None = None,
    ) -> None:
        self.egress = Egress(allow_hosts)
        self.redactor = Redactor(secrets)
        self.tap = WireTap(self.redactor)
        self.deadline = deadline
        self._max_bytes = max_bytes
        self._ca_file = ca_file
        self._user_agent = user_agent
        self._before = before
        self._after = after
        self._opened: Wire | None = None
        self._local = threading.local()

    @contextmanager
    def leave(self, may_write: Callable[[], bool]) -> Iterator[Leave]:
        """Ask ``may_write`` immediately before each write of this thread, and hold back what may not go out."""
        leave = self._local.leave = Leave(may_write)
        try:
            yield leave
        finally:
            self._local.leave = None

    def recording(self) -> Any:
        """Collect the calls of this thread: ``with http.recording() as exchanges:`` gives a list of `Exchange`."""
        return self.tap.recording()

    def hide(self, secret: str) -> None:
        """Keep ``secret``, a token got at run time say, out of every trace and error from now on."""
        self.redactor.add(secret)

    def get(self, url: str, **options: Any) -> HttpResponse:
        """A read."""
        return self.request("GET", url, **options)

    def post(self, url: str, **options: Any) -> HttpResponse:
        """A POST; say ``effect=True`` when it writes."""
        return self.request("POST", url, **options)

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        params: Params | None = None,
        json: Any = None,
        content: bytes | str | None = None,
        data: Mapping[str, Any] | None = None,
        effect: bool = False,
        deadline: float | None = None,
    ) -> HttpResponse:
        """One call. ``effect`` says that it writes: then a lost answer is `OutcomeUnknown`, never silently repeated."""
        try:
            self.egress.check_url(url)
        except ConfigError as e:
            raise Unreachable(e.message, code="CON-EGRESS", fix=e.fix) from None
        if params:
            url += ("&" if "?" in url else "?") + urlencode(_pairs(params), doseq=True)
        body, kind = _body(json, content, data)
        lines = {"accept": "application/json", "accept-encoding": "gzip", "user-agent": self._user_agent}
        if kind:
            lines["content-type"] = kind
        if context := outgoing.get():
            lines["traceparent"] = context
        lines.update({name.lower(): value for name, value in (headers or {}).items()})
        self.wait_turn()
        if effect and (leave := getattr(self._local, "leave", None)) is not None:
            leave.ask(_place(url))
        return self._send(_method(method), _ascii(url), lines, body, effect, deadline or self.deadline)

    def wait_turn(self) -> None:
        """Wait until the connection's pace allows one more call. `request` does so by itself; other kinds of calls ask for it."""
        if self._before is not None:
            self._before()

    def close(self) -> None:
        """Forget the pool. Its connections stay open for other connections with the same rule, and expire by themselves."""
        self._opened = None

    def _send(
        self, method: str, url: str, headers: dict[str, str], body: bytes, effect: bool, deadline: float
    ) -> HttpResponse:
        from hub.sdk.answers import TooLarge
        from hub.sdk.transport import CallFailed

        started_at, began = datetime.now(UTC), time.monotonic()

        def keep(answer: Answer | None, error: str = "") -> None:
            if self.tap.active:
                exchange = self._exchange(
                    method, url, headers, body, answer, error, started_at, time.monotonic() - began
                )
                self.tap.keep(exchange)

        raw = _raw_headers(url, headers, body, method)
        try:
            try:
                answer = self._wire().call(method, url, raw, body, deadline, self._max_bytes)
            except CallFailed as e:
                if effect or not e.reused:
                    raise
                # An idle connection that the other side had already closed: a read is simply made again, once.
                answer = self._wire().call(method, url, raw, body, deadline, self._max_bytes, fresh=True)
        except CallFailed as e:
            keep(None, e.reason)
            _raise_failed(e, url, effect)
        except TooLarge:
            keep(None, "the answer is too large")
            message = f"{_place(url)} answered with more than {self._max_bytes} bytes"
            raise (OutcomeUnknown(message) if effect else Rejected(message)) from None
        except HubError as e:
            keep(None, e.message)
            raise
        keep(answer)
        response = HttpResponse(answer.status, answer.headers, answer.body, url, effect, self.redactor.text)
        if self._after is not None:
            self._after(response)
        return response

    def _wire(self) -> Wire:
        if self._opened is None:
            from hub.sdk.transport import wire

            self._opened = wire(self.egress, self._ca_file)
        return self._opened

    def _exchange(
        self, method: str, url: str, headers: dict[str, str], body: bytes, answer: Answer | None, error: str,
        started_at: datetime, seconds: float,
    ) -> Exchange:  # fmt: skip
        hide = self.redactor
        return Exchange(
            method=method,
            url=hide.text(url),
            request_headers=hide.headers(headers),
            request_body=self.tap.shown(body, headers),
            status=answer.status if answer else 0,
            response_headers=hide.headers(answer.headers) if answer else {},
            response_body=self.tap.shown(answer.body, answer.headers) if answer else "",
            started_at=started_at.isoformat(timespec="milliseconds"),
            seconds=round(seconds, 6),
            error=error,
        )


def _pairs(params: Params) -> list[tuple[str, Any]]:
    items = params.items() if isinstance(params, Mapping) else params
    return [(name, _plain(value)) for name, value in items if value is not None]


def _method(method: str) -> str:
    if not (method.isascii() and method.isalpha()):
        raise Rejected("that is no HTTP method")
    return method.upper()


def _ascii(url: str) -> str:
    """The URL as it goes over the wire: what is not allowed in one is percent-encoded, what is encoded stays."""
    if _SAFE.fullmatch(url):
        return url
    url, _, _ = url.partition("#")
    host = urlsplit(url).netloc
    before, _, after = url.partition(host)
    return before + host.encode("idna").decode() + quote(after, safe="%/:=&?~+!$,;'@()*[]|")


def _plain(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return value


def _body(json: Any, content: bytes | str | None, data: Mapping[str, Any] | None) -> tuple[bytes, str]:
    if json is not None:
        return dump_json(json), "application/json"
    if data is not None:
        return urlencode(_pairs(data), doseq=True).encode(), "application/x-www-form-urlencoded"
    if content is None:
        return b"", ""
    return (content.encode() if isinstance(content, str) else content), ""


def _raw_headers(url: str, headers: dict[str, str], body: bytes, method: str) -> list[tuple[bytes, bytes]]:
    raw = [(b"host", urlsplit(url).netloc.encode("ascii"))]
    try:
        raw += [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers.items()]
    except UnicodeEncodeError:
        raise Rejected("a header of the request holds characters that HTTP cannot carry") from None
    if _BREAK.search(b"".join([value for _, value in raw])):
        raise Rejected("a header of the request holds a line break")
    if body or method not in ("GET", "HEAD", "DELETE"):
        raw.append((b"content-length", str(len(body)).encode()))
    return raw


def _raise_failed(failure: CallFailed, url: str, effect: bool) -> NoReturn:
    where = _place(url)
    if not failure.sent:
        raise Unreachable(f"{where} is not reachable: {failure.reason}") from None
    message = f"{where} gave no whole answer: {failure.reason}"
    if effect:
        raise OutcomeUnknown(message) from None
    raise RetryLater(message, code="CON-TIMEOUT" if failure.timeout else "CON-DOWN") from None


def _place(url: str) -> str:
    """The host of a URL, for messages: the path may name a person, and the query may hold a secret."""
    return urlsplit(url).netloc or "the system"


__all__ = ["HIDDEN", "Exchange", "HttpClient", "HttpResponse", "WireTap", "is_secret_name"]
