"""OData: what a service takes and gives, by its ``$metadata``. Answers have the form of OData JSON in the service's version.

https://docs.oasis-open.org/odata/odata/v4.01/odata-v4.01-part2-url-conventions.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from xml.etree.ElementTree import Element

from hub.sdk.testing.specs.csdl import VALUE, Metadata, Record, inner, last, word
from hub.sdk.testing.specs.shapes import OPEN, Absent, Operation, Shape, segments

_SEGMENT = re.compile(r"([^()]+)(?:\((.*)\))?")
_V4 = frozenset(
    "$filter $orderby $select $expand $top $skip $count $search $format $apply $compute $skiptoken $deltatoken $levels $index"  # noqa: SIM905
    " $schemaversion".split()
)
_OLDER = frozenset("$filter $orderby $select $expand $top $skip $inlinecount $format $skiptoken".split())  # noqa: SIM905
_CONTROL = ("context", "count", "nextLink", "deltaLink", "metadataEtag")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a path leads: records of a type, or one of them, or something that has no members."""

    type: str
    many: bool
    keyed: bool = False


class OData:
    """One service."""

    kind = "odata"

    def __init__(self, data: Metadata) -> None:
        self.data = data
        self.name = data.name

    @classmethod
    def of(cls, text: str, name: str) -> OData:
        """The service that a text of XML describes."""
        return cls(Metadata.of(text, name))

    # --- finding an operation

    def operation(self, method: str, path: str, base: str) -> Operation | Absent:  # noqa: ARG002
        """The operation behind a path: it begins with the entity set, wherever the service's root may be."""
        parts = [_SEGMENT.fullmatch(part) or re.match("()()", "") for part in segments(path)]
        names = [(part[1], part[2]) for part in parts if part is not None]
        roots = {**self.data.sets, **self.data.singles, **dict.fromkeys(self.data.imports, "")}
        begin = next((place for place, (name, _) in enumerate(names) if name in roots), None)
        if begin is None:
            if names and names[-1][0] in ("$metadata", "$batch"):
                return Operation(f"{method} {names[-1][0]}", free=True)
            if not names and method == "GET":
                return Operation("GET /", free=True)
            word = names[-1][0] if names else path
            return Absent(f"there is no entity set in the path {path!r}.", tuple(roots), word)
        found = self._below(method, names[begin], names[begin + 1 :], roots)
        root = "/".join(name for name, _ in names[:begin])
        return replace(found, root=root) if isinstance(found, Operation) else found

    def _below(
        self, method: str, first: tuple[str, str | None], rest: list[tuple[str, str | None]], roots: Mapping[str, str]
    ) -> Operation | Absent:
        name, key = first
        said = f"{method} {name}" + (f"({key})" if key is not None else "")
        if name in self.data.imports:
            return self._imported(said, self.data.imports[name])
        place = _Place(roots[name], name in self.data.sets)
        fault = self._key_fault(place, name, key)
        if fault is not None:
            return fault
        if key is not None:
            place = _Place(place.type, many=False, keyed=True)
        return self._further(method, said, place, rest)

    def _key_fault(self, place: _Place, name: str, key: str | None) -> Absent | None:
        """What is wrong with the names in a key such as ``(OrderId={},Line={})``."""
        if not key or "=" not in key:
            return None
        known = list(self.data.properties(place.type))
        for part in key.split(","):
            word = part.partition("=")[0].strip()
            if "=" in part and word not in known:
                return Absent(f"the key of {name} has no {word!r}.", tuple(known), word)
        return None

    def _further(self, method: str, said: str, place: _Place, rest: list[tuple[str, str | None]]) -> Operation | Absent:
        for name, key in rest:
            said += f"/{name}" + (f"({key})" if key is not None else "")
            if name in ("$count", "$value", "$ref", "$links"):
                return Operation(said, free=True, query=self._options)
            call = self._bound(name, place.type)
            if call is not None:
                return self._called(said, call)
            if self.data.full(name) in self.data.types:
                place = _Place(self.data.full(name), place.many, place.keyed)
                continue
            properties = self.data.properties(place.type)
            if name not in properties:
                known = (*properties, *self._bound_names(place.type))
                return Absent(f"{last(place.type)} has nothing named {name!r}.", known, name)
            kind = self.data.type_of(properties[name])
            place = _Place(inner(kind), kind.startswith("Collection(") and key is None, keyed=key is not None)
        takes = {"GET", "POST"} if place.many else {"GET", "PUT", "PATCH", "DELETE", "MERGE"}
        if method not in takes:
            return Absent(f"{said.partition(' ')[2]} takes no {method}, only {', '.join(sorted(takes))}.")
        record = self._entity(place.type, creating=place.many)
        return Operation(
            said,
            query=self._options,
            free=True,
            body=record,
            answer=self._listed(place.type) if place.many and method == "GET" else self._single(place.type),
            refusals={"default": self._error},
        )

    # --- actions and functions

    def _bound(self, name: str, type_: str) -> Element | None:
        """The action or function of this name that belongs to records of a type."""
        wanted = {self.data.full(name), *(one for one in self.data.calls if one.rpartition(".")[2] == name)}
        for full in sorted(wanted):
            for one in self.data.calls.get(full, ()):
                first = next((part for part in one if word(part) == "Parameter"), None)
                if one.get("IsBound") == "true" and first is not None:
                    kind = self.data.full(inner(first.get("Type", "")))
                    if kind in self.data.line(type_) or self.data.full(type_) in self.data.line(kind):
                        return one
        return self.data.imports.get(name.rpartition(".")[2]) if self.data.version < 4 else None

    def _bound_names(self, type_: str) -> list[str]:
        return [full for full in self.data.calls if self._bound(full, type_) is not None]

    def _called(self, said: str, node: Element) -> Operation:
        parameters = [one for one in node if word(one) == "Parameter"]
        if word(node) in ("Action", "Function") and node.get("IsBound") == "true":
            parameters = parameters[1:]
        members = {one.get("Name", ""): self.data.value(one.get("Name", ""), one) for one in parameters}
        returned = next((one.get("Type", "") for one in node if word(one) == "ReturnType"), node.get("ReturnType", ""))
        answer = OPEN
        if self.data.full(inner(returned)) in self.data.types:
            record = inner(returned)
            answer = self._listed(record) if returned.startswith("Collection(") else self._single(record)
        by_query = self.data.version < 4
        return Operation(
            said,
            query={**self._options, **(members if by_query else {})},
            free=True,
            body=OPEN if by_query else Shape(f"the parameters of {said}", members=members),
            answer=answer,
            refusals={"default": self._error},
        )

    def _imported(self, said: str, node: Element) -> Operation:
        target = self.data.full(node.get("Function") or node.get("Action") or "")
        return self._called(said, next(iter(self.data.calls.get(target, ())), node))

    # --- answers

    def _entity(self, type_: str, *, creating: bool = True) -> Shape:
        return Record(self.data, self.data.full(type_), creating=creating)

    def _single(self, type_: str) -> Shape:
        if self.data.version == 2:
            return Shape("the answer", members={"d": self._entity(type_)})
        return self._entity(type_)

    def _listed(self, type_: str) -> Shape:
        entity = self._entity(type_)
        if self.data.version == 4:
            control = {f"@odata.{name}": VALUE for name in _CONTROL}
            return Shape("the answer", members={"value": entity, **control})
        plain = {f"odata.{name}": VALUE for name in ("metadata", "count", "nextLink")}
        # "d" is the list itself where it is not paged (OData 1), else {"results": [...]}.
        verbose = Shape(
            "d of the answer", members={**entity.members, "results": entity, "__count": VALUE, "__next": VALUE}
        )
        return Shape(
            "the answer", members={"d": verbose, **({"value": entity, **plain} if self.data.version == 3 else {})}
        )

    @cached_property
    def _error(self) -> Shape:
        text = Shape("message of the error", members={"lang": VALUE, "value": VALUE} if self.data.version < 4 else {})
        said: dict[str, Shape] = {"code": VALUE, "message": text, "innererror": OPEN}
        if self.data.version == 4:
            said |= {"target": VALUE, "details": Shape("details of the error", members={**said, "target": VALUE})}
        error = Shape("the error", members=said)
        return Shape(
            "the answer", members={"error": error, **({"odata.error": error} if self.data.version == 3 else {})}
        )

    @cached_property
    def _options(self) -> Mapping[str, Shape]:
        return dict.fromkeys(_V4 if self.data.version == 4 else _OLDER, OPEN)

    def event(self, topic: str) -> Shape | Absent | None:  # noqa: ARG002
        """None: metadata says nothing of webhooks."""
        return None
