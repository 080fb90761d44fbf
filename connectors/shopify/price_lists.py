"""Price lists as a whole: found by their code, made with their catalog where that is wanted, and adjusted by a percentage."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from connectors.shopify.api import ShopifyApi, UserErrors, number
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.finding import quoted
from connectors.shopify.shapes import Json
from hub.errors import Rejected
from hub.sdk.connector import TokenStore
from hub.sdk.records import DeliverResult, OutboundRecord


class PriceLists:
    """The shop's price lists. A list has one catalog, which says who buys at its prices."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig, tokens: TokenStore) -> None:
        self._api = api
        self._config = config
        self._tokens = tokens

    def find(self, data: Json) -> str:
        """The price list's id: given, in the settings by its code, or the list of that name; made, where its catalog is in the settings."""
        found, whole = self._known(data)
        if found is not None and whole:
            return found
        code = str(data["price_list"])
        if code in self._config.catalogs:
            # One worker at a time: a second catalog for the same buyers would charge them two prices.
            name = self._config.price_lists.get(code, code)
            made = self._tokens.refresh(f"price list {code}", lambda _: {"id": self._made(code, name, data)})
            return str(made["id"])
        raise Rejected(
            f"the shop has no price lists with the name {self._config.price_lists.get(code, code)}",
            code="XREF-MISSING",
            fix="Name the list under price_lists in the connection's settings, or under catalogs whom it is for.",
        )

    def known(self, data: Json) -> str | None:
        """The id of a price list that is there with its catalog; nothing is made."""
        found, whole = self._known(data)
        return found if whole else None

    def _known(self, data: Json) -> tuple[str | None, bool]:
        """The list's id, and whether nothing has to be made for it."""
        if data.get("price_list_id"):
            return str(data["price_list_id"]), True
        code = str(data["price_list"])
        wanted = self._config.price_lists.get(code, code)
        if wanted.startswith("gid://"):
            return wanted, True
        found = self._named(wanted)
        if found is None:
            return None, False
        return str(found["id"]), found["catalog"] is not None or code not in self._config.catalogs

    def adjust(self, record: OutboundRecord) -> DeliverResult:
        """Have the list take a percentage off the shop's own prices, or add one; fixed prices of the list stay."""
        listed = self.find(record.data)
        wanted = _adjustment(record.data)
        if _same(wanted, self._parent(listed)):
            return DeliverResult(listed, "adopted" if record.maybe_sent else "unchanged")
        self._api.mutate("price_list_update", id=listed, input={"parent": {"adjustment": wanted}})
        return DeliverResult(listed, "updated")

    def adjusted(self, record: OutboundRecord) -> DeliverResult | None:
        """An adjustment that is as wanted is an effect that is there."""
        listed = self.known(record.data)
        if listed is None or not _same(_adjustment(record.data), self._parent(listed)):
            return None
        return DeliverResult(listed, "adopted")

    def _parent(self, listed: str) -> Json | None:
        found = self._api.query("price_list", id=listed)["priceList"]
        if found is None:
            raise Rejected("the shop has no such price list", fix="Check the id of the price list.", where=listed)
        parent: Json | None = found["parent"]
        return parent

    def _named(self, name: str) -> Json | None:
        after, found = None, []
        while True:
            page = self._api.query("price_lists", after=after)["priceLists"]
            found += [node for node in page["nodes"] if node["name"].casefold() == name.casefold()]
            if not page["pageInfo"]["hasNextPage"]:
                break
            after = page["pageInfo"]["endCursor"]
        if len(found) > 1:
            raise Rejected(
                f"the shop has {len(found)} price lists with the name {name}",
                code="XREF-CONFLICT",
                fix="Name the list by its gid under price_lists in the connection's settings.",
            )
        return found[0] if found else None

    def _made(self, code: str, name: str, data: Json) -> str:
        """Make what is missing of the list and its catalog. The shop keeps names of lists unique."""
        found = self._named(name)
        if found is None:
            adjustment = _adjustment(data) if data.get("percent") is not None else _of(Decimal(0))
            given = {"name": name, "currency": data["currency"], "parent": {"adjustment": adjustment}}
            try:
                found = self._api.mutate("price_list_create", input=given)["priceList"]
            except UserErrors as refused:
                found = self._named(name) if "TAKEN" in refused.codes else None
                if found is None:
                    raise
        if found["catalog"] is None:
            locations = [place for buyer in self._config.catalogs[code] for place in self._locations(buyer)]
            catalog = {
                "title": name,
                "status": "ACTIVE",
                "context": {"companyLocationIds": locations},
                "priceListId": found["id"],
            }
            self._api.mutate("catalog_create", input=catalog)
        return str(found["id"])

    def _locations(self, buyer: str) -> list[str]:
        """The company locations of a buyer: the location itself, or all of the company with this account number."""
        if buyer.startswith("gid://"):
            return [buyer]
        nodes = self._api.query("company_places", query=f"external_id:{quoted(buyer)}")["companies"]["nodes"]
        found = [node for node in nodes if node["externalId"] == buyer]
        places = [place["id"] for node in found for place in node["locations"]["nodes"]]
        if not places:
            raise Rejected(
                f"the shop has no company with the account number {buyer} that has a location",
                code="ACC-UNKNOWN",
                fix="Make the company in the shop, or correct catalogs in the connection's settings.",
            )
        return places


def _adjustment(data: Json) -> Json:
    return _of(number(data["percent"]) * 100)


def _of(percent: Decimal) -> Json:
    """What is taken off, in per cent; below nothing it is added."""
    kind = "PERCENTAGE_INCREASE" if percent < 0 else "PERCENTAGE_DECREASE"
    return {"type": kind, "value": abs(percent).normalize()}


def _same(wanted: Json, parent: Json | None) -> bool:
    present: Any = parent["adjustment"] if parent else _of(Decimal(0))
    value = number(present["value"])
    # The API's description of the value has a sign in it, and its type another; what counts is the size and the type.
    return number(wanted["value"]) == abs(value) and (value == 0 or wanted["type"] == present["type"])
