"""Where and when the pieces of an order are fulfilled: held back, moved to another location, split off; all of them, or line by line.

What is wanted is compared with the fulfilment orders as they are, so a repeat goes on where an earlier attempt stopped. Every step may
make the shop write its fulfilment orders anew, so they are read again after it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from connectors.shopify.api import ShopifyApi, number
from connectors.shopify.reading import with_all_lines
from connectors.shopify.shapes import Json
from hub.errors import Rejected

_MOVABLE = frozenset({"OPEN", "SCHEDULED", "ON_HOLD", "IN_PROGRESS"})
_HOLDABLE = frozenset({"OPEN", "SCHEDULED", "ON_HOLD"})
_DIVISIBLE = frozenset({"OPEN", "SCHEDULED", "IN_PROGRESS"})
"""Only these can be split; what is on hold is held as a whole."""


def read_fulfilment(api: ShopifyApi, order_id: str) -> Json:
    """An order with all its fulfilments and fulfilment orders; the lines of the latter are read with `lines_of`."""
    order: Json | None = None
    after = None
    while True:
        page = api.query("fulfilment_state", id=order_id, after=after)["order"]
        if page is None:
            raise Rejected("the shop has no such order", fix="Check the link of the order.", where=order_id)
        if order is None:
            order = page
        else:
            order["fulfillmentOrders"]["nodes"] += page["fulfillmentOrders"]["nodes"]
        info = page["fulfillmentOrders"]["pageInfo"]
        if not info["hasNextPage"]:
            return order | {"fulfillments": [with_all_lines(api, found) for found in order["fulfillments"]]}
        after = info["endCursor"]


def lines_of(api: ShopifyApi, fulfilment_order: Json) -> Iterator[Json]:
    """Every line of a fulfilment order."""
    page = fulfilment_order["lineItems"]
    yield from page["nodes"]
    while page["pageInfo"]["hasNextPage"]:
        data = api.query("fulfilment_order_lines", id=fulfilment_order["id"], after=page["pageInfo"]["endCursor"])
        page = data["fulfillmentOrder"]["lineItems"]
        yield from page["nodes"]


@dataclass(frozen=True)
class Part:
    """One line of a fulfilment order: how many pieces it asks for in all, and how many are left."""

    fulfilment_order: str
    status: str
    location: str
    mine: bool
    """Is it held back by this hub?"""
    line: str
    order_line: str
    sku: str | None
    total: int
    left: int

    def fits(self, asked: Json) -> bool:
        """Is this line of the order meant?"""
        own = str(asked.get("order_line") or "")
        return self.order_line == own if own.startswith("gid://") else bool(self.sku) and self.sku == asked.get("sku")


Taken = dict[str, dict[str, int]]
"""Fulfilment order -> its line -> pieces."""


class FulfilmentOrders:
    """Brings the fulfilment orders of an order to where they are wanted."""

    def __init__(self, api: ShopifyApi, installation: str) -> None:
        self._api = api
        self._handle = f"hub-{installation}"

    def hold(self, order: Json, how: Json | None) -> bool:
        """Hold back all that is open, or some lines; ``how`` none = release what this hub holds, and no other hold."""
        asked_for = order["fulfillmentOrders"]["nodes"]
        changed = bool(how) and self._set_apart(order, asked_for)
        if how and how.get("lines"):
            return self._hold_lines(order, how) or changed
        for asked in self._read(order["id"]) if changed else asked_for:
            mine = [hold["id"] for hold in asked["fulfillmentHolds"] if self._is_mine(hold)]
            if how and not mine and asked["status"] in _HOLDABLE:
                self._api.mutate("hold", id=asked["id"], hold=self._hold_input(how))
                changed = True
            elif not how and mine:
                self._api.mutate("hold_release", id=asked["id"], holds=mine)
                changed = True
        return changed

    def move(self, order: Json, target: str) -> bool:
        """Have another location fulfil all that is open."""
        there = [(asked["id"], (asked["assignedLocation"]["location"] or {}).get("id"), asked["status"])
                 for asked in order["fulfillmentOrders"]["nodes"]]  # fmt: skip
        moved = [asked for asked, place, status in there if place != target and status in _MOVABLE]
        for asked in moved:
            self._api.mutate("move", id=asked, location=target)
        return bool(moved)

    def move_lines(self, order: Json, moves: list[Json]) -> bool:
        """Have another location fulfil some lines."""
        return sum(self._move_lines(order, wanted) for wanted in moves) > 0

    def split(self, order: Json, groups: list[Json]) -> bool:
        """Give some pieces a fulfilment order of their own, which can then be shipped, held or moved apart from the others."""
        changed = False
        for group in groups:
            wanted = [(line, _pieces(line)) for line in group["lines"]]
            by_order: dict[str, list[Part]] = {}
            for part in self._parts(order["id"]):
                by_order.setdefault(part.fulfilment_order, []).append(part)
            if any(_is_just(parts, wanted) for parts in by_order.values()):
                continue
            chosen = next((taken for parts in by_order.values() if (taken := _taken_from(parts, wanted))), None)
            if chosen is None:
                raise _too_few(order, "split off", group["lines"])
            for asked, lines in chosen.items():
                self._split(asked, lines)
            changed = True
        return changed

    def _set_apart(self, order: Json, asked_for: list[Json]) -> bool:
        """Split what is left off what has shipped in part, since the shop holds back only what nothing has left of."""
        if not any(asked["status"] == "IN_PROGRESS" for asked in asked_for):
            return False
        begun: dict[str, dict[str, int]] = {}
        for part in self._parts(order["id"]):
            if part.status == "IN_PROGRESS" and part.left and not part.mine:
                begun.setdefault(part.fulfilment_order, {})[part.line] = part.left
        for asked, lines in begun.items():
            self._split(asked, lines)
        return bool(begun)

    def _split(self, asked: str, lines: dict[str, int]) -> None:
        splits = [{"fulfillmentOrderId": asked, "fulfillmentOrderLineItems": _line_input(lines)}]
        self._api.mutate("split", splits=splits)

    def _hold_lines(self, order: Json, how: Json) -> bool:
        def needed(parts: list[Part], line: Json) -> int:
            held = sum(part.left for part in parts if part.mine and part.fits(line))
            return _wanted(line, held, sum(part.left for part in parts if _free(part) and part.fits(line)))

        def _free(part: Part) -> bool:
            return part.status in _HOLDABLE - {"ON_HOLD"} and not part.mine

        taken = self._take(order, how["lines"], needed, _free, "hold back")
        for asked, lines in taken.items():
            hold = {**self._hold_input(how), "fulfillmentOrderLineItems": _line_input(lines)}
            self._api.mutate("hold", id=asked, hold=hold)
        return bool(taken)

    def _move_lines(self, order: Json, wanted: Json) -> bool:
        target = wanted["location_id"]

        def _elsewhere(part: Part) -> bool:
            return part.status in _DIVISIBLE and part.location != target

        def needed(parts: list[Part], line: Json) -> int:
            # What was asked of the location counts, also when it has left already: a repeat must not move more.
            there = sum(part.total for part in parts if part.location == target and part.fits(line))
            return _wanted(line, there, sum(part.left for part in parts if _elsewhere(part) and part.fits(line)))

        taken = self._take(order, wanted["lines"], needed, _elsewhere, "move")
        for asked, lines in taken.items():
            self._api.mutate("move", id=asked, location=target, lines=_line_input(lines))
        return bool(taken)

    def _take(
        self,
        order: Json,
        asked: list[Json],
        needed: Callable[[list[Part], Json], int],
        free: Callable[[Part], bool],
        what: str,
    ) -> Taken:
        """The pieces that are still needed, from fulfilment orders where they are free."""
        parts = self._parts(order["id"])
        left = {part.line: part.left for part in parts}
        taken: Taken = {}
        for line in asked:
            rest = needed(parts, line)
            for part in parts:
                if free(part) and part.fits(line) and (some := min(rest, left[part.line])) > 0:
                    left[part.line] -= some
                    rest -= some
                    mine = taken.setdefault(part.fulfilment_order, {})
                    mine[part.line] = mine.get(part.line, 0) + some
            if rest > 0:
                raise _too_few(order, what, [line])
        return taken

    def _parts(self, order_id: str) -> list[Part]:
        parts = []
        for asked in self._read(order_id):
            if asked["status"] == "CANCELLED":
                continue
            mine = any(self._is_mine(hold) for hold in asked["fulfillmentHolds"])
            location = (asked["assignedLocation"]["location"] or {}).get("id", "")
            parts += [
                Part(
                    asked["id"], asked["status"], location, mine, line["id"], line["lineItem"]["id"], line["sku"],
                    line["totalQuantity"], line["remainingQuantity"],
                )
                for line in lines_of(self._api, asked)
            ]  # fmt: skip
        return parts

    def _read(self, order_id: str) -> list[Json]:
        found: list[Json] = read_fulfilment(self._api, order_id)["fulfillmentOrders"]["nodes"]
        return found

    def _is_mine(self, hold: Json) -> bool:
        return str(hold["handle"] or "").startswith(self._handle)

    def _hold_input(self, how: Json) -> Json:
        return {
            "reason": str(how.get("reason", "OTHER")).upper(),
            "reasonNotes": how.get("note"),
            "handle": self._handle,
        }


def _pieces(line: Json) -> int:
    quantity = number(line["quantity"])
    if quantity != int(quantity):
        raise Rejected(
            f"Shopify fulfils whole pieces only, not {quantity} of {line.get('sku')}",
            code="ITM-UOM",
            fix="Convert the unit of measure in the mapping.",
        )
    return int(quantity)


def _wanted(line: Json, there: int, free: int) -> int:
    """How many pieces are missing; without a quantity, all that are free."""
    return free if line.get("quantity") is None else max(0, _pieces(line) - there)


def _is_just(parts: list[Part], wanted: list[tuple[Json, int]]) -> bool:
    """Does a fulfilment order ask for exactly these pieces?"""
    totals = Counter({part.order_line: part.total for part in parts if part.total})
    for line, pieces in wanted:
        found = [part.order_line for part in parts if part.fits(line)]
        if not found:
            return False
        totals[found[0]] -= pieces
    return not any(totals.values())


def _taken_from(parts: list[Part], wanted: list[tuple[Json, int]]) -> Taken | None:
    """The lines of one fulfilment order to take, if it has all of these pieces left and may be split."""
    if any(part.status not in _DIVISIBLE for part in parts):
        return None
    lines: dict[str, int] = {}
    for line, pieces in wanted:
        found = next(
            (part for part in parts if part.fits(line) and part.left >= lines.get(part.line, 0) + pieces), None
        )
        if found is None:
            return None
        lines[found.line] = lines.get(found.line, 0) + pieces
    return {parts[0].fulfilment_order: lines}


def _line_input(lines: dict[str, int]) -> list[Json]:
    return [{"id": line, "quantity": quantity} for line, quantity in lines.items()]


def _too_few(order: Json, what: str, lines: list[Json]) -> Rejected:
    named = ", ".join(
        f"{line.get('quantity') or 'some'} of {line.get('sku') or line.get('order_line')}" for line in lines
    )
    return Rejected(
        f"order {order['name']} has not enough left to {what} {named}",
        code="ORD-EDIT-LATE",
        fix="Compare the order in both systems: was it shipped, held or cancelled meanwhile?",
    )
