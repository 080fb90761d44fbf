"""Stock levels into the shop: absolute quantities by compare-and-set, so that a sale in the same moment is never overwritten."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_FLOOR
from uuid import NAMESPACE_URL, uuid5

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.shapes import Json
from connectors.shopify.together import Outcome, Outcomes, refused_places
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
        raise _restless()

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A level that is as wanted is an effect that is there, whoever brought it about."""
        level = self._item(record.data)["inventoryLevel"]
        if level is None or not level["isActive"] or _available(level) != _quantity(record.data):
            return None
        return DeliverResult(level["id"], "adopted")

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[Outcome]:
        """Set many quantities in one call, all or none: those that the shop names as refused or stale are taken out, the rest go again."""
        told = Outcomes(records)
        wanted: dict[int, int] = {}
        levels: dict[tuple[str, str], int] = {}
        for place, record in enumerate(records):
            with told.standing_for([place]):
                wanted[place] = _quantity(record.data)
                levels.setdefault((record.data["variant_id"], record.data["location_id"]), place)
        together = set(levels.values())
        for turn in range(_ROUNDS):
            if changes := self._changes(told, [place for place in told.open if place in together], wanted):
                self._set_many(told, changes, turn)
        for place in set(told.open) & together:
            told.tell(place, _restless())
        told.alone(told.open, self.deliver)  # a level that is written twice: one after the other
        return told.all()

    def _changes(self, told: Outcomes, places: list[int], wanted: dict[int, int]) -> list[tuple[int, str, Json]]:
        """What has to be set: the place of the write, the level's id, and the quantity's input. What needs no call is told at once."""
        changes = []
        found: dict[tuple[str, str], Json] = {}
        with told.standing_for(places):
            try:
                found = self._items([told.records[place].data for place in places])
            except Rejected:  # an id among them is none: each has its own answer
                told.alone(places, self.deliver)
        for place in [one for one in places if one in told.open]:
            data = told.records[place].data
            item = found.get((data["variant_id"], data["location_id"]))
            level = item and item["inventoryLevel"]
            if not item or not item["tracked"] or not level or not level["isActive"]:
                told.alone([place], self.deliver)  # gone, not tracked, or not stocked there yet
            elif (present := _available(level)) == wanted[place]:
                told.tell(place, DeliverResult(level["id"], "unchanged"))
            else:
                changes.append((place, level["id"], _set_input(item, data, present, wanted[place])))
        return changes

    def _items(self, wanted: Sequence[Json]) -> dict[tuple[str, str], Json]:
        """The inventory items, by variant and location; a variant that is gone is not among them."""
        by_location: dict[str, list[str]] = {}
        for data in wanted:
            by_location.setdefault(data["location_id"], []).append(data["variant_id"])
        found: dict[tuple[str, str], Json] = {}
        for location, variants in by_location.items():
            for node in self._api.query("stock_many", variants=variants, location=location)["nodes"]:
                if node:
                    found[node["id"], location] = node["inventoryItem"]
        return found

    def _set_many(self, told: Outcomes, changes: list[tuple[int, str, Json]], turn: int) -> None:
        """Set them. What stays open is to be read again."""
        places = [place for place, _, _ in changes]
        first = told.records[places[0]]
        given = self._input([one for _, _, one in changes], first)
        keys = ":".join(_key(told.records[place], str(turn)) for place in places)
        with told.standing_for(places):
            try:
                self._api.mutate("stock_set", input=given, key=str(uuid5(NAMESPACE_URL, keys)))
            except UserErrors as refused:
                self._refused(told, places, refused)
                return
            for place, level, _ in changes:
                told.tell(place, DeliverResult(level, "updated"))

    def _refused(self, told: Outcomes, places: list[int], refused: UserErrors) -> None:
        if "IDEMPOTENCY_CONCURRENT_REQUEST" in refused.codes:
            raise _at_work() from refused
        named = refused_places(refused)
        for (_, index), no in named.items():
            if not no.codes & _STALE:
                told.tell(places[index], no)
        if not named and not refused.codes & (_STALE | _DEAD_KEY):
            told.alone(places, self.deliver)

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
        change = self._input([_set_input(item, record.data, present, wanted)], record)
        try:
            self._api.mutate("stock_set", input=change, key=_key(record, f"{present}:{turn}"))
        except UserErrors as refused:
            if refused.codes & (_STALE | _DEAD_KEY):
                return False
            if "IDEMPOTENCY_CONCURRENT_REQUEST" in refused.codes:
                raise _at_work() from refused
            raise
        return True

    def _input(self, quantities: list[Json], first: OutboundRecord) -> Json:
        """The input for these quantities. One document stands for all of them: the first write's marker leads to the batch."""
        return {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": f"gid://{self._installation}/InventoryLevel/{first.marker}",
            "quantities": quantities,
        }


def _set_input(item: Json, data: Json, present: int, wanted: int) -> Json:
    return {
        "inventoryItemId": item["id"],
        "locationId": data["location_id"],
        "quantity": wanted,
        "changeFromQuantity": present,
    }


def _restless() -> RetryLater:
    return RetryLater("the level in the shop changed each time it was to be set", code="INV-CAS-STALE", after=5)


def _at_work() -> RetryLater:
    return RetryLater("the shop is still at work on this level", code="INV-CAS-STALE", after=2)


def _quantity(data: Json) -> int:
    """Whole pieces: half a piece cannot be sold, so it is left out."""
    return int(number(data["available"]).to_integral_value(ROUND_FLOOR))


def _available(level: Json) -> int:
    return next(int(found["quantity"]) for found in level["quantities"] if found["name"] == "available")


def _key(record: OutboundRecord, what: str) -> str:
    """The vendor answers a key it knows with the earlier outcome and changes nothing, so each attempt has its own. What keeps an
    attempt that was believed lost from doing harm is the compare-and-set."""
    return str(uuid5(NAMESPACE_URL, f"{record.idempotency_key}:{record.attempt}:{what}"))
