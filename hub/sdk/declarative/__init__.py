"""Connectors without code: a system with a REST, OData or other JSON API, described in one YAML file."""

from hub.sdk.declarative.connector import DeclarativeConnector, connector_class
from hub.sdk.declarative.loading import inspect_file, load_file

__all__ = ["DeclarativeConnector", "connector_class", "inspect_file", "load_file"]
