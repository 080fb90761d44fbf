"""The check of a source against what Odoo says of its models, on a small connector that says what it asks in many ways."""

from __future__ import annotations

import json
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.sdk.testing.specs import load
from hub.sdk.testing.specs.odoo import Odoo

CLIENT = """
class Client:
    def call(self, model: str, method: str, ids=None, **arguments):
        return self.transport.post(model, method, ids, arguments)
    def search_read(self, model, domain, fields, *, order="id", limit=None):
        arguments = {"domain": domain, "fields": list(fields), "order": order}
        if limit is not None:
            arguments["limit"] = limit
        return list(self.call(model, "search_read", **arguments))
    def read(self, model, ids, fields):
        return {row["id"]: row for row in self.search_read(model, [["id", "in", ids]], fields)}
    def load(self, model, columns, rows):
        return self.call(model, "load", fields=columns, data=rows)
    def has(self, model: str, field: str) -> bool:
        return field in self.call(model, "fields_get")
class Stream:
    domain = ()
    def __init__(self, client: Client):
        self.client = client
    def fields(self):
        raise NotImplementedError
    def poll(self):
        return self.complete(self.client.search_read(self.model, [*self.domain, ["id", ">", 1]], ["id", *self.fields()]))
    def complete(self, records):
        return records
"""


def field(type_: str = "char", **more: Any) -> dict[str, Any]:
    return {"type": type_, **more}


MODELS = {
    "res.partner": {
        "fields": {
            "id": field("integer"), "name": field(required=True), "email": field(), "country_id": field("many2one", relation="res.country"),
            "kind": field("selection", selection=[["person", "Person"], ["firm", "Firm"]]),
            "child_ids": field("one2many", relation="res.partner"), "lang": field(required=True),
        },
        "methods": {
            "search_read": {"parameters": {"domain": {}, "fields": {}, "order": {}, "limit": {}, "read_kwargs": {"kind": "VAR_KEYWORD"}}},
            "write": {"parameters": {"vals": {}}}, "create": {"parameters": {"vals_list": {}}}, "fields_get": {"parameters": {}},
            "load": {"parameters": {"fields": {}, "data": {}}},
        },
        "defaults": ["lang"],
    },
    "res.country": {"fields": {"id": field("integer"), "code": field(), "name": field()}},
}  # fmt: skip


def found(folder: Path, code: str) -> list[tuple[int, str, str]]:
    (folder / "client.py").write_text(CLIENT)
    (folder / "streams.py").write_text("from acme.client import Client, Stream\n" + dedent(code))
    checked = Odoo(MODELS, "test").check(folder, "acme")
    return [(one.line, str(one.kind), one.what) for one in checked.misfits if one.file.endswith("streams.py")]


def in_function(body: str) -> str:
    return f"def f(client: Client, data):\n    {body}\n"


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ('client.search_read("res.partner", [["name", "=", 1], "|", ["country_id.code", "=", 2]], ["email"], order="name desc, id")', None),
        ('client.search_read("res.partnr", [], ["email"])', ("unknown", "res.partnr")),
        ('client.search_read("res.partner", [["nam", "=", 1]], ["email"])', ("unknown", "res.partner.nam")),
        ('client.search_read("res.partner", [["country_id.kode", "=", 1]], ["email"])', ("unknown", "res.country.kode")),
        ('client.search_read("res.partner", [["email.code", "=", 1]], ["email"])', ("mismatch", "res.partner.email")),
        ('client.search_read("res.partner", [["kind", "in", ["firm", "club"]]], ["email"])', ("optional", "res.partner.kind = club")),
        ('client.search_read("res.partner", [], ["mail"])', ("unknown", "res.partner.mail")),
        ('client.search_read("res.partner", [], ["email"], order="nam desc, id")', ("unknown", "res.partner.nam")),
        ('client.search_read("res.partner", [], ["email"])[0]["name"]', ("unasked", "name")),
        ('client.read("res.partner", [1], ["email"])[1]["name"]', ("unasked", "name")),
        ('client.read("res.partner", [1], ["email"]).get(1, {}).get("name")', ("unasked", "name")),
        ('client.call("res.partner", "wrote", [1], vals={})', ("unknown", "res.partner.wrote")),
        ('client.call("res.partner", "write", [1], values={})', ("unknown", "res.partner.write(values)")),
        ('client.call("res.partner", "write", [1], vals={"mail": 1})', ("unknown", "res.partner.mail")),
        ('client.call("res.partner", "write", [1], vals={"kind": "club"})', ("unknown", "res.partner.kind = club")),
        ('client.call("res.partner", "write", [1], vals={"child_ids": [(0, 0, {"mail": 1})]})', ("unknown", "res.partner.mail")),
        ('client.call("res.partner", "create", vals_list=[{"email": 1}])', ("missing", "res.partner.name")),
        ('client.call("res.partner", "create", vals_list=[{"name": 1}])', None),
        ('client.load("res.partner", ["id", "name", "country_id/.id", "child_ids/name", "child_ids/country_id/id"], [])', None),
        ('client.load("res.partner", ["id", "name", "country/.id"], [])', ("unknown", "res.partner.country")),
        ('client.load("res.partner", ["id", "name", "child_ids/nam"], [])', ("unknown", "res.partner.nam")),
        ('client.load("res.partner", ["id", "name", "email/.id"], [])', ("mismatch", "res.partner.email")),
        ('client.load("res.partner", ["id", "email"], [])', ("missing", "res.partner.name")),
        ('client.load("res.partner", ["id", *(f"{n}/.id" if n.endswith("_id") else n for n in ("name", "country_id"))], [])', None),
        ('client.has("res.partner", "ref")', ("optional", "res.partner.ref")),
        ('client.search_read("res.partner", [], ["ref"] if client.has("res.partner", "ref") else ["email"])', ("optional", "res.partner.ref")),
        ('client.search_read("res.partner", [], [n for n in ("ref", "email") if client.has("res.partner", n)])', ("optional", "res.partner.ref")),
    ],
)  # fmt: skip
def test_what_a_call_names(tmp_path, body, wrong):
    assert found(tmp_path, in_function(body)) == ([(3, *wrong)] if wrong else [])


def test_streams_inherit_what_is_asked(tmp_path):
    code = """
        class Partners(Stream):
            model = "res.partner"
            domain = (["nick", "!=", False],)
            def fields(self):
                return ["name", *(["vat"] if self._modern() else ["tin"])]
            def complete(self, records):
                return [{**record, "shown": record["email"]} for record in records]
            def _modern(self):
                return self.client.has(self.model, "vat")
        class Countries(Stream):
            model = "res.country"
            def fields(self):
                return ["code"]
    """
    assert found(tmp_path, code) == [
        (5, "unknown", "res.partner.nick"),
        (7, "optional", "res.partner.tin"),
        (7, "optional", "res.partner.vat"),
        (9, "unasked", "email"),
        (11, "optional", "res.partner.vat"),
    ]


def test_rows_of_a_table_are_told_apart(tmp_path):
    code = """
        TABLE = (("res.partner", ["email"]), ("res.country", ["code"]))
        def f(client: Client):
            for model, fields in TABLE:
                client.search_read(model, [], fields)
    """
    assert found(tmp_path, code) == []
    assert found(tmp_path, code.replace('["code"]', '["email"]')) == [(3, "unknown", "res.country.email")]


def test_the_forms_of_a_description(tmp_path):
    forms = {
        "whole": {"version": "19.0", "models": MODELS},
        "plain": {model: one["fields"] for model, one in MODELS.items()},
        "page": {"model": "res.partner", "name": "Contact", "doc": None, **MODELS["res.partner"]},
    }
    for name, data in forms.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
        found: Any = load([tmp_path / f"{name}.json"])
        assert found.models["res.partner"]["fields"]["email"]["type"] == "char"
    merged: Any = load([tmp_path / "page.json", tmp_path / "plain.json"])
    assert set(merged.models) == set(MODELS)
    for text in ("[]", "{}", '{"a": 1}', "not json", ""):
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(ConfigError):
            load([tmp_path / "bad.json"])
