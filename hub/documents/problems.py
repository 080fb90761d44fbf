"""Say what is wrong with a file so that its writer can mend it: the line, the likely spelling, and what to do."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError

from hub.documents.document import Document, Path
from hub.errors import ConfigError


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``Did you mean 'x'?`` where a known name is near, else the known names where they are few, else nothing."""
    names = sorted(known)
    lowered = {name.lower(): name for name in names}
    near = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.6)
    if near:
        return f"Did you mean {lowered[near[0]]!r}?"
    if names and len(names) <= 12:
        return f"Known here: {', '.join(names)}."
    return ""


def from_validation(
    error: ValidationError,
    document: Document,
    model: type[BaseModel],
    *,
    prefix: Path = (),
    what: str = "",
    without: Collection[Path] = (),
) -> list[ConfigError]:
    """Every fault that pydantic found, as one `ConfigError` each, with the line of the document it comes from.

    Faults at the paths ``without`` are left out.
    """
    # A misspelt setting is also a missing one: the misspelling is said first.
    details = sorted(error.errors(include_url=False), key=lambda detail: detail["type"] == "missing")
    return [
        _fault(detail, document, model, prefix, what)
        for detail in details
        if prefix + tuple(detail["loc"]) not in without
    ]


def _fault(
    detail: Mapping[str, Any], document: Document, model: type[BaseModel], prefix: Path, what: str
) -> ConfigError:
    loc: Path = tuple(part for part in detail["loc"] if part != "[key]")
    path = prefix + loc
    where = document.where(path)
    kind, name = detail["type"], _dotted(path)
    if kind == "extra_forbidden":
        known = _fields_at(model, loc[:-1])
        owner = what or (f"'{_dotted(path[:-1])}'" if path[:-1] else document.name)
        return ConfigError(
            f"{owner} has no setting {path[-1]!r}.",
            code="CFG-UNKNOWN",
            where=where,
            fix=did_you_mean(str(path[-1]), known) or "Remove it.",
        )
    if kind == "missing":
        return ConfigError(
            f"the setting '{name}' is missing.", code="CFG-MISSING", where=where, fix=f"Add '{path[-1]}: ...' here."
        )
    message, fix = _said(detail)
    if kind in {"literal_error", "enum"} and isinstance(detail.get("input"), str):
        fix = did_you_mean(detail["input"], _quoted(str(detail.get("ctx", {}).get("expected", ""))))
    return ConfigError(f"'{name}': {_sentence(message)}", where=where, fix=fix)


_SHAPES = {
    "model_type": ("settings are expected here, as 'name: value'", "Is a ':' missing in this line, or the one above?"),
    "dict_type": ("settings are expected here, as 'name: value'", "Is a ':' missing in this line, or the one above?"),
    "list_type": ("a list is expected here", "Begin each entry with '- '."),
    "string_type": ("text is expected here", "Put it in quotes."),
    "bool_parsing": ("true or false is expected here", ""),
    "bool_type": ("true or false is expected here", ""),
}
"""What pydantic says in terms of Python, in terms of YAML; and what to do."""


def _said(detail: Mapping[str, Any]) -> tuple[str, str]:
    message = str(detail["msg"]).removeprefix("Value error, ").removeprefix("Assertion failed, ")
    return _SHAPES.get(detail["type"], (message, ""))


def _sentence(text: str) -> str:
    text = text[:1].lower() + text[1:]
    return text if text.endswith((".", "?", "!")) else text + "."


def _quoted(text: str) -> list[str]:
    return text.split("'")[1::2]


def _dotted(path: Path) -> str:
    text = ""
    for part in path[1:] if path and isinstance(path[0], int) else path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _fields_at(model: Any, loc: Path) -> list[str]:
    """The names that are allowed at a place inside a model, as they are written in a file."""
    here = model
    for part in loc:
        here = _step(here, part)
    here = _unwrap(here)
    if isinstance(here, type) and issubclass(here, BaseModel):
        return [field.alias or name for name, field in here.model_fields.items()]
    return []


def _step(annotation: Any, part: str | int) -> Any:
    here = _unwrap(annotation)
    if isinstance(here, type) and issubclass(here, BaseModel):
        for name, field in here.model_fields.items():
            if part in (name, field.alias):
                return field.annotation
        return None
    inner = typing.get_args(here)
    return inner[-1] if inner else None


def _unwrap(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unwrap(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        return _unwrap(inner[0]) if len(inner) == 1 else annotation
    return annotation
