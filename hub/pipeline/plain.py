"""Reading back JSON that the hub wrote or accepted itself: exact, and without the checks that were made when it came in."""

from __future__ import annotations

import codecs
import json
from decimal import Decimal
from typing import Any

_reader = json.JSONDecoder(parse_float=Decimal)


def load_json(text: bytes) -> Any:
    """Plain data of JSON text; a number with a fraction or an exponent is a `Decimal`."""
    return _reader.decode(text.removeprefix(codecs.BOM_UTF8).decode())
