"""The streams of a system, and their operations."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from hub.sdk.declarative.file.common import Condition, Part, Path, Paths, Text
from hub.sdk.declarative.file.reading import Fetch, Find, Poll, Sublist
from hub.sdk.declarative.file.writing import Once, Update, Write


class Refused(Part):
    """An operation that the system does not offer."""

    reason: str = Field(alias="not", min_length=4, description="Why not.")


def _operation(value: Any) -> str:
    if isinstance(value, str):
        return "python"
    refused = isinstance(value, Refused) or (isinstance(value, dict) and "not" in value)
    return "not" if refused else "call"


Python = Annotated[Literal["python"], Tag("python")]
"""The operation is a method of the connector's Python class: poll_order, fetch_order, find_order, create_order ..."""
_Not = Annotated[Refused, Tag("not")]
PollOperation = Annotated[Annotated[Poll, Tag("call")] | _Not | Python, Discriminator(_operation)]
FetchOperation = Annotated[Annotated[Fetch, Tag("call")] | _Not | Python, Discriminator(_operation)]
FindOperation = Annotated[Annotated[Find, Tag("call")] | _Not | Python, Discriminator(_operation)]
WriteOperation = Annotated[Annotated[Write, Tag("call")] | _Not | Python, Discriminator(_operation)]
UpdateOperation = Annotated[Annotated[Update, Tag("call")] | _Not | Python, Discriminator(_operation)]


class Id(Part):
    """The field with a row's id, and what such an id looks like."""

    field: Path
    kind: Literal["text", "integer", "uuid"] = "text"


class Version(Part):
    """The field that grows with every change of a row."""

    field: Path
    kind: Literal["integer", "time", "text"]


class Etag(Part):
    """Where a record's etag is."""

    header: str | None = None
    field: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> Etag:
        if (self.header is None) == (self.field is None):
            raise ValueError("an etag is in a header or in a field: name one of the two")
        return self


class Deleted(Part):
    """What a row looks like whose record was deleted."""

    where: Condition = Field(default_factory=dict)
    has: Paths = Field(default_factory=list)

    @model_validator(mode="after")
    def _something(self) -> Deleted:
        if not self.where and not self.has:
            raise ValueError("say what a deleted row has: where, or has")
        return self


class ODataWrites(Part):
    """Which writes an OData entity set takes."""

    create: bool = False
    update: bool = False
    delete: bool = False
    marker: str | None = Field(
        default=None, description="A property that takes the hub's marker, and can be filtered by."
    )


class OData(Part):
    """An OData entity set: reading, finding and writing follow from the protocol."""

    set: Text = Field(description="The path of the entity set.")
    changed: str | None = Field(default=None, description="The property with the time of the last change.")
    filter: Text | None = Field(default=None, description='Which entities are meant: "Active eq true".')
    select: list[str] = Field(default_factory=list)
    expand: list[str] = Field(default_factory=list)
    find: dict[str, str] = Field(
        default_factory=dict, max_length=1, description="The canonical natural key, and its property: {sku: ItemNo}."
    )
    paging: Literal["next_link", "skip"] = Field(
        default="next_link", description="next_link = the server pages by itself; skip = by $top and $skip."
    )
    most: Annotated[int, Field(ge=1, le=10_000)] = 100
    write: ODataWrites = ODataWrites()


def _shape(value: Any) -> str:
    return "path" if isinstance(value, str) else "parts"


class StreamPart(Part):
    """A kind of record that the system has."""

    entity: str = Field(description="The canonical entity: order, customer, variant ...")
    id: Annotated[Annotated[Path, Tag("path")] | Annotated[Id, Tag("parts")], Discriminator(_shape)] = Field(
        description="The row's id: a place, or {field: id, kind: integer}."
    )
    version: (
        Annotated[Annotated[Path, Tag("path")] | Annotated[Version, Tag("parts")], Discriminator(_shape)] | None
    ) = Field(default=None, description="A number or a time that grows with every change of the row.")
    etag: Etag | None = None
    deleted: Deleted | None = None
    events: bool = Field(
        default=False, description="Each message counts by itself; none may be skipped for a newer one."
    )
    natural_key: str = Field(default="", description="The canonical field by which a find in Python finds.")
    odata: OData | None = Field(default=None, description="The stream is an OData entity set.")
    poll: PollOperation | None = None
    parts: dict[str, Sublist] = Field(
        default_factory=dict, description="Lists that are read for each row, and put into it."
    )
    fetch: FetchOperation | None = None
    find: FindOperation | None = None
    create: WriteOperation | None = None
    update: UpdateOperation | None = None
    delete: WriteOperation | None = None
    once: Once | None = None
