"""The `hub` command. Whatever goes wrong, its user reads one block: what, where, and what to do. Never a traceback."""

from __future__ import annotations

import os
import sys
import traceback
from pathlib import Path
from typing import Annotated

import typer

from hub.cli.lazy import Entry, LazyGroup
from hub.cli.options import root_project
from hub.errors import ConfigError, HubError

EXIT_ERROR = 1
EXIT_CONFIG = 2
EXIT_INTERRUPTED = 130

_START, _RUN, _LOOK, _ACT, _BUILD = "Begin", "Run", "Look", "Act", "Build"

ENTRIES = (
    Entry("init", "Make a project directory that runs.", _START, "hub.cli.init"),
    Entry(
        "demo",
        "Move orders between a simulated shop and a simulated ERP, and check the result.",
        _START,
        "hub.cli.demo",
    ),
    Entry("check", "Lint the whole project offline, with file and line.", _START, "hub.cli.check"),
    Entry(
        "doctor",
        "Ask every connection, the database, the broker and the clock; say what to do.",
        _START,
        "hub.cli.doctor",
    ),
    Entry("run", "Run everything in one process: receiver, workers and scheduler.", _RUN, "hub.cli.run"),
    Entry("web", "Run a receiver of the cluster.", _RUN, "hub.cli.web"),
    Entry("relay", "Run a relay of the cluster: wake-ups, polling and repairs.", _RUN, "hub.cli.relay"),
    Entry("worker", "Run a worker of the cluster.", _RUN, "hub.cli.worker"),
    Entry("trace", "Where is order 1001, and why? Every step of a message.", _LOOK, "hub.cli.trace"),
    Entry("messages", "List messages.", _LOOK, "hub.cli.messages"),
    Entry("deliveries", "List deliveries.", _LOOK, "hub.cli.deliveries"),
    Entry("exceptions", "What waits for a person: list, show, release, resolve.", _LOOK, "hub.cli.exceptions"),
    Entry("records", "Show a canonical record and its links.", _LOOK, "hub.cli.records"),
    Entry("events", "What was told to the outside of every change, and what waits.", _LOOK, "hub.cli.events"),
    Entry("schedules", "The polls and other timed jobs: when they ran, and run next.", _LOOK, "hub.cli.schedules"),
    Entry(
        "status", "Counters: in = delivered + filtered + superseded + exceptions + in flight.", _LOOK, "hub.cli.status"
    ),
    Entry("connections", "The connected systems: list, pause, resume.", _ACT, "hub.cli.connections"),
    Entry(
        "webhooks",
        "What a system sends by itself: list, ensure, pause or remove its subscriptions.",
        _ACT,
        "hub.cli.webhooks",
    ),
    Entry("poll", "Poll a stream of a connection now.", _ACT, "hub.cli.poll"),
    Entry("replay", "Process a message, or send a delivery, again.", _ACT, "hub.cli.replay"),
    Entry("db", "The database: its state, and its upgrade.", _ACT, "hub.cli.db"),
    Entry("map", "Mappings: lint, test, try and explain them.", _BUILD, "hub.cli.map"),
    Entry("connector", "Connectors: list them, or begin a new one.", _BUILD, "hub.cli.connector"),
    Entry("sim", "Simulators: serve a vendor's API on this machine.", _BUILD, "hub.cli.sim"),
    Entry("schema", "Write the JSON Schemas for editors.", _BUILD, "hub.cli.schema"),
    Entry("asyncapi", "Describe the canonical events, as an AsyncAPI document.", _BUILD, "hub.cli.asyncapi"),
    Entry("version", "Versions of the hub and of what it stands on.", _BUILD, "hub.cli.version"),
)


class HubGroup(LazyGroup):
    """The commands of `hub`."""

    entries = ENTRIES


app = typer.Typer(
    cls=HubGroup,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
    epilog="Begin with [bold]hub demo[/bold], or with [bold]hub init my-company[/bold]. "
    "Every command has --help with examples, and --json for programs.",
)


def _version(asked: bool) -> None:
    if asked:
        from hub import __version__

        typer.echo(f"hub {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    project: Annotated[
        Path | None,
        typer.Option("--project", help="The project directory; else HUB_PROJECT, else the nearest hub.yaml upward."),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback does the work
        bool, typer.Option("--version", help="Show the version.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    """An integration hub between shops, marketplaces and ERPs: nothing lost, nothing doubled, every value explained."""
    root_project.set(project)


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return its exit code: 0, 1 for an error, 2 for wrong usage or a fault in the project's files."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        app(args=arguments, prog_name="hub")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else EXIT_ERROR if end.code else 0
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the last stop before a traceback
        if os.environ.get("HUB_DEBUG") == "1":
            traceback.print_exc()
        _show(error if isinstance(error, HubError) else _bug(error), as_json="--json" in arguments)
        return EXIT_CONFIG if isinstance(error, ConfigError) else EXIT_ERROR
    return 0


def run() -> None:
    """The entry point of the `hub` command."""
    sys.exit(main())


def _show(error: HubError, *, as_json: bool) -> None:
    from hub.cli.views.errors import show_error

    show_error(error, as_json=as_json)


def _bug(error: Exception) -> HubError:
    """An error that nobody foresaw, as a block that can be reported. Its own text may hold data, so it is not shown."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}hub{os.sep}" in frame.filename] or list(frames)
    where = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else ""
    return HubError(
        f"the hub failed in a way it should not ({type(error).__name__}).",
        code="HUB-BUG",
        where=where,
        fix="Run it again with HUB_DEBUG=1 for the whole account, and report it.",
    )
