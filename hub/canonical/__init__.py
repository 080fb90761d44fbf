"""The canonical data model: what every connected system is translated to and from."""

from hub.canonical.base import Address, Entity, Model, Money
from hub.canonical.customer import Customer
from hub.canonical.inventory import InventoryLevel, Warehouse
from hub.canonical.invoice import Invoice
from hub.canonical.order import Order, OrderLine
from hub.canonical.payment import Payment
from hub.canonical.price import Price
from hub.canonical.product import Product, Variant
from hub.canonical.returns import Return
from hub.canonical.shipment import Shipment

_ALL: list[type[Entity]] = [
    Product,
    Warehouse,
    Variant,
    Price,
    Customer,
    InventoryLevel,
    Order,
    Shipment,
    Return,
    Invoice,
    Payment,
]

ENTITIES: dict[str, type[Entity]] = {entity.entity: entity for entity in sorted(_ALL, key=lambda entity: entity.rank)}
"""Every canonical entity by its name, those that others refer to first."""

__all__ = [
    "ENTITIES",
    "Address",
    "Customer",
    "Entity",
    "InventoryLevel",
    "Invoice",
    "Model",
    "Money",
    "Order",
    "OrderLine",
    "Payment",
    "Price",
    "Product",
    "Return",
    "Shipment",
    "Variant",
    "Warehouse",
]
