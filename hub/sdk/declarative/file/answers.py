"""What answers mean, and how fast a system may be called."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from hub.sdk.declarative.file.common import Condition, Part, Path, Paths, listed


class ErrorRule(Part):
    """Answers that mean something else than their status says. The first rule that fits counts."""

    status: Annotated[list[int], BeforeValidator(listed, json_schema_input_type=int | list[int])] = Field(
        default_factory=list, description="Statuses; none = any."
    )
    where: Condition = Field(default_factory=dict, description="Values that the answer has: {error.code: E11}.")
    has: Paths = Field(
        default_factory=list, description="Places in the answer that are there, and neither false nor empty."
    )
    on: Literal["read", "write"] | None = Field(default=None, description="Only for reads, or only for writes.")
    meaning: Literal[
        "ok", "missing", "retry_later", "rate_limited", "rejected", "auth_failed", "outcome_unknown", "duplicate"
    ] = Field(alias="is", description="What it means.")
    id: Path | None = Field(
        default=None, description="Of a duplicate: where the id of the record is that is there already."
    )
    after: Path | float | None = Field(
        default=None, description="Seconds to wait, or the place where the answer says them."
    )
    code: str | None = Field(
        default=None, pattern=r"^[A-Z]{2,5}(-[A-Z0-9]+)+$", description="The reason code for the exceptions desk."
    )
    fix: str = Field(default="", description="What a person can do about it.")

    @model_validator(mode="after")
    def _whole(self) -> ErrorRule:
        if not (self.status or self.where or self.has):
            raise ValueError("a rule names what it is for: status, where, or has")
        if (self.meaning == "duplicate") != (self.id is not None):
            raise ValueError("a duplicate names the place of the id, and nothing else does")
        return self


class LimitHeaders(Part):
    """The headers in which the system says how much is left."""

    left: str = Field(description="The header with the number of calls that are left.")
    reset: str | None = Field(
        default=None, description="The header with the seconds, or the moment, until there are more."
    )


class Bucket(Part):
    """So many calls a second, and a burst after a rest."""

    rate: Annotated[float, Field(gt=0)] = Field(description="Calls a second.")
    burst: Annotated[float, Field(ge=1)] = 1


class Window(Part):
    """So many calls in each span of time."""

    calls: Annotated[int, Field(ge=1)]
    seconds: Annotated[float, Field(gt=0)]


class Rate(Part):
    """How fast the system may be called."""

    bucket: Bucket | None = None
    window: Window | None = None
    headers: LimitHeaders | None = None
    concurrency: Annotated[int, Field(ge=1, le=64)] | None = Field(default=None, description="Calls at the same time.")

    @model_validator(mode="after")
    def _one(self) -> Rate:
        if self.bucket and self.window:
            raise ValueError("a pace is a bucket or a window: name one of the two")
        return self
