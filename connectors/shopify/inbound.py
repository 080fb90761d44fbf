"""Webhooks: who sent them, and which records they speak of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from connectors.shopify.shapes import Json, fingerprint, gid, version_of
from connectors.shopify.variants import variants_of_product
from hub.errors import InputRefused
from hub.sdk.records import InboundRequest, RawMessage

ORDER_TOPICS = (
    "orders/create",
    "orders/updated",
    "orders/cancelled",
    "orders/paid",
    "orders/fulfilled",
    "orders/partially_fulfilled",
    "orders/delete",
)
"""Topics whose body is the order. orders/edited is not one of them: it describes the edit, and orders/updated follows it."""
VARIANT_TOPICS = ("products/create", "products/update")
CUSTOMER_TOPICS = ("customers/create", "customers/update", "customers/delete")

RETURN_TOPICS = {
    **{
        f"returns/{what}": "Return"
        for what in ("request", "approve", "decline", "cancel", "close", "reopen", "update", "process")
    },
    "reverse_deliveries/attach_deliverable": "ReverseDelivery",
    "reverse_fulfillment_orders/dispose": "ReverseFulfillmentOrder",
}
"""Topics that tell of a return, and whose id they carry."""

COMPANY_TOPICS = ("companies/create", "companies/update")
COMPANY_PART_TOPICS = tuple(
    f"{part}/{what}" for part in ("company_contacts", "company_locations") for what in ("create", "update", "delete")
)
"""Topics that tell of a company's contact or location, and name the company."""

LEVEL_TOPICS = ("inventory_levels/update", "inventory_levels/connect")
"""Topics that tell of a stock level: its quantity to sell, without its SKU."""

PRIVACY_TOPICS = ("customers/data_request", "customers/redact", "shop/redact")
"""Every app must take these. They ask a person at the company to act, within 30 days."""


def messages(request: InboundRequest, payload: Json, currency: str) -> Iterator[RawMessage]:
    """The messages in one webhook whose signature has been verified."""
    topic = request.headers.get("x-shopify-topic", "").strip().lower()
    delivery = request.headers.get("x-shopify-webhook-id", "").strip() or fingerprint(payload)
    common: Json = {
        "topic": topic,
        "occurred_at": _moment(request.headers.get("x-shopify-triggered-at")) or _moment(payload.get("updated_at")),
    }
    if topic in ORDER_TOPICS:
        yield _whole("order", "Order", topic, payload, delivery, request.body, common)
    elif topic in CUSTOMER_TOPICS:
        yield _whole("customer", "Customer", topic, payload, delivery, request.body, common)
    elif topic in VARIANT_TOPICS:
        _id("Product", payload)
        for variant in variants_of_product(payload, currency):
            yield RawMessage(
                stream="variant",
                external_id=variant["admin_graphql_api_id"],
                payload=variant,
                dedupe_key=f"webhook:{delivery}:{variant['id']}",
                source_version=_moment(variant.get("updated_at")),
                **common,
            )
    elif topic in RETURN_TOPICS:
        yield RawMessage(
            stream="return_notice",
            external_id=_id(RETURN_TOPICS[topic], payload),
            payload=payload,
            dedupe_key=f"webhook:{delivery}",
            body=request.body,
            **common,
        )
    elif topic in COMPANY_TOPICS or topic in COMPANY_PART_TOPICS:
        company = payload if topic in COMPANY_TOPICS else payload.get("company")
        yield RawMessage(
            stream="company_notice",
            external_id=_id("Company", company if isinstance(company, dict) else {}),
            payload=payload,
            dedupe_key=f"webhook:{delivery}",
            body=request.body,
            **common,
        )
    elif topic in LEVEL_TOPICS:
        yield RawMessage(
            stream="inventory_notice",
            external_id=_level_id(payload),
            payload=payload,
            dedupe_key=f"webhook:{delivery}",
            source_version=_moment(payload.get("updated_at")),
            body=request.body,
            **common,
        )
    elif topic in PRIVACY_TOPICS:
        yield _privacy(topic, payload, delivery, common)
    else:
        raise InputRefused(
            f"the shop sent a webhook of topic {topic[:60] or 'none'}, which no stream reads",
            code="IN-TOPIC",
            status=202,
        )


def _privacy(topic: str, payload: Json, delivery: str, common: Json) -> RawMessage:
    who = payload.get("customer") if isinstance(payload.get("customer"), dict) else {}
    about = _id("Customer", who or {}) if topic != "shop/redact" else _id("Shop", {"id": payload.get("shop_id")})
    return RawMessage(
        stream="privacy_request",
        external_id=about,
        payload={"request": topic, "about": about, **payload},
        dedupe_key=f"webhook:{delivery}",
        **common,
    )


def _whole(stream: str, kind: str, topic: str, payload: Json, delivery: str, body: bytes, common: Json) -> RawMessage:
    return RawMessage(
        stream=stream,
        external_id=_id(kind, payload),
        payload=payload,
        dedupe_key=f"webhook:{delivery}",
        source_version=_moment(payload.get("updated_at")),
        deleted=topic.endswith("/delete"),
        body=body,
        **common,
    )


def _id(kind: str, payload: Json) -> str:
    """The record's global id. A webhook without one, or with an id that has been through a binary float, cannot be used."""
    given, number = payload.get("admin_graphql_api_id"), payload.get("id")
    if isinstance(given, str) and given.startswith(f"gid://shopify/{kind}/"):
        return given
    if isinstance(number, int) and not isinstance(number, bool):
        return gid(kind, number)
    raise InputRefused(f"the webhook carries no id of its {kind.lower()}", code="IN-UNUSABLE", status=202)


def _level_id(payload: Json) -> str:
    """A level's global id. The numeric one that goes into it is not told, so the id itself must be there."""
    given = payload.get("admin_graphql_api_id")
    if isinstance(given, str) and given.startswith("gid://shopify/InventoryLevel/"):
        return given
    raise InputRefused("the webhook carries no id of its level", code="IN-UNUSABLE", status=202)


def _moment(value: Any) -> str:
    try:
        return version_of(value) if isinstance(value, str) else ""
    except ValueError:
        return ""
