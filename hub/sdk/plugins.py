"""Connectors and simulators found by entry point. A broken one is reported with its reason, and the rest load."""

from __future__ import annotations

import inspect
from dataclasses import dataclass, field
from importlib import import_module, metadata, resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from stevedore import ExtensionManager

from hub.errors import ConfigError
from hub.sdk.connector import SDK_VERSION, Connector

if TYPE_CHECKING:
    from hub.sdk.testing.simulator import Simulator

CONNECTORS = "hub.connectors"
SIMULATORS = "hub.simulators"


@dataclass(frozen=True, slots=True)
class BrokenPlugin:
    """A plugin that was found and cannot be used: its entry point's name, the distribution it came with, and why."""

    name: str
    dist: str
    reason: str


@dataclass(slots=True)
class Catalog:
    """Every connector that was found."""

    connectors: dict[str, type[Connector[Any]]] = field(default_factory=dict)
    broken: list[BrokenPlugin] = field(default_factory=list)
    dists: dict[str, str] = field(default_factory=dict)

    def get(self, name: str) -> type[Connector[Any]]:
        """The connector of this name. Raises `ConfigError` with the nearest name, or with the reason why it is broken."""
        if name in self.connectors:
            return self.connectors[name]
        for plugin in self.broken:
            if plugin.name == name:
                raise ConfigError(f"the connector {name} cannot be used: {plugin.reason}", code="CFG-CONNECTOR")
        from difflib import get_close_matches

        near = get_close_matches(name, self.connectors, 1)
        fix = f"Did you mean {near[0]}?" if near else "hub connector list shows those that are installed."
        raise ConfigError(f"there is no connector named {name}", code="CFG-CONNECTOR", fix=fix)

    def mappings_dir(self, name: str) -> Path:
        """Where the connector's own mapping files are; the folder need not exist."""
        package = self.get(name).__module__.partition(".")[0]
        if package != "connectors":
            return _package_path(self.get(name).__module__) / "mappings"
        return data_dir("mappings") / name


def data_dir(kind: str) -> Path:
    """The folder of the hub's own data files (``mappings``, ``schemas``): beside the package in a checkout, inside it in a wheel."""
    hub = Path(str(resources.files("hub")))
    packed = hub / "_data" / kind
    return packed if packed.is_dir() else hub.parent / kind


def load_connectors(project: Path | None = None) -> Catalog:
    """Every connector installed here, and those that files in the ``connectors`` folder of a project describe."""
    catalog = Catalog()
    found = _find(CONNECTORS, catalog.broken)
    for name, (plugin, dist) in found.items():
        reason = _fault(name, plugin)
        if reason:
            catalog.broken.append(BrokenPlugin(name, dist, reason))
        else:
            catalog.connectors[name] = plugin
            catalog.dists[name] = dist
    if project is not None:
        _described(project / "connectors", catalog)
    catalog.broken.sort(key=lambda one: (one.name, one.dist))
    return catalog


def _described(folder: Path, catalog: Catalog) -> None:
    """Add the connectors that are described in the files of a folder."""
    for file in sorted(folder.glob("*.yaml")):
        from hub.errors import HubError
        from hub.sdk.declarative import connector_class, load_file

        place = f"connectors/{file.name}"
        try:
            made = connector_class(load_file(file, place), file)
            reason = _fault(file.stem, made)
        except HubError as error:
            reason = str(error)
        if not reason and file.stem in catalog.connectors:
            reason = f"an installed package has a connector of this name: {catalog.dists[file.stem]}"
        if reason:
            catalog.broken.append(BrokenPlugin(file.stem, place, reason))
        else:
            catalog.connectors[file.stem] = made
            catalog.dists[file.stem] = place


def load_simulators() -> dict[str, type[Simulator]]:
    """Every simulator installed here; those that cannot be loaded are left out."""
    return {name: plugin for name, (plugin, _) in _find(SIMULATORS, []).items()}


def _find(group: str, broken: list[BrokenPlugin]) -> dict[str, tuple[Any, str]]:
    def failed(_: Any, entry_point: Any, error: BaseException) -> None:
        broken.append(BrokenPlugin(entry_point.name, _dist(entry_point), _say(error)))

    manager = _Manager(group, on_load_failure_callback=failed)
    by_name: dict[str, list[tuple[Any, str]]] = {}
    for extension in manager.extensions:
        by_name.setdefault(extension.name, []).append((extension.plugin, _dist(extension.entry_point)))
    good: dict[str, tuple[Any, str]] = {}
    for name, candidates in sorted(by_name.items()):
        different = {id(plugin) for plugin, _ in candidates}
        if len(different) == 1:
            good[name] = candidates[0]
            continue
        # Which of them would win is chance, so none does.
        dists = sorted(dist for _, dist in candidates)
        broken += [
            BrokenPlugin(name, dist, f"the name is claimed by several packages: {', '.join(dists)}") for dist in dists
        ]
    return good


class _Manager(ExtensionManager[Any]):
    """stevedore's loader, which would itself fall over a plugin that ends in an assertion or in ``sys.exit``."""

    def list_entry_points(self) -> list[Any]:
        return [_Guarded(one) for one in super().list_entry_points()]


class _Guarded:
    def __init__(self, entry_point: Any) -> None:
        self.name, self.value, self.group = entry_point.name, entry_point.value, entry_point.group
        self._load = entry_point.load

    def load(self) -> Any:
        try:
            return self._load()
        except (AssertionError, SystemExit) as e:
            raise ImportError(f"{type(e).__name__} {e}".strip()) from e


def _fault(name: str, plugin: Any) -> str:
    if not (inspect.isclass(plugin) and issubclass(plugin, Connector)):
        return "its entry point does not name a Connector class"
    manifest = getattr(plugin, "manifest", None)
    if manifest is None or getattr(plugin, "Config", None) is None:
        return "the class has no manifest or no Config"
    if manifest.name != name:
        return f"its manifest says {manifest.name!r}, its entry point {name!r}: they must be equal"
    try:
        wanted = SpecifierSet(manifest.sdk)
    except InvalidSpecifier:
        return f"its manifest's SDK range {manifest.sdk!r} cannot be read"
    if SDK_VERSION not in wanted:
        return f"it needs the SDK {manifest.sdk}, and this is {SDK_VERSION}"
    return ""


def _dist(entry_point: Any) -> str:
    # stevedore's cache of entry points forgets which distribution each came with, so it is asked for again.
    for one in metadata.entry_points(group=entry_point.group, name=entry_point.name):
        if one.value == entry_point.value and one.dist is not None:
            return f"{one.dist.name} {one.dist.version}"
    return "unknown"


def _say(error: BaseException) -> str:
    return (
        f"it cannot be imported: {type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no message'}"
    )


def _package_path(module: str) -> Path:
    loaded = import_module(module)
    return Path(str(loaded.__file__)).parent


__all__ = ["CONNECTORS", "SIMULATORS", "BrokenPlugin", "Catalog", "data_dir", "load_connectors", "load_simulators"]
