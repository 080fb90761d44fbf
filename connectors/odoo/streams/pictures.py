"""Pictures of products: fetched from where the owner keeps them, and written to Odoo, which keeps its own."""

from __future__ import annotations

import base64
import hashlib
from urllib.parse import urlsplit

from connectors.odoo.client import OdooClient
from hub.errors import RetryLater, Unreachable


def write_picture(client: OdooClient, model: str, id_: int, url: str, warnings: list[str]) -> bool:
    """Make the picture at this address the record's; whether it was another before. One that cannot be had is told in ``warnings``."""
    content = _fetched(client, url, warnings)
    if content is None or _checksum(client, model, id_) == _sha1(content):
        return False
    client.write(model, [id_], {"image_1920": base64.b64encode(content).decode()})
    return True


def has_picture(client: OdooClient, model: str, id_: int, url: str) -> bool:
    """Is the picture at this address the record's?"""
    content = _fetched(client, url, [])
    return content is not None and _checksum(client, model, id_) == _sha1(content)


def _sha1(content: bytes) -> str:
    return hashlib.sha1(content, usedforsecurity=False).hexdigest()


def _checksum(client: OdooClient, model: str, id_: int) -> str | None:
    """Odoo keeps the SHA-1 of each stored file."""
    domain = [["res_model", "=", model], ["res_field", "=", "image_1920"], ["res_id", "=", id_]]
    found = client.search_read("ir.attachment", domain, ["checksum"], limit=1)
    return str(found[0]["checksum"]) if found else None


def _fetched(client: OdooClient, url: str, warnings: list[str]) -> bytes | None:
    """The picture. That its server is down says nothing about Odoo, and is no reason to hold Odoo's other deliveries back."""
    host = urlsplit(url).hostname
    try:
        answer = client.http.request("GET", url, headers={"Accept": "image/*"}, deadline=client.config.deadline)
    except Unreachable as error:
        if error.code == "CON-EGRESS":
            warnings.append(f"the picture at {host} is not fetched: {error.message}")
            return None
        raise RetryLater(f"the picture at {host} cannot be fetched now.", after=60.0) from None
    if answer.status >= 500 or answer.status == 429:
        raise RetryLater(f"the picture at {host} cannot be fetched now (status {answer.status}).", after=60.0)
    kind = answer.headers.get("content-type") or "no type"
    if answer.status != 200 or not kind.startswith("image/"):
        warnings.append(f"there is no picture at its address at {host} (status {answer.status}, {kind})")
        return None
    return answer.body
