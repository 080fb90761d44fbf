"""The GraphQL documents that this connector sends, one file each, and their shared fragments.

They are plain ``.graphql`` files so that editors, and ``hub connector check``, can hold them against the vendor's schema.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

_SPREAD = re.compile(r"\.\.\.\s*(?!on\b)([A-Za-z_]\w*)")
_FRAGMENT = re.compile(r"^fragment (\w+) on .*?^}\n", re.MULTILINE | re.DOTALL)


@cache
def document(name: str) -> str:
    """The text of one document with the fragments that it spreads, ready to send."""
    text = _read(name)
    wanted: list[str] = []
    _collect(text, wanted)
    return text + "".join("\n" + _fragments()[fragment] for fragment in sorted(wanted))


@cache
def names() -> tuple[str, ...]:
    """The names of all documents."""
    files = (entry.name for entry in resources.files(__name__).iterdir())
    return tuple(
        sorted(
            file.removesuffix(".graphql") for file in files if file.endswith(".graphql") and file != "fragments.graphql"
        )
    )


def _collect(text: str, wanted: list[str]) -> None:
    for fragment in _SPREAD.findall(text):
        if fragment not in wanted:
            wanted.append(fragment)
            _collect(_fragments()[fragment], wanted)


@cache
def _fragments() -> dict[str, str]:
    return {found.group(1): found.group(0) for found in _FRAGMENT.finditer(_read("fragments"))}


@cache
def _read(name: str) -> str:
    text = resources.files(__name__).joinpath(f"{name}.graphql").read_text(encoding="utf-8")
    # Comments are for the reader of the file; the shop need not be sent them.
    return re.sub(r"^#.*\n", "", text, flags=re.MULTILINE)
