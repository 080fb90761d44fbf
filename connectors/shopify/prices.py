"""Prices of price lists, with quantity breaks: what a B2B catalog or a market charges in place of the variant's own price."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json, number_of
from hub.errors import Rejected, RetryLater
from hub.sdk.connector import Clock
from hub.sdk.records import DeliverResult, OutboundRecord


@dataclass
class Priced:
    """What a price list says of one variant: its price, the price before, and the price from each quantity on."""

    price: Decimal | None = None
    before: Decimal | None = None
    steps: dict[int, Decimal] = field(default_factory=dict)


class Prices:
    """Sets one variant's fixed price, one quantity break, or both. Other variants' prices, and breaks not spoken of, stay."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, clock: Clock) -> None:
        self._api = api
        self._config = config
        self._clock = clock

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Set what differs, by one mutation, all or none."""
        data = record.data
        self._valid_now(data)
        listed = self._list(data)
        present, currency = self._state(listed, data)
        if data.get("currency", currency) != currency:
            raise Rejected(
                f"the price is in {data['currency']}, and the price list is in {currency}",
                code="CUR-UNSUPPORTED",
                fix="Use a price list in that currency.",
            )
        external_id = _id(listed, data)
        if _fits(data, present):
            return DeliverResult(external_id, "adopted" if record.maybe_sent else "unchanged")
        if _minimum(data) and present.price is None:
            raise RetryLater(
                "the price list has no price of this variant yet, which a quantity break needs",
                code="DEP-PARKED",
                after=10,
            )
        self._api.mutate("price_set", list=listed, input=_input(data, currency))
        step = _minimum(data)
        known = step in present.steps if step else present.price is not None
        return DeliverResult(external_id, "updated" if known else "created")

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A price that is as wanted is an effect that is there."""
        listed = self._list(record.data)
        present, _ = self._state(listed, record.data)
        return DeliverResult(_id(listed, record.data), "adopted") if _fits(record.data, present) else None

    def _valid_now(self, data: Json) -> None:
        """Price lists of the shop know no dates, so a price may only come when it is valid."""
        now = self._clock.now()
        if data.get("valid_from") and datetime.fromisoformat(data["valid_from"]) > now:
            raise Rejected(
                "the price is not valid yet, and Shopify knows no dates",
                code="PRC-NOTYET",
                fix="Release it on its day.",
            )
        if data.get("valid_to") and datetime.fromisoformat(data["valid_to"]) < now:
            raise Rejected(
                "the price is not valid any more", code="PRC-EXPIRED", fix="Send the price that is valid now."
            )

    def _list(self, data: Json) -> str:
        """The price list's id: given, in the settings by its code, or the list of that name."""
        if data.get("price_list_id"):
            return str(data["price_list_id"])
        code = str(data["price_list"])
        wanted = self._config.price_lists.get(code, code)
        if wanted.startswith("gid://"):
            return wanted
        after, found = None, []
        while True:
            page = self._api.query("price_lists", after=after)["priceLists"]
            found += [node["id"] for node in page["nodes"] if node["name"].casefold() == wanted.casefold()]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        if len(found) != 1:
            raise Rejected(
                f"the shop has {len(found) or 'no'} price lists with the name {wanted}",
                code="XREF-CONFLICT" if found else "XREF-MISSING",
                fix="Name the list under price_lists in the connection's settings.",
            )
        return str(found[0])

    def _state(self, listed: str, data: Json) -> tuple[Priced, str]:
        query = f"variant_id:{number_of(data['variant_id'])}"
        found = self._api.query("price_state", list=listed, query=query)["priceList"]
        if found is None:
            raise Rejected("the shop has no such price list", fix="Check the id of the price list.", where=listed)
        for node in found["prices"]["nodes"]:
            if node["variant"]["id"] == data["variant_id"]:
                before = (node["compareAtPrice"] or {}).get("amount")
                steps = {
                    step["minimumQuantity"]: number(step["price"]["amount"])
                    for step in node["quantityPriceBreaks"]["nodes"]
                }
                price = number(node["price"]["amount"])
                return Priced(price, None if before is None else number(before), steps), found["currency"]
        return Priced(), found["currency"]


def _minimum(data: Json) -> int | None:
    """The quantity from which the price holds; none where it holds from the first piece."""
    minimum = number(data.get("minimum") or 1)
    if minimum != int(minimum):
        raise Rejected(
            f"Shopify knows whole quantities only, not {minimum}", code="ITM-UOM", fix="Convert the unit of measure."
        )
    return int(minimum) if minimum > 1 else None


def _steps(data: Json) -> dict[int, Decimal] | None:
    """All breaks, where the data says all of them."""
    return (
        None if data.get("breaks") is None else {int(step["minimum"]): number(step["price"]) for step in data["breaks"]}
    )


def _fits(data: Json, present: Priced) -> bool:
    if step := _minimum(data):
        return present.steps.get(step) == number(data["price"])
    before, steps = data.get("compare_at_price"), _steps(data)
    same_before = before is None or present.before == number(before)
    return present.price == number(data["price"]) and same_before and (steps is None or steps == present.steps)


def _input(data: Json, currency: str) -> Json:
    variant, step, steps = data["variant_id"], _minimum(data), _steps(data)
    price: Json = {"variantId": variant, "price": _money(data["price"], currency)}
    if data.get("compare_at_price") is not None:
        price["compareAtPrice"] = _money(data["compare_at_price"], currency)
    breaks = {step: number(data["price"])} if step else steps or {}
    return {
        "pricesToAdd": [] if step else [price],
        "pricesToDeleteByVariantId": [],
        "quantityPriceBreaksToAdd": [
            {"variantId": variant, "minimumQuantity": minimum, "price": _money(amount, currency)}
            for minimum, amount in breaks.items()
        ],
        "quantityPriceBreaksToDelete": [],
        "quantityPriceBreaksToDeleteByVariantId": [] if step or steps is None else [variant],
        "quantityRulesToAdd": [],
        "quantityRulesToDeleteByVariantId": [],
    }


def _money(amount: Any, currency: str) -> Json:
    return {"amount": str(amount), "currencyCode": currency}


def _id(listed: str, data: Json) -> str:
    """A price has no id of its own: the list's, with the variant's number and the quantity from which it holds."""
    step = _minimum(data)
    return f"{listed}#{number_of(data['variant_id'])}" + (f"@{step}" if step else "")
