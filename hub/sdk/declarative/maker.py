"""Makes functions of the texts in a file, once: for a connection with its settings, or only to see whether they can be read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from hub.documents import Path
from hub.errors import ConfigError
from hub.sdk.declarative.paths import ABSENT
from hub.sdk.declarative.templates import Fill, Scope, TemplateFault, compile_text

Pairs = Callable[[Scope], dict[str, Any]]
EVERYWHERE = ("installation", "connection")
"""Placeholders that every text may hold, beside the settings."""


class Maker:
    """Turns texts into functions of a scope. ``constants`` are put in at once: the settings, the names of hub and connection.

    With ``fault`` it tells of every text that cannot be read, with its place in the file, and goes on.
    """

    def __init__(
        self, settings: Iterable[str], constants: Scope, fault: Callable[[Path, TemplateFault], None] | None = None
    ) -> None:
        self._settings = frozenset(settings)
        self.constants = constants
        self._fault = fault

    def text(self, text: str, at: Path, *names: str, escape: bool = False) -> Fill:
        """A function that gives the text with its placeholders filled; ``names`` are those it may hold."""
        known = {"config": self._settings, **dict.fromkeys((*EVERYWHERE, *names))}
        try:
            return compile_text(text, known).bind(self.constants, escape=escape)
        except TemplateFault as fault:
            if self._fault is None:
                raise ConfigError(f"{fault}.", code="CFG-TEXT", fix=fault.fix) from None
            self._fault(at, fault)
            return lambda _: ABSENT

    def constant(self, text: str, at: Path) -> str:
        """A text that depends on the settings alone; "" where a setting in it is not given."""
        value = self.text(text, at)({})
        return "" if value is ABSENT else str(value)

    def data(self, data: Any, at: Path, *names: str) -> Fill:
        """The same for whole JSON data. A name or an entry without a value is left out."""
        if isinstance(data, str):
            return self.text(data, at, *names)
        if isinstance(data, Mapping):
            fills = [(name, self.data(value, (*at, name), *names)) for name, value in data.items()]
            return lambda scope: {name: value for name, fill in fills if (value := fill(scope)) is not ABSENT}
        if isinstance(data, list):
            items = [self.data(value, (*at, index), *names) for index, value in enumerate(data)]
            return lambda scope: [value for fill in items if (value := fill(scope)) is not ABSENT]
        return lambda _: data

    def pairs(self, pairs: Mapping[str, Any], at: Path, *names: str) -> Pairs:
        """Query parameters or headers; one without a value is left out."""
        fills = [(name, self.data(value, (*at, name), *names)) for name, value in pairs.items()]

        def fill(scope: Scope) -> dict[str, Any]:
            found = ((name, one(scope)) for name, one in fills)
            return {name: value for name, value in found if value is not None and value is not ABSENT}

        return fill if fills else lambda _: {}
