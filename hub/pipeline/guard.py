"""Business checks before a change goes on: what must not be passed on without a person's look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from hub.canonical import Entity, Money, Order
from hub.canonical.codes import minor_units
from hub.canonical.reasons import Policy, reason
from hub.store import Trouble


def guard(record: Entity) -> list[Trouble]:
    """What the checks of this entity find. Whether it stops the record is said by each code's policy."""
    return [trouble for check in CHECKS.get(record.entity, ()) for trouble in check(record)]


def stops(trouble: Trouble) -> bool:
    """Does this finding stop the record until a person releases it?"""
    return reason(trouble.code).policy in (Policy.STOP, Policy.HOLD_LINE)


def sums_of_order(record: Entity) -> list[Trouble]:
    """The parts of an order must add up to its total: within half a minor unit a line they count as rounding."""
    if not isinstance(record, Order):
        return []
    totals = record.totals
    total = _amount(totals.goods) - _amount(totals.discount) + _amount(totals.freight) + _amount(totals.duty)
    if not record.tax_included:
        total += _amount(totals.tax)
    goods = sum((line.unit_price.amount * line.quantity for line in record.lines), Decimal(0))
    unit = Decimal(1).scaleb(-minor_units(totals.total.currency))
    tolerance = unit * (len(record.lines) + 2) / 2
    found = []
    for what, expected, stated in (
        ("the parts add up to {} and the total is {}", total, totals.total.amount),
        ("the lines add up to {} and the goods are {}", goods, totals.goods.amount),
    ):
        difference = abs(expected - stated)
        if difference:
            code = "AMT-ROUNDING" if difference <= max(tolerance, unit) else "AMT-TOTAL"
            sentence = what.format(format(expected.normalize(), "f"), format(stated.normalize(), "f"))
            found.append(
                Trouble(code, f"{sentence} {totals.total.currency}", reason(code).fix, f"order {record.number}")
            )
    return found


def _amount(money: Money | None) -> Decimal:
    return money.amount if money is not None else Decimal(0)


CHECKS: dict[str, Sequence[Callable[[Entity], list[Trouble]]]] = {"order": (sums_of_order,)}
"""The checks of each entity."""
