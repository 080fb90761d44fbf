"""Holds a connector's source against the vendor's published description of its API: nothing is run, nothing is asked over the network.

    description = load([Path("admin_2026-10.graphql")])
    checked = check(connector, description)
    for misfit in checked.misfits: print(misfit.file, misfit.line, misfit.kind, misfit.said)

A description is a GraphQL schema (SDL or an introspection result), or what Odoo says of its models. What the connector sends is
read from its documents and, by following values through its Python code, from the calls that it makes (`reader`); what it reads of the
answers is held against what it asked for.
"""

from __future__ import annotations

import gzip
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from hub.errors import ConfigError
from hub.sdk.connector import Connector
from hub.sdk.testing.specs.misfits import Kind, Misfit
from hub.sdk.testing.specs.values import Text

_FORMS = "a GraphQL schema (SDL, or an introspection result as JSON or JSON.gz) or what Odoo says of its models (JSON)"


@dataclass(frozen=True, slots=True)
class Checked:
    """What came of one check. ``uses`` counts what was held against the description, ``followed`` are the code's texts in it."""

    description: str
    kind: str
    uses: dict[str, int]
    misfits: list[Misfit]
    followed: frozenset[Text] = frozenset()

    @property
    def broken(self) -> list[Misfit]:
        """What the system would refuse."""
        return [one for one in self.misfits if one.breaks]

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON data."""
        return {
            "description": self.description,
            "kind": self.kind,
            "uses": self.uses,
            "misfits": [one.as_dict() for one in self.misfits],
        }


class Description(Protocol):
    """One vendor's description of its API."""

    kind: str
    name: str

    def check(self, folder: Path, package: str) -> Checked:
        """What of the source in ``folder``, which is the Python package ``package``, does not fit."""


def load(files: Sequence[Path]) -> Description:
    """The description that these files hold. Raises `ConfigError` where they hold none."""
    from hub.sdk.testing.specs.graphql import GraphQL
    from hub.sdk.testing.specs.odoo import Odoo

    for path in files:
        if not path.is_file():
            raise ConfigError("there is no such file.", code="CFG-SPEC", where=str(path), fix="Name the description.")
    first = content(files[0])
    if isinstance(first, dict) and not ("__schema" in first or "data" in first):
        return Odoo({model: one for path in files for model, one in Odoo.models_in(path).items()}, _named(files))
    if len(files) != 1:
        raise ConfigError("a GraphQL schema is one file.", code="CFG-SPEC", where=_named(files))
    return GraphQL.of(first, files[0])


def content(path: Path) -> Any:
    """A file's JSON data where it is JSON, else its text; gzip is undone."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8")
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") or path.suffix == ".json" else text
    except (OSError, EOFError, ValueError) as e:
        raise ConfigError(f"it cannot be read: {e}.", code="CFG-SPEC", where=str(path), fix=f"Give {_FORMS}.") from None


def _named(files: Sequence[Path]) -> str:
    return ", ".join(path.name for path in files)


def source_of(connector: type[Connector[Any]]) -> tuple[Path, str]:
    """The folder of a connector's source, and the package that it is."""
    module = connector.__module__
    folder = Path(inspect.getfile(connector)).parent
    package = module.rpartition(".")[0] or module
    return folder, package


def check(connector: type[Connector[Any]], description: Description, source: Path | None = None) -> Checked:
    """Hold a connector's source, or the copy of it in ``source``, against a description."""
    folder, package = source_of(connector)
    if source is not None and not source.is_dir():
        raise ConfigError("there is no such folder.", code="CFG-SOURCE", where=str(source))
    checked = description.check(source or folder, package)
    if not sum(checked.uses.values()):
        raise ConfigError(
            f"nothing in the source of {connector.manifest.name} uses what {description.name} describes.",
            code="CFG-SPEC", where=str(source or folder), fix=f"Give the description of the API that it speaks: {_FORMS}.",
        )  # fmt: skip
    return checked


def moving(now: Checked, other: Checked) -> Checked:
    """What would be wrong with the other description and is not with this one: what breaks when moving there."""
    known = {(one.file, one.line, one.what) for one in now.misfits}
    new = [one for one in other.misfits if (one.file, one.line, one.what) not in known]
    return replace(other, misfits=[_gone(one) for one in new])


def _gone(one: Misfit) -> Misfit:
    return replace(one, kind=Kind.REMOVED) if one.kind is Kind.UNKNOWN else one


__all__ = ["Checked", "Description", "Kind", "Misfit", "check", "load", "moving", "source_of"]
