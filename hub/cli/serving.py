"""Run one role of the hub in the foreground until Ctrl-C or SIGTERM, and stop it in good order."""

from __future__ import annotations

import contextlib
import gc
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from hub.cli.opening import catalog, open_project
from hub.cli.signals import stop_signals, wait_for
from hub.cli.views.console import out, print_json
from hub.errors import ConfigError
from hub.project import Project
from hub.project.secrets import together
from hub.telemetry import configure_logging, tracing

if TYPE_CHECKING:
    from hub.api.server import WebServer
    from hub.runtime.hub import Hub, Role

LogLevelOption = Annotated[str, typer.Option("--log-level", help="debug, info, warning or error.")]
HostOption = Annotated[str | None, typer.Option("--host", help="Listen at this address instead of the project's.")]
PortOption = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="Listen at this port; 0 takes a free one.")
]
ShareOption = Annotated[
    int,
    typer.Option(
        "--share", min=1, help="How many such processes run side by side: each keeps to its part of the rate limits."
    ),
]

HealthOption = Annotated[
    str | None,
    typer.Option("--health", metavar="HOST:PORT", help="Answer /health/live, /health/ready and /metrics there."),
]

BEHIND = 5
"""How nice a worker is: a shop waits for its answer a few seconds only, while what was accepted can wait for its turn."""
LEAVE = 1.0
"""Seconds for which a receiver that was told to stop still takes webhooks, so that a balancer can see first that it is not ready."""
_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True)
class Serving:
    """What to run: the role, and where the settings of the command line differ from the project's."""

    role: Role
    project: Path | None
    database: str | None = None
    broker: str | None = None
    host: str | None = None
    port: int | None = None
    log_level: str = "info"
    share: int = 1
    health: str | None = None
    as_json: bool = False

    @property
    def listens(self) -> bool:
        """Does this role take requests?"""
        return self.role in {"embedded", "web"}


def serve(serving: Serving) -> None:
    """Start the role, say where it is, wait, and stop it. Everything the project lacks is said before anything starts."""
    if serving.log_level not in _LEVELS:
        raise ConfigError(
            f"{serving.log_level!r} is not a log level.", code="CFG-LOG", fix=f"Known here: {', '.join(_LEVELS)}."
        )
    project = open_project(serving.project, database=serving.database, broker=serving.broker, connectors=True)
    require_settings(project)
    if serving.role in {"relay", "worker", "web"} and project.database.startswith("sqlite"):
        raise ConfigError(
            f"hub {serving.role} is a part of the cluster, which needs PostgreSQL; the project has SQLite.",
            code="CFG-CLUSTER",
            where=project.document.where(("database",)),
            fix="Set HUB_DATABASE_URL=postgresql+psycopg://... and HUB_BROKER_URL=amqp://..., or use hub run.",
        )
    from hub.runtime.hub import Hub

    if serving.role == "worker":
        os.nice(BEHIND)
    configure_logging(serving.log_level)
    tracing.configure(project.name, serving.role)
    stop = threading.Event()
    with stop_signals(stop), contextlib.ExitStack() as stack:
        stack.callback(tracing.shutdown)
        hub = Hub(project, catalog(), role=serving.role, share=serving.share)
        stack.callback(hub.stop)
        server = _server(serving, hub)
        hub.start()
        if server is not None:
            stack.enter_context(server)
        _spare_what_stays()
        _announce(serving, project, server.url if server is not None and serving.listens else "")
        wait_for(stop)
        hub.stopping = True  # /health/ready says no from here on
        if serving.role == "web":
            time.sleep(LEAVE)


def _server(serving: Serving, hub: Hub) -> WebServer | None:
    """What this role serves: everything, health alone, or nothing."""
    if not serving.listens and serving.health is None:
        return None
    from hub.api.server import WebServer

    if serving.listens:
        port = hub.project.port if serving.port is None else serving.port
        return WebServer(hub, serving.host or hub.project.host, port)
    host, _, port_text = str(serving.health).rpartition(":")
    if not port_text.isascii() or not port_text.isdigit() or int(port_text) > 65_535:
        raise ConfigError(
            f"{str(serving.health)[:60]!r} is not an address.", code="CFG-PORT", fix="Write --health 127.0.0.1:8081."
        )
    return WebServer(hub, host.strip("[]") or "127.0.0.1", int(port_text), only_health=True)


def _spare_what_stays() -> None:
    """Keep the cycle collector away from what lives as long as the process: it would look at all of it again and again.

    A batch makes up to 150,000 objects that end with it by their counts alone; the collector is for the rest.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(200_000, 10, 10)


def require_settings(project: Project) -> None:
    """Every connection that is not paused has settings that its connector accepts, its secrets included. Raises `ConfigError`."""
    connectors = catalog().connectors
    faults = [
        fault
        for name, connection in project.connections.items()
        if not connection.paused
        for fault in project.check_settings(name, connectors[connection.connector].Config)[0]
    ]
    if faults:
        raise together(faults)


def _announce(serving: Serving, project: Project, url: str) -> None:
    if serving.as_json:
        print_json({"project": project.name, "role": serving.role, "url": url or None})
        return
    where = f", listening at [key]{url}[/key]" if url else ""
    out().print(f"[good]running[/good] [name]{project.name}[/name] ({serving.role}){where}; Ctrl-C stops it")
    out().file.flush()
