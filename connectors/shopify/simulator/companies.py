"""Companies of the simulated shop."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from connectors.shopify.simulator.graph import Resolver, connection, search
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
            _: Any, __: Any, first: int | None = None, after: str | None = None, query: str | None = None
        ) -> Any:
            indexed = [] if query and self._shop.search_lags else list(self.all.values())
            found = search(indexed, query, {"external_id": lambda row: row["externalId"]})
            return connection(found, first, after)

        return {
            "QueryRoot.companies": companies,
            "Company.locations": lambda row, _, first=None, after=None: connection(row["locations"], first, after),
            "QueryRoot.company": lambda _, __, id: self.all.get(id),  # noqa: A006
        }

    def add_location(self, company: str, given: Json) -> str:
        """A further location of a company; returns its global id. A company has one from the beginning."""
        found = self.all[company]
        gid = f"gid://shopify/CompanyLocation/{self._shop.next_id()}"
        found["locations"].append({"id": gid, "name": given.get("name") or found["name"], "given": given})
        return gid

    def has_location(self, gid: str) -> bool:
        """Is there such a location of a company?"""
        return any(place["id"] == gid for row in self.all.values() for place in row["locations"])

    def create(self, *, input: Json) -> Json:  # noqa: A002
        """Make a company."""
        given = input["company"]
        if not given.get("name"):
            raise Refused("Name can't be blank", ["input", "company", "name"], "BLANK")
        number = given.get("externalId")
        if number and any(row["externalId"] == number for row in self.all.values()):
            raise Refused("External id has already been taken.", ["input", "company", "externalId"], "TAKEN")
        gid = f"gid://shopify/Company/{self._shop.next_id()}"
        now: datetime = self._shop.now()
        made = {"id": gid, "note": None, "externalId": None, **given, "createdAt": now, "updatedAt": now}
        self.all[gid] = {**made, "made_with": input, "locations": []}
        self.add_location(gid, input.get("companyLocation") or {})
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
