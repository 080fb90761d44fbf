"""The files connector keeps the contract: every named behaviour, over SFTP, with every format."""

from connectors.files import FilesConnector
from connectors.files.simulator import FilesSimulator
from hub.sdk.testing.conformance import conformance

TestFiles = conformance(FilesConnector, simulator=FilesSimulator, streams=["order", "variant"])
