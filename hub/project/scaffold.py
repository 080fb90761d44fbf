"""Make a project directory that runs: a company's hub between a shop and an ERP, or the same between two simulators."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_urlsafe
from string import Template
from typing import Any

from hub.errors import ConfigError

TEMPLATE = Path(__file__).parent / "template"
PLACEHOLDER = "replace-me"
"""What stands in a new .env instead of a secret."""

_RENAMED = {"env.example": ".env.example", "gitignore": ".gitignore"}
_HARMLESS = {".git", ".gitignore", "README.md", "LICENSE", ".DS_Store"}


@dataclass(frozen=True, slots=True)
class Starter:
    """One connection of a new project. ``secrets`` are the settings that go to .env, with their values."""

    name: str
    connector: str
    config: Mapping[str, Any]
    secrets: Mapping[str, str]
    poll: Mapping[str, str]
    allow_hosts: Sequence[str] = ()
    paused: bool = False
    comments: Mapping[str, str] = field(default_factory=dict)

    def reference(self, setting: str) -> str:
        """The name of the secret for a setting: SHOP_ACCESS_TOKEN."""
        return f"{self.name}_{setting}".upper().replace("-", "_")


COMPANY = (
    Starter(
        name="shop",
        connector="shopify",
        config={"shop": "your-shop.myshopify.com"},
        secrets={"access_token": PLACEHOLDER, "webhook_secret": PLACEHOLDER},
        poll={"order": "30s", "variant": "5m"},
        paused=True,
        comments={
            "shop": "the permanent domain of the shop",
            "access_token": "Shopify admin, Settings, Apps, Develop apps: the Admin API access token",
            "webhook_secret": "the client secret of the same app",
        },
    ),
    Starter(
        name="erp",
        connector="odoo",
        config={"url": "https://erp.example.com", "database": "production"},
        secrets={"api_key": PLACEHOLDER},
        poll={"shipment": "30s", "inventory_level": "30s", "variant": "5m", "warehouse": "1h"},
        paused=True,
        comments={"api_key": "Odoo, Preferences, Account Security, New API Key"},
    ),
)

FLOWS = """\
- {flow: customers-to-erp, entity: customer, from: shop, to: erp}
- {flow: orders-to-erp, entity: order, from: shop, to: erp, when: "{{ record.status != 'cancelled' }}"}
- {flow: shipments-to-shop, entity: shipment, from: erp, to: shop}
- {flow: stock-to-shop, entity: inventory_level, from: erp, to: shop}"""

OWNERSHIP = """\
customer: {owner: shop}
order: {owner: shop}
product: {owner: erp}
variant: {owner: erp}
warehouse: {owner: erp}
inventory_level: {owner: erp}
shipment: {owner: erp}"""


def installation_name(folder: Path) -> str:
    """A name for the installation, made from the directory's."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-")[:30].strip("-")
    return name if name and name[0].isalpha() else "hub"


def make_project(folder: Path, *, name: str = "", starters: Sequence[Starter] = COMPANY, more: str = "") -> list[Path]:
    """Write a new project into ``folder``, which must be new or empty, and return its files. ``.env`` is readable by its owner only."""
    name = name or installation_name(folder)
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,29}", name):
        raise ConfigError(
            f"{name[:40]!r} is no name for a hub.",
            code="CFG-NAME",
            fix="Use small letters, digits and -, at most 30, a letter first.",
        )
    _must_be_free(folder)
    secrets = [
        (starter.reference(setting), value) for starter in starters for setting, value in starter.secrets.items()
    ]
    values = {
        "name": name,
        "connections": "\n".join(_connection(starter) for starter in starters),
        "flows": FLOWS,
        "ownership": OWNERSHIP,
        "secrets": "\n".join(f"{reference}={PLACEHOLDER}" for reference, _ in secrets),
        "more": more,
    }
    made = [_write(folder, source, values) for source in sorted(TEMPLATE.rglob("*")) if source.is_file()]
    env = folder / ".env"
    env.touch(mode=0o600)
    rows = [*secrets, ("HUB_API_TOKEN", token_urlsafe(24))]
    env.write_text("".join(f"{reference}={value}\n" for reference, value in rows), encoding="utf-8")
    return [*made, env]


def _must_be_free(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise ConfigError(
            "there is a file of this name.", code="CFG-EXISTS", where=str(folder), fix="Choose another directory."
        )
    taken = sorted(file.name for file in folder.iterdir() if file.name not in _HARMLESS) if folder.exists() else []
    if taken:
        what = "is a project already" if "hub.yaml" in taken else f"is not empty ({', '.join(taken[:3])})"
        raise ConfigError(
            f"the directory {what}.", code="CFG-EXISTS", where=str(folder), fix="Choose a new or an empty directory."
        )


def _write(folder: Path, source: Path, values: Mapping[str, str]) -> Path:
    target = folder / source.relative_to(TEMPLATE)
    target = target.with_name(_RENAMED.get(target.name, target.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    if not target.exists():
        text = Template(source.read_text(encoding="utf-8")).safe_substitute(values)
        target.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    return target


def _connection(starter: Starter) -> str:
    rows = [f"  {starter.name}:", f"    connector: {starter.connector}"]
    if starter.paused:
        rows.append("    paused: true")
    if starter.allow_hosts:
        rows.append(f"    allow_hosts: {json.dumps(list(starter.allow_hosts))}")
    rows.append("    config:")
    said = {**starter.config, **{setting: f"${{secret:{starter.reference(setting)}}}" for setting in starter.secrets}}
    for setting, value in said.items():
        comment = f"  # {starter.comments[setting]}" if setting in starter.comments else ""
        rows.append(f"      {setting}: {json.dumps(value, ensure_ascii=False)}{comment}")
    rows.append(f"    poll: {{{', '.join(f'{stream}: {every}' for stream, every in starter.poll.items())}}}")
    return "\n".join(rows)
