"""What the pipeline knows of the project: mappings, flows, ownership, and the live connectors. Made once by the runtime."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from hub.sdk.connector import Connector
from hub.store import ClaimedMessage, Finished, Store


@dataclass(frozen=True, slots=True)
class Flow:
    """A route rule: changes of ``entity`` from connection ``source`` ("*" = any) go to connection ``target``.

    ``when`` is the compiled condition, called with the canonical record as plain data; none = always.
    """

    name: str
    entity: str
    source: str
    target: str
    stream: str = ""
    operation: str = "upsert"
    when: Callable[[dict[str, Any]], Any] | None = None


@dataclass(frozen=True, slots=True)
class Ownership:
    """Which connection owns an entity, and which owns single fields of it. No owner = everybody may write."""

    owner: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> str | None:
        """The connection that owns the field ``name``."""
        return self.fields.get(name, self.owner)


class Translation(Protocol):
    """What a mapping made of one payload."""

    record: dict[str, Any]
    key: str | None
    filtered: str | None


class Mappings(Protocol):
    """The compiled mapping files (``hub.mapping.MappingSet``)."""

    def inbound(self, connector: str, stream: str) -> Sequence[Any]:
        """The mappings that read this stream, in the order of their entities."""

    def outbound(self, entity: str, connector: str) -> Any:
        """The mapping that writes this entity."""


class NoticeReader(Protocol):
    """Reads what notices speak of (``hub.pipeline.notice.Notices``)."""

    def read(
        self, store: Store, context: Context, claimed: Sequence[ClaimedMessage]
    ) -> tuple[list[ClaimedMessage], list[Finished]]:
        """The messages to process, and those that are put back or end here."""


@dataclass(frozen=True)
class Context:
    """The project, as the pipeline needs it.

    ``connector`` gives the live connector of a connection, ``connector_name`` the name of its connector (for its mappings).
    ``lineage`` records where every value came from. ``park_for`` is how long something waits for a record that it refers to.
    """

    installation: str
    mappings: Mappings
    flows: Sequence[Flow]
    ownership: Mapping[str, Ownership]
    connector_name: Callable[[str], str]
    connector: Callable[[str], Connector[Any]]
    lineage: bool = True
    park_for: float = 24 * 3600.0
    retry_for: float = 24 * 3600.0
    events: frozenset[str] = frozenset()
    """The entities whose changes are told to the outside."""
    tolerance: float = 0.01
    notices: NoticeReader | None = None
    """None where no connector of the project sends notices."""
