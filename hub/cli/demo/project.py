"""The demo's project directory: the same files that a company would write for one shop and one ERP."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from secrets import token_urlsafe
from typing import Any

HUB_YAML = """\
# The demo's hub: one shop, one ERP, both simulated on this machine.
hub: 1
name: demo
database: {database}
broker: {broker}
listen: 127.0.0.1:{port}
connections:
  shop:
    connector: shopify
    allow_hosts: ["127.0.0.1"]
    config: {shop}
    poll: {{order: 2s, variant: 30s}}
  erp:
    connector: odoo
    allow_hosts: ["127.0.0.1"]
    config: {erp}
    poll: {{variant: 30s, inventory_level: 1s, shipment: 1s}}
"""

FLOWS = """\
# What goes from where to where.
- {flow: customers-to-erp, entity: customer, from: shop, to: erp}
- {flow: orders-to-erp, entity: order, from: shop, to: erp, when: "{{ record.status != 'cancelled' }}"}
- {flow: shipments-to-shop, entity: shipment, from: erp, to: shop}
- {flow: stock-to-shop, entity: inventory_level, from: erp, to: shop}
"""

OWNERSHIP = """\
# Which system owns which record. A change from anybody else is dropped and recorded.
customer: {owner: shop}
order: {owner: shop}
product: {owner: erp}
variant: {owner: erp}
warehouse: {owner: erp}
inventory_level: {owner: erp}
shipment: {owner: erp}
"""


def write_project(
    folder: Path, *, port: int, shop: dict[str, Any], erp: dict[str, Any], database: str | None, broker: str | None
) -> Path:
    """Write the project into ``folder``, replacing an earlier demo's. Secrets go to ``.env``, references to hub.yaml."""
    if folder.exists():
        if not (folder / ".demo").exists():
            from hub.errors import ConfigError

            raise ConfigError(f"{folder} exists and is not a demo", fix="Choose another folder with --dir.")
        shutil.rmtree(folder)
    (folder / "flows").mkdir(parents=True)
    (folder / ".demo").write_text("made by hub demo; the next demo replaces it\n", encoding="utf-8")
    secrets = {"HUB_API_TOKEN": token_urlsafe(24)}
    config = {
        name: json.dumps(_with_references(name, settings, secrets), ensure_ascii=False)
        for name, settings in (("shop", shop), ("erp", erp))
    }
    text = HUB_YAML.format(
        database=json.dumps(database or "sqlite:///data/hub.db"), broker=json.dumps(broker), port=port, **config
    )
    (folder / "hub.yaml").write_text(text, encoding="utf-8")
    (folder / "flows" / "demo.yaml").write_text(FLOWS, encoding="utf-8")
    (folder / "ownership.yaml").write_text(OWNERSHIP, encoding="utf-8")
    env = folder / ".env"
    env.touch(mode=0o600)
    env.write_text("".join(f"{name}={value}\n" for name, value in secrets.items()), encoding="utf-8")
    return folder


def _with_references(connection: str, settings: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """The settings with each secret moved to ``secrets`` and referred to by name."""
    said = {}
    for name, value in settings.items():
        if any(word in name for word in ("token", "secret", "key", "password")) and isinstance(value, str):
            reference = f"{connection}_{name}".upper()
            secrets[reference] = value
            said[name] = f"${{secret:{reference}}}"
        else:
            said[name] = value
    return said
