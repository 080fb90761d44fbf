"""A loaded project: what the files say, checked among themselves, with references to secrets still unresolved."""

from __future__ import annotations

import pathlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from hub.documents.document import Document, Path
from hub.documents.problems import did_you_mean, from_validation
from hub.errors import ConfigError
from hub.project.archive import Archive
from hub.project.files import Webhooks
from hub.project.schedule import Poll
from hub.project.secrets import Secrets, together

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Connection:
    """A configured instance of a connector. ``config`` is raw: its references are resolved by `Project.settings`."""

    name: str
    connector: str
    config: Mapping[str, Any]
    allow_hosts: tuple[str, ...] = ()
    poll: Mapping[str, Poll] = field(default_factory=dict)
    webhooks: Webhooks | None = None
    paused: bool = False
    keep: int | None = None
    budget: int | None = None
    title: str = ""
    where: str = ""


@dataclass(frozen=True, slots=True)
class Flow:
    """A route rule: changes of ``entity`` that come from ``source`` go to ``stream`` of ``target``, where ``when`` holds."""

    name: str
    entity: str
    source: str
    target: str
    stream: str
    when: str | None = None
    operation: str = "upsert"
    keep: int | None = None
    budget: int | None = None
    where: str = ""


@dataclass(frozen=True, slots=True)
class Owner:
    """Which connection owns an entity, and which owns single fields of it."""

    owner: str
    fields: Mapping[str, str] = field(default_factory=dict)

    def of(self, path: str) -> str:
        """The owner of a field ("lines", "lines.sku"): the entry for the longest part of the path, else the entity's owner."""
        parts = path.split(".")
        for length in range(len(parts), 0, -1):
            name = ".".join(parts[:length])
            if name in self.fields:
                return self.fields[name]
        return self.owner


@dataclass(frozen=True, slots=True)
class Events:
    """Which canonical changes are told to the outside, through which exchange, and for how many seconds they can be read again."""

    entities: frozenset[str]
    exchange: str = "hub.events"
    keep: float = 7 * 86_400.0


@dataclass(frozen=True)
class Project:
    """A project directory, read and checked. Paths are absolute."""

    path: pathlib.Path
    name: str
    secrets: Secrets
    document: Document
    connections: Mapping[str, Connection]
    flows: tuple[Flow, ...]
    ownership: Mapping[str, Owner]
    policies: tuple[Document, ...]
    raw_database: str
    raw_broker: str | None
    listen: str
    public_url: str | None = None
    events: Events | None = None
    archive: Archive = field(default_factory=Archive)

    @property
    def host(self) -> str:
        """The address that the receiver listens at."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """The port that the receiver listens at."""
        return int(self.listen.rpartition(":")[2])

    @property
    def mappings_dir(self) -> pathlib.Path:
        """Where the project's own mapping files are; they go before the connectors' defaults."""
        return self.path / "mappings"

    @property
    def lookups_dir(self) -> pathlib.Path:
        """Where the project's lookup tables are."""
        return self.path / "lookups"

    @cached_property
    def database(self) -> str:
        """The database URL: HUB_DATABASE_URL before hub.yaml; a relative SQLite path is below the project directory."""
        url = self.secrets.env("HUB_DATABASE_URL")
        if not url:
            url = str(self.secrets.resolve(self.raw_database, self.document.where(("database",))))
        return absolute_database(url, self.path)

    @cached_property
    def broker(self) -> str | None:
        """The broker URL, or none: HUB_BROKER_URL before hub.yaml."""
        url = self.secrets.env("HUB_BROKER_URL")
        if url or self.raw_broker is None:
            return url or None
        return str(self.secrets.resolve(self.raw_broker, self.document.where(("broker",)))) or None

    def connection(self, name: str) -> Connection:
        """The connection of this name. Raises `ConfigError` with the likely spelling."""
        if name not in self.connections:
            raise ConfigError(
                f"there is no connection {name!r}.", code="CFG-CONNECTION", where=self.document.name,
                fix=did_you_mean(name, self.connections),
            )  # fmt: skip
        return self.connections[name]

    def settings(self, name: str, model: type[M]) -> M:
        """The connection's settings, its references resolved, checked by the connector's model. Raises `ConfigError`."""
        faults, settings = self.check_settings(name, model)
        if settings is None:
            raise together(faults)
        return settings

    def check_settings(self, name: str, model: type[M]) -> tuple[list[ConfigError], M | None]:
        """All that is wrong with a connection's settings, or the settings."""
        prefix: Path = ("connections", name, "config")
        connection = self.connection(name)
        resolved, missing = self.secrets.gather(
            dict(connection.config), lambda path: self.document.where(prefix + path)
        )
        faults = [fault for _, fault in missing]
        try:
            settings = model.model_validate(resolved)
        except ValidationError as error:
            what = f"the connector {connection.connector}"
            unresolved = {prefix + path for path, _ in missing}
            faults += from_validation(error, self.document, model, prefix=prefix, what=what, without=unresolved)
            return faults, None
        return faults, None if faults else settings


def absolute_database(url: str, base: pathlib.Path) -> str:
    """An SQLite URL with a relative path, made absolute below ``base``; any other URL as it is."""
    scheme, slashes, rest = url.partition(":///")
    if not slashes or not scheme.startswith("sqlite") or not rest or rest.startswith((":memory:", "/")):
        return url
    return f"{scheme}:///{(base / pathlib.Path(rest).expanduser()).resolve()}"
