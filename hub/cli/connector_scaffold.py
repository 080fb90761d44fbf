"""Make an installable package for a new connector, whose tests pass at once."""

from __future__ import annotations

import re
from pathlib import Path

from hub.errors import ConfigError

TEMPLATE = Path(__file__).parent / "connector_template"
DECLARATIVE = Path(__file__).parent / "connector_template_declarative"
"""What takes the place of the template's files where the connector is described in a file."""
_NAME = re.compile(r"[a-z][a-z0-9_]{1,29}\Z")


def make_connector(name: str, folder: Path, *, declarative: bool = False) -> list[Path]:
    """Write the package ``hub-connector-<name>`` into ``folder``, which must be new or empty, and return its files.

    ``declarative`` makes one whose system is described in a YAML file instead of in Python.
    """
    if not _NAME.match(name):
        raise ConfigError(
            f"{name[:40]!r} is no name for a connector.",
            code="CFG-NAME",
            fix="Use small letters, digits and _, 2 to 30 of them, a letter first.",
        )
    if folder.exists() and (not folder.is_dir() or any(file.name != ".git" for file in folder.iterdir())):
        raise ConfigError(
            "it is there and not empty.", code="CFG-EXISTS", where=str(folder), fix="Name another folder with --dir."
        )
    sources = {source.relative_to(TEMPLATE).as_posix(): source for source in TEMPLATE.rglob("*.tmpl")}
    if declarative:
        del sources["package/config.py.tmpl"]
        sources |= {source.relative_to(DECLARATIVE).as_posix(): source for source in DECLARATIVE.rglob("*.tmpl")}
    return [_write(source, place, folder, name) for place, source in sorted(sources.items())]


def _write(source: Path, place: str, folder: Path, name: str) -> Path:
    place = place.removesuffix(".tmpl")
    place = (
        place.replace("package/", f"hub_connector_{name}/")
        .replace("test_acme", f"test_{name}")
        .replace("acme.yaml", f"{name}.yaml")
        .replace("gitignore", ".gitignore")
    )
    target = folder / place
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(renamed(source.read_text(encoding="utf-8"), name), encoding="utf-8")
    return target


def renamed(text: str, name: str) -> str:
    """The template's text for another name: acme, Acme and AcmeConnector."""
    title = "".join(part.capitalize() for part in name.split("_"))
    text = text.replace("hub-connector-acme", f"hub-connector-{name.replace('_', '-')}").replace(
        "x-acme-", f"x-{name.replace('_', '-')}-"
    )
    text = text.replace("acme.example", f"{name.replace('_', '-')}.example")
    return text.replace("Acme", title).replace("acme", name)
