"""One condition outside a mapping file, such as a flow's `when`: the language, the limits and the errors of mappings."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hub.errors import MappingError
from hub.mapping.findings import MappingInvalid
from hub.mapping.lookups import Lookups
from hub.mapping.mapping import Mapping, NoLinks
from hub.mapping.mapping_set import absent_filters, builtin_filters
from hub.mapping.source import Library, build, read_source

Condition = Callable[[dict[str, Any]], Any]


def compile_condition(text: str, entity: str, where: str = "") -> Condition:
    """The condition as a function of a canonical record, which the text calls ``record``. Raises `MappingError` when it is wrong.

    It is compiled as a mapping of one field, so that a condition is nothing new to learn.
    """
    document = {
        "mapping": 1,
        "from": f"canonical/{entity}@1",
        "to": "flow/condition",
        "let": {"record": "{{ src }}"},
        "output": {"holds": _expression(text)},
    }
    mapping = _compiled(document, entity, where or "flow")
    return lambda record: mapping.run(record, meta={}, links=NoLinks()).record["holds"]


def compile_filter(text: str, stream: str, where: str) -> Callable[[Any], bool]:
    """The condition as a function of a vendor's record, which the text calls ``src``, as a mapping's ``when`` does.

    ``stream`` is written as "shopify/order". Raises `MappingError` when it is wrong, and when it fails at a record.
    """
    document = {
        "mapping": 1,
        "from": stream,
        "to": "canonical/order@1",  # nothing is made, so any entity does
        "key": "{{ 1 | text }}",
        "when": _expression(text),
        "output": {"number": "1"},
    }
    mapping = _compiled(document, "order", where)
    return lambda payload: mapping.run(payload, meta={}, links=NoLinks()).filtered is None


def _expression(text: str) -> str:
    return text if "{{" in text else f"{{{{ {text} }}}}"


def _compiled(document: dict[str, Any], entity: str, where: str) -> Mapping:
    filters = builtin_filters()
    library = Library(
        roots=(),
        label=str,
        filters=filters,
        absent=absent_filters(),
        tables=lambda _: False,
        base=lambda *_: None,
        entities=(entity,),
    )
    try:
        source = read_source(Path(where), where, json.dumps(document))
        return Mapping(source, build(source, library), Lookups.load([]), filters)
    except MappingInvalid as error:
        said = error.findings[0].message if error.findings else error.message
        raise MappingError(said, code=error.code, where=where, fix=error.fix) from None
