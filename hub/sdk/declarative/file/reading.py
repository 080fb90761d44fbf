"""Lists, their pages, and what changed."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from hub.sdk.declarative import times
from hub.sdk.declarative.file.common import CallPart, Form, Pairs, Part, Path, Seconds, Text, Zone


class OnePage(Part):
    """The answer has every row."""

    kind: Literal["none"] = "none"


class Sized(Part):
    """What pages have in common."""

    size: str | None = Field(default=None, description="The query parameter for the number of rows in a page.")
    most: Annotated[int, Field(ge=1, le=10_000)] = Field(default=100, description="The most rows that a page may have.")


class Counted(Sized):
    """What pages found by counting have in common: when there is another."""

    more: Path | None = Field(
        default=None, description="A place in the answer that is true while there are more pages."
    )
    total: Path | None = Field(default=None, description="A place in the answer with the number of all rows.")
    short_page_is_last: bool = Field(
        default=False, description="A page with fewer rows than asked for is the last; else only an empty one is."
    )


class AfterPages(Counted):
    """The next page begins behind the last row: by its time of change and its id."""

    kind: Literal["after"]
    query: Pairs = Field(
        description='Parameters such as {after_id: "{after.id}"}; also {after.time}, as the row has it.'
    )


class OffsetPages(Counted):
    """Pages by the number of rows to skip."""

    kind: Literal["offset"]
    offset: str = Field(description="The query parameter for the number of rows to skip.")


class NumberedPages(Counted):
    """Pages by their number."""

    kind: Literal["page"]
    page: str = Field(description="The query parameter for the number of the page.")
    first: int = 1


class LinkPages(Sized):
    """The next page's address is in the header Link (RFC 8288)."""

    kind: Literal["link"]
    rel: str = "next"


class UrlPages(Sized):
    """The next page's address is in the answer."""

    kind: Literal["next_url"]
    field: Path = Field(description="Where the next page's address is.")
    delta: Path | None = Field(default=None, description="Where the address is from which the next round goes on.")


class TokenPages(Sized):
    """The answer has a token that asks for the next page."""

    kind: Literal["token"]
    field: Path = Field(description="Where the token for the next page is.")
    query: str = Field(description="The query parameter that it goes into.")
    keep: bool = Field(default=False, description="The last token is where the next round goes on (a feed of changes).")


Paging = Annotated[
    OnePage | AfterPages | OffsetPages | NumberedPages | LinkPages | UrlPages | TokenPages, Field(discriminator="kind")
]


class Changes(Part):
    """How the system is asked for what changed since a moment."""

    field: Path = Field(description="The row's time of change.")
    query: Pairs = Field(description='Parameters with {since}: {updated_since: "{since}"}.')
    format: Form = Field(
        default="iso", description=f"How {{since}} is written: {', '.join(times.FORMATS)}, or a pattern with %Y-%m-%d."
    )
    zone: Zone = Field(default="UTC", description="The zone of times without an offset.")
    sorted: bool = Field(default=False, description="The rows come in the order of their change, the oldest first.")
    exclusive: bool = Field(default=False, description="The system gives what changed after {since}, not at it.")
    overlap: Seconds = Field(default=60, description="Seconds that each round goes back, for changes that show late.")
    begin: Text | None = Field(default=None, description="Where the very first round begins, as a time in ISO form.")


class Rows(CallPart):
    """A request that is answered with a list of rows."""

    rows: Path | None = Field(default=None, description="Where the list is; else the answer is the list.")


class Sublist(Rows):
    """A list that belongs to a row and is asked for by itself, such as an order's lines."""

    paging: Paging | None = None


class Poll(Rows):
    """How changes are read."""

    paging: Paging = Field(default=OnePage(), description="How the list is divided into pages.")
    changes: Changes | None = Field(
        default=None, description="How to ask only for what changed; else all is read each time."
    )
    whole: bool = Field(
        default=True, description="False = the list only has summaries: every row is fetched by itself."
    )


class Fetch(CallPart):
    """How one record is read."""

    row: Path | None = Field(default=None, description="Where the record is in the answer; in a list, the first one.")


class Find(Rows):
    """How a record is found by what people know it by."""

    by: str = Field(description="The canonical field: sku, email, number, code.")
    field: Path | None = Field(default=None, description="The row's field with that value; else the name in by.")
    ignore_case: bool = Field(default=False, description="Big and small letters are the same in this key.")
