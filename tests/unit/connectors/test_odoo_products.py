"""Products at Odoo: names, texts, categories and pictures, written once and only where they differ."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.errors import RetryLater
from hub.sdk.records import OutboundRecord
from tests.odoo.real import by_eight_workers
from tests.unit.connectors.test_odoo_deliver import connect, settle

PICTURE = b"\x89PNG\r\n\x1a\n" + b"a picture"


@pytest.fixture
def sim() -> OdooSimulator:
    made = OdooSimulator()
    made.add_product("SHIRT", "Shirt", 10)
    return made


@pytest.fixture
def odoo(sim: OdooSimulator) -> Iterator[OdooConnector]:
    with sim.serve() as server:
        yield connect(sim, server.url, languages=["de_DE"])
        assert server.errors == []


@contextmanager
def pictures(status: int = 200, kind: str = "image/png", content: bytes = PICTURE) -> Iterator[str]:
    """A server of one picture; its address."""

    class One(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), One)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/shirt.png"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def product(code: str = "SHIRT", marker: str = "hub-t-prd_1", **values: Any) -> OutboundRecord:
    data = {"code": code, "names": {"en": "Linen shirt", "de": "Leinenhemd"}, "active": True, **values}
    return OutboundRecord("product", "create", data, f"key-{marker}", marker)


def read(odoo: OdooConnector, id_: str) -> dict[str, Any]:
    message = odoo.fetch("product", id_)
    assert message is not None
    return dict(message.payload)


def test_names_texts_and_the_category_are_written_and_read_again(odoo: OdooConnector) -> None:
    record = product(descriptions={"und": "Made of linen."}, category="Goods / Clothing / Shirts")
    made = odoo.deliver(record)
    found = read(odoo, made.external_id)
    assert found["names"] == {"en-US": "Linen shirt", "de-DE": "Leinenhemd"}
    assert (found["category"], found["description_sale"]) == ("Goods / Clothing / Shirts", "Made of linen.")
    variant = odoo.fetch(
        "variant", str(odoo.client.search_read("product.product", [["default_code", "=", "SHIRT"]], ["id"])[0]["id"])
    )
    assert variant is not None
    assert variant.payload["names"]["de-DE"] == "Leinenhemd", "the variant has the names of its product"
    again = replace(record, operation="update", external_id=made.external_id)
    assert odoo.deliver(again).applied == "unchanged"
    changed = replace(again, data={**record.data, "category": "Goods > Sale", "active": False})
    assert odoo.deliver(changed).applied == "updated"
    found = read(odoo, made.external_id)
    assert (found["category"], found["active"]) == ("Goods / Sale", False)


def test_only_what_the_record_says_is_written(odoo: OdooConnector) -> None:
    made = odoo.deliver(product(category="Goods", descriptions={"en": "Linen"}))
    odoo.deliver(
        OutboundRecord("product", "update", {"code": "SHIRT", "names": {"de": "Hemd"}}, "k", "m", made.external_id)
    )
    found = read(odoo, made.external_id)
    assert found["names"] == {"en-US": "Linen shirt", "de-DE": "Hemd"}
    assert (found["category"], found["description_sale"]) == ("Goods", "Linen")


def test_a_product_that_has_no_variant_yet_waits_for_it(sim: OdooSimulator, odoo: OdooConnector) -> None:
    with pytest.raises(RetryLater, match="first variant"):
        odoo.deliver(product("HAT"))
    variant = {"default_code": "HAT", "names": {"en": "Hat"}, "stocked": True}
    odoo.deliver(OutboundRecord("variant", "create", variant, "k", "hub-t-var_1"))
    odoo.deliver(product("HAT"))
    assert [row["name"] for row in sim.env["product.template"].rows.values() if row["default_code"] == "HAT"] == [
        "Linen shirt"
    ]


def test_ten_products_at_once_make_each_step_of_their_category_once(sim: OdooSimulator, odoo: OdooConnector) -> None:
    for number in range(10):
        sim.add_product(f"ART-{number}", "Article", 1)
    records = [product(f"ART-{number}", f"hub-t-prd_{number}", category="Goods / New") for number in range(10)]
    assert by_eight_workers([lambda record=record: settle(odoo, record) for record in records for _ in range(2)]) == []
    assert [row["name"] for row in sim.env["product.category"].rows.values()] == ["Goods", "New"]


def test_a_picture_is_fetched_and_written_where_it_is_another(sim: OdooSimulator, odoo: OdooConnector) -> None:
    with pictures() as url:
        record = product(image=url)
        assert odoo.find_effect(record) is None
        made = odoo.deliver(record)
        assert made.warnings == ()
        effects = len(sim.effects())
        found = odoo.find_effect(replace(record, attempt=2, maybe_sent=True))
        assert found is not None
        assert found.external_id == made.external_id
        assert odoo.deliver(replace(record, operation="update", external_id=made.external_id)).applied == "unchanged"
    assert len(sim.effects()) == effects, "the same picture is not written again"
    image = read(odoo, made.external_id)["image"]
    assert (image["checksum"], image["mimetype"]) == (hashlib.sha1(PICTURE).hexdigest(), "image/png")


@pytest.mark.parametrize(("status", "kind"), [(404, "image/png"), (200, "text/html")])
def test_a_picture_that_is_not_there_is_told_and_the_rest_is_written(
    odoo: OdooConnector, status: int, kind: str
) -> None:
    with pictures(status, kind) as url:
        made = odoo.deliver(product(image=url))
    assert [warning.partition(" at its")[0] for warning in made.warnings] == ["there is no picture"]
    found = read(odoo, made.external_id)
    assert (found["names"]["en-US"], found["image"]) == ("Linen shirt", None)


def test_a_server_of_pictures_that_is_down_is_asked_again_later(odoo: OdooConnector) -> None:
    with pictures(503) as url, pytest.raises(RetryLater):
        odoo.deliver(product(image=url))
    with pytest.raises(RetryLater):
        odoo.deliver(product(image=url))


def test_a_picture_inside_the_own_network_is_not_fetched(odoo: OdooConnector) -> None:
    made = odoo.deliver(product(image="http://10.0.0.1/shirt.png"))
    assert [warning.partition(":")[0] for warning in made.warnings] == ["the picture at 10.0.0.1 is not fetched"]
