"""Canonical changes as CloudEvents, and their description as AsyncAPI: what is told is what is described."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from hub.canonical import ENTITIES
from hub.cli.main import main
from hub.cli.views import console
from hub.project import load
from hub.runtime.events.asyncapi import document
from hub.runtime.events.envelope import LARGEST, as_cloud_event, routing_key
from hub.store import Event

ROOT = Path(__file__).parents[3]


def _event(body=b'{"sku":"A-1","name":{"de":"Ventil"}}', **changed):
    values = {
        "id": 117, "message_id": 57, "correlation_id": 41, "connection": "shop", "entity": "variant", "verb": "updated",
        "record_id": "var_01J", "record_version": 3, "changed": "name,sku", "snapshot": "s", "at": 1_790_000_000.25, "body": body,
    }  # fmt: skip
    return Event(**{**values, **changed})


def _message_schema(said, entity):
    """The schema of one message, with what it refers to."""
    return Draft202012Validator(
        {"$ref": f"urn:asyncapi#/components/messages/{entity}/payload"},
        registry=Registry().with_resource(
            "urn:asyncapi", Resource.from_contents({"$schema": "https://json-schema.org/draft/2020-12/schema", **said})
        ),
    )


def test_the_envelope_and_its_routing_key():
    event = json.loads(as_cloud_event(_event(), "acme"))
    assert event == {
        "specversion": "1.0", "id": "var_01J-3", "source": "/acme/shop", "type": "hub.variant.updated.v1", "subject": "var_01J",
        "time": "2026-09-21T14:13:20.250000Z", "dataschema": "hub:canonical/variant@1", "recordversion": 3,
        "sequence": "00000000000000000117", "correlationid": "41", "causationid": "57", "changed": "name,sku",
        "datacontenttype": "application/json", "data": {"sku": "A-1", "name": {"de": "Ventil"}},
    }  # fmt: skip
    assert all(name.isalnum() and name == name.lower() for name in event), (
        "CloudEvents names are small letters and digits"
    )
    assert routing_key(_event()) == "variant.updated.shop"
    assert "changed" not in json.loads(as_cloud_event(_event(changed=""), "acme"))


def test_a_record_that_is_too_large_is_fetched_from_where_the_event_says():
    body = b'{"sku":"%s"}' % (b"x" * LARGEST)
    event = json.loads(as_cloud_event(_event(body), "acme", base="https://hub.example.com/"))
    assert event["dataref"] == "https://hub.example.com/api/events/117"
    assert "data" not in event
    assert json.loads(as_cloud_event(_event(body), "acme", largest=None))["data"]["sku"] == "x" * LARGEST
    gone = json.loads(as_cloud_event(_event(None), "acme"))
    assert not {"data", "dataref", "datacontenttype"} & set(gone)


def test_what_is_told_fits_its_description():
    schema = _message_schema(document(), "variant")
    told = json.loads(as_cloud_event(_event(), "acme"))
    assert list(schema.iter_errors(told)) == []
    for wrong in ({"type": "hub.order.updated.v1"}, {"data": {"name": {}}}, {"recordversion": 0}, {"sequence": "117"}):
        assert list(schema.iter_errors({**told, **wrong})), wrong
    for missing in ("id", "subject", "specversion"):
        assert list(schema.iter_errors({name: value for name, value in told.items() if name != missing}))


def test_every_reference_of_the_description_leads_somewhere():
    said = document()
    assert list(said["channels"]) == list(ENTITIES)

    def walk(part):
        if isinstance(part, dict):
            if isinstance(part.get("$ref"), str):
                found = said
                for name in part["$ref"].removeprefix("#/").split("/"):
                    found = found[name]
            assert "$defs" not in part
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(said)


@pytest.fixture
def project_file(tmp_path):
    (tmp_path / "hub.yaml").write_text(
        "hub: 1\nname: acme\nbroker: amqp://hub:very-secret@mq.acme.example/prod\n"
        "events: {exchange: acme.events, entities: [order]}\nconnections: {shop: {connector: shopify}, erp: {connector: odoo}}\n"
    )
    return tmp_path


def test_the_description_of_a_project_names_its_own_parts_and_no_secret(project_file):
    said = document(load(project_file, env={}))
    assert list(said["channels"]) == ["order"]
    channel = said["channels"]["order"]
    assert channel["bindings"]["amqp"]["exchange"]["name"] == "acme.events"
    assert channel["parameters"]["connection"]["enum"] == ["erp", "shop"]
    assert said["servers"]["broker"] == {
        "host": "mq.acme.example:5672", "protocol": "amqp", "protocolVersion": "0-9-1", "pathname": "/prod",
    }  # fmt: skip
    assert "secret" not in json.dumps(said)
    assert "Shipment" not in said["components"]["schemas"]


def _hub(capsys, *arguments):
    console.fresh()
    code = main(list(arguments))
    said = capsys.readouterr()
    console.fresh()
    return code, said.out, said.err


def test_the_command_prints_yaml_and_json_with_and_without_a_project(project_file, tmp_path, capsys, monkeypatch):
    from ruamel.yaml import YAML

    code, text, _ = _hub(capsys, "asyncapi", "--project", str(project_file))
    assert code == 0
    assert YAML(typ="safe", pure=True).load(text) == document(load(project_file, env={}))
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir("/")
    monkeypatch.delenv("HUB_PROJECT", raising=False)
    code, text, _ = _hub(capsys, "asyncapi", "--json")
    assert code == 0
    assert json.loads(text) == document()
    code, _, said = _hub(capsys, "asyncapi", "--project", str(empty))
    assert code == 2
    assert "CFG-NOPROJECT" in said


@pytest.fixture(scope="module")
def asyncapi_schema():
    """AsyncAPI's own JSON Schema of its documents, from its npm package."""
    folder = ROOT / "build" / "asyncapi"
    file = folder / "node_modules" / "@asyncapi" / "specs" / "schemas" / "3.0.0.json"
    if not file.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not there to fetch AsyncAPI's own schema (@asyncapi/specs)")
        command = [npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), "@asyncapi/specs@6"]
        folder.mkdir(parents=True, exist_ok=True)
        if subprocess.run(command, capture_output=True, timeout=100).returncode or not file.exists():
            pytest.skip("npm could not fetch AsyncAPI's own schema (@asyncapi/specs)")
    return json.loads(file.read_text())


def test_the_description_is_valid_asyncapi(asyncapi_schema, project_file):
    from jsonschema import Draft7Validator

    validator = Draft7Validator(asyncapi_schema)
    for said in (document(), document(load(project_file, env={}))):
        assert [error.message[:300] for error in validator.iter_errors(said)] == []
    said["operations"]["tell_order"]["action"] = "shout"
    assert list(validator.iter_errors(said)), "and it would say so"
