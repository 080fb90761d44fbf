"""The connector for files."""

from __future__ import annotations

from typing import ClassVar

from connectors.files.config import STREAMS, FilesConfig
from connectors.files.inbox import Inbox
from connectors.files.outbox import Outbox
from hub.sdk.connector import FULL, Capability, Connector, ConnectorIO, Manifest, Stream, Support
from hub.sdk.files import Folder, LocalFolder
from hub.sdk.records import Cursor, DeliverResult, Health, OutboundRecord, Page
from hub.sdk.sftp import SftpFolder

_EVENTS = ("shipment", "return", "invoice")
_NO = Support.UNSUPPORTED


class FilesConnector(Connector[FilesConfig]):
    """Reads and writes files in a folder of this machine or on an SFTP server."""

    manifest: ClassVar[Manifest] = Manifest(
        name="files",
        vendor="any",
        title="CSV, JSON, XML and fixed-width files, in a folder or on an SFTP server",
        sdk=">=1,<2",
        docs="docs/connectors/files.md",
        streams={
            name: Stream(
                name, name, poll=FULL, create=FULL, update=FULL, delete=FULL, state_carrying=name not in _EVENTS,
                webhook=Capability(_NO, "a folder tells nobody that a file has come; it is looked into by schedule"),
                fetch=Capability(_NO, "a file is read once, from its beginning to its end"),
                find=Capability(_NO, "what a receiver has made of a file cannot be asked"),
            )
            for name in STREAMS
        },
    )  # fmt: skip
    Config = FilesConfig

    def __init__(self, config: FilesConfig, io: ConnectorIO) -> None:
        super().__init__(config, io)
        self._folder: Folder = SftpFolder(io, config.sftp) if config.sftp else LocalFolder(io, config.folder or ".")
        self._inbox = Inbox(self._folder, io)
        self._outbox = Outbox(config, self._folder, io)

    def check(self) -> Health:
        """Are all folders there?"""
        paths = {spec.path for spec in (*self.config.read.values(), *self.config.write.values())}
        missing = []
        for path in sorted(paths):
            found = self._folder.stat(path)
            if found is None or not found.folder:
                missing.append(path)
        if missing:
            return Health(
                ok=False, summary=f"there is no folder {', '.join(missing)}", details={"missing": missing},
                fix="Create it, or correct the path in the settings.",
            )  # fmt: skip
        said = f"reads {', '.join(self.config.read) or 'nothing'}; writes {', '.join(self.config.write) or 'nothing'}"
        return Health(ok=True, summary=f"the folders are there; {said}", details={"folders": sorted(paths)})

    def poll(self, stream: str, cursor: Cursor | None, limit: int) -> Page:
        """The next records of files. For a stream that is written in batches, those that are old enough are closed."""
        if stream not in STREAMS:
            raise self._unsupported("poll", stream)
        if stream in self.config.write:
            self._outbox.tick(stream, self.config.writing(stream))
            if stream not in self.config.read:
                return Page([], cursor or {})
        return self._inbox.poll(stream, self.config.reading(stream), cursor, limit)

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        """Was this write published by an earlier try?"""
        return self._outbox.find_effect(self.config.writing(record.stream), record)

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        """Write one record."""
        if record.stream not in STREAMS:
            raise self._unsupported(record.operation, record.stream)
        return self._outbox.deliver(self.config.writing(record.stream), record)

    def close(self) -> None:
        """Let go of open files."""
        self._inbox.close()
