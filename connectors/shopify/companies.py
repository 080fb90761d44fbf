"""Companies (B2B) into the shop: recognised by their external id, which Shopify keeps unique and which carries the account number."""

from __future__ import annotations

from typing import Any

from connectors.shopify.api import ShopifyApi, UserErrors
from connectors.shopify.finding import quoted
from connectors.shopify.shapes import Json, version_of
from hub.errors import Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord


class Companies:
    """Delivers canonical customers that are companies. Contacts and locations are made with a new company, and then are the shop's."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the company, or change its name and note."""
        present = self._present(record)
        if present is None:
            return self._create(record.data)
        changes = _changes(record.data, present)
        if changes:
            present = {**present, **self._api.mutate("company_update", id=present["id"], input=changes)["company"]}
        applied: Any = "updated" if changes else "adopted" if record.maybe_sent else "unchanged"
        return DeliverResult(present["id"], applied, version_of(present["updatedAt"]))

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A company that is as wanted is an effect that is there."""
        present = self._present(record)
        if present is None or _changes(record.data, present):
            return None
        return DeliverResult(present["id"], "adopted", version_of(present["updatedAt"]))

    def _present(self, record: OutboundRecord) -> Json | None:
        if record.external_id:
            found: Json | None = self._api.query("company", id=record.external_id)["company"]
            if found is None:
                raise Rejected(
                    "the shop has no such company any more", fix="Remove the link, and release the delivery."
                )
            return found
        number = _number(record.data)
        nodes = self._api.query("companies", query=f"external_id:{quoted(number)}")["companies"]["nodes"]
        return next((node for node in nodes if node["externalId"] == number), None)

    def _create(self, data: Json) -> DeliverResult:
        company = {"name": data["name"], "externalId": _number(data)} | (
            {"note": data["note"]} if data.get("note") else {}
        )
        given: Json = {"company": company}
        if data.get("email"):
            contact = {"email": data["email"], "firstName": data.get("first_name"), "lastName": data.get("last_name")}
            given["companyContact"] = {name: value for name, value in contact.items() if value}
        if data.get("addresses"):
            place = _location(data["addresses"][0])
            given["companyLocation"] = {"name": data["name"], "shippingAddress": place, "billingSameAsShipping": True}
        try:
            made = self._api.mutate("company_create", input=given)["company"]
        except UserErrors as refused:
            taken = any(
                error.get("code") == "TAKEN" and "externalId" in (error.get("field") or []) for error in refused.errors
            )
            if taken:
                # It is there, and the search index does not know it yet: an earlier attempt made it.
                raise RetryLater(
                    "the company is there and cannot be looked up yet", code="CON-UNCERTAIN", after=10
                ) from refused
            raise
        return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))


def _number(data: Json) -> str:
    if not data.get("number"):
        raise Rejected(
            "a company needs its account number, by which the shop recognises it",
            fix="Give the account a number in the system that owns it.",
        )
    return str(data["number"])


def _changes(data: Json, present: Json) -> Json:
    return {name: data[name] for name in ("name", "note") if data.get(name) is not None and data[name] != present[name]}


def _location(address: Json) -> Json:
    names = {
        "address1": "address1",
        "address2": "address2",
        "city": "city",
        "province_code": "zoneCode",
        "zip": "zip",
        "country_code": "countryCode",
        "phone": "phone",
        "company": "recipient",
    }
    return {name: address[key] for key, name in names.items() if address.get(key)}
