"""Companies of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.shopify.simulator.graph import Resolver, connection, search
from connectors.shopify.simulator.rest import local
from connectors.shopify.simulator.shop import Refused, Shop

Json = dict[str, Any]


class Companies:
    """Companies by their global id. Their external ids are unique."""

    def __init__(self, shop: Shop, effect: Callable[[str, str, Any], Any]) -> None:
        self._shop = shop
        self._effect = effect
        self.all: dict[str, Json] = {}

    def functions(self) -> dict[str, Callable[..., Json]]:
        """The mutations."""
        return {"companyCreate": self.create, "companyUpdate": self.update}

    def tables(self) -> dict[str, Resolver]:
        """The fields."""

        def companies(
            _: Any, __: Any, first: int | None = None, after: str | None = None, query: str | None = None, **given: Any
        ) -> Any:
            known = {"external_id": lambda row: row["externalId"], "updated_at": lambda row: row["updatedAt"]}
            indexed = [] if query and self._shop.search_lags else list(self.all.values())
            found = search(indexed, query, known)
            if given.get("sortKey") != "UPDATED_AT":
                return connection(found, first, after)
            place = _place_in_time
            return connection(sorted(found, key=place), first, after, place)

        def part(name: str) -> Resolver:
            return lambda row, _, first=None, after=None, **__: connection(row[name], first, after)

        return {
            "QueryRoot.companies": companies,
            "Company.locations": part("locations"),
            "Company.contacts": part("contacts"),
            "QueryRoot.company": lambda _, __, id: self.all.get(id),  # noqa: A006
        }

    def add_location(self, company: str, given: Json) -> str:
        """A further location of a company; returns its global id. A company has one from the beginning."""
        found = self.all[company]
        gid = f"gid://shopify/CompanyLocation/{self._shop.next_id()}"
        shipping = _address(given.get("shippingAddress"), found["name"])
        found["locations"].append(
            {
                "id": gid,
                "name": given.get("name") or found["name"],
                "externalId": given.get("externalId"),
                "phone": given.get("phone"),
                "taxSettings": {"taxExempt": given.get("taxExempt", False), "taxRegistrationId": given.get("taxId")},
                "buyerExperienceConfiguration": {
                    "paymentTermsTemplate": given.get("terms") and {"name": given["terms"]}
                },
                "shippingAddress": shipping,
                "billingAddress": shipping if given.get("billingSameAsShipping") else None,
                "updatedAt": self._shop.now(),
            }
        )
        return gid

    def add_contact(self, company: str, given: Json) -> str:
        """A contact of a company: a customer of the shop. The first one is the main one."""
        found = self.all[company]
        person = self._shop.customer({"email": given.get("email")})
        person.first_name, person.last_name = given.get("firstName"), given.get("lastName")
        gid = f"gid://shopify/CompanyContact/{self._shop.next_id()}"
        made = {"id": gid, "customer": person, "isMainContact": not found["contacts"], "title": given.get("title")}
        found["contacts"].append({**made, "locale": "en", "updatedAt": self._shop.now()})
        return gid

    def body(self, company: str) -> Json:
        """The company as its webhooks have it: without its contacts and locations."""
        found = self.all[company]
        main = next((one["id"] for one in found["contacts"] if one["isMainContact"]), None)
        return {
            "name": found["name"],
            "note": found["note"],
            "external_id": found["externalId"],
            "main_contact_admin_graphql_api_id": main,
            "created_at": local(found["createdAt"]),
            "updated_at": local(found["updatedAt"]),
            "customer_since": local(found["createdAt"]),
            "admin_graphql_api_id": company,
        }

    def has_location(self, gid: str) -> bool:
        """Is there such a location of a company?"""
        return any(place["id"] == gid for row in self.all.values() for place in row["locations"])

    def add(self, given: Json) -> str:
        """A company without contacts and locations; returns its global id."""
        gid = f"gid://shopify/Company/{self._shop.next_id()}"
        now: datetime = self._shop.now()
        made = {"id": gid, "note": None, "externalId": None, **given, "createdAt": now, "updatedAt": now}
        self.all[gid] = {**made, "contacts": [], "locations": []}
        return gid

    def create(self, *, input: Json) -> Json:  # noqa: A002
        """Make a company."""
        given = input["company"]
        if not given.get("name"):
            raise Refused("Name can't be blank", ["input", "company", "name"], "BLANK")
        number = given.get("externalId")
        if number and any(row["externalId"] == number for row in self.all.values()):
            raise Refused("External id has already been taken.", ["input", "company", "externalId"], "TAKEN")
        gid = self.add(given)
        self.all[gid]["made_with"] = input
        self.add_location(gid, input.get("companyLocation") or {})
        if input.get("companyContact"):
            self.add_contact(gid, input["companyContact"])
        self._effect("customer.create", gid, input)
        return {"company": self.all[gid]}

    def update(self, *, companyId: str, input: Json) -> Json:  # noqa: A002, N803
        """Change a company."""
        found = self.all.get(companyId)
        if found is None:
            raise Refused("The company doesn't exist.", ["companyId"], "RESOURCE_NOT_FOUND")
        found.update(input, updatedAt=self._shop.now())
        self._effect("customer.update", companyId, input)
        return {"company": found}


def _place_in_time(row: Json) -> list[Any]:
    return [row["updatedAt"].isoformat(), row["id"]]


def _address(given: Json | None, company: str) -> Json | None:
    if given is None:
        return None
    empty = dict.fromkeys(("recipient", "address1", "address2", "city", "zoneCode", "zip", "countryCode", "phone"))
    return {
        **empty,
        "address1": "",
        "countryCode": "US",
        **given,
        "companyName": company,
        "province": None,
        "country": None,
    }
