"""What the conformance kit asks of a simulator: records in any number, changes, deletions, and samples of writes."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from decimal import Decimal
from typing import Any

from connectors.shopify.simulator.companies import Companies
from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.model import Level, Order
from connectors.shopify.simulator.price_lists import PriceLists
from connectors.shopify.simulator.rest import customer_body, level_body, order_body, product_body
from connectors.shopify.simulator.returns import Returns, body_of
from connectors.shopify.simulator.shop import Shop
from hub.sdk.records import InboundRequest
from hub.sdk.testing.bench import NotProvable
from hub.sdk.testing.simulator import Simulator
from hub.sdk.webhooks import sign_hmac_base64

_STRANGE = {
    "return": ("price", "extra", "updated_at"),
    "return_notice": ("lines", "sku", "price", "text", "extra"),
    "variant": ("lines",),
    "customer": ("lines", "sku", "price"),
    "privacy_request": ("lines", "sku", "price"),
    "warehouse": ("lines", "sku", "price"),
    "company": ("lines", "sku", "price", "extra"),
    "company_notice": ("lines", "sku", "price", "zip", "extra"),
    "inventory_level": ("lines", "price", "text", "zip", "extra"),
    "inventory_notice": ("lines", "sku", "price", "text", "zip", "extra", "updated_at"),
}
"""What records of a stream do not have, whatever is asked of them."""


class SeededShop(Simulator):
    """The hooks of the conformance kit, over the state in ``shop``."""

    shop: Shop
    secret: str
    domain: str
    companies: Companies
    price_lists: PriceLists
    returns: Returns
    _made = 0
    _price_list = ""

    @abstractmethod
    def webhook(self, topic: str, data: dict[str, Any]) -> InboundRequest:
        """A signed webhook with this body."""

    def seed_records(self, stream: str, n: int) -> list[str]:
        """Orders, variants or customers, all different."""
        return [self.put_record(stream) for _ in range(n)]

    def put_record(self, stream: str, **fields: Any) -> str:
        """One record with these values in it."""
        with self.lock:
            self._made += 1
            strange = [name for name in _STRANGE.get(stream, ()) if name in fields]
            if strange:
                raise NotProvable(f"a {stream} of this shop has no {strange[0]}", declared=True)
            if stream == "warehouse":
                return self.shop.add_location(fields.get("text", f"Location {self._made}")).id
            if stream == "order":
                return self._put_order(self._made, **fields)
            if stream in {"return", "return_notice"}:
                return self._put_return(self._made, **fields)
            if stream == "variant":
                return self._put_variant(self._made, **fields)
            if stream in {"company", "company_notice"}:
                return self._put_company(self._made, **fields)
            if stream in {"inventory_level", "inventory_notice"}:
                return self._put_level(self._made, **fields)
            if stream in {"customer", "privacy_request"}:
                return self._put_customer(self._made, **fields)
        return super().put_record(stream, **fields)

    def natural_key(self, stream: str, external_id: str) -> str:
        """An order's number, a variant's SKU, a customer's e-mail address, a location's name."""
        with self.lock:
            if stream == "order":
                return self.shop.orders[number_in(external_id, "Order")].name
            if stream == "variant":
                return self.shop.variants[number_in(external_id, "ProductVariant")].sku or ""
            if stream == "customer":
                return self.shop.customers[number_in(external_id, "Customer")].email or ""
            if stream == "warehouse":
                return self.shop.locations[number_in(external_id, "Location")].name
        return super().natural_key(stream, external_id)

    def sign_webhook(self, request: InboundRequest) -> InboundRequest:
        """The request with a signature that fits its body."""
        return replace(
            request, headers={**request.headers, "x-shopify-hmac-sha256": sign_hmac_base64(self.secret, request.body)}
        )

    def change(self, stream: str, external_id: str) -> None:
        """Change a note, a title or a name, as a user of the shop would."""
        with self.lock:
            self._made += 1
            now = self.shop.now()
            if stream == "order":
                order = self.shop.orders[number_in(external_id, "Order")]
                order.note = f"Changed {self._made} times"
                order.updated = max(now, order.updated)
            elif stream == "variant":
                variant = self.shop.variants[number_in(external_id, "ProductVariant")]
                variant.price += Decimal("0.01")
                variant.updated = variant.product.updated = now
            elif stream in {"return", "return_notice"}:
                found = self.returns.all[number_in(external_id, "Return")]
                found.lines[0].customer_note, found.order.updated = (
                    f"Changed {self._made} times",
                    max(now, found.order.updated),
                )
            elif stream in {"company", "company_notice"}:
                self.companies.all[external_id].update(note=f"Changed {self._made} times", updatedAt=now)
            elif stream in {"inventory_level", "inventory_notice"}:
                self._level(external_id).available += 1
            elif stream in {"customer", "privacy_request"}:
                customer = self.shop.customers[number_in(external_id, "Customer")]
                customer.note, customer.updated = f"Changed {self._made} times", now
            else:
                super().change(stream, external_id)
        notices = {"return": "return_notice", "inventory_level": "inventory_notice", "company": "company_notice"}
        self.emit_webhook(notices.get(stream, stream), external_id)

    def delete(self, stream: str, external_id: str) -> None:
        """Delete a record; its webhook carries no more than the id."""
        tables: dict[str, tuple[str, dict[int, Any]]] = {
            "order": ("Order", self.shop.orders),
            "customer": ("Customer", self.shop.customers),
            "variant": ("ProductVariant", self.shop.variants),
        }
        if stream == "return":
            with self.lock:  # a return goes with its order, and with nothing else
                gone_too = self.returns.all.pop(number_in(external_id, "Return"))
            self.delete("order", gone_too.order.id)
            return
        if stream == "company":
            with self.lock:
                del self.companies.all[external_id]
            return
        if stream == "inventory_level":
            with self.lock:  # the location does not stock the item any more; no webhook of it is read
                level = self._level(external_id)
                del level.item.levels[level.location.number]
            return
        if stream not in tables:
            super().delete(stream, external_id)
        kind, table = tables[stream]
        with self.lock:
            number = number_in(external_id, kind)
            gone = table.pop(number)
            if stream == "variant":
                gone.product.variants.remove(gone)
                request = self.webhook("products/update", product_body(gone.product))
            else:
                request = self.webhook(f"{stream}s/delete", {"id": number})
        self.send_webhook(request)

    def sample_outbound(self, stream: str) -> dict[str, Any]:
        """A shipment of an order that is there, or a level of an item that is stocked."""
        with self.lock:
            self._made += 1
            if stream == "shipment":
                order = self.shop.place_order([(f"SHIP-{self._made}", 3, "5.00")], "buyer@example.com")
                return {
                    "order_id": order.id,
                    "number": f"OUT-{self._made}",
                    "lines": [{"sku": f"SHIP-{self._made}", "quantity": "3"}],
                    "tracking": [{"number": f"1Z{self._made:08}", "company": "UPS"}],
                    "notify_customer": False,
                }
            if stream == "order":
                return {"new": self._new_order(self._made)}
            if stream == "refund":
                order = self.shop.place_order(
                    [(f"SKU-{self._made}", 5, "10.00")], "buyer@example.com", financial="PAID"
                )
                line = order.lines[0].id
                return {"order_id": order.id, "lines": [{"order_line": line, "sku": order.lines[0].sku, "quantity": 2}]}
            if stream == "return":
                order = self._shipped_order(self._made, 3, "10.00")
                return {
                    "order_id": order.id,
                    "status": "approved",
                    "lines": [{"sku": order.lines[0].sku, "quantity": "3", "reason": "defective", "note": "Leaks"}],
                }
            if stream == "price":
                self._price_list = self._price_list or self.price_lists.add("Dealers", self.shop.currency)
                made = self.shop.add_product(
                    f"Priced {self._made}", [{"sku": f"PRICE-{self._made}", "price": "10"}]
                ).variants[0]
                steps = [{"minimum": 10, "price": "8.50"}, {"minimum": 100, "price": "7.25"}]
                return {"price_list_id": self._price_list, "variant_id": made.id, "price": "9.00", "breaks": steps}
            if stream == "product":
                return {"code": f"P-{self._made}", "title": f"Product {self._made}", "vendor": "Acme", "tags": ["new"]}
            if stream == "variant":
                return {"sku": f"NEW-{self._made}", "title": f"New {self._made}", "price": f"{self._made}.95", "barcode": None,
                        "weight": "250", "weight_unit": "g"}  # fmt: skip
            if stream == "customer":
                return {
                    "email": f"new{self._made}@example.com",
                    "first_name": "New",
                    "last_name": f"Customer {self._made}",
                    "phone": f"+1217555{self._made:04}",
                    "tags": ["wholesale"],
                    "addresses": [
                        {"address1": "1 Main St", "city": "Springfield", "zip": "01234", "country_code": "US"}
                    ],
                }
            if stream == "inventory_level":
                product = self.shop.add_product(
                    f"Stocked {self._made}", [{"sku": f"STOCK-{self._made}", "price": "1", "stock": 0}]
                )
                return {
                    "variant_id": product.variants[0].id,
                    "location_id": self.shop.location(None).id,
                    "sku": f"STOCK-{self._made}",
                    "available": str(10 + self._made),
                }
        return super().sample_outbound(stream)

    def sample_change(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """Other tracking, or another quantity."""
        if stream == "shipment":
            return {**data, "tracking": [{"number": data["tracking"][0]["number"] + "X", "company": "UPS"}]}
        if stream == "inventory_level":
            return {**data, "available": str(int(data["available"]) + 5)}
        if stream == "order":
            return {"order_id": data.get("order_id"), "tags": ["checked"], "note": "Changed by the ERP"}
        if stream == "return":
            lines = [{**line, "disposition": "restock"} for line in data["lines"]] if "lines" in data else []
            return {**data, "status": "received", "lines": lines, "location_id": self.shop.location(None).id}
        if stream == "price":
            return {**data, "price": "8.90", "breaks": data["breaks"][:1]}
        if stream == "product":
            return {**data, "title": f"{data['title']} changed", "tags": [*data["tags"], "seen"]}
        if stream == "variant":
            return {**data, "price": "1234.50"}
        if stream == "customer":
            return {**data, "last_name": f"{data['last_name']} changed", "tags": [*data["tags"], "vip"]}
        return super().sample_change(stream, data)

    def spoil(self, stream: str, data: dict[str, Any]) -> dict[str, Any]:
        """A quantity beyond what the shop takes, a variant that is not there, a price below nothing, or no title."""
        if stream == "inventory_level":
            return {**data, "available": "2000000000"}
        if stream == "price":
            return {**data, "variant_id": "gid://shopify/ProductVariant/1"}
        if stream == "variant":
            return {**data, "price": "-1"}
        if stream == "product":
            return {**data, "title": ""}
        return super().spoil(stream, data)

    def webhook_request(self, stream: str, external_id: str) -> InboundRequest:
        """The webhook of an order, a customer or a variant as it is now."""
        with self.lock:
            if stream == "order":
                return self.webhook("orders/updated", order_body(self.shop.orders[number_in(external_id, "Order")]))
            if stream == "customer":
                return self.webhook(
                    "customers/update", customer_body(self.shop.customers[number_in(external_id, "Customer")])
                )
            if stream == "privacy_request":
                return self.webhook("customers/redact", self._redact(external_id))
            if stream == "variant":
                variant = self.shop.variants[number_in(external_id, "ProductVariant")]
                return self.webhook("products/update", product_body(variant.product))
            if stream == "company_notice":
                return self.webhook("companies/update", self.companies.body(external_id))
            if stream == "inventory_notice":
                return self.webhook("inventory_levels/update", level_body(self._level(external_id)))
            if stream == "return_notice":
                return self.webhook("returns/update", body_of(self.returns.all[number_in(external_id, "Return")]))
        return super().webhook_request(stream, external_id)

    def _redact(self, external_id: str) -> dict[str, Any]:
        """The body of a privacy webhook, which has no time and no version."""
        customer = self.shop.customers[number_in(external_id, "Customer")]
        about = {"id": customer.number, "email": customer.email, "phone": customer.phone}
        return {"shop_id": 1, "shop_domain": self.domain, "customer": about, "orders_to_redact": [], **customer.extra}

    def _put_order(self, number: int, **fields: Any) -> str:
        price = fields.get("price", Decimal("9.99"))
        sku = fields.get("sku", f"SKU-{number}")
        count = fields.get("lines", 1)
        lines = [(sku if index == 0 else f"{sku}-{index}", 1 + index % 3, price) for index in range(count)]
        buyer: dict[str, Any] = {"email": f"buyer{number}@example.com", "first_name": "Buyer", "last_name": str(number)}
        if "zip" in fields:
            buyer["address"] = {
                "address1": "1 Main St",
                "city": "Springfield",
                "zip": fields["zip"],
                "country_code": "US",
            }
        order: Order = self.shop.place_order(lines, buyer, note=fields.get("text"))
        order.extra = dict(fields.get("extra", {}))
        if "updated_at" in fields:
            order.updated = fields["updated_at"].replace(microsecond=0)
        return order.id

    def _new_order(self, number: int) -> dict[str, Any]:
        """An order of a marketplace, with tax and freight."""
        tax = [{"title": "VAT", "rate": "0.19", "amount": "3.80"}]
        address = {
            "first_name": "New",
            "last_name": "Buyer",
            "address1": "1 Main St",
            "city": "Springfield",
            "zip": "01234",
            "country_code": "US",
        }
        return {
            "name": f"MP-{number}", "email": f"new{number}@example.com", "currency": self.shop.currency, "total": "28.75",
            "placed_at": self.shop.now().isoformat(), "financial_status": "paid", "gateway": "marketplace", "tags": ["marketplace"],
            "customer": {"email": f"new{number}@example.com", "first_name": "New", "last_name": "Buyer"},
            "shipping_address": address, "billing_address": address,
            "lines": [{"sku": f"MP-SKU-{number}", "title": "A thing", "quantity": "2", "price": "10.00", "taxes": tax}],
            "shipping": [{"title": "Parcel", "price": "4.95", "taxes": []}],
        }  # fmt: skip

    def _shipped_order(self, number: int, quantity: int, price: Any, skus: list[str] | None = None) -> Order:
        """An order that was shipped as a whole."""
        named = skus or [f"BACK-{number}"]
        order = self.shop.place_order([(sku, quantity, price) for sku in named], f"buyer{number}@example.com")
        for asked in order.fulfillment_orders:
            self.shop.fulfill([(asked, [(line, line.remaining_quantity) for line in asked.lines])], {}, notify=False)
        return order

    def _put_return(self, number: int, **fields: Any) -> str:
        count = fields.get("lines", 1)
        if not count:
            raise NotProvable("a return of this shop has at least one line", declared=True)
        sku = fields.get("sku", f"BACK-{number}")
        order = self._shipped_order(
            number, 2, "9.99", [sku if index == 0 else f"{sku}-{index}" for index in range(count)]
        )
        made = self.returns.request(order, [(line.sku or "", 1) for line in order.lines], note=fields.get("text", ""))
        return made.id

    def _put_company(self, number: int, **fields: Any) -> str:
        made = self.companies.add({"name": fields.get("text") or f"Company {number}", "externalId": f"ACC-{number}"})
        place = {"address1": "1 Dock Rd", "city": "Springfield", "zip": fields.get("zip", "01234"), "countryCode": "US"}
        self.companies.add_location(made, {"shippingAddress": place, "billingSameAsShipping": True})
        self.companies.add_contact(
            made, {"email": f"contact{number}@example.com", "firstName": "Con", "lastName": "Tact"}
        )
        if "updated_at" in fields:
            moment = fields["updated_at"].replace(microsecond=0)
            parts = (*self.companies.all[made]["locations"], *self.companies.all[made]["contacts"])
            for part in (self.companies.all[made], *parts):
                part["updatedAt"] = moment
        return made

    def _level(self, external_id: str) -> Level:
        item = self.shop.items[int(external_id.rsplit("=", 1)[1])]
        return item.levels[number_in(external_id.partition("?")[0], "InventoryLevel")]

    def _put_level(self, number: int, **fields: Any) -> str:
        given = {"sku": fields.get("sku", f"LEVEL-{number}"), "price": "1", "stock": 10 + number}
        level = next(
            iter(self.shop.add_product(f"Stocked {number}", [given]).variants[0].inventory_item.levels.values())
        )
        if "updated_at" in fields:
            level.updated = fields["updated_at"].replace(microsecond=0)
        return level.id

    def _put_variant(self, number: int, **fields: Any) -> str:
        given = {"sku": fields.get("sku", f"SKU-{number}"), "price": fields.get("price", "9.99")}
        variant = self.shop.add_product(fields.get("text", f"Product {number}"), [given]).variants[0]
        variant.extra = dict(fields.get("extra", {}))
        if "updated_at" in fields:
            variant.updated = variant.product.updated = fields["updated_at"].replace(microsecond=0)
        return variant.id

    def _put_customer(self, number: int, **fields: Any) -> str:
        data: dict[str, Any] = {
            "email": f"customer{number}@example.com",
            "first_name": "Customer",
            "last_name": str(number),
        }
        if "text" in fields:
            data["note"] = fields["text"]
        if "zip" in fields:
            data["address"] = {
                "address1": "1 Main St",
                "city": "Springfield",
                "zip": fields["zip"],
                "country_code": "US",
            }
        customer = self.shop.customer(data)
        customer.extra = dict(fields.get("extra", {}))
        if "updated_at" in fields:
            customer.updated = fields["updated_at"].replace(microsecond=0)
        return customer.id
