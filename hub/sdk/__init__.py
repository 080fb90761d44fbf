"""The public contract of connectors: all that a connector imports beside the canonical model and the errors.

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import Any

_HOME = {
    "hub.sdk.auth": ("BasicLogin", "CookieSession", "JwtBearer", "OAuth1", "OAuth2", "StaticToken", "sign_jwt"),
    "hub.sdk.challenges": ("echo_header", "echo_json", "echo_query", "hashed_query", "signed_json", "signed_query"),
    "hub.sdk.clock": ("SystemClock",),
    "hub.sdk.connector": (
        "FULL", "SDK_VERSION", "Capability", "Clock", "Connector", "ConnectorConfig", "ConnectorIO", "Manifest", "Stream",
        "Support", "TokenStore",
    ),
    "hub.sdk.declarative": ("DeclarativeConnector",),
    "hub.sdk.files": ("FileEntry", "FileReader", "Folder", "LocalFolder"),
    "hub.sdk.http": ("Exchange", "HttpClient", "HttpResponse", "WireTap"),
    "hub.sdk.jsonio": ("dump_json", "read_json", "read_object"),
    "hub.sdk.keys": ("KeyRing", "verify_public_key"),
    "hub.sdk.paging": ("ChangeCursor", "Since", "all_pages", "next_link", "offset_pages"),
    "hub.sdk.ratelimit": ("Concurrency", "CostBucket", "FixedWindow", "Hold", "TokenBucket", "dump_limit", "load_limit"),
    "hub.sdk.records": (
        "Answer", "Cursor", "DeliverResult", "ExternalRef", "Health", "InboundRequest", "NaturalKey", "Operation", "OutboundRecord",
        "Page", "RawMessage", "Subscription", "SubscriptionReport",
    ),
    "hub.sdk.sftp": ("SftpFolder", "SftpServer"),
    "hub.sdk.webhooks": (
        "read_body", "sign_hmac_base64", "verify_hmac_base64", "verify_hmac_hex", "verify_stamped", "verify_standard",
        "verify_timestamp",
        "verify_token",
    ),
}  # fmt: skip
_LEAVING: dict[str, str] = {}
"""Names that will go with the next major version, and what to use instead."""

_WHERE = {name: module for module, names in _HOME.items() for name in names}

__all__ = sorted(_WHERE)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module 'hub.sdk' has no attribute {name!r}")
    value = getattr(import_module(_WHERE[name]), name)
    if name in _LEAVING:
        warnings.warn(f"hub.sdk.{name} will go: {_LEAVING[name]}", DeprecationWarning, stacklevel=2)
        return value
    globals()[name] = value
    return value


def home_of(name: str) -> str:
    """The module that a name of the SDK comes from."""
    return _WHERE[name]


def __dir__() -> list[str]:
    return list(__all__)
