from __future__ import annotations

import gzip
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from hub.errors import AuthFailed, DeliveryError, OutcomeUnknown, RateLimited, Rejected, RetryLater, Unreachable
from hub.sdk.http import HttpClient, HttpResponse
from hub.sdk.testing.faults import (
    BadAnswer,
    CutBody,
    ExpiredToken,
    Fault,
    Reset,
    Status,
    Timeout,
)
from hub.sdk.testing.faults import (
    RateLimited as TooFast,
)


@contextmanager
def raw_server(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that says exactly what a test wants, byte for byte."""
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def serve() -> None:
        while not stop.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    answer(connection)
                except OSError:
                    pass

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def test_gives_back_every_answer(face: Any, http: HttpClient) -> None:
    answer = http.request(
        "post",
        face.url + "/echo?a=1",
        json={"price": Decimal("1.10")},
        params={"b": "ä ö", "c": True, "d": None},
        headers={"X-One": "1"},
    )
    said = answer.json()
    assert said["body"] == '{"price":1.10}'
    assert said["query"] == {"a": "1", "b": "ä ö", "c": "true"}
    assert said["headers"]["x-one"] == "1"
    assert said["headers"]["content-type"] == "application/json"
    assert http.post(face.url + "/echo", data={"a": ["1", "2"], "b": "x&y"}).json()["body"] == "a=1&a=2&b=x%26y"


def test_decimals_of_an_answer_stay_exact(http: HttpClient) -> None:
    with raw_server(lambda c: c.sendall(b'HTTP/1.1 200 OK\r\ncontent-length: 15\r\n\r\n{"price":19.90}')) as url:
        assert str(http.get(url).json()["price"]) == "19.90"


@pytest.mark.parametrize(
    ("status", "effect", "error", "code"),
    [
        (400, True, Rejected, "CON-REJECTED"),
        (404, False, Rejected, "CON-REJECTED"),
        (409, True, Rejected, "CON-REJECTED"),
        (422, True, Rejected, "CON-REJECTED"),
        (401, True, AuthFailed, "CON-AUTH"),
        (403, False, AuthFailed, "CON-SCOPE"),
        (408, True, OutcomeUnknown, "CON-UNCERTAIN"),
        (408, False, RetryLater, "CON-DOWN"),
        (425, True, OutcomeUnknown, "CON-UNCERTAIN"),
        (500, True, OutcomeUnknown, "CON-UNCERTAIN"),
        (502, False, RetryLater, "CON-DOWN"),
        (503, True, OutcomeUnknown, "CON-UNCERTAIN"),
        (302, False, Rejected, "CON-REJECTED"),
    ],
)
def test_classes_a_status_by_what_happens_next(
    tiny: Any, face: Any, http: HttpClient, status: int, effect: bool, error: Any, code: str
) -> None:
    tiny.faults.add("POST /orders", Status(status))
    answer = http.post(face.url + "/orders", json={"id": 1}, effect=effect)
    assert answer.status == status
    with pytest.raises(error) as caught:
        answer.raise_for()
    assert type(caught.value) is error
    assert caught.value.code == code


def test_raise_for_may_be_told_otherwise(tiny: Any, face: Any, http: HttpClient) -> None:
    tiny.faults.add("POST /orders", [Status(500), Status(500)])
    with pytest.raises(RetryLater):
        http.post(face.url + "/orders", json={"id": 1}, effect=True).raise_for(effect=False)
    with pytest.raises(OutcomeUnknown):
        http.post(face.url + "/orders", json={"id": 1}).raise_for(effect=True)


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        ("3", 3.0),
        ("2.5", 2.5),
        ("-1", 0.0),
        ("999999999", 86400.0),
        ("soon", None),
        ("nan", None),
        ("", None),
        ("inf", 86400.0),
    ],
)
def test_reads_retry_after(given: str, seconds: float | None) -> None:
    answer = HttpResponse(429, {"retry-after": given}, b"")
    assert answer.retry_after() == seconds
    with pytest.raises(RateLimited) as caught:
        answer.raise_for()
    assert caught.value.after == seconds


def test_reads_retry_after_as_a_date() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    after = HttpResponse(429, {"retry-after": at}, b"").retry_after()
    assert after is not None
    assert 25 < after <= 30


@pytest.mark.parametrize(
    ("fault", "applied"),
    [
        (Timeout(), 0),
        (Timeout(after_effect=True), 1),
        (Reset(), 0),
        (Reset(after_effect=True), 1),
        (CutBody(5), 1),
    ],
)
def test_a_write_without_an_answer_is_unknown_and_never_repeated(
    tiny: Any, face: Any, http: HttpClient, fault: Fault, applied: int
) -> None:
    for _ in range(2):  # first on a fresh connection, then on a kept one
        http.get(face.url + "/")
        before = len(tiny.effects("order")), len(tiny.journal)
        tiny.faults.add("POST /orders", fault)
        with pytest.raises(OutcomeUnknown):
            http.post(face.url + "/orders", json={"id": 1}, effect=True, deadline=0.3)
        assert (len(tiny.effects("order")), len(tiny.journal)) == (before[0] + applied, before[1] + 1)


@pytest.mark.parametrize("fault", [Timeout(), CutBody(5)])
def test_a_read_without_an_answer_may_be_tried_later(tiny: Any, face: Any, http: HttpClient, fault: Fault) -> None:
    tiny.faults.add("GET /", fault)
    with pytest.raises(RetryLater) as caught:
        http.get(face.url + "/", deadline=0.3)
    assert not isinstance(caught.value, Unreachable)


def test_a_read_over_a_stale_connection_is_made_again(tiny: Any, face: Any, http: HttpClient) -> None:
    http.get(face.url + "/")
    tiny.faults.add("GET /", Reset())
    assert http.get(face.url + "/").ok


def test_nothing_sent_is_unreachable(http: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(Unreachable):
        http.post(f"http://127.0.0.1:{port}/", json={}, effect=True)


def test_a_wrong_certificate_is_unreachable(http: HttpClient, tmp_path: Path) -> None:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    import ipaddress

    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    pem.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            try:
                with context.wrap_socket(connection, server_side=True) as secure:
                    secure.recv(65536)
                    secure.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")
            except OSError:
                connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
    with pytest.raises(Unreachable, match="certificate"):
        http.post(url, json={}, effect=True)
    ca = tmp_path / "ca.pem"
    ca.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    assert HttpClient(allow_hosts=["127.0.0.1"], ca_file=str(ca)).get(url).json() == {}
    thread.join(5)
    listener.close()


def test_the_deadline_covers_the_whole_answer(http: HttpClient) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
        for _ in range(40):
            connection.sendall(b"x")
            time.sleep(0.05)

    began = time.monotonic()
    with raw_server(drip) as url, pytest.raises(OutcomeUnknown, match="within"):
        http.post(url, json={}, effect=True, deadline=0.4)
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("effect", [True, False])
def test_a_large_answer_is_cut_off(face: Any, effect: bool) -> None:
    small = HttpClient(allow_hosts=["127.0.0.1"], max_bytes=100_000)
    with pytest.raises(OutcomeUnknown if effect else Rejected, match="more than 100000 bytes"):
        small.request("POST", face.url + "/big", effect=effect)
    assert small.get(face.url + "/").ok


def test_a_small_answer_that_unpacks_to_gigabytes_is_cut_off() -> None:
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(b"0" * 1_000_000) for _ in range(200)) + packer.flush()
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(bomb)}\r\n\r\n".encode()
    client = HttpClient(allow_hosts=["127.0.0.1"], max_bytes=1_000_000)
    with raw_server(lambda c: c.sendall(head + bomb)) as url, pytest.raises(Rejected, match="more than"):
        client.get(url)


def test_unpacks_answers(http: HttpClient) -> None:
    body = gzip.compress(b'{"ok":true}', mtime=0)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    with raw_server(lambda c: c.sendall(head + body)) as url:
        assert http.get(url).json() == {"ok": True}


def test_redirects_are_not_followed(tiny: Any, face: Any, http: HttpClient) -> None:
    answer = http.get(face.url + "/moved")
    assert answer.status == 302
    with pytest.raises(Rejected, match="redirects"):
        answer.raise_for()


@pytest.mark.parametrize("body", [b"<html>login</html>", b"", b'{"id":NaN}'])
def test_an_answer_that_is_no_answer(tiny: Any, face: Any, http: HttpClient, body: bytes) -> None:
    tiny.faults.add("POST /orders", [BadAnswer(body), BadAnswer(body)])
    with pytest.raises(OutcomeUnknown):
        http.post(face.url + "/orders", json={"id": 1}, effect=True).raise_for().json()
    with pytest.raises(RetryLater):
        http.post(face.url + "/orders", json={"id": 1}).raise_for().json()


def test_garbage_instead_of_http(http: HttpClient) -> None:
    with raw_server(lambda c: c.sendall(b"SSH-2.0-OpenSSH_9\r\n\r\n")) as url:
        with pytest.raises(OutcomeUnknown):
            http.post(url, json={}, effect=True)
        with pytest.raises(RetryLater):
            http.get(url)


@pytest.mark.parametrize("value", ["x\r\nX-Admin: 1", "x\ny", "ключ"])
def test_a_header_cannot_smuggle_another(face: Any, http: HttpClient, value: str) -> None:
    with pytest.raises(Rejected):
        http.get(face.url + "/echo", headers={"x-one": value})


def test_proxies_of_the_environment_are_not_used(face: Any, http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert http.get(face.url + "/").ok


def test_a_connection_opened_under_one_allow_list_serves_no_other(face: Any, http: HttpClient) -> None:
    assert http.get(face.url + "/").ok
    with pytest.raises(Unreachable):
        HttpClient().get(face.url + "/")


def test_records_both_sides_without_secrets(tiny: Any, face: Any, http: HttpClient) -> None:
    with http.recording() as outer:
        with http.recording() as kept:
            http.post(
                face.url + "/echo?access_token=abc123",
                json={"note": "s3cret-t0ken", "password": "hunter2", "nested": {"api_key": 123, "name": "Anna"}},
                headers={"Authorization": "Bearer xyz", "X-Note": "has s3cret-t0ken inside"},
            )
        http.get(face.url + "/")
    assert len(kept) == 1
    assert len(outer) == 2
    shown = str(kept[0].as_dict())
    for secret in ("s3cret-t0ken", "hunter2", "abc123", "xyz", ":123"):
        assert secret not in shown
    assert "Anna" in kept[0].request_body
    assert kept[0].status == 200
    assert kept[0].seconds > 0
    with http.recording() as nothing:
        pass
    assert nothing == []


def test_records_calls_that_failed(tiny: Any, face: Any, http: HttpClient) -> None:
    tiny.faults.add("GET /", Timeout())
    with http.recording() as kept, pytest.raises(RetryLater):
        http.get(face.url + "/", deadline=0.2)
    assert (kept[0].status, kept[0].error) == (0, "no answer within 0.2 s")


def test_recordings_of_threads_do_not_mix(face: Any, http: HttpClient) -> None:
    seen: dict[int, list[str]] = {}

    def work(n: int) -> None:
        with http.recording() as kept:
            for _ in range(5):
                http.get(f"{face.url}/echo?n={n}")
        seen[n] = [exchange.url.rpartition("=")[2] for exchange in kept]

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {n: [str(n)] * 5 for n in range(4)}


def test_an_error_never_quotes_a_secret(tiny: Any, face: Any, http: HttpClient) -> None:
    body = b'{"message":"bad token s3cret-t0ken","authorization":"Bearer abcdef"}'
    tiny.faults.add("POST /orders", Status(400, body))
    with pytest.raises(Rejected) as caught:
        http.post(face.url + "/orders?signature=qwertz", json={"id": 1}, effect=True).raise_for()
    for secret in ("s3cret-t0ken", "abcdef", "qwertz"):
        assert secret not in str(caught.value)


def test_a_token_learnt_later_is_hidden_too(face: Any, http: HttpClient) -> None:
    http.hide("fresh-token-9")
    with http.recording() as kept:
        http.get(face.url + "/echo", headers={"x-shop": "fresh-token-9"})
    assert "fresh-token-9" not in str(kept)


def test_large_and_binary_bodies_are_shortened_in_the_trace(face: Any, http: HttpClient) -> None:
    with http.recording() as kept:
        http.post(face.url + "/big", content=b"%PDF" * 1000, headers={"content-type": "application/pdf"})
    assert kept[0].request_body == "[4000 bytes of application/pdf]"
    assert len(kept[0].response_body) < 70_000
    assert kept[0].response_body.endswith("[300002 bytes in all]")


def test_hooks_run_before_and_after_each_call(face: Any) -> None:
    seen: list[Any] = []
    client = HttpClient(
        allow_hosts=["127.0.0.1"], before=lambda: seen.append("before"), after=lambda a: seen.append(a.status)
    )
    client.get(face.url + "/")
    assert seen == ["before", 200]


def test_expired_and_too_fast_are_told_apart(tiny: Any, face: Any, http: HttpClient) -> None:
    tiny.faults.add("* /", [ExpiredToken(), TooFast(7)])
    with pytest.raises(AuthFailed):
        http.get(face.url + "/").raise_for()
    with pytest.raises(RateLimited) as caught:
        http.get(face.url + "/").raise_for()
    assert caught.value.after == 7


def test_keeps_connections_open(face: Any, http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    http.get(face.url + "/")
    opened: list[Any] = []
    real = socket.create_connection
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: opened.append(a) or real(*a, **k))
    for _ in range(10):
        http.get(face.url + "/")
    assert opened == []


def test_every_failure_is_a_delivery_error(tiny: Any, face: Any, http: HttpClient) -> None:
    for fault in (Status(500), Status(404), Timeout(), Reset(), CutBody(3), BadAnswer(), ExpiredToken(), TooFast(1)):
        tiny.faults.add("POST /", fault)
        with pytest.raises(DeliveryError):
            http.post(face.url + "/", json={}, effect=True, deadline=0.2).raise_for().json()


@contextmanager
def talking_server(*answers: bytes) -> Iterator[tuple[str, list[int]]]:
    """A server that keeps its connections open and gives one answer a request; it counts the connections."""
    listener = socket.create_server(("127.0.0.1", 0))
    opened: list[int] = []
    waiting = list(answers)

    def talk(connection: socket.socket) -> None:
        with connection:
            try:
                while waiting and connection.recv(65536):
                    connection.sendall(waiting.pop(0))
                connection.recv(1)
            except OSError:
                pass

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            opened.append(1)
            threading.Thread(target=talk, args=(connection,), daemon=True).start()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", opened
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


def test_bytes_after_an_answer_never_reach_the_next_call(http: HttpClient) -> None:
    smuggled = b'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"evil":1'
    with talking_server(OK + smuggled, OK) as (url, opened):
        for _ in range(2):
            assert http.post(url, json={}, effect=True).json() == {}
            time.sleep(0.05)
        assert len(opened) == 2


def test_chunked_answers_and_early_hints(http: HttpClient) -> None:
    chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[1,2\r\n2;x=y\r\n,3\r\n1\r\n]\r\n0\r\n\r\n"
    hints = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + OK
    empty = b"HTTP/1.1 204 No Content\r\n\r\n"
    with talking_server(chunked, hints, empty, OK) as (url, opened):
        assert http.get(url).json() == [1, 2, 3]
        assert http.get(url).json() == {}
        assert http.get(url).status == 204
        assert http.get(url).json() == {}
        assert len(opened) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\n[1,2\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n[1,2\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 10\r\n\r\n" + gzip.compress(b"{}", mtime=0)[:10],
        b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\n{}",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 1000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 100_000 + b"\r\n\r\n",
        b"",
    ],
)
def test_half_and_broken_answers_are_no_answers(http: HttpClient, answer: bytes) -> None:
    with raw_server(lambda c: c.sendall(answer)) as url:
        with pytest.raises(OutcomeUnknown):
            http.post(url, json={}, effect=True)
        with pytest.raises(RetryLater):
            http.get(url)


def test_an_early_refusal_of_a_large_body_is_read(http: HttpClient) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\n{}"

    def refuse(connection: socket.socket) -> None:
        connection.sendall(refusal)
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(2)
        while connection.recv(65536):
            pass

    with raw_server(refuse) as url:
        assert http.post(url, content=b"x" * 3_000_000, effect=True).status == 413


def test_urls_are_encoded_once(face: Any, http: HttpClient) -> None:
    assert http.get(face.url + "/echo?q=a%20b&x=ü y").json()["query"] == {"q": "a b", "x": "ü y"}
    assert http.get(face.url + "/caf\u00e9 1#part").status == 200
    with pytest.raises(Rejected):
        http.request("GET /x HTTP/1.1\r\nx: y", face.url)


def test_a_connection_idle_too_long_is_not_used_again(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.sdk.transport.KEEPALIVE", 0.05)
    with talking_server(OK, OK) as (url, opened):
        http.get(url)
        time.sleep(0.1)
        http.get(url)
        assert len(opened) == 2


def test_a_forked_process_opens_its_own_connections(http: HttpClient) -> None:
    import os
    import warnings

    with talking_server(OK, OK) as (url, opened):
        http.get(url)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            child = os.fork()
        if child == 0:
            try:
                os._exit(0 if http.get(url).json() == {} else 1)
            finally:
                os._exit(2)
        assert os.waitpid(child, 0)[1] == 0
        assert len(opened) == 2


def test_connections_to_systems_that_have_gone_are_closed(http: HttpClient, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub.sdk import transport

    wire = transport.Wire(http.egress)
    monkeypatch.setattr(transport, "KEEPALIVE", 0.05)
    for _ in range(3):
        with talking_server(OK) as (url, _):
            wire.call("GET", url, [(b"host", b"x")], b"", 2, 1000)
        time.sleep(0.06)
    assert sum(map(len, wire._idle.values())) == 1
    wire.close()
    assert not wire._idle


def test_a_write_whose_time_ran_out_while_it_waited_for_its_turn_is_held_back(face: Any, tiny: Any) -> None:
    late = []
    http = HttpClient(allow_hosts=["127.0.0.1"], before=lambda: late.append(True))
    before = len(tiny.journal)
    with http.leave(lambda: not late) as leave:
        with pytest.raises(Unreachable):
            http.post(face.url + "/echo", json={}, effect=True)
        assert http.get(face.url + "/echo").ok  # reading is free
    assert (leave.refused, leave.wrote, len(tiny.journal) - before) == (True, False, 1)
    assert http.post(face.url + "/echo", json={}, effect=True).ok
    http.close()


def test_after_a_first_write_it_is_not_known_what_the_delivery_did(face: Any, http: HttpClient) -> None:
    allowed = [True, False, True]
    with http.leave(lambda: allowed.pop(0)) as leave:
        http.post(face.url + "/echo", json={}, effect=True)
        for _ in range(2):  # once refused, nothing more goes out
            with pytest.raises(OutcomeUnknown):
                http.post(face.url + "/echo", json={}, effect=True)
    assert (leave.refused, leave.wrote) == (True, True)
