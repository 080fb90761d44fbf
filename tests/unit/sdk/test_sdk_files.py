"""Folders: the same calls here and over SFTP, and what is said when they fail."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from hub.errors import AuthFailed, HubError, OutcomeUnknown, RateLimited, Rejected, RetryLater, Unreachable
from hub.sdk.files import Folder, LocalFolder, safe_path
from hub.sdk.sftp import SftpFolder, SftpServer, close_all
from hub.sdk.testing import faults
from hub.sdk.testing.io import make_io
from hub.sdk.testing.sftp import PASSWORD, USER, SftpSimulator


class Partner(SftpSimulator):
    """A folder and nothing else."""

    name = "partner"

    def connection_config(self, url: str) -> dict[str, Any]:
        return {}


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner()
    yield made
    made.close()


@pytest.fixture
def server(partner: Partner) -> Iterator[Any]:
    with partner.serve() as face:
        yield face
    close_all()


def settings(partner: Partner, server: Any, **more: Any) -> SftpServer:
    given = {
        "host": "127.0.0.1",
        "port": server.port,
        "user": USER,
        "password": PASSWORD,
        "host_key": partner.public_key,
    }
    return SftpServer.model_validate({**given, **more})


def sftp(partner: Partner, server: Any, deadline: float = 10.0, **more: Any) -> SftpFolder:
    return SftpFolder(make_io(deadline=deadline, secrets=[PASSWORD]), settings(partner, server, **more))


@pytest.fixture(params=["local", "sftp"])
def folder(request: pytest.FixtureRequest, partner: Partner) -> Folder:
    if request.param == "local":
        return LocalFolder(make_io(), partner.root)
    return sftp(partner, request.getfixturevalue("server"))


# --- both kinds


def test_write_read_move_and_delete(folder, partner):
    folder.make_folder("a/b")
    folder.make_folder("a/b")
    assert folder.write("a/b/x.part", [b"one ", b"two"])
    assert (partner.root / "a/b/x.part").read_bytes() == b"one two"
    assert folder.rename("a/b/x.part", "a/x.txt")
    assert not folder.rename("a/b/x.part", "a/x.txt")
    assert folder.read_all("a/x.txt") == b"one two"
    assert folder.read_all("a/none.txt") is None
    assert folder.read("a/none.txt") is None
    assert folder.stat("a/none.txt") is None
    assert {entry.name: (entry.folder, entry.size if not entry.folder else 0) for entry in folder.entries("a")} == {
        "b": (True, 0),
        "x.txt": (False, 7),
    }
    assert not folder.remove_folder("a")
    assert folder.remove("a/x.txt")
    assert not folder.remove("a/x.txt")
    assert folder.remove_folder("a/b")
    assert not folder.remove_folder("a/b")


def test_a_new_file_never_takes_the_place_of_one_that_is_there(folder, partner):
    assert folder.write("x", [b"mine"], new=True)
    assert not folder.write("x", [b"yours"], new=True)
    assert (partner.root / "x").read_bytes() == b"mine"


def test_eight_at_once_make_one_new_file(folder):
    won: list[bool] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        won.append(folder.write("x", [b"%d" % number], new=True))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_the_stamp_tells_a_file_from_another(folder, partner):
    (partner.root / "x").write_text("abc")
    before = folder.stat("x")
    (partner.root / "x").write_text("abcd")
    assert before is not None
    assert folder.stat("x").stamp != before.stamp
    os.utime(partner.root / "x", (1, 1))
    old = folder.stat("x")
    os.utime(partner.root / "x", (5, 5))
    assert folder.stat("x").stamp != old.stamp
    assert old.modified.isoformat() == "1970-01-01T00:00:01+00:00"


def test_reading_from_the_middle(folder, partner):
    (partner.root / "big").write_bytes(bytes(range(256)) * 4096)
    reader = folder.read("big")
    reader.seek(1_000_000)
    rest = b""
    while piece := reader.read(100_000):
        rest += piece
    reader.close()
    reader.close()
    assert rest == (bytes(range(256)) * 4096)[1_000_000:]
    assert reader.entry.size == 1_048_576
    with pytest.raises(Rejected, match="is larger than 100 bytes"):
        folder.read_all("big", 100)


def test_links_lead_nowhere(folder, partner, tmp_path):
    (tmp_path / "secret").write_text("secret")
    (partner.root / "link").symlink_to(tmp_path / "secret")
    assert folder.entries(".") == []
    with pytest.raises(HubError):
        folder.read("link")


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "a\\b", "a\nb", "a\0b"])
def test_paths_that_lead_out(folder, path):
    with pytest.raises(Rejected):
        safe_path(path)
    for call in (
        folder.read,
        folder.stat,
        folder.entries,
        folder.remove,
        lambda p: folder.write(p, [b""]),
        lambda p: folder.rename("x", p),
    ):
        with pytest.raises(Rejected):
            call(path)


def test_a_folder_that_is_not_there(folder):
    with pytest.raises(Rejected, match="there is no folder 'none'"):
        folder.entries("none")
    with pytest.raises(Rejected):
        folder.write("none/x", [b""])


def test_the_tap_sees_every_call_and_no_secret(folder, partner):
    http = folder._io.http
    http.hide("very-secret-value")
    with http.recording() as exchanges:
        folder.write("x", [b"price=1 very-secret-value"])
        folder.rename("x", "y")
        folder.stat("x")
    calls = [(one.method, one.url.rsplit("/", 1)[-1], one.status) for one in exchanges if one.method != "LOGIN"]
    assert calls == [("WRITE", "x", 200), ("RENAME", "x", 200), ("STAT", "x", 404)]
    shown = str([one.as_dict() for one in exchanges])
    assert "price=1 [hidden]" in shown
    assert "very-secret-value" not in shown
    assert PASSWORD not in shown


def test_the_pace_of_the_connection_is_kept(partner):
    turns = []
    io = make_io()
    io.http._before = lambda: turns.append(1)
    LocalFolder(io, partner.root).entries(".")
    assert turns == [1]


# --- SFTP: what failures mean


@pytest.mark.parametrize(
    ("fault", "on_write", "on_read"),
    [
        (faults.Status(500), OutcomeUnknown, RetryLater),
        (faults.Status(403), Rejected, Rejected),
        (faults.Reset(), OutcomeUnknown, RetryLater),
        (faults.Reset(after_effect=True), OutcomeUnknown, RetryLater),
        (faults.Timeout(), OutcomeUnknown, RetryLater),
        (faults.BadAnswer(), OutcomeUnknown, RetryLater),
        (faults.RateLimited(1), RateLimited, RateLimited),
        (faults.ExpiredToken(), AuthFailed, AuthFailed),
    ],
    ids=str,
)  # fmt: skip
def test_what_a_failure_means(partner, server, fault, on_write, on_read):
    (partner.root / "x").write_text("x")
    folder = sftp(partner, server, deadline=1.0 if isinstance(fault, faults.Timeout) else 10.0)
    folder.stat("x")
    partner.faults.add("RENAME /", fault)
    with pytest.raises(on_write) as caught:
        folder.rename("x", "y", effect=True)
    assert type(caught.value) is on_write
    partner.faults.clear()
    partner.faults.add("LIST /", fault)
    with pytest.raises(on_read) as caught:
        folder.entries(".")
    assert not isinstance(caught.value, OutcomeUnknown)
    partner.faults.clear()
    # Whatever happened, the next call makes a new connection where it needs one.
    assert len(folder.entries(".")) == 1


@pytest.mark.parametrize(
    "fault", [faults.Reset(), faults.Status(500), faults.Timeout(), faults.BadAnswer(), faults.CutBody(1)], ids=str
)
def test_a_login_that_fails_sent_nothing(partner, server, fault):
    partner.faults.add("LOGIN /", fault)
    with pytest.raises(Unreachable):
        sftp(partner, server, deadline=1.5).rename("x", "y", effect=True)


def test_a_connection_that_breaks_in_the_middle_of_a_file(partner, server):
    (partner.root / "x").write_bytes(b"x" * 1_000_000)
    partner.faults.add("READ /", faults.CutBody(400_000))
    with pytest.raises(RetryLater):
        sftp(partner, server).read_all("x")


def test_a_full_disk(partner, server):
    partner.full = True
    with pytest.raises(RetryLater, match="no space left") as caught:
        sftp(partner, server).write("x", [b"x"])
    assert caught.value.fix == "Make room there."


def test_a_server_that_is_slow_gets_its_time(partner, server):
    partner.faults.add("STAT /", faults.Delay(0.5))
    assert sftp(partner, server).stat("none") is None


def test_a_server_that_is_down(partner):
    face = partner.serve()
    folder = sftp(partner, face)
    assert folder.entries(".") == []
    face.stop()
    with pytest.raises(Unreachable):
        folder.write("x", [b"x"], effect=True)


# --- SFTP: who is who


def test_a_wrong_password(partner, server):
    with pytest.raises(AuthFailed, match="refused the login") as caught:
        sftp(partner, server, password="not-the-password").entries(".")
    assert "not-the-password" not in str(caught.value)


@pytest.mark.parametrize("kind", ["key", "fingerprint", "keyscan", "rotation"])
def test_the_servers_key_in_every_spelling(partner, server, kind):
    other = asyncssh.generate_private_key("ecdsa-sha2-nistp256").export_public_key().decode()
    key = {
        "key": partner.public_key + " a comment", "fingerprint": partner.host_key.get_fingerprint(),
        "keyscan": f"sftp.example.com {partner.public_key}", "rotation": [other, partner.public_key],
    }[kind]  # fmt: skip
    assert sftp(partner, server, host_key=key).entries(".") == []


def test_another_key_is_somebody_else(partner, server):
    other = asyncssh.generate_private_key("ssh-ed25519")
    for key in (other.export_public_key().decode(), other.get_fingerprint(), "nonsense"):
        with pytest.raises((AuthFailed, Unreachable)) as caught:
            sftp(partner, server, host_key=key).entries(".")
        if key != "nonsense":
            assert caught.value.code == "CON-HOSTKEY"
    # Nobody logged in: the password went to nobody.
    assert [entry.method for entry in partner.journal] == []


@pytest.mark.parametrize("phrase", [None, "a phrase"])
def test_a_private_key(partner, server, phrase):
    key = asyncssh.generate_private_key("ssh-ed25519")
    partner.authorized_keys.add(" ".join(key.export_public_key().decode().split()[:2]))
    text = key.export_private_key(passphrase=phrase).decode()
    good = {"password": None, "private_key": text, "passphrase": phrase}
    assert sftp(partner, server, **good).entries(".") == []
    with pytest.raises(AuthFailed):
        sftp(
            partner,
            server,
            **{**good, "private_key": asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()},
        ).entries(".")
    with pytest.raises(AuthFailed, match="cannot be read") as caught:
        sftp(partner, server, **{**good, "private_key": "-----BEGIN OPENSSH PRIVATE KEY-----\nnope\n"}).entries(".")
    assert "nope" not in str(caught.value)


def test_an_inner_address_needs_the_allow_list(partner, server):
    folder = SftpFolder(make_io(allow_hosts=()), settings(partner, server))
    with pytest.raises(Unreachable) as caught:
        folder.entries(".")
    assert caught.value.code == "CON-EGRESS"
    assert f"127.0.0.1:{server.port}" in caught.value.fix


def test_secrets_do_not_show_in_settings(partner, server):
    assert PASSWORD not in repr(settings(partner, server))


def test_one_connection_serves_all_instances_of_a_process(partner, server):
    for _ in range(5):
        sftp(partner, server).entries(".")
    assert [entry.method for entry in partner.journal].count("LOGIN") == 1


def test_after_a_fork_the_child_makes_its_own_connection(partner, server):
    folder = sftp(partner, server)
    assert folder.entries(".") == []
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(write, b"%d" % len(folder.entries(".")))
        finally:
            os._exit(0)
    os.close(write)
    assert os.read(read, 10) == b"0"
    os.close(read)
    os.waitpid(child, 0)
    assert folder.entries(".") == []


def test_a_base_folder_on_the_server(partner, server):
    (Path(partner.root) / "home/hub").mkdir(parents=True)
    folder = sftp(partner, server, folder="/home/hub/")
    folder.write("x", [b"x"])
    assert (partner.root / "home/hub/x").read_bytes() == b"x"
    assert [entry.name for entry in folder.entries(".")] == ["x"]
