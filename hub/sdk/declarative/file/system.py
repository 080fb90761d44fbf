"""The whole file: a system with a REST, OData or other JSON API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from hub.sdk.declarative.file.answers import ErrorRule, Rate
from hub.sdk.declarative.file.auth import Auth
from hub.sdk.declarative.file.common import (
    CallPart,
    Condition,
    Name,
    Pairs,
    Part,
    Paths,
    Scalar,
    Seconds,
    Setting,
    Text,
)
from hub.sdk.declarative.file.streams import StreamPart
from hub.sdk.declarative.file.webhooks import Webhook


class SettingPart(Part):
    """One setting that a connection of this system has."""

    kind: Literal["text", "secret", "url", "integer", "number", "flag", "choice"] = Field(
        default="text", description="What it is; a secret never shows anywhere."
    )
    description: str = Field(min_length=1, description="What it means, and where a person finds it.")
    default: Scalar = Field(default=None, description="Its value where a connection does not give it.")
    optional: bool = Field(default=False, description="May be left out.")
    choices: list[str] = Field(default_factory=list, description="The values that a choice has.")
    pattern: str | None = Field(default=None, description="A regular expression that the whole text must fit.")

    @model_validator(mode="after")
    def _whole(self) -> SettingPart:
        if (self.kind == "choice") != bool(self.choices):
            raise ValueError("a setting of kind choice has choices, and no other kind has them")
        return self


class Check(CallPart):
    """A request that shows that the connection works. It must not write."""

    must: Condition = Field(default_factory=dict, description="What the answer must have.")
    say: Text = Field(default="{title} answers", description='What a person reads: "{answer.company} answers".')
    fix: str = Field(default="", description="What to do where the answer is not as it must be.")


class ConnectorFile(Part):
    """A system with a REST, OData or other JSON API."""

    connector: Literal[1] = Field(description="The version of this file format.")
    name: Name = Field(description="The connector's name, the same as the file's.")
    title: str = Field(min_length=1)
    vendor: str = Field(min_length=1)
    docs: str = Field(min_length=1, description="Where the API is described.")
    api_version: str = ""
    sdk: str = ">=1,<2"
    settings: dict[Setting, SettingPart] = Field(description="What a connection of this system must know.")
    url: Text = Field(description='Where every path begins: "{config.url}/api/v2".')
    headers: Pairs = Field(default_factory=dict, description="Headers of every request.")
    auth: Auth
    check: Check
    rate: Rate = Rate()
    settle: Seconds | None = Field(
        default=None, description="Seconds after which an unanswered request has no effect any more."
    )
    errors: list[ErrorRule] = Field(default_factory=list)
    message: Paths = Field(default_factory=list, description="Where an error's text is, beside the usual places.")
    streams: Annotated[dict[Name, StreamPart], Field(min_length=1)]
    webhook: Webhook | None = None
