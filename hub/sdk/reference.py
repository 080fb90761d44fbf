"""Writes the reference pages of the SDK from its own docstrings: ``python -m hub.sdk.reference docs/sdk``."""

from __future__ import annotations

import dataclasses
import inspect
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

from pydantic import BaseModel

import hub.sdk
from hub.sdk.testing.behaviours import BEHAVIOURS, Level

_TESTING = {
    "hub.sdk.testing.simulator": ("Simulator", "Request", "Response", "Effect", "Entry", "NotOffered", "NotApplicable", "SimClock"),
    "hub.sdk.testing.faults": (
        "Faults", "Status", "Timeout", "LateEffect", "Reset", "Delay", "RateLimited", "CutBody", "ExpiredToken", "BadAnswer",
    ),
    "hub.sdk.testing.server": ("SimulatorServer",),
    "hub.sdk.testing.sftp": ("SftpSimulator", "SftpFace"),
    "hub.sdk.testing.sender": ("WebhookSender", "WebhookFaults"),
    "hub.sdk.testing.conformance": ("conformance", "run", "Report", "Finding"),
    "hub.sdk.testing.io": ("make_io", "MemoryTokens", "ReadableLog"),
}  # fmt: skip
_NOTE = "This page is made from the docstrings (`python -m hub.sdk.reference docs/sdk`); do not edit it.\n"


def pages() -> dict[str, str]:
    """Every page by its file name."""
    return {"reference.md": _reference(), "testing.md": _testing(), "conformance.md": _conformance()}


def _reference() -> str:
    homes: dict[str, list[str]] = {}
    for name in hub.sdk.__all__:
        homes.setdefault(hub.sdk.home_of(name), []).append(name)
    parts = [
        "# The SDK of connectors\n",
        (
            f"Everything below is imported from `hub.sdk`, version {hub.sdk.SDK_VERSION}. A connector imports this, `hub.canonical` and "
            "`hub.errors`, and nothing else of the hub. Within a major version names stay and keep their meaning; a name that will go "
            "warns with `DeprecationWarning` for at least one minor version before.\n"
        ),
        _NOTE,
    ]
    for module, names in sorted(homes.items()):
        parts += [
            f"## `{module}`\n",
            f"{_paragraphs(import_module(module))}\n",
            *(_entry(name, getattr(hub.sdk, name)) for name in names),
        ]
    return "\n".join(parts)


def _testing() -> str:
    parts = ["# Simulators and the conformance kit\n", "Imported from the modules named below.\n", _NOTE]
    for module, names in _TESTING.items():
        loaded = import_module(module)
        parts += [
            f"## `{module}`\n",
            f"{_paragraphs(loaded)}\n",
            *(_entry(name, getattr(loaded, name)) for name in names),
        ]
    return "\n".join(parts)


def _conformance() -> str:
    parts = [
        "# The behaviours of a conformant connector\n",
        (
            f"{len(BEHAVIOURS)} named behaviours, each shown against a simulator over real HTTP, once for every stream that claims the "
            "operation it is about. A connector has the highest level at which, and below which, none fails; for gold and platinum none "
            "may be left unshown for want of a hook in the simulator.\n"
        ),
        "```python\nTestAcme = conformance(AcmeConnector, simulator=AcmeSimulator)\n```\n",
        _NOTE,
    ]
    for level in Level:
        parts += [f"## {level.name.title()}\n", "| behaviour | about | what it says |", "|---|---|---|"]
        parts += [
            f"| `{one.name}` | {one.needs or 'the connector'} | {one.sentence.replace('|', chr(92) + '|')} |"
            for one in BEHAVIOURS.values()
            if one.level == level
        ]
        parts.append("")
    return "\n".join(parts)


def _entry(name: str, value: Any) -> str:
    if inspect.isclass(value):
        return _class(name, value)
    if inspect.isfunction(value):
        return f"### {name}\n\n```python\n{name}{_signature(value)}\n```\n\n{_paragraphs(value)}\n"
    return f"### {name}\n\n`{value!r}`\n" if isinstance(value, (str, int)) else f"### {name}\n"


def _class(name: str, value: type) -> str:
    lines = [f"### {name}\n"]
    if "__init__" in vars(value) and not dataclasses.is_dataclass(value) and not issubclass(value, BaseModel):
        lines.append(f"```python\n{name}{_signature(value.__init__)}\n```\n")
    lines += [f"{_paragraphs(value)}\n", *_fields(value)]
    for part, member in vars(value).items():
        if part.startswith("_"):
            continue
        if isinstance(member, property):
            lines.append(f"- `{part}` - {_first(member)}")
        elif inspect.isfunction(member) and member.__doc__:
            lines.append(f"- `{part}{_signature(member)}` - {_first(member)}")
    return "\n".join(lines) + "\n"


def _fields(value: type) -> list[str]:
    if issubclass(value, BaseModel):
        return [
            f"- `{part}` (default `{field.default!r}`) - {field.description}"
            for part, field in value.model_fields.items()
        ]
    if dataclasses.is_dataclass(value):
        shown = [f"`{part.name}`" for part in dataclasses.fields(value) if not part.name.startswith("_")]
        return [f"Fields: {', '.join(shown)}.\n"] if shown else []
    return []


def _signature(value: Any) -> str:
    signature = inspect.signature(value)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in signature.parameters.values() if p.name != "self"]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


def _paragraphs(value: Any) -> str:
    own = value.__dict__.get("__doc__") if inspect.isclass(value) else inspect.getdoc(value)
    text = inspect.cleandoc(own or "")
    # A dataclass without a docstring gets its signature for one, which says nothing.
    return "" if text.startswith(f"{getattr(value, '__name__', '')}(") else text


def _first(value: Any) -> str:
    return " ".join((inspect.getdoc(value) or "").split("\n\n")[0].split())


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/sdk")
    folder.mkdir(parents=True, exist_ok=True)
    for file, text in pages().items():
        (folder / file).write_text(text, encoding="utf-8")
