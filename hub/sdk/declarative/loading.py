"""Reads a connector's file and says everything that is wrong with it: the line, the likely spelling, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from hub.canonical import ENTITIES
from hub.documents import Document, did_you_mean, from_validation, read
from hub.documents import Path as Place
from hub.errors import ConfigError
from hub.sdk.connector import ConnectorConfig
from hub.sdk.declarative.compile import compile_file
from hub.sdk.declarative.file import ConnectorFile
from hub.sdk.declarative.file.reading import AfterPages, Fetch, Poll
from hub.sdk.declarative.file.streams import StreamPart
from hub.sdk.declarative.file.writing import Update
from hub.sdk.declarative.maker import Maker
from hub.sdk.declarative.odata import expanded
from hub.sdk.declarative.templates import TemplateFault

OPERATIONS = ("poll", "fetch", "find", "create", "update", "delete")


def load_file(file: Path, name: str = "") -> ConnectorFile:
    """The file, checked. Raises `ConfigError` for the first fault, and says how many more there are."""
    loaded, faults = inspect_file(file, name)
    if loaded is None or faults:
        first = faults[0]
        if len(faults) > 1:
            more = "1 more fault" if len(faults) == 2 else f"{len(faults) - 1} more faults"
            first.fix = f"{first.fix} There is {more}.".strip()
        raise first
    return loaded


def inspect_file(file: Path, name: str = "") -> tuple[ConnectorFile | None, list[ConfigError]]:
    """The file where it can be read at all, and every fault in it."""
    try:
        document = read(file, name or file.name)
    except ConfigError as fault:
        return None, [fault]
    return checked(document)


def checked(document: Document) -> tuple[ConnectorFile | None, list[ConfigError]]:
    """The same for a document that was read already."""
    try:
        loaded = ConnectorFile.model_validate(document.data if document.data is not None else {})
    except ValidationError as error:
        return None, from_validation(error, document, ConnectorFile)
    faults = list(_faults(loaded, document))
    return loaded, sorted(faults, key=lambda fault: _line(fault.where))


def _faults(file: ConnectorFile, document: Document) -> Iterator[ConfigError]:
    yield from _settings(file, document)
    for name, stream in file.streams.items():
        yield from _stream(name, stream, document)
    yield from _webhook(file, document)
    yield from _texts(file, document)


def _texts(file: ConnectorFile, document: Document) -> list[ConfigError]:
    """Compile everything once, and collect what cannot be read."""
    found: list[ConfigError] = []

    def fault(at: Place, said: TemplateFault) -> None:
        found.append(ConfigError(f"{said}.", code="CFG-TEXT", where=document.where(at), fix=said.fix))

    maker = Maker(file.settings, {"config": {}, "installation": "hub", "connection": "test"}, fault)
    compile_file(file, maker)
    return found


def _settings(file: ConnectorFile, document: Document) -> Iterator[ConfigError]:
    for name, setting in file.settings.items():
        where = document.where(("settings", name))
        if name in ConnectorConfig.model_fields:
            yield ConfigError(
                f"every connection has a setting {name!r} already.", where=where, fix="Give it another name."
            )
        if setting.pattern is not None:
            try:
                re.compile(setting.pattern)
            except re.error as error:
                yield ConfigError(f"the pattern of {name!r} cannot be read: {error}.", where=where)
        if not _fits(setting.kind, setting.default, setting.choices):
            yield ConfigError(
                f"the default of {name!r} is no {setting.kind}.", where=where, fix="Write one, or leave it out."
            )


def _fits(kind: str, default: Any, choices: list[str]) -> bool:
    if default is None:
        return True
    kinds: dict[str, Any] = {"integer": int, "number": (int, float), "flag": bool}
    if kind == "flag" or isinstance(default, bool):
        return kind == "flag" and isinstance(default, bool)
    if kind == "choice":
        return default in choices
    return isinstance(default, kinds.get(kind, str))


def _stream(name: str, stream: StreamPart, document: Document) -> Iterator[ConfigError]:
    at: Place = ("streams", name)
    if stream.entity not in ENTITIES:
        fix = did_you_mean(stream.entity, ENTITIES)
        yield ConfigError(
            f"the canonical model has no entity {stream.entity!r}.",
            code="CFG-UNKNOWN",
            where=document.where((*at, "entity")),
            fix=fix,
        )
    whole = expanded(stream)
    poll, fetched = whole.poll, isinstance(whole.fetch, Fetch)
    if isinstance(poll, Poll):
        if isinstance(poll.paging, AfterPages) and poll.changes is None:
            where = document.where((*at, "poll", "paging"))
            yield ConfigError(
                "pages behind the last row need its time of change.", where=where, fix="Add changes to this poll."
            )
        if not poll.whole and not fetched:
            where = document.where((*at, "poll", "whole"))
            yield ConfigError(
                f"{name} is to be fetched row by row, and has no fetch.", where=where, fix="Describe its fetch."
            )
        if poll.method not in ("GET", "POST"):
            where = document.where((*at, "poll", poll.method.lower()))
            yield ConfigError(
                f"a poll must not {poll.method}.", where=where, fix="Use get, or post where the system searches so."
            )
    if isinstance(whole.update, Update):
        if (whole.update.whole or whole.update.if_match) and not fetched:
            where = document.where((*at, "update"))
            yield ConfigError(
                f"this update reads the {name} first, and has no fetch.", where=where, fix="Describe its fetch."
            )
        if whole.update.if_match and whole.etag is None:
            where = document.where((*at, "update", "if_match"))
            yield ConfigError(
                "it is not said where the etag is.",
                where=where,
                fix='Add etag: {header: etag}, or etag: {field: "..."}.',
            )
    if whole.find == "python" and not whole.natural_key:
        where = document.where((*at, "find"))
        yield ConfigError(
            "it is not said what it finds by.", where=where, fix="Add natural_key: sku, email, number or code."
        )
    if all(getattr(whole, operation) is None for operation in OPERATIONS):
        yield ConfigError(
            f"nothing can be done with the stream {name!r}.",
            where=document.where(at),
            fix="Describe poll, fetch, find or a write.",
        )


def _webhook(file: ConnectorFile, document: Document) -> Iterator[ConfigError]:
    if file.webhook is None:
        return
    topics = file.webhook.topic
    for topic, stream in topics.streams.items():
        if stream not in file.streams:
            where = document.where(("webhook", "topic", "streams", topic))
            yield ConfigError(
                f"there is no stream {stream!r}.",
                code="CFG-UNKNOWN",
                where=where,
                fix=did_you_mean(stream, file.streams),
            )
    for index, topic in enumerate(topics.deleted):
        if topic not in topics.streams:
            where = document.where(("webhook", "topic", "deleted", index))
            yield ConfigError(
                f"there is no topic {topic!r}.",
                code="CFG-UNKNOWN",
                where=where,
                fix=did_you_mean(topic, topics.streams),
            )


def _line(where: str) -> int:
    number = where.rpartition(":")[2]
    return int(number) if number.isdigit() else 0
