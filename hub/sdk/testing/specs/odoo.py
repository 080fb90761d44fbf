"""Odoo: the models, methods, fields, domains and import columns that a connector uses, against what `fields_get` says of a database.

A call to the server is a call of a function of the connector that has the parameters ``model`` and ``method``; the arguments that it is
given by name are the method's own. A function ``(model, field) -> bool`` asks whether this database has a field: what depends on its
answer is optional. Everything else follows from Odoo's external API: https://www.odoo.com/documentation/19.0/developer/reference/external_api.html
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hub.errors import ConfigError
from hub.sdk.testing.specs import Checked, content
from hub.sdk.testing.specs.expressions import ASKED
from hub.sdk.testing.specs.misfits import Kind, Misfit, misfit
from hub.sdk.testing.specs.program import Function, Program
from hub.sdk.testing.specs.reader import Call, Reader
from hub.sdk.testing.specs.shapes import Field
from hub.sdk.testing.specs.values import UNKNOWN, Text, Value

Json = dict[str, Any]
_RELATIONS = frozenset({"many2one", "one2many", "many2many"})
_SECTIONS = frozenset({"model", "name", "doc", "fields", "methods", "defaults"})
_FIELDS_OF = frozenset({"search_read", "read"})


@dataclass(frozen=True, slots=True)
class Record:
    """Records that were read: of these models, with these fields. ``fields`` is none where they are not known."""

    models: frozenset[str]
    fields: frozenset[str] | None

    @property
    def of(self) -> str:
        """How a finding calls them."""
        return f"the record of {' or '.join(sorted(self.models)[:3])}"

    def child(self, name: str) -> Value | None:
        """The value of a field; none when it was not asked for."""
        return UNKNOWN if self.fields is None or name == "id" or name in self.fields else None


@dataclass(frozen=True, slots=True)
class Use:
    """One call to the server: what is called, and the arguments by their names."""

    model: Text
    method: Text
    arguments: Value

    def names(self) -> Iterator[tuple[str, str]]:
        """(model, name) for the method and for every field, column and term that the call names."""
        yield self.model.text, f"{self.method.text}()"
        for place in self.places():
            parts = place.text.split(",") if self.arguments.key("order") and " " in place.text else [place.text]
            yield from ((self.model.text, part.split()[0]) for part in parts if part.split())

    def places(self) -> Iterator[Text]:
        """Where the names in the arguments stand."""
        for key in self.arguments.keys:
            match key.name:
                case "domain":
                    terms = (term.parts for term in _members(key.value) if term.parts is not None)
                    yield from (place for parts in terms if len(parts) == 3 for place in parts[0].texts)
                case "fields" | "allfields" | "order":
                    yield from _all(key.value)
                case "vals" | "vals_list":
                    given = [key.value, *_members(key.value)]
                    yield from (place for one in given for inner in one.keys for place in inner.places)


@dataclass
class _Calls:
    """The dialect of Odoo."""

    uses: list[Use] = field(default_factory=list)
    asked_for: set[tuple[Text, Text]] = field(default_factory=set)
    asked: set[Text] = field(default_factory=set)
    unasked: dict[Text, str] = field(default_factory=dict)
    of_answers: set[Text] = field(default_factory=set)

    def sent(self, call: Call, reader: Reader) -> Value | None:
        """Is it a call of a method, or a question for a field?"""
        for target in call.targets:
            names = set(target.function.names)
            if {"model", "method"} <= names:
                return self._called(reader.bind(target.function, call), target.function)
            if {"model", "field"} == names and _is_bool(target.function):
                given = reader.bind(target.function, call)
                models = given.get("model", UNKNOWN).texts
                self.asked_for |= {(model, one) for model in models for one in given.get("field", UNKNOWN).texts}
                reader.run(target, given, 0)
                return Value(objects=frozenset({ASKED}), open=True)
        return None

    def reads(self, place: Text, answers: frozenset[Any], *, asked: bool) -> None:
        """The same code may read several records: it is wrong where none of them has what it reads."""
        if answers:
            self.of_answers.add(place)
        if asked:
            self.asked.add(place)
        elif answers:
            self.unasked[place] = " or ".join(sorted({one.of for one in answers})[:3])

    def _called(self, given: dict[str, Value], function: Function) -> Value:
        models, methods = given.get("model", UNKNOWN).texts, given.get("method", UNKNOWN).texts
        extra = function.node.args.kwarg
        arguments = given.get(extra.arg, UNKNOWN) if extra is not None else given.get("arguments", UNKNOWN)
        if not models or not methods:
            return UNKNOWN
        self.uses += [Use(model, method, arguments) for model in models for method in methods]
        if not any(one.text in _FIELDS_OF for one in methods):
            return UNKNOWN
        fields = arguments.key("fields")
        known = None if fields is None or _is_open(fields.value) else frozenset(_names(fields.value))
        return Value(objects=frozenset({Record(frozenset(one.text for one in models), known)}))


class Odoo:
    """What one or more Odoo databases say of their models.

    A file is ``{"models": {model: {"fields": fields_get, "methods": {...}, "defaults": [...]}}}`` as
    ``python -m connectors.odoo.describe`` writes it, or ``{model: fields_get}``, or one page of Odoo 19's own ``/doc/<model>.json``.
    """

    kind = "odoo"

    def __init__(self, models: dict[str, Json], name: str) -> None:
        self.models = models
        self.name = name

    @staticmethod
    def models_in(path: Path) -> dict[str, Json]:
        """The models that a file describes."""
        return _models_of(content(path), path)

    def check(self, folder: Path, package: str, mapped: Sequence[Field] = ()) -> Checked:  # noqa: ARG002 - records of the connector's own
        """Everything in a connector's source that does not fit."""
        calls = used(folder, package)
        found = {one for use in calls.uses for one in self._of_use(use)}
        for model, place in calls.asked_for:
            if model.text not in self.models:
                found.add(misfit(model, Kind.UNKNOWN, model.text, f"there is no model {model.text!r}.", self.models))
            found |= set(self._path(model.text, place._replace(guarded=True), place.text))
        for place, of in calls.unasked.items():
            if place not in calls.asked:
                found.add(misfit(place, Kind.UNASKED, place.text, f"{place.text} is read, and {of} does not have it."))
        found = {one for one in found if not _covered(one, found)}
        names = frozenset(one for use in calls.uses for one in (use.model, use.method, *use.places()))
        uses = {
            "models": len({use.model.text for use in calls.uses}),
            "methods": len({(use.model.text, use.method.text) for use in calls.uses}),
            "names": len(names),
            "reads": len(calls.of_answers),
        }
        followed = frozenset({*names, *calls.of_answers, *(one for pair in calls.asked_for for one in pair)})
        return Checked(self.name, self.kind, uses if calls.uses else {}, sorted(found), followed)

    # --- one call

    def _of_use(self, use: Use) -> Iterator[Misfit]:
        model, method = use.model.text, use.method.text
        if model not in self.models:
            yield misfit(use.model, Kind.UNKNOWN, model, f"there is no model {model!r}.", self.models)
            return
        methods = self.models[model].get("methods")
        if methods and method not in methods:
            yield misfit(use.method, Kind.UNKNOWN, f"{model}.{method}", f"{model} has no method {method!r}.", methods)
            return
        yield from self._arguments(use, (methods or {}).get(method))
        for key in use.arguments.keys:
            yield from self._argument(model, method, key.name, key.value)
        if method in ("create", "load"):
            yield from self._required(use)

    def _arguments(self, use: Use, described: Any) -> Iterator[Misfit]:
        """The names of a method's arguments, where the description has them."""
        parameters: Json = (described or {}).get("parameters") or {}
        if not described or any(str(one.get("kind", "")).startswith("VAR_") for one in parameters.values()):
            return
        what = f"{use.model.text}.{use.method.text}"
        for key in use.arguments.keys:
            if key.name not in parameters and key.name not in ("context", "ids"):
                for place in key.places:
                    yield misfit(
                        place, Kind.UNKNOWN, f"{what}({key.name})", f"{what} takes no {key.name!r}.", parameters
                    )

    def _argument(self, model: str, method: str, name: str, value: Value) -> Iterator[Misfit]:
        match name:
            case "domain":
                yield from self._domain(model, value)
            case "fields" if method == "load":
                for place in _all(value):
                    yield from self._column(model, place)
            case "fields" | "allfields":
                for place in _all(value):
                    yield from self._path(model, place, place.text)
            case "order":
                for place in value.texts:
                    for part in place.text.split(","):
                        yield from self._path(model, place, part.split()[0] if part.split() else "")
            case "vals" | "vals_list":
                yield from self._values(model, value)

    def _domain(self, model: str, value: Value) -> Iterator[Misfit]:
        for term in _members(value):
            if term.parts is not None and len(term.parts) == 3:
                for place in term.parts[0].texts:
                    yield from self._path(model, place, place.text)
                    for one in self._choices(model, place.text, term.parts[2]):
                        yield replace(one, kind=Kind.OPTIONAL)  # what no record can have finds none, and is no error

    def _values(self, model: str, value: Value) -> Iterator[Misfit]:
        for one in [value, *_members(value)] if value.keys or not _members(value) else _members(value):
            for key in one.keys:
                for place in key.places:
                    yield from self._path(model, place, key.name)
                yield from self._choices(model, key.name, key.value)
                relation = self._field(model, key.name).get("relation")
                for command in _members(key.value) if relation in self.models else ():
                    if command.parts is not None and len(command.parts) == 3 and command.parts[2].is_mapping:
                        yield from self._values(str(relation), command.parts[2])

    def _choices(self, model: str, path: str, value: Value) -> Iterator[Misfit]:
        """The values of a selection field."""
        owner, _, name = path.rpartition(".")
        at = self._follow(model, owner.split(".")) if owner else model
        described = self._field(at, name) if at else {}
        choices = [str(one[0]) for one in described.get("selection") or [] if isinstance(one, list)]
        if described.get("type") != "selection" or not choices:
            return
        for place in [*value.texts, *_all(value)]:
            if place.text not in choices and place.text:
                what = f"{at}.{name} = {place.text}"
                yield misfit(place, Kind.UNKNOWN, what, f"{at}.{name} has no value {place.text!r}.", choices)

    def _column(self, model: str, place: Text) -> Iterator[Misfit]:
        """A column of `load`: names of relations with / between them; "id" and ".id" at the end name the record itself."""
        parts = place.text.split("/")
        if parts[-1] in ("id", ".id"):
            parts = parts[:-1]
        if parts:
            yield from self._path(model, place, ".".join(parts), relation=place.text.count("/") >= len(parts))

    def _path(self, model: str, place: Text, path: str, *, relation: bool = False) -> Iterator[Misfit]:
        """A field, or a path of fields through relations. ``relation``: its last field must be one as well."""
        at: str | None = model
        within = "" if path in (place.text, place.text.split()[0]) and "." not in path else f" ({place.text})"
        for name in path.split("."):
            if at is None or at not in self.models:
                return
            described = self._field(at, name)
            what = f"{at}.{name}"
            if not described:
                said = f"{at} has no field {name!r}{within}."
                yield misfit(place, Kind.UNKNOWN, what, said, self._fields(at), name)
                return
            if described.get("deprecated"):
                yield misfit(place, Kind.DEPRECATED, what, f"{what} is deprecated: {described['deprecated']}")
            last = name == path.rpartition(".")[2]
            if described.get("type") not in _RELATIONS and (relation or not last):
                yield misfit(
                    place, Kind.MISMATCH, what, f"{what} is no relation, it is of the type {described.get('type')}."
                )
                return
            at = described.get("relation") or None

    def _required(self, use: Use) -> Iterator[Misfit]:
        """What a new record must have, as far as the description says what Odoo itself fills in."""
        model, described = use.model.text, self.models[use.model.text]
        given = _given(use)
        if "defaults" not in described or not given:
            return
        fields = self._fields(model)
        made_with_it = {str(one.get("related") or "").partition(".")[0] for one in fields.values()}
        for name, one in fields.items():
            filled = one.get("readonly") or one.get("depends") or one.get("related") or name in described["defaults"]
            if one.get("required") and not filled and name not in {*given, *made_with_it}:
                yield misfit(
                    min(given.values()), Kind.MISSING, f"{model}.{name}",
                    f"a new {model} must have {name!r}, which has no default.",
                )  # fmt: skip

    # --- the description

    def _fields(self, model: str) -> dict[str, Json]:
        fields: dict[str, Json] = self.models.get(model, {}).get("fields") or {}
        return fields

    def _field(self, model: str | None, name: str) -> Json:
        return self._fields(model or "").get(name) or {}

    def _follow(self, model: str, path: list[str]) -> str | None:
        at: str | None = model
        for name in path:
            at = self._field(at, name).get("relation")
        return at


def used(folder: Path, package: str) -> _Calls:
    """Everything that a connector's source asks of an Odoo server."""
    calls = _Calls()
    Reader(Program(folder, package), calls).read()
    return calls


def _models_of(data: Any, path: Path) -> dict[str, Json]:
    if isinstance(data, dict) and isinstance(data.get("models"), dict):
        made = data["models"]
    elif isinstance(data, dict) and {"model", "fields"} <= set(data):
        made = {data["model"]: data}
    else:
        made = data
    good = isinstance(made, dict) and made and all(isinstance(one, dict) for one in made.values())
    if not good:
        raise ConfigError("it holds no models of Odoo.", code="CFG-SPEC", where=str(path))
    return {model: one if set(one) <= _SECTIONS else {"fields": one} for model, one in made.items()}


def _is_bool(function: Function) -> bool:
    returns = None if isinstance(function.node, ast.Lambda) else function.node.returns
    return isinstance(returns, ast.Name) and returns.id == "bool"


def _members(value: Value) -> tuple[Value, ...]:
    return (*(value.parts or ()), *value.elements)


def _all(value: Value) -> Iterator[Text]:
    """The texts of a value, alone or in a list."""
    yield from value.texts
    for one in _members(value):
        yield from one.texts


def _names(value: Value) -> Iterator[str]:
    return (one.text for one in _all(value))


def _is_open(value: Value) -> bool:
    return value.open or any(one.open for one in _members(value))


def _given(use: Use) -> dict[str, Text]:
    """The fields that a new record is given, with their places; none where they are not all known, or only lines are sent."""
    if use.method.text == "load":
        columns = use.arguments.key("fields")
        split = [
            (place, *place.text.partition("/")[::2]) for place in (_all(columns.value) if columns is not None else ())
        ]
        lines = {name for _, name, rest in split if rest not in ("", "id", ".id")}
        return {name: place for place, name, _ in split if name not in ("id", ".id") and name not in lines}
    values = use.arguments.key("vals_list")
    given = [values.value, *_members(values.value)] if values is not None else []
    if any(one.open or one.rest is not None for one in given):
        return {}
    return {key.name: min(key.places) for one in given for key in one.keys}


def _covered(one: Misfit, found: set[Misfit]) -> bool:
    """An optional use that is told as an unknown one as well, from another way through the code: the harmless one says less."""
    return one.kind is Kind.OPTIONAL and any(
        other.file == one.file and other.line == one.line and other.what == one.what and other.kind is Kind.UNKNOWN
        for other in found
    )
