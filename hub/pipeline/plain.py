"""Plain JSON data with exact numbers: numbers with a fraction are read as `Decimal` and written as they were."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import orjson


def _exact(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f").encode())
    raise TypeError(f"{type(value).__name__} is not JSON data")


def dump_json(data: Any) -> bytes:
    """JSON text of plain data; a `Decimal` becomes a JSON number with all its digits."""
    return orjson.dumps(data, default=_exact)


def load_json(text: bytes) -> Any:
    """Plain data of JSON text; a number with a fraction or an exponent becomes a `Decimal`."""
    return json.loads(text, parse_float=Decimal)
