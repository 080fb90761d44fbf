"""The demo's world: a shop and an ERP that behave like Shopify and Odoo, with the same articles in both."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple


class Article(NamedTuple):
    """One article of the demo: in both systems, owned by the ERP."""

    sku: str
    name: str
    price: str
    stock: int


ARTICLES = (
    Article("VALVE-10", "Ball valve 10 mm", "20.00", 400),
    Article("SEAL-3", "Seal ring 3 mm", "4.00", 900),
    Article("PUMP-8", "Circulation pump 8 l", "130.00", 120),
    Article("00123", "Hose clamp, pack of ten", "3.45", 500),
    Article("FILTER-2", "Mesh filter 2 in", "11.90", 250),
    Article("GAUGE-16", "Pressure gauge 16 bar", "27.50", 150),
)
UNKNOWN_SKU = "PUMP-X"
WAREHOUSE = "WH"

BUYERS = (
    ("Ada", "Berg", "ada.berg@example.com", "Hauptstraße 1", "10115", "Berlin", "DE"),
    ("Bao", "Chen", "bao.chen@example.com", "12 King Street", "M2 4WU", "Manchester", "GB"),
    ("Chloé", "Dupont", "chloe.dupont@example.com", "3 rue de la Paix", "75002", "Paris", "FR"),
    ("Dag", "Ek", "dag.ek@example.com", "Storgatan 9", "111 29", "Stockholm", "SE"),
    ("Elif", "Faruk", "elif.faruk@example.com", "Via Roma 7", "20121", "Milano", "IT"),
    ("Finn", "Groot", "finn.groot@example.com", "Damrak 5", "1012 LG", "Amsterdam", "NL"),
    ("Gita", "Haan", "gita.haan@example.com", "Nørregade 2", "1165", "København", "DK"),
)


@dataclass
class PlannedOrder:
    """An order that a buyer will place, and what is special about it."""

    lines: list[tuple[str, int, str]]
    buyer: tuple[str, ...]
    webhook: str = "once"  # once | twice | lost
    unknown_sku: bool = False
    shipments: int = 1
    number: str = ""
    placed: Any = field(default=None, repr=False)

    @property
    def quantities(self) -> dict[str, int]:
        """How many of each SKU were ordered."""
        found: dict[str, int] = {}
        for sku, quantity, _price in self.lines:
            found[sku] = found.get(sku, 0) + quantity
        return found

    @property
    def goods(self) -> Decimal:
        """What the lines cost together."""
        return sum((Decimal(price) * quantity for _sku, quantity, price in self.lines), Decimal(0))


def plan_orders(count: int, seed: int = 7) -> list[PlannedOrder]:
    """The orders of the demo: the third ships twice, the fifth arrives twice, the eighth is never announced, the eleventh
    has an article that nobody knows."""
    dice = random.Random(seed)  # noqa: S311 - a plan that is the same on every run
    orders = []
    for number in range(1, count + 1):
        articles = dice.sample(ARTICLES, k=dice.randint(1, 3))
        lines = [(article.sku, dice.randint(2, 6), article.price) for article in articles]
        order = PlannedOrder(lines=lines, buyer=BUYERS[number % len(BUYERS)])
        if number == 3 % (count + 1):
            order.shipments = 2
        if number == 5:
            order.webhook = "twice"
        if number == 8:
            order.webhook = "lost"
        if number == 11:
            order.lines[0] = (UNKNOWN_SKU, 1, "99.00")
            order.unknown_sku = True
        orders.append(order)
    return orders


def customer_of(buyer: tuple[str, ...]) -> dict[str, Any]:
    """The buyer as the simulated shop takes it."""
    first, last, email, street, postcode, city, country = buyer
    address = {
        "first_name": first, "last_name": last, "address1": street, "zip": postcode, "city": city, "country_code": country,
    }  # fmt: skip
    return {"first_name": first, "last_name": last, "email": email, "address": address}
