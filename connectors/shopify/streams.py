"""What the connector can do with each kind of record."""

from __future__ import annotations

from hub.sdk.connector import FULL, Capability, Stream, Support


def _no(reason: str) -> Capability:
    return Capability(Support.UNSUPPORTED, reason)


STREAMS = {
    stream.name: stream
    for stream in (
        Stream(
            "order", "order", poll=FULL, webhook=FULL, fetch=FULL, find=FULL, natural_key="number", state_carrying=True
        ),
        Stream(
            "variant", "variant", poll=FULL, webhook=FULL, fetch=FULL, find=FULL, natural_key="sku", state_carrying=True
        ),
        Stream(
            "customer",
            "customer",
            poll=FULL,
            webhook=FULL,
            fetch=FULL,
            find=FULL,
            create=FULL,
            update=FULL,
            delete=_no("Shopify keeps customers who have ordered"),
            natural_key="email",
            state_carrying=True,
        ),
        Stream("warehouse", "warehouse", find=FULL, natural_key="code"),
        Stream(
            "inventory_level",
            "inventory_level",
            create=FULL,
            update=FULL,
            delete=_no("a level is set to zero and never deleted"),
            state_carrying=True,
        ),
        Stream(
            "shipment", "shipment", create=FULL, update=FULL, delete=_no("a parcel that has left is not taken back")
        ),
        Stream("privacy_request", "customer", webhook=FULL),
    )
}
