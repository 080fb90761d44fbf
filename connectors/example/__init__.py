"""The connector of the Example ERP, a made-up system: what a connector that is described in one file looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.example.connector import ExampleConnector

__all__ = ["ExampleConnector"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that listing the connectors stays quick.
    if name == "ExampleConnector":
        from connectors.example.connector import ExampleConnector

        return ExampleConnector
    raise AttributeError(name)
