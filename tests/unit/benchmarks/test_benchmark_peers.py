"""The benchmark's peers do the hub's job, and where they are not installed the figures say so in words."""

from __future__ import annotations

import base64
import hmac
import json
import shutil
import subprocess
import time
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from hub.mapping import MappingSet
from hub.mapping.tools.testing import CaseLinks
from tests.benchmarks.pipeline import peers
from tests.benchmarks.pipeline.driver import SECRET, order

ROOT = Path(__file__).parents[3]
SAMPLE = json.loads((ROOT / "mappings" / "webhook" / "samples" / "order.json").read_text("utf-8"))
ERP = "http://127.0.0.1:1"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs node (apt install nodejs)")


def in_node(last: str, given: Any) -> subprocess.CompletedProcess[str]:
    """Run the peers' script with one more line that has ``given``."""
    script = (
        f"const crypto = require('crypto'), secret = {json.dumps(SECRET.decode())};\n{peers.ORDER_JS}\n"
        f"const given = JSON.parse(require('fs').readFileSync(0, 'utf8'));\n{last}"
    )
    return subprocess.run(
        ["node", "-e", script], input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False
    )


def plain(record: dict[str, Any]) -> dict[str, Any]:
    """A request with amounts as numbers, and without the ids that only the hub has."""

    def numbers(found: dict[str, Any]) -> dict[str, Any]:
        return {name: Decimal(value) if name == "amount" else value for name, value in found.items()}

    read: dict[str, Any] = json.loads(json.dumps(record, default=str), object_hook=numbers)
    return {name: value for name, value in read.items() if name not in {"hub_id", "customer"}}


@needs_node
@pytest.mark.parametrize(
    "given", [order(7_777_777_000), SAMPLE, {**SAMPLE, "total_price": "54.37"}, {**SAMPLE, "note": None}]
)
def test_a_peer_sends_what_the_hub_sends(given: dict[str, Any]) -> None:
    mappings = MappingSet.load([ROOT / "mappings"])
    inbound = next(one for one in mappings.inbound("webhook", "order") if "customer" not in str(one.file))
    hub = inbound.run(given, meta={"connection": "shop"}, links=CaseLinks(auto=True)).record
    done = in_node("console.log(JSON.stringify(requestOf(given)))", given)
    assert done.returncode == 0, done.stderr
    assert plain(json.loads(done.stdout)) == plain(hub)


@needs_node
@pytest.mark.parametrize(
    "patch",
    [
        {"line_items": []},
        {"total_price": "47,20"},
        {"financial_status": "odd"},
        {"currency": "pounds"},
        {"created_at": "soon"},
    ],
)
def test_a_peer_stops_where_the_hub_stops(patch: dict[str, Any]) -> None:
    assert in_node("requestOf(given)", {**SAMPLE, **patch}).returncode != 0


@needs_node
@pytest.mark.parametrize(("body", "age", "good"), [("{}", 0, True), ("{} ", 0, False), ("{}", 301, False)])
def test_a_peer_takes_only_what_is_signed_and_fresh(body: str, age: int, good: bool) -> None:
    stamp = str(int(time.time()) - age)
    signature = base64.b64encode(hmac.digest(SECRET, f"{stamp}.{{}}".encode(), sha256)).decode()
    done = in_node("checkSignature(given, given.body)", {"x-timestamp": stamp, "x-signature": signature, "body": body})
    assert (done.returncode == 0) is good


def test_the_flow_of_node_red_is_json_whose_wires_lead_to_its_nodes() -> None:
    flow = json.loads(json.dumps(peers.node_red_flow(ERP)))
    ids = [node["id"] for node in flow]
    wired = {target for node in flow for output in node.get("wires", []) for target in output}
    assert len(ids) == len(set(ids))
    assert wired == {"translate", "answer", "erp"} <= set(ids)
    assert next(node["url"] for node in flow if node["type"] == "http request") == f"{ERP}/order"


def test_the_workflow_of_n8n_is_json_whose_connections_lead_to_its_nodes() -> None:
    flow = json.loads(json.dumps(peers.n8n_flow(ERP)))
    names = {node["name"] for node in flow["nodes"]}
    ends = {to["node"] for outputs in flow["connections"].values() for branch in outputs["main"] for to in branch}
    assert set(flow["connections"]) | ends == names
    assert next(node["parameters"]["url"] for node in flow["nodes"] if node["name"] == "erp") == f"{ERP}/order"


@pytest.mark.parametrize(
    ("there", "words"),
    [
        ({"node", "npm"}, "not measured: not installed (npm install --prefix build/peers node-red)"),
        ({"node"}, "not measured: there is no npm here to install it with (npm install --prefix build/peers node-red)"),
        (set(), "not measured: there is no node here"),
    ],
)
def test_a_peer_that_is_not_here_is_said_in_words(monkeypatch: pytest.MonkeyPatch, there: set[str], words: str) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: f"/bin/{name}" if name in there else None)
    absent = [
        peers.Peer(
            one.name, one.package, peers.ROOT / "build" / "no-peers", one.lacks, one.most, one.window, one.command
        )
        for one in peers.PEERS
    ]
    monkeypatch.setattr(peers, "PEERS", absent)
    found = peers.run({"pipeline.embedded.messages_per_s": 900.0}, 10)
    assert found["pipeline.peers.node_red"] == words.replace("build/peers", "build/no-peers")
    assert str(found["pipeline.peers.n8n"]).startswith("not measured: ")
    assert len(found) == 2


def test_the_ratios_are_the_hubs_figures_divided_by_the_peers() -> None:
    hub: peers.Metrics = {
        "pipeline.cluster": "not measured: set HUB_TEST_POSTGRES_URL and HUB_TEST_AMQP_URL",
        "pipeline.embedded.messages_per_s": 900.0,
        "pipeline.embedded.cpu_ms_per_message": 0.5,
    }
    measured: peers.Metrics = {"messages_per_s": 450.0, "cpu_ms_per_message": 2.0, "version": "4.1.15"}
    assert peers.ratios(hub, "node_red", measured) == {
        "pipeline.ratio.embedded_to_node_red": 2.0,
        "pipeline.ratio.embedded_to_node_red.cpu": 0.25,
    }
