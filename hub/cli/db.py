"""`hub db`: the database of a project."""

from __future__ import annotations

import typer

from hub.cli.options import DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, out

app = typer.Typer(no_args_is_help=True, help="The database: its state, and its upgrade.")


@app.callback()
def _group() -> None:
    """The database: its state, and its upgrade."""


@app.command(epilog=examples("hub db upgrade --database-url postgresql+psycopg://hub@db/hub"))
def upgrade(project: ProjectOption = None, database_url: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Make the tables, or bring them to the version of this program. `hub run` does the same by itself when it starts."""
    from hub.cli.opening import open_project, open_store
    from hub.store.migrate import HEAD

    opened = open_project(project, database=database_url)
    with open_store(opened, readonly=False):
        pass
    emit({"version": HEAD}, as_json=as_json, show=lambda: out().print(f"the database has version [name]{HEAD}[/name]"))


@app.command(epilog=examples("hub db status --json"))
def status(project: ProjectOption = None, database_url: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """Where the database is, its version, and what is in flight in it."""
    from hub.cli.opening import open_project, open_store
    from hub.store.migrate import HEAD
    from hub.telemetry.redaction import redact

    opened = open_project(project, database=database_url)
    with open_store(opened) as store:
        flying = dict(store.in_flight())
    data = {"database": redact(opened.database), "version": HEAD, "in_flight": flying}

    def show() -> None:
        out().print(f"{data['database']}  version {HEAD}", markup=False)
        for state, number in flying.items():
            out().print(f"  {state:<20} {number}", markup=False)

    emit(data, as_json=as_json, show=show)
