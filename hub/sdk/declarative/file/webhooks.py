"""The webhooks that a system sends."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from hub.sdk.declarative.file.common import Part, Path, Seconds, Text


class Signature(Part):
    """How the system signs its webhooks."""

    kind: Literal["hmac_base64", "hmac_hex", "token", "standard"]
    secret: Text = Field(description='"{config.webhook_secret}"')
    previous: Text | None = Field(default=None, description="The secret before the last change, which is still good.")
    header: str = Field(default="", description="The header with the signature.")
    prefix: str = Field(default="", description='What stands before it: "sha256=".')
    signed: Literal["body", "time.body"] = Field(default="body", description="What the signature covers.")
    time: str | None = Field(default=None, description="The header with the time, in seconds since 1970.")
    tolerance: Seconds = 300

    @model_validator(mode="after")
    def _whole(self) -> Signature:
        if self.kind != "standard" and not self.header:
            raise ValueError("name the header with the signature")
        if self.signed == "time.body" and not self.time:
            raise ValueError("name the header with the time")
        return self


class Topics(Part):
    """Where a webhook says what it is about."""

    header: str | None = None
    field: Path | None = None
    streams: dict[str, str] = Field(description="Each topic and its stream: {order.changed: order}.")
    deleted: list[str] = Field(default_factory=list, description="The topics that tell of a deletion.")

    @model_validator(mode="after")
    def _one(self) -> Topics:
        if (self.header is None) == (self.field is None):
            raise ValueError("a topic is in a header or in a field: name one of the two")
        return self


class Webhook(Part):
    """The webhooks that the system sends."""

    signature: Signature
    topic: Topics
    row: Path | None = Field(default=None, description="Where the record is; else the body is the record.")
    event: Path | None = Field(default=None, description="An id that repetitions share, where records have no version.")
