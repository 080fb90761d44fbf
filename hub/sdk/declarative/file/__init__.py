"""The file that describes a system, as models: their field names are its vocabulary, their descriptions an editor's help."""

from hub.sdk.declarative.file.system import ConnectorFile

__all__ = ["ConnectorFile"]
