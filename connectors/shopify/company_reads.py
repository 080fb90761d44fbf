"""Companies (B2B) out of the shop, each with its contacts and locations.

Webhooks of companies, of their contacts and of their locations carry parts, so they are notices: the hub reads the company. A poll finds
companies that changed themselves; what changes a contact or a location only is told by its webhook.
"""

from __future__ import annotations

from connectors.shopify.api import ShopifyApi
from connectors.shopify.config import ShopifyConfig
from connectors.shopify.shapes import Json, earlier, fingerprint, number_of, since_query, version_of
from hub.sdk.records import Cursor, Page, RawMessage

_PAGE = 20


class CompanyReads:
    """Reads companies."""

    def __init__(self, api: ShopifyApi, config: ShopifyConfig) -> None:
        self._api = api
        self._config = config

    def page(self, cursor: Cursor | None, limit: int) -> Page:
        """The next page of changed companies, oldest change first."""
        at = dict(cursor or {})
        since = at.get("since")
        asked = {"first": min(limit, _PAGE), "after": at.get("after"), "query": since_query(since)}
        found = self._api.query("companies_changed", **asked)["companies"]
        messages = [self._message(node, "poll") for node in found["nodes"]]
        newest = max([at.get("newest") or since or "", *(version_of(node["updatedAt"]) for node in found["nodes"])])
        if found["pageInfo"]["hasNextPage"]:
            further = {"since": since, "newest": newest, "after": found["pageInfo"]["endCursor"]}
            return Page(messages, further, more=True)
        return Page(messages, {"since": earlier(newest, self._config.poll_overlap) if newest else None})

    def one(self, external_id: str) -> RawMessage | None:
        """One company as it is now."""
        node = self._api.query("company_read", id=external_id)["company"]
        return self._message(node, "fetch") if node else None

    def _message(self, node: Json, topic: str) -> RawMessage:
        contacts, locations = self._contacts(node), self._locations(node)
        parts = [node["updatedAt"], *(part["updatedAt"] for part in (*contacts, *locations))]
        version = max(version_of(moment) for moment in parts)
        payload = {
            "id": number_of(node["id"]),
            "admin_graphql_api_id": node["id"],
            "name": node["name"],
            "external_id": node["externalId"],
            "note": node["note"],
            "created_at": node["createdAt"],
            "updated_at": node["updatedAt"],
            "main_contact": next((_contact(part) for part in contacts if part["isMainContact"]), None),
            "contacts": [_contact(part) for part in contacts],
            "locations": [_location(part) for part in locations],
        }
        return RawMessage(
            stream="company",
            external_id=node["id"],
            payload=payload,
            dedupe_key=f"poll:{node['id']}:{version}:{fingerprint(payload)}",
            topic=topic,
            source_version=version,
            occurred_at=version,
        )

    def _contacts(self, node: Json) -> list[Json]:
        page = node["contacts"]
        nodes: list[Json] = list(page["nodes"])
        while page["pageInfo"]["hasNextPage"]:
            page = self._api.query("company_contacts", id=node["id"], after=page["pageInfo"]["endCursor"])
            page = page["company"]["contacts"]
            nodes += page["nodes"]
        return nodes

    def _locations(self, node: Json) -> list[Json]:
        page = node["locations"]
        nodes: list[Json] = list(page["nodes"])
        while page["pageInfo"]["hasNextPage"]:
            page = self._api.query("company_locations", id=node["id"], after=page["pageInfo"]["endCursor"])
            page = page["company"]["locations"]
            nodes += page["nodes"]
        return nodes


def _contact(node: Json) -> Json:
    """A contact. The person is a customer of the shop, under that id."""
    person = node["customer"]
    return {
        "id": number_of(node["id"]),
        "customer_id": number_of(person["id"]),
        "customer_admin_graphql_api_id": person["id"],
        "first_name": person["firstName"],
        "last_name": person["lastName"],
        "title": node["title"],
        "locale": node["locale"],
    }


def _location(node: Json) -> Json:
    terms = (node["buyerExperienceConfiguration"] or {}).get("paymentTermsTemplate")
    return {
        "id": number_of(node["id"]),
        "admin_graphql_api_id": node["id"],
        "name": node["name"],
        "external_id": node["externalId"],
        "phone": node["phone"],
        "tax_id": node["taxSettings"]["taxRegistrationId"],
        "tax_exempt": node["taxSettings"]["taxExempt"],
        "payment_terms_name": terms["name"] if terms else None,
        "shipping_address": _address(node["shippingAddress"]),
        "billing_address": _address(node["billingAddress"]),
    }


def _address(node: Json | None) -> Json | None:
    """A CompanyAddress as REST's address."""
    if node is None:
        return None
    return {
        "name": node["recipient"],
        "company": node["companyName"],
        "address1": node["address1"],
        "address2": node["address2"],
        "city": node["city"],
        "province": node["province"],
        "province_code": node["zoneCode"],
        "zip": node["zip"],
        "country": node["country"],
        "country_code": node["countryCode"],
        "phone": node["phone"],
    }
