"""Webhooks: signatures, dedupe keys, versions, and what is authentic but of no use."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import InputRefused, Unauthenticated
from hub.sdk.records import InboundRequest
from hub.sdk.webhooks import sign_hmac_base64


@pytest.fixture
def request_(sim: ShopifySimulator) -> InboundRequest:
    order = sim.place_order([("VALVE-10", 1, None)], send_webhook=False)
    return sim.webhook_request("order", order.id)


def signed(sim: ShopifySimulator, topic: str, body: bytes) -> InboundRequest:
    headers = {
        "x-shopify-topic": topic,
        "x-shopify-hmac-sha256": sign_hmac_base64(sim.secret, body),
        "x-shopify-shop-domain": sim.domain,
        "x-shopify-webhook-id": "w1",
    }
    return InboundRequest("POST", "/", headers, body)


def test_an_order_webhook_becomes_one_message(
    shop: ShopifyConnector, sim: ShopifySimulator, request_: InboundRequest
) -> None:
    (message,) = shop.webhook(request_)
    assert message.stream == "order"
    assert message.external_id == sim.orders[0].id
    assert message.dedupe_key == f"webhook:{request_.headers['x-shopify-webhook-id']}"
    assert message.source_version.endswith(".000Z")
    assert message.body == request_.body
    assert message.topic == "orders/updated"


def test_the_raw_body_is_what_is_signed(
    shop: ShopifyConnector, sim: ShopifySimulator, request_: InboundRequest
) -> None:
    with pytest.raises(Unauthenticated):
        shop.webhook(replace(request_, body=request_.body.replace(b"{", b"{ ", 1)))
    with pytest.raises(Unauthenticated):
        shop.webhook(replace(request_, headers={**request_.headers, "x-shopify-hmac-sha256": ""}))
    with pytest.raises(Unauthenticated):
        shop.webhook(sim.forge_webhook("order", sim.orders[0].id))


def test_the_secret_before_the_rotation_still_opens(
    connect: Any, sim: ShopifySimulator, request_: InboundRequest
) -> None:
    rotated = connect(webhook_secret="new secret", webhook_secret_previous=sim.secret)
    assert list(rotated.webhook(request_))
    with pytest.raises(Unauthenticated):
        connect(webhook_secret="new secret").webhook(request_)
    with pytest.raises(Unauthenticated, match="no webhook secret"):
        connect(webhook_secret=None).webhook(request_)


def test_a_webhook_of_another_shop_is_refused(shop: ShopifyConnector, request_: InboundRequest) -> None:
    with pytest.raises(Unauthenticated, match="another shop"):
        shop.webhook(replace(request_, headers={**request_.headers, "x-shopify-shop-domain": "other.myshopify.com"}))


def test_versions_of_any_offset_sort_by_time(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    def version(at: str) -> str:
        (message,) = shop.webhook(signed(sim, "orders/updated", b'{"id": 1, "updated_at": "%b"}' % at.encode()))
        return message.source_version

    times = [
        "2026-03-10T23:59:59-05:00",
        "2026-03-11T05:00:00Z",
        "2026-03-11T06:00:00.5+01:00",
        "2026-03-11T00:00:01-05:00",
    ]
    assert [version(at) for at in times] == sorted(version(at) for at in times)


def test_a_product_webhook_is_a_message_for_each_variant(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    made = sim.shop.add_product(
        "Glove", [{"sku": f"GLOVE-{size}", "price": "7.50", "options": {"Size": size}} for size in "SML"]
    )
    found = list(shop.webhook(sim.webhook_request("variant", made.variants[0].id)))
    assert [message.payload["sku"] for message in found] == ["GLOVE-S", "GLOVE-M", "GLOVE-L"]
    assert found[1].payload["options"] == [{"name": "Size", "value": "M"}]
    assert found[1].payload["product"]["title"] == "Glove"
    assert len({message.dedupe_key for message in found}) == 3


def test_the_currency_of_a_product_webhook_is_the_settings(connect: Any, sim: ShopifySimulator) -> None:
    variant = sim.shop.variant("VALVE-10")
    assert variant
    (message,) = connect(currency="USD").webhook(sim.webhook_request("variant", variant.id))
    assert (message.payload["currency"], message.payload["price"]) == ("USD", "20.00")


def test_ids_keep_all_their_digits(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    (message,) = shop.webhook(signed(sim, "orders/delete", b'{"id": 820982911946154508}'))
    assert message.external_id == "gid://shopify/Order/820982911946154508"
    assert message.deleted


@pytest.mark.parametrize(
    ("topic", "body", "code"),
    [
        ("themes/publish", b'{"id": 1}', "IN-TOPIC"),
        ("", b'{"id": 1}', "IN-TOPIC"),
        ("orders/create", b"{}", "IN-UNUSABLE"),
        ("orders/create", b'{"id": 8.20982911946154508e17}', "IN-UNUSABLE"),
        ("orders/create", b'{"id": true}', "IN-UNUSABLE"),
        ("products/update", b'{"id": 1, "variants": [{}]}', "IN-UNUSABLE"),
        ("products/update", b'{"id": 1, "variants": ["x"]}', "IN-UNUSABLE"),
        ("customers/redact", b'{"shop_id": 1}', "IN-UNUSABLE"),
        ("shop/redact", b'{"shop_domain": "x"}', "IN-UNUSABLE"),
    ],
)
def test_authentic_but_of_no_use(
    shop: ShopifyConnector, sim: ShopifySimulator, topic: str, body: bytes, code: str
) -> None:
    with pytest.raises(InputRefused) as refused:
        list(shop.webhook(signed(sim, topic, body)))
    assert (refused.value.code, refused.value.status) == (code, 202)


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'{"id": NaN}'])
def test_what_is_no_json_object_is_refused(shop: ShopifyConnector, sim: ShopifySimulator, body: bytes) -> None:
    with pytest.raises(InputRefused) as refused:
        list(shop.webhook(signed(sim, "orders/create", body)))
    assert refused.value.status == 400


def test_bad_times_do_not_stop_a_webhook(shop: ShopifyConnector, sim: ShopifySimulator) -> None:
    request = signed(sim, "orders/updated", b'{"id": 1, "updated_at": "yesterday"}')
    (message,) = shop.webhook(replace(request, headers={**request.headers, "x-shopify-triggered-at": "soon"}))
    assert message.source_version == message.occurred_at == ""
