"""Running a hub in the foreground, and asking everything how it is."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from hub.sdk.plugins import load_simulators


@pytest.fixture
def connected(hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A project that is connected to two simulators which are running."""
    folder = tmp_path / "company"
    assert hub("init", folder, "--demo").code == 0
    monkeypatch.chdir(folder)
    file = folder / "hub.yaml"
    text = file.read_text().replace("listen: 127.0.0.1:8080", "listen: 127.0.0.1:1")
    with ExitStack() as stack:
        for name, port in (("shopify", 9101), ("odoo", 9102)):
            server = stack.enter_context(load_simulators()[name]().serve(port=0))
            text = text.replace(f"http://127.0.0.1:{port}", server.url)
        file.write_text(text)
        yield folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "hub", *arguments]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def announced(process: subprocess.Popen[str]) -> dict:
    text = ""
    assert process.stdout is not None
    for row in process.stdout:
        text += row
        if row.startswith("}"):
            return json.loads(text)
    raise AssertionError(process.communicate()[1])


def test_run_serves_until_it_is_told_to_stop(hub, connected):
    process = start(connected, "run", "--port", "0", "--json")
    try:
        said = announced(process)
        assert said["role"] == "embedded"
        with urllib.request.urlopen(f"{said['url']}/health/ready", timeout=5) as answer:
            assert json.load(answer)["status"] == "ready"
        until = time.monotonic() + 15
        while hub("status", "--json").json["conservation"]["in"] == 0 and time.monotonic() < until:
            time.sleep(0.2)
        assert hub("status", "--json").json["conservation"]["in"] > 0, "it polls"
        second = subprocess.run(
            [sys.executable, "-m", "hub", "run", "--port", "0"],
            cwd=connected,
            capture_output=True,
            text=True,
            check=False,
        )
        assert second.returncode != 0
        assert "STO-LOCKED" in second.stderr
        assert "Traceback" not in second.stderr
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors


def test_a_missing_secret_stops_the_start_with_its_name(hub, connected):
    env = connected / ".env"
    env.write_text("\n".join(row for row in env.read_text().splitlines() if not row.startswith("ERP_API_KEY")))
    said = hub("run")
    assert said.code == 2
    assert "CFG-SECRET" in said.err
    assert "ERP_API_KEY" in said.err
    assert "hub.yaml:" in said.err
    assert "secrets/ERP_API_KEY" in said.err
    assert not (connected / "data").exists(), "nothing was started"


def test_a_port_that_is_taken(hub, connected):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = hub("run", "--port", taken.getsockname()[1])
    assert said.code == 2
    assert "CFG-PORT" in said.err


@pytest.mark.parametrize("role", ["web", "relay", "worker"])
def test_the_cluster_needs_postgresql(hub, connected, role):
    said = hub(role)
    assert said.code == 2
    assert "HUB_DATABASE_URL=postgresql" in said.err


def test_a_wrong_log_level(hub, connected):
    assert "Known here: debug, info, warning, error" in hub("run", "--log-level", "loud").err


def test_a_fresh_project_runs_although_nothing_is_connected(hub, company):
    process = start(company, "run", "--port", "0", "--json")
    try:
        assert announced(process)["url"]
    finally:
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors


def test_doctor_finds_everything_well(hub, connected):
    said = hub("doctor", "--json")
    assert said.code == 0, said.out
    found = {(one["area"], one["name"]): one for one in said.json["diagnoses"]}
    assert found[("connection", "shop")]["verdict"] == "ok"
    assert found[("connection", "erp")]["verdict"] == "ok"
    assert "everything works" in hub("doctor").out


def test_doctor_says_what_is_wrong_and_what_to_do(hub, connected):
    env = connected / ".env"
    rows = [
        "SHOP_ACCESS_TOKEN=shpat_canary_wrong" if row.startswith("SHOP_ACCESS") else row
        for row in env.read_text().splitlines()
    ]
    env.write_text("\n".join(rows))
    file = connected / "hub.yaml"
    text = file.read_text()
    url = next(row for row in text.splitlines() if row.strip().startswith("url: "))
    file.write_text(text.replace(url, '      url: "http://127.0.0.1:1"'))
    said = hub("doctor", "--json", "--broker-url", "amqp://hub:canary-pw@127.0.0.1:1/")
    assert said.code == 1
    found = {one["name"]: one for one in said.json["diagnoses"]}
    assert found["shop"]["verdict"] == "error"
    assert found["shop"]["details"]["code"] == "CON-AUTH"
    assert found["erp"]["verdict"] == "error", found["erp"]
    assert found["erp"]["fix"]
    assert found["RabbitMQ"]["verdict"] == "error"
    assert found["RabbitMQ"]["fix"]
    assert "canary" not in said.out + said.err
    assert "something does not work" in hub("doctor").out


def test_doctor_with_a_database_that_does_not_answer(hub, connected):
    said = hub("doctor", "--json", "--database-url", "postgresql+psycopg://hub:canary-pw@127.0.0.1:1/hub")
    assert said.code == 1
    found = {one["area"]: one for one in said.json["diagnoses"]}
    assert found["database"]["verdict"] == "error"
    assert found["connection"]["verdict"] == "ok", "the connections are asked all the same"
    assert "canary" not in said.out


def test_doctor_leaves_a_paused_connection_alone(hub, company):
    said = hub("doctor", "--json")
    assert {one["verdict"] for one in said.json["diagnoses"] if one["area"] == "connection"} == {"skipped"}


def test_simulators(hub):
    assert {"odoo", "shopify"} <= set(hub("sim", "list", "--json").json["simulators"])
    said = hub("sim", "run", "shopify", "--seconds", "0.1", "--json")
    assert said.json["config"]["base_url"] == said.json["url"]
    assert "Did you mean 'shopify'?" in hub("sim", "run", "shopfy").err
    assert "for hub.yaml" in hub("sim", "run", "odoo", "--seconds", "0.1").out
    assert hub("sim", "run", "shopify", "--make", "order=3", "--seconds", "0.1").code == 0
    assert hub("sim", "run", "shopify", "--make", "order", "--seconds", "0.1").code == 2
    assert hub("sim", "run", "shopify", "--make", "moon=3", "--seconds", "0.1").code == 2


def test_connectors(hub):
    said = hub("connector", "list", "--json").json
    assert {"odoo", "shopify"} <= {one["name"] for one in said["connectors"]}
    shop = next(one for one in said["connectors"] if one["name"] == "shopify")
    assert shop["streams"]["order"]["poll"]["support"] == "full"
    assert "shopify" in hub("connector", "list").out


def test_schemas_for_editors(hub, tmp_path):
    files = hub("schema", tmp_path / "schemas", "--json").json["files"]
    assert all(Path(file).stat().st_size for file in files)
    assert {"hub.schema.json", "order.schema.json"} <= {Path(file).name for file in files}
