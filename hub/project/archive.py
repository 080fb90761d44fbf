"""The archive of payloads as hub.yaml says it: how long they are kept, and how much room they may take."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from hub.project.schedule import duration

_DAY = 86_400
_LONGEST = 9_999
_SIZE = re.compile(r"(\d+(?:\.\d+)?) ?([kMGT]i?)?B\Z")
_UNITS = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}
DEFAULT_KEEP = 30


def _days(value: Any) -> Any:
    if not isinstance(value, str):
        if isinstance(value, int) and not isinstance(value, bool):
            raise ValueError(f"{value} has no unit; write {value}d")
        return value
    days, rest = divmod(duration(value), _DAY)
    if rest or not 1 <= days <= _LONGEST:
        raise ValueError(f"{value[:40]!r} is not a number of days from 1d to {_LONGEST}d; write 30d")
    return int(days)


def size(text: str) -> int:
    """Bytes of a size such as "500 MB", "5GB" or "1.5 GiB". Raises `ValueError`."""
    found = _SIZE.match(text.strip())
    if found is None or not float(found[1]):
        raise ValueError(f"{text[:40]!r} is not a size; write 500 MB, 5 GB or 20 GiB")
    return int(float(found[1]) * _UNITS[found[2] or ""])


def _size(value: Any) -> Any:
    if isinstance(value, str):
        return size(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        raise ValueError(f"{value} has no unit; write {value} MB or {value} GB")
    return value


Days = Annotated[int, BeforeValidator(_days, json_schema_input_type=str)]
"""Whole days, written as 30d."""
Size = Annotated[int, BeforeValidator(_size, json_schema_input_type=str)]
"""Bytes, written as 500 MB or 5 GB."""


class ObjectStore(BaseModel):
    """Where the payloads of older days lie: a folder, or a bucket of anything that speaks S3."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = Field(description="s3://bucket/prefix, or a folder (relative to hub.yaml, or file:///srv/archive).")
    after: Days = Field(
        default=2, description="Days for which payloads stay in the database before they move there: 2d."
    )
    endpoint: str | None = Field(
        default=None, description="The address of an S3 service that is not AWS: https://minio:9000."
    )
    region: str | None = Field(default=None, description="The S3 region: eu-central-1.")
    access_key: str | None = Field(
        default=None, description="${secret:NAME}; if not given, as AWS's own programs find it."
    )
    secret_key: str | None = Field(default=None, description="${secret:NAME}; together with access_key.")

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        scheme, colon, rest = value.partition("://")
        if colon and scheme not in {"s3", "file"}:
            raise ValueError(
                f"{scheme[:20]!r} is not a store that the archive knows; write s3://bucket/prefix or a folder"
            )
        if (colon and not rest.strip("/")) or not value.strip():
            raise ValueError("there is no bucket and no folder; write s3://bucket/prefix or a folder")
        return value

    @model_validator(mode="after")
    def _both(self) -> ObjectStore:
        if (self.access_key is None) != (self.secret_key is None):
            raise ValueError("give access_key and secret_key together, or neither")
        return self


def _store(value: Any) -> Any:
    return {"url": value} if isinstance(value, str) else value


class Archive(BaseModel):
    """How long payloads are kept in general, and how much room all of them may take in the database."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    keep: Days = Field(
        default=DEFAULT_KEEP,
        description="How long payloads are kept where a connection or a flow does not say it: 30d.",
    )
    budget: Size | None = Field(
        default=None,
        description="Room for all payloads in the database: 20 GB. From 80 % on the hub warns; at twice the budget it takes nothing in.",
    )
    store: Annotated[ObjectStore | None, BeforeValidator(_store, json_schema_input_type=str | ObjectStore)] = Field(
        default=None, description="An object store to which older payloads move; null = they stay in the database."
    )
