"""A file's streams, compiled for one connection: every text and path becomes a function once, and none is read again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

from hub.documents import Path
from hub.errors import ConfigError
from hub.sdk.declarative.api import Api
from hub.sdk.declarative.calls import Call, Calls
from hub.sdk.declarative.file.reading import Fetch, Find, Poll
from hub.sdk.declarative.file.streams import StreamPart
from hub.sdk.declarative.file.system import ConnectorFile
from hub.sdk.declarative.file.writing import LookUp as LookUpPart
from hub.sdk.declarative.file.writing import Write
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.odata import expanded
from hub.sdk.declarative.pages import way_of
from hub.sdk.declarative.paths import getter
from hub.sdk.declarative.polling import Asking, Polling
from hub.sdk.declarative.proofs import Make, maker_of
from hub.sdk.declarative.rows import Row, Rows
from hub.sdk.declarative.single import Completion, Fetcher, Finder, Sublist
from hub.sdk.declarative.templates import Fill
from hub.sdk.declarative.webhooks import Webhooks
from hub.sdk.declarative.writing import LookUp, Request, Verb, Writer

WRITES: tuple[Verb, ...] = ("create", "update", "delete")
OF_WRITES = ("record", "marker", "idempotency_key", "id", "etag")


@dataclass(slots=True)
class StreamPlan:
    """What can be done with one stream, each part none where the file does not describe it."""

    rows: Rows
    polling: Polling | None = None
    fetcher: Fetcher | None = None
    complete: Completion | None = None
    finder: Finder | None = None
    writer: Writer | None = None


@dataclass(slots=True)
class Plan:
    """A whole file, compiled for one connection."""

    proof: Make
    check: Call
    say: Fill
    calls: Calls
    streams: dict[str, StreamPlan] = field(default_factory=dict)
    webhooks: Webhooks | None = None


def compile_file(file: ConnectorFile, maker: Maker) -> Plan:
    """The plan of a file for the settings that the ``maker`` holds."""
    addresses = [name for name, setting in file.settings.items() if setting.kind == "url"]
    calls = Calls(maker, file.url, file.headers, addresses)
    login = calls.make(file.auth.login, ("auth", "login")) if file.auth.kind == "session" else None
    plan = Plan(
        proof=maker_of(file.auth, maker, login),
        check=calls.make(file.check, ("check",)),
        say=maker.text(file.check.say, ("check", "say"), "answer", "title"),
        calls=calls,
    )
    for name, spec in file.streams.items():
        plan.streams[name] = _Stream(name, expanded(spec), calls).plan()
    if file.webhook is not None:
        rows = {name: stream.rows for name, stream in plan.streams.items()}
        plan.webhooks = Webhooks(file.webhook, maker, rows)
    return plan


class _Stream:
    """Compiles one stream."""

    def __init__(self, name: str, spec: StreamPart, calls: Calls) -> None:
        self.name, self.spec, self.calls, self.maker = name, spec, calls, calls.maker
        self.rows = Rows(name, spec)
        self.at: Path = ("streams", name)

    def plan(self) -> StreamPlan:
        spec = self.spec
        made = StreamPlan(self.rows)
        made.fetcher = self._fetcher(spec.fetch) if isinstance(spec.fetch, Fetch) else None
        made.complete = Completion(self.rows, self._sublists())
        if isinstance(spec.poll, Poll):
            made.polling = self._polling(spec.poll, made)
        if isinstance(spec.find, Find):
            made.finder = self._finder(spec.find)
        if any(isinstance(getattr(spec, verb), Write) for verb in WRITES):
            made.writer = self._writer(made)
        return made

    def _fetcher(self, fetch: Fetch) -> Fetcher:
        call = self.calls.make(fetch, (*self.at, "fetch"), "id")
        return Fetcher(self.rows, call, getter(fetch.row) if fetch.row else None, self.spec.etag)

    def _sublists(self) -> list[Sublist]:
        made = []
        for name, part in self.spec.parts.items():
            at = (*self.at, "parts", name)
            way = way_of(part.paging, self.maker, (*at, "paging"), self.rows.id_of, None)
            call = self.calls.make(part, at, "id", "row")
            made.append(Sublist(name, call, getter(part.rows) if part.rows else None, way))
        return made

    def _polling(self, poll: Poll, made: StreamPlan) -> Polling:
        at = (*self.at, "poll")
        asking = None
        if poll.changes is not None:
            pairs = self.maker.pairs(poll.changes.query, (*at, "changes", "query"), "since")
            asking = Asking.of(poll.changes, pairs, self._begin(poll.changes.begin, (*at, "changes", "begin")))
        way = way_of(poll.paging, self.maker, (*at, "paging"), self.rows.id_of, self.rows.raw_time)
        call = self.calls.make(poll, at, "limit", "since")
        path = getter(poll.rows) if poll.rows else None
        assert made.complete is not None
        complete = made.complete if poll.whole else partial(_fetched, made, made.complete)
        return Polling(self.rows, call, path, way, asking, complete)

    def _begin(self, text: str | None, at: Path) -> datetime | None:
        said = self.maker.constant(text, at) if text else ""
        if not said:
            return None
        try:
            moment = datetime.fromisoformat(said)
        except ValueError:
            raise ConfigError(
                f"{said[:40]!r} is no time.", fix="Write it as 2026-01-31 or 2026-01-31T00:00:00Z."
            ) from None
        return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)

    def _finder(self, find: Find) -> Finder:
        call = self.calls.make(find, (*self.at, "find"), "key", "kind")
        path = getter(find.rows) if find.rows else None
        return Finder(self.rows, call, path, find.field or find.by, ignore_case=find.ignore_case)

    def _writer(self, made: StreamPlan) -> Writer:
        requests = {
            verb: self._request(verb, part) for verb in WRITES if isinstance(part := getattr(self.spec, verb), Write)
        }
        once = self.spec.once
        look_up = self._look_up(once.look_up) if once is not None and once.look_up is not None else None
        return Writer(self.rows, requests, once, look_up, made.fetcher)

    def _request(self, verb: Verb, part: Write) -> Request:
        at = (*self.at, verb)
        add = self.maker.data(part.add, (*at, "add"), *OF_WRITES) if part.add else None
        return Request(part, self.calls.make(part, at, *OF_WRITES), add, getter(part.row) if part.row else None)

    def _look_up(self, part: LookUpPart) -> LookUp:
        at = (*self.at, "once", "look_up")
        where = self.maker.data(part.where, (*at, "where"), *OF_WRITES)
        return LookUp(self.calls.make(part, at, *OF_WRITES), getter(part.rows) if part.rows else None, where)


def _fetched(made: StreamPlan, complete: Completion, api: Api, row: Row) -> Row | None:
    """The whole record behind a summary."""
    assert made.fetcher is not None
    current = made.fetcher.read(api, made.rows.id_of(row))
    return complete(api, current.row) if current is not None else None


def settings_of(config: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as texts may name them, secrets in clear; one that is not given has no value."""
    return {name: getattr(value, "get_secret_value", lambda value=value: value)() for name, value in config.items()}
