"""The fields of a canonical entity, as paths: what a mapping may set, must set, and what is personal data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo


@dataclass(frozen=True, slots=True)
class Field:
    """One field. ``path`` has open indexes (lines[].sku); ``open`` says that anything may stand below it."""

    path: str
    kind: str
    required: bool
    description: str
    personal: bool
    open: bool = False
    leaf: bool = True


@lru_cache(maxsize=32)
def fields(entity: str) -> dict[str, Field]:
    """Every field of an entity by its path."""
    from hub.canonical import ENTITIES

    return {field.path: field for field in _fields(ENTITIES[entity], "", ())}


def _fields(model: type[BaseModel], prefix: str, above: tuple[type, ...]) -> Iterator[Field]:
    for name, info in model.model_fields.items():
        yield from _field(f"{prefix}{name}", info, (*above, model))


def _field(path: str, info: FieldInfo, above: tuple[type, ...]) -> Iterator[Field]:
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    required, said, personal = info.is_required(), info.description or "", bool(extra.get("pii"))
    yield from _typed(path, info.annotation, required, said, personal, above, _shape_of(info))


def _typed(
    path: str, kind: Any, required: bool, said: str, personal: bool, above: tuple[type, ...], named: str
) -> Iterator[Field]:
    kind = _without_none(kind)
    origin = get_origin(kind)
    if origin is list:
        yield Field(path, "list", required, said, personal, leaf=False)
        yield from _typed(f"{path}[]", get_args(kind)[0], required, said, personal, above, "")
    elif origin is dict or kind is dict:
        yield Field(path, "object", required, said, personal, open=True)
    elif isinstance(kind, type) and issubclass(kind, BaseModel):
        yield Field(path, kind.__name__, required, said, personal, open=kind in above, leaf=False)
        if kind not in above:
            yield from _fields(kind, f"{path}.", above)
    else:
        yield Field(path, named or _named(kind), required, said, personal)


def _without_none(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if get_origin(kind) in (Union, UnionType):
        rest = [part for part in get_args(kind) if part is not NoneType]
        return _without_none(rest[0]) if len(rest) == 1 else kind
    return kind


def _shape_of(info: FieldInfo) -> str:
    """The name of a code list or a restricted text, told by how its type is declared."""
    said = repr(info.annotation)
    for name in ("Currency", "Country", "Language", "Gtin", "Uom"):
        if name.lower() in said.lower():
            return name.lower()
    return ""


def _named(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return "one of " + ", ".join(map(str, get_args(kind)))
    if isinstance(kind, type):
        values = getattr(kind, "__members__", None)
        if values:
            return "one of " + ", ".join(str(member.value) for member in values.values())
        return {
            "str": "text",
            "Decimal": "number",
            "int": "whole number",
            "bool": "true or false",
            "datetime": "time",
            "date": "day",
            "AwareDatetime": "time",
        }.get(kind.__name__, kind.__name__)
    return "any"


def _first(text: str | None) -> str:
    return (text or "").split("\n", 1)[0].strip()


def known(entity: str, path: str) -> bool:
    """Is this a field of the entity, or below one that may hold anything?"""
    table = fields(entity)
    if path in table:
        return True
    parts = path
    while parts:
        cut = max(parts.rfind("."), parts.rfind("["))
        if cut <= 0:
            return False
        parts = parts[:cut]
        if parts in table:
            return table[parts].open
    return False


def siblings(entity: str, path: str) -> list[str]:
    """The names of the fields that stand beside ``path``."""
    prefix = path.rpartition(".")[0]
    start = f"{prefix}." if prefix else ""
    found = (name[len(start) :] for name in fields(entity) if name.startswith(start))
    return [name for name in found if "." not in name and "[" not in name]
