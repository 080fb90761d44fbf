"""The receiver and the REST API over real HTTP: limits, errors of one line, tokens, group commits, pressure, health."""

import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from hub.api.limits import Limits
from hub.api.server import WebServer

TOKEN = "token-of-the-rest-api"


def _call(url, *, body=None, headers=None, method=None):
    """(status, headers, JSON) of one request."""
    request = urllib.request.Request(url, data=body, headers=headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, answer.headers, _json(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, _json(error.read())


def _json(body):
    try:
        return json.loads(body)
    except ValueError:
        return body.decode()


def _post(url, request, **changed):
    return _call(f"{url}/webhooks/src", body=request.body, headers={**request.headers, **changed}, method="POST")


@pytest.fixture
def served(open_hub):
    with open_hub() as hub, WebServer(hub) as server:
        yield hub, server.url


def test_a_webhook_is_answered_after_it_is_stored(served, order_webhook):
    hub, url = served
    status, headers, said = _post(url, order_webhook(1))
    assert status == 200
    assert (said["accepted"], said["duplicates"], said["quarantined"]) == (1, 0, 0)
    assert hub.store.trace(said["messages"][0]).message["external_id"] == "1001"
    assert headers["X-Content-Type-Options"] == "nosniff"
    status, _, again = _post(url, order_webhook(1))
    assert (status, again["duplicates"], again["messages"]) == (200, 1, said["messages"])


def test_refusals_are_one_line_with_a_code(served, order_webhook):
    _, url = served
    good = order_webhook(1)
    cases = [
        ({"x-signature": "AAAA"}, 401, "IN-UNAUTHENTICATED"),
        ({"content-type": "application/xml"}, 415, "IN-MEDIA-TYPE"),
        ({"content-encoding": "gzip"}, 415, "IN-ENCODING"),
        ({"content-type": "application/json; charset=iso-8859-1"}, 415, "IN-CHARSET"),
        ({"x-admin": "1"}, 400, "IN-HEADER"),
        ({"x-topic": ""}, 400, "IN-TOPIC-MISSING"),
    ]
    for changed, status, code in cases:
        got, _, said = _post(url, good, **changed)
        assert (got, said["code"]) == (status, code), changed
        assert "\n" not in said["message"]
        assert "Traceback" not in json.dumps(said)
    assert _call(f"{url}/webhooks/nobody", body=b"{}", method="POST")[::2][0] == 404
    assert _call(f"{url}/webhooks/src")[0] == 405
    assert _call(f"{url}/webhooks/src", body=b"x" * (1024 * 1024 + 1), method="POST")[0] == 413


def test_what_is_authentic_but_unusable_is_kept_and_opened_as_an_exception(served, target):
    hub, url = served
    status, _, said = _post(url, target.signed("nobody/subscribed", b'{"id": 1}'))
    assert (status, said["quarantined"]) == (200, 1)
    (trouble,) = hub.store.exceptions()
    assert trouble["code"] == "IN-TOPIC"
    assert hub.store.trace(said["messages"][0]).message["payload_body"] == {"id": 1}
    assert hub.store.conservation().exceptions == 1
    status, _, said = _post(url, target.signed("nobody/subscribed", b'{"id": 1}'))
    assert (said["quarantined"], said["duplicates"]) == (0, 1)


def test_concurrent_webhooks_share_commits(served, order_webhook):
    hub, url = served
    commits, real = [], hub.store.accept

    def counting(messages, cursor=None):
        commits.append(len(messages))
        return real(messages, cursor)

    hub.store.accept = counting
    requests = [order_webhook(number) for number in range(120)]
    answers = []

    def send(part):
        answers.extend(_post(url, request)[0] for request in part)

    threads = [threading.Thread(target=send, args=(requests[start::12],)) for start in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 120
    assert sum(commits) == 120
    assert len(commits) < 120
    assert hub.drain(30)
    assert hub.store.conservation().in_ == 120


def test_a_database_that_fails_means_503_and_come_again(served, order_webhook):
    from hub.errors import StoreError

    hub, url = served

    def fails(messages, cursor=None):
        raise StoreError("the disk is full", code="STO-FULL")

    real, hub.store.accept = hub.store.accept, fails
    status, headers, said = _post(url, order_webhook(1))
    assert (status, said["code"]) == (503, "STO-FULL")
    assert int(headers["Retry-After"]) > 0
    hub.store.accept = real
    assert _post(url, order_webhook(1))[0] == 200


def test_pressure_means_503(open_hub, order_webhook):
    hub = open_hub()
    hub.pressure._most = 3
    with WebServer(hub) as server:  # the hub's workers are not started
        for number in range(3):
            assert _post(server.url, order_webhook(number))[0] == 200
        hub.pressure.look()
        status, headers, said = _post(server.url, order_webhook(9))
        assert (status, said["code"]) == (503, "HUB-BUSY")
        assert headers["Retry-After"]
        hub.start()
        assert hub.drain(10)
        hub.pressure.look()
        assert _post(server.url, order_webhook(9))[0] == 200


def test_a_head_that_never_ends_is_cut_off(open_hub):
    import socket

    with (
        WebServer(open_hub(), limits=Limits(header_seconds=0.3)) as server,
        socket.create_connection(("127.0.0.1", server.port), 5) as connection,
    ):
        connection.sendall(b"POST /webhooks/src HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        began = time.monotonic()
        connection.settimeout(5)
        assert connection.recv(100) == b""
        assert time.monotonic() - began < 3


def test_a_header_sent_twice_is_refused_where_it_decides(served, order_webhook):
    import socket

    _, url = served
    good = order_webhook(1)
    host, port = url.removeprefix("http://").split(":")
    lines = [
        *good.headers.items(),
        ("X-Signature", "AAAA"),
        ("Content-Length", len(good.body)),
        ("Connection", "close"),
    ]
    head = "POST /webhooks/src HTTP/1.1\r\nHost: x\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines)
    with socket.create_connection((host, int(port)), 5) as connection:
        connection.sendall(head.encode() + b"\r\n" + good.body)
        assert connection.recv(4096).startswith(b"HTTP/1.1 401")


def test_the_rest_api_needs_its_token(served, order_webhook):
    hub, url = served
    _post(url, order_webhook(1))
    assert hub.drain(10)
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}):
        status, _, said = _call(f"{url}/api/messages", headers=headers)
        assert (status, said["code"]) == (401, "API-TOKEN")
    auth = {"Authorization": f"Bearer {TOKEN}"}
    messages = _call(f"{url}/api/messages?kind=order&value=1001", headers=auth)[2]["messages"]
    assert [row["external_id"] for row in messages] == ["1001"]
    assert _call(f"{url}/api/messages/{messages[0]['id']}", headers=auth)[2]["message"]["state"] == "done"
    traces = _call(f"{url}/api/trace?order=%231001", headers=auth)[2]["traces"]
    assert traces[0]["deliveries"][0]["target"] == "dst"
    assert _call(f"{url}/api/conservation", headers=auth)[2]["holds"] is True
    assert _call(f"{url}/api/exceptions", headers=auth)[2] == {"exceptions": []}
    assert {row["connection"] for row in _call(f"{url}/api/connections", headers=auth)[2]["connections"]} == {
        "src",
        "dst",
    }
    assert _call(f"{url}/api/messages/999999", headers=auth)[0] == 404
    assert _call(f"{url}/api/messages?limit=0", headers=auth)[2]["code"] == "API-QUERY"
    assert _call(f"{url}/api/trace", headers=auth)[0] == 400


def test_the_rest_api_is_closed_without_a_token(open_hub):
    hub = open_hub()
    hub.project.secrets._env.pop("HUB_API_TOKEN")
    with WebServer(hub) as server:
        status, _, said = _call(f"{server.url}/api/conservation")
        assert (status, said["code"]) == (403, "API-NO-TOKEN")


def test_actions_over_the_rest_api(served, target, order_webhook):
    hub, url = served
    auth = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    def post(path, data=None):
        return _call(f"{url}/api{path}", body=json.dumps(data or {}).encode(), headers=auth, method="POST")

    assert post("/connections/dst/pause", {"detail": "upgrade"})[0] == 200
    message = _post(url, order_webhook(1))[2]["messages"][0]
    time.sleep(0.2)
    assert target.effects("order") == []
    assert post("/connections/dst/resume")[2] == {"connection": "dst", "paused": False}
    assert hub.drain(10)
    assert len(target.effects("order")) == 1
    assert post("/connections/nobody/pause")[0] == 404
    _post(url, target.signed("x/y", b'{"id": 1}'))
    (trouble,) = hub.store.exceptions()
    assert post(f"/exceptions/{trouble['id']}/resolve", {"note": "settled by phone"})[0] == 200
    assert post(f"/exceptions/{trouble['id']}/resolve")[0] == 404
    assert hub.store.exceptions() == []
    again = post(f"/messages/{message}/replay")
    assert again[0] == 200
    assert again[2]["message"] > message
    assert hub.drain(10)


def test_health_and_metrics(served, order_webhook):
    hub, url = served
    _post(url, order_webhook(1))
    assert hub.drain(10)
    assert _call(f"{url}/health/live")[2] == {"status": "live"}
    assert _call(f"{url}/health/ready")[2]["status"] == "ready"
    text = _call(f"{url}/metrics")[2]
    assert 'hub_messages_accepted_total{connection="src",outcome="accepted"}' in text
    assert 'hub_conservation{part="in"} 1.0' in text
    assert 'hub_breaker_open{connection="dst"} 0.0' in text
    hub.stopping = True
    assert _call(f"{url}/health/ready")[0] == 503
    hub.stopping = False


def test_a_port_in_use_is_said_plainly(served, open_hub):
    from hub.errors import ConfigError

    hub, url = served
    with pytest.raises(ConfigError, match="cannot listen") as refused:
        WebServer(hub, "127.0.0.1", int(url.rpartition(":")[2]))
    assert refused.value.code == "CFG-PORT"


@pytest.fixture
def tested(project_dir, open_hub):
    """A connection whose vendor tests its address, beside one whose vendor does not."""
    file = project_dir / "hub.yaml"
    config = (
        'config: {secret: "${secret:WEBHOOK_SECRET}", challenge_query: validationToken, challenge_field: challenge}'
    )
    file.write_text(file.read_text() + f"  graph: {{connector: webhook, {config}}}\n")
    with open_hub() as hub, WebServer(hub) as server:
        yield f"{server.url}/webhooks"


def test_a_vendors_test_of_the_address_is_answered(tested):
    text = "Validation: Testing client application"
    query = urllib.parse.urlencode({"validationToken": text})
    for method, headers in (("GET", {}), ("POST", {"content-type": "text/plain; charset=utf-8"})):
        status, said, body = _call(
            f"{tested}/graph?{query}", body=b"" if method == "POST" else None, headers=headers, method=method
        )
        assert (status, body) == (200, text)
        assert said["content-type"] == "text/plain; charset=utf-8"
        assert said["x-content-type-options"] == "nosniff"
    status, said, body = _call(
        f"{tested}/graph", body=b'{"challenge": "abc"}', headers={"content-type": "application/json"}, method="POST"
    )
    assert (status, body, said["content-type"]) == (200, {"challenge": "abc"}, "application/json")


def test_what_is_no_test_is_treated_as_ever(tested):
    assert _call(f"{tested}/graph")[0] == 405
    assert _call(f"{tested}/graph?validationToken=%0d%0a")[::2][0] == 400
    assert _call(f"{tested}/graph", method="PUT", body=b"")[0] == 405
    assert (
        _call(f"{tested}/graph", body=b'{"id": 1}', headers={"content-type": "application/json"}, method="POST")[0]
        == 401
    )
    assert _call(f"{tested}/graph", body=b"hello", headers={"content-type": "text/plain"}, method="POST")[0] == 415
    assert _call(f"{tested}/src?validationToken=x")[0] == 405
