"""Files: records that systems exchange as CSV, JSON, XML or fixed-width files, in a folder of this machine or on an SFTP server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from connectors.files.connector import FilesConnector

__all__ = ["FilesConnector"]


def __getattr__(name: str) -> Any:
    # Loaded on first use, so that listing the connectors stays quick.
    if name == "FilesConnector":
        from connectors.files.connector import FilesConnector

        return FilesConnector
    raise AttributeError(name)
