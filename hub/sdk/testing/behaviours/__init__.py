"""The named behaviours of a conformant connector. Importing this package registers them all."""

from __future__ import annotations

from hub.sdk.testing.behaviours import contract, reading, receiving, trouble, writing
from hub.sdk.testing.behaviours.registry import BEHAVIOURS, Behaviour, Level

__all__ = ["BEHAVIOURS", "Behaviour", "Level", "contract", "reading", "receiving", "trouble", "writing"]
