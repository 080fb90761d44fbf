"""The files of a project as models: hub.yaml, flows/*.yaml and ownership.yaml."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, RootModel, StringConstraints

from hub.project.archive import Archive, Days, Size
from hub.project.schedule import Duration, Schedule

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,39}$")]
"""The name of a connection or a flow: small letters, digits, - and _."""


def _listen(value: object) -> str:
    host, _, port = str(value).rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or not 0 < int(port) < 65_536:
        raise ValueError("not of the form host:port, as 127.0.0.1:8080")
    return str(value)


Listen = Annotated[str, BeforeValidator(_listen)]
"""host:port; the host in square brackets where it is an IPv6 address."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Webhooks(_Part):
    """Which webhooks the hub has the vendor send, and how often it looks whether the vendor still does."""

    every: Duration = Field(default=3600.0, description="How often the subscriptions are verified: 30m, 1h, 1d.")
    streams: tuple[Name, ...] = Field(
        default=(), description="The streams; none = those whose entity a flow takes from this connection."
    )


def _webhooks(value: object) -> object:
    if value is True:
        return {}
    return {"every": value} if isinstance(value, str) else value


class ConnectionFile(_Part):
    """One configured system."""

    connector: str = Field(description="The connector's name: hub connector list.")
    title: str = Field(default="", description="What people call this system.")
    config: dict[str, Any] = Field(
        default_factory=dict, description="The connector's own settings; secrets as ${secret:NAME}."
    )
    allow_hosts: list[str] = Field(
        default_factory=list,
        description="Hosts (host or host:port) at private addresses that this connection may call.",
    )
    poll: dict[Name, Schedule] = Field(default_factory=dict, description="Which streams are polled, and how often.")
    webhooks: Annotated[Webhooks | None, BeforeValidator(_webhooks, json_schema_input_type=bool | str | Webhooks)] = (
        Field(
            default=None,
            description="Have the vendor send webhooks to public_url, and verify it: true, how often (1h), or every and streams.",
        )
    )
    paused: bool = Field(default=False, description="True: nothing is polled or delivered; what comes in is kept.")
    keep: Days | None = Field(
        default=None,
        description="How long the payloads of its messages are kept: 90d. If not given: as long as the flows from it keep theirs.",
    )
    budget: Size | None = Field(
        default=None,
        description="Room for the payloads of its messages: 5 GB. At twice the budget nothing more is taken in.",
    )


class EventsFile(_Part):
    """Canonical events for a company's own programs; off where hub.yaml does not name them."""

    exchange: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,127}$")] = Field(
        default="hub.events",
        description="The topic exchange at the broker. Without a broker events are read over the REST API.",
    )
    entities: list[str] = Field(
        default_factory=list, description="The canonical entities to tell of; all if not given."
    )
    keep: Duration = Field(default=7 * 86_400.0, description="How long events can be read again: 12h, 7d.")


class HubFile(_Part):
    """hub.yaml: the installation's name, its database and broker, and its connections."""

    hub: Literal[1] = Field(description="The version of this file format.")
    name: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,29}$")] = Field(
        default="hub",
        description="The installation's short name; part of the marker in every record that the hub writes.",
    )
    database: str = Field(
        default="sqlite:///data/hub.db", description="SQLite (relative to this file) or postgresql+psycopg://..."
    )
    broker: str | None = Field(
        default=None, description="amqp://... for several processes; null = one process without a broker."
    )
    listen: Listen = Field(
        default="127.0.0.1:8080", description="host:port of the receiver and the REST API.", validate_default=True
    )
    public_url: str | None = Field(
        default=None, description="The address that vendors reach the hub at, for their webhooks."
    )
    events: EventsFile | None = Field(
        default=None, description="Tell every canonical change to the outside, as CloudEvents; null = off."
    )
    archive: Archive = Field(default_factory=Archive, description="How long payloads are kept, and their room.")
    connections: dict[Name, ConnectionFile] = Field(default_factory=dict)


class FlowFile(_Part):
    """One route: which change goes to which connection."""

    flow: Name = Field(description="The flow's name, unique in the project.")
    entity: str = Field(description="The canonical entity.")
    source: str = Field(alias="from", description="The connection that a change comes from.")
    target: str = Field(alias="to", description="The connection that it goes to.")
    stream: str = Field(default="", description="The target's stream; the same as the entity where it is not given.")
    when: str | None = Field(
        default=None, description="An expression over the record: \"{{ record.status != 'cancelled' }}\"."
    )
    operation: Literal["create", "update", "upsert", "delete"] = "upsert"
    keep: Days | None = Field(default=None, description="How long the payloads of its deliveries are kept: 90d.")
    budget: Size | None = Field(
        default=None,
        description="Room for the payloads of its deliveries: 5 GB. At twice the budget nothing more is taken from its source.",
    )


class FlowsFile(RootModel[list[FlowFile]]):
    """A file in flows/: a list of flows."""


class OwnershipFile(_Part):
    """Who owns an entity, and who owns single fields of it: names of connections."""

    owner: str
    fields: dict[str, str] = Field(default_factory=dict)


class OwnershipsFile(RootModel[dict[str, OwnershipFile]]):
    """ownership.yaml: one entry per entity."""
