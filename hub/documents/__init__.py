"""YAML files that people write: read as plain data with the line of everything, and faults said so that they can be mended."""

from hub.documents.document import Document, Path, parse, read
from hub.documents.problems import did_you_mean, from_validation

__all__ = ["Document", "Path", "did_you_mean", "from_validation", "parse", "read"]
