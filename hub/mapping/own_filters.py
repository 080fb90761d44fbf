"""A project's own filters: the functions of `filters.py` beside its mappings folder.

They are Python of the company that runs the hub, reviewed like the rest of its project. Each public function is a filter of
its name; it takes the value first, and must be pure: the same arguments always give the same plain data.
"""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import CodeType
from typing import Any

from hub.mapping.findings import Finding

FILE = "filters.py"


def own_filters(
    folders: Iterable[Path], reserved: Iterable[str]
) -> tuple[dict[str, Callable[..., Any]], list[Finding]]:
    """The filters found beside or in these folders, earlier folders first, and what is wrong with their files."""
    filters: dict[str, Callable[..., Any]] = {}
    found: list[Finding] = []
    files = dict.fromkeys(path / FILE for folder in folders for path in (folder, folder.parent))
    for file in files:
        if file.is_file():
            for name, function in _functions(file, found).items():
                if name in reserved:
                    found.append(
                        _wrong(file, f"The filter {name!r} is one of the hub's own.", "Give it another name.", function)
                    )
                elif not inspect.signature(function).parameters:
                    found.append(
                        _wrong(
                            file, f"The filter {name!r} takes no value.", "Its first parameter is the value.", function
                        )
                    )
                else:
                    filters.setdefault(name, function)
    return filters, found


def _functions(file: Path, found: list[Finding]) -> dict[str, Callable[..., Any]]:
    name = f"hub_project_filters_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        return {}
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001 - somebody else's code can raise anything
        line = error.lineno if isinstance(error, SyntaxError) and error.lineno else 1
        found.append(
            Finding("MAP031", "error", file.name, line, 1, f"The file cannot be loaded ({type(error).__name__}).")
        )
        return {}
    members = vars(module).items()
    return {
        key: value for key, value in members if inspect.isfunction(value) and value.__module__ == name and key[0] != "_"
    }


def _wrong(file: Path, message: str, fix: str, function: Callable[..., Any]) -> Finding:
    line = function.__code__.co_firstlineno
    return Finding("MAP031", "error", file.name, line, 1, message, fix)


def version(names: Iterable[str], filters: Mapping[str, Callable[..., Any]], builtin: Mapping[str, Any]) -> str:
    """What tells apart two states of the filters that are not the hub's own; empty where none is used."""
    used = sorted(name for name in names if filters[name] is not getattr(builtin.get(name), "function", None))
    said = [f"{name}:{_code(getattr(filters[name], '__code__', None))}" for name in used]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:16] if said else ""


def _code(code: CodeType | None) -> str:
    if code is None:
        return ""
    constants = [_code(const) if isinstance(const, CodeType) else repr(const) for const in code.co_consts]
    return hashlib.sha256(repr((code.co_code, constants, code.co_names, code.co_varnames)).encode()).hexdigest()
