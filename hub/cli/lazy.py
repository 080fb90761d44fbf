"""Commands that are imported only when they are called, so that `hub --help` answers at once."""

from __future__ import annotations

import importlib
from typing import Any, NamedTuple

import typer.main
from typer.core import TyperCommand, TyperGroup

_COMPLETION = {"install_completion", "show_completion"}
"""Options that belong to the top level alone."""


class Entry(NamedTuple):
    """A command of the top level: its name, one line of help, its panel, and the module that holds its Typer ``app``."""

    name: str
    help: str
    panel: str
    module: str


class LazyCommand(TyperCommand):
    """Stands for a command until it is called."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.name, help=entry.help, short_help=entry.help, rich_help_panel=entry.panel)
        self.entry = entry

    def real(self) -> Any:
        """The command itself, imported now."""
        app = importlib.import_module(self.entry.module).app
        command = typer.main.get_command(app)
        command.name = self.entry.name
        command.params = [given for given in command.params if given.name not in _COMPLETION]
        return command

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:
        """The context of the real command, which then runs in place of this one."""
        return self.real().make_context(info_name, args, parent=parent, **extra)


class LazyGroup(TyperGroup):
    """The top level: knows its commands by a table, and imports none of them for its help."""

    entries: tuple[Entry, ...] = ()

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        for entry in self.entries:
            self.commands[entry.name] = LazyCommand(entry)
