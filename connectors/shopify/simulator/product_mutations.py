"""Mutations of products and variants in the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

from connectors.shopify.simulator.fields import number_in
from connectors.shopify.simulator.graph import snake
from connectors.shopify.simulator.model import Product, Variant
from connectors.shopify.simulator.shop import Refused, Shop, check_all

Json = dict[str, Any]
_GRAMS = {"GRAMS": 1, "KILOGRAMS": 1000, "OUNCES": 28.349523125, "POUNDS": 453.59237}


class ProductMutations:
    """Carries them out; each function has the arguments of the mutation of its name."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any]) -> None:
        self._shop = shop
        self._effect = effect

    def functions(self) -> dict[str, Callable[..., Json]]:
        """All functions, by the mutation's name."""
        return {
            "productSet": self.product_set,
            "productUpdate": self.product_update,
            "productVariantsBulkCreate": self.variants_create,
            "productVariantsBulkUpdate": self.variants_update,
        }

    def product_set(self, *, input: Json, identifier: Json | None = None, synchronous: bool = True) -> Json:  # noqa: A002, ARG002
        """Make a product, or make one that is there as given: variants that are left out of the list are deleted."""
        if any(Decimal(given.get("price") or 0) < 0 for given in input.get("variants") or []):
            raise Refused("Price must be greater than or equal to 0", ["input", "variants"], "INVALID_VARIANT")
        by = identifier or {}
        if "id" in by:
            product = self._product(by["id"])
        else:
            found = self._shop.product_by_handle(by.get("handle") or input.get("handle") or "")
            if found is None and not input.get("title"):
                raise Refused("Title can't be blank", ["input", "title"], "INVALID_INPUT")
            product = found or self._shop.add_product(input.get("title") or "Untitled", [])
            self._effect("product.update" if found else "product.create", product.id, None)
        self._set(product, {name: value for name, value in input.items() if name not in {"variants", "productOptions"}})
        if "variants" in input:
            self._replace(product, input["variants"])
        elif not product.variants:
            self._shop.add_variant(product, {"sku": None, "price": "0"})
        return {"product": product}

    def product_update(self, *, product: Json) -> Json:
        """Change the fields that are given."""
        found = self._product(product["id"])
        self._set(found, {name: value for name, value in product.items() if name != "id"})
        self._effect("product.update", found.id, product)
        return {"product": found}

    def variants_create(self, *, productId: str, variants: list[Json], strategy: str = "DEFAULT") -> Json:  # noqa: N803
        """Add variants."""
        product = self._product(productId)
        check_all(partial(self._check_new, product, variants, index) for index in range(len(variants)))
        alone = [found for found in product.variants if found.title == "Default Title"]
        made = [self._create(product, given) for given in variants]
        if strategy == "REMOVE_STANDALONE_VARIANT":
            for found in alone:
                self._drop(found)
        return {"product": product, "productVariants": made}

    def variants_update(self, *, productId: str, variants: list[Json], **_: Any) -> Json:  # noqa: N803
        """Change the fields that are given."""
        product = self._product(productId)
        known = {found.id: found for found in product.variants}
        check_all(partial(self._check_change, known, index, given) for index, given in enumerate(variants))
        for given in variants:
            self._write(known[given["id"]], given)
            self._effect("variant.update", given["id"], given)
        return {"product": product, "productVariants": [known[given["id"]] for given in variants]}

    def _set(self, product: Product, given: Json) -> None:
        for name, value in given.items():
            setattr(product, snake(name), value)
        product.updated = self._shop.now()

    def _replace(self, product: Product, variants: list[Json]) -> None:
        kept = []
        for given in variants:
            sku = given.get("sku") or (given.get("inventoryItem") or {}).get("sku")
            found = next((one for one in product.variants if one.sku == sku), None)
            if found is None:
                found = self._create(product, given)
            else:
                self._write(found, given)
            kept.append(found)
        for gone in [one for one in product.variants if one not in kept]:
            self._drop(gone)

    def _create(self, product: Product, given: Json) -> Variant:
        options = _options(given)
        sku = given.get("sku") or (given.get("inventoryItem") or {}).get("sku")
        made = self._shop.add_variant(product, {"sku": sku, "price": given.get("price") or "0", "options": options})
        if list(options.values()) == ["Default Title"]:
            made.title = "Default Title"
        self._write(made, given)
        self._effect("variant.create", made.id, given)
        return made

    def _write(self, variant: Variant, given: Json) -> None:
        if "price" in given:
            variant.price = Decimal(given["price"])
        if "compareAtPrice" in given:
            variant.compare_at_price = None if given["compareAtPrice"] is None else Decimal(given["compareAtPrice"])
        if "barcode" in given:
            variant.barcode = given["barcode"]
        item = given.get("inventoryItem") or {}
        if "sku" in item:
            variant.sku = item["sku"]
        if "cost" in item:
            variant.inventory_item.cost = Decimal(str(item["cost"]))
        if "tracked" in item:
            variant.inventory_item.tracked = item["tracked"]
        if "measurement" in item:
            weight = item["measurement"]["weight"]
            variant.inventory_item.grams = Decimal(str(weight["value"])) * Decimal(str(_GRAMS[weight["unit"]]))
        variant.updated = variant.product.updated = self._shop.now()

    def _check_change(self, known: dict[str, Variant], index: int, given: Json) -> None:
        if given.get("id") not in known:
            raise Refused(
                "Product variant does not exist", ["variants", str(index), "id"], "PRODUCT_VARIANT_DOES_NOT_EXIST"
            )
        _check_price(index, given)

    def _check_new(self, product: Product, variants: list[Json], index: int) -> None:
        """A variant of a product has options that no other one has."""
        _check_price(index, variants[index])
        taken = [dict(found.options) for found in product.variants if found.title != "Default Title"]
        taken += [_options(given) for given in variants[:index]]
        if (mine := _options(variants[index])) in taken:
            said = f"The variant '{' / '.join(mine.values())}' already exists. Please change at least one option value."
            raise Refused(said, ["variants", str(index)], "VARIANT_ALREADY_EXISTS")

    def _drop(self, variant: Variant) -> None:
        variant.product.variants.remove(variant)
        self._shop.variants.pop(variant.number, None)
        self._effect("variant.delete", variant.id, None)

    def _product(self, gid: str) -> Product:
        product = self._shop.products.get(number_in(gid, "Product"))
        if product is None:
            raise Refused("Product does not exist", ["productId"], "PRODUCT_DOES_NOT_EXIST")
        return product


def _options(given: Json) -> dict[str, str]:
    return {found["optionName"]: found["name"] for found in given.get("optionValues") or []}


def _check_price(index: int, given: Json) -> None:
    if given.get("price") is not None and Decimal(given["price"]) < 0:
        raise Refused(
            "Price must be greater than or equal to 0", ["variants", str(index), "price"], "NEGATIVE_PRICE_VALUE"
        )
