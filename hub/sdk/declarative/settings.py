"""The settings that a file describes, as a model: what a connection in hub.yaml is checked by, and what the console's form shows."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, create_model

from hub.sdk.connector import ConnectorConfig
from hub.sdk.declarative.file.system import ConnectorFile, SettingPart
from hub.sdk.declarative.limits import calls_per_second

_PLAIN: dict[str, Any] = {
    "text": str,
    "secret": SecretStr,
    "url": Annotated[str, StringConstraints(pattern=r"^https?://[^\s/]+\S*$")],
    "integer": int,
    "number": float,
    "flag": bool,
}


def model_of(file: ConnectorFile) -> type[ConnectorConfig]:
    """The model of a connection's settings."""
    fields: dict[str, Any] = {name: _field(setting) for name, setting in file.settings.items()}
    pace = calls_per_second(file.rate)
    for name, default in (("rate", pace), ("concurrency", file.rate.concurrency), ("settle", file.settle)):
        if default is not None:
            common = ConnectorConfig.model_fields[name]
            fields[name] = (common.annotation, Field(default=default, description=common.description))
    title = "".join(part.capitalize() for part in file.name.split("_"))
    return create_model(
        f"{title}Config", __base__=ConnectorConfig, __doc__=f"What the hub must know of {file.title}.", **fields
    )


def _field(setting: SettingPart) -> tuple[Any, Any]:
    kind = Literal[tuple(setting.choices)] if setting.kind == "choice" else _PLAIN[setting.kind]
    if setting.pattern is not None:
        kind = Annotated[kind, AfterValidator(_fitting(setting.pattern))]
    if setting.optional and setting.default is None:
        return kind | None, Field(default=None, description=setting.description)
    if setting.default is None:
        return kind, Field(description=setting.description)
    default = SecretStr(str(setting.default)) if setting.kind == "secret" else setting.default
    return kind, Field(default=default, description=setting.description, validate_default=True)


def _fitting(pattern: str) -> Any:
    fits = re.compile(pattern)

    def check(value: Any) -> Any:
        text = value.get_secret_value() if isinstance(value, SecretStr) else str(value)
        if fits.fullmatch(text) is None:
            raise ValueError(f"it does not fit {pattern}")
        return value

    return check
