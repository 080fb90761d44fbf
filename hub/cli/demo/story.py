"""What happens in the demo, step by step: buyers order, the ERP ships, stock changes, and the hub carries it across."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from hub.cli.demo.world import ARTICLES, WAREHOUSE, PlannedOrder, customer_of
from hub.errors import HubError

STEPS = (
    ("learn", "articles known in both systems"),
    ("order", "orders placed in the shop"),
    ("confirm", "sales orders confirmed in the ERP"),
    ("ship", "shipments sent by the ERP"),
    ("fulfil", "fulfilments with tracking in the shop"),
    ("stock", "stock levels alike in both"),
)
RESTOCKED = ("SEAL-3", 1250)


@dataclass
class World:
    """The two simulated systems and what was planned for them."""

    shop: Any
    erp: Any
    orders: list[PlannedOrder]
    tracking: dict[str, list[str]] = field(default_factory=dict)

    @property
    def good_orders(self) -> list[PlannedOrder]:
        """The orders that must arrive: all whose articles are known."""
        return [order for order in self.orders if not order.unknown_sku]

    def stock(self) -> None:
        """Put every article into both systems; the ERP has stock, the shop does not know how much yet."""
        for article in ARTICLES:
            self.erp.add_product(article.sku, article.name, article.price, stock={WAREHOUSE: article.stock})
            self.shop.add_product(article.sku, article.name, article.price)

    def erp_order(self, order: PlannedOrder) -> Any | None:
        """The ERP's confirmed sale order for this one, found as a person would: by the shop's order number."""
        return next(
            (sale for sale in self.erp.orders if sale["origin"] == order.number and sale["state"] == "sale"), None
        )

    def confirmed(self) -> int:
        """How many good orders are confirmed in the ERP."""
        origins = {sale["origin"] for sale in self.erp.orders if sale["state"] == "sale"}
        return sum(order.number in origins for order in self.good_orders)

    def fulfilled(self) -> int:
        """How many fulfilments the shop has."""
        return sum(len(self.shop.fulfillments(order.placed)) for order in self.good_orders)

    def levels_alike(self) -> int:
        """For how many articles both systems say the same."""
        return sum(self.shop.inventory(a.sku) == self.erp.stock(a.sku, WAREHOUSE) for a in ARTICLES)


class Story:
    """Runs the demo's steps. ``tell(step, done, of)`` hears of every progress."""

    def __init__(
        self, world: World, linked: Callable[[], int], tell: Callable[[str, int, int], None], patience: float
    ) -> None:
        self.world = world
        self.linked = linked
        self.tell = tell
        self.patience = patience

    def run(self) -> None:
        """All steps in their order. Raises `HubError` DEMO-SLOW when one is not done within the patience."""
        world = self.world
        self.wait("learn", self.linked, 2 * len(ARTICLES))
        self.place_orders()
        self.wait("confirm", world.confirmed, len(world.good_orders))
        shipments = self.ship()
        self.wait("fulfil", world.fulfilled, shipments)
        world.erp.set_stock(RESTOCKED[0], WAREHOUSE, RESTOCKED[1])
        self.wait("stock", world.levels_alike, len(ARTICLES))

    def place_orders(self) -> None:
        """Buyers order, one after the other, faster than any person could."""
        for done, order in enumerate(self.world.orders, start=1):
            announce: Any = {"once": True, "lost": False, "twice": "twice"}[order.webhook]
            order.placed = self.world.shop.place_order(
                order.lines, customer=customer_of(order.buyer), shipping="5.90", send_webhook=announce
            )
            order.number = order.placed.name
            self.tell("order", done, len(self.world.orders))
            time.sleep(0.02)

    def ship(self) -> int:
        """The ERP's warehouse ships every confirmed order, one of them in two parcels. Returns the number of shipments."""
        world = self.world
        total = sum(order.shipments for order in world.good_orders)
        done = 0
        for order in world.good_orders:
            sale = world.erp_order(order)
            if sale is None:
                raise HubError(f"order {order.number} is not in the ERP", code="DEMO-MISSING", fix="See the hub's log.")
            parcels = [None] if order.shipments == 1 else [dict.fromkeys(order.quantities, 1), None]
            for number, lines in enumerate(parcels, start=1):
                code = f"TRACK{order.number.lstrip('#')}{number}"
                world.erp.ship(sale["name"], lines=lines, tracking=code)
                world.tracking.setdefault(order.number, []).append(code)
                done += 1
                self.tell("ship", done, total)
        return total

    def wait(self, step: str, count: Callable[[], int], wanted: int) -> None:
        """Wait until ``count()`` is what is wanted. Raises `HubError` DEMO-SLOW when patience ends."""
        until = time.monotonic() + self.patience
        while True:
            done = count()
            self.tell(step, done, wanted)
            if done >= wanted:
                return
            if time.monotonic() > until:
                raise HubError(
                    f"after {self.patience:.0f} s there are {done} of {wanted} {dict(STEPS)[step]}",
                    code="DEMO-SLOW",
                    fix="Look at what waits: hub exceptions and hub status, with the demo's --project; and at its hub.log.",
                )
            time.sleep(0.05)
