"""What is shipped to run the hub elsewhere: compose file, image, systemd units. Each is read as the program that uses it reads it."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from hub.cli.main import ENTRIES
from hub.project import load
from hub.sdk.plugins import load_connectors

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
COMPOSE: dict[str, Any] = YAML(typ="safe").load(ROOT / "docker-compose.yml")
SERVICES = COMPOSE["services"]
OWN = ("web", "relay", "worker", "hub")


def test_the_cluster_is_whole() -> None:
    assert set(SERVICES) == {"postgres", "rabbitmq", "web", "relay", "worker", "hub"}
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    assert set(COMPOSE["volumes"]) == {"postgres", "rabbitmq"}
    assert SERVICES["hub"]["profiles"] == ["tools"]  # a single command, not a part of `up`


@pytest.mark.parametrize("name", SERVICES)
def test_every_published_port_is_on_loopback(name: str) -> None:
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port), port


@pytest.mark.parametrize("name", [name for name in SERVICES if name != "hub"])
def test_every_service_is_watched_and_started_again(name: str) -> None:
    assert SERVICES[name]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}
    assert SERVICES[name]["restart"] == "unless-stopped"


@pytest.mark.parametrize("name", OWN)
def test_the_hub_runs_with_nothing_to_spare(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["tmpfs"][0].startswith("/tmp")
    assert {"condition": "service_healthy"} == service["depends_on"]["postgres"] == service["depends_on"]["rabbitmq"]
    assert (
        int(service["stop_grace_period"].removesuffix("s")) > 12
    )  # a supervisor ends its children within twelve seconds
    assert service["volumes"][0].endswith(":/project:ro")


@pytest.mark.parametrize("name", OWN)
def test_the_commands_are_commands_of_the_hub(name: str) -> None:
    program, command, *_ = SERVICES[name]["command"]
    assert program == "hub"
    assert command == "--help" or command in {entry.name for entry in ENTRIES}


def test_the_project_that_compose_runs_loads() -> None:
    folder = re.search(r"HUB_PROJECT_DIR:-(.*?)}", SERVICES["web"]["volumes"][0])
    assert folder
    project = load(ROOT / folder[1], env={}, catalog=load_connectors())
    assert project.connections == {}


def test_the_image_is_built_from_what_is_there_and_runs_as_nobody() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text().splitlines()
    ignored = (ROOT / ".dockerignore").read_text().split()
    for line in lines:
        if line.startswith("COPY ") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users
    assert int(users[-1]) > 0
    assert not [
        line for line in lines if line.startswith("ENTRYPOINT")
    ]  # `docker compose run hub hub demo` names the program


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.stem)
def test_units_restart_always_and_are_locked_in(unit: Path) -> None:
    said = unit.read_text().splitlines()
    for line in (
        "Restart=always", "StartLimitIntervalSec=0", "NoNewPrivileges=true", "ProtectSystem=strict", "ProtectHome=true",
        "CapabilityBoundingSet=", "PrivateDevices=true", "SystemCallFilter=@system-service", "StateDirectory=spokehub",
    ):  # fmt: skip
        assert line in said, line
    command = next(line for line in said if line.startswith("ExecStart=")).split()
    assert command[0] == "ExecStart=/opt/hub/bin/hub"
    assert command[1] in {entry.name for entry in ENTRIES}


@pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed: apt-get install systemd"
)
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    for unit in UNITS:
        text = unit.read_text().replace("/opt/hub/bin/hub", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(
            text.replace("User=spokehub", "User=root").replace("Group=spokehub", "Group=root")
        )
    files = [str(tmp_path / unit.name) for unit in UNITS]
    said = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60, check=False
    )
    assert said.returncode == 0, said.stderr
    assert str(tmp_path) not in said.stderr, said.stderr
