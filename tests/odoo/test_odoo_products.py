"""Products at a real Odoo 19: names, categories and pictures, each written once."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from hub.sdk.records import OutboundRecord
from tests.odoo.real import by_eight_workers, connect, settle
from tests.unit.connectors.test_odoo_products import pictures

pytestmark = [pytest.mark.odoo, pytest.mark.timeout(300)]
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def product(sku: str, marker: str, **values: Any) -> OutboundRecord:
    data = {"code": sku, "names": {"en": f"Renamed {sku}"}, "active": True, **values}
    return OutboundRecord("product", "create", data, "k", marker)


def test_products_and_their_categories_are_written_by_eight_workers_with_lost_answers(
    settings: dict[str, Any], odoo: OdooConnector, lossy: str, run: str
) -> None:
    """Six products in a category that is not there: each step of its path is made once."""
    through = connect(settings, url=lossy)
    skus = [f"CAT-{run}-{number}" for number in range(6)]
    for sku in skus:
        odoo.client.create("product.product", {"name": sku, "default_code": sku})
    path = f"Goods {run} / Clothing / Shirts"
    records = [product(sku, f"hub-{run}-prd-{sku}", category=path) for sku in skus for _ in range(2)]
    assert by_eight_workers([partial(settle, lambda: through, record) for record in records]) == []
    made = odoo.client.search_read("product.category", [["complete_name", "=like", f"Goods {run}%"]], ["complete_name"])
    assert sorted(row["complete_name"] for row in made) == [f"Goods {run}", f"Goods {run} / Clothing", path]
    found = odoo.client.search_read("product.template", [["default_code", "in", skus]], ["name", "categ_id"])
    assert sorted(row["name"] for row in found) == [f"Renamed {sku}" for sku in skus]
    assert {row["categ_id"][1] for row in found} == {path}


def test_a_picture_is_written_once_and_read_again(odoo: OdooConnector, products: dict[str, int], run: str) -> None:
    sku = next(iter(products))
    with pictures(content=PIXEL) as url:
        record = product(sku, f"hub-{run}-prd-picture", image=url, descriptions={"und": "Made of brass."})
        made = odoo.deliver(record)
        assert made.warnings == ()
        assert odoo.deliver(replace(record, operation="update", external_id=made.external_id)).applied == "unchanged"
        found = odoo.find_effect(replace(record, attempt=2, maybe_sent=True))
        assert found is not None
        assert found.external_id == made.external_id
    message = odoo.fetch("product", made.external_id)
    assert message is not None
    payload = message.payload
    assert (payload["code"], payload["description_sale"]) == (sku, "Made of brass.")
    assert (payload["image"]["checksum"], payload["image"]["mimetype"]) == (
        hashlib.sha1(PIXEL).hexdigest(),
        "image/png",
    )
    variant = odoo.fetch("variant", str(products[sku]))
    assert variant is not None
    assert variant.payload["name"] == f"Renamed {sku}"
