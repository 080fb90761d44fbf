"""The Odoo connector keeps the connector contract."""

from __future__ import annotations

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.sdk.testing.conformance import conformance

TestOdoo = conformance(OdooConnector, simulator=OdooSimulator)
