"""Holds a connector's source against the vendor's published description of its API: nothing is run, nothing is asked over the network.

    description = load([Path("admin_2026-10.graphql")])
    checked = check(connector, description)
    for misfit in checked.misfits: print(misfit.file, misfit.line, misfit.kind, misfit.said)

A description is a GraphQL schema (SDL or an introspection result), what Odoo says of its models, or, for connectors that are described
in a file, OpenAPI descriptions and OData metadata. What the connector sends is read from its documents or its file and, by following values
through its Python code, from the calls that it makes (`reader`); what it reads of the answers is held against what it asked for.
"""

from __future__ import annotations

import gzip
import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from hub.errors import ConfigError
from hub.sdk.connector import Connector
from hub.sdk.testing.specs.misfits import Kind, Misfit
from hub.sdk.testing.specs.shapes import Api, Field
from hub.sdk.testing.specs.values import Text

FORMS = (
    "a GraphQL schema (SDL, or an introspection result as JSON or JSON.gz), what Odoo says of its models (JSON), "
    "an OpenAPI description (JSON or YAML) or OData metadata (XML)"
)


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

    def check(self, folder: Path, package: str, mapped: Sequence[Field] = ()) -> Checked:
        """What of the source in ``folder``, which is the Python package ``package``, does not fit; and of what its mappings name."""


def load(files: Sequence[Path]) -> Description:
    """The description that these files hold. Raises `ConfigError` where they hold none."""
    from hub.sdk.testing.specs.graphql import GraphQL
    from hub.sdk.testing.specs.odoo import Odoo

    for path in files:
        if not path.is_file():
            raise ConfigError("there is no such file.", code="CFG-SPEC", where=str(path), fix="Name the description.")
    first = content(files[0])
    api = api_of(first, files[0])
    if api is not None:
        return _declared([api, *(_other(path) for path in files[1:])])
    if isinstance(first, dict) and not ("__schema" in first or "data" in first):
        return Odoo({model: one for path in files for model, one in Odoo.models_in(path).items()}, _named(files))
    if len(files) != 1:
        raise ConfigError("a GraphQL schema is one file.", code="CFG-SPEC", where=_named(files))
    return GraphQL.of(first, files[0])


def api_of(found: Any, path: Path) -> Api | None:
    """The OpenAPI description or OData metadata in a file's content; none where it is something else."""
    from hub.sdk.testing.specs.odata import OData
    from hub.sdk.testing.specs.openapi import OpenApi

    if isinstance(found, dict) and ("openapi" in found or "swagger" in found):
        return OpenApi(found, path.name)
    if isinstance(found, str) and found.lstrip("\ufeff \t\r\n").startswith("<"):
        return OData.of(found, path.name)
    return None


def _declared(apis: Sequence[Api]) -> Description:
    from hub.sdk.testing.specs.declared import Declared

    return Declared(apis)


def _other(path: Path) -> Api:
    api = api_of(content(path), path)
    if api is None:
        raise ConfigError(
            "it is neither an OpenAPI description nor OData metadata, as the first file is.",
            code="CFG-SPEC", where=str(path), fix="Give descriptions of one system.",
        )  # fmt: skip
    return api


def content(path: Path) -> Any:
    """A file's data where it is JSON or YAML, else its text; gzip is undone."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.suffix == ".gz" else raw).decode("utf-8-sig")
        if path.suffix in (".yaml", ".yml"):
            return _yaml(text)
        return json.loads(text) if text.lstrip()[:1] in ("{", "[") or path.suffix == ".json" else text
    except (OSError, EOFError, ValueError, YAMLError) as e:
        said = " ".join(str(e).split())[:200]
        raise ConfigError(
            f"it cannot be read: {said}.", code="CFG-SPEC", where=str(path), fix=f"Give {FORMS}."
        ) from None


def _yaml(text: str) -> Any:
    reader = YAML(typ="safe")
    reader.allow_duplicate_keys = True  # which vendors' descriptions have
    return reader.load(text)


def _named(files: Sequence[Path]) -> str:
    return ", ".join(path.name for path in files)


def source_of(connector: type[Connector[Any]]) -> tuple[Path, str]:
    """The folder of a connector's source, and the package that it is; of one that is nothing but a file, the file's name."""
    path = getattr(connector, "path", None)
    if path is not None:
        return path.parent, path.stem
    module = connector.__module__
    folder = Path(inspect.getfile(connector)).parent
    package = module.rpartition(".")[0] or module
    return folder, package


def check(
    connector: type[Connector[Any]],
    description: Description,
    source: Path | None = None,
    mapped: Sequence[Field] = (),
) -> Checked:
    """Hold a connector's source, or the copy of it in ``source``, and the fields that its mappings name, against a description."""
    folder, package = source_of(connector)
    if source is not None and not source.is_dir():
        raise ConfigError("there is no such folder.", code="CFG-SOURCE", where=str(source))
    checked = description.check(source or folder, package, mapped)
    if not sum(checked.uses.values()):
        raise ConfigError(
            f"nothing in the source of {connector.manifest.name} uses what {description.name} describes.",
            code="CFG-SPEC", where=str(source or folder), fix=f"Give the description of the API that it speaks: {FORMS}.",
        )  # fmt: skip
    return checked


def moving(now: Checked, other: Checked) -> Checked:
    """What would be wrong with the other description and is not with this one: what breaks when moving there."""
    known = {(one.file, one.line, one.what) for one in now.misfits}
    new = [one for one in other.misfits if (one.file, one.line, one.what) not in known]
    return replace(other, misfits=[_gone(one) for one in new])


def _gone(one: Misfit) -> Misfit:
    return replace(one, kind=Kind.REMOVED) if one.kind is Kind.UNKNOWN else one


__all__ = ["Checked", "Description", "Field", "Kind", "Misfit", "check", "load", "moving", "source_of"]
