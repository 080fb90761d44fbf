"""A small company in the simulated Odoo: currencies, countries, taxes, one warehouse, the service products."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from connectors.odoo.simulator.orm import Env

_CURRENCIES = (("USD", 2), ("EUR", 2), ("GBP", 2), ("CHF", 2), ("CAD", 2), ("JPY", 0), ("KWD", 3))
_COUNTRIES = (
    ("US", "United States"), ("DE", "Germany"), ("FR", "France"), ("GB", "United Kingdom"), ("CA", "Canada"), ("AT", "Austria"),
    ("CH", "Switzerland"), ("NL", "Netherlands"), ("IT", "Italy"), ("ES", "Spain"), ("BE", "Belgium"), ("PL", "Poland"),
    ("SE", "Sweden"), ("DK", "Denmark"), ("IE", "Ireland"), ("PT", "Portugal"), ("JP", "Japan"), ("AU", "Australia"), ("BR", "Brazil"),
    ("IN", "India"), ("MX", "Mexico"), ("CN", "China"),
)  # fmt: skip
_STATES = (
    ("US", "CA", "California"), ("US", "NY", "New York"), ("US", "TX", "Texas"), ("US", "WA", "Washington"), ("US", "OR", "Oregon"),
    ("US", "IL", "Illinois"), ("US", "FL", "Florida"), ("CA", "ON", "Ontario"), ("CA", "QC", "Quebec"),
)  # fmt: skip
_TERMS = (
    ("immediate", "Immediate Payment"), ("15days", "15 Days"), ("21days", "21 Days"), ("30days", "30 Days"), ("45days", "45 Days"),
)  # fmt: skip
_INCOTERMS = (
    ("EXW", "EX WORKS"), ("FCA", "FREE CARRIER"), ("CPT", "CARRIAGE PAID TO"), ("CIP", "CARRIAGE AND INSURANCE PAID TO"),
    ("DAP", "DELIVERED AT PLACE"), ("DDP", "DELIVERED DUTY PAID"), ("FOB", "FREE ON BOARD"), ("CIF", "COST, INSURANCE AND FREIGHT"),
)  # fmt: skip
_ACCOUNTS = (
    ("Account Receivable", "asset_receivable"), ("Product Sales", "income"), ("Outstanding Receipts", "asset_current"),
    ("Outstanding Payments", "asset_current"),
)  # fmt: skip
_JOURNALS = (
    ("Sales", "INV", "sale"),
    ("Purchases", "BILL", "purchase"),
    ("Bank", "BNK1", "bank"),
    ("Cash", "CSH1", "cash"),
)
RATES = (
    "15",
    "0",
    "1",
    "4",
    "5",
    "5.5",
    "6",
    "6.25",
    "7",
    "7.25",
    "8",
    "8.1",
    "8.25",
    "8.875",
    "9",
    "9.5",
    "10",
    "13",
    "14.975",
    "16",
    "19",
    "20",
    "21",
    "22",
    "23",
    "25",
)


def seed(env: Env, *, company: str = "My Company", currency: str = "USD", country: str = "US") -> None:
    """What a fresh database with the Sales and Inventory apps holds, and the taxes of a company that sells everywhere."""
    currencies = {
        code: env["res.currency"].insert({"name": code, "decimal_places": digits})["id"] for code, digits in _CURRENCIES
    }
    countries = {code: env["res.country"].insert({"name": name, "code": code})["id"] for code, name in _COUNTRIES}
    for land, code, name in _STATES:
        env["res.country.state"].insert({"name": name, "code": code, "country_id": countries[land]})
    env["res.lang"].insert({"name": "English (US)", "code": "en_US"})
    env["res.lang"].insert({"name": "German / Deutsch", "code": "de_DE"})
    env["uom.uom"].insert({"name": "Units"})
    env["res.company"].insert({"name": company, "currency_id": currencies[currency], "country_id": countries[country]})
    for login in ("__system__", "admin"):
        env["res.users"].insert({"name": login, "login": login, "company_ids": [[6, 0, [1]]]})
    partner = env["res.partner"].insert({"name": company, "is_company": True, "country_id": countries[country]})
    env["res.company"].rows[1]["partner_id"] = partner["id"]
    for code, id_ in currencies.items():
        if code != currency:
            env["product.pricelist"].insert({"name": f"Default {code}", "currency_id": id_})
    _taxes(env)
    for name, kind in _ACCOUNTS:
        env["account.account"].insert({"name": name, "account_type": kind})
    for name, code, kind in _JOURNALS:
        env["account.journal"].insert({"name": name, "code": code, "type": kind})
    for code, name in _INCOTERMS:
        env["account.incoterms"].insert({"name": name, "code": code})
    for key, name in _TERMS:
        made = env["account.payment.term"].insert({"name": name})
        named = {"module": "account", "name": f"account_payment_term_{key}", "model": "account.payment.term"}
        env["ir.model.data"].insert({**named, "res_id": made["id"]})
    env["crm.team"].insert({"name": "Sales"})
    locations = env["stock.location"]
    for name, usage in (("Vendors", "supplier"), ("Customers", "customer"), ("Inventory adjustment", "inventory")):
        locations.insert({"name": name, "complete_name": name, "usage": usage})
    env["stock.warehouse"].insert({"name": company, "code": "WH", "partner_id": partner["id"]})
    for sku, name in (("SHIPPING", "Shipping"), ("DISCOUNT", "Discount")):
        env["product.product"].insert({"name": name, "default_code": sku, "type": "service", "taxes_id": []})


def _taxes(env: Env) -> None:
    taxes = env["account.tax"]
    for rate in RATES:
        taxes.insert({"name": f"{rate}%", "amount": Decimal(rate)})
        if rate not in ("0", "15"):
            taxes.insert({"name": f"{rate}% incl.", "amount": Decimal(rate), "price_include": True, "sequence": 5})
    taxes.insert({"name": "0% Exports", "amount": Decimal(0)})
    for name in ("Domestic", "Foreign Trade"):
        env["account.fiscal.position"].insert({"name": name})
