"""Uses of a system's API, held one by one against its descriptions: requests, parameters, what is read of answers and written in bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from hub.documents import Path as Place
from hub.sdk.testing.specs.misfits import Kind, Misfit, misfit
from hub.sdk.testing.specs.shapes import OPEN, Absent, Api, Operation, Shape, plain
from hub.sdk.testing.specs.values import Text


@dataclass
class Fitting:
    """What was found, and the places that were held against the description."""

    apis: Sequence[Api]
    misfits: set[Misfit] = field(default_factory=set)
    uses: dict[str, set[Text]] = field(
        default_factory=lambda: {name: set() for name in ("requests", "parameters", "reads", "writes")}
    )

    roots: dict[str, set[Text]] = field(default_factory=dict)
    """Where the requests of OData services stand, by what is before the part that the metadata knows."""

    def operation(self, method: str, path: str, base: str, place: Text) -> Operation | None:
        """The operation that a request asks for; none where it is not there, which is then told."""
        self.uses["requests"].add(place)
        found = self._operation(method, plain(path).partition("?")[0], base)
        if isinstance(found, Absent):
            self.misfits.add(misfit(place, Kind.UNKNOWN, f"{method} {place.text}", found.said, found.known, found.word))
            return None
        if found.deprecated:
            self.misfits.add(misfit(place, Kind.DEPRECATED, found.name, f"{found.name} is deprecated."))
        if found.root is not None:
            self.roots.setdefault(found.root, set()).add(place)
        return found

    def settle(self) -> None:
        """At the end: metadata does not say where its service stands, but all its requests must go to the same place."""
        if sum(api.kind == "odata" for api in self.apis) != 1 or not self.roots:
            return
        lines = {root: {(place.file, place.line) for place in places} for root, places in self.roots.items()}
        most = max(len(one) for one in lines.values())
        usual = [root for root, one in lines.items() if len(one) == most]
        if len(lines) == 1:
            return
        for root, places in self.roots.items():
            for place in places if root not in usual or len(usual) > 1 else ():
                others = " or ".join(f"/{one}" for one in usual if one != root)
                said = f"{place.text} is not below {others}, where other paths of the same service are."
                self.misfits.add(misfit(place, Kind.MISMATCH, place.text, said))

    def _operation(self, method: str, path: str, base: str) -> Operation | Absent:
        absent = []
        for api in self.apis:
            found = api.operation(method, path, base)
            if isinstance(found, Operation):
                return found
            absent.append(found)
        # The one that knows the path, and not the method, says more than one that does not know the path.
        return min(absent, key=lambda one: bool(one.known))

    def parameters(self, operation: Operation, query: Mapping[str, Text], headers: Iterable[str], place: Text) -> None:
        """Are the query parameters those of the operation, and none missing?"""
        for name, at in query.items():
            self.uses["parameters"].add(at)
            known = operation.query.get(name)
            if known is None and not (operation.free and not name.startswith("$")):
                said = f"{operation.name} takes no query parameter {name!r}."
                self.misfits.add(misfit(at, Kind.UNKNOWN, name, said, operation.query, name))
            elif known is not None and known.deprecated:
                self._deprecated(at, name, f"the query parameter {name!r} of {operation.name}")
        given = {*query, *(name.lower() for name in headers)}
        for name in sorted(operation.required - given):
            said = f"{operation.name} is not asked without {name!r}, which is not given."
            self.misfits.add(misfit(place, Kind.MISSING, name, said))

    def value(self, shape: Shape | None, value: Any, place: Text) -> None:
        """Is a fixed value one of those that there are?"""
        for one in value if isinstance(value, list) else [value]:
            if (
                shape is not None
                and shape.values
                and isinstance(one, str)
                and "{" not in one
                and one not in shape.values
            ):
                said = f"{shape.of} has no value {one!r}."
                self.misfits.add(misfit(place._replace(text=one), Kind.UNKNOWN, one, said, shape.values))

    def reads(
        self, shape: Shape, way: Iterable[str | int], place: Text, selected: frozenset[str] | None = None
    ) -> Shape:
        """What stands at the end of a way through an answer; what is not described where something is not there."""
        here = shape
        for number, step in enumerate(one for one in way if isinstance(one, str)):
            asked = number > 0 or selected is None or step in selected or step.startswith("@")
            if not asked and step in shape.members:
                said = f"{step} of {shape.of} is read, and not among what is selected."
                self.misfits.add(misfit(place, Kind.UNASKED, step, said))
            here = self._step(here, step, place, "reads")
        return here

    def writes(self, shape: Shape, way: Iterable[str], place: Text) -> Shape:
        """The same for a field that is written."""
        here = shape
        for step in way:
            owner, here = here, self._step(here, step, place, "writes")
            if not here.writable:
                said = f"{step} of {owner.of} cannot be written."
                self.misfits.add(misfit(place, Kind.MISMATCH, step, said))
        return here

    def _step(self, shape: Shape, step: str, place: Text, use: str) -> Shape:
        below = shape.child(step)
        if shape is not OPEN:
            self.uses[use].add(place)
        if below is None:
            said = f"{shape.of} has no {step!r}."
            self.misfits.add(misfit(place, Kind.UNKNOWN, step, said, shape.members, step))
            return OPEN
        if below is OPEN and shape.members and step not in shape.members:
            said = f"{shape.of} does not name {step!r}, and may hold more than it names."
            self.misfits.add(misfit(place, Kind.UNDESCRIBED, step, said, shape.members, step))
        if below.deprecated:
            self._deprecated(place, step, f"{step} of {shape.of}")
        return below

    def _deprecated(self, place: Text, what: str, said: str) -> None:
        self.misfits.add(misfit(place, Kind.DEPRECATED, what, f"{said} is deprecated."))

    def body(self, shape: Shape, data: Any, at: Place, where: Any) -> None:
        """JSON data of the file against the shape of a body. A name that is required and not written is missing."""
        if isinstance(data, Mapping):
            place = where(at, "")
            for name in sorted(shape.required - data.keys()):
                said = f"{shape.of} needs {name!r}, which is not given."
                self.misfits.add(misfit(place, Kind.MISSING, name, said))
            for name, value in data.items():
                here = where((*at, name), name)
                below = self.writes(shape, [name], here)
                self.value(below, value, here)
                self.body(below, value, (*at, name), where)
        elif isinstance(data, list):
            for number, value in enumerate(data):
                self.body(shape, value, (*at, number), where)
