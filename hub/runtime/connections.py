"""The live connectors of a project: each with its HTTP client, its pace, its threads and its token store."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor
from functools import partial
from typing import Any, Protocol

from pydantic import BaseModel, SecretStr

from hub.errors import ConfigError, HubError
from hub.project import Project
from hub.runtime.pace import Pace, SharedPace
from hub.runtime.threads import DaemonPool
from hub.sdk.clock import SystemClock
from hub.sdk.connector import Connector, ConnectorConfig, ConnectorIO, Stream
from hub.sdk.http import HttpClient
from hub.store import Store
from hub.telemetry import get_logger, register_secret

log = get_logger(__name__)

LONGEST_SETTLE = 30.0
TRY_AGAIN = 30.0


class Catalog(Protocol):
    """The installed connectors (`hub.sdk.plugins`)."""

    @property
    def connectors(self) -> Mapping[str, type[Connector[Any]]]:
        """Connector classes by name."""


class Connections:
    """Makes each connection's connector once, when it is first needed. A connection that cannot be made harms no other.

    ``share`` is the number of processes that work side by side: each makes its part of the calls at the same time. A rate is
    kept by all of them together, through the store, unless this process is ``alone``.
    """

    def __init__(self, project: Project, catalog: Catalog, store: Store, *, share: int = 1, alone: bool = True) -> None:
        self._project = project
        self._catalog = catalog
        self._store = store
        self._share = max(1, share)
        self._alone = alone
        self._made: dict[str, Connector[Any]] = {}
        self._executors: dict[str, DaemonPool] = {}
        self._lock = threading.Lock()
        self._try_again: dict[str, float] = {}
        self.faults: dict[str, HubError] = {}

    def __contains__(self, name: object) -> bool:
        return name in self._project.connections

    def __iter__(self) -> Iterator[str]:
        return iter(self._project.connections)

    def connector_name(self, name: str) -> str:
        """The name of the connector behind a connection."""
        return self._project.connection(name).connector

    def streams(self, name: str) -> Mapping[str, Stream]:
        """What the connection's connector says of its streams; empty where it is not installed."""
        connector = self._catalog.connectors.get(self._project.connection(name).connector)
        return connector.manifest.streams if connector is not None else {}

    def get(self, name: str) -> Connector[Any]:
        """The connector of a connection. Raises `ConfigError` where it is not installed or its settings are wrong."""
        made = self._made.get(name)
        if made is not None:
            return made
        with self._lock:
            if name not in self._made:
                self._made[name] = self._make(name)
                self.faults.pop(name, None)
            return self._made[name]

    def check_all(self) -> Mapping[str, HubError]:
        """Make every connector; what fails is in `faults`."""
        for name in self:
            self.usable(name)
        return self.faults

    def usable(self, name: str) -> bool:
        """Whether the connection's connector can be made. One that failed is tried again every half minute."""
        if name in self._made:
            return True
        if time.monotonic() < self._try_again.get(name, 0.0):
            return False
        try:
            self.get(name)
        except HubError as error:
            self._try_again[name] = time.monotonic() + TRY_AGAIN
            if name not in self.faults:
                log.warning("connection.unusable", connection=name, code=error.code)
            self.faults[name] = error
            return False
        return True

    def executor(self, name: str) -> Executor:
        """The threads that may call this connection at the same time."""
        with self._lock:
            if name not in self._executors:
                self._executors[name] = DaemonPool(self.concurrency(name), f"call-{name}")
            return self._executors[name]

    def concurrency(self, name: str) -> int:
        """How many calls this process may make to the connection at once."""
        made = self._made.get(name)
        whole = made.config.concurrency if made is not None else 1
        return max(1, -(-int(whole) // self._share))

    def settle(self) -> float:
        """Seconds after which no system can still be at work on a request whose worker died: the longest of all targets."""
        targets = {flow.target for flow in self._project.flows}
        made = [connector.config.settle for name, connector in list(self._made.items()) if name in targets]
        return float(max(made, default=LONGEST_SETTLE))

    def close(self) -> None:
        """Close every connector."""
        with self._lock:
            made, self._made = self._made, {}
            executors, self._executors = self._executors, {}
        for executor in executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        for name, connector in made.items():
            try:
                connector.close()
            except Exception:
                log.exception("connector.close", connection=name)

    def _make(self, name: str) -> Connector[Any]:
        said = self._project.connection(name)
        connector = self._catalog.connectors.get(said.connector)
        if connector is None:
            raise ConfigError(
                f"the connector {said.connector!r} is not installed or does not load.", code="CFG-CONNECTOR",
                where=said.where, fix="hub connector list says which there are, and what is wrong with one.",
            )  # fmt: skip
        config = self._project.settings(name, connector.Config)
        try:
            return connector(config, self._world(name, config, said.allow_hosts))
        except HubError:
            raise
        except Exception as error:
            log.exception("connector.broken", connection=name)
            raise ConfigError(
                f"the connector {said.connector!r} failed to start: {type(error).__name__}.",
                code="CFG-CONNECTOR",
                where=said.where,
            ) from error

    def _world(self, name: str, config: ConnectorConfig, allow_hosts: tuple[str, ...]) -> ConnectorIO:
        secrets = list(secrets_of(config))
        register_each(secrets)
        pace: Pace | SharedPace = Pace(config.rate)
        if config.rate and not self._alone:
            pace = SharedPace(config.rate, partial(self._store.reserve_calls, name))
        http = HttpClient(allow_hosts=allow_hosts, secrets=secrets, deadline=config.deadline, before=pace.wait)
        return ConnectorIO(
            http=http, clock=SystemClock(), log=get_logger(f"connector.{name}"), tokens=self._store.tokens(name),
            connection=name, installation=self._project.name,
        )  # fmt: skip


def secrets_of(config: BaseModel) -> Iterator[str]:
    """Every secret value in a connector's settings, also inside nested ones."""
    waiting: list[Any] = [getattr(config, name) for name in type(config).model_fields]
    while waiting:
        value = waiting.pop()
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif isinstance(value, BaseModel):
            waiting.extend(getattr(value, name) for name in type(value).model_fields)
        elif isinstance(value, Mapping):
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            waiting.extend(value)


def register_each(secrets: list[str]) -> None:
    """Keep these values out of every log."""
    for secret in secrets:
        register_secret(secret)
