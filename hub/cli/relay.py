"""`hub relay`: wake-ups, polling and repairs of the cluster."""

from __future__ import annotations

import typer

from hub.cli.options import BrokerOption, DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.serving import HealthOption, LogLevelOption, Serving, serve

app = typer.Typer()


@app.command(epilog=examples("HUB_DATABASE_URL=... HUB_BROKER_URL=amqp://... hub relay"))
def relay(
    project: ProjectOption = None,
    database_url: DatabaseOption = None,
    broker_url: BrokerOption = None,
    health: HealthOption = None,
    log_level: LogLevelOption = "info",
    as_json: JsonOption = False,
) -> None:
    """Publish wake-ups for what is due, run the polls, and take back the work of workers that died. Two are enough for a cluster."""
    serve(
        Serving(
            "relay",
            project,
            database=database_url,
            broker=broker_url,
            log_level=log_level,
            health=health,
            as_json=as_json,
        )
    )
