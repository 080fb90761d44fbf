"""Files over OpenSSH's own SFTP server: a server that nobody here has written."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from connectors.files.connector import FilesConnector
from hub.errors import AuthFailed, Rejected
from hub.sdk.records import OutboundRecord
from hub.sdk.sftp import close_all
from hub.sdk.testing.io import make_io

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"
pytestmark = pytest.mark.skipif(not Path(SSHD).is_file(), reason="OpenSSH's server (sshd) is not installed here")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("sshd")
    host, user = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    (folder / "host").write_bytes(host.export_private_key())
    (folder / "host").chmod(0o600)
    (folder / "authorized").write_bytes(user.export_public_key())
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    (folder / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {folder}/host\nAuthorizedKeysFile {folder}/authorized\nPidFile {folder}/pid\n"
        "UsePAM no\nStrictModes no\nPasswordAuthentication no\nPermitRootLogin prohibit-password\nSubsystem sftp internal-sftp\n"
    )
    if os.getuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen([SSHD, "-D", "-e", "-f", str(folder / "config")], stderr=log)
    try:
        _wait(port, process, folder / "log")
        yield {
            "root": folder,
            "sftp": {
                "host": "127.0.0.1", "port": port, "user": getpass.getuser(), "private_key": user.export_private_key().decode(),
                "host_key": host.export_public_key().decode(), "folder": str(folder / "exchange"),
            },
        }  # fmt: skip
    finally:
        close_all()
        process.terminate()
        process.wait(10)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.skip(f"sshd does not start here: {log.read_text()[-300:]}")
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    pytest.skip("sshd does not answer here")


@pytest.fixture
def exchange(server: dict[str, Any]) -> Iterator[Path]:
    root = server["root"] / "exchange"
    for name in ("in", "out"):
        (root / name).mkdir(parents=True)
    yield root
    shutil.rmtree(root)


def connector(server: dict[str, Any], **sftp: Any) -> FilesConnector:
    settings = {
        "sftp": {**server["sftp"], **sftp},
        "read": {"variant": {"path": "in", "id": ["sku"], "stable_for": 0}},
        "write": {"variant": {"path": "out", "operation_field": "op"}},
    }
    return FilesConnector(FilesConnector.Config.model_validate(settings), make_io())


def record(number: int) -> OutboundRecord:
    return OutboundRecord("variant", "create", {"sku": f"S{number}"}, f"key-{number}", f"marker-{number}")


def test_in_and_out(server, exchange):
    (exchange / "in" / "a.csv").write_text("sku\n" + "".join(f"S{n}\n" for n in range(250)))
    one = connector(server)
    assert one.check().ok
    found, cursor = [], None
    while True:
        page = one.poll("variant", cursor, 100)
        found += [message.external_id for message in page.messages]
        cursor = page.cursor
        if not page.more:
            break
    assert found == [f"S{n}" for n in range(250)]
    assert [path.name.startswith("a.2") for path in (exchange / "in/archive").iterdir()] == [True]
    for number in (1, 2, 1):
        one.deliver(record(number))
    assert sorted(path.name for path in (exchange / "out").glob("*.csv")) == ["variant-key-1.csv", "variant-key-2.csv"]
    assert (exchange / "out/variant-key-1.csv").read_text() == "sku,op\nS1,create\n"
    assert one.find_effect(record(2)).applied == "adopted"
    assert one.find_effect(record(3)) is None


def test_a_broken_file_goes_to_quarantine(server, exchange):
    (exchange / "in" / "a.csv").write_bytes(b"sku\nA\n\xff\n")
    one = connector(server)
    page = one.poll("variant", None, 100)
    one.poll("variant", page.cursor, 100)
    assert "line 3" in page.messages[0].refused[1]
    assert len(list((exchange / "in/quarantine").iterdir())) == 2


def test_who_is_not_who_he_says(server, exchange):
    other = asyncssh.generate_private_key("ssh-ed25519")
    with pytest.raises(AuthFailed) as caught:
        connector(server, host_key=other.export_public_key().decode()).check()
    assert caught.value.code == "CON-HOSTKEY"
    with pytest.raises(AuthFailed) as caught:
        connector(server, private_key=other.export_private_key().decode()).check()
    assert caught.value.code == "CON-AUTH"


def test_a_folder_that_is_not_there(server, exchange):
    one = connector(server)
    shutil.rmtree(exchange / "in")
    assert one.check().summary == "there is no folder in"
    with pytest.raises(Rejected, match="there is no folder 'in'"):
        one.poll("variant", None, 1)
