"""Prices of price lists, with quantity breaks: what a B2B catalog or a market charges in place of the variant's own price."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.shapes import Json, number_of
from hub.errors import Rejected
from hub.sdk.records import DeliverResult, OutboundRecord


class Prices:
    """Sets one variant's fixed price and its breaks in one list. Other variants' prices are not touched."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Set what differs. Price and breaks are set by one mutation, all or none."""
        data = record.data
        present, currency = self._state(data)
        _same_currency(data, currency)
        if present == _wanted(data):
            return DeliverResult(_id(data), "adopted" if record.maybe_sent else "unchanged")
        variant = data["variant_id"]
        price: Json = {"variantId": variant, "price": _money(data["price"], currency)}
        if data.get("compare_at_price") is not None:
            price["compareAtPrice"] = _money(data["compare_at_price"], currency)
        breaks = [
            {"variantId": variant, "minimumQuantity": int(step["minimum"]), "price": _money(step["price"], currency)}
            for step in data.get("breaks") or []
        ]
        given = {
            "pricesToAdd": [price],
            "pricesToDeleteByVariantId": [],
            "quantityPriceBreaksToAdd": breaks,
            "quantityPriceBreaksToDelete": [],
            "quantityPriceBreaksToDeleteByVariantId": [variant],
            "quantityRulesToAdd": [],
            "quantityRulesToDeleteByVariantId": [],
        }
        self._api.mutate("price_set", list=data["price_list_id"], input=given)
        return DeliverResult(_id(data), "updated" if present else "created")

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A price that is as wanted is an effect that is there."""
        present, _ = self._state(record.data)
        return DeliverResult(_id(record.data), "adopted") if present == _wanted(record.data) else None

    def _state(self, data: Json) -> tuple[Any, str]:
        query = f"variant_id:{number_of(data['variant_id'])}"
        found = self._api.query("price_state", list=data["price_list_id"], query=query)["priceList"]
        if found is None:
            raise Rejected(
                "the shop has no such price list",
                fix="Check the id of the price list.",
                where=str(data["price_list_id"]),
            )
        for node in found["prices"]["nodes"]:
            if node["variant"]["id"] == data["variant_id"]:
                before = (node["compareAtPrice"] or {}).get("amount")
                steps = {
                    step["minimumQuantity"]: number(step["price"]["amount"])
                    for step in node["quantityPriceBreaks"]["nodes"]
                }
                return (number(node["price"]["amount"]), None if before is None else number(before), steps), found[
                    "currency"
                ]
        return None, found["currency"]


def _wanted(data: Json) -> tuple[Decimal, Decimal | None, dict[int, Decimal]]:
    before = data.get("compare_at_price")
    steps = {int(step["minimum"]): number(step["price"]) for step in data.get("breaks") or []}
    return number(data["price"]), None if before is None else number(before), steps


def _same_currency(data: Json, currency: str) -> None:
    if data.get("currency", currency) != currency:
        raise Rejected(
            f"the price is in {data['currency']}, and the price list is in {currency}",
            code="CUR-UNSUPPORTED",
            fix="Use another price list.",
        )


def _money(amount: Any, currency: str) -> Json:
    return {"amount": str(amount), "currencyCode": currency}


def _id(data: Json) -> str:
    """A price has no id of its own: the list's, with the variant's number."""
    return f"{data['price_list_id']}#{number_of(data['variant_id'])}"
