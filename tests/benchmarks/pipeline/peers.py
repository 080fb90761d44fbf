"""The same job in Node-RED and n8n, where they are installed: take the signed order, check it, translate it, send it on.

`npm install --prefix build/peers node-red` and `npm install --prefix build/peers/n8n n8n` (which `make bench` does where npm is). Each
runs on loopback with a home of its own that is gone afterwards. `LACKS` says what a peer leaves out of the hub's job.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks.pipeline.driver import SECRET
from tests.benchmarks.pipeline.hubs import ROOT, Driver, Process

INSTALLED = ROOT / "build" / "peers"
ORDER_JS = (Path(__file__).parent / "order.js").read_text("utf-8")
PATH = "/webhooks/shop"
STARTING_S = 90.0
REFUSED = 400

Metrics = dict[str, float | str]
Flow = dict[str, Any]

NODE_RED_FUNCTION = f"""\
const crypto = global.get('crypto'), secret = env.get('SHOP_SECRET');
{ORDER_JS}
const web = {{_msgid: msg._msgid, req: msg.req, res: msg.res}};
try {{
  checkSignature(msg.req.headers, msg.payload);
  const request = {{payload: requestOf(JSON.parse(msg.payload)), headers: headersOf(msg.req.headers)}};
  return [{{...web, statusCode: 200, payload: {{accepted: 1}}}}, request];
}} catch (error) {{
  return [{{...web, statusCode: {REFUSED}, payload: {{error: error.message}}}}, null];
}}
"""

N8N_CODE = f"""\
const crypto = require('crypto'), secret = $env.SHOP_SECRET;
{ORDER_JS}
const headers = $json.headers, body = Buffer.from($input.first().binary.data.data, 'base64');
checkSignature(headers, body);
return [{{json: {{body: requestOf(JSON.parse(body)), headers: headersOf(headers)}}}}];
"""


class PeerFailed(Exception):
    """Says why a peer has no figures."""


@dataclass(frozen=True)
class Peer:
    """A peer: its npm package, where that is installed, what it leaves out, and how it is started on a port for an ERP.

    It gets ``most`` orders at the most, ``window`` of them under way: a slow peer would else only be measured at drowning.
    """

    name: str
    package: str
    prefix: Path
    lacks: str
    most: int
    window: int
    command: Callable[[Path, int, str], tuple[list[str], dict[str, str]]]

    @property
    def folder(self) -> Path:
        """Where the package is installed."""
        return self.prefix / "node_modules" / self.package


def node_red_flow(erp: str) -> list[Flow]:
    """The flow of Node-RED: HTTP in with the body as it came, one function node, HTTP response and HTTP request with kept connections."""
    return [
        {"id": "orders", "type": "tab", "label": "orders"},
        {"id": "in", "z": "orders", "type": "http in", "url": PATH, "method": "post", "skipBodyParsing": True, "wires": [["translate"]]},
        {"id": "translate", "z": "orders", "type": "function", "outputs": 2, "func": NODE_RED_FUNCTION, "wires": [["answer"], ["erp"]]},
        {"id": "answer", "z": "orders", "type": "http response", "wires": []},
        {"id": "erp", "z": "orders", "type": "http request", "method": "POST", "url": f"{erp}/order", "ret": "obj", "persist": True, "wires": [[]]},
    ]  # fmt: skip


def n8n_flow(erp: str) -> Flow:
    """The workflow of n8n: webhook with the body as it came, one code node, an answer once the order is accepted, HTTP request."""

    def node(name: str, kind: str, version: float, row: int, column: int, **more: Any) -> Flow:
        where = [column * 200, row * 200]
        return {
            "id": name,
            "name": name,
            "type": f"n8n-nodes-base.{kind}",
            "typeVersion": version,
            "position": where,
            **more,
        }

    def to(*names: str) -> list[Flow]:
        return [{"node": name, "type": "main", "index": 0} for name in names]

    refused = {
        "respondWith": "json",
        "responseBody": "={{ {error: $json.error} }}",
        "options": {"responseCode": REFUSED},
    }
    request = {
        "method": "POST", "url": f"{erp}/order", "sendHeaders": True, "specifyHeaders": "json", "sendBody": True,
        "jsonHeaders": "={{ JSON.stringify($json.headers) }}", "contentType": "json", "specifyBody": "json", "jsonBody": "={{ JSON.stringify($json.body) }}", "options": {},
    }  # fmt: skip
    return {
        "id": "orders", "name": "orders", "active": True, "settings": {"executionOrder": "v1"},
        "nodes": [
            node("in", "webhook", 2, 0, 0, webhookId="orders", parameters={
                "httpMethod": "POST", "path": PATH.rpartition("/")[2], "responseMode": "responseNode", "options": {"rawBody": True},
            }),
            node("translate", "code", 2, 0, 1, onError="continueErrorOutput", parameters={"jsCode": N8N_CODE}),
            node("answer", "respondToWebhook", 1.1, 0, 2, parameters={"respondWith": "json", "responseBody": '{"accepted": 1}'}),
            node("erp", "httpRequest", 4.2, 1, 2, parameters=request),
            node("refuse", "respondToWebhook", 1.1, 2, 2, parameters=refused),
        ],
        "connections": {
            "in": {"main": [to("translate")]},
            "translate": {"main": [to("answer", "erp"), to("refuse")]},
        },
    }  # fmt: skip


def _node_red(home: Path, port: int, erp: str) -> tuple[list[str], dict[str, str]]:
    """Write its settings and its flow; the editor and telemetry are off."""
    settings = {
        "uiHost": "127.0.0.1", "uiPort": port, "flowFile": "flows.json", "httpAdminRoot": False, "credentialSecret": False,
        "telemetry": {"enabled": False, "updateNotification": False}, "logging": {"console": {"level": "error"}},
    }  # fmt: skip
    (home / "settings.js").write_text(
        f"module.exports = {{...{json.dumps(settings)}, functionGlobalContext: {{crypto: require('crypto')}}}};\n"
    )
    (home / "flows.json").write_text(json.dumps(node_red_flow(erp)))
    return ["red.js", "--userDir", str(home), "--settings", str(home / "settings.js")], {}


def _n8n(home: Path, port: int, erp: str) -> tuple[list[str], dict[str, str]]:
    """Put the workflow into its SQLite and switch it on; everything that calls home is off."""
    more = {
        "N8N_USER_FOLDER": str(home), "N8N_LISTEN_ADDRESS": "127.0.0.1", "N8N_PORT": str(port), "N8N_ENDPOINT_WEBHOOK": PATH.split("/")[1],
        "N8N_DIAGNOSTICS_ENABLED": "false", "N8N_VERSION_NOTIFICATIONS_ENABLED": "false", "N8N_TEMPLATES_ENABLED": "false",
        "N8N_PERSONALIZATION_ENABLED": "false", "N8N_HIRING_BANNER_ENABLED": "false", "N8N_COMMUNITY_PACKAGES_ENABLED": "false",
        "EXTERNAL_FRONTEND_HOOKS_URLS": "", "N8N_DIAGNOSTICS_CONFIG_FRONTEND": "", "N8N_DIAGNOSTICS_CONFIG_BACKEND": "",
        "N8N_DISABLE_UI": "true", "N8N_RUNNERS_ENABLED": "false", "N8N_LOG_LEVEL": "error", "NODE_FUNCTION_ALLOW_BUILTIN": "crypto",
        "N8N_BLOCK_ENV_ACCESS_IN_NODE": "false", "N8N_EXPRESSION_ENGINE": "legacy",
        "N8N_DEFAULT_BINARY_DATA_MODE": "default", "DB_SQLITE_POOL_SIZE": "4", "N8N_ENFORCE_SETTINGS_FILE_PERMISSIONS": "true",
    }  # fmt: skip
    (home / "flow.json").write_text(json.dumps(n8n_flow(erp)))
    for arguments in (
        ["import:workflow", f"--input={home / 'flow.json'}"],
        ["update:workflow", "--id=orders", "--active=true"],
    ):
        _npm_tool(N8N, home, ["bin/n8n", *arguments], more)
    return ["bin/n8n", "start"], more


NODE_RED = Peer(
    "node_red", "node-red", INSTALLED, "no durable store, no trace, no dedupe, no order per object, no repetition", 1_000_000, 400, _node_red,
)  # fmt: skip
N8N = Peer(
    "n8n", "n8n", INSTALLED / "n8n", "no durable acceptance (a kill -9 loses what is under way), no dedupe, no order per object, no repetition",
    500, 40, _n8n,
)  # fmt: skip
PEERS = (NODE_RED, N8N)


def run(hub: Metrics, count: int) -> Metrics:
    """The figures of each peer, and the hub's figures divided by them; words where a peer is not here or fails."""
    found: Metrics = {}
    for peer in PEERS:
        try:
            measured = measure(peer, count)
        except PeerFailed as failure:
            found[f"pipeline.peers.{peer.name}"] = f"not measured: {failure}"
            continue
        found |= {f"pipeline.peers.{peer.name}.{name}": value for name, value in measured.items()}
        found |= ratios(hub, peer.name, measured)
    return found


def ratios(hub: Metrics, name: str, measured: Metrics) -> Metrics:
    """The hub's messages a second and CPU a message as multiples of the peer's, for each size of hub that was measured."""
    found: Metrics = {}
    for size in ("cluster", "embedded"):
        for ending, metric in (("", "messages_per_s"), (".cpu", "cpu_ms_per_message")):
            ours, theirs = hub.get(f"pipeline.{size}.{metric}"), measured[metric]
            if isinstance(ours, float) and isinstance(theirs, float) and theirs:
                found[f"pipeline.ratio.{size}_to_{name}{ending}"] = ours / theirs
    return found


def measure(peer: Peer, count: int) -> Metrics:
    """Start a peer, see it refuse an order with a wrong signature, and send it ``count`` orders, or as many as it gets."""
    _installed(peer)
    count = min(count, peer.most)
    driver = Driver(count, window=peer.window, seconds=60 + count / 2)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="hub-peer-") as home,
            _running(peer, Path(home), driver.quick) as (url, process),
        ):
            before = process.cpu()
            said = driver.go(url)
            used = process.cpu() - before
            memory = process.memory()
    except SystemExit as stopped:
        raise PeerFailed(f"it did not take every order ({stopped})") from None
    finally:
        driver.popen.kill()
        driver.popen.wait()
    if said["delivered"] != count or said["doubled"]:
        raise PeerFailed(f"{said['delivered']} of {count} messages were delivered, {said['doubled']} of them twice")
    version = json.loads((peer.folder / "package.json").read_text("utf-8"))["version"]
    return {
        "messages_per_s": float(said["per_s"]),
        "cpu_ms_per_message": used * 1000 / count,
        "memory_mib": memory,
        "messages": float(count),
        "version": version,
        "lacks": peer.lacks,
    }


def _installed(peer: Peer) -> None:
    if shutil.which("node") is None:
        raise PeerFailed("there is no node here")
    if not (peer.folder / "package.json").is_file():
        how = f"npm install --prefix {peer.prefix.relative_to(ROOT)} {peer.package}"
        raise PeerFailed(
            f"not installed ({how})" if shutil.which("npm") else f"there is no npm here to install it with ({how})"
        )


@contextmanager
def _running(peer: Peer, home: Path, erp: str) -> Iterator[tuple[str, Process]]:
    """The peer in a session of its own, so that its children end with it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    arguments, more = peer.command(home, port, erp)
    with (home / "log").open("wb") as log:
        popen = subprocess.Popen(
            ["node", *arguments], cwd=peer.folder, env=_environment(home, more), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            start_new_session=True,
        )  # fmt: skip
    try:
        _await_refusal(f"http://127.0.0.1:{port}", popen, home / "log")
        yield f"http://127.0.0.1:{port}", Process(peer.name, popen)
    finally:
        _end(popen)


def _await_refusal(url: str, popen: subprocess.Popen[bytes], log: Path) -> None:
    """Wait until it refuses an order with a wrong signature, which shows that it runs and that it checks."""
    request = urllib.request.Request(url + PATH, b"{}", {"content-type": "application/json", "x-signature": "d3Jvbmc="})
    until = time.monotonic() + STARTING_S
    status: int | str = "nothing"
    while time.monotonic() < until and popen.poll() is None:
        try:
            with urllib.request.urlopen(request, timeout=5) as answer:
                status = answer.status
        except urllib.error.HTTPError as refusal:
            status = refusal.code
            if status == REFUSED:
                return
        except OSError:
            pass
        time.sleep(0.5)
    said = log.read_text("utf-8", "replace").strip().splitlines()[-1:] or ["nothing in its log"]
    raise PeerFailed(f"it did not start (a wrong signature was answered with {status}; {said[0][:200]})")


def _end(popen: subprocess.Popen[bytes]) -> None:
    """End the process and all of its children."""
    for how, seconds in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
        try:
            os.killpg(popen.pid, how)
            popen.wait(seconds)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


def _environment(home: Path, more: dict[str, str]) -> dict[str, str]:
    """Nothing of this machine's environment but where programs are: no proxy, no npm settings, no home."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "HOME": str(home),
        "SHOP_SECRET": SECRET.decode(),
        "NODE_ENV": "production",
        **more,
    }


def _npm_tool(peer: Peer, home: Path, arguments: list[str], more: dict[str, str]) -> None:
    try:
        done = subprocess.run(
            ["node", *arguments], cwd=peer.folder, env=_environment(home, more), capture_output=True, text=True, timeout=STARTING_S, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise PeerFailed(f"{arguments[1]} took longer than {STARTING_S:.0f} s") from None
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no word"]
        raise PeerFailed(f"{arguments[1]} failed: {said[0][:200]}")
