"""`hub connector new` makes a package that passes its tests at once, is found by the hub, and moves an order."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, with the metadata that installing it would leave: entry points beside it on the path."""
    folder = tmp_path_factory.mktemp("new") / "package"
    command = [sys.executable, "-m", "hub", "connector", "new", "big_corp", "--dir", str(folder), "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "hub_connector_big_corp/connector.py" in json.loads(said.stdout)["files"]
    info = folder / "hub_connector_big_corp-0.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: hub-connector-big-corp\nVersion: 0.1.0\n")
    (info / "entry_points.txt").write_text(
        "[hub.connectors]\nbig_corp = hub_connector_big_corp:BigCorpConnector\n"
        "[hub.simulators]\nbig_corp = hub_connector_big_corp.simulator:BigCorpSimulator\n"
    )
    return folder


def run(package: Path, *command: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(package)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd or package,
        env=env,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )


def test_its_tests_pass_at_once(package):
    said = run(package, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x")
    assert said.returncode == 0, said.stdout[-3000:]
    assert " failed" not in said.stdout


def test_its_mappings_are_sound(package):
    for command in ("lint", "test"):
        said = run(package, "-m", "hub", "map", command, "hub_connector_big_corp/mappings")
        assert said.returncode == 0, said.stdout


def test_the_hub_finds_it_and_grades_it(package):
    listed = json.loads(run(package, "-m", "hub", "connector", "list", "--json").stdout)
    assert "big_corp" in {one["name"] for one in listed["connectors"]}
    said = run(package, "-m", "hub", "connector", "check", "big_corp", "--json", "--only", "poll_finds_everything")
    assert said.returncode == 0, said.stdout + said.stderr
    assert json.loads(said.stdout)["counts"]["passed"] == 1


STORY = """
import json, sys, time, logging
from pathlib import Path
from hub.project import load
from hub.runtime.hub import Hub
from hub.sdk.plugins import load_simulators
made = {name: load_simulators()[name]() for name in ("big_corp", "odoo")}
made["odoo"].add_product("VALVE-10", "Valve", "14.90")
with made["big_corp"].serve() as shop, made["odoo"].serve() as erp:
    folder = Path("company")
    (folder / "flows").mkdir(parents=True)
    connections = {
        "shop": {"connector": "big_corp", "config": made["big_corp"].connection_config(shop.url), "poll": {"order": "1s"}},
        "erp": {"connector": "odoo", "config": made["odoo"].connection_config(erp.url), "poll": {"variant": "1s"}},
    }
    for connection in connections.values():
        connection["allow_hosts"] = ["127.0.0.1"]
    (folder / "hub.yaml").write_text(json.dumps({"hub": 1, "name": "proof", "connections": connections}))
    (folder / "flows" / "main.yaml").write_text(
        "- {flow: customers, entity: customer, from: shop, to: erp}\\n- {flow: orders, entity: order, from: shop, to: erp}\\n"
    )
    (folder / "ownership.yaml").write_text(
        "customer: {owner: shop}\\norder: {owner: shop}\\nvariant: {owner: erp}\\nproduct: {owner: erp}\\n"
    )
    made["big_corp"].place_order()
    with Hub.open(load(folder)) as hub:
        until = time.monotonic() + 40
        while not made["odoo"].orders and time.monotonic() < until:
            time.sleep(0.1)
        print(json.dumps({"orders": len(made["odoo"].orders), "open": [x["code"] + x["detail"] for x in hub.store.exceptions("open")]}))
"""


def test_an_order_moves_through_it(package, tmp_path):
    began = time.monotonic()
    said = run(package, "-c", STORY, cwd=tmp_path)
    assert said.returncode == 0, said.stderr[-3000:]
    told = next(row for row in said.stdout.splitlines() if row.startswith('{"orders"'))
    assert json.loads(told) == {"orders": 1, "open": []}
    assert time.monotonic() - began < 60


def test_names_that_cannot_be(hub, tmp_path):
    assert "CFG-NAME" in hub("connector", "new", "Acme Inc", "--dir", tmp_path / "x").err
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / "file").write_text("")
    assert "CFG-EXISTS" in hub("connector", "new", "acme", "--dir", tmp_path / "y").err


def test_an_unknown_behaviour(hub):
    said = hub("connector", "check", "shopify", "--only", "poll_finds_everythin")
    assert said.code == 2
    assert "Did you mean 'poll_finds_everything'?" in said.err


def test_a_declarative_one_passes_its_tests_at_once(tmp_path):
    folder = tmp_path / "package"
    command = [
        sys.executable,
        "-m",
        "hub",
        "connector",
        "new",
        "big_corp",
        "--declarative",
        "--dir",
        str(folder),
        "--json",
    ]
    files = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["files"]
    assert "hub_connector_big_corp/big_corp.yaml" in files
    assert "hub_connector_big_corp/config.py" not in files
    said = run(folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-x")
    assert said.returncode == 0, said.stdout[-3000:]
    assert " failed" not in said.stdout
