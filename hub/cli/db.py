"""`hub db`: the database of a project."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import DatabaseOption, JsonOption, ProjectOption, examples
from hub.cli.views.console import emit, err, out
from hub.errors import StoreError

if TYPE_CHECKING:
    from hub.store import Store

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


@app.command(
    epilog=examples(
        "hub db copy sqlite:///data/hub.db postgresql+psycopg://hub@db/hub",
        "hub db copy postgresql+psycopg://hub@db/hub sqlite:///data/hub.db  # and back",
    )
)
def copy(
    source_url: Annotated[str, typer.Argument(metavar="SOURCE_URL", help="The database to copy; stop its hub first.")],
    target_url: Annotated[str, typer.Argument(metavar="TARGET_URL", help="An empty database to copy into.")],
    as_json: JsonOption = False,
) -> None:
    """Move a hub to another database: copy every table, compare both sides, and end leases in the copy.

    All or nothing: whatever goes wrong before the comparison is through, the target stays empty. The source keeps its rows.
    Stop every hub of the source first, and never start it again there afterwards.
    """
    from contextlib import closing

    from hub.store import Store

    with closing(Store.open(source_url, readonly=True)):
        pass  # an absent source is refused, not made
    locked = source_url.startswith("sqlite")  # a hub that runs on it holds the lock, and so this is refused
    with closing(Store.open(source_url, readonly=not locked)) as source, closing(Store.open(target_url)) as target:
        rows = _copy(source, target, quiet=as_json)
        counted = source.conservation()
        if target.conservation() != counted:
            raise StoreError(
                "the copy does not account for its messages as its source does",
                code="STO-COPY",
                fix="Do not use the copy; make sure that no hub runs on either, and copy into another empty database.",
            )
        freed = target.recover()
    data = {"rows": rows, "verified": True, "conservation": counted, "leases_ended": freed.messages + freed.deliveries}

    def show() -> None:
        for name, number in rows.items():
            out().print(f"  {name:<12} {number}", markup=False)
        out().print(f"[good]both sides are equal[/good]; {data['leases_ended']} leases ended")

    emit(data, as_json=as_json, show=show)


def _copy(source: Store, target: Store, *, quiet: bool) -> dict[str, int]:
    from rich.progress import Progress, SpinnerColumn, TextColumn

    from hub.store import copy as copying

    columns: list[Any] = [SpinnerColumn(), TextColumn("copying {task.description} {task.completed} rows")]
    with Progress(*columns, console=err(), transient=True, disable=quiet or not err().is_terminal) as bar:
        task = bar.add_task("")

        def told(table: str, count: int) -> None:
            bar.update(task, advance=count, description=table)

        return copying.copy(source.database, target.database, told)


@app.command(
    epilog=examples("hub db maintain --dry-run  # what would go, and what stays all the same", "hub db maintain --json")
)
def maintain(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done.")] = False,
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Forget the payloads whose time is over, and make what the next days need. A running hub does the same every hour by itself.

    Traces stay. What is not finished, or lies on the exceptions desk, keeps its payloads.
    """
    from hub.cli.acting import acting
    from hub.cli.views.archive import show_maintained

    with acting(project) as act:
        done = act.maintain(dry_run=dry_run)
    emit({"dry_run": dry_run, **done}, as_json=as_json, show=lambda: show_maintained(done, dry_run=dry_run))


@app.command(epilog=examples("hub db archive", "hub db archive --json | jq .rooms"))
def archive(project: ProjectOption = None, database_url: DatabaseOption = None, as_json: JsonOption = False) -> None:
    """What the payload archive holds: how much of which day, until when it is kept, and whose budget it takes."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.views.archive import show_archive
    from hub.runtime.archive import rooms

    opened = open_project(project, database=database_url)
    with open_store(opened) as store:
        held = [one.as_dict() for one in store.archive_shelves()]
        taken = [room.as_dict() for room in rooms(store, opened)]
    data = {"shelves": held, "rooms": taken}
    emit(data, as_json=as_json, show=lambda: show_archive(data))
