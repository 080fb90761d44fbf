"""The demo with a real Odoo in the simulated one's place: by hand, with HUB_TEST_ODOO_DEMO=1, for it wants a company of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.cli.demo.world import ARTICLES

pytestmark = [
    pytest.mark.odoo,
    pytest.mark.timeout(900),
    pytest.mark.skipif(
        not os.environ.get("HUB_TEST_ODOO_DEMO"), reason="HUB_TEST_ODOO_DEMO=1 runs the demo with the real Odoo"
    ),
]


def put_aside(odoo: OdooConnector) -> None:
    """Archive the articles of other tests: the demo's shop does not know them, and would say so."""
    own = [article.sku for article in ARTICLES]
    domain = [["is_storable", "=", True], ["default_code", "not in", own]]
    strangers = [row["id"] for row in odoo.client.search_read("product.product", domain, ["id"])]
    if strangers:
        odoo.client.write("product.product", strangers, {"active": False})


def test_the_demo_with_the_real_odoo_in_the_simulated_ones_place(
    settings: dict[str, Any], odoo: OdooConnector, tmp_path: Path
) -> None:
    put_aside(odoo)
    given = ["--odoo-url", settings["url"], "--odoo-db", settings["database"]]
    command = [
        sys.executable,
        "-m",
        "hub",
        "demo",
        "--dir",
        str(tmp_path / "demo"),
        "--json",
        "--patience",
        "240",
        *given,
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("HUB_")}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=850, check=False, cwd=tmp_path,
        env={**environment, "HUB_DEMO_ODOO_KEY": settings["api_key"]},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = json.loads(done.stdout)
    assert said["differences"] == []
    assert len(said["orders"]) == 25
