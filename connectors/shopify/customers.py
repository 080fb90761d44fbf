"""Customers into the shop: made by their e-mail address or phone number, and changed without taking away what the shop has."""

from __future__ import annotations

from typing import Any

from connectors.shopify.api import ShopifyApi
from connectors.shopify.companies import Companies
from connectors.shopify.shapes import Json, version_of
from hub.errors import Rejected
from hub.sdk.records import DeliverResult, OutboundRecord

_FIELDS = {
    "first_name": ("firstName", "firstName"),
    "last_name": ("lastName", "lastName"),
    "note": ("note", "note"),
    "tax_exempt": ("taxExempt", "taxExempt"),
    "locale": ("locale", "locale"),
}
"""Field of the data -> name in the input, and name in the answer."""


class Customers:
    """Delivers canonical customers. The write is an upsert by the vendor's own unique keys, so a repeat makes no second one."""

    def __init__(self, api: ShopifyApi) -> None:
        self._api = api
        self._companies = Companies(api)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Make the customer, or bring it up to date."""
        if _is_company(record):
            return self._companies.deliver(record)
        present = self._present(record)
        data = record.data
        if present is None:
            given = _input(data) | {"tags": data.get("tags") or []}
            if data.get("addresses"):
                given["addresses"] = [_address(found) for found in data["addresses"]]
            made = self._api.mutate("customer_set", identifier=_identifier(data), input=given)["customer"]
            return DeliverResult(made["id"], "created", version_of(made["updatedAt"]))
        changes = _changes(data, present)
        missing = [tag for tag in data.get("tags") or [] if tag not in present["tags"]]
        if changes:
            present = {
                **present,
                **self._api.mutate("customer_set", identifier={"id": present["id"]}, input=changes)["customer"],
            }
        if missing:
            # Tags by customerSet would replace all tags; these are only added.
            self._api.mutate("tags_add", id=present["id"], tags=missing)
        applied: Any = "updated" if changes or missing else "adopted" if record.maybe_sent else "unchanged"
        return DeliverResult(present["id"], applied, version_of(present["updatedAt"]))

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """A customer who is as wanted is an effect that is there."""
        if _is_company(record):
            return self._companies.find_effect(record)
        present = self._present(record)
        if (
            present is None
            or _changes(record.data, present)
            or set(record.data.get("tags") or []) - set(present["tags"])
        ):
            return None
        return DeliverResult(present["id"], "adopted", version_of(present["updatedAt"]))

    def _present(self, record: OutboundRecord) -> Json | None:
        if record.external_id:
            found = self._find({"id": record.external_id})
            if found is None:
                raise Rejected(
                    "the shop has no such customer any more", fix="Remove the link, and release the delivery."
                )
            return found
        by_email = self._find({"emailAddress": record.data["email"]}) if record.data.get("email") else None
        if by_email is None and not record.data.get("email") and record.data.get("phone"):
            return self._find({"phoneNumber": record.data["phone"]})
        return by_email

    def _find(self, identifier: Json) -> Json | None:
        found: Json | None = self._api.query("customer", identifier=identifier)["customerByIdentifier"]
        return found


def _is_company(record: OutboundRecord) -> bool:
    """A company is one by its id where it has one: what became a customer of the shop stays one."""
    if record.external_id:
        return record.external_id.startswith("gid://shopify/Company/")
    return record.data.get("kind") == "company"


def _identifier(data: Json) -> Json:
    if data.get("email"):
        return {"email": data["email"]}
    if data.get("phone"):
        return {"phone": data["phone"]}
    raise Rejected(
        "Shopify knows customers by e-mail address or phone number, and this one has neither",
        fix="Complete it in the system that owns customers.",
    )


def _input(data: Json) -> Json:
    given = {name: data[key] for key, (name, _) in _FIELDS.items() if data.get(key) is not None}
    return given | {name: data[name] for name in ("email", "phone") if data.get(name)}


def _changes(data: Json, present: Json) -> Json:
    """The fields that differ from what the shop has."""
    given = {
        name: data[key]
        for key, (name, read) in _FIELDS.items()
        if data.get(key) is not None and data[key] != present[read]
    }
    email = (present["defaultEmailAddress"] or {}).get("emailAddress") or ""
    phone = (present["defaultPhoneNumber"] or {}).get("phoneNumber") or ""
    if data.get("email") and data["email"].casefold() != email.casefold():
        given["email"] = data["email"]
    if data.get("phone") and data["phone"] != phone:
        given["phone"] = data["phone"]
    return given


def _address(data: Json) -> Json:
    names = {
        "first_name": "firstName",
        "last_name": "lastName",
        "company": "company",
        "address1": "address1",
        "address2": "address2",
        "city": "city",
        "province_code": "provinceCode",
        "zip": "zip",
        "country_code": "countryCode",
        "phone": "phone",
    }
    return {name: data[key] for key, name in names.items() if data.get(key)}
