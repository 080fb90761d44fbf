"""Writes, and what keeps them from happening twice."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from hub.sdk.declarative.file.common import CallPart, Condition, Part, Path
from hub.sdk.declarative.file.reading import Rows


class Write(CallPart):
    """One request that writes. Without ``body`` and ``form`` the record itself is sent."""

    wrap: Path | None = Field(default=None, description="The name under which the record is sent.")
    add: dict[str, Any] = Field(
        default_factory=dict, description='Fields that are added to the record: {reference: "{marker}"}.'
    )
    row: Path | None = Field(
        default=None, description="Where the written record is in the answer; else the answer is it."
    )
    location: bool = Field(default=False, description="The new id is at the end of the header Location.")


class Update(Write):
    """A request that changes a record."""

    whole: bool = Field(
        default=False, description="The request replaces the whole record: what is not written is kept as it is there."
    )
    if_match: bool = Field(default=False, description="Send the record's etag as If-Match; it is read first.")


class LookUp(Rows):
    """A list in which the record of an earlier attempt must be."""

    where: Condition = Field(default_factory=dict, description='What it must have: {reference: "{marker}"}.')


class Once(Part):
    """What keeps a create that was sent twice from making two records."""

    header: str | None = Field(
        default=None, description="The header for the idempotency key: the system does one key once."
    )
    keeps: float | None = Field(default=None, gt=0, description="Hours for which the system remembers a key.")
    look_up: LookUp | None = Field(default=None, description="How to see whether an earlier attempt made the record.")

    @model_validator(mode="after")
    def _something(self) -> Once:
        if self.header is None and self.look_up is None:
            raise ValueError("say how a repeat is recognised: by header, by look_up, or by both")
        return self
