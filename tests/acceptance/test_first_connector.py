"""The guide "your first connector" does what it says: its own commands, files and edits, with wheels in a clean environment."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "sdk" / "first-connector.md"
BLOCK = re.compile(r"^```(\S+)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PORTS = ("9200", "9201", "9202")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


class Reader:
    """Somebody who works through the guide in a folder of his own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[str]] = []
        self.text = GUIDE.read_text()
        for port in PORTS:
            self.text = self.text.replace(port, str(free_port()))
        wheels = folder / "wheels"
        command = ["uv", "build", "-q", "--wheel", "-o", str(wheels), str(ROOT)]
        if not shutil.which("uv"):
            command = [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(wheels), str(ROOT)]
        subprocess.run(command, check=True, capture_output=True, timeout=300)
        pins = str(ROOT / "deploy" / "constraints" / "all.txt")
        self.env = {
            name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "HUB_", "VIRTUAL_ENV"))
        }
        self.env |= {
            "PIP_FIND_LINKS": str(wheels),
            "UV_FIND_LINKS": str(wheels),
            "PIP_CONSTRAINT": pins,
            "UV_CONSTRAINT": pins,
        }
        self.env["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

    def work_through(self) -> None:
        for language, said, content in BLOCK.findall(self.text):
            file = said.partition("file=")[2].strip()
            if language == "sh" and "background" in said:
                self._begin(content)
            elif language == "sh":
                self._until(content) if "eventually" in said else self.run(content)
            elif language == "diff":
                self._edit(self.folder / file, content)
            elif file:
                (self.folder / file).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / file).write_text(content)

    def run(self, script: str) -> subprocess.CompletedProcess[str]:
        done = self._bash(script)
        assert done.returncode == 0, f"{script}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done

    def _bash(self, script: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euc", quick(script)], cwd=self.folder, env=self.env, capture_output=True, text=True, timeout=600, check=False,
        )  # fmt: skip

    def _until(self, script: str) -> None:
        until = time.monotonic() + 90
        while (done := self._bash(script)).returncode:
            assert time.monotonic() < until, done.stderr[-2000:]
            time.sleep(0.5)

    def _begin(self, script: str) -> None:
        log = (self.folder / f"log-{len(self.running)}").open("w")
        with log:
            self.running.append(subprocess.Popen(
                ["bash", "-euc", f"exec {script.strip()}"], cwd=self.folder, env=self.env, stdout=log, stderr=log, text=True
            ))  # fmt: skip
        if found := re.search(r"--port (\d+)", script):
            wait_for_port(int(found[1]))

    def _edit(self, path: Path, change: str) -> None:
        """What is marked with - or a blank is there once, and becomes what is marked with + or a blank."""
        lines = change.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in "- ")
        new = "".join(line[1:] for line in lines if line[0] in "+ ")
        text = path.read_text()
        assert text.count(old) == 1, f"{path.name} has {text.count(old)} times:\n{old}"
        path.write_text(text.replace(old, new))

    def stop(self) -> None:
        for process in reversed(self.running):
            process.send_signal(signal.SIGINT)
        for process in self.running:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def quick(script: str) -> str:
    """The same with uv, where it is there: it makes environments and wheels in a tenth of the time."""
    if not shutil.which("uv"):
        return script
    script = re.sub(r"python3 -m venv (\S+)", rf"uv venv -q --python '{sys.executable}' \1", script)
    script = re.sub(r"(\S+)/bin/pip wheel --no-deps -w (\S+) (\S+)", r"uv build -q --wheel -o \2 \3", script)
    return re.sub(r"(\S+)/bin/pip install", r"uv pip install -q --python \1/bin/python", script)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for_port(port: int) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError(f"nobody listens at {port}")


def wheel(folder: Path, name: str, entry_points: str, module: str) -> Path:
    """A real wheel with one module."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}.py": module, f"{info}/entry_points.txt": entry_points,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: hand\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }  # fmt: skip
    record = ""
    with zipfile.ZipFile(path, "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
            digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")
            record += f"{file},sha256={digest},{len(text.encode())}\n"
        archive.writestr(f"{info}/RECORD", f"{record}{info}/RECORD,,\n")
    return path


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    made = Reader(tmp_path_factory.mktemp("guide"))
    try:
        made.work_through()
        yield made
    finally:
        made.stop()


def test_the_order_of_the_guide_has_arrived_once(reader):
    url = re.search(r"http://127\.0\.0\.1:\d+/order", reader.text)
    with urllib.request.urlopen(url[0]) as answer:
        orders = json.load(answer)
    assert [(order["number"], order["po_number"]) for order in orders] == [("A1001", "PO-1001")]
    assert "A1001" in reader.run("clean/bin/hub trace A1001 --project company").stdout


def test_broken_plugins_are_told_and_the_rest_run(reader, tmp_path):
    other = "from hub_connector_acme import AcmeConnector\nfrom dataclasses import replace\n\n\nclass Other(AcmeConnector):\n    manifest = replace(AcmeConnector.manifest, {})\n"
    wheels = [
        wheel(tmp_path, "broken_import", "[hub.connectors]\nbroken = broken_import:Nothing\n", "import a_module_that_is_not_there\n"),
        wheel(tmp_path, "broken_sdk", "[hub.connectors]\nfuture = broken_sdk:Other\n", other.format("name='future', sdk='>=9,<10'")),
        wheel(tmp_path, "broken_name", "[hub.connectors]\nwebhook = broken_name:Other\n", other.format("name='webhook'")),
    ]  # fmt: skip
    reader.run("clean/bin/pip install --no-deps " + " ".join(f"'{path}'" for path in wheels))
    listed = json.loads(reader.run("clean/bin/hub connector list --json").stdout)
    told = {(one["name"], one["dist"].split()[0]): one["reason"] for one in listed["broken"]}
    assert "it cannot be imported: ModuleNotFoundError" in told["broken", "broken-import"]
    assert "it needs the SDK >=9,<10" in told["future", "broken-sdk"]
    assert "the name is claimed by several packages" in told["webhook", "broken-name"]
    assert ("webhook", "spokehub") in told
    assert {"acme", "odoo", "shopify", "files"} <= {one["name"] for one in listed["connectors"]}
    reader.run("clean/bin/hub sim list")
