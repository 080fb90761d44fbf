"""The pieces that both directions need: global ids, times, and money in the form that webhooks have.

Webhooks carry the shape of Shopify's REST resources, and polling reads GraphQL. One mapping must serve both, so what is polled is
written in the webhooks' shape (`orders`, `variants`, `customers`). A webhook has more fields than that; none is taken away from it. What a
mapping may rely on is what both have.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from hub.canonical.codes import minor_units

Json = dict[str, Any]


def gid(kind: str, number: Any) -> str:
    """The global id of a numeric id: ``gid://shopify/Order/1``."""
    return f"gid://shopify/{kind}/{number}"


def number_of(global_id: str | None) -> int | None:
    """The numeric id at the end of a global id."""
    if not global_id:
        return None
    return int(global_id.rsplit("/", 1)[-1].split("?", 1)[0])


def version_of(timestamp: str | None) -> str:
    """A vendor timestamp as text that sorts: UTC, always with milliseconds. Empty when there is none."""
    if not timestamp:
        return ""
    moment = datetime.fromisoformat(timestamp)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def earlier(moment: str, seconds: float) -> str:
    """A version so many seconds before."""
    return version_of((datetime.fromisoformat(moment) - timedelta(seconds=seconds)).isoformat())


def since_query(moment: str | None) -> str | None:
    """What changed since then, in Shopify's search language."""
    return f"updated_at:>='{moment[:19]}Z'" if moment else None


def fingerprint(payload: Any) -> str:
    """A short hash of a payload's content. Shopify's times have whole seconds: two changes of one second differ only in this."""
    text = json.dumps(payload, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def amount(money: Json) -> str:
    """A GraphQL amount ("199.0") with the digits that REST gives it ("199.00")."""
    value = Decimal(str(money["amount"]))
    digits = minor_units(money["currencyCode"])
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and -exponent <= digits:
        value = value.quantize(Decimal(1).scaleb(-digits))
    return format(value, "f")


def money_set(bag: Json | None) -> Json | None:
    """A MoneyBag as REST's ``*_set``."""
    if bag is None:
        return None
    return {"shop_money": _money(bag["shopMoney"]), "presentment_money": _money(bag["presentmentMoney"])}


def shop_amount(bag: Json | None) -> str | None:
    """The amount in the shop's currency."""
    return amount(bag["shopMoney"]) if bag else None


def address(node: Json | None) -> Json | None:
    """A MailingAddress as REST's address."""
    if node is None:
        return None
    return {
        "first_name": node["firstName"],
        "last_name": node["lastName"],
        "name": node["name"],
        "company": node["company"],
        "address1": node["address1"],
        "address2": node["address2"],
        "city": node["city"],
        "province": node["province"],
        "province_code": node["provinceCode"],
        "zip": node["zip"],
        "country": node["country"],
        "country_code": node["countryCodeV2"],
        "phone": node["phone"],
    }


def customer(node: Json | None) -> Json | None:
    """A Customer as REST's customer."""
    if node is None:
        return None
    email, phone = node["defaultEmailAddress"] or {}, node["defaultPhoneNumber"] or {}
    return {
        "id": int(node["legacyResourceId"]),
        "admin_graphql_api_id": node["id"],
        "email": email.get("emailAddress"),
        "first_name": node["firstName"],
        "last_name": node["lastName"],
        "phone": phone.get("phoneNumber"),
        "state": node["state"].lower(),
        "note": node["note"],
        "tags": ", ".join(node["tags"]),
        "tax_exempt": node["taxExempt"],
        "verified_email": node["verifiedEmail"],
        "created_at": node["createdAt"],
        "updated_at": node["updatedAt"],
        "email_marketing_consent": {"state": email["marketingState"].lower()} if email.get("marketingState") else None,
        "default_address": address(node["defaultAddress"]),
    }


def _money(money: Json) -> Json:
    return {"amount": amount(money), "currency_code": money["currencyCode"]}
