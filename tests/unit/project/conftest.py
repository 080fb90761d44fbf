from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

HUB = """\
hub: 1
name: demo
connections:
  shop:
    connector: shopify
    config: {shop: demo, access_token: "${secret:SHOP_TOKEN}"}
    allow_hosts: ["127.0.0.1"]
    poll: {order: 30s, variant: 5m}
  erp:
    connector: odoo
    config: {url: "${env:ERP_URL}"}
    poll: {shipment: {every: 5s}, warehouse: {cron: "0 6 * * 1-5", timezone: Europe/Berlin}}
"""
FLOWS = """\
- flow: orders-to-erp
  entity: order
  from: shop
  to: erp
  when: "{{ record.status != 'cancelled' }}"
- flow: shipments-to-shop
  entity: shipment
  from: erp
  to: shop
"""
OWNERSHIP = """\
order: {owner: shop, fields: {lines: shop, lines.sku: erp}}
shipment: {owner: erp}
"""


class Folder:
    """A project directory under construction."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, name: str, text: str) -> Path:
        file = self.path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text), encoding="utf-8")
        return file

    def replace(self, name: str, old: str, new: str) -> None:
        text = (self.path / name).read_text()
        assert old in text
        self.write(name, text.replace(old, new))


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path / "company")
    made.write("hub.yaml", HUB)
    made.write("flows/main.yaml", FLOWS)
    made.write("ownership.yaml", OWNERSHIP)
    return made
