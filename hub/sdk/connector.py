"""The contract that every connector fulfils."""

# ruff: noqa: ARG002 - the defaults of the contract name their arguments for those who override them.

from __future__ import annotations

from abc import ABC
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from hub.errors import HubError, Unsupported
from hub.sdk.http import HttpClient
from hub.sdk.records import (
    Answer,
    Cursor,
    DeliverResult,
    ExternalRef,
    Health,
    InboundRequest,
    NaturalKey,
    OutboundRecord,
    Page,
    RawMessage,
    Subscription,
    SubscriptionReport,
)

SDK_VERSION = "1.1"


class ConnectorConfig(BaseModel):
    """The settings of a connection. A connector's own settings extend this; secrets are ``SecretStr``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    deadline: float = Field(
        default=30.0, gt=0, le=300, description="Seconds that one call to the system may take in all."
    )
    settle: float = Field(
        default=30.0,
        ge=0,
        le=3600,
        description="Seconds after which an unanswered request can no longer take effect at the system.",
    )
    concurrency: int = Field(
        default=4, ge=1, le=64, description="Calls to the system at the same time, over all workers."
    )
    rate: float | None = Field(
        default=None, gt=0, description="Calls per second, over all workers; none = the vendor's own headers."
    )


class Support(StrEnum):
    """How far a connector can do something."""

    FULL = "full"
    VERSIONED = "versioned"
    UNSUPPORTED = "unsupported"
    NOT_IMPLEMENTED = "not_implemented"


@dataclass(frozen=True, slots=True)
class Capability:
    """One operation on one stream: how far it is supported, and the reason where it is not."""

    support: Support
    reason: str = ""


FULL = Capability(Support.FULL)


@dataclass(frozen=True, slots=True)
class Stream:
    """A kind of record that a connector reads or writes.

    ``entity`` is the canonical entity it maps to. ``natural_key`` is the field by which `find` looks a record up.
    ``state_carrying`` streams may skip older waiting updates of the same record; streams of events may not.
    ``notice_of`` names another stream, whose records this one's messages only speak of: the hub reads the record with `fetch`
    before it translates it. That is for webhooks which carry little more than an id.
    ``batch`` is how many writes of this stream may go out together in one `deliver_many`; 0 = each by itself.
    """

    name: str
    entity: str
    poll: Capability = Capability(Support.UNSUPPORTED, "this stream is not read by polling")
    webhook: Capability = Capability(Support.UNSUPPORTED, "the system sends no webhook for it")
    fetch: Capability = Capability(Support.UNSUPPORTED, "single records are not read")
    find: Capability = Capability(Support.UNSUPPORTED, "records are not looked up")
    create: Capability = Capability(Support.UNSUPPORTED, "this stream is not written")
    update: Capability = Capability(Support.UNSUPPORTED, "this stream is not written")
    delete: Capability = Capability(Support.UNSUPPORTED, "this stream is not written")
    natural_key: str = ""
    state_carrying: bool = False
    notice_of: str = ""
    batch: int = 0


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a connector says of itself. ``name`` equals its entry point's name; ``sdk`` is the range of SDK versions it works with."""

    name: str
    vendor: str
    title: str
    sdk: str = ">=1,<2"
    api_version: str = ""
    docs: str = ""
    streams: Mapping[str, Stream] = field(default_factory=dict)


class Clock(Protocol):
    """The time, so that tests and simulators can turn it."""

    def now(self) -> datetime:
        """The present time, aware, in UTC."""

    def monotonic(self) -> float:
        """Seconds that never go back."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


class TokenStore(Protocol):
    """A small durable store for tokens that a connector refreshes. One writer at a time: see :meth:`refresh`."""

    def load(self, name: str) -> dict[str, Any] | None:
        """The saved token data, or none."""

    def refresh(self, name: str, renew: Any) -> dict[str, Any]:
        """Run ``renew(current)`` under a lease that all workers share, save what it returns, and return it."""


@dataclass(frozen=True, slots=True)
class ConnectorIO:
    """Everything a connector may use of the world: its HTTP client, the clock, a log and its token store.

    ``installation`` is this hub's short name, part of every marker. ``connection`` is the connection's name.
    """

    http: HttpClient
    clock: Clock
    log: Any
    tokens: TokenStore
    connection: str
    installation: str = "hub"


C = TypeVar("C", bound=ConnectorConfig)


class Connector(ABC, Generic[C]):
    """Code for one system. Only `check` and what the manifest claims must be overridden; the rest says that it is unsupported.

    A connector holds no state that matters: any worker may make one at any time. Its methods may be called from several threads.
    It raises the errors of :mod:`hub.errors`, and no others: `Unreachable` when nothing was sent, `OutcomeUnknown` when it is not
    known whether a write took effect, `Rejected` when the system said no, `RateLimited`, `AuthFailed`, `RetryLater`.
    """

    manifest: ClassVar[Manifest]
    Config: ClassVar[type[ConnectorConfig]]

    def __init__(self, config: C, io: ConnectorIO) -> None:
        self.config = config
        self.io = io

    def check(self) -> Health:
        """Credentials, scopes, API version, clock difference. Never writes."""
        raise self._unsupported("check")

    def poll(self, stream: str, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changes since ``cursor`` (none = from the beginning). At least once: repeats are absorbed by the hub."""
        raise self._unsupported("poll", stream)

    def cursor_since(self, stream: str, moment: datetime) -> Cursor:
        """A position from which `poll` gives what changed at ``moment`` (aware) or later; a little before is allowed. For runs by hand."""
        raise self._unsupported("reading from a point in time", stream)

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        """Verify the request's signature over the raw body, then read the messages in it. Raises `Unauthenticated`."""
        raise self._unsupported("webhook")

    def challenge(self, request: InboundRequest) -> Answer | None:
        """The answer to a vendor's test of the webhook address (GET or POST), or none: then it is an ordinary webhook.

        Called only where a connector overrides it, before `webhook`. Raises `Unauthenticated` for a test that somebody else made.
        """
        return None

    def subscribe(self, streams: Collection[str], url: str, *, dry_run: bool = False) -> SubscriptionReport:
        """Make the vendor send webhooks for ``streams`` to ``url``. Repeating it changes nothing; a dry run only tells what is missing."""
        raise self._unsupported("subscribe")

    def subscriptions(self) -> Sequence[Subscription]:
        """Every webhook subscription that the vendor has for this connection, to whatever address."""
        raise self._unsupported("subscriptions")

    def unsubscribe(self, url: str) -> int:
        """Have no more webhooks sent to ``url``; returns how many subscriptions ended. Others' addresses stay."""
        raise self._unsupported("unsubscribe")

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        """One record as it is now, or none when it is not there."""
        raise self._unsupported("fetch", stream)

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """The record with this natural key. More than one is a `Rejected` with code XREF-CONFLICT."""
        raise self._unsupported("find", stream)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Did this write, or an earlier attempt of it, take its whole effect? Asked before a repeat, by a strongly consistent call.

        None = no effect, or only a part that `deliver` will complete: the hub calls `deliver` again.
        Without an ``idempotency_key`` the hub asks what another write of the same record did, whose key is not this one's: only a
        look-up by the marker can tell, and a connector that relies on keys alone raises `Unsupported`.
        """
        raise self._unsupported("find_effect", record.stream)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """The write. A write of several calls must be able to go on from where an earlier attempt stopped."""
        raise self._unsupported("deliver", record.stream)

    def deliver_many(self, records: Sequence[OutboundRecord]) -> Sequence[DeliverResult | HubError]:
        """Several writes of one stream in as few calls as the system allows: for each, in order, its result or its own error.

        What one write does wrong harms no other. It is called for streams that declare ``batch``, and never with a write that may have
        had its effect already: one whose outcome is unknown is told as `OutcomeUnknown`, and is then looked up and sent by itself. An
        error that is raised instead of returned stands for all of them.
        """
        return [_one_of_many(self, record) for record in records]

    def close(self) -> None:
        """Release what the connector holds. May be called twice."""

    def _unsupported(self, operation: str, stream: str = "") -> Unsupported:
        what = f"{operation} of {stream}" if stream else operation
        return Unsupported(f"the {self.manifest.name} connector does not support {what}")


def _one_of_many(connector: Connector[Any], record: OutboundRecord) -> DeliverResult | HubError:
    try:
        return connector.deliver(record)
    except HubError as error:
        return error
