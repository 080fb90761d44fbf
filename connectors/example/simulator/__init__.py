"""The Example ERP itself, simulated: orders and customers by REST, items by OData."""

from connectors.example.simulator.simulator import ExampleSimulator

__all__ = ["ExampleSimulator"]
