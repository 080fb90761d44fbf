"""Webhook subscriptions of a real connection: made by the hub's schedule, made again when the vendor ended them, paused, listed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify.simulator import ShopifySimulator
from hub.cli.main import main
from hub.cli.views import console
from hub.errors import ConfigError
from hub.project import load
from hub.runtime.hub import Hub
from hub.runtime.webhooks import Webhooks
from hub.sdk.plugins import load_connectors

PUBLIC = "https://hub.example.com"
OURS = f"{PUBLIC}/webhooks/shop"
HUB_YAML = """\
hub: 1
name: subs
public_url: {public}/
connections:
  shop:
    connector: shopify
    config: {config}
    allow_hosts: ["127.0.0.1"]
    poll: {{order: 1h}}
    webhooks: {webhooks}
  dst: {{connector: webhook, config: {{url: "http://127.0.0.1:9/"}}}}
"""


@pytest.fixture
def sim() -> Iterator[ShopifySimulator]:
    shop = ShopifySimulator()
    with shop.running() as face:
        shop.url = face.url  # type: ignore[attr-defined]
        yield shop


@pytest.fixture
def folder(tmp_path: Path, sim: ShopifySimulator) -> Path:
    (tmp_path / "flows").mkdir()
    (tmp_path / "flows" / "flows.yaml").write_text("- {flow: o, entity: order, from: shop, to: dst}\n")
    _write(tmp_path, sim)
    return tmp_path


def _write(folder: Path, sim: ShopifySimulator, webhooks: str = "1s", public: str = PUBLIC) -> None:
    config = json.dumps(sim.connection_config(sim.url))  # type: ignore[attr-defined]
    (folder / "hub.yaml").write_text(HUB_YAML.format(config=config, webhooks=webhooks, public=public))


@pytest.fixture
def hub(folder: Path, backend: Any) -> Iterator[Hub]:
    catalog = load_connectors()
    project = load(folder, env={}, catalog=catalog, database=backend[0], broker=backend[1])
    hub = Hub(project, catalog, sweep=0.2)
    yield hub
    hub.stop(5)


def topics(sim: ShopifySimulator, url: str = OURS) -> list[str]:
    with sim.lock:
        return sorted(found["topic"] for found in sim.shop.subscriptions if found["uri"] == url)


def until(holds: Any, seconds: float = 20.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


ALL = ["ORDERS_CANCELLED", "ORDERS_CREATE", "ORDERS_DELETE", "ORDERS_UPDATED"]


def test_what_the_vendor_ended_is_made_again_and_said(hub: Hub, sim: ShopifySimulator) -> None:
    hub.start()
    assert until(lambda: topics(sim) == ALL)
    assert until(lambda: (hub.store.cursor("shop", "webhooks:") or {}).get("topics") == ALL)
    assert hub.store.exceptions() == []  # the first time nothing was lost
    polls = hub.store.cursor("shop", "order")
    sim.place_order([("X", 1, "5")], send_webhook=False)
    with sim.lock:
        sim.subscriptions.give_up("ORDERS_UPDATED", OURS)
    assert until(lambda: topics(sim) == ALL)
    told: list[Any] = []
    assert until(lambda: told.extend(one for one in hub.store.exceptions() if one["code"] == "CON-WEBHOOKS") or told)
    assert "ORDERS_UPDATED" in told[0]["detail"]
    assert told[0]["fix"]
    # What came meanwhile is not waited for: the poll of an hour was started.
    assert until(lambda: hub.store.cursor("shop", "order") not in (None, polls))


def test_a_pause_is_kept_until_somebody_ends_it(hub: Hub, sim: ShopifySimulator) -> None:
    with sim.lock:
        sim.subscriptions.create(
            topic="ORDERS_CREATE", webhookSubscription={"uri": "https://other.example.com/", "format": "JSON"}
        )
    assert hub.webhooks.ensure("shop")["made"] == [
        "ORDERS_CREATE",
        "ORDERS_UPDATED",
        "ORDERS_CANCELLED",
        "ORDERS_DELETE",
    ]
    assert hub.webhooks.pause("shop", dry_run=True)["removed"] == [
        "ORDERS_CREATE",
        "ORDERS_UPDATED",
        "ORDERS_CANCELLED",
        "ORDERS_DELETE",
    ]
    assert topics(sim) == ALL
    hub.webhooks.pause("shop")
    assert topics(sim) == []
    assert topics(sim, "https://other.example.com/") == ["ORDERS_CREATE"]
    hub.start()  # plans the schedules anew, and lets this one rest
    time.sleep(2.5)
    assert topics(sim) == []
    assert hub.webhooks.look("shop")["paused"]
    hub.webhooks.ensure("shop")
    assert topics(sim) == ALL
    with sim.lock:
        sim.shop.subscriptions.clear()
    assert until(lambda: topics(sim) == ALL)


def test_a_subscription_that_leaves_fields_out_is_put_right(hub: Hub, sim: ShopifySimulator) -> None:
    hub.webhooks.ensure("shop")
    with sim.lock:
        sim.shop.subscriptions[0].update(includeFields=["id"])
    assert hub.webhooks.look("shop")["missing"] == ["ORDERS_CREATE"]
    assert hub.webhooks.ensure("shop")["made"] == ["ORDERS_CREATE"]
    assert hub.webhooks.look("shop")["missing"] == []
    assert sim.shop.subscriptions[0]["includeFields"] == []


def test_a_dry_run_makes_nothing(hub: Hub, sim: ShopifySimulator) -> None:
    assert len(hub.webhooks.ensure("shop", dry_run=True)["made"]) == 4
    assert topics(sim) == []


def test_a_real_address_that_does_not_answer_ends_at_the_vendor(sim: ShopifySimulator) -> None:
    """The simulated shop does as the real one: after its last try the subscription is gone."""
    dead = "http://127.0.0.1:9/webhooks/shop"
    with sim.lock:
        sim.subscriptions.create(topic="ORDERS_CREATE", webhookSubscription={"uri": dead, "format": "JSON"})
    sim.place_order([("X", 1, "5")])
    assert until(lambda: topics(sim, dead) == [])


def run(capsys: pytest.CaptureFixture[str], folder: Path, *arguments: str) -> tuple[int, str, str]:
    console.fresh()
    capsys.readouterr()
    code = main([*arguments, "--project", str(folder)])
    console.fresh()
    said = capsys.readouterr()
    assert "Traceback" not in said.out + said.err
    return code, said.out, said.err


def test_the_command(folder: Path, sim: ShopifySimulator, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, folder, "webhooks", "list", "shop", "--json")
    assert code == 0
    assert json.loads(out)["missing"] == ["ORDERS_CREATE", "ORDERS_UPDATED", "ORDERS_CANCELLED", "ORDERS_DELETE"]
    assert "would make" in run(capsys, folder, "webhooks", "ensure", "shop", "--dry-run")[1]
    assert topics(sim) == []
    assert json.loads(run(capsys, folder, "webhooks", "ensure", "shop", "--json")[1])["streams"] == {"order": "created"}
    assert topics(sim) == ALL
    assert "order  kept" in run(capsys, folder, "webhooks", "ensure", "shop")[1]
    assert "ORDERS_CREATE" in run(capsys, folder, "webhooks", "list", "shop")[1]
    assert "ended" in run(capsys, folder, "webhooks", "pause", "shop")[1]
    assert topics(sim) == []
    assert "paused" in run(capsys, folder, "webhooks", "list", "shop")[1]
    old = "https://old.example.com/webhooks/shop"
    assert run(capsys, folder, "webhooks", "ensure", "shop", "--url", old, "--stream", "variant")[0] == 0
    assert topics(sim, old) == ["PRODUCTS_CREATE", "PRODUCTS_UPDATE"]
    assert json.loads(run(capsys, folder, "webhooks", "remove", "shop", "--url", old, "--json")[1])["removed"]
    assert topics(sim, old) == []


def test_what_cannot_be(folder: Path, sim: ShopifySimulator, capsys: pytest.CaptureFixture[str]) -> None:
    assert "Did you mean" in run(capsys, folder, "webhooks", "list", "shopp")[2]
    code, _, err = run(capsys, folder, "webhooks", "ensure", "shop", "--stream", "orders")
    assert code == 2
    assert "Did you mean 'order'?" in err
    code, _, err = run(capsys, folder, "webhooks", "list", "dst")
    assert code == 1
    assert "does not support subscriptions" in err


def test_webhooks_need_a_public_address(folder: Path, sim: ShopifySimulator) -> None:
    text = (folder / "hub.yaml").read_text().replace(f"public_url: {PUBLIC}/\n", "")
    (folder / "hub.yaml").write_text(text)
    with pytest.raises(ConfigError, match="does not say where vendors reach the hub") as found:
        load(folder, env={})
    assert found.value.code == "CFG-PUBLIC-URL"


@pytest.mark.parametrize(
    ("said", "every", "streams"), [("true", 3600, ()), ("30m", 1800, ()), ("{streams: [order]}", 3600, ("order",))]
)
def test_forms_of_the_setting(
    folder: Path, sim: ShopifySimulator, said: str, every: float, streams: tuple[str, ...]
) -> None:
    _write(folder, sim, said)
    made = load(folder, env={}).connections["shop"].webhooks
    assert made is not None
    assert (made.every, made.streams) == (every, streams)


def test_streams_that_are_not_there_are_found_by_the_check(folder: Path, sim: ShopifySimulator) -> None:
    _write(folder, sim, "{streams: [orders]}")
    with pytest.raises(ConfigError, match="no stream 'orders'"):
        load(folder, env={}, catalog=load_connectors())


def test_an_unknown_action_is_refused(hub: Hub) -> None:
    with pytest.raises(ConfigError):
        Webhooks(hub.store, hub.project, hub.connections).do("shop", "explode")
