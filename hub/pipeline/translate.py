"""From a vendor's payload to canonical records: run the mapping, then check what it made against the canonical model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import ValidationError

from hub.canonical import ENTITIES, Entity
from hub.errors import MappingError

_MOST_FIELDS = 8


@dataclass(slots=True)
class Translated:
    """One canonical record made from a message. ``filtered`` is the text of the rule that kept it out; the rest is then empty."""

    entity: str
    key: str = ""
    data: dict[str, Any] | None = None
    model: Entity | None = None
    body: bytes = b""
    mapping: str = ""
    mapping_hash: str = ""
    filtered: str | None = None
    lineage: bytes | None = None


def translate(payload: Any, mapping: Any, meta: dict[str, Any], links: Any, *, lineage: bool = False) -> Translated:
    """Run one mapping over a payload. Raises `MappingError`, or `LinkMissing` with everything that is not known yet."""
    made = mapping.run(payload, meta=meta, links=links, lineage=lineage)
    said = {"entity": mapping.entity, "mapping": str(mapping.file), "mapping_hash": mapping.hash}
    if made.filtered is not None:
        return Translated(**said, filtered=made.filtered)
    if not made.key:
        raise MappingError(
            "the mapping gives no key, so the record could not be recognised again",
            code="MAP-MISSING",
            where=str(mapping.file),
            fix="Give the mapping a `key:` with the record's id at the source.",
        )
    model = validate(mapping.entity, made.record, str(mapping.file))
    data = model.model_dump(mode="json", exclude_unset=True)
    recorded = lineage_of(made, meta) if lineage else None
    return Translated(**said, key=str(made.key), data=data, model=model, body=dump(data), lineage=recorded)


def lineage_of(made: Any, meta: dict[str, Any]) -> bytes | None:
    """What must be kept so that the mapping engine can tell later where every value came from: some hundred bytes.

    The source is in the archive already; ``meta``, the links that were used and the versions of the tables are kept here.
    """
    found = getattr(made, "lineage", None)
    return orjson.dumps({**found.snapshot(), "meta": meta}, default=str) if found is not None else None


def validate(entity: str, record: Any, where: str = "") -> Entity:
    """The record as its canonical model. Raises `MappingError` SCH-INVALID that names the fields, but never their values."""
    model = ENTITIES.get(entity)
    if model is None:
        raise MappingError(f"{entity} is not a canonical entity", code="SCH-INVALID", where=where)
    try:
        return model.model_validate(record)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_context=False, include_input=False)
        said = [f"{'.'.join(str(part) for part in fault['loc']) or entity}: {_reason(fault)}" for fault in faults]
        more = f" and {len(said) - _MOST_FIELDS} more" if len(said) > _MOST_FIELDS else ""
        raise MappingError(
            f"the {entity} does not fit the canonical model: {'; '.join(said[:_MOST_FIELDS])}{more}",
            code="SCH-INVALID",
            where=where,
            fix="Correct the mapping or the source.",
        ) from None


def _reason(fault: Any) -> str:
    """What is wrong with a field, without the value: some messages of checks of our own quote it."""
    if fault["type"] == "value_error":
        said = str(fault["msg"]).removeprefix("Value error, ")
        return (said.partition("' is ")[2] and f"is {said.partition(chr(39) + ' is ')[2]}") or said
    return str(fault["msg"])


def dump(data: dict[str, Any]) -> bytes:
    """The canonical JSON text of a record: equal records have equal text."""
    return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
