from __future__ import annotations

import http.client
import threading
import time
from typing import Any

import pytest

from hub.errors import OutcomeUnknown, Unauthenticated
from hub.sdk.http import HttpClient
from hub.sdk.testing.faults import BadAnswer, Delay, LateEffect, RateLimited, Status
from hub.sdk.testing.simulator import NotOffered, Request, SimClock
from hub.sdk.webhooks import verify_hmac_base64


def test_faults_are_used_up_one_by_one(tiny: Any) -> None:
    tiny.faults.add("POST /orders", [Status(503), None, RateLimited(2)])
    statuses = [tiny.handle(Request("POST", "/orders", body=b'{"id":1}')).status for _ in range(4)]
    assert statuses == [503, 201, 429, 201]
    assert tiny.faults.hit == 2
    assert [entry.status for entry in tiny.journal] == statuses
    assert [len(entry.effect) for entry in tiny.journal] == [0, 1, 0, 1]


def test_faults_choose_by_method_path_body_and_number(tiny: Any) -> None:
    tiny.faults.add("POST /orders", Status(500), times=2, match='"id":7')
    tiny.faults.add("* /echo", Status(502), match=lambda request: request.query.get("x") == "1")

    def status(method: str, path: str, body: bytes = b"{}") -> int:
        return int(tiny.handle(Request.at(method, path, {}, body)).status)

    assert status("POST", "/orders", b'{"id":1}') == 201
    assert [status("POST", "/orders", b'{"id":7}') for _ in range(3)] == [500, 500, 201]
    assert status("GET", "/echo?x=2") == 200
    assert status("GET", "/echo?x=1") == 502
    tiny.faults.add("* /", Status(500), times=5)
    tiny.faults.clear()
    assert status("GET", "/") == 200


def test_a_late_effect_happens_after_the_caller_gave_up(tiny: Any, face: Any, http: HttpClient) -> None:
    tiny.faults.add("POST /orders", LateEffect(seconds=0.4))
    with pytest.raises(OutcomeUnknown):
        http.post(face.url + "/orders", json={"id": 1}, effect=True, deadline=0.2)
    assert tiny.effects("order") == []
    time.sleep(0.5)
    assert [effect.key for effect in tiny.effects("order")] == ["1"]
    assert tiny.effects("order")[0].verb == "create"


def test_a_delay_answers_rightly(tiny: Any, face: Any, http: HttpClient) -> None:
    tiny.faults.add("GET /", [Delay(0.2), BadAnswer(after_effect=True)])
    began = time.monotonic()
    assert http.get(face.url + "/").json() == {"ok": True}
    assert time.monotonic() - began >= 0.2


def test_the_face_speaks_http(face: Any) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", face.port, timeout=5)
    for _ in range(3):  # one connection, several requests
        connection.request(
            "POST", "/echo?a=%20b", body=iter([b"one", b"two"]), headers={"X-A": "1"}, encode_chunked=True
        )
        answer = connection.getresponse()
        assert b'"body":"onetwo"' in answer.read()
    connection.request("HEAD", "/")
    assert connection.getresponse().read() == b""
    connection.close()


def test_a_stopped_face_refuses_connections(tiny: Any, http: HttpClient) -> None:
    server = tiny.serve()
    assert http.get(server.url + "/").ok
    server.stop()
    server.stop()
    with pytest.raises(OSError):
        http_client_connect(server.port)
    with tiny.serve(server.port) as again:
        assert http.get(again.url + "/").ok


def http_client_connect(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=1)
    connection.connect()


def test_serves_many_at_once(tiny: Any, face: Any, http: HttpClient) -> None:
    def work(n: int) -> None:
        for i in range(20):
            assert http.post(face.url + "/orders", json={"id": f"{n}-{i}"}, effect=True).status == 201

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({effect.key for effect in tiny.effects("order")}) == 160


def test_webhooks_go_out_signed_in_order(tiny: Any, face: Any) -> None:
    tiny.subscribe_webhooks(face.url + "/orders")
    tiny.subscribe_webhooks(face.url + "/orders")
    for n in range(5):
        tiny.emit_webhook("order", str(n))
    assert tiny.drain_webhooks()
    received = [entry for entry in tiny.journal if entry.path == "/orders"]
    assert [entry.body for entry in received] == [f'{{"id": "{n}"}}'.encode() for n in range(5)]
    verify_hmac_base64(tiny.secret, received[0].body, tiny.webhooks.sent[0].headers["x-signature"])


def test_webhooks_can_be_lost_doubled_late_and_out_of_order(tiny: Any, face: Any) -> None:
    tiny.subscribe_webhooks(face.url + "/orders")
    for kind in ("lose", "duplicate", "reorder"):
        tiny.webhook_faults.add(kind)
    tiny.webhook_faults.add("late", seconds=0.3, match='"id": "4"')
    for n in range(6):
        tiny.emit_webhook("order", str(n))
    assert tiny.drain_webhooks()
    received = [entry.body[8:9].decode() for entry in tiny.journal]
    assert received == ["1", "1", "3", "5", "2", "4"]
    assert tiny.webhooks.sent[0].lost


def test_webhooks_are_sent_again_until_they_are_taken(tiny: Any, face: Any) -> None:
    tiny.subscribe_webhooks(face.url + "/orders")
    tiny.faults.add("POST /orders", [Status(500), Status(503)])
    tiny.emit_webhook("order", "1")
    assert tiny.drain_webhooks()
    assert tiny.webhooks.sent[0].statuses == [500, 503, 201]


def test_a_forged_webhook_does_not_verify(tiny: Any) -> None:
    good, forged = tiny.webhook_request("order", "1"), tiny.forge_webhook("order", "1")
    assert good.body != forged.body
    with pytest.raises(Unauthenticated):
        verify_hmac_base64(tiny.secret, forged.body, forged.headers["x-signature"])


def test_hooks_that_are_not_offered_say_so(tiny: Any) -> None:
    for call in (
        lambda: tiny.seed_records("x", 1), lambda: tiny.change("x", "1"), lambda: tiny.delete("x", "1"), lambda: tiny.put_record("x"),
        lambda: tiny.sample_outbound("x"), lambda: tiny.sample_change("x", {}),
    ):  # fmt: skip
        with pytest.raises(NotOffered, match="tiny"):
            call()


def test_the_clock_can_be_pushed() -> None:
    clock = SimClock()
    before, beat = clock.now(), clock.monotonic()
    clock.sleep(3600)
    assert (clock.now() - before).total_seconds() >= 3600
    assert clock.monotonic() - beat >= 3600
