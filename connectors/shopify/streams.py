"""What the connector can do with each kind of record."""

from __future__ import annotations

from typing import Any

from hub.sdk.connector import FULL, Capability, Stream, Support


def _no(reason: str) -> Capability:
    return Capability(Support.UNSUPPORTED, reason)


_READ: Any = {"poll": FULL, "webhook": FULL, "fetch": FULL, "find": FULL}

STREAMS = {
    stream.name: stream
    for stream in (
        Stream(
            "order",
            "order",
            **_READ,
            create=FULL,
            update=FULL,
            delete=_no("an order is cancelled by an update, and never deleted"),
            natural_key="number",
            state_carrying=True,
        ),
        Stream(
            "variant",
            "variant",
            **_READ,
            create=FULL,
            update=FULL,
            delete=_no("a variant that is not sold any more is archived with its product"),
            natural_key="sku",
            state_carrying=True,
            batch=50,
        ),
        Stream(
            "product",
            "product",
            create=FULL,
            update=FULL,
            delete=_no("a product is archived by its status, and never deleted from here"),
            state_carrying=True,
            batch=50,
        ),
        Stream(
            "customer",
            "customer",
            **_READ,
            create=FULL,
            update=FULL,
            delete=_no("Shopify keeps customers who have ordered"),
            natural_key="email",
            state_carrying=True,
        ),
        Stream(
            "price",
            "variant",
            create=FULL,
            update=FULL,
            delete=_no("a price is replaced by another one"),
            state_carrying=True,
            batch=100,
        ),
        Stream("warehouse", "warehouse", find=FULL, natural_key="code"),
        Stream(
            "inventory_level",
            "inventory_level",
            poll=FULL,
            webhook=_no("webhooks of levels carry no SKU: they come as inventory_notice, and the hub reads the level"),
            fetch=FULL,
            create=FULL,
            update=FULL,
            delete=_no("a level is set to zero and never deleted"),
            state_carrying=True,
            batch=100,
        ),
        Stream(
            "shipment", "shipment", create=FULL, update=FULL, delete=_no("a parcel that has left is not taken back")
        ),
        Stream("refund", "order", create=FULL, update=_no("a refund that was paid cannot be changed")),
        Stream(
            "return",
            "return",
            poll=FULL,
            webhook=_no(
                "webhooks of returns carry no articles: they come as return_notice, and the hub reads the return"
            ),
            fetch=FULL,
            find=_no("the shop finds a return through its order only"),
            create=FULL,
            update=FULL,
            delete=_no("a return is cancelled by an update, and never deleted"),
        ),
        Stream("return_notice", "return", webhook=FULL, notice_of="return"),
        Stream("inventory_notice", "inventory_level", webhook=FULL, notice_of="inventory_level"),
        Stream(
            "company",
            "customer",
            poll=FULL,
            webhook=_no(
                "webhooks of companies carry parts: they come as company_notice, and the hub reads the company"
            ),
            fetch=FULL,
            create=_no("companies are written through the stream customer"),
            update=_no("companies are written through the stream customer"),
        ),
        Stream("company_notice", "customer", webhook=FULL, notice_of="company"),
        Stream("privacy_request", "customer", webhook=FULL),
    )
}
