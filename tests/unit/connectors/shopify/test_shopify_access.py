"""Tokens that run out, webhook subscriptions, customers, and the webhooks that privacy laws ask for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import AuthFailed, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.records import NaturalKey, OutboundRecord
from hub.sdk.testing.faults import ExpiredToken, Reset
from hub.sdk.testing.io import MemoryTokens, make_io
from hub.sdk.testing.server import SimulatorServer


@pytest.fixture
def app(sim: ShopifySimulator, server: SimulatorServer) -> Callable[..., ShopifyConnector]:
    """A connector whose tokens run out; several share one token store, as workers do."""
    tokens = MemoryTokens()

    def make(grant: str = "refresh_token", **settings: Any) -> ShopifyConnector:
        config = ShopifyConnector.Config(**{**sim.expiring_config(server.url, grant=grant), "deadline": 2, **settings})
        return ShopifyConnector(config, make_io(clock=sim.clock, tokens=tokens))

    return make


@pytest.mark.parametrize("grant", ["refresh_token", "client_credentials"])
def test_a_token_is_fetched_used_and_renewed(
    app: Callable[..., ShopifyConnector], sim: ShopifySimulator, grant: str
) -> None:
    shop = app(grant)
    assert shop.check().ok
    assert shop.check().ok
    assert sim.tokens.given == 1
    sim.clock.advance(90_000)
    assert shop.check().ok
    assert sim.tokens.given == 2
    sim.tokens.expire()  # refused before its time
    assert shop.check().ok
    assert sim.tokens.given == 3


def test_workers_share_one_renewal(app: Callable[..., ShopifyConnector], sim: ShopifySimulator) -> None:
    shops = [app() for _ in range(6)]
    start = threading.Barrier(len(shops))
    good: list[bool] = []

    def work(shop: ShopifyConnector) -> None:
        start.wait()
        good.append(shop.check().ok)

    threads = [threading.Thread(target=work, args=(shop,)) for shop in shops]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 6
    assert sim.tokens.given == 1


def test_a_wrong_client_secret_pauses_the_connection(app: Callable[..., ShopifyConnector]) -> None:
    with pytest.raises(AuthFailed):
        app(client_secret="wrong").check()


def test_a_fixed_token_that_is_refused(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    sim.faults.add("POST /admin", ExpiredToken(), times=2)
    with pytest.raises(AuthFailed):
        shop.check()


def test_settings_need_a_way_in() -> None:
    with pytest.raises(ValidationError, match="client_id and client_secret"):
        ShopifyConnector.Config(shop="a.myshopify.com")
    with pytest.raises(ValidationError):
        ShopifyConnector.Config(shop="evil.example.com/.myshopify.com", access_token="x")
    config = ShopifyConnector.Config(shop="a.myshopify.com", client_id="i", client_secret="s")
    assert config.graphql_url == "https://a.myshopify.com/admin/api/2026-10/graphql.json"
    assert config.webhook_secrets == ["s"]


def test_subscriptions_are_made_kept_and_made_again(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    url = "https://hub.example.com/webhooks/shop"
    assert shop.subscribe(["order", "variant"], url).outcome == {"order": "created", "variant": "created"}
    assert shop.subscribe(["order", "variant"], url).outcome == {"order": "kept", "variant": "kept"}
    assert len(sim.shop.subscriptions) == 6
    sim.shop.subscriptions.pop(0)  # as Shopify does after too many failures
    assert shop.subscribe(["order"], url).outcome == {"order": "updated"}
    other = shop.subscribe(["order", "shipment", "privacy_request"], "https://other.example.com/")
    assert other.outcome["order"] == "created"
    assert other.outcome["shipment"].startswith("unsupported:")
    assert other.outcome["privacy_request"].startswith("unsupported:")
    assert shop.unsubscribe(url) == 6
    assert {found["uri"] for found in sim.shop.subscriptions} == {"https://other.example.com/"}


def test_an_address_that_shopify_does_not_take(shop: ShopifyConnector) -> None:
    with pytest.raises(Rejected, match="not supported"):
        shop.subscribe(["order"], "http://hub.example.com/")


def customer(email: str = "new@example.com", **data: Any) -> OutboundRecord:
    given = {"email": email, "first_name": "Ann", "last_name": "Lee", "tags": ["a"], **data}
    return OutboundRecord("customer", "upsert", {k: v for k, v in given.items() if v is not None}, "key", "marker")


def test_a_customer_is_made_once(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    address = {"address1": "1 Main St", "zip": "01234", "country_code": "US"}
    sim.faults.add("POST /admin", Reset(after_effect=True), match="customerSet")
    record = customer(addresses=[address])
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    found = shop.find_effect(replace(record, attempt=2, maybe_sent=True))
    assert found
    assert found.external_id == shop.find("customer", NaturalKey("email", "NEW@example.com")).external_id  # type: ignore[union-attr]
    (made,) = sim.shop.customers.values()
    assert (made.first_name, made.default_address.zip, made.tags) == ("Ann", "01234", ["a"])  # type: ignore[union-attr]


def test_what_the_shop_has_of_a_customer_stays(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    there = sim.shop.customer({"email": "new@example.com", "tags": ["vip"], "note": "ours"})
    home = there.default_address
    result = shop.deliver(customer(addresses=[{"address1": "Elsewhere"}]))
    assert (result.external_id, result.applied) == (there.id, "updated")
    assert (there.tags, there.note, there.default_address) == (["a", "vip"], "ours", home)
    assert there.last_name == "Lee"
    assert shop.deliver(customer()).applied == "unchanged"


def test_customers_that_cannot_be_told_apart(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    with pytest.raises(Rejected, match="neither"):
        shop.deliver(customer(email=None))  # type: ignore[arg-type]
    by_phone = shop.deliver(customer(email=None, phone="+12175550123"))  # type: ignore[arg-type]
    assert shop.deliver(customer(email=None, phone="+12175550123")).external_id == by_phone.external_id  # type: ignore[arg-type]
    with pytest.raises(Rejected, match="taken"):
        shop.deliver(customer(email="other@example.com", phone="+12175550123"))
    with pytest.raises(Rejected, match="no such customer"):
        shop.deliver(replace(customer(), external_id="gid://shopify/Customer/1"))
    assert len(sim.shop.customers) == 1


def company(**data: Any) -> OutboundRecord:
    return customer(
        "buyer@acme.example", kind="company", name="ACME", number="0042", addresses=[{"address1": "1 Dock Rd"}], **data
    )


def test_a_company_is_made_once_by_its_account_number(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    record = company()
    sim.faults.add("POST /admin", Reset(after_effect=True), match="companyCreate")
    with pytest.raises(OutcomeUnknown):
        shop.deliver(record)
    again = replace(record, attempt=2, maybe_sent=True)
    sim.shop.search_lags = True
    with pytest.raises(RetryLater):
        shop.deliver(again)
    sim.shop.search_lags = False
    result = shop.find_effect(again)
    (made,) = sim.companies.all.values()
    assert result
    assert (result.external_id, made["externalId"]) == (made["id"], "0042")
    assert made["made_with"]["companyContact"]["email"] == "buyer@acme.example"
    assert made["made_with"]["companyLocation"]["shippingAddress"] == {"address1": "1 Dock Rd"}


def test_a_company_changes_its_name(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    first = shop.deliver(company())
    assert shop.deliver(replace(company(note="pays late"), external_id=first.external_id)).applied == "updated"
    assert shop.deliver(company()).applied == "unchanged"
    assert len(sim.companies.all) == 1
    with pytest.raises(Rejected, match="account number"):
        shop.deliver(replace(company(), data={"kind": "company", "name": "ACME"}))


@pytest.mark.parametrize("topic", ["customers/redact", "customers/data_request"])
def test_privacy_webhooks_become_messages(shop: ShopifyConnector, sim: ShopifySimulator, topic: str) -> None:
    someone = sim.put_record("privacy_request")
    request = sim.webhook_request("privacy_request", someone)
    (message,) = shop.webhook(replace(request, headers={**request.headers, "x-shopify-topic": topic}))
    assert (message.stream, message.external_id) == ("privacy_request", someone)
    assert message.payload["request"] == topic
    assert message.body is None


def test_a_shop_that_goes_asks_to_be_forgotten(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    (message,) = shop.webhook(sim.webhook("shop/redact", {"shop_id": 954889, "shop_domain": sim.domain}))
    assert message.external_id == "gid://shopify/Shop/954889"
