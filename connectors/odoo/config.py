"""The settings of a connection to one Odoo database."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import Field, SecretStr, field_validator

from hub.sdk.connector import ConnectorConfig


class OdooConfig(ConnectorConfig):
    """Where the Odoo database is, who the hub is there, and how orders are written to it."""

    url: str = Field(
        pattern=r"^https?://[^\s/]+(/.*)?$", description="Address of the server, such as https://erp.example.com."
    )
    database: str = Field(min_length=1, description="Name of the database.")
    api_key: SecretStr = Field(description="API key of the hub's own Odoo user (Preferences, Account Security).")
    login: str = Field(default="", description="Login of that user; needed by Odoo 18 and older, which have no JSON-2.")
    version: str = Field(
        default="", pattern=r"^(\d{2}(\.\d)?)?$", description='Odoo version such as "19.0"; empty = ask the server.'
    )

    company: int | None = Field(
        default=None, ge=1, description="Id of the company that the hub works for; none = the user's default company."
    )
    language: str = Field(default="en_US", description="Odoo language code in which names are read and written.")
    languages: tuple[str, ...] = Field(
        default=(), description="Further installed languages in which product names are read."
    )
    overlap: int = Field(
        default=150,
        ge=2,
        le=3600,
        description="Seconds that a poll looks back: Odoo stamps a record when its transaction starts, and shows it when it ends.",
    )

    full_stock_every: int = Field(
        default=86_400,
        ge=0,
        description="Seconds after which all stock levels are read again, beside the changes; 0 = never. Odoo merges quants without a "
        "trace.",
    )
    confirm_orders: bool = Field(default=True, description="Confirm sale orders; otherwise they stay quotations.")
    taxes: Literal["match", "erp", "none"] = Field(
        default="match",
        description="match = the Odoo taxes with the rates that the shop charged; erp = what Odoo's fiscal positions say; none = no taxes.",
    )
    tax_map: dict[str, int] = Field(
        default_factory=dict,
        description='Odoo tax id by rate, such as {"0.19": 12}, where several taxes have that rate.',
    )
    total_tolerance: Decimal = Field(
        default=Decimal("0.02"), ge=0, description="How far Odoo's total may differ from the shop's."
    )
    on_total_mismatch: Literal["hold", "warn"] = Field(
        default="hold",
        description="hold = the order stays a quotation and an exception asks for a person; warn = confirm it and say so.",
    )
    print_invoices: bool = Field(
        default=False,
        description="Have Odoo (18 and newer) make the PDF of each invoice and credit note that the hub posts.",
    )
    payment_journals: dict[str, str] = Field(
        default_factory=dict,
        description='Code of the Odoo journal by means of payment, such as {"paypal": "PPL"}; others go to Odoo\'s first bank journal.',
    )
    shipping_product: str = Field(
        default="SHIPPING", description="Internal reference of the service product for shipping charges."
    )
    discount_product: str = Field(
        default="DISCOUNT",
        description="Internal reference of the service product for discounts that no percentage expresses.",
    )
    custom_product: str = Field(
        default="",
        description="Internal reference of the product for lines without a SKU; empty = such orders are refused.",
    )
    pricelists: dict[str, int] = Field(
        default_factory=dict, description="Odoo pricelist id by currency, for orders, where several have that currency."
    )
    price_lists: dict[str, int] = Field(
        default_factory=dict,
        description="Odoo pricelist id by the owner's code of a price list, for prices that are written to Odoo.",
    )
    warehouse: str = Field(
        default="", description="Code of the warehouse that orders are shipped from; empty = Odoo's choice."
    )
    sales_team: int | None = Field(default=None, ge=1, description="Id of the sales team that orders are booked on.")
    sales_teams: dict[str, int] = Field(
        default_factory=dict, description="Sales team id by the order's channel, where it decides."
    )
    on_ambiguous_customer: Literal["reject", "oldest"] = Field(
        default="reject",
        description="What to do when several partners have the customer's e-mail address.",
    )

    @field_validator("url")
    @classmethod
    def _without_slash(cls, value: str) -> str:
        return value.rstrip("/")
