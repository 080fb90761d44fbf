"""Load a project directory: read every file, check each by its model and all of them against each other."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from hub.canonical import ENTITIES
from hub.documents import document as documents
from hub.documents.document import Document
from hub.documents.problems import from_validation
from hub.errors import ConfigError
from hub.project.checks import cross_checks
from hub.project.dotenv import read_dotenv
from hub.project.files import EventsFile, FlowsFile, HubFile, OwnershipsFile
from hub.project.project import Connection, Events, Flow, Owner, Project
from hub.project.secrets import Secrets

HUB_FILE = "hub.yaml"

M = TypeVar("M", bound=BaseModel)


class Catalog(Protocol):
    """The connectors that are installed, by name (hub.sdk.plugins)."""

    @property
    def connectors(self) -> Mapping[str, Any]:
        """Connector classes by name."""


def find(start: pathlib.Path | str | None = None, env: Mapping[str, str] | None = None) -> pathlib.Path:
    """The project directory: HUB_PROJECT, else the nearest directory with a hub.yaml from ``start`` upward."""
    env = os.environ if env is None else env
    named = env.get("HUB_PROJECT", "")
    if start is None and named:
        return pathlib.Path(named).expanduser()
    here = pathlib.Path(start or ".").expanduser().resolve()
    for folder in (here, *here.parents):
        if (folder / HUB_FILE).is_file():
            return folder
    raise _no_project(here)


def load(
    folder: pathlib.Path | str,
    *,
    env: Mapping[str, str] | None = None,
    catalog: Catalog | None = None,
    database: str | None = None,
    broker: str | None = None,
) -> Project:
    """The project in this directory. Raises `ConfigError` for the first fault, and says how many more there are.

    With a ``catalog`` it also checks the names of connectors and streams. ``database`` and ``broker`` go before every other setting.
    """
    project, faults = inspect(folder, env=env, catalog=catalog, database=database, broker=broker)
    if project is None or faults:
        first = faults[0]
        if len(faults) > 1:
            more = "1 more fault" if len(faults) == 2 else f"{len(faults) - 1} more faults"
            first.fix = f"{first.fix} There is {more}: hub check lists all.".strip()
        raise first
    return project


def inspect(
    folder: pathlib.Path | str,
    *,
    env: Mapping[str, str] | None = None,
    catalog: Catalog | None = None,
    database: str | None = None,
    broker: str | None = None,
) -> tuple[Project | None, list[ConfigError]]:
    """The project where hub.yaml can be read at all, and every fault found in its files."""
    path = pathlib.Path(folder).expanduser().resolve()
    if not (path / HUB_FILE).is_file():
        return None, [_no_project(path, "in this directory")]
    settings = dict(os.environ if env is None else env)
    settings |= {name: url for name, url in (("HUB_DATABASE_URL", database), ("HUB_BROKER_URL", broker)) if url}
    reader = _Reader(path)
    main = reader.read(HUB_FILE)
    hub = reader.model(main, HubFile) if main else None
    if main is None or hub is None:
        return None, reader.faults
    flows = tuple(flow for name in reader.names("flows") for flow in _flows(reader, name))
    ownership, ownership_document = _ownership(reader)
    policies = tuple(document for name in reader.names("policies") if (document := reader.read(name)))
    project = Project(
        path=path,
        name=hub.name,
        secrets=Secrets(settings, reader.dotenv(), path / settings.get("HUB_SECRETS_DIR", "secrets")),
        document=main,
        connections={
            name: Connection(
                name=name,
                connector=file.connector,
                config=file.config,
                allow_hosts=tuple(file.allow_hosts),
                poll=file.poll,
                webhooks=file.webhooks,
                paused=file.paused,
                keep=file.keep,
                budget=file.budget,
                title=file.title,
                where=main.where(("connections", name)),
            )
            for name, file in hub.connections.items()
        },
        flows=flows,
        ownership=ownership,
        policies=policies,
        raw_database=hub.database,
        raw_broker=hub.broker,
        listen=hub.listen,
        public_url=hub.public_url,
        events=_events(hub.events),
        archive=hub.archive,
    )
    return project, reader.faults + cross_checks(project, ownership_document, catalog.connectors if catalog else None)


class _Reader:
    """Reads the files of one directory and collects what is wrong with them."""

    def __init__(self, path: pathlib.Path) -> None:
        self.path = path
        self.faults: list[ConfigError] = []

    def names(self, folder: str) -> list[str]:
        """The YAML files of a folder, sorted, as names relative to the project."""
        files = [*(self.path / folder).glob("*.yaml"), *(self.path / folder).glob("*.yml")]
        return [f"{folder}/{file.name}" for file in sorted(files) if not file.name.startswith(".")]

    def read(self, name: str) -> Document | None:
        try:
            return documents.read(self.path / name, name)
        except ConfigError as error:
            self.faults.append(error)
            return None

    def model(self, document: Document, model: type[M]) -> M | None:
        try:
            return model.model_validate({} if document.data is None and model is HubFile else document.data)
        except ValidationError as error:
            self.faults += from_validation(error, document, model)
            return None

    def dotenv(self) -> dict[str, str]:
        try:
            return read_dotenv(self.path / ".env")
        except ConfigError as error:
            self.faults.append(error)
            return {}


def _flows(reader: _Reader, name: str) -> list[Flow]:
    document = reader.read(name)
    if document is None or document.data is None:
        return []
    file = reader.model(document, FlowsFile)
    return [
        Flow(
            name=entry.flow,
            entity=entry.entity,
            source=entry.source,
            target=entry.target,
            stream=entry.stream or entry.entity,
            when=entry.when,
            operation=entry.operation,
            keep=entry.keep,
            budget=entry.budget,
            where=document.where((index,)),
        )
        for index, entry in enumerate(file.root if file else ())
    ]


def _events(file: EventsFile | None) -> Events | None:
    if file is None:
        return None
    return Events(frozenset(file.entities or ENTITIES), file.exchange, file.keep)


def _ownership(reader: _Reader) -> tuple[dict[str, Owner], Document | None]:
    if not (reader.path / "ownership.yaml").is_file():
        return {}, None
    document = reader.read("ownership.yaml")
    file = reader.model(document, OwnershipsFile) if document and document.data is not None else None
    owners = (
        {entity: Owner(owner=entry.owner, fields=entry.fields) for entity, entry in file.root.items()} if file else {}
    )
    return owners, document


def _no_project(here: pathlib.Path, place: str = "here or in a directory above") -> ConfigError:
    return ConfigError(
        f"there is no hub.yaml {place}.",
        code="CFG-NOPROJECT",
        where=str(here),
        fix="Make a project with: hub init DIR. Or name one with --project DIR or the variable HUB_PROJECT.",
    )
