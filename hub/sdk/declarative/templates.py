"""Texts with ``{placeholders}``, compiled once: ``/orders/{id}``, ``Email eq {key:odata}``, ``{record.lines}``.

A placeholder names a value and, where it needs one, a path inside it: ``{config.company}``, ``{record.customer.email}``. After a colon
stands how it is written. A text that is one placeholder and nothing else keeps the value's type; in a longer text it becomes text.
A text with a placeholder that has no value has none itself, and what it was for is left out. ``{{`` and ``}}`` are plain braces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from urllib.parse import quote

from hub.documents.problems import did_you_mean
from hub.sdk.declarative.paths import ABSENT, getter
from hub.sdk.jsonio import decimal_text, dump_json

Scope = Mapping[str, Any]
"""The values that placeholders name."""
Fill = Callable[[Scope], Any]
Known = Mapping[str, frozenset[str] | None]
"""The names that may stand in a placeholder; with the fields inside them, where those are known (the settings in ``config``)."""

_PIECE = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_NAME = re.compile(r"([a-z_]+)(?:\.([^:]+))?(?::([a-z]+))?")


class TemplateFault(ValueError):
    """A text with placeholders that cannot be read. ``fix`` says what to write."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.fix = fix


@dataclass(frozen=True, slots=True)
class Hole:
    """One placeholder."""

    root: str
    inside: Callable[[Any], Any] | None
    form: Callable[[Any], str] | None
    text: str

    def value(self, scope: Scope) -> Any:
        """What stands for it, as it is."""
        found = scope.get(self.root, ABSENT)
        if self.inside is not None and found is not ABSENT:
            found = self.inside(found)
        return found


@dataclass(frozen=True, slots=True)
class Template:
    """A compiled text. ``holes`` are its placeholders, ``parts`` its texts and placeholders in order."""

    parts: tuple[str | Hole, ...]

    @property
    def holes(self) -> list[Hole]:
        """Its placeholders."""
        return [part for part in self.parts if isinstance(part, Hole)]

    def names(self, root: str) -> bool:
        """Does it hold a placeholder of this name?"""
        return any(hole.root == root for hole in self.holes)

    def bind(self, constants: Scope, *, escape: bool = False) -> Fill:
        """A function of the scope. What is in ``constants`` is put in now. ``escape`` percent-encodes values, for paths of URLs."""
        parts = [self._bound(part, constants, raw=not escape) for part in self.parts]
        if all(isinstance(part, str) for part in parts):
            whole = "".join(str(part) for part in parts)
            return lambda _: whole
        if len(parts) == 1 and isinstance(parts[0], Hole) and parts[0].form is None and not escape:
            return parts[0].value
        if len(parts) == 1 and isinstance(parts[0], _Constant):
            constant = parts[0].value
            return lambda _: constant
        return _joined(parts, escape=escape)

    def _bound(self, part: str | Hole, constants: Scope, *, raw: bool) -> Any:
        if isinstance(part, str) or part.root not in constants:
            return part
        value = part.value(constants)
        if value is None or value is ABSENT:
            return _Constant(ABSENT)  # a setting that is not given
        if raw and len(self.parts) == 1 and part.form is None:
            return value if isinstance(value, str) else _Constant(value)
        return _written(part, value, escape=False)  # settings may hold a whole part of an address


class _Constant:
    """A value that is no text, put in when the template was bound."""

    def __init__(self, value: Any) -> None:
        self.value = value


def compile_text(text: str, known: Known) -> Template:
    """The template for ``text``. Raises `TemplateFault` for what cannot be read, and for names that are not in ``known``."""
    parts: list[str | Hole] = []
    at = 0
    for found in _PIECE.finditer(text):
        _plain(parts, text[at : found.start()])
        at = found.end()
        if found[0] in ("{{", "}}"):
            _plain(parts, found[0][0])
        elif found[1] is None:
            raise TemplateFault(f"{text!r} has a single {found[0]!r}", "Write {{ or }} for a brace that is just text.")
        else:
            parts.append(_hole(found[1], known))
    _plain(parts, text[at:])
    return Template(tuple(parts) or ("",))


def as_text(value: Any) -> str:
    """A value as it stands inside a text."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return decimal_text(value)
    return dump_json(value).decode() if isinstance(value, (dict, list)) else str(value)


def _joined(parts: list[Any], *, escape: bool) -> Fill:
    if any(isinstance(part, _Constant) for part in parts):
        return lambda _: ABSENT

    def join(scope: Scope) -> Any:
        texts = []
        for part in parts:
            if isinstance(part, str):
                texts.append(part)
                continue
            value = part.value(scope)
            if value is None or value is ABSENT:
                return ABSENT
            texts.append(_written(part, value, escape=escape))
        return "".join(texts)

    return join


def _written(hole: Hole, value: Any, *, escape: bool) -> str:
    text = hole.form(value) if hole.form is not None else as_text(value)
    return quote(text, safe="") if escape else text


def _plain(parts: list[str | Hole], text: str) -> None:
    if text and parts and isinstance(parts[-1], str):
        parts[-1] += text
    elif text:
        parts.append(text)


def _hole(text: str, known: Known) -> Hole:
    found = _NAME.fullmatch(text.strip())
    if found is None:
        raise TemplateFault(f"{{{text}}} is no placeholder", "Write {name}, {name.path} or {name:format}.")
    root, path, form = found.groups()
    if root not in known:
        names = {"config." if inside is not None else name: None for name, inside in known.items()}
        raise TemplateFault(
            f"there is no {{{root}}} here", did_you_mean(root, known) or f"Known here: {', '.join(names)}."
        )
    if form and form not in FORMS:
        raise TemplateFault(f"there is no format {form!r}", did_you_mean(form, FORMS))
    fields = known[root]
    if fields is not None and path not in fields:
        wanted = f"{root}.{path}" if path else root
        fix = did_you_mean(path, fields) if path else f"Known here: {', '.join(sorted(fields))}."
        raise TemplateFault(f"there is no {{{wanted}}}", fix or "Describe it under settings.")
    try:
        inside = getter(path, ABSENT) if path else None
    except ValueError as error:
        raise TemplateFault(str(error)) from None
    return Hole(root, inside, FORMS[form] if form else None, f"{{{text}}}")


def _odata(value: Any) -> str:
    """An OData literal: text in single quotes, which are doubled inside; everything else bare."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return as_text(value)


def _quoted(value: Any) -> str:
    """Text in double quotes, as most search languages have it."""
    return '"' + as_text(value).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _number(value: Any) -> str:
    """A whole number and nothing else: any other value matches nothing."""
    text = as_text(value)
    return text if re.fullmatch(r"-?[0-9]{1,19}", text) else "-1"


FORMS: dict[str, Callable[[Any], str]] = {"odata": _odata, "quoted": _quoted, "number": _number, "text": as_text}
"""How a value is written, after a colon in its placeholder."""
