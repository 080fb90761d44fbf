"""The lines of a sale order as Odoo wants them: exact to the cent, with shipping and discounts as lines of their own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from connectors.odoo.client import OdooClient
from connectors.odoo.config import OdooConfig
from connectors.odoo.streams.base import external_name
from connectors.odoo.streams.taxes import Match, Taxes
from hub.canonical.codes import minor_units
from hub.errors import Rejected

_CENT_OF_PERCENT = Decimal("0.01")
_PRICE_DIGITS = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Line:
    """One sale order line. ``key`` is its id at the shop; ``taxes`` is none where Odoo chooses them."""

    key: str
    product: int
    name: str
    quantity: Decimal
    price: Decimal
    discount: Decimal = Decimal(0)
    taxes: tuple[int, ...] | None = None


def number(value: Any) -> Decimal:
    """An amount of the rendered data, which is text, a whole number or a Decimal."""
    return Decimal(str(value)) if value not in (None, "") else Decimal(0)


def line_cells(marker: str, position: int, line: Line, tax_field: str) -> dict[str, str]:
    """The line as the columns of Odoo's `load`, under an external id of its own, so that it is made once and found again."""
    cells = {
        "order_line/id": external_name(marker, "line", line.key),
        "order_line/sequence": str(position),
        "order_line/product_id/.id": str(line.product),
        "order_line/name": line.name,
        "order_line/product_uom_qty": format(line.quantity, "f"),
        "order_line/price_unit": format(line.price, "f"),
        "order_line/discount": format(line.discount, "f"),
    }
    if line.taxes is not None:
        cells[f"order_line/{tax_field}/.id"] = ",".join(str(id_) for id_ in line.taxes)
    return cells


def tax_field(client: OdooClient) -> str:
    """The field of a line's taxes: tax_ids since 19, tax_id before."""
    return "tax_ids" if client.version[0] >= 19 or client.has("sale.order.line", "tax_ids") else "tax_id"


class OrderLines:
    """Makes the lines of one order."""

    def __init__(self, client: OdooClient, config: OdooConfig, taxes: Taxes) -> None:
        self.client = client
        self.config = config
        self.taxes = taxes
        self._services: dict[str, int] = {}

    def make(self, data: Mapping[str, Any]) -> tuple[list[Line], list[str]]:
        """The lines for the mapping's data, and warnings."""
        warnings: list[str] = []
        included = bool(data.get("tax_included"))
        step = Decimal(1).scaleb(-minor_units(str(data.get("currency") or "USD")))
        sold = [*self._goods(data), *self._shipping(data)]
        matches = self._matches([rates for _, _, rates in sold], included, warnings)
        lines: list[Line] = []
        for (line, reduction, _), match in zip(sold, matches, strict=True):
            lines += self._exact(_priced(line, match, included), _net(reduction, match, included), step)
        lines += self._whole_order(lines, number(data.get("discount_amount")), step)
        return lines, warnings

    def _goods(self, data: Mapping[str, Any]) -> list[tuple[Line, Decimal, list[Decimal]]]:
        goods = []
        for given in data.get("order_line") or []:
            product = given.get("product_id")
            known = int(product) if product else self._custom()
            line = Line(
                str(given["line"]),
                known,
                str(given.get("name") or "-"),
                number(given["product_uom_qty"]),
                number(given["price_unit"]),
            )
            goods.append(
                (line, number(given.get("discount_amount")), [number(rate) for rate in given.get("tax_rates") or []])
            )
        return goods

    def _shipping(self, data: Mapping[str, Any]) -> list[tuple[Line, Decimal, list[Decimal]]]:
        charges = []
        for index, given in enumerate(data.get("shipping") or [], start=1):
            product = self.service(self.config.shipping_product, "shipping charges", "shipping_product")
            line = Line(
                f"shipping-{index}",
                product,
                str(given.get("name") or "Shipping"),
                Decimal(1),
                number(given["price_unit"]),
            )
            charges.append(
                (line, number(given.get("discount_amount")), [number(rate) for rate in given.get("tax_rates") or []])
            )
        return charges

    def _matches(self, rates: list[list[Decimal]], included: bool, warnings: list[str]) -> list[Match | None]:
        """The taxes of all lines, or none for all of them: an order is taxed by the shop's rates or by Odoo's, never by both."""
        if self.config.taxes == "none":
            return [Match((), included=included) for _ in rates]
        if self.config.taxes == "erp":
            return [None for _ in rates]
        found = [self.taxes.match(each, included=included) for each in rates]
        if all(found):
            return found
        self.taxes.forget()  # so that a tax that somebody adds for it is seen next time
        missing = sorted(
            {str(sum(each, Decimal(0))) for each, match in zip(rates, found, strict=True) if match is None}
        )
        warnings.append(f"Odoo has no sale tax for the rate {', '.join(missing)}: its own taxes were taken")
        return [None for _ in rates]

    def _exact(self, line: Line, reduction: Decimal, step: Decimal) -> list[Line]:
        """A discount as a percentage where two digits of it give the same cents, else as a line of its own."""
        gross = line.quantity * line.price
        if not reduction or not gross:
            return [line]
        percent = (reduction / gross * 100).quantize(_CENT_OF_PERCENT, ROUND_HALF_UP)
        if 0 < percent <= 100 and _round(gross * (100 - percent) / 100, step) == _round(gross - reduction, step):
            return [replace(line, discount=percent)]
        return [line, self._reduction(f"{line.key}-discount", reduction, line.taxes)]

    def _whole_order(self, lines: list[Line], reduction: Decimal, step: Decimal) -> list[Line]:
        """A discount on the whole order, spread over the taxes of its lines in proportion to their amounts."""
        if not reduction:
            return []
        sums: dict[tuple[int, ...] | None, Decimal] = {}
        for line in lines:
            sums[line.taxes] = (
                sums.get(line.taxes, Decimal(0)) + line.quantity * line.price * (100 - line.discount) / 100
            )
        groups = [(taxes, amount) for taxes, amount in sums.items() if amount > 0]
        whole = sum((amount for _, amount in groups), Decimal(0))
        made, left = [], reduction
        for index, (taxes, amount) in enumerate(groups):
            share = left if index == len(groups) - 1 else _round(reduction * amount / whole, step)
            left -= share
            made.append(self._reduction(f"order-discount-{index + 1}", share, taxes))
        return made

    def _reduction(self, key: str, amount: Decimal, taxes: tuple[int, ...] | None) -> Line:
        product = self.service(self.config.discount_product, "discounts", "discount_product")
        return Line(key, product, "Discount", Decimal(1), -amount, taxes=taxes)

    def _custom(self) -> int:
        if not self.config.custom_product:
            raise Rejected(
                "a line of the order has no SKU.",
                code="ITM-UNKNOWN",
                fix="Give the item a SKU in the shop, or set custom_product in the connection's config.",
            )
        return self.service(self.config.custom_product, "lines without a SKU", "custom_product")

    def service(self, reference: str, purpose: str, setting: str) -> int:
        """The id of the product that stands for a charge or a discount."""
        if reference not in self._services:
            found = self.client.search_read("product.product", [["default_code", "=", reference]], ["name"], limit=1)
            if not found:
                raise Rejected(
                    f"Odoo has no product {reference!r}, which is needed for {purpose}.",
                    code="ITM-UNKNOWN",
                    fix=f"Create a service with this internal reference in Odoo, or set {setting} in the connection's config.",
                )
            self._services[reference] = found[0]["id"]
        return self._services[reference]


def _factor(match: Match | None, included: bool) -> Decimal:
    """By what to multiply the shop's prices where its taxes are in the price and Odoo's are not, or the other way round."""
    if match is None or not match.ids or match.included == included:
        return Decimal(1)
    return 1 / (1 + match.rate) if included else 1 + match.rate


def _priced(line: Line, match: Match | None, included: bool) -> Line:
    factor = _factor(match, included)
    price = line.price if factor == 1 else (line.price * factor).quantize(_PRICE_DIGITS)
    return replace(line, price=price, taxes=None if match is None else match.ids)


def _net(amount: Decimal, match: Match | None, included: bool) -> Decimal:
    factor = _factor(match, included)
    return amount if factor == 1 else (amount * factor).quantize(_PRICE_DIGITS)


def _round(value: Decimal, step: Decimal) -> Decimal:
    return value.quantize(step, ROUND_HALF_UP)
