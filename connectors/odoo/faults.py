"""What Odoo's errors mean: each becomes one of the hub's errors, without the traceback that Odoo sends along.

An error that Odoo itself answers has rolled its transaction back, so nothing was written: after it there is no doubt.
"""

from __future__ import annotations

import re
from typing import Any

from hub.errors import AuthFailed, DeliveryError, Rejected, RetryLater

_NO_LOGIN = ("AccessDenied", "Unauthorized", "SessionExpiredException", "SessionExpired")
_NO_RIGHT = ("AccessError", "Forbidden")
_BUSY = (
    "SerializationFailure",
    "DeadlockDetected",
    "LockNotAvailable",
    "LockError",
    "ConcurrencyError",
    "OperationalError",
    "InterfaceError",
    "PoolError",
    "TransactionRollbackError",
    "QueryCanceled",
    "QueryCanceledError",
    "AdminShutdown",
    "TooManyConnections",
    "MemoryError",
    "InFailedSqlTransaction",
)
_BUSY_TEXT = ("could not serialize access", "deadlock detected", "could not obtain lock", "canceling statement")
_EMAIL = re.compile(r"[^\s@<>,;]+@[^\s@<>,;]+")
_DUPLICATE = ("duplicate key value", "already exists")


def said(message: object, limit: int = 200) -> str:
    """The first line of an Odoo message, short and with e-mail addresses masked, fit for an error or a log."""
    text = str(message or "").strip()
    line = text.splitlines()[0] if text else "no message"
    return _EMAIL.sub("(e-mail)", line)[:limit]


def fault(body: dict[str, Any], doing: str, where: str = "") -> DeliveryError:
    """The hub's error for an Odoo error body ``{name, message, ...}``; ``doing`` names the call, such as "sale.order.create"."""
    name = str(body.get("name") or "")
    kind = name.rpartition(".")[2]
    text = said(body.get("message"))
    if kind in _NO_LOGIN:
        return AuthFailed(
            f"Odoo refuses the credentials ({doing}).",
            where=where,
            fix="Make a new API key in Odoo (Preferences, Account Security) and set it as the connection's api_key.",
        )
    if kind in _NO_RIGHT:
        return AuthFailed(
            f"the hub's Odoo user may not do {doing}: {text}",
            code="CON-SCOPE",
            where=where,
            fix="Give the user the access rights for it in Odoo.",
        )
    if kind in _BUSY or is_busy(text):
        return RetryLater(f"Odoo was busy with the same records ({doing}).", after=1.0, where=where)
    if kind == "MissingError":
        return Rejected(f"the Odoo record is gone ({doing}): {text}", where=where, fix="Link the record anew.")
    return Rejected(f"Odoo refused {doing}: {text}", where=where)


def is_busy(message: str) -> bool:
    """Does this message of Odoo's `load` speak of two transactions at the same records?"""
    return any(words in message for words in _BUSY_TEXT)


def error_body(data: Any) -> dict[str, Any] | None:
    """Odoo's error in this answer, or none: JSON-RPC's ``error.data``, or JSON-2's bare ``{name, message, ...}``."""
    if not isinstance(data, dict):
        return None
    error = data.get("error")
    if isinstance(error, dict):
        inner = error.get("data")
        return inner if isinstance(inner, dict) else {"name": "", "message": error.get("message", "")}
    if "name" in data and "message" in data and "debug" in data:
        return data
    return None
