"""A connector that is described in a file, against OpenAPI or OData descriptions: every path, method, parameter and field in the file.

What the file's Python methods send by ``call`` is followed as well, and so is what they read of ``answer.data``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hub.documents import Document, read
from hub.documents import Path as Place
from hub.sdk.declarative.file import ConnectorFile
from hub.sdk.declarative.file.answers import ErrorRule
from hub.sdk.declarative.file.common import METHODS, CallPart
from hub.sdk.declarative.file.reading import AfterPages, Fetch, Find, Paging, Poll, Sublist
from hub.sdk.declarative.file.reading import Rows as RowsPart
from hub.sdk.declarative.file.streams import Id, StreamPart, Version
from hub.sdk.declarative.file.webhooks import Webhook
from hub.sdk.declarative.file.writing import LookUp, Update, Write
from hub.sdk.declarative.loading import checked
from hub.sdk.declarative.odata import expanded
from hub.sdk.declarative.paths import steps
from hub.sdk.testing.specs import Checked
from hub.sdk.testing.specs.filters import names_in
from hub.sdk.testing.specs.fitting import Fitting
from hub.sdk.testing.specs.methods import Methods
from hub.sdk.testing.specs.misfits import Kind, misfit
from hub.sdk.testing.specs.program import shown
from hub.sdk.testing.specs.shapes import OPEN, Absent, Api, Field, Operation, Shape, plain
from hub.sdk.testing.specs.values import Text

_BASE = re.compile(r"^(?:https?://[^/]*|\{config\.\w+\})")
_ANSWER = re.compile(r"\{answer\.([^{}:]+)(?::\w+)?\}")
_ROW = re.compile(r"\{row\.([^{}:]+)(?::\w+)?\}")
_PAGING = ("size", "offset", "page")


class Declared:
    """What one or more descriptions say of a system: each request belongs to the one that has its path."""

    def __init__(self, apis: Sequence[Api]) -> None:
        self.apis = apis
        self.kind = ", ".join(dict.fromkeys(api.kind for api in apis))
        self.name = ", ".join(api.name for api in apis)

    def check(self, folder: Path, package: str, mapped: Sequence[Field] = ()) -> Checked:
        """Everything in the connector's files in ``folder``, in their Python methods and in its mappings that does not fit."""
        found = Fitting(self.apis)
        for path in _files(folder, package):
            document = read(path, shown(path))
            file, faults = checked(document)
            if file is None or faults:
                raise faults[0]
            held = FileUses(file, document, found)
            held.read()
            held.mapped(mapped)
            if (folder / "__init__.py").is_file():
                Methods(folder, package, base_of(file), frozenset({*file.headers, *_proof(file)}), found).read()
        found.settle()
        uses = {name: len(places) for name, places in found.uses.items()}
        return Checked(self.name, self.kind, uses, sorted(found.misfits), frozenset().union(*found.uses.values()))


def _files(folder: Path, package: str) -> list[Path]:
    """The files in a folder that describe a connector: of a project's, which has several, the one of this connector."""
    files = [path for path in sorted(folder.glob("*.yaml")) if re.search(r"(?m)^connector:\s*1\b", _text(path))]
    own = [path for path in files if path.stem == package]
    return own or files


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


class FileUses:
    """Holds one file against the descriptions."""

    def __init__(self, file: ConnectorFile, document: Document, found: Fitting) -> None:
        self.file, self.document, self.found = file, document, found
        self.base = base_of(file)
        self.headers = {*file.headers, *_proof(file)}
        self.asked: list[tuple[Operation, bool]] = []
        """Every operation that is used, each with "does it write?"."""
        self.messages: dict[str, list[Shape]] = {}
        """The shapes of the rows that become messages, by stream."""
        self.parts: dict[str, Shape] = {}
        """The shapes of the lists that are put into the rows, as ``stream.part``."""
        self.records: dict[str, list[tuple[str, Shape, frozenset[str]]]] = {}
        """Where a stream's record is sent as it is: the verb, the shape that takes it, and the names that the file adds."""
        self._odata: list[tuple[Place, str]] = []

    def read(self) -> None:
        """Everything in the file."""
        file, auth = self.file, self.file.auth
        answer = self.call(file.check, ("check",), writes=False)
        for path in file.check.must:
            shape = self.field(answer, path, ("check", "must", path))
            self.found.value(shape, file.check.must[path], self.where(("check", "must", path), path))
        for path in _ANSWER.findall(file.check.say):
            self.field(answer, path, ("check", "say"))
        if auth.kind == "session" and any(api.kind == "openapi" for api in self.found.apis):
            answer = self.call(auth.login, ("auth", "login"), writes=True)
            if auth.token is not None:
                self.field(answer, auth.token, ("auth", "token"))
        rows = {name: self.stream(name, spec) for name, spec in file.streams.items()}
        for number, rule in enumerate(file.errors):
            self.rule(rule, ("errors", number))
        for path in file.message:
            self._refusals([path], ErrorRule.model_validate({"has": path, "is": "ok"}), ("message",))
        if file.webhook is not None:
            self.webhook(file.webhook, rows)

    # --- places

    def where(self, at: Place, text: str) -> Text:
        """The place of a name. What follows from ``odata`` stands where that names it."""
        if at not in self.document.lines and text:
            word = re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")
            near = [path for path, said in self._odata if word.search(said) or text.startswith(f"{said}(")]
            at = near[0] if near else at
        return Text(text, self.document.name, self.document.line(at))

    def field(self, shape: Shape, path: str, at: Place, selected: frozenset[str] | None = None) -> Shape:
        """A place in an answer."""
        return self.found.reads(shape, steps(path), self.where(at, path), selected)

    # --- requests

    def call(self, spec: CallPart, at: Place, *, writes: bool, more: Iterable[tuple[str, Text]] = ()) -> Shape:
        """Hold a request against its operation, and return the shape of the answer."""
        operation = self.operation(spec, at, writes=writes)
        if operation is None:
            return OPEN
        place = self.where((*at, spec.method.lower()), spec.path)
        query = {name: self.where((*at, "query", name), name) for name in spec.query}
        for name in re.findall(r"[?&]([^=&{}]+)=", spec.path):
            query[name] = place._replace(text=name)
        self.found.parameters(operation, {**query, **dict(more)}, {*self.headers, *spec.headers}, place)
        for name, value in spec.query.items():
            if not name.startswith("$"):  # OData's options are looked at name by name
                self.found.value(operation.query.get(name), value, query[name])
        if spec.body is not None:
            self.found.body(operation.body, spec.body, (*at, "body"), self.where)
        if spec.form is not None:
            self.found.body(operation.form, spec.form, (*at, "form"), self.where)
        return operation.answer

    def operation(self, spec: CallPart, at: Place, *, writes: bool) -> Operation | None:
        """The operation of a request; none where there is none, and for one to another system."""
        if _BASE.match(spec.path):
            return None
        place = self.where((*at, spec.method.lower()), spec.path)
        operation = self.found.operation(spec.method, spec.path, self.base, place)
        if operation is not None:
            self.asked.append((operation, writes))
        return operation

    def rows(self, spec: RowsPart, at: Place, more: Iterable[tuple[str, Text]] = ()) -> tuple[Shape, Shape]:
        """A request for a list: the shape of the answer, and that of a row in it."""
        answer = self.call(spec, at, writes=False, more=more)
        row = self.field(answer, spec.rows, (*at, "rows")) if spec.rows is not None else answer
        self.options(spec.query, (*at, "query"), row)
        return answer, row

    def options(self, query: Mapping[str, Any], at: Place, row: Shape) -> None:
        """The names in OData's options, which are about the rows."""
        for option, value in query.items():
            for path in names_in(option, value):
                here, place = row, self.where((*at, option), path.split("/")[0])
                for step in path.split("/"):
                    if step not in here.members:  # OData 2 wraps lists, which its options pass over
                        here = here.members.get("results", here)
                    here = self.found.reads(here, [step], place)

    def pages(self, paging: Paging | None, at: Place) -> Iterator[tuple[str, Text]]:
        """The query parameters for pages."""
        for name in _PAGING:
            said = getattr(paging, name, None)
            if said:
                yield said, self.where((*at, name), said)
        if isinstance(paging, AfterPages):
            yield from ((name, self.where((*at, "query", name), name)) for name in paging.query)
        elif paging is not None and paging.kind == "token":
            yield paging.query, self.where((*at, "query"), paging.query)

    def paged(self, paging: Paging | None, at: Place, answer: Shape) -> None:
        """What is read of an answer to see whether there is another page."""
        for name in ("more", "total", "field", "delta"):
            path = getattr(paging, name, None)
            if path:
                self.field(answer, path, (*at, name))

    # --- streams

    def stream(self, name: str, spec: StreamPart) -> StreamPart:
        """Every operation of one stream. Returns it with what follows from OData written out."""
        at: Place = ("streams", name)
        self._odata = list(_leaves(self.document.data, (*at, "odata"))) + list(_leaves(self.document.data, (*at, "id")))
        whole = expanded(spec)
        if isinstance(whole.poll, Poll):
            self.poll(whole, whole.poll, at)
        if isinstance(whole.fetch, Fetch):
            self.fetch(whole, whole.fetch, at)
        if isinstance(whole.find, Find):
            find = whole.find
            _, row = self.rows(find, (*at, "find"))
            said = "field" if find.field is not None else "by"
            self.row(whole, row, at, selected=_selected(find.query))
            self.field(row, find.field or find.by, (*at, "find", said), _selected(find.query))
        for verb in ("create", "update", "delete"):
            part = getattr(whole, verb)
            if isinstance(part, Write):
                self.write(whole, part, (*at, verb), at, verb)
        if whole.once is not None and whole.once.look_up is not None:
            self.look_up(whole, whole.once.look_up, at)
        self._odata = []
        return whole

    def row(self, spec: StreamPart, row: Shape, at: Place, *, selected: frozenset[str] | None = None) -> None:
        """What is read of every row: its id and its version."""
        said = spec.id if isinstance(spec.id, Id) else Id(field=spec.id)
        self.field(row, said.field, _inside(spec.id, (*at, "id")), selected)
        if spec.version is not None:
            version = spec.version.field if isinstance(spec.version, Version) else spec.version
            self.field(row, version, _inside(spec.version, (*at, "version")), selected)

    def message(self, spec: StreamPart, row: Shape, at: Place, *, selected: frozenset[str] | None = None) -> None:
        """What is read of a row that becomes a message."""
        self.messages.setdefault(str(at[1]), []).append(row)
        self.row(spec, row, at, selected=selected)
        if isinstance(spec.poll, Poll) and spec.poll.changes is not None:
            changes = spec.poll.changes
            self.field(row, changes.field, (*at, "poll", "changes", "field"), selected)
        if spec.deleted is not None:
            for path, value in spec.deleted.where.items():
                place = (*at, "deleted", "where", path)
                self.found.value(self.field(row, path, place, selected), value, self.where(place, path))
            for number, path in enumerate(spec.deleted.has):
                self.field(row, path, (*at, "deleted", "has", number), selected)

    def poll(self, spec: StreamPart, poll: Poll, at: Place) -> None:
        """The list of changes, and the lists that belong to its rows."""
        here = (*at, "poll")
        changes = poll.changes.query if poll.changes is not None else {}
        asked = [(name, self.where((*here, "changes", "query", name), name)) for name in changes]
        answer, row = self.rows(poll, here, [*self.pages(poll.paging, (*here, "paging")), *asked])
        self.options(changes, (*here, "changes", "query"), row)
        self.paged(poll.paging, (*here, "paging"), answer)
        self.message(spec, row, at, selected=_selected(poll.query))
        for name, part in spec.parts.items():
            self.part(part, (*at, "parts", name), row)

    def part(self, part: Sublist, at: Place, row: Shape) -> None:
        """A list that belongs to a row."""
        answer, inner = self.rows(part, at, self.pages(part.paging, (*at, "paging")))
        self.parts[f"{at[1]}.{at[3]}"] = inner
        self.paged(part.paging, (*at, "paging"), answer)
        texts = {
            part.method.lower(): part.path,
            **{name: value for name, value in part.query.items() if type(value) is str},
        }
        for name, text in texts.items():
            for path in _ROW.findall(text):
                self.field(row, path, (*at, name) if name in METHODS else (*at, "query", name))

    def fetch(self, spec: StreamPart, fetch: Fetch, at: Place) -> None:
        """One record by its id."""
        here = (*at, "fetch")
        answer = self.call(fetch, here, writes=False)
        row = self.field(answer, fetch.row, (*here, "row")) if fetch.row is not None else answer
        self.options(fetch.query, (*here, "query"), row)
        self.message(spec, row, at, selected=_selected(fetch.query))
        if spec.etag is not None and spec.etag.field is not None:
            self.field(row, spec.etag.field, (*at, "etag", "field"))

    def write(self, spec: StreamPart, part: Write, at: Place, stream: Place, verb: str) -> None:
        """A request that writes: the names around the record, those added to it, and what is read of the answer."""
        operation = self.operation(part, at, writes=True)
        if operation is None:
            return
        answer = self.call(part, at, writes=True)
        header = spec.once.header if spec.once is not None and verb == "create" else None
        if header is not None and operation.headers and header.lower() not in operation.headers:
            place = self.where((*stream, "once", "header"), header)
            said = f"{operation.name} takes no header {header!r}."
            self.found.misfits.add(misfit(place, Kind.UNKNOWN, header, said, operation.headers, header.lower()))
        if verb == "delete":
            return
        if part.body is None and part.form is None:
            record = operation.body
            if part.wrap is not None:
                record = self.found.writes(record, map(str, steps(part.wrap)), self.where((*at, "wrap"), part.wrap))
            for name, value in part.add.items():
                place = self.where((*at, "add", name), name)
                self.found.value(self.found.writes(record, [name], place), value, place)
            self.records.setdefault(str(stream[1]), []).append((verb, record, frozenset(part.add)))
        row = self.field(answer, part.row, (*at, "row")) if part.row is not None else answer
        if (verb == "create" and not part.location) or isinstance(part, Update):
            self.row(spec, row, stream)

    def look_up(self, spec: StreamPart, part: LookUp, at: Place) -> None:
        """The list in which an earlier attempt's record must be."""
        here = (*at, "once", "look_up")
        _, row = self.rows(part, here)
        self.row(spec, row, at, selected=_selected(part.query))
        for path in part.where:
            self.field(row, path, (*here, "where", path))

    # --- mappings

    def mapped(self, fields: Sequence[Field]) -> None:
        """The fields that mappings read of messages, and those that they write into records."""
        for one in fields:
            if one.written:
                for _, record, _ in self.records.get(one.stream, ()):
                    here = record
                    for step in one.way:
                        here = self.found.writes(here, [step.text], step)
                    self.found.value(here, one.value, one.way[-1])
            else:
                self._read(one)
        for stream, records in self.records.items():
            ways = [one.way for one in fields if one.written and one.stream == stream]
            for verb, record, added in records:
                if ways and verb == "create":
                    self._missing(record, ways, added)

    def _read(self, one: Field) -> None:
        """A field of a message is wrong where no kind of message has it: polled, fetched, or sent as a webhook."""
        shapes, way = self.messages.get(one.stream, []), one.way
        part = self.parts.get(f"{one.stream}.{way[0].text}")
        if part is not None:
            shapes, way = [part], way[1:]
        tried = []
        for shape in shapes:
            apart, here = Fitting(self.found.apis), shape
            for step in way:
                here = apart.reads(here, [step.text], step)
            tried.append(apart)
        if tried:
            best = min(tried, key=lambda apart: sum(found.breaks for found in apart.misfits))
            self.found.uses["reads"] |= best.uses["reads"]
            self.found.misfits |= best.misfits

    def _missing(self, shape: Shape, ways: Sequence[tuple[Text, ...]], added: frozenset[str] = frozenset()) -> None:
        """Names that a new record needs and no mapping writes."""
        written = {way[0].text for way in ways}
        place = min((way[0] for way in ways), key=lambda one: (one.file, one.line))
        for name in sorted(shape.required - written - added):
            said = f"{shape.of} needs {name!r}, which is not written."
            self.found.misfits.add(misfit(place, Kind.MISSING, name, said))
        for name in written:
            below, inner = shape.child(name), [way[1:] for way in ways if way[0].text == name and len(way) > 1]
            if below is not None and inner:
                self._missing(below, inner)

    # --- errors and webhooks

    def rule(self, rule: ErrorRule, at: Place) -> None:
        """The places in errors that a rule looks at, and those that it reads."""
        for path in rule.where:
            self._refusals([path], rule, (*at, "where", path))
        for number, path in enumerate(rule.has):
            self._refusals([path], rule, (*at, "has", number))
        for name in ("id", "after"):
            if isinstance(said := getattr(rule, name), str):
                self._refusals([said], rule, (*at, name))

    def _refusals(self, paths: Sequence[str], rule: ErrorRule, at: Place) -> None:
        """A place in an error is wrong where the errors of no operation have it."""
        operations = [one for one, writes in self.asked if rule.on is None or (rule.on == "write") == writes]
        if rule.status:
            given = [one.refusal(status) for one in operations for status in rule.status]
        else:
            given = [shape for one in operations for shape in (*one.refusals.values(), one.answer)]
        shapes = {id(one): one for one in given if one is not None}
        if not shapes or any(one is OPEN for one in shapes.values()):
            return
        for path in paths:
            tried = []
            for shape in shapes.values():
                apart = Fitting(self.found.apis)
                apart.reads(shape, steps(path), self.where(at, path))
                tried.append(apart)
            best = min(tried, key=lambda one: len(one.misfits))
            self.found.uses["reads"] |= best.uses["reads"]
            self.found.misfits |= best.misfits

    def webhook(self, spec: Webhook, streams: Mapping[str, StreamPart]) -> None:
        """The topics, and what is read of the webhooks."""
        for topic, stream in spec.topic.streams.items():
            at: Place = ("webhook", "topic", "streams", topic)
            place = self.where(at, topic)
            event = next((one for api in self.found.apis if (one := api.event(topic)) is not None), None)
            if event is None:
                continue
            self.found.uses["reads"].add(place)
            if isinstance(event, Absent):
                self.found.misfits.add(misfit(place, Kind.UNKNOWN, topic, event.said, event.known, topic))
                continue
            if spec.topic.field is not None:
                shape = self.field(event, spec.topic.field, ("webhook", "topic", "field"))
                self.found.value(shape, topic, place)
            if spec.event is not None:
                self.field(event, spec.event, ("webhook", "event"))
            row = self.field(event, spec.row, ("webhook", "row")) if spec.row is not None else event
            if stream in streams:
                self.message(streams[stream], row, ("streams", stream))


def base_of(file: ConnectorFile) -> str:
    """The part of the file's address that is a path: ``/api/v2`` of ``{config.url}/api/v2``."""
    return plain(_BASE.sub("", file.url)).rstrip("/")


def _proof(file: ConnectorFile) -> Iterator[str]:
    """The headers in which the proof goes."""
    header = getattr(file.auth, "header", None)
    yield from [
        "authorization",
        *([header] if header else []),
        *(one.once.header or "" for one in file.streams.values() if one.once),
    ]


def _inside(said: Any, at: Place) -> Place:
    return at if isinstance(said, str) else (*at, "field")


def _selected(query: Mapping[str, Any]) -> frozenset[str] | None:
    """The names in ``$select``; none where everything is given."""
    said = query.get("$select")
    return frozenset(name.strip() for name in said.split(",")) if isinstance(said, str) and "{" not in said else None


def _leaves(data: Any, at: Place) -> Iterator[tuple[Place, str]]:
    """Every text below a place of a document."""
    here = data
    for step in at:
        here = here.get(step) if isinstance(here, Mapping) else None
    yield from _texts(here, at)


def _texts(data: Any, at: Place) -> Iterator[tuple[Place, str]]:
    if isinstance(data, str):
        yield at, data
    elif isinstance(data, Mapping):
        for name, value in data.items():
            yield from _texts(value, (*at, name))
    elif isinstance(data, list):
        for number, value in enumerate(data):
            yield from _texts(value, (*at, number))
