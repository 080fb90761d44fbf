"""Prices of price lists, with quantity breaks: what a B2B catalog or a market charges in place of the variant's own price."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.price_lists import PriceLists
from connectors.shopify.shapes import Json, number_of
from connectors.shopify.together import Outcome, Outcomes, Place, refused_places
from hub.errors import Rejected, RetryLater
from hub.sdk.connector import ConnectorIO
from hub.sdk.records import DeliverResult, OutboundRecord

_LONGEST = 250
"""Shopify takes no longer list in an input."""
_PRICELESS = "QUANTITY_PRICE_BREAK_ADD_PRICE_LIST_PRICE_NOT_FOUND"


@dataclass
class Priced:
    """What a price list says of one variant: its price, the price before, and the price from each quantity on."""

    price: Decimal | None = None
    before: Decimal | None = None
    steps: dict[int, Decimal] = field(default_factory=dict)


class Prices:
    """Sets one variant's fixed price, one quantity break, or both. Other variants' prices, and breaks not spoken of, stay."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, io: ConnectorIO) -> None:
        self._api = api
        self._clock = io.clock
        self._lists = PriceLists(api, config, io.tokens)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Set what differs, by one mutation, all or none; a percentage is the whole list's."""
        data = record.data
        self._valid_now(data)
        if data.get("percent") is not None:
            return self._lists.adjust(record)
        listed = self._lists.find(data)
        states, currency = self._states(listed, [data["variant_id"]])
        present = states.get(data["variant_id"], Priced())
        _same_currency(data, currency)
        if _fits(data, present):
            return DeliverResult(_id(listed, data), "adopted" if record.maybe_sent else "unchanged")
        if _minimum(data) and present.price is None:
            raise _no_price_yet()
        self._api.mutate("price_set", list=listed, input=_input([_Part(0, data, present)], currency))
        return _set(listed, data, present)

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[Outcome]:
        """Set many prices, one call for each price list. What the shop names as refused is taken out, and the rest goes again."""
        told = Outcomes(records)
        lists: dict[str, str] = {}
        by_list: dict[str, list[int]] = {}
        seen: set[str] = set()
        for place, record in enumerate(records):
            with told.standing_for([place]):
                data = record.data
                self._valid_now(data)
                if data.get("percent") is not None:
                    continue
                name = str(data.get("price_list_id") or data["price_list"])
                if name not in lists:
                    lists[name] = self._lists.find(data)
                if (external_id := _id(lists[name], data)) not in seen:  # twice the same: one after the other
                    seen.add(external_id)
                    by_list.setdefault(lists[name], []).append(place)
        for listed, places in by_list.items():
            with told.standing_for(places):
                states, currency = self._states(listed, {records[place].data["variant_id"] for place in places})
                parts = self._parts(told, listed, places, states, currency)
                for chunk in _chunks(parts, currency):
                    with told.standing_for([part.place for part in chunk]):
                        self._set_many(told, listed, chunk, currency)
        told.alone(told.open, self.deliver)
        return told.all()

    def _parts(
        self, told: Outcomes, listed: str, places: list[int], states: dict[str, Priced], currency: str
    ) -> list[_Part]:
        """What has to be set in one call: prices first, then breaks whose price is there or comes with them."""
        parts: list[_Part] = []
        priced: set[str] = set()
        for place in sorted(places, key=lambda one: _minimum(told.records[one].data) or 0):
            with told.standing_for([place]):
                data = told.records[place].data
                variant, present = data["variant_id"], states.get(data["variant_id"], Priced())
                _same_currency(data, currency)
                alone = _minimum(data) and (
                    any(part.data["variant_id"] == variant and _steps(part.data) is not None for part in parts)
                    or (present.price is None and variant not in priced)
                )
                if alone:
                    continue  # its price comes with all its breaks, or is not there: that is found out by itself
                if _fits(data, present):
                    told.tell(place, DeliverResult(_id(listed, data), "unchanged"))
                    continue
                priced.add(variant)
                parts.append(_Part(place, data, present))
        return parts

    def _set_many(self, told: Outcomes, listed: str, parts: list[_Part], currency: str) -> None:
        while parts:
            try:
                self._api.mutate("price_set", list=listed, input=_input(parts, currency))
            except UserErrors as refused:
                owners = _owners(parts)
                named = {owners[place]: no for place, no in refused_places(refused).items() if place in owners}
                if not named:
                    return  # it does not say which: each is asked by itself
                for place, no in named.items():
                    if (
                        _PRICELESS not in no.codes
                    ):  # a break whose new price was refused has none to stand on, and may wait
                        told.tell(place, no)
                parts = [part for part in parts if part.place not in named]
                continue
            for part in parts:
                told.tell(part.place, _set(listed, part.data, part.present))
            return

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A price that is as wanted is an effect that is there. Whether a quantity rule is, the shop does not tell: it is set again."""
        if record.data.get("percent") is not None:
            return self._lists.adjusted(record)
        listed = self._lists.known(record.data)
        if listed is None:
            return None
        states, _ = self._states(listed, [record.data["variant_id"]])
        present = states.get(record.data["variant_id"], Priced())
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

    def _states(self, listed: str, variants: Collection[str]) -> tuple[dict[str, Priced], str]:
        """What the list says of these variants, where it says anything, and its currency."""
        query = " OR ".join(f"variant_id:{number_of(variant)}" for variant in sorted(variants))
        found = self._api.query("price_state", list=listed, query=query, first=len(variants))["priceList"]
        if found is None:
            raise Rejected("the shop has no such price list", fix="Check the id of the price list.", where=listed)
        states: dict[str, Priced] = {}
        for node in found["prices"]["nodes"]:
            before = (node["compareAtPrice"] or {}).get("amount")
            steps = {
                step["minimumQuantity"]: number(step["price"]["amount"])
                for step in node["quantityPriceBreaks"]["nodes"]
            }
            price = number(node["price"]["amount"])
            states[node["variant"]["id"]] = Priced(price, None if before is None else number(before), steps)
        return states, found["currency"]


@dataclass(frozen=True)
class _Part:
    """One write among many: its place, its data, and what the price list says already."""

    place: int
    data: Json
    present: Priced


def _no_price_yet() -> RetryLater:
    return RetryLater(
        "the price list has no price of this variant yet, which a quantity break needs", code="DEP-PARKED", after=10
    )


def _same_currency(data: Json, currency: str) -> None:
    if data.get("currency", currency) != currency:
        raise Rejected(
            f"the price is in {data['currency']}, and the price list is in {currency}",
            code="CUR-UNSUPPORTED",
            fix="Use a price list in that currency.",
        )


def _set(listed: str, data: Json, present: Priced) -> DeliverResult:
    step = _minimum(data)
    known = step in present.steps if step else present.price is not None
    return DeliverResult(_id(listed, data), "updated" if known else "created")


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
    """Is all as wanted already? Quantity rules cannot be read for a single variant, so they are always set."""
    if data.get("rule") is not None:
        return False
    if step := _minimum(data):
        return present.steps.get(step) == number(data["price"])
    before, steps = data.get("compare_at_price"), _steps(data)
    same_before = before is None or present.before == number(before)
    return present.price == number(data["price"]) and same_before and (steps is None or steps == present.steps)


def _input(parts: Sequence[_Part], currency: str) -> Json:
    """The input for these writes. `_owners` knows which write an entry of its lists is of."""
    whole = [part for part in parts if _minimum(part.data) is None]
    ruled = [part for part in parts if part.data.get("rule") is not None]
    return {
        "pricesToAdd": [_price(part.data, currency) for part in whole],
        "pricesToDeleteByVariantId": [],
        "quantityPriceBreaksToAdd": [
            {"variantId": part.data["variant_id"], "minimumQuantity": minimum, "price": _money(amount, currency)}
            for part, minimum, amount in _breaks(parts)
        ],
        "quantityPriceBreaksToDelete": [],
        "quantityPriceBreaksToDeleteByVariantId": [
            part.data["variant_id"] for part in whole if _steps(part.data) is not None
        ],
        "quantityRulesToAdd": [_rule(part.data) for part in ruled],
        "quantityRulesToDeleteByVariantId": [],
    }


def _owners(parts: Sequence[_Part]) -> dict[Place, int]:
    """Of which write each entry of the input is."""
    whole = [part for part in parts if _minimum(part.data) is None]
    cleared = [part for part in whole if _steps(part.data) is not None]
    lists = {
        "pricesToAdd": whole,
        "quantityPriceBreaksToAdd": [part for part, _, _ in _breaks(parts)],
        "quantityPriceBreaksToDeleteByVariantId": cleared,
        "quantityRulesToAdd": [part for part in parts if part.data.get("rule") is not None],
    }
    return {(name, index): part.place for name, found in lists.items() for index, part in enumerate(found)}


def _breaks(parts: Sequence[_Part]) -> Iterator[tuple[_Part, int, Decimal]]:
    for part in parts:
        step = _minimum(part.data)
        breaks = {step: number(part.data["price"])} if step else _steps(part.data) or {}
        yield from ((part, minimum, amount) for minimum, amount in breaks.items())


def _chunks(parts: Sequence[_Part], currency: str) -> Iterator[list[_Part]]:
    """As many writes as one call may carry: no list of the input is longer than `_LONGEST`."""
    chunk: list[_Part] = []
    for part in parts:
        longest = max(len(entries) for entries in _input([*chunk, part], currency).values())
        if chunk and longest > _LONGEST:
            yield chunk
            chunk = []
        chunk.append(part)
    if chunk:
        yield chunk


def _price(data: Json, currency: str) -> Json:
    made: Json = {"variantId": data["variant_id"], "price": _money(data["price"], currency)}
    if data.get("compare_at_price") is not None:
        made["compareAtPrice"] = _money(data["compare_at_price"], currency)
    return made


def _rule(data: Json) -> Json:
    """How many pieces may be bought at once: at least, at most, and in steps of how many."""
    rule = data["rule"]
    made = {
        "variantId": data["variant_id"],
        "minimum": int(rule.get("minimum", 1)),
        "increment": int(rule.get("increment", 1)),
    }
    return made | ({"maximum": int(rule["maximum"])} if rule.get("maximum") is not None else {})


def _money(amount: Any, currency: str) -> Json:
    return {"amount": str(amount), "currencyCode": currency}


def _id(listed: str, data: Json) -> str:
    """A price has no id of its own: the list's, with the variant's number and the quantity from which it holds."""
    step = _minimum(data)
    return f"{listed}#{number_of(data['variant_id'])}" + (f"@{step}" if step else "")
