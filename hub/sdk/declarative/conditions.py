"""What an answer or a row must have: values at places, or anything at all there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hub.sdk.declarative.paths import getter
from hub.sdk.declarative.templates import as_text

Test = Callable[[Any], bool]


def condition(where: Mapping[str, Any], has: Sequence[str] = ()) -> Test:
    """True where every place in ``where`` has its value (of a list: one of them), and every place in ``has`` is not empty."""
    wanted = [(getter(path), _one_of(value)) for path, value in where.items()]
    there = [getter(path) for path in has]

    def holds(data: Any) -> bool:
        return all(fits(get(data)) for get, fits in wanted) and all(_full(get(data)) for get in there)

    return holds


def _one_of(value: Any) -> Test:
    values = value if isinstance(value, list) else [value]
    # Numbers and truth are compared as they are written: systems send 1, 1.0 and "1" for the same thing.
    texts = {as_text(one) for one in values if one is not None}
    empty = None in values
    return lambda given: (given is None and empty) or (given is not None and as_text(given) in texts)


def _full(value: Any) -> bool:
    return value is not None and value is not False and value not in ("", [], {})
