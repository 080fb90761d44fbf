"""When the database refuses what a message or an answer makes: it ends as an exception, and its neighbours go on."""

from __future__ import annotations

from hub.canonical.reasons import reason
from hub.errors import StoreError
from hub.store import Trouble

REFUSALS = frozenset({"STO-REFUSED", "STO-CONFLICT", "XREF-CONFLICT"})
"""The codes that are about what was to be written, and not about the database being away."""


def refusal(error: StoreError) -> Trouble:
    """The refusal as an exception of the desk."""
    if error.code == "XREF-CONFLICT":
        return Trouble(error.code, error.message, error.fix)
    return Trouble("HUB-BUG", "the database refused what was to be written", reason("HUB-BUG").fix)
