"""Shared fixtures of the integration tests: real databases, a real broker, and projects on a temporary directory."""

import os
import secrets
import shutil
import subprocess
from urllib.parse import urlsplit

import pytest


@pytest.fixture(scope="session", autouse=True)
def _logging():
    """Log as the hub does, warnings and worse."""
    from hub.telemetry import configure_logging

    configure_logging("warning", style="text")


@pytest.fixture
def close_amqp_connections(amqp_vhost):
    """A function that cuts every connection to the test's virtual host, as a network fault would."""
    name = urlsplit(amqp_vhost).path.lstrip("/")
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        pytest.skip("rabbitmqctl cannot be used")

    def close():
        subprocess.run(
            ["rabbitmqctl", "--quiet", "close_all_connections", "--vhost", name, "a test"], check=True, timeout=60
        )

    return close


HUB_YAML = """\
hub: 1
name: {name}
connections:
  src:
    connector: webhook
    config: {{secret: "${{secret:WEBHOOK_SECRET}}"}}
  dst:
    connector: webhook
    config: {{url: "{url}", lookup: true, deadline: 5, settle: 0, concurrency: 8, headers: {{authorization: "${{secret:TARGET_TOKEN}}"}}}}
    allow_hosts: ["127.0.0.1"]
"""
FLOWS = """\
- {flow: orders, entity: order, from: src, to: dst}
- {flow: variants, entity: variant, from: src, to: dst}
"""
WEBHOOK_SECRET = "webhook-simulator-key"
API_TOKEN = "token-of-the-rest-api"


@pytest.fixture
def target():
    """The system at the other end: the generic connector's simulator as a real HTTP server."""
    from connectors.webhook.simulator import WebhookSimulator

    simulator = WebhookSimulator()
    with simulator.running() as server:
        simulator.url, simulator.server = server.url, server
        yield simulator


@pytest.fixture
def project_dir(tmp_path, target):
    """A project of two webhook connections, src -> dst."""
    folder = tmp_path / "project"
    (folder / "flows").mkdir(parents=True)
    (folder / "hub.yaml").write_text(HUB_YAML.format(name=f"t{secrets.token_hex(3)}", url=target.url))
    (folder / "flows" / "flows.yaml").write_text(FLOWS)
    return folder


@pytest.fixture
def open_hub(project_dir, tmp_path):
    """A function that makes a hub of the project; every hub is stopped at the end."""
    from hub.project import load
    from hub.runtime.hub import Hub
    from hub.sdk.plugins import load_connectors

    made = []
    env = {"WEBHOOK_SECRET": WEBHOOK_SECRET, "TARGET_TOKEN": "Bearer target-token-1234", "HUB_API_TOKEN": API_TOKEN}

    def make(backend=(None, None), **settings):
        database, broker = backend
        catalog = load_connectors()
        database = database or f"sqlite:///{tmp_path}/data/hub.db"
        project = load(project_dir, env=env, catalog=catalog, database=database, broker=broker)
        hub = Hub(project, catalog, **settings)
        made.append(hub)
        return hub

    yield make
    for hub in reversed(made):
        hub.stop(5)


@pytest.fixture
def order_webhook(target):
    """A function that makes the signed webhook of an order: ``order_webhook(7)``."""
    import json

    def make(number, *, event="", note="", sku="SKU-1", updated="2026-03-10T12:00:00Z", topic="orders/create"):
        order = {
            "id": 1000 + number, "name": f"#{1000 + number}", "currency": "EUR", "created_at": "2026-03-10T12:00:00Z",
            "updated_at": updated, "financial_status": "paid", "note": note,
            "customer": {"id": 501, "email": "anna@example.com", "first_name": "Anna", "last_name": "Meyer"},
            "shipping_address": {"name": "Anna Meyer", "address1": "Hauptstr. 1", "zip": "10115", "city": "Berlin", "country_code": "DE"},
            "line_items": [{"id": 1, "sku": sku, "title": "A shirt", "quantity": 2, "price": "19.90"}],
            "shipping_lines": [{"title": "DHL", "price": "4.90"}], "discounts": [], "total_tax": "7.14", "total_price": "44.70",
        }  # fmt: skip
        return target.signed(topic, json.dumps(order).encode(), event or f"evt-{number}")

    return make
