"""Shipments into the shop: fulfilments over the order's fulfilment orders, each made once.

A fulfilment has no field for a marker of ours. It is recognised by its tracking numbers and lines, or, without tracking numbers, by
its lines and the time of the first attempt. That is done only when an earlier attempt may have had its effect, so that two equal
shipments of one order stay two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.fulfilment_orders import lines_of, read_fulfilment
from connectors.shopify.shapes import Json, version_of
from hub.errors import Rejected
from hub.sdk.records import DeliverResult, OutboundRecord

_VOID = frozenset({"CANCELLED", "ERROR", "FAILURE"})
_READY = frozenset({"OPEN", "IN_PROGRESS"})
_CLOCK_SKEW = timedelta(minutes=5)


@dataclass
class Want:
    """What is still to be fulfilled of one line of the shipment."""

    line: str | None
    sku: str | None
    quantity: int

    def fits(self, line: str, sku: str | None) -> bool:
        """Is this line of the order meant?"""
        return self.line == line if self.line else bool(self.sku) and self.sku == sku


@dataclass(frozen=True)
class Slot:
    """What one line of a fulfilment order leaves to fulfil."""

    location: str
    fulfilment_order: str
    fulfilment_line: str
    line: str
    sku: str | None
    left: int
    held: bool


class Shipments:
    """Delivers canonical shipments as fulfilments."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Fulfil what is not fulfilled yet, one fulfilment for each location; or bring tracking up to date, or cancel."""
        order = self._order(record)
        if record.external_id:
            return self._update(record, order)
        if record.data.get("cancel"):
            raise Rejected(
                f"the hub knows no fulfilment of order {order['name']} that this cancels",
                fix="Look at the order in the shop, and cancel the fulfilment there.",
            )
        wanted = _wanted(record.data)
        made = _earlier(record, order, wanted) if record.maybe_sent or record.attempt > 1 else []
        if not any(want.quantity for want in wanted):
            return _result(made, "adopted")
        slots = list(self._slots(order))
        try:
            for parts in _allocate(order, wanted, slots, record.data.get("location_id")):
                payload = self._api.mutate("fulfilment_create", fulfillment=_input(record.data, parts))
                made.append(payload["fulfillment"])
        except Rejected:
            # Another attempt at this shipment may have been quicker. Without tracking numbers it could be an equal shipment instead.
            found = self.find_effect(record) if _tracking(record.data) else None
            if found is None:
                raise
            return found
        return _result(made, "created")

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """The fulfilments that earlier attempts made, if they are all there."""
        order = self._order(record)
        if record.external_id:
            return None
        wanted = _wanted(record.data)
        made = _earlier(record, order, wanted)
        return _result(made, "adopted") if made and not any(want.quantity for want in wanted) else None

    def _update(self, record: OutboundRecord, order: Json) -> DeliverResult:
        ids = str(record.external_id).split(",")
        there = [found for found in order["fulfillments"] if found["id"] in ids]
        if len(there) < len(ids):
            raise Rejected(
                "the order has no such fulfilment any more", fix="Look at the order in the shop.", where=record.marker
            )
        standing = [found for found in there if found["status"] not in _VOID]
        if record.data.get("cancel"):
            for found in standing:
                self._api.mutate("fulfilment_cancel", id=found["id"])
            return _result(there, "updated" if standing else "adopted" if record.maybe_sent else "unchanged")
        if not standing:
            raise Rejected(
                f"the fulfilment of order {order['name']} was cancelled in the shop",
                fix="Send the parcel as a new shipment, if it has left.",
            )
        tracking = _tracking(record.data)
        changed = [found for found in standing if tracking and not _tracked(found, tracking)]
        for found in changed:
            self._api.mutate(
                "tracking_update", id=found["id"], tracking=tracking, notify=bool(record.data.get("notify_customer"))
            )
        return _result(there, "updated" if changed else "unchanged")

    def _order(self, record: OutboundRecord) -> Json:
        return read_fulfilment(self._api, str(record.data["order_id"]))

    def _slots(self, order: Json) -> Iterator[Slot]:
        for found in order["fulfillmentOrders"]["nodes"]:
            if found["status"] not in _READY and found["status"] != "ON_HOLD":
                continue
            location = (found["assignedLocation"]["location"] or {}).get("id", "")
            for line in lines_of(self._api, found):
                if line["remainingQuantity"] > 0:
                    yield Slot(
                        location,
                        found["id"],
                        line["id"],
                        line["lineItem"]["id"],
                        line["sku"],
                        line["remainingQuantity"],
                        found["status"] == "ON_HOLD",
                    )


def _wanted(data: Json) -> list[Want]:
    wanted = []
    for line in data["lines"]:
        quantity = number(line["quantity"])
        if quantity != int(quantity):
            raise Rejected(
                f"Shopify ships whole pieces only, and {line.get('sku')} has a quantity of {quantity}",
                code="ITM-UOM",
                fix="Convert the unit of measure in the mapping.",
            )
        own = str(line.get("order_line") or "").startswith("gid://shopify/LineItem/")
        wanted.append(Want(line["order_line"] if own else None, line.get("sku"), int(quantity)))
    return wanted


def _earlier(record: OutboundRecord, order: Json, wanted: list[Want]) -> list[Json]:
    """The fulfilments that an earlier attempt made. What they hold is taken off ``wanted``."""
    numbers = _tracking(record.data).get("numbers", [])
    found = []
    for fulfilment in order["fulfillments"]:
        if fulfilment["status"] in _VOID or _numbers(fulfilment) != numbers:
            continue
        if not numbers and not _since_first_attempt(record, fulfilment):
            continue
        if _take(fulfilment, wanted):
            found.append(fulfilment)
    return found


def _take(fulfilment: Json, wanted: list[Want]) -> bool:
    """Take the fulfilment's lines off ``wanted``, if all of them fit in."""
    left = [want.quantity for want in wanted]
    for line in fulfilment["fulfillmentLineItems"]["nodes"]:
        rest = line["quantity"]
        for index, want in enumerate(wanted):
            if rest and want.fits(line["lineItem"]["id"], line["lineItem"]["sku"]):
                taken = min(rest, left[index])
                left[index] -= taken
                rest -= taken
        if rest:
            return False
    for want, quantity in zip(wanted, left, strict=True):
        want.quantity = quantity
    return True


def _allocate(
    order: Json, wanted: list[Want], slots: list[Slot], preferred: str | None
) -> list[list[tuple[Slot, int]]]:
    """Which slots the wanted quantities come from, grouped by location: one fulfilment may not span two of them."""
    coverage: dict[str, int] = defaultdict(int)
    for slot in slots:
        if not slot.held and any(want.fits(slot.line, slot.sku) for want in wanted):
            coverage[slot.location] += slot.left
    ranked = sorted(coverage, key=lambda place: (place != preferred, -coverage[place]))
    left = {slot.fulfilment_line: slot.left for slot in slots}
    parts: dict[str, list[tuple[Slot, int]]] = defaultdict(list)
    for want in wanted:
        rest = want.quantity
        for place in ranked:
            for slot in slots:
                if slot.held or slot.location != place or not want.fits(slot.line, slot.sku):
                    continue
                taken = min(rest, left[slot.fulfilment_line])
                if taken:
                    left[slot.fulfilment_line] -= taken
                    rest -= taken
                    parts[place].append((slot, taken))
        if rest:
            raise _not_left(order, want, rest, slots)
    return list(parts.values())


def _not_left(order: Json, want: Want, rest: int, slots: list[Slot]) -> Rejected:
    what = want.sku or want.line
    if order["cancelledAt"]:
        return Rejected(
            f"order {order['name']} was cancelled in the shop",
            code="ORD-CANCEL-LATE",
            fix="Stop the parcel, or take it back.",
        )
    if any(slot.held and want.fits(slot.line, slot.sku) for slot in slots):
        return Rejected(
            f"{what} of order {order['name']} is on hold in the shop",
            fix="Release the hold there, then release the delivery.",
        )
    return Rejected(
        f"order {order['name']} has {rest} of {what} less to fulfil than was shipped",
        fix="Compare the order in both systems: was it fulfilled by hand, edited or refunded?",
    )


def _input(data: Json, parts: list[tuple[Slot, int]]) -> Json:
    by_order: dict[str, list[Json]] = defaultdict(list)
    merged: dict[str, tuple[str, int]] = {}
    for slot, quantity in parts:
        _, before = merged.get(slot.fulfilment_line, ("", 0))
        merged[slot.fulfilment_line] = (slot.fulfilment_order, before + quantity)
    for line, (fulfilment_order, quantity) in merged.items():
        by_order[fulfilment_order].append({"id": line, "quantity": quantity})
    made: Json = {
        "lineItemsByFulfillmentOrder": [
            {"fulfillmentOrderId": found, "fulfillmentOrderLineItems": lines} for found, lines in by_order.items()
        ],
        "notifyCustomer": bool(data.get("notify_customer")),
    }
    if tracking := _tracking(data):
        made["trackingInfo"] = tracking
    return made


def _tracking(data: Json) -> Json:
    """The tracking of the shipment as the API takes it; empty when there is none. One carrier for all parcels is all it knows."""
    parcels = [parcel for parcel in data.get("tracking") or [] if parcel.get("number")]
    if not parcels:
        return {}
    made: Json = {"numbers": [str(parcel["number"]) for parcel in parcels]}
    if company := next((parcel["company"] for parcel in parcels if parcel.get("company")), None):
        made["company"] = company
    urls = [parcel["url"] for parcel in parcels if parcel.get("url")]
    if len(urls) == len(parcels):
        made["urls"] = urls
    return made


def _numbers(fulfilment: Json) -> list[str]:
    return [parcel["number"] for parcel in fulfilment["trackingInfo"] if parcel["number"]]


def _tracked(fulfilment: Json, tracking: Json) -> bool:
    """Does the fulfilment have this tracking already: numbers, carrier and addresses, where they are given?"""
    parcels = [parcel for parcel in fulfilment["trackingInfo"] if parcel["number"]]
    companies = {(parcel["company"] or "").casefold() for parcel in parcels}
    same_company = "company" not in tracking or companies == {tracking["company"].casefold()}
    same_urls = "urls" not in tracking or [parcel["url"] for parcel in parcels] == tracking["urls"]
    return _numbers(fulfilment) == tracking["numbers"] and same_company and same_urls


def _since_first_attempt(record: OutboundRecord, fulfilment: Json) -> bool:
    if not record.first_sent_at:
        return True
    first = datetime.fromisoformat(version_of(record.first_sent_at))
    made = datetime.fromisoformat(fulfilment["createdAt"])
    return made >= first - _CLOCK_SKEW


def _result(made: list[Json], applied: Any) -> DeliverResult:
    """The fulfilments' ids, joined by a comma where there are several locations."""
    return DeliverResult(
        external_id=",".join(found["id"] for found in made),
        applied=applied,
        version=max((version_of(found.get("updatedAt")) for found in made), default=""),
    )
