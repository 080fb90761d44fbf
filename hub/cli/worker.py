"""`hub worker`: translates and delivers in the cluster."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.serving import HealthOption, LogLevelOption, Serving, ShareOption, serve
from hub.errors import ConfigError

app = typer.Typer()


@app.command(epilog=examples("hub worker", "hub worker --processes 4  # restarts each that dies"))
def worker(
    project: ProjectOption = None,
    database_url: DatabaseOption = None,
    broker_url: BrokerOption = None,
    processes: Annotated[int, typer.Option(min=1, max=256, help="How many processes to run and to watch over.")] = 1,
    share: ShareOption = 1,
    health: HealthOption = None,
    log_level: LogLevelOption = "info",
    as_json: JsonOption = False,
) -> None:
    """Translate messages and send deliveries. Any number may run; one that is killed loses nothing and doubles nothing."""
    if processes == 1:
        serve(
            Serving(
                "worker",
                project,
                database=database_url,
                broker=broker_url,
                log_level=log_level,
                share=share,
                health=health,
                as_json=as_json,
            )
        )
        return
    if health is not None:
        raise ConfigError(
            "several processes cannot answer at one address.", code="CLI-USAGE", fix="Give --health with --processes 1."
        )
    _supervise(project, database_url, broker_url, processes, share, log_level)


def _supervise(
    project: Path | None, database_url: str | None, broker_url: str | None, processes: int, share: int, log_level: str
) -> None:
    from hub.cli.opening import open_project
    from hub.cli.serving import require_settings
    from hub.runtime.supervisor import Supervisor
    from hub.telemetry import configure_logging

    opened = open_project(project, database=database_url, broker=broker_url, connectors=True)
    require_settings(opened)
    configure_logging(log_level)
    command = [sys.executable, "-m", "hub", "worker", "--project", str(opened.path)]
    command += ["--share", str(max(share, processes)), "--log-level", log_level]
    for name, value in (("HUB_DATABASE_URL", database_url), ("HUB_BROKER_URL", broker_url)):
        if value:
            os.environ[name] = value  # not on the command line, where everybody on the machine could read its password
    supervisor = Supervisor(command, processes)
    supervisor.install_signals()
    supervisor.run()
