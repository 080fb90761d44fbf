"""`hub exceptions`: what waits for a person."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hub.cli.options import JsonOption, LimitOption, ProjectOption, examples
from hub.cli.views.console import emit, out
from hub.cli.views.progress import track
from hub.errors import ConfigError, HubError

if TYPE_CHECKING:
    from hub.project import Project

app = typer.Typer(
    invoke_without_command=True,
    help="What waits for a person: list, show, release, resolve.",
    epilog=examples("hub exceptions", "hub exceptions show 3", "hub exceptions release 3"),
)

Numbers = Annotated[
    list[int] | None, typer.Argument(metavar="ID...", min=1, help="The exceptions' numbers.", show_default=False)
]
CodeOption = Annotated[str, typer.Option("--code", metavar="CODE", help="All open ones with this reason.")]
NoteOption = Annotated[str, typer.Option("--note", help="What was done about it; kept in the trace.")]
StateOption = Annotated[str, typer.Option("--state", "-s", help="open, released, resolved or all.")]


@app.callback()
def _group(context: typer.Context, project: ProjectOption = None, as_json: JsonOption = False) -> None:
    """What waits for a person: list, show, release, resolve. Without a command it lists the open ones."""
    if context.invoked_subcommand is None:
        list_exceptions(project=project, as_json=as_json)
    elif project is not None:
        from hub.cli.options import root_project

        root_project.set(project)


@app.command(name="list", epilog=examples("hub exceptions list --state all --json"))
def list_exceptions(
    state: StateOption = "open", limit: LimitOption = 200, project: ProjectOption = None, as_json: JsonOption = False
) -> None:
    """List exceptions, the oldest first: what happened, to what, and what to do."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.states import EXCEPTION_STATES, known_state
    from hub.cli.views.tables import show_exceptions

    known_state(state, EXCEPTION_STATES)
    with open_store(open_project(project)) as store:
        found = store.exceptions(None if state == "all" else state, limit)
        now = store.now()
    data = {"exceptions": [_as_data(one) for one in found]}
    emit(data, as_json=as_json, show=lambda: show_exceptions(found, now))


@app.command(epilog=examples("hub exceptions show 3"))
def show(
    number: Annotated[int, typer.Argument(metavar="ID", min=1, show_default=False)],
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """One exception with the trace of its message and the payloads."""
    from hub.cli.opening import open_project, open_store
    from hub.cli.views.tables import show_exceptions
    from hub.cli.views.trace import show_trace

    with open_store(open_project(project)) as store:
        found = [one for one in store.exceptions(None, 100_000) if one["id"] == number]
        if not found:
            raise _unknown(number)
        view = store.trace(found[0]["message_id"])
        now = store.now()

    def shown() -> None:
        show_exceptions(found, now)
        out().print()
        show_trace(view, now, payloads=True)

    from hub.cli.trace import trace_data

    emit({"exception": _as_data(found[0]), "trace": trace_data(view)}, as_json=as_json, show=shown)


@app.command(
    epilog=examples(
        "hub exceptions release 3 4 --note 'added the SKU'",
        "hub exceptions release --code MAP-LOOKUP  # everything that waited on one cause",
    )
)
def release(
    numbers: Numbers = None,
    code: CodeOption = "",
    note: NoteOption = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Try what stopped again, with the mappings, lookups and records as they are now. Mend the cause first."""
    from hub.cli.acting import acting

    with acting(project) as act:
        chosen = _chosen(act.project, numbers, code)
        for number in track(chosen, "releasing"):
            act.release(number, note)
    emit(
        {"released": chosen},
        as_json=as_json,
        show=lambda: out().print(f"[good]released[/good] {_named(chosen)}: hub exceptions shows what stays"),
    )


@app.command(epilog=examples("hub exceptions resolve 3 --note 'entered by hand in the ERP'"))
def resolve(
    numbers: Numbers = None,
    code: CodeOption = "",
    note: NoteOption = "",
    project: ProjectOption = None,
    as_json: JsonOption = False,
) -> None:
    """Close exceptions without trying again: a person settled them outside the hub."""
    from hub.cli.acting import acting

    with acting(project) as act:
        chosen = _chosen(act.project, numbers, code)
        for number in track(chosen, "closing"):
            act.resolve(number, note)
    emit({"resolved": chosen}, as_json=as_json, show=lambda: out().print(f"[good]resolved[/good] {_named(chosen)}"))


def _named(numbers: list[int]) -> str:
    """The numbers for a person: the first twenty."""
    return ", ".join(map(str, numbers[:20])) + (" ..." if len(numbers) > 20 else "")


def _chosen(project: Project, numbers: list[int] | None, code: str) -> list[int]:
    """The exceptions meant: by number, or all open ones of a reason."""
    from hub.cli.opening import open_store

    if bool(numbers) == bool(code):
        raise ConfigError(
            "give the exceptions' numbers, or --code.", code="CLI-USAGE", fix="For example: hub exceptions release 3."
        )
    if numbers:
        return list(dict.fromkeys(numbers))
    with open_store(project) as store:
        found = [one for one in store.exceptions("open", 100_000) if one["code"] == code.upper()]
    if not found:
        raise HubError(
            f"there is no open exception {code[:40]!r}.", code="EXC-UNKNOWN", fix="hub exceptions shows the open ones."
        )
    return [one["id"] for one in found]


def _as_data(exception: dict[str, Any]) -> dict[str, Any]:
    from hub.canonical.reasons import REASONS
    from hub.cli.views import plain
    from hub.cli.views.tables import fix_of

    reason = REASONS.get(exception["code"])
    extra = {"meaning": reason.meaning, "owner": reason.owner} if reason else {}
    return plain.row({**exception, **extra, "fix": fix_of(exception)})


def _unknown(number: int) -> HubError:
    return HubError(
        f"there is no exception {number}.", code="EXC-UNKNOWN", fix="hub exceptions list --state all shows them."
    )
