"""Writes down what an Odoo database says of its models: the description that ``hub connector check odoo --spec`` takes.

    ODOO_KEY=... python -m connectors.odoo.describe --url https://erp.example.com --database acme > odoo-19.json

Fields come from `fields_get`, defaults from `default_get`; methods and their arguments from Odoo 19's own documentation
(``/doc-bearer/<model>.json``), which older versions do not have.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from connectors.odoo.client import JSON2_SINCE, OdooClient
from connectors.odoo.config import OdooConfig
from hub.errors import HubError, Rejected
from hub.sdk.testing.io import make_io
from hub.sdk.testing.specs.odoo import used

_ATTRIBUTES = ["type", "relation", "required", "readonly", "selection", "depends", "related", "store"]


def in_use() -> set[tuple[str, tuple[str, ...]]]:
    """(model, path of fields) for everything that this connector's source names, such as ("stock.picking", ("sale_id", "name"))."""
    uses = used(Path(__file__).parent, __package__ or "").uses
    return {(model, tuple(name.replace("/", ".").split("."))) for use in uses for model, name in use.names()}


def describe(client: OdooClient, wanted: Iterable[tuple[str, tuple[str, ...]]]) -> dict[str, Any]:
    """The description of these models, and of those that the paths lead to; those that the database does not have are left out."""
    described: dict[str, Any] = {}
    waiting = sorted(wanted)
    while waiting:
        model, path = waiting.pop()
        if model not in described:
            described[model] = _model(client, model)
        relation = described[model].get("fields", {}).get(path[0], {}).get("relation") if path[1:] else None
        if relation:
            waiting.append((relation, path[1:]))
    models = {model: one for model, one in sorted(described.items()) if one}
    return {"version": ".".join(str(part) for part in client.version), "models": models}


def _model(client: OdooClient, model: str) -> dict[str, Any]:
    try:
        fields = client.call(model, "fields_get", attributes=_ATTRIBUTES)
    except Rejected:
        return {}
    return {"fields": fields, **_methods(client, model), **_defaults(client, model, fields)}


def _methods(client: OdooClient, model: str) -> dict[str, Any]:
    if client.version[0] < JSON2_SINCE:
        return {}
    key = client.config.api_key.get_secret_value()
    answer = client.http.request(
        "GET", f"{client.config.url}/doc-bearer/{model}.json", headers={"Authorization": f"bearer {key}"}
    )
    if answer.status != 200:
        return {}
    page = answer.json()
    return {"methods": {name: {"parameters": _parameters(method)} for name, method in page["methods"].items()}}


def _parameters(method: dict[str, Any]) -> dict[str, Any]:
    """The names of a method's arguments; ``kind`` marks those that take any name."""
    return {name: {part: one[part] for part in ("kind",) if part in one} for name, one in method["parameters"].items()}


def _defaults(client: OdooClient, model: str, fields: dict[str, Any]) -> dict[str, Any]:
    required = [name for name, one in fields.items() if one.get("required")]
    try:
        return {"defaults": sorted(client.call(model, "default_get", fields=required))}
    except Rejected:
        return {}


def main(arguments: list[str]) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m connectors.odoo.describe", description=__doc__)
    parser.add_argument("--url", required=True, help="address of the Odoo server")
    parser.add_argument("--database", required=True, help="name of the database")
    parser.add_argument("--login", default="", help="login of the user; for Odoo 17 and 18 only")
    parser.add_argument("models", nargs="*", help="the models; else those that the connector uses")
    given = parser.parse_args(arguments)
    if not (key := os.environ.get("ODOO_KEY", "")):
        parser.error("put the user's API key into the environment as ODOO_KEY")
    config = OdooConfig.model_validate(
        {"url": given.url, "database": given.database, "login": given.login, "api_key": key, "deadline": 60}
    )
    client = OdooClient(
        config, make_io(allow_hosts=[urlsplit(given.url).hostname or ""], secrets=[key], deadline=config.deadline).http
    )
    try:
        described = describe(client, [(model, ()) for model in given.models] or in_use())
    except HubError as e:
        print(f"{e.message} {e.fix or ''}".strip(), file=sys.stderr)
        return 1
    print(json.dumps(described, indent=1, sort_keys=True))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
