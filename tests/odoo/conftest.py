"""A real Odoo for the tests of this folder, or a skip that says how to get one."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.sdk.records import NaturalKey
from tests.odoo.real import connect, count, losing

HOW = "No Odoo is configured. `make test-odoo` starts one, or uses the one of HUB_TEST_ODOO_URL, HUB_TEST_ODOO_DB and HUB_TEST_ODOO_KEY."


BEGAN = time.monotonic()


def pytest_runtest_setup() -> None:
    """Where the time for these tests is limited, as in `.ci/run`, what has not begun by then is skipped and says so."""
    minutes = float(os.environ.get("HUB_TEST_ODOO_MINUTES") or 0)
    if minutes and time.monotonic() - BEGAN > 60 * minutes:
        pytest.skip(f"The {minutes:g} minutes of HUB_TEST_ODOO_MINUTES are over. `make test-odoo` runs all tests.")


@pytest.fixture(scope="module")
def settings() -> dict[str, Any]:
    names = {"url": "HUB_TEST_ODOO_URL", "database": "HUB_TEST_ODOO_DB", "api_key": "HUB_TEST_ODOO_KEY"}
    given = {field: os.environ.get(name, "") for field, name in names.items()}
    if not all(given.values()):
        pytest.skip(HOW)
    return {**given, "login": os.environ.get("HUB_TEST_ODOO_LOGIN", "admin"), "deadline": 30.0}


@pytest.fixture(scope="module")
def run() -> str:
    """What makes this run's records its own."""
    return uuid.uuid4().hex[:8]


@pytest.fixture(scope="module")
def odoo(settings: dict[str, Any]) -> OdooConnector:
    return connect(settings)


@pytest.fixture(scope="module")
def products(odoo: OdooConnector, run: str) -> dict[str, int]:
    """Two stocked articles and the service products."""
    made = {}
    for sku in (f"VALVE-{run}", f"00{run}"):
        values = {
            "name": f"Valve {sku}",
            "default_code": sku,
            "list_price": 19.99,
            "is_storable": True,
            "type": "consu",
        }
        made[sku] = odoo.client.create("product.product", values)
        count(odoo, made[sku], 500)
    for sku in ("SHIPPING", "DISCOUNT"):
        if odoo.find("variant", NaturalKey("sku", sku)) is None:
            odoo.client.create(
                "product.product",
                {"name": sku.title(), "default_code": sku, "type": "service", "taxes_id": [[6, 0, []]]},
            )
    return made


@pytest.fixture
def lossy(settings: dict[str, Any]) -> Iterator[str]:
    """The address of a proxy before Odoo that loses answers."""
    with losing(settings) as (url, proxy):
        yield url
    assert proxy.lost > 5
