"""What the commands of `hub map` share: which files are meant, and how findings and errors look."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.padding import Padding
from rich.text import Text

from hub.cli.opening import project_folder
from hub.cli.views.console import out, safe
from hub.errors import ConfigError, HubError

PathsArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[PATH]...", help="Mapping files or folders; else the project's mappings.", show_default=False
    ),
]
MappingArgument = Annotated[
    Path, typer.Argument(metavar="MAPPING", help="The mapping file (*.yaml).", show_default=False)
]
SampleArgument = Annotated[
    Path, typer.Argument(metavar="SAMPLE", help="A record as JSON, given to the mapping as `src`.", show_default=False)
]
LinksOption = Annotated[
    Path | None,
    typer.Option(
        "--links", help="JSON {entity: {key: id}} that answers $link. Without it every key has the id ENTITY:KEY."
    ),
]
RootsOption = Annotated[
    list[Path] | None,
    typer.Option("--root", help="More mappings folders, for `extends` and `$include`; may be given several times."),
]


def chosen(paths: list[Path] | None) -> list[Path]:
    """The paths given; else ./mappings, else the mappings of the project."""
    if paths:
        return paths
    here = Path("mappings")
    if here.is_dir():
        return [here]
    try:
        folder = project_folder(None) / "mappings"
    except ConfigError:
        folder = here
    if not folder.is_dir():
        raise ConfigError(
            "There is no mappings folder here.", fix="Name the files or folders, or go to the project directory."
        )
    return [folder]


def roots_for(paths: list[Path], roots: list[Path] | None) -> list[Path]:
    """The further folders to search: those given, else the connectors' own mappings where a file extends one of them."""
    if roots:
        return roots
    if not any(_extends(path) for path in paths):
        return []
    from hub.cli.opening import catalog

    installed = catalog()
    folders = [installed.mappings_dir(name) for name in installed.connectors]
    return [folder for folder in folders if folder.is_dir()]


def _extends(path: Path) -> bool:
    files = [path] if path.is_file() else [found for found in path.rglob("*.yaml") if found.is_file()]
    for file in files:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            if "\nextends:" in file.read_text(encoding="utf-8"):
                return True
    return False


def short(path: str | Path) -> str:
    """The path from here, where that is shorter."""
    try:
        return str(Path(path).resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def near(where: str) -> str:
    """A place file:line with the file's path from here."""
    file, colon, rest = where.partition(":")
    return f"{short(file)}{colon}{rest}" if file else where


def show_fault(error: HubError, prefix: str = "") -> None:
    """An error of a mapping: code, place, what, and what to do; then what else failed in the same record."""
    out().print(Text.assemble(prefix, ("error ", "bad"), (error.code, "name"), "  ", (safe(near(error.where)), "key")))
    out().print(Padding(Text(safe(error.message)), (0, 0, 0, 2), expand=False))
    source = getattr(error, "source", "")
    if source and source not in error.message:
        out().print(Padding(Text.assemble(("reads ", "quiet"), safe(source)), (0, 0, 0, 2), expand=False))
    if error.fix:
        out().print(Padding(Text.assemble(("→ ", "good"), safe(error.fix)), (0, 0, 0, 2), expand=False))
    for other in getattr(error, "also", ()):
        show_fault(other)


def fault_data(error: HubError) -> dict[str, Any]:
    """The error as JSON data, with the paths that the mapping engine knows."""
    said = error.as_dict()
    for name in ("at", "source", "file", "line"):
        value = getattr(error, name, None)
        if value:
            said[name] = value
    if getattr(error, "also", None):
        said["also"] = [fault_data(other) for other in error.also]  # type: ignore[attr-defined]
    if getattr(error, "missing", None):
        said["missing"] = [list(item) for item in error.missing]  # type: ignore[attr-defined]
    return said


def watched(files: Callable[[], Iterable[Path]], show: Callable[[], object], *, pause: float = 0.3) -> None:
    """Show, then show again whenever one of the files changes, until interrupted."""
    seen: dict[Path, int] = {}
    while True:
        now = {path: path.stat().st_mtime_ns if path.exists() else 0 for path in files()}
        if now != seen:
            if seen and out().is_terminal:
                out().clear()
            seen = now
            show()
            out().print(Text(f"watching {len(now)} files; Ctrl-C ends", style="quiet"))
        time.sleep(pause)
