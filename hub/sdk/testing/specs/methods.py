"""The Python methods of a connector that is described in a file: what they send by ``call``, and what they read of ``answer.data``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.sdk.declarative.file.common import METHODS
from hub.sdk.testing.specs.fitting import Fitting
from hub.sdk.testing.specs.misfits import Kind, misfit
from hub.sdk.testing.specs.program import Program
from hub.sdk.testing.specs.reader import Call, Reader
from hub.sdk.testing.specs.shapes import Operation, Shape
from hub.sdk.testing.specs.values import NOTHING, UNKNOWN, Text, Value


@dataclass(frozen=True, slots=True)
class _Data:
    """Data of an answer in the code."""

    shape: Shape

    @property
    def of(self) -> str:
        """How a finding calls it."""
        return self.shape.of

    def child(self, name: str) -> Value | None:
        """What stands under a name."""
        below = self.shape.child(name)
        return None if below is None else _value(below)


@dataclass(frozen=True, slots=True)
class _Answer:
    """What ``call`` gives."""

    operation: Operation

    def part(self, name: str) -> Value:
        """``answer.data`` is its data; nothing is known of the rest."""
        return _value(self.operation.answer) if name == "data" else UNKNOWN


def _value(shape: Shape) -> Value:
    return UNKNOWN if shape.open else Value(objects=frozenset({_Data(shape)}))


class Methods:
    """The dialect: ``self.call({"get": "/orders/{id}"}, id=5)`` sends a request, described as in the file."""

    def __init__(self, folder: Path, package: str, base: str, headers: frozenset[str], found: Fitting) -> None:
        self._found = found
        self._program = Program(folder, package)
        self._base, self._headers = base, headers

    def read(self) -> None:
        """Follow the code."""
        Reader(self._program, self).read()

    def sent(self, call: Call, reader: Reader) -> Value | None:  # noqa: ARG002
        """Is it a call of the system?"""
        answers = frozenset(one for one in call.owner.objects if isinstance(one, _Answer))
        if call.name == "there" and answers:
            return Value(objects=answers)
        if call.name != "call" or not call.is_method or not call.given:
            return None
        request = call.given[0]
        made = [
            operation
            for method in METHODS
            if (key := request.key(method)) is not None
            for path in key.value.texts
            if (operation := self._found.operation(method.upper(), path.text, self._base, path)) is not None
        ]
        for operation in made:
            self._request(operation, request, call.place)
        return Value(objects=frozenset(_Answer(one) for one in made)) if made else None

    def _request(self, operation: Operation, request: Value, place: Text) -> None:
        query = {one.name: at for one in _keys(request, "query") for at in one.places}
        headers = {*self._headers, *(one.name for one in _keys(request, "headers"))}
        self._found.parameters(operation, query, headers, place)
        body = request.key("body")
        if body is not None:
            self._body(operation.body, body.value)

    def _body(self, shape: Shape, value: Value) -> None:
        for key in value.keys:
            for place in key.places:
                self._body(self._found.writes(shape, [key.name], place), key.value)

    def reads(self, place: Text, answers: frozenset[Any], *, asked: bool) -> None:
        """A name that is read of an answer."""
        if not answers:
            return
        self._found.uses["reads"].add(place)
        if not asked:
            shapes = [one.shape for one in answers if isinstance(one, _Data)]
            known = {name for one in shapes for name in one.members}
            said = f"{' or '.join(sorted({one.of for one in shapes}))} has no {place.text!r}."
            self._found.misfits.add(misfit(place, Kind.UNKNOWN, place.text, said, known))


def _keys(value: Value, name: str) -> Sequence[Any]:
    key = value.key(name)
    return key.value.keys if key is not None else NOTHING.keys
