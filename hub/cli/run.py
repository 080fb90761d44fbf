"""`hub run`: everything in one process."""

from __future__ import annotations

import typer

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.serving import HostOption, LogLevelOption, PortOption, Serving, serve

app = typer.Typer()


@app.command(epilog=examples("hub run", "hub run --port 8081 --log-level debug"))
def run(
    project: ProjectOption = None,
    database_url: DatabaseOption = None,
    broker_url: BrokerOption = None,
    host: HostOption = None,
    port: PortOption = None,
    log_level: LogLevelOption = "info",
    as_json: JsonOption = False,
) -> None:
    """Run the hub in one process: the receiver of webhooks, the REST API, polling, and the workers. Ctrl-C stops it in good order.

    The database is made or upgraded by itself. With SQLite only one such process may run for a project.
    """
    serve(
        Serving(
            "embedded",
            project,
            database=database_url,
            broker=broker_url,
            host=host,
            port=port,
            log_level=log_level,
            as_json=as_json,
        )
    )
