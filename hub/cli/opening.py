"""Open what a command needs: the project, the catalog of connectors, and the store."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hub.cli.options import root_project
from hub.errors import ConfigError
from hub.project import Project, find, load

if TYPE_CHECKING:
    from hub.sdk.plugins import Catalog
    from hub.store import Store


def project_folder(named: Path | None) -> Path:
    """The project directory: the command's option, the option before the command, HUB_PROJECT, or the nearest upward."""
    named = named or root_project.get()
    if named is not None:
        root_project.set(named)  # the catalog, which is asked for later, has this project's own connectors
    return named.expanduser() if named else find()


def catalog() -> Catalog:
    """The installed connectors, and those that the project describes in files of its own, where there is a project."""
    try:
        folder = project_folder(None).resolve()
    except ConfigError:
        return _catalog(None, ())
    files = sorted((folder / "connectors").glob("*.yaml"))
    return _catalog(folder if files else None, tuple((file, file.stat().st_mtime_ns) for file in files))


@functools.cache
def _catalog(folder: Path | None, _: tuple[tuple[Path, int], ...]) -> Catalog:
    from hub.sdk.plugins import load_connectors

    return load_connectors(folder)


def simulator(name: str) -> Any:
    """The simulator class of this name. Raises `ConfigError` with the likely spelling."""
    from hub.documents.problems import did_you_mean
    from hub.sdk.plugins import load_simulators

    found = load_simulators()
    if name not in found:
        raise ConfigError(f"there is no simulator {name!r}.", code="CFG-SIMULATOR", fix=did_you_mean(name, found))
    return found[name]


def open_project(
    named: Path | None, *, database: str | None = None, broker: str | None = None, connectors: bool = False
) -> Project:
    """The project, checked. With ``connectors`` its connectors and streams are checked too, which takes longer."""
    return load(project_folder(named), catalog=catalog() if connectors else None, database=database, broker=broker)


@contextlib.contextmanager
def open_store(project: Project, *, readonly: bool = True) -> Iterator[Store]:
    """The project's store, closed again at the end."""
    from hub.runtime.archive import arrange
    from hub.store import Store

    store: Any = Store.open(project.database, readonly=readonly)
    try:
        arrange(store, project)
        yield store
    finally:
        store.close()
