"""A simulated Odoo, for tests, the demo and the conformance kit."""

from __future__ import annotations

from connectors.odoo.simulator.simulator import OdooSimulator

__all__ = ["OdooSimulator"]
