"""What deploy/ ships for watching a hub: every metric named there is one that the hub has, and the rules are valid."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from hub.sdk.jsonio import read_json
from hub.telemetry import metrics

ROOT = Path(__file__).parents[3]
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
DASHBOARD = ROOT / "deploy" / "grafana" / "hub-dashboard.json"


def _known():
    names = set()
    for family in metrics.REGISTRY.collect():
        names |= {sample.name for sample in family.samples} | {family.name, f"{family.name}_total"}
        names |= {f"{family.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def _named(text):
    return set(re.findall(r"\bhub_[a-z_]+", text))


@pytest.mark.parametrize("file", [ALERTS, DASHBOARD, ROOT / "docs" / "observability.md"], ids=lambda file: file.name)
def test_every_metric_that_is_named_exists(file):
    named = _named(file.read_text("utf-8"))
    assert named, "names metrics at all"
    assert named <= _known(), sorted(named - _known())


def test_every_metric_is_shown_on_the_dashboard_or_told_in_the_docs():
    told = _named(DASHBOARD.read_text("utf-8")) | _named((ROOT / "docs" / "observability.md").read_text("utf-8"))
    families = {family.name for family in metrics.REGISTRY.collect()}
    assert {name for name in families if not any(one.startswith(name) for one in told)} == set()


def test_the_dashboard_is_json_with_panels_that_ask_something():
    board = json.loads(DASHBOARD.read_bytes())
    asked = [panel for panel in board["panels"] if panel["type"] != "row"]
    assert len(asked) >= 12
    assert all(target["expr"] for panel in asked for target in panel["targets"])
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    assert read_json(DASHBOARD.read_bytes())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed: apt-get install prometheus")
@pytest.mark.parametrize("arguments", [("rules", "alerts.yml"), ("config", "prometheus.yml")])
def test_prometheus_takes_the_files(arguments):
    kind, name = arguments
    done = subprocess.run(
        ["promtool", "check", kind, str(ALERTS.with_name(name))], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stdout + done.stderr
