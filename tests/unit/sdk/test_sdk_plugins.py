from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hub.errors import ConfigError
from hub.sdk.plugins import data_dir, load_connectors, load_simulators

GOOD = """
from hub.sdk import Connector, ConnectorConfig, Manifest
class {cls}(Connector):
    manifest = Manifest(name="{name}", vendor="Acme", title="Acme", sdk="{sdk}")
    Config = ConnectorConfig
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    made: list[str] = []

    def put(dist: str, entry: str, source: str, group: str = "hub.connectors") -> Path:
        home = tmp_path / dist
        module = f"plug_{dist.replace('-', '_')}"
        made.append(module)
        (home / module).mkdir(parents=True)
        (home / module / "__init__.py").write_text(source)
        info = home / f"{dist.replace('-', '_')}-1.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.2\n")
        (info / "entry_points.txt").write_text(f"[{group}]\n{entry.replace('@', module)}\n")
        monkeypatch.syspath_prepend(str(home))
        forget()
        return home / module

    def forget() -> None:
        # stevedore remembers the entry points of a process's first look.
        from stevedore import ExtensionManager, _cache

        ExtensionManager.ENTRY_POINT_CACHE.clear()
        _cache._c = _cache.Cache()

    yield put
    for module in made:
        sys.modules.pop(module, None)
    monkeypatch.undo()
    forget()


def reason(name: str) -> str:
    return next(plugin.reason for plugin in load_connectors().broken if plugin.name == name)


def test_finds_a_connector_of_another_package(install) -> None:
    folder = install("acme-hub", "acme = @:Acme", GOOD.format(cls="Acme", name="acme", sdk=">=1,<2"))
    catalog = load_connectors()
    assert catalog.get("acme").manifest.vendor == "Acme"
    assert catalog.dists["acme"] == "acme-hub 1.2"
    assert catalog.mappings_dir("acme") == folder / "mappings"


@pytest.mark.parametrize(
    ("source", "why"),
    [
        ("import no_such_library_at_all", "cannot be imported: ModuleNotFoundError"),
        ("raise SystemExit(3)", "cannot be imported: ImportError: SystemExit 3"),
        ("assert False, 'no'", "cannot be imported: ImportError: AssertionError no"),
        ("x = 1/0", "cannot be imported: ZeroDivisionError"),
        ("Other = 1", "cannot be imported: AttributeError"),
        ("class Acme: pass", "does not name a Connector class"),
        ("Acme = 5", "does not name a Connector class"),
        ("from hub.sdk import Connector\nclass Acme(Connector): pass", "no manifest"),
        (GOOD.format(cls="Acme", name="acme", sdk=">=2"), "needs the SDK >=2"),
        (GOOD.format(cls="Acme", name="acme", sdk="one"), "cannot be read"),
        (GOOD.format(cls="Acme", name="other", sdk=">=1"), "must be equal"),
    ],
)
def test_a_broken_plugin_is_named_and_the_rest_load(install, source: str, why: str) -> None:
    install("fine-hub", "fine = @:Fine", GOOD.format(cls="Fine", name="fine", sdk=">=1,<2"))
    install("acme-hub", "acme = @:Acme", source)
    catalog = load_connectors()
    assert "fine" in catalog.connectors
    assert "acme" not in catalog.connectors
    assert why in reason("acme")
    assert next(plugin.dist for plugin in catalog.broken if plugin.name == "acme") == "acme-hub 1.2"
    with pytest.raises(ConfigError, match="cannot be used"):
        catalog.get("acme")


def test_a_name_that_two_packages_claim_belongs_to_none(install) -> None:
    for dist in ("one-hub", "two-hub"):
        install(dist, "acme = @:Acme", GOOD.format(cls="Acme", name="acme", sdk=">=1,<2"))
    catalog = load_connectors()
    assert "acme" not in catalog.connectors
    assert {plugin.dist for plugin in catalog.broken if plugin.name == "acme"} == {"one-hub 1.2", "two-hub 1.2"}
    assert "one-hub 1.2, two-hub 1.2" in reason("acme")


def test_an_unknown_name_is_answered_with_the_nearest(install) -> None:
    install("acme-hub", "acme = @:Acme", GOOD.format(cls="Acme", name="acme", sdk=">=1,<2"))
    with pytest.raises(ConfigError, match="Did you mean acme"):
        load_connectors().get("acmee")


def test_simulators_are_found_too(install) -> None:
    install("sim-hub", "acme = @:Sim", "class Sim: pass", group="hub.simulators")
    assert load_simulators()["acme"].__name__ == "Sim"


def test_data_files_lie_beside_the_package_in_a_checkout() -> None:
    assert data_dir("mappings").name == "mappings"
    assert data_dir("mappings").is_dir()


def test_a_project_describes_connectors_of_its_own(tmp_path: Path) -> None:
    template = Path(__file__).parents[3] / "hub/cli/connector_template_declarative/package/acme.yaml.tmpl"
    folder = tmp_path / "connectors"
    folder.mkdir()
    good = template.read_text()
    (folder / "acme.yaml").write_text(good)
    (folder / "other.yaml").write_text(good)
    (folder / "wrong.yaml").write_text(good.replace("rows: items", "rowz: items"))
    (folder / "odoo.yaml").write_text(good.replace("name: acme", "name: odoo"))
    catalog = load_connectors(tmp_path)
    assert catalog.get("acme").manifest.vendor == "Acme"
    assert not catalog.mappings_dir("acme").exists()
    reasons = {plugin.name: plugin.reason for plugin in catalog.broken}
    assert "they must be equal" in reasons["other"]
    assert "connectors/wrong.yaml:" in reasons["wrong"]
    assert "Did you mean 'rows'?" in reasons["wrong"]
    assert "an installed package has a connector of this name" in reasons["odoo"]
    assert "acme" not in load_connectors().connectors
