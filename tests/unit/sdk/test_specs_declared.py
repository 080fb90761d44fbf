"""The check of a connector's file against OpenAPI descriptions and OData metadata, on small systems and on vendors' own descriptions."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent, indent
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from typer.testing import CliRunner

from hub.cli.main import app
from hub.documents import read
from hub.errors import ConfigError
from hub.sdk.declarative.loading import checked
from hub.sdk.testing.specs import Description, api_of, load, moving
from hub.sdk.testing.specs.declared import FileUses
from hub.sdk.testing.specs.filters import names_in
from hub.sdk.testing.specs.fitting import Fitting
from hub.sdk.testing.specs.odata import OData

VENDORS = Path(os.environ.get("HUB_VENDOR_SPECS", "../shared/specs"))
HEAD = """\
connector: 1
name: acme
title: Acme
vendor: Acme
docs: https://docs.acme.example/api
settings:
  url: {kind: url, description: Where it is.}
  token: {kind: secret, description: The token.}
url: "{config.url}BASE"
auth: {kind: token, token: "{config.token}"}
check: {get: /pingCHECK}
streams:
"""
STREAM = """\
order:
  entity: order
  id: {field: id, kind: integer}
  version: revision
  poll:
    get: /orders
    query: {state: open}
    rows: data
    paging: {kind: page, page: page, size: per_page, total: meta.total}
    changes: {field: updated_at, query: {since: "{since}"}}
  parts:
    lines: {get: "/orders/{id}/lines", rows: data}
  fetch: {get: "/orders/{id}"}
  create: {post: /orders, wrap: order, add: {reference: "{marker}"}, row: order}
  once:
    header: Idempotency-Key
    look_up: {get: /orders, query: {state: open, reference: "{marker}"}, rows: data, where: {reference: "{marker}"}}
"""
ORDER: dict[str, Any] = {
    "type": "object",
    "properties": {
        "id": {"type": "integer", "readOnly": True}, "revision": {"type": "integer"}, "updated_at": {"type": "string"},
        "reference": {"type": "string"}, "state": {"type": "string", "enum": ["open", "closed"]},
        "buyer": {"$ref": "#/components/schemas/Buyer"}, "old": {"type": "string", "deprecated": True},
    },
}  # fmt: skip
PAGE = {
    "type": "object",
    "properties": {
        "data": {"type": "array", "items": {"$ref": "#/components/schemas/Order"}},
        "meta": {"type": "object", "properties": {"total": {"type": "integer"}}},
    },
}
ONE = {"type": "object", "properties": {"order": {"$ref": "#/components/schemas/Order"}}}


def answer(schema: Any) -> dict[str, Any]:
    return {"200": {"description": "", "content": {"application/json; charset=utf-8": {"schema": schema}}}}


def query(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "schema": {"type": "string"}, **more}


OPENAPI: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Acme", "version": "1"},
    "servers": [{"url": "https://{host}/v1"}],
    "paths": {
        "/ping": {"get": {"responses": {"204": {"description": ""}}}},
        "/orders": {
            "get": {
                "parameters": [
                    query("state", required=True, schema={"type": "string", "enum": ["open", "closed"]}),
                    query("since"), query("page"), query("per_page"), query("reference"), query("gone", deprecated=True),
                ],
                "responses": {**answer(PAGE), "4XX": {"$ref": "#/components/responses/Error"}},
            },
            "post": {
                "parameters": [{"name": "Idempotency-Key", "in": "header", "schema": {"type": "string"}}],
                "requestBody": {"content": {"application/json": {"schema": ONE}}},
                "responses": {**answer(ONE), "4XX": {"$ref": "#/components/responses/Error"}},
            },
        },
        "/orders/{orderId}": {
            "parameters": [{"name": "orderId", "in": "path", "required": True, "schema": {"type": "integer"}}],
            "get": {"responses": answer({"$ref": "#/components/schemas/Order"})},
        },
        "/orders/{orderId}/lines": {"get": {"responses": answer(PAGE)}},
        "/old": {"get": {"deprecated": True, "responses": answer({})}},
    },
    "components": {
        "responses": {
            "Error": {
                "description": "",
                "content": {"application/json": {"schema": {
                    "type": "object", "properties": {"error": {"type": "object", "properties": {"code": {}, "id": {}}}}}}},
            }
        },
        "schemas": {
            "Order": ORDER,
            "Buyer": {"allOf": [{"$ref": "#/components/schemas/Party"}, {"type": "object", "properties": {"email": {"type": "string"}}}]},
            "Party": {"type": "object", "properties": {"name": {"type": "string"}}},
        },
    },
}  # fmt: skip


def written(folder: Path, stream: str, *, base: str = "", more: str = "", check: str = "") -> Path:
    text = HEAD.replace("BASE", base).replace("CHECK", check) + indent(dedent(stream), "  ") + dedent(more)
    (folder / "acme.yaml").write_text(text)
    return folder


def described(folder: Path, *texts: str | dict[str, Any]) -> Description:
    files = []
    for number, text in enumerate(texts):
        files.append(folder / f"spec{number}.{'xml' if isinstance(text, str) else 'json'}")
        files[-1].write_text(text if isinstance(text, str) else json.dumps(text))
    return load(files)


def found(folder: Path, description: Description) -> list[tuple[str, str]]:
    return [(str(one.kind), one.what) for one in description.check(folder, "acme").misfits]


def test_a_file_that_fits(tmp_path: Path) -> None:
    checked = described(tmp_path, OPENAPI).check(written(tmp_path, STREAM), "acme")
    assert checked.misfits == []
    assert checked.uses["requests"] == 6
    assert checked.uses["parameters"] == 6
    assert checked.uses["writes"] == 2


@pytest.mark.parametrize(
    ("old", "new", "line", "wrong"),
    [
        ("get: /orders\n", "get: /order\n", 18, ("unknown", "GET /order")),
        ("get: /orders\n", "post: /ping\n", 18, ("unknown", "POST /ping")),
        ('"/orders/{id}"', '"/orders/latest"', 25, ("unknown", "GET /orders/latest")),
        ('"/orders/{id}/lines"', '"/orders/{id}/rows"', 24, ("unknown", "GET /orders/{id}/rows")),
        ("rows: data\n", "rows: items\n", 20, ("unknown", "items")),
        ("page: page", "page: number", 21, ("unknown", "number")),
        ("size: per_page", "size: size", 21, ("unknown", "size")),
        ("meta.total", "meta.count", 21, ("unknown", "count")),
        ("{since: ", "{changed: ", 22, ("unknown", "changed")),
        ("field: updated_at", "field: changed_at", 22, ("unknown", "changed_at")),
        ("{state: open}\n", "{state: done}\n", 19, ("unknown", "done")),
        ("{state: open}\n", "{}\n", 18, ("missing", "state")),
        ("{state: open}\n", "{state: open, gone: 1}\n", 19, ("deprecated", "gone")),
        ("version: revision", "version: old", 16, ("deprecated", "old")),
        ("version: revision", "version: buyer.name", 16, None),
        ("version: revision", "version: buyer.title", 16, ("unknown", "title")),
        ("version: revision", "version: id.x", 16, ("unknown", "x")),
        ("wrap: order", "wrap: orders", 26, ("unknown", "orders")),
        ("{reference: \"{marker}\"}, row: order", "{mark: \"{marker}\"}, row: order", 26, ("unknown", "mark")),
        ("{reference: \"{marker}\"}, row: order", "{id: 5}, row: order", 26, ("mismatch", "id")),
        ("header: Idempotency-Key", "header: Idempotency", 28, ("unknown", "Idempotency")),
        ("where: {reference:", "where: {ref:", 29, ("unknown", "ref")),
        ("fetch: {get: \"/orders/{id}\"}", "fetch: {get: /old}", 25, ("deprecated", "GET /old")),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, line: int, wrong: tuple[str, str] | None
) -> None:
    assert old in STREAM
    written(tmp_path, STREAM.replace(old, new, 1))
    misfits = described(tmp_path, OPENAPI).check(tmp_path, "acme").misfits
    told = {((str(one.kind), one.what), one.line) for one in misfits}
    assert told == ({(wrong, line)} if wrong else set())
    assert all(one.file.endswith("acme.yaml") for one in misfits)


def test_the_likely_spelling_and_what_there_is_instead_are_said(tmp_path: Path) -> None:
    description = described(tmp_path, OPENAPI)
    written(
        tmp_path, STREAM.replace("field: updated_at", "field: update_at").replace("get: /orders\n", "put: /orders\n", 1)
    )
    with pytest.raises(ConfigError, match="must not PUT"):
        description.check(tmp_path, "acme")
    written(tmp_path, STREAM.replace("field: updated_at", "field: update_at").replace("post: /orders", "put: /orders"))
    said = sorted(one.said for one in description.check(tmp_path, "acme").misfits)
    assert said[0] == "/orders takes no PUT, only GET, POST."
    assert "Did you mean updated_at?" in said[1]


def test_the_body_that_the_file_gives_is_held_whole(tmp_path: Path) -> None:
    needs = json.loads(json.dumps(OPENAPI))
    needs["components"]["schemas"]["Order"]["required"] = ["reference", "state"]
    body = (
        'create: {post: /orders, body: {order: {reference: "{marker}", buyer: {mail: "{record.email}"}}}, row: order}'
    )
    old = 'create: {post: /orders, wrap: order, add: {reference: "{marker}"}, row: order}'
    written(tmp_path, STREAM.replace(old, body))
    assert found(tmp_path, described(tmp_path, needs)) == [("missing", "state"), ("unknown", "mail")]


@pytest.mark.parametrize(
    ("base", "path"), [("/v1", ""), ("", "/v1"), ("", "")], ids=["in the address", "in the paths", "in the setting"]
)
def test_the_address_of_the_server_may_stand_anywhere(tmp_path: Path, base: str, path: str) -> None:
    text = STREAM.replace("/orders", f"{path}/orders")
    head = written(tmp_path, text, base=base)
    (head / "acme.yaml").write_text((head / "acme.yaml").read_text().replace("get: /ping", f"get: {path}/ping"))
    assert found(tmp_path, described(tmp_path, OPENAPI)) == []


def test_a_name_that_an_open_record_does_not_name_is_told_and_fails_nothing(tmp_path: Path) -> None:
    """Systems with fields of their users' own, such as SAP Business One, say that there may be more than they describe."""
    freer = json.loads(json.dumps(OPENAPI))
    freer["components"]["schemas"]["Order"]["additionalProperties"] = True
    written(tmp_path, STREAM.replace("version: revision", "version: U_revision"))
    (one,) = [one for one in described(tmp_path, freer).check(tmp_path, "acme").misfits if one.what == "U_revision"][:1]
    assert (str(one.kind), one.line, one.breaks) == ("undescribed", 16, False)
    assert "Did you mean revision?" in one.said


def test_errors_and_webhooks(tmp_path: Path) -> None:
    more = """
    errors:
    - {status: 409, where: {error.code: TAKEN}, is: duplicate, id: error.ident}
    - {status: 422, has: error.reason, is: rejected}
    webhook:
      signature: {kind: hmac_hex, header: x-acme, secret: "{config.token}"}
      topic: {field: kind, streams: {order/changed: order, order/paid: order}}
      row: record
    """
    written(tmp_path, STREAM, more=more)
    record = {"type": "object", "properties": {"kind": {"type": "string", "enum": ["order/changed"]}, "record": ORDER}}
    hooks = {"order/changed": {"post": {"requestBody": {"content": {"application/json": {"schema": record}}}}}}
    with_hooks = {**OPENAPI, "openapi": "3.1.0", "webhooks": hooks}
    assert found(tmp_path, described(tmp_path, OPENAPI)) == [("unknown", "ident"), ("unknown", "reason")]
    assert found(tmp_path, described(tmp_path, with_hooks)) == [
        ("unknown", "ident"), ("unknown", "reason"), ("unknown", "order/paid"),
    ]  # fmt: skip


def test_swagger_2(tmp_path: Path) -> None:
    old = {
        "swagger": "2.0", "basePath": "/v1",
        "paths": {
            "/ping": {"get": {"responses": {}}},
            "/orders": {
                "get": {
                    "parameters": [{"name": one, "in": "query", "type": "string"} for one in ("state", "since", "page", "per_page", "reference")],
                    "responses": {"200": {"schema": {"type": "object", "properties": {
                        "data": {"type": "array", "items": {"$ref": "#/definitions/Order"}},
                        "meta": {"type": "object", "properties": {"total": {"type": "integer"}}}}}}},
                },
                "post": {
                    "parameters": [{"in": "body", "name": "order", "schema": {"type": "object", "properties": {"order": {"$ref": "#/definitions/Order"}}}}],
                    "responses": {"201": {"schema": {"type": "object", "properties": {"order": {"$ref": "#/definitions/Order"}}}}},
                },
            },
            "/orders/{orderId}": {"get": {"responses": {"200": {"schema": {"$ref": "#/definitions/Order"}}}}},
            "/orders/{orderId}/lines": {"get": {"responses": {"200": {"schema": {"type": "object"}}}}},
        },
        "definitions": {"Order": {**ORDER, "properties": {**ORDER["properties"], "buyer": {"type": "object"}}}},
    }  # fmt: skip
    assert found(written(tmp_path, STREAM), described(tmp_path, old)) == []
    wrong = STREAM.replace("add: {reference", "add: {refrence").replace("size: per_page", "size: perpage")
    assert found(written(tmp_path, wrong), described(tmp_path, old)) == [
        ("unknown", "perpage"),
        ("unknown", "refrence"),
    ]


def test_moving_to_another_version_tells_what_is_removed(tmp_path: Path) -> None:
    later = json.loads(json.dumps(OPENAPI))
    del later["components"]["schemas"]["Order"]["properties"]["revision"]
    del later["paths"]["/orders/{orderId}/lines"]
    later["paths"]["/orders"]["get"]["parameters"][1]["deprecated"] = True
    written(tmp_path, STREAM)
    now, other = (described(tmp_path, one).check(tmp_path, "acme") for one in (OPENAPI, later))
    assert {(str(one.kind), one.what) for one in moving(now, other).misfits} == {
        ("removed", "revision"), ("removed", "GET /orders/{id}/lines"), ("deprecated", "since"),
    }  # fmt: skip


# --- OData


ITEMS = """\
item:
  entity: variant
  id: {field: Id, kind: integer}
  deleted: {where: {Blocked: true}}
  odata:
    set: /svc/Items
    changed: ModifiedAt
    filter: Kind eq Shop.Kind'Goods' and Lines/any(l:l/Sku ne 'x y')
    select: [Id, No, ModifiedAt, Blocked]
    expand: [Lines]
    find: {sku: No}
    write: {create: true, update: true, delete: true, marker: Ref}
"""
METADATA = """\
<edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices>
<Schema Namespace="Shop" Alias="self" xmlns="http://docs.oasis-open.org/odata/ns/edm">
  <EnumType Name="Kind"><Member Name="Goods"/><Member Name="Service"/></EnumType>
  <EntityType Name="Thing" Abstract="true"><Key><PropertyRef Name="Id"/></Key><Property Name="Id" Type="Edm.Int64" Nullable="false"/></EntityType>
  <EntityType Name="Item" BaseType="self.Thing">
    <Property Name="No" Type="Edm.String" Nullable="false"/>
    <Property Name="Kind" Type="Shop.Kind"/>
    <Property Name="Blocked" Type="Edm.Boolean"/>
    <Property Name="ModifiedAt" Type="Edm.DateTimeOffset"/>
    <Property Name="Ref" Type="Edm.String"/>
    <Property Name="Old" Type="Edm.String"><Annotation Term="Org.OData.Core.V1.Revisions"><Collection><Record>
      <PropertyValue Property="Kind" EnumMember="Org.OData.Core.V1.RevisionKind/Deprecated"/></Record></Collection></Annotation></Property>
    <NavigationProperty Name="Lines" Type="Collection(self.Line)"/>
  </EntityType>
  <ComplexType Name="Line"><Property Name="Sku" Type="Edm.String"/></ComplexType>
  <Action Name="Block" IsBound="true"><Parameter Name="it" Type="Shop.Item"/><Parameter Name="why" Type="Edm.String"/></Action>
  <EntityContainer Name="C"><EntitySet Name="Items" EntityType="Shop.Item"/></EntityContainer>
  <Annotations Target="self.Item/Ref"><Annotation Term="Org.OData.Core.V1.Computed" Bool="false"/></Annotations>
</Schema></edmx:DataServices></edmx:Edmx>
"""


def items(folder: Path, old: str = "", new: str = "") -> Path:
    assert old in ITEMS
    return written(folder, ITEMS.replace(old, new, 1), check="/../svc/$metadata")


def test_an_entity_set_that_fits(tmp_path: Path) -> None:
    checked = described(tmp_path, METADATA).check(items(tmp_path), "acme")
    assert [(one.line, one.said) for one in checked.misfits] == []
    assert checked.kind == "odata"
    assert checked.uses["parameters"] == 5
    assert checked.uses["reads"] > 10


@pytest.mark.parametrize(
    ("old", "new", "line", "wrong"),
    [
        ("/svc/Items", "/svc/Item", 18, ("unknown", "GET /svc/Item")),
        ("changed: ModifiedAt", "changed: ChangedAt", 19, ("unknown", "ChangedAt")),
        ("filter: Kind", "filter: Sort", 20, ("unknown", "Sort")),
        ("l/Sku", "l/Sku and Line/any()", 20, ("unknown", "Line")),
        ("[Id, No,", "[Id, Number, No,", 21, ("unknown", "Number")),
        ("[Lines]", "[Rows]", 22, ("unknown", "Rows")),
        ("sku: No", "sku: Number", 23, ("unknown", "Number")),
        ("marker: Ref", "marker: Reference", 24, ("unknown", "Reference")),
        ("marker: Ref", "marker: Old", 24, ("deprecated", "Old")),
        ("field: Id", "field: ItemId", 15, ("unknown", "ItemId")),
        ("{Blocked: true}", "{Locked: true}", 16, ("unknown", "Locked")),
        ("{Blocked: true}", "{Kind: Goods}", 16, ("unasked", "Kind")),
        ("{Blocked: true}", "{Kind: Gods}", 16, ("unknown", "Gods")),
    ],
)
def test_what_does_not_fit_an_entity_set(tmp_path: Path, old: str, new: str, line: int, wrong: tuple[str, str]) -> None:
    misfits = described(tmp_path, METADATA).check(items(tmp_path, old, new), "acme").misfits
    assert (wrong, line) in {((str(one.kind), one.what), one.line) for one in misfits}
    assert all(one.line == line for one in misfits)


def test_what_the_service_computes_cannot_be_written(tmp_path: Path) -> None:
    computed = METADATA.replace('Computed" Bool="false"', 'Computed" Bool="true"')
    assert ("mismatch", "Ref") in found(items(tmp_path), described(tmp_path, computed))


def test_paths_of_a_service(tmp_path: Path) -> None:
    reads = """\
    item:
      entity: variant
      id: Id
      fetch: {get: "/svc/Items({id})/PATH"}
    """

    def path(said: str, method: str = "get") -> list[tuple[str, str]]:
        text = dedent(reads).replace("PATH", said).replace("{get: ", f"{{{method}: ")
        return found(written(tmp_path, text, check="/../svc/$metadata"), described(tmp_path, METADATA))

    assert path("Lines") == [("unknown", "Id")]
    assert path("Line") == [("unknown", "GET /svc/Items({id})/Line")]
    assert path("Shop.Block", "post") == []
    assert path("Shop.Unblock", "post") == [("unknown", "POST /svc/Items({id})/Shop.Unblock")]


def test_requests_of_one_service_go_to_one_place(tmp_path: Path) -> None:
    text = ITEMS + '  fetch: {get: "/sv/Items({id:odata})"}\n'
    told = found(written(tmp_path, text, check="/../svc/$metadata"), described(tmp_path, METADATA))
    assert ("mismatch", "/sv/Items({id:odata})") in told


@pytest.mark.parametrize(
    ("option", "text", "names"),
    [
        ("$filter", "A eq 'B and C' and (D/E gt 2020-01-31T00:00:00Z or not F) and G in (1,2)", ["A", "D/E", "F", "G"]),
        (
            "$filter",
            "contains(tolower(A),'x''y') and B eq datetime'2020-01-01T00:00:00' and C eq {since}",
            ["A", "B", "C"],
        ),
        ("$filter", "A/any(d:d/B eq 1 and C ge 5.5e3) and D eq NS.Kind'X' and Z/$count gt 1", ["A", "C", "D", "Z"]),
        ("$orderby", "A desc, B/C asc,D", ["A", "B/C", "D"]),
        ("$select", "A, B/C,*", ["A", "B/C"]),
        ("$expand", "A($select=B,C;$expand=D($filter=E eq 'x;y')),F/$ref", ["A", "A/B", "A/C", "A/D", "A/D/E", "F"]),
        ("$top", 5, []),
    ],
)
def test_names_in_query_options(option: str, text: Any, names: list[str]) -> None:
    assert list(names_in(option, text)) == names


# --- files


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<edmx:Edmx", "it is no XML"),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><x/>", "document type"),
        ("<html><body/></html>", "no OData metadata"),
        ({"openapi": "3.0.0"}, "no paths"),
    ],
)
def test_what_is_no_description_is_said(tmp_path: Path, text: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        described(tmp_path, text)


def nodes(data: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The way to everything in JSON data."""
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        yield (*at, key)
        yield from nodes(value, (*at, key))


@pytest.mark.parametrize("odd", [None, [], {}, "x", 5, True, {"$ref": "#/paths"}, {"$ref": "#/nowhere"}], ids=repr)
def test_no_odd_description_breaks_the_check(tmp_path: Path, odd: Any) -> None:
    """Vendors' descriptions are not always what the specification says: what cannot be read is passed over, or told."""
    document = read(written(tmp_path, STREAM) / "acme.yaml")
    file, _ = checked(document)
    assert file is not None
    broken = []
    for way in nodes(OPENAPI):
        data = json.loads(json.dumps(OPENAPI))
        here = data
        for step in way[:-1]:
            here = here[step]
        here[way[-1]] = odd
        try:
            api = api_of(data, Path("odd.json"))
            if api is not None:
                FileUses(file, document, Fitting([api])).read()
        except ConfigError:
            continue
        except Exception as error:
            broken.append((way, repr(error)))
    assert broken == []


def test_no_odd_metadata_breaks_the_check(tmp_path: Path) -> None:
    """Every element and every attribute is left out in turn, or names something that is not there."""
    document = read(items(tmp_path) / "acme.yaml")
    file, _ = checked(document)
    assert file is not None
    broken = []
    for number, element in enumerate(ET.fromstring(METADATA).iter()):
        for name in [None, *element.attrib]:
            for value in ["", "No.Such", "Collection(No.Such)"] if name else [""]:
                root = ET.fromstring(METADATA)
                here = list(root.iter())[number]
                if name is None:
                    here.clear()
                else:
                    here.set(name, value)
                try:
                    api = OData.of(ET.tostring(root, encoding="unicode"), "odd.xml")
                    FileUses(file, document, Fitting([api])).read()
                except ConfigError:
                    continue
                except Exception as error:
                    broken.append((here.tag, name, value, repr(error)))
    assert broken == []


def test_descriptions_of_different_kinds_are_not_mixed(tmp_path: Path) -> None:
    (tmp_path / "a.graphql").write_text("type Query {a: Int}")
    (tmp_path / "b.json").write_text(json.dumps(OPENAPI))
    with pytest.raises(ConfigError, match="neither an OpenAPI"):
        load([tmp_path / "b.json", tmp_path / "a.graphql"])


def test_the_command_checks_a_project_connector(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A project's file needs no package: its description is given beside it, and another version with --against."""
    (tmp_path / "hub.yaml").write_text("project: 1\nconnections: {}\n")
    (tmp_path / "connectors").mkdir()
    written(tmp_path / "connectors", STREAM)
    later = json.loads(json.dumps(OPENAPI))
    del later["components"]["schemas"]["Order"]["properties"]["reference"]
    for name, data in {"now": OPENAPI, "later": later}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(data))
    (tmp_path / "mappings" / "acme").mkdir(parents=True)
    (tmp_path / "mappings" / "acme" / "order.to_canonical.yaml").write_text(
        'mapping: 1\nfrom: acme/order\nto: canonical/order@1\nkey: "{{ src.id | text }}"\noutput:\n'
        '  number: "{{ src.reference }}"\n  lines:\n    $for: line in src.lines\n    $each:\n      id: "{{ line.id | text }}"\n'
    )
    monkeypatch.chdir(tmp_path)
    asked = ["connector", "check", "acme", "--source-only", "--spec", "now.json", "--against", "later.json", "--json"]
    result = CliRunner().invoke(app, asked)
    assert result.exit_code == 0, result.output
    told = json.loads(result.stdout)
    assert told["spec"]["misfits"] == []
    assert {(one["kind"], one["file"], one["what"], one["line"]) for one in told["against"]["misfits"]} == {
        ("removed", "connectors/acme.yaml", "reference", 26), ("removed", "connectors/acme.yaml", "reference", 29),
        ("removed", "mappings/acme/order.to_canonical.yaml", "reference", 6),
    }  # fmt: skip


# --- vendors' own descriptions


B1 = """\
order:
  entity: order
  id: {field: DocEntry, kind: integer}
  deleted: {where: {Cancelled: tYES}}
  poll:
    get: /Orders
    query: {$select: "DocEntry,DocNum,CardCode,UpdateDate,Cancelled,DocumentLines", $orderby: UpdateDate}
    rows: value
    paging: {kind: offset, offset: $skip, size: $top}
    changes: {field: UpdateDate, query: {$filter: "UpdateDate ge '{since}'"}}
  fetch: {get: "/Orders({id})"}
  create: {post: /Orders, add: {NumAtCard: "{marker}"}}
"""
S4 = """\
order:
  entity: order
  id: SalesOrder
  poll:
    get: /A_SalesOrder
    query: {$select: "SalesOrder,LastChangeDateTime,to_Item", $expand: to_Item/to_PricingElement}
    rows: d.results
    paging: {kind: offset, offset: $skip, size: $top}
    changes: {field: LastChangeDateTime, query: {$filter: "LastChangeDateTime ge datetimeoffset'{since}'"}}
  fetch: {get: "/A_SalesOrder('{id}')", row: d}
  create: {post: /A_SalesOrder, add: {PurchaseOrderByCustomer: "{marker}"}, row: d}
"""
MAGENTO = """\
order:
  entity: order
  id: {field: entity_id, kind: integer}
  poll:
    get: /V1/orders
    query: {"searchCriteria[sortOrders][0][field]": updated_at}
    rows: items
    paging: {kind: page, page: "searchCriteria[currentPage]", size: "searchCriteria[pageSize]", total: total_count}
    changes:
      field: updated_at
      query: {"searchCriteria[filterGroups][0][filters][0][field]": updated_at, "searchCriteria[filterGroups][0][filters][0][value]": "{since}"}
  fetch: {get: "/V1/orders/{id}"}
"""
AMAZON = """\
order:
  entity: order
  id: AmazonOrderId
  poll:
    get: /orders/v0/orders
    query: {MarketplaceIds: "{config.url}"}
    rows: payload.Orders
    paging: {kind: token, field: payload.NextToken, query: NextToken, size: MaxResultsPerPage}
    changes: {field: LastUpdateDate, query: {LastUpdatedAfter: "{since}"}}
"""


@pytest.mark.parametrize(
    ("stream", "file", "wrong"),
    [
        (B1, "sap-b1/sales.json", {"NumAtCard": "NumAtCart", "CardCode": "CardNo", "tYES": "tYESS", "Orders({id})": "Order({id})", "offset: $skip": "offset: $offset"}),
        (S4, "sap-s4hana/edmx/API_SALES_ORDER_SRV.edmx", {"SalesOrder,": "SalesNo,", "to_PricingElement": "to_Price", "d.results": "value", "PurchaseOrderByCustomer": "PurchaseOrderBy"}),
        (S4, "sap-s4hana/API_SALES_ORDER_SRV.json", {"A_SalesOrder('": "A_Sales('", "d.results": "d.rows"}),
        (MAGENTO, "magento/admin-schema-2.4.9.yaml", {"entity_id": "entityid", "total_count": "total", "/V1/orders\n": "/V1/order\n"}),
        (AMAZON, "amazon-sp-api/models/ordersV0.json", {"AmazonOrderId": "OrderId", "payload.NextToken": "payload.Next", "LastUpdatedAfter": "UpdatedAfter"}),
    ],
    ids=["SAP Business One", "S/4HANA, OData 2", "S/4HANA, OpenAPI", "Magento", "Amazon"],
)  # fmt: skip
@pytest.mark.timeout(120)
def test_vendors_descriptions(tmp_path: Path, stream: str, file: str, wrong: dict[str, str]) -> None:
    if not (VENDORS / file).is_file():
        pytest.skip(
            "vendors' descriptions are not at hand: set HUB_VENDOR_SPECS to the folder of vendors' specifications"
        )
    description = load([VENDORS / file])
    check_line = 11
    usual = [one for one in description.check(written(tmp_path, stream), "acme").misfits if one.line != check_line]
    assert [(one.line, one.said) for one in usual if one.breaks] == []
    for right, misspelt in wrong.items():
        assert right in stream
        written(tmp_path, stream.replace(right, misspelt, 1))
        line = 13 + stream[: stream.index(right)].count("\n")
        told = {one.line for one in description.check(tmp_path, "acme").misfits if one not in usual}
        assert line in told, f"{misspelt} instead of {right}"
