"""JSON data as the tools read and write it: exact numbers, strict text, and paths such as ``lines[0].sku``."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NoReturn

from hub.errors import ConfigError

Step = str | int
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(-?[0-9]+)\]|\[\"((?:[^\"\\]|\\.)*)\"\]")


def read_json(path: Path) -> Any:
    """The JSON in a file: fractions as Decimal, no NaN, no key twice, strict UTF-8."""
    try:
        body = path.read_bytes()
    except OSError as error:
        said = error.strerror or "it cannot be read"
        raise ConfigError(f"The file cannot be read: {said}.", where=str(path), fix="Check the path.") from None
    return parse_json(body, str(path))


def parse_json(body: bytes, where: str) -> Any:
    """JSON text from anywhere, read as strictly as :func:`read_json`."""
    try:
        text = body.decode()
    except UnicodeDecodeError as error:
        line = body[: error.start].count(b"\n") + 1
        raise ConfigError("The file is not UTF-8.", where=f"{where}:{line}", fix="Save it again as UTF-8.") from None

    def refuse(constant: str) -> NoReturn:
        raise ConfigError(f"{constant} is not JSON.", where=where, fix="Use a number, text or null.")

    def pairs(found: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(found)
        if len(made) != len(found):
            twice = next(key for place, (key, _) in enumerate(found) if key in dict(found[:place]))
            raise ConfigError(
                f"The key {twice!r} is there twice in one object.", where=where, fix="Remove one of them."
            )
        return made

    try:
        return json.loads(text, parse_float=Decimal, parse_constant=refuse, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise ConfigError(f"Not JSON: {error.msg}.", where=f"{where}:{error.lineno}:{error.colno}") from None
    except (RecursionError, ValueError):
        raise ConfigError("The JSON is nested too deep, or has a number of too many digits.", where=where) from None


def write_json(value: Any, indent: int = 2) -> str:
    """JSON for people, with numbers written exactly as they are."""
    return _written(value, indent, 0)


def _written(value: Any, indent: int, depth: int) -> str:
    inner, outer = " " * (indent * (depth + 1)), " " * (indent * depth)
    if isinstance(value, dict):
        if not value:
            return "{}"
        rows = [
            f"{inner}{json.dumps(str(key), ensure_ascii=False)}: {_written(item, indent, depth + 1)}"
            for key, item in value.items()
        ]
        return "{\n" + ",\n".join(rows) + f"\n{outer}}}"
    if isinstance(value, (list, tuple)):
        if not value:
            return "[]"
        return "[\n" + ",\n".join(inner + _written(item, indent, depth + 1) for item in value) + f"\n{outer}]"
    return one_line(value)


def one_line(value: Any, most: int = 0) -> str:
    """JSON on one line, cut to ``most`` characters where that is given."""
    text = _compact(value)
    return text if not most or len(text) <= most else text[: most - 1] + "…"


def _compact(value: Any) -> str:
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{json.dumps(str(k), ensure_ascii=False)}: {_compact(v)}" for k, v in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_compact(item) for item in value) + "]"
    if isinstance(value, Decimal):
        return format(value, "f") if value.is_finite() and abs(value.adjusted()) < 60 else json.dumps(str(value))
    return json.dumps(value, ensure_ascii=False)


def plain(value: Any) -> Any:
    """The value as programs read it with any JSON reader: exact numbers with a fraction become text."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return format(value, "f") if isinstance(value, Decimal) else value


def parse_path(text: str) -> list[Step]:
    """The steps of a path: ``lines[0].sku`` is ["lines", 0, "sku"]; a leading ``output.``, ``src.`` or ``$.`` is part of it."""
    steps: list[Step] = []
    place = 0
    while place < len(text):
        found = _STEP.match(text, place)
        if not found or (place and found[1] and text[place] not in ".["):
            raise ConfigError(f"{text!r} is not a path.", fix="Write it like lines[0].unit_price.amount.")
        steps.append(
            found[1] if found[1] is not None else int(found[2]) if found[2] is not None else json.loads(f'"{found[3]}"')
        )
        place = found.end()
    return steps


def show_path(steps: list[Step] | tuple[Step, ...]) -> str:
    """The path as text."""
    shown = ""
    for step in steps:
        if isinstance(step, int):
            shown += f"[{step}]"
        elif re.fullmatch(r"[^.\[\]\"]+", step):
            shown += f".{step}" if shown else step
        else:
            shown += f"[{json.dumps(step, ensure_ascii=False)}]"
    return shown


def normal(path: str) -> str:
    """A path in the output without the leading ``output.`` or ``$.``, for comparing."""
    return re.sub(r"^(output|\$)(\.|$)", "", path)


def leaves(value: Any, path: tuple[Step, ...] = ()) -> Iterator[tuple[tuple[Step, ...], Any]]:
    """Every leaf with its path; empty objects and lists are leaves too."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for place, item in enumerate(value):
            yield from leaves(item, (*path, place))
    else:
        yield path, value


def pattern(steps: tuple[Step, ...] | list[Step]) -> str:
    """The path with every index left open: lines[].sku."""
    return re.sub(r"\[-?[0-9]+\]", "[]", show_path(list(steps)))


def put(target: Any, path: str, value: Any, *, remove: bool = False) -> None:
    """Set or remove what is at ``path`` in ``target``; every step but the last must be there."""
    steps = parse_path(path)
    here = target
    for step in steps[:-1]:
        here = _inside(here, step, path)
    last = steps[-1] if steps else ""
    if isinstance(here, list) and isinstance(last, int) and -len(here) <= last < len(here):
        if remove:
            del here[last]
        else:
            here[last] = value
    elif isinstance(here, list) and last == len(here) and not remove:
        here.append(value)
    elif isinstance(here, dict) and isinstance(last, str) and (last in here or not remove):
        if remove:
            del here[last]
        else:
            here[last] = value
    else:
        raise ConfigError(f"There is nothing at {path}.", fix="Check the path against the sample.")


def _inside(here: Any, step: Step, path: str) -> Any:
    if isinstance(here, dict) and step in here:
        return here[step]
    if isinstance(here, list) and isinstance(step, int) and -len(here) <= step < len(here):
        return here[step]
    raise ConfigError(f"There is nothing at {path}.", fix="Check the path against the sample.")


def look(target: Any, path: str) -> Any:
    """What is at ``path``; raises ConfigError where there is nothing."""
    here = target
    for step in parse_path(path):
        here = _inside(here, step, path)
    return here
