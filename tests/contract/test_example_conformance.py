"""The example of a connector described in one file keeps the contract: REST streams, an OData stream, and one deletion in Python."""

from connectors.example import ExampleConnector
from connectors.example.simulator import ExampleSimulator
from hub.sdk.testing.conformance import conformance

TestExample = conformance(ExampleConnector, simulator=ExampleSimulator)
