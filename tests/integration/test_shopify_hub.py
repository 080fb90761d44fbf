"""A whole hub with a simulated shop at one end: what privacy webhooks become, and a return on its way between two systems."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from connectors.shopify.simulator import ShopifySimulator
from hub.errors import Unauthenticated
from hub.project import load
from hub.runtime.hub import Hub
from hub.sdk.plugins import load_connectors
from hub.sdk.records import InboundRequest

HUB_YAML = """\
hub: 1
name: shoptest
connections:
  shop:
    connector: shopify
    config: {config}
    allow_hosts: ["127.0.0.1"]
    poll: {{return: 1h}}
  erp:
    connector: webhook
    config: {{url: '{url}', secret: "webhook-simulator-key", lookup: true, settle: 0}}
    allow_hosts: ["127.0.0.1"]
"""
FLOWS = """\
- {flow: orders, entity: order, from: shop, to: erp}
- {flow: returns, entity: return, from: shop, to: erp}
- {flow: elsewhere, entity: order, from: erp, to: shop}
"""


@pytest.fixture
def sim() -> Iterator[ShopifySimulator]:
    shop = ShopifySimulator()
    with shop.running() as face:
        shop.url = face.url  # type: ignore[attr-defined]
        yield shop


@pytest.fixture
def hub(tmp_path: Path, sim: ShopifySimulator, target: Any, backend: Any) -> Iterator[Hub]:
    (tmp_path / "flows").mkdir()
    config = json.dumps(sim.connection_config(sim.url))  # type: ignore[attr-defined]
    (tmp_path / "hub.yaml").write_text(HUB_YAML.format(config=config, url=target.url))
    (tmp_path / "flows" / "flows.yaml").write_text(FLOWS)
    catalog = load_connectors()
    project = load(tmp_path, env={}, catalog=catalog, database=backend[0], broker=backend[1])
    hub = Hub(project, catalog, sweep=0.2)
    yield hub.start()
    hub.stop(5)


def until(holds: Any, seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def state(hub: Hub, message: int) -> tuple[str, str]:
    row = hub.store.trace(message).message
    return row["state"], row["reason"]


def privacy(sim: ShopifySimulator, topic: str) -> InboundRequest:
    about = {"id": 191167, "email": "ann@example.com", "phone": "+12175550100"}
    body = {"shop_id": 954889, "shop_domain": sim.domain, "customer": about, "orders_to_redact": [299938, 280263]}
    return sim.webhook(topic, body)


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request", "shop/redact"])
def test_a_privacy_request_waits_for_a_person(hub: Hub, sim: ShopifySimulator, target: Any, topic: str) -> None:
    request = privacy(sim, topic)
    with pytest.raises(Unauthenticated):
        hub.accept_webhook("shop", replace(request, body=request.body.replace(b"954889", b"954880")))
    (message,) = hub.accept_webhook("shop", request).ids
    assert hub.accept_webhook("shop", request).duplicates == 1
    assert until(lambda: state(hub, message) == ("exception", "PII-REQUEST"))
    (open_one,) = hub.store.exceptions()
    assert (open_one["code"], open_one["message_id"]) == ("PII-REQUEST", message)
    assert "by 20" in open_one["detail"]  # the day until which it must be done
    assert "ann@example.com" not in open_one["detail"]
    assert open_one["fix"]
    assert target.effects() == []
    assert hub.store.resolve([open_one["id"]], "ann", "erased in shop and ERP, ticket 17") == 1
    assert hub.store.exceptions() == []
    assert hub.store.conservation().holds


def returned(target: Any) -> list[dict[str, Any]]:
    return [effect.data for effect in target.effects("return")]


def test_a_buyers_return_reaches_the_erp(hub: Hub, sim: ShopifySimulator, target: Any) -> None:
    """Each webhook is a bare notice; what arrives at the other end is the whole return, once for each change of it."""
    sim.subscribe_webhooks("http://127.0.0.1:9/")  # nobody there: this test hands the webhooks over itself
    sim.add_product("VALVE-10", "Gate valve", "20.00", stock=50)
    order = sim.place_order([("VALVE-10", 5, "20.00")], send_webhook=False, financial="PAID")
    hub.accept_webhook("shop", sim.webhook_request("order", order.id))
    with sim.lock:
        (asked,) = order.fulfillment_orders
        sim.shop.fulfill([(asked, [(asked.lines[0], 5)])], {"numbers": ["1Z"]}, notify=False)
        made = sim.returns.request(order, [("VALVE-10", 2)], reason="defective", note="Leaks")
    (first,) = hub.accept_webhook("shop", sim.webhook_request("return_notice", made.id)).ids
    assert until(lambda: state(hub, first)[0] == "done")
    assert until(lambda: len(returned(target)) == 1)
    with sim.lock:
        sim.returns.approve(input={"id": made.id})
    (second,) = hub.accept_webhook("shop", sim.webhook_request("return_notice", made.id)).ids
    (third,) = hub.accept_webhook("shop", sim.webhook_request("return_notice", made.id)).ids
    assert until(lambda: state(hub, second)[0] == "done" and state(hub, third) == ("filtered", "FLT-UNCHANGED"))
    assert until(lambda: len(returned(target)) == 2)
    requested, approved = returned(target)
    assert (requested["status"], approved["status"]) == ("requested", "approved")
    (line,) = approved["lines"]
    assert (line["sku"], line["quantity"], line["reason"]) == ("VALVE-10", "2", "Leaks")
    assert line["order_line"] == order.lines[0].id
    hub.poll_now("shop", "return")  # finds the same return again, and changes nothing
    time.sleep(1.5)
    assert len(returned(target)) == 2
    assert hub.store.exceptions() == []


def test_an_order_of_the_erp_is_made_in_the_shop_and_stays_one(
    hub: Hub, sim: ShopifySimulator, target: Any, order_webhook: Any
) -> None:
    with target.lock:
        target.records["order"] = {"1007": {"id": "1007"}}
    (message,) = hub.accept_webhook("erp", order_webhook(7)).ids
    assert until(lambda: len(sim.orders) == 1)
    (made,) = sim.orders
    assert made.name == "#1007"
    # The shop tells of it, perhaps before the hub has noted its id: it is the same record all the same.
    (told,) = hub.accept_webhook("shop", sim.webhook_request("order", made.id)).ids
    assert until(lambda: state(hub, told)[0] in {"done", "filtered"})
    assert until(lambda: state(hub, message)[0] == "done")
    records = {step["detail"].split()[1] for one in (message, told) for step in hub.store.trace(one).steps
               if step["name"] == "translate" and step["detail"].startswith("order ")}  # fmt: skip
    assert len(records) == 1
    assert hub.drain(20)
    assert len(sim.orders) == 1
    assert not [effect for effect in target.effects("order") if effect.verb == "create"]
    assert hub.store.exceptions() == []


def test_the_stock_of_one_shop_goes_to_another_in_a_few_calls(
    tmp_path: Path, sim: ShopifySimulator, backend: Any
) -> None:
    """Levels are read location by location, looked up by SKU at the other shop, and set there together; one that is refused stands alone."""
    count = 60
    outlet = ShopifySimulator(seed=2)
    with outlet.running() as face:
        for number in range(count):
            sim.add_product(f"SKU-{number:03}", f"Thing {number}", "5.00", stock=100 + number)
            outlet.add_product(f"SKU-{number:03}", f"Thing {number}", "5.00", stock=0)
        sim.add_product("BROKEN", "Too many", "5.00", stock=2_000_000_000)
        outlet.add_product("BROKEN", "Too many", "5.00", stock=0)
        connections: dict[str, Any] = {
            name: {"connector": "shopify", "config": shop.connection_config(url), "allow_hosts": ["127.0.0.1"]}
            for name, shop, url in (("main", sim, sim.url), ("outlet", outlet, face.url))  # type: ignore[attr-defined]
        }
        connections["main"]["poll"] = {"inventory_level": "1h"}
        (tmp_path / "hub.yaml").write_text(json.dumps({"hub": 1, "name": "shoptest", "connections": connections}))
        (tmp_path / "flows").mkdir()
        (tmp_path / "flows" / "flows.yaml").write_text(
            "- {flow: stock, entity: inventory_level, from: main, to: outlet}\n"
        )
        catalog = load_connectors()
        project = load(tmp_path, env={}, catalog=catalog, database=backend[0], broker=backend[1])
        hub = Hub(project, catalog, sweep=0.2)
        hub.store.pause("outlet", "PAUSED", "until all are there")
        hub.start()
        try:
            assert until(lambda: hub.store.in_flight().get("delivery.pending", 0) == count + 1)
            hub.resume("outlet")
            assert until(
                lambda: len(hub.store.exceptions()) == 1 and outlet.inventory(f"SKU-{count - 1:03}") is not None
            )
            assert until(lambda: all(outlet.inventory(f"SKU-{number:03}") == 100 + number for number in range(count)))
            (refused,) = hub.store.exceptions()
            assert "INVALID_QUANTITY_TOO_HIGH" in refused["detail"]
            assert hub.store.conservation().holds
        finally:
            hub.stop(5)
        calls = sum(b"inventorySetQuantities" in entry.body for entry in outlet.journal)
        assert calls <= 10  # and not one for each of the 61
        assert len(outlet.effects("inventory_level")) == count
