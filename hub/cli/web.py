"""`hub web`: a receiver of the cluster."""

from __future__ import annotations

import typer

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.serving import HostOption, LogLevelOption, PortOption, Serving, serve

app = typer.Typer()


@app.command(epilog=examples("HUB_DATABASE_URL=postgresql+psycopg://hub@db/hub hub web --host 0.0.0.0"))
def web(
    project: ProjectOption = None,
    database_url: DatabaseOption = None,
    broker_url: BrokerOption = None,
    host: HostOption = None,
    port: PortOption = None,
    log_level: LogLevelOption = "info",
    as_json: JsonOption = False,
) -> None:
    """Take webhooks and answer the REST API. It only writes to the database, so webhooks are taken while the broker is away.

    Any number may run behind a load balancer.
    """
    serve(
        Serving(
            "web",
            project,
            database=database_url,
            broker=broker_url,
            host=host,
            port=port,
            log_level=log_level,
            as_json=as_json,
        )
    )
