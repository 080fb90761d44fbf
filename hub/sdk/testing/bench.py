"""The bench of the conformance kit: one simulator behind real HTTP, connectors against it, and what the hub would do with them."""

from __future__ import annotations

import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Self

from pydantic import BaseModel, SecretStr

from hub.errors import OutcomeUnknown, RetryLater, Unsupported
from hub.sdk.connector import Connector, ConnectorConfig, ConnectorIO, Stream, Support
from hub.sdk.jsonio import dump_json
from hub.sdk.records import Cursor, DeliverResult, Operation, OutboundRecord, RawMessage
from hub.sdk.testing.faults import Fault
from hub.sdk.testing.io import MemoryTokens, ReadableLog, make_io
from hub.sdk.testing.simulator import Simulator

DEADLINE = 10.0
"""Seconds for a call: generous, because a busy machine is no fault of the connector. Behaviours about time-outs set less."""
_MOST_PAGES = 400


class NotConformant(AssertionError):
    """A connector does not behave as the contract says; the text says how."""


class NotProvable(Exception):
    """A behaviour cannot be shown here; the text says why: the connector does not claim it, or the simulator has no hook for it.

    ``declared`` tells the two apart.
    """

    def __init__(self, why: str, *, declared: bool) -> None:
        super().__init__(why)
        self.declared = declared


def require(holds: Any, otherwise: str) -> None:
    """Raise `NotConformant` with the sentence ``otherwise`` unless it ``holds``."""
    if not holds:
        raise NotConformant(otherwise)


class Bench:
    """A fresh simulator, its HTTP face, and as many instances of the connector as a behaviour wants."""

    def __init__(
        self,
        connector: type[Connector[Any]],
        simulator: Callable[[], Simulator],
        settings: Mapping[str, Any] | None = None,
        deadline: float = DEADLINE,
    ) -> None:
        self.cls = connector
        self._make, self._settings, self._deadline = simulator, settings, deadline
        self.sim = simulator()
        self.server = self.sim.serve()
        given = {**self.sim.connection_config(self.server.url), "deadline": deadline, **(settings or {})}
        self.config: ConnectorConfig = connector.Config.model_validate(given)
        self.secrets = sorted(secret_values(self.config))
        self.tokens = MemoryTokens()
        self.log = ReadableLog()
        self._serial = itertools.count(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.server.stop()
        self.sim.close()

    def twin(self) -> Bench:
        """Another bench with a simulator of the same seed, as new."""
        return Bench(self.cls, self._make, self._settings, self._deadline)

    def io(self) -> ConnectorIO:
        """A new world for a connector; the token store and the simulator's clock are shared."""
        return make_io(
            secrets=self.secrets, clock=self.sim.clock, tokens=self.tokens, log=self.log, deadline=self.config.deadline
        )

    def connector(self, io: ConnectorIO | None = None) -> Connector[Any]:
        """A new instance, as any worker may make one at any time."""
        return self.cls(self.config, io or self.io())

    def log_in_by_tokens(self) -> None:
        """From now on connectors are made with settings whose tokens run out. The token store is empty."""
        given = {**self.sim.expiring_config(self.server.url), "deadline": self._deadline}
        self.config = self.cls.Config.model_validate(given)
        self.secrets = sorted(secret_values(self.config))
        self.tokens = MemoryTokens()

    def stream(self, name: str) -> Stream:
        """What the manifest says of a stream."""
        return self.cls.manifest.streams[name]

    def can(self, name: str, operation: str) -> bool:
        """Does the connector claim this operation on this stream?"""
        return claimed(self.stream(name), operation)

    # --- reading

    def drain(
        self,
        stream: str,
        cursor: Cursor | None = None,
        *,
        limit: int = 50,
        between: Callable[[int], None] | None = None,
    ) -> tuple[list[RawMessage], Cursor | None]:
        """Poll to the end of a round. Each page is read by a new instance, with a cursor that went through JSON, as in the hub."""
        found: list[RawMessage] = []
        for number in range(_MOST_PAGES):
            page = self.connector().poll(stream, cursor, limit)
            found += page.messages
            cursor = through_json(page.cursor, "a cursor")
            if not page.more:
                return found, cursor
            if between is not None:
                between(number)
        raise NotConformant(f"polling {stream} did not end after {_MOST_PAGES} pages of {limit}")

    def requests(self) -> int:
        """How many requests have come in so far."""
        return len(self.sim.journal)

    # --- writing

    def record(
        self,
        stream: str,
        operation: Operation = "create",
        data: dict[str, Any] | None = None,
        external_id: str | None = None,
    ) -> OutboundRecord:
        """A write as the hub makes it: frozen, with a key and a marker of its own."""
        number = next(self._serial)
        return OutboundRecord(
            stream=stream, operation=operation, data=self.sim.sample_outbound(stream) if data is None else data,
            idempotency_key=f"00000000-0000-4000-8000-{number:012d}", marker=f"hub-hubtest-{number:06d}", external_id=external_id,
            first_sent_at=self.sim.clock.now().isoformat(),
        )  # fmt: skip

    def go_on(self, record: OutboundRecord, *, tries: int = 6) -> DeliverResult:
        """What the hub does after an unclear outcome: look the effect up, and only then write again."""
        for attempt in range(2, 2 + tries):
            again = replace(record, attempt=attempt, maybe_sent=True)
            connector = self.connector()
            try:
                found = look_up(connector, again)
                return found if found is not None else connector.deliver(again)
            except (OutcomeUnknown, RetryLater):
                continue
        raise NotConformant(f"the write of {record.stream} did not come to an end in {tries} more attempts")

    def created(self) -> Counter[str]:
        """How many records of each kind have been created by requests so far."""
        return Counter(one.kind for one in self.sim.effects() if one.verb == "create")

    def changes(self, stream: str) -> Counter[str]:
        """What has been done to a stream so far, by verb."""
        return Counter(one.verb for one in self.sim.effects(stream))

    def writing_requests(self, since: int = 0) -> list[int]:
        """The positions of the requests that had an effect."""
        return [n for n, entry in enumerate(self.sim.journal[since:]) if entry.effect]

    def fault_at(self, position: int, fault: Fault) -> None:
        """Meet the request at ``position``, counted from now on, with ``fault``."""
        self.sim.faults.add("* /", [None] * position + [fault])

    @contextmanager
    def nothing_sent(self, what: str) -> Iterator[None]:
        """What happens inside must not make a request."""
        before = self.requests()
        yield
        require(self.requests() == before, f"{what} made a request")


def claimed(stream: Stream, operation: str) -> bool:
    """Does this stream's manifest entry claim the operation?"""
    return getattr(stream, operation).support in (Support.FULL, Support.VERSIONED)


def look_up(connector: Connector[Any], record: OutboundRecord) -> DeliverResult | None:
    """`find_effect`; a connector without it relies on the vendor's idempotency keys, and simply writes again."""
    try:
        return connector.find_effect(record)
    except Unsupported:
        return None


def through_json(value: Any, what: str) -> Any:
    """``value`` as it comes back from the store. What is not JSON data does not come back."""
    try:
        text = dump_json(value)
    except (TypeError, ValueError) as e:
        raise NotConformant(f"{what} is not JSON data: {e}") from None
    return json.loads(text)


def secret_values(config: BaseModel) -> Iterator[str]:
    """Every secret in a connector's settings, also inside nested ones."""
    waiting: list[Any] = [config]
    while waiting:
        value = waiting.pop()
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            waiting.extend(getattr(value, name) for name in type(value).model_fields)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)


def leaves(value: Any) -> Iterator[Any]:
    """Every name and every plain value in JSON data."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item)
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            waiting.extend(item)
        else:
            yield item


def longest_list(value: Any) -> int:
    """The length of the longest list in JSON data."""
    longest, waiting = 0, [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, Mapping):
            waiting.extend(item.values())
        elif isinstance(item, (list, tuple)):
            longest = max(longest, len(item))
            waiting.extend(item)
    return longest
