"""Which moves of Odoo's transfers the lines of a shipment or a return mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from connectors.odoo.client import OdooClient, Record
from connectors.odoo.streams.base import external_value, many2one
from connectors.odoo.streams.order_lines import number


def line_keys(client: OdooClient, moves: Iterable[Record]) -> dict[int, str]:
    """The shop's ids of the order lines behind the moves: they are the last part of the external ids that the hub gave the lines."""
    lines = sorted({id_ for move in moves if (id_ := many2one(move["sale_line_id"]))})
    names = client.call("sale.order.line", "get_external_id", lines) if lines else {}
    found = {int(id_): external_value(name, "line") for id_, name in names.items()}
    return {id_: key for id_, key in found.items() if key}


def assigned(
    lines: Sequence[Mapping[str, Any]], moves: Sequence[tuple[Record, Decimal]], keys: Mapping[int, str]
) -> dict[int, Decimal] | None:
    """How much of each move the lines name; none where the moves, each with what it still has, do not have all of it.

    A line means the moves of its order line; where one of the two is not known, those of its product.
    """
    taken: dict[int, Decimal] = {}
    for line in lines:
        quantity = number(line["quantity"])
        for move, left in moves:
            key, product = keys.get(many2one(move["sale_line_id"]) or 0), many2one(move["product_id"])
            named = line.get("order_line") and key == str(line["order_line"])
            if named or (not (line.get("order_line") and key) and str(product) == str(line.get("product_id"))):
                part = min(quantity, left - taken.get(move["id"], Decimal(0)))
                if part > 0:
                    taken[move["id"]] = taken.get(move["id"], Decimal(0)) + part
                    quantity -= part
        if quantity > 0:
            return None
    return taken
