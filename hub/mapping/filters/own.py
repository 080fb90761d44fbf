"""A project's own filters: functions in its ``filters.py``, entered with the same decorator as the built-in ones."""

from __future__ import annotations

import runpy
import traceback
from pathlib import Path

from hub.errors import ConfigError
from hub.mapping.filters.base import FILTERS, Filter, entering


def own_filters(path: Path) -> dict[str, Filter]:
    """The filters that a project's ``filters.py`` enters; none where there is no such file.

    A file that fails, or that would replace a built-in filter, is a ConfigError with its line.
    """
    if not path.is_file():
        return {}
    found: dict[str, Filter] = {}
    try:
        with entering(found):
            runpy.run_path(str(path), run_name="hub_project_filters")
    except ConfigError:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever the file does, its author needs the line
        raise ConfigError(
            f"The file failed with {type(error).__name__}: {str(error)[:200]}.",
            where=f"{path}:{_line(error, path)}",
            fix="Correct the file; filters.py only defines filters.",
        ) from None
    for name, entry in found.items():
        line = entry.function.__code__.co_firstlineno if hasattr(entry.function, "__code__") else 1
        if name in FILTERS:
            raise ConfigError(
                f"There is a built-in filter {name!r}.", where=f"{path}:{line}", fix="Choose another name."
            )
        if not name.isidentifier():
            raise ConfigError(
                f"{name!r} cannot be the name of a filter.", where=f"{path}:{line}", fix="Use letters, digits and _."
            )
    return found


def _line(error: BaseException, path: Path) -> int:
    if isinstance(error, SyntaxError) and error.lineno:
        return error.lineno
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return frames[-1].lineno or 1 if frames else 1
