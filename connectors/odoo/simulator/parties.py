"""Companies, partners, countries, languages, and the table of external ids."""

from __future__ import annotations

from typing import Any, ClassVar

from connectors.odoo.simulator.errors import validation_error, value_error
from connectors.odoo.simulator.orm import Field, Model, Row, char, flag, many, number, one, rpc


class ExternalIds(Model):
    """ir.model.data: unique by module and name."""

    name = "ir.model.data"
    title = "Model Data"
    fields: ClassVar[dict[str, Field]] = {
        "module": char(required=True),
        "name": char(required=True),
        "model": char(required=True),
        "res_id": Field("many2one_reference"),
        "noupdate": flag(),
    }

    def _created(self, row: Row) -> None:
        twin = [r for r in self.rows.values() if (r["module"], r["name"]) == (row["module"], row["name"])]
        row["res_id"] = int(row["res_id"])
        if len(twin) > 1:
            raise validation_error(
                "The operation cannot be completed: You cannot have multiple records with the same external ID"
            )

    @rpc
    def check_object_reference(self, module: str, xml_id: str, raise_on_access_error: bool = False) -> list[Any]:  # noqa: ARG002
        """The model and the id behind an external id; the id is false when the record is gone."""
        for row in self.rows.values():
            if (row["module"], row["name"]) == (module, xml_id):
                return [row["model"], row["res_id"] if row["res_id"] in self.env[row["model"]].rows else False]
        raise value_error(f"External ID not found in the system: {module}.{xml_id}")


class Currencies(Model):
    """res.currency."""

    name = "res.currency"
    title = "Currency"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "rounding": number(),
        "decimal_places": number("integer"),
        "active": flag(True),
    }


class Companies(Model):
    """res.company."""

    name = "res.company"
    title = "Companies"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "currency_id": one("res.currency"),
        "country_id": one("res.country"),
        "partner_id": one("res.partner"),
    }


class Users(Model):
    """res.users: the hub's own user is number 2."""

    name = "res.users"
    title = "User"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True), "login": char(), "company_id": one("res.company", default=1),
        "company_ids": many("res.company"), "lang": Field("selection", default="en_US"),
    }  # fmt: skip

    @rpc
    def context_get(self) -> Row:
        """The caller's language, time zone and id."""
        return {"lang": "en_US", "tz": False, "uid": 2}


class Countries(Model):
    """res.country."""

    name = "res.country"
    title = "Country"
    fields: ClassVar[dict[str, Field]] = {"name": char(required=True), "code": char()}


class States(Model):
    """res.country.state."""

    name = "res.country.state"
    title = "Country state"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "code": char(required=True),
        "country_id": one("res.country", required=True),
    }

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        country = self.env["res.country"].rows[row["country_id"]]
        return f"{row['name']} ({country['code']})"


class Languages(Model):
    """res.lang."""

    name = "res.lang"
    title = "Languages"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(required=True),
        "code": char(required=True),
        "active": flag(True),
    }


class Partners(Model):
    """res.partner: customers, and below them their delivery and invoice addresses."""

    name = "res.partner"
    title = "Contact"
    order = "id"
    fields: ClassVar[dict[str, Field]] = {
        "name": char(label="Name"), "email": char(), "email_normalized": char(compute="_normalized"), "phone": char(), "street": char(),
        "street2": char(), "zip": char(),
        "city": char(), "state_id": one("res.country.state"), "country_id": one("res.country", label="Country"),
        "country_code": char(compute="_country_code"), "vat": char(),
        "ref": char(), "comment": Field("html"), "lang": Field("selection", default="en_US"),
        "is_company": flag(), "company_type": Field("selection", compute="_company_type"), "company_name": char(),
        "type": Field("selection", default="contact"), "parent_id": one("res.partner"), "child_ids": many("res.partner", "parent_id"),
        "commercial_partner_id": one("res.partner", compute="_commercial"), "customer_rank": number("integer"), "active": flag(True),
        "company_id": one("res.company"), "property_product_pricelist": one("product.pricelist"),
        "property_payment_term_id": one("account.payment.term"), "credit_limit": number(),
    }  # fmt: skip

    def _fields(self) -> dict[str, Field]:
        chosen = {"specific_property_product_pricelist": one("product.pricelist")} if self.env.version >= 18 else {}
        return {**self.fields, **chosen}

    def shown_as(self, row: Row) -> str:
        """The name that a many2one shows."""
        parent = self.rows.get(row["parent_id"]) if row["parent_id"] else None
        own = str(row["name"] or "")
        if parent is None:
            return own
        return f"{self.shown_as(parent)}, {own}" if own else self.shown_as(parent)

    def _normalized(self, row: Row) -> Any:
        return str(row["email"]).strip().lower() if row["email"] else False

    def _country_code(self, row: Row) -> Any:
        return self.env["res.country"].rows[row["country_id"]]["code"] if row["country_id"] else False

    def _company_type(self, row: Row) -> str:
        return "company" if row["is_company"] else "person"

    def _set_company_type(self) -> None:
        """Marks company_type as writable."""

    def _commercial(self, row: Row) -> int:
        return (
            self._commercial(self.rows[row["parent_id"]])
            if row["parent_id"] and not row["is_company"]
            else int(row["id"])
        )

    def _assign(self, row: Row, vals: Row) -> None:
        super()._assign(row, vals)
        if "company_type" in vals:
            row["is_company"] = vals["company_type"] == "company"
        language = vals.get("lang")
        if language and language not in {r["code"] for r in self.env["res.lang"].rows.values() if r["active"]}:
            raise value_error(f"Wrong value for res.partner.lang: {language!r}")

    def _created(self, row: Row) -> None:
        if row["type"] == "contact" and not row["name"]:
            raise validation_error("Contacts require a name")
        kind = "customer.create" if row["type"] == "contact" and not row["parent_id"] else "address.create"
        self.env.effect(kind, row["id"], {"name": row["name"], "email": row["email"]})

    def _written(self, row: Row, before: Row) -> None:  # noqa: ARG002
        if row["type"] == "contact" and not row["parent_id"]:
            self.env.effect("customer.update", row["id"], {"name": row["name"], "email": row["email"]})


MODELS = (ExternalIds, Currencies, Companies, Users, Countries, States, Languages, Partners)
