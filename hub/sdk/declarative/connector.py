"""Connectors described in a file. The class carries out what the file says; a method of its own takes the place of a part of it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from hub.errors import ConfigError, Unsupported
from hub.sdk.connector import FULL, Capability, Connector, ConnectorConfig, ConnectorIO, Manifest, Stream, Support
from hub.sdk.declarative.answers import Answer, Judge
from hub.sdk.declarative.api import Api
from hub.sdk.declarative.compile import StreamPlan, compile_file, settings_of
from hub.sdk.declarative.conditions import condition
from hub.sdk.declarative.file import ConnectorFile
from hub.sdk.declarative.file.common import CallPart
from hub.sdk.declarative.file.reading import Find
from hub.sdk.declarative.file.streams import Refused, StreamPart
from hub.sdk.declarative.limits import Pace
from hub.sdk.declarative.loading import OPERATIONS, load_file
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.odata import expanded
from hub.sdk.declarative.polling import State
from hub.sdk.declarative.settings import model_of
from hub.sdk.declarative.writing import verb_of
from hub.sdk.records import (
    Cursor,
    DeliverResult,
    ExternalRef,
    Health,
    InboundRequest,
    NaturalKey,
    OutboundRecord,
    Page,
    RawMessage,
)

_SILENT = Capability(Support.UNSUPPORTED, "the connector's file does not describe it")


class DeclarativeConnector(Connector[ConnectorConfig]):
    """A connector whose file says how its system works: ``class AcmeConnector(DeclarativeConnector, file="acme.yaml")``.

    The file lies beside the module. Where it says ``python`` of an operation, the class has a method for it, named after the
    operation and the stream: ``poll_order(cursor, limit)``, ``fetch_order(external_id)``, ``find_order(key)``,
    ``create_order(record)``, ``update_order(record)``, ``delete_order(record)``, and ``find_effect_order(record)`` beside a write.
    `call` makes requests with the connection's proof, pace and error rules.
    """

    file: ClassVar[ConnectorFile]
    path: ClassVar[Path | None] = None
    """Where the file lies, of a connector that is nothing but its file."""

    def __init_subclass__(cls, *, file: str | Path = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        if not file:
            return
        home = Path(str(sys.modules[cls.__module__].__file__)).parent if cls.__module__ in sys.modules else Path()
        cls.describe(load_file(home / file))

    @classmethod
    def describe(cls, file: ConnectorFile) -> None:
        """Take the manifest and the settings from a file, and check that what it leaves to Python is there."""
        cls.file = file
        cls.manifest = Manifest(
            name=file.name, vendor=file.vendor, title=file.title, sdk=file.sdk, api_version=file.api_version, docs=file.docs,
            streams={name: _stream(name, spec, file) for name, spec in file.streams.items()},
        )  # fmt: skip
        cls.Config = model_of(file)
        for name, spec in file.streams.items():
            for operation in OPERATIONS:
                if getattr(spec, operation) == "python" and not hasattr(cls, f"{operation}_{name}"):
                    raise ConfigError(
                        f"the file leaves {operation} of {name} to Python, and {cls.__name__} has no {operation}_{name}.",
                        code="CFG-CONNECTOR", where=f"{file.name}.yaml", fix="Write the method, or describe the operation.",
                    )  # fmt: skip

    def __init__(self, config: ConnectorConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        given = {name: getattr(config, name) for name in self.file.settings}
        constants = {"config": settings_of(given), "installation": io.installation, "connection": io.connection}
        self._plan = compile_file(self.file, Maker(self.file.settings, constants))
        pace = Pace(self.file.rate, io.clock, local="rate" not in config.model_fields_set)
        self.api = Api(io, self._plan.proof(io), Judge(self.file.errors, self.file.message), pace)
        self._must = condition(self.file.check.must)

    def check(self) -> Health:
        """The file's check: a request whose answer must be as it says."""
        answer = self.api.read(self._plan.check, {}).there()
        if not self._must(answer.data):
            return Health(False, f"{self.file.title} answers, and not as it must", fix=self.file.check.fix)
        said = self._plan.say({"answer": answer.data, "title": self.file.title})
        return Health(True, said if isinstance(said, str) else f"{self.file.title} answers")

    def poll(self, stream: str, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changes."""
        plan = self._claimed(stream, "poll")
        if plan.polling is None:
            page: Page = getattr(self, f"poll_{stream}")(cursor, limit)
            return page
        return plan.polling.page(self.api, cursor, limit)

    def cursor_since(self, stream: str, moment: datetime) -> Cursor:
        """The position from which everything changed since then is read, where the system can be asked for changes."""
        polling = self._claimed(stream, "poll").polling
        if polling is None or not polling.by_time:
            return super().cursor_since(stream, moment)
        return State(since=moment).cursor()

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        """One record as it is now."""
        plan = self._claimed(stream, "fetch")
        if plan.fetcher is None or plan.complete is None:
            message: RawMessage | None = getattr(self, f"fetch_{stream}")(external_id)
            return message
        current = plan.fetcher.read(self.api, external_id)
        if current is None:
            return None
        row = plan.complete(self.api, current.row)
        return plan.rows.message(row, "fetch", plan.rows.stamp_of(row))

    def find(self, stream: str, key: NaturalKey) -> ExternalRef | None:
        """The record with this natural key."""
        plan = self._claimed(stream, "find")
        if plan.finder is None:
            found: ExternalRef | None = getattr(self, f"find_{stream}")(key)
            return found
        return plan.finder.find(self.api, key)

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        """The message of a webhook, after its signature was verified."""
        if self._plan.webhooks is None:
            raise self._unsupported("webhook")
        return [self._plan.webhooks.read(request, self.io.clock.now())]

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Did an earlier attempt of this write take effect?"""
        verb = verb_of(record)
        plan = self._claimed(record.stream, verb)
        in_python = getattr(self.file.streams[record.stream], verb) == "python"
        own = getattr(self, f"find_effect_{record.stream}", None)
        if in_python and own is not None:
            result: DeliverResult | None = own(record)
            return result
        if plan.writer is None or in_python:
            raise Unsupported(f"the {self.manifest.name} connector cannot look up a write of {record.stream}")
        return plan.writer.find_effect(self.api, record)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """The write."""
        verb = verb_of(record)
        plan = self._claimed(record.stream, verb)
        if plan.writer is None or getattr(self.file.streams[record.stream], verb) == "python":
            result: DeliverResult = getattr(self, f"{verb}_{record.stream}")(record)
            return result
        return plan.writer.deliver(self.api, record)

    def call(self, request: Mapping[str, Any], **scope: Any) -> Answer:
        """Make a request, described as in the file: ``call({"get": "/orders/{id}"}, id=5)``. A GET reads, every other method writes.

        For methods of the class. Raises what the file's error rules and the status say; a record that is not there is an
        answer with ``missing``.
        """
        call = self._plan.calls.make(CallPart.model_validate(request), ("python",), *scope)
        return self.api.read(call, scope) if call.method == "GET" else self.api.write(call, scope)

    def message(self, stream: str, row: dict[str, Any], topic: str = "poll") -> RawMessage:
        """A row as a message, with the id, version and time that the file names: for methods of the class."""
        rows = self._plan.streams[stream].rows
        return rows.message(row, topic, rows.stamp_of(row))

    def _claimed(self, stream: str, operation: str) -> StreamPlan:
        """The stream's plan; what the file does not claim is refused before any call."""
        claimed = self.manifest.streams.get(stream)
        if claimed is None or getattr(claimed, operation).support is not Support.FULL:
            raise self._unsupported(operation, stream)
        return self._plan.streams[stream]


def connector_class(file: ConnectorFile, path: Path | None = None) -> type[DeclarativeConnector]:
    """A class for a file that needs no Python. ``path`` is where the file lies."""
    title = "".join(part.capitalize() for part in file.name.split("_"))
    words = {"__doc__": f"{file.title}, as its file describes it.", "__module__": __name__}
    made: type[DeclarativeConnector] = type(f"{title}Connector", (DeclarativeConnector,), words)
    made.path = path
    made.describe(file)
    return made


def _stream(name: str, spec: StreamPart, file: ConnectorFile) -> Stream:
    whole = expanded(spec)
    can: dict[str, Any] = {operation: _capability(getattr(whole, operation)) for operation in OPERATIONS}
    told = file.webhook is not None and name in file.webhook.topic.streams.values()
    return Stream(
        name,
        spec.entity,
        **can,
        webhook=FULL if told else Capability(Support.UNSUPPORTED, "no webhook of the system tells of it"),
        natural_key=whole.find.by if isinstance(whole.find, Find) else spec.natural_key,
        state_carrying=not spec.events,
    )


def _capability(part: Any) -> Capability:
    if part is None:
        return _SILENT
    return Capability(Support.UNSUPPORTED, part.reason) if isinstance(part, Refused) else FULL
