"""Orders cross from a folder to another one through a running hub; a broken file is an exception, and nothing stays behind."""

from __future__ import annotations

import json
import time
from pathlib import Path

from hub.project import load
from hub.runtime.hub import Hub

HEAD = "order_number,placed_at,currency,customer_number,customer_email,ship_city,ship_country,freight,discount,tax,total,line,sku,quantity,unit_price\n"


def rows(number: int) -> str:
    head = f"{number:05d},2026-11-27T14:05:00+01:00,EUR,,a{number}@example.com,Dresden,DE,,,,"
    return "".join(f"{head},{line},SKU-{line},{line},1.50\n" for line in (1, 2))


def project(folder: Path) -> Path:
    """A hub between the folders `shop` and `erp`."""
    for name in ("shop/in", "erp/out", "company/flows"):
        (folder / name).mkdir(parents=True)
    reading = {"path": "in", "pattern": "*.csv", "id": ["order_number"], "group": True, "stable_for": 0.2}
    connections = {
        "shop": {
            "connector": "files",
            "config": {"folder": str(folder / "shop"), "read": {"order": reading}},
            "poll": {"order": "1s"},
        },
        "erp": {
            "connector": "files",
            "config": {
                "folder": str(folder / "erp"),
                "write": {"order": {"path": "out", "format": "jsonl", "id": ["order_number"]}},
            },
        },
    }
    company = folder / "company"
    (company / "hub.yaml").write_text(json.dumps({"hub": 1, "name": "filesflow", "connections": connections}))
    (company / "flows/main.yaml").write_text("- {flow: orders, entity: order, from: shop, to: erp}\n")
    (company / "ownership.yaml").write_text("order: {owner: shop}\n")
    return company


def wait_until(holds, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not holds() and time.monotonic() < until:
        time.sleep(0.1)


def test_orders_cross_and_a_broken_file_is_told(tmp_path):
    company = project(tmp_path)
    inbox, outbox = tmp_path / "shop/in", tmp_path / "erp/out"
    (inbox / "a.csv").write_text(HEAD + "".join(rows(number) for number in range(1, 121)))
    (inbox / "broken.csv").write_bytes(HEAD.encode() + rows(999).encode().replace(b"Dresden", b"D\xfcren"))
    with Hub.open(load(company)) as hub:
        wait_until(lambda: len(list(outbox.glob("*.jsonl"))) >= 120 and hub.store.exceptions("open"))
        wait_until(lambda: not list(inbox.glob("*.csv")), 20)
        found = [(one["code"], one["detail"]) for one in hub.store.exceptions("open")]
    written = [json.loads(path.read_text()) for path in outbox.glob("*.jsonl")]
    assert sorted(order["order_number"] for order in written) == [f"{number:05d}" for number in range(1, 121)]
    assert [(row["sku"], row["quantity"]) for row in written[0]["rows"]] == [("SKU-1", "1"), ("SKU-2", "2")]
    assert found == [("IN-FILE", "broken.csv: line 2: the byte 0xfc is not UTF-8 text; nothing of it was taken")]
    assert len(list((inbox / "archive").iterdir())) == 1
    assert len(list((inbox / "quarantine").iterdir())) == 2
