"""Stock levels into the shop: absolute quantities by compare-and-set, so that a sale in the same moment is never overwritten."""

from __future__ import annotations

from decimal import ROUND_FLOOR
from uuid import NAMESPACE_URL, uuid5

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.shapes import Json
from hub.errors import Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord

_STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})
_DEAD_KEY = frozenset({"IDEMPOTENCY_KEY_PARAMETER_MISMATCH", "IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED"})
_ROUNDS = 5


class Stock:
    """Delivers canonical inventory levels: what may be sold of one variant at one location."""

    def __init__(self, api: ShopifyApi, installation: str) -> None:
        self._api = api
        self._installation = installation

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Set the quantity; read again and repeat when the shop sold or restocked some in between."""
        wanted = _quantity(record.data)
        for turn in range(_ROUNDS):
            item = self._item(record.data)
            if not item["tracked"]:
                return DeliverResult(
                    record.data["variant_id"], "unchanged", warnings=("the shop does not track this item's stock",)
                )
            level = item["inventoryLevel"]
            if level is None or not level["isActive"]:
                self._activate(record, item, turn)
                continue
            present = _available(level)
            if present == wanted:
                return DeliverResult(level["id"], "adopted" if record.maybe_sent else "unchanged")
            if self._set(record, item, present, wanted, turn):
                return DeliverResult(level["id"], "updated")
        raise RetryLater("the level in the shop changed each time it was to be set", code="INV-CAS-STALE", after=5)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A level that is as wanted is an effect that is there, whoever brought it about."""
        level = self._item(record.data)["inventoryLevel"]
        if level is None or not level["isActive"] or _available(level) != _quantity(record.data):
            return None
        return DeliverResult(level["id"], "adopted")

    def _item(self, data: Json) -> Json:
        variant = self._api.query("stock", variant=data["variant_id"], location=data["location_id"])["productVariant"]
        if variant is None:
            raise Rejected(
                "the shop has no such variant any more", code="ITM-UNKNOWN", fix="Check the link of the variant."
            )
        item: Json = variant["inventoryItem"]
        return item

    def _activate(self, record: OutboundRecord, item: Json, turn: int) -> None:
        self._api.mutate(
            "stock_activate", item=item["id"], location=record.data["location_id"], key=_key(record, f"activate:{turn}")
        )

    def _set(self, record: OutboundRecord, item: Json, present: int, wanted: int, turn: int) -> bool:
        """Set it, if it still is what was read. False = it is not: read again."""
        change: Json = {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": f"gid://{self._installation}/InventoryLevel/{record.marker}",
            "quantities": [
                {
                    "inventoryItemId": item["id"],
                    "locationId": record.data["location_id"],
                    "quantity": wanted,
                    "changeFromQuantity": present,
                }
            ],
        }
        try:
            self._api.mutate("stock_set", input=change, key=_key(record, f"{present}:{turn}"))
        except UserErrors as refused:
            if refused.codes & (_STALE | _DEAD_KEY):
                return False
            if "IDEMPOTENCY_CONCURRENT_REQUEST" in refused.codes:
                raise RetryLater("the shop is still at work on this level", code="INV-CAS-STALE", after=2) from refused
            raise
        return True


def _quantity(data: Json) -> int:
    """Whole pieces: half a piece cannot be sold, so it is left out."""
    return int(number(data["available"]).to_integral_value(ROUND_FLOOR))


def _available(level: Json) -> int:
    return next(int(found["quantity"]) for found in level["quantities"] if found["name"] == "available")


def _key(record: OutboundRecord, what: str) -> str:
    """The vendor answers a key it knows with the earlier outcome and changes nothing, so each attempt has its own. What keeps an
    attempt that was believed lost from doing harm is the compare-and-set."""
    return str(uuid5(NAMESPACE_URL, f"{record.idempotency_key}:{record.attempt}:{what}"))
