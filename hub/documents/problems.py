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
    kind = detail["type"]
    path = prefix + _without_tags(loc, model)
    where, name = document.where(path), _dotted(path)
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
    if kind in {"union_tag_invalid", "union_tag_not_found"}:
        return _tag_fault(detail, name, where, _tags_at(model, loc))
    message, fix = _said(detail)
    if kind in {"literal_error", "enum"} and isinstance(detail.get("input"), str):
        fix = did_you_mean(detail["input"], _quoted(str(detail.get("ctx", {}).get("expected", ""))))
    return ConfigError(f"'{name}': {_sentence(message)}", where=where, fix=fix)


def _without_tags(loc: Path, model: type[BaseModel]) -> Path:
    """The place as the file has it: pydantic also names the member of a union that it tried."""
    path: list[str | int] = []
    here: Any = model
    for part in loc:
        union = typing.get_origin(_unwrap(here)) in (typing.Union, types.UnionType)
        here = _step(here, part)
        if not union or here is None:
            path.append(part)
    return tuple(path)


def _tag_fault(detail: Mapping[str, Any], name: str, where: str, tags: list[str]) -> ConfigError:
    """A part that has several forms says which one it has, or says it wrongly."""
    context = detail.get("ctx", {})
    word = str(context.get("discriminator", "kind")).strip("'")
    if detail["type"] == "union_tag_not_found":
        known = f" ({', '.join(tags)})" if tags else ""
        return ConfigError(
            f"the setting '{name}.{word}' is missing.",
            code="CFG-MISSING",
            where=where,
            fix=f"Add '{word}: ...'{known}.",
        )
    tag = str(context.get("tag"))
    return ConfigError(
        f"'{name}': there is no {word} {tag!r}.",
        code="CFG-UNKNOWN",
        where=where,
        fix=did_you_mean(tag, tags),
    )


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
    if typing.get_origin(here) in (typing.Union, types.UnionType):
        return next((member for member in inner if _has_tag(member, part)), None)
    return inner[-1] if inner else None


def _tags_at(model: Any, loc: Path) -> list[str]:
    """The values by which the members of a union are told apart."""
    here = model
    for part in loc:
        here = _step(here, part)
    members = [_unwrap(member) for member in typing.get_args(_unwrap(here))]
    kinds = [member.model_fields["kind"].annotation for member in members if hasattr(member, "model_fields")]
    return [str(tag) for kind in kinds for tag in typing.get_args(kind)]


def _has_tag(member: Any, tag: str | int) -> bool:
    """Is this the member of a union that pydantic names so: by a tag of its own, or by the value of its ``kind``?"""
    if typing.get_origin(member) is typing.Annotated and any(
        getattr(one, "tag", None) == tag for one in typing.get_args(member)[1:]
    ):
        return True
    model = _unwrap(member)
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return False
    return any(tag in typing.get_args(field.annotation) for field in model.model_fields.values())


def _unwrap(annotation: Any) -> Any:
    """Take ``Annotated`` and ``| None`` off."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _unwrap(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        inner = [arg for arg in typing.get_args(annotation) if arg is not type(None)]
        return _unwrap(inner[0]) if len(inner) == 1 else annotation
    return annotation
