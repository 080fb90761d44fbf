"""Odoo 19's own documentation of a model, at /doc-bearer/<model>.json: its fields, and its methods with their arguments."""

from __future__ import annotations

import inspect
from typing import Any

from connectors.odoo.simulator.orm import Model


def page(model: Model) -> dict[str, Any]:
    """The page of one model, in the form that Odoo 19 was seen to give it."""
    remote = {name: method for name, method in inspect.getmembers(model, callable) if getattr(method, "remote", False)}
    return {
        "model": model.name,
        "name": model.title or model.name,
        "doc": None,
        "fields": {name: {"name": name, **one} for name, one in model.fields_get().items()},
        "methods": {name: {"parameters": _parameters(method)} for name, method in remote.items()},
    }


def _parameters(method: Any) -> dict[str, Any]:
    """The arguments; ``ids`` is not among them, as it is a list of records there."""
    return {name: {} for name in inspect.signature(method).parameters if name != "ids"}
