"""One connection that cannot be made harms no other, and is said where people look."""

import time


def test_a_broken_connection_is_reported_and_the_rest_works(project_dir, open_hub, target, order_webhook):
    text = (project_dir / "hub.yaml").read_text()
    (project_dir / "hub.yaml").write_text(
        text + "  lost: {connector: webhook, config: {url: 'http://127.0.0.1:1', secret: '${secret:NOT_SET}'}}\n"
    )
    with (project_dir / "flows" / "flows.yaml").open("a") as flows:
        flows.write("- {flow: lost-orders, entity: order, from: src, to: lost}\n")
    with open_hub() as hub:
        assert hub.faults["lost"].code == "CFG-SECRET"
        assert "NOT_SET" in str(hub.faults["lost"])
        hub.accept_webhook("src", order_webhook(1))
        until = time.monotonic() + 10
        while not target.effects("order") and time.monotonic() < until:
            time.sleep(0.02)
        assert len(target.effects("order")) == 1
        shown = {row["connection"]: row["fault"] for row in hub.overview()}
        assert shown["lost"]["code"] == "CFG-SECRET"
        assert shown["dst"] is None
        assert not hub.drain(0.3)  # what is for the lost one waits
        assert hub.store.exceptions() == []


def test_a_webhook_for_a_broken_connection_is_asked_to_come_again(project_dir, open_hub, target, order_webhook):
    import json
    import urllib.error
    import urllib.request

    import pytest

    from hub.api.server import WebServer

    text = (project_dir / "hub.yaml").read_text().replace("${secret:WEBHOOK_SECRET}", "${secret:NOT_SET}")
    (project_dir / "hub.yaml").write_text(text)
    with open_hub() as hub, WebServer(hub) as server:
        request = order_webhook(1)
        call = urllib.request.Request(
            f"{server.url}/webhooks/src", data=request.body, headers=dict(request.headers), method="POST"
        )
        with pytest.raises(urllib.error.HTTPError) as answered:
            urllib.request.urlopen(call, timeout=5)
        with answered.value as answer:
            assert answer.code == 503
            assert answer.headers["Retry-After"]
            assert json.loads(answer.read())["code"] == "CFG-SECRET"
