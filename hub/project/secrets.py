"""Secrets and environment references: ``${secret:NAME}`` and ``${env:NAME}``, resolved when they are needed and never stored."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from hub.documents.document import Path
from hub.documents.problems import did_you_mean
from hub.errors import ConfigError
from hub.telemetry.redaction import register_secret

_REFERENCE = re.compile(r"\$(\$?)\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,127}\Z")
_MAX_FILE = 64 * 1024

Provider = Callable[[str], str | None]
"""A further place for secrets, asked last: the encrypted store."""


class Secrets:
    """Where references get their values: the environment, then ``.env``, then ``secrets/NAME``, then further providers."""

    def __init__(
        self,
        env: Mapping[str, str],
        dotenv: Mapping[str, str],
        folder: pathlib.Path,
        providers: list[Provider] | None = None,
    ) -> None:
        self._env = {**dotenv, **env}
        self._folder = folder
        self.providers = list(providers or ())

    def __repr__(self) -> str:
        return f"Secrets(folder={str(self._folder)!r})"

    def get(self, name: str) -> str | None:
        """The secret's value, registered for redaction, or none where it is not set. An empty value counts as not set."""
        value = self._env.get(name) or self._from_file(name)
        for provider in self.providers:
            value = value or provider(name)
        if not value:
            return None
        register_secret(value)
        return value

    def env(self, name: str) -> str | None:
        """A setting from the environment or ``.env``; not a secret."""
        return self._env.get(name)

    def resolve(self, value: Any, where: str | Callable[[Path], str] = "") -> Any:
        """The same data with every reference replaced. All that is missing is named in one `ConfigError`.

        ``where`` names the place in the file: a text, or a function of the path inside ``value``.
        """
        place: Callable[[Path], str] = where if callable(where) else lambda _: where
        resolved, faults = self.gather(value, place)
        if faults:
            raise together([fault for _, fault in faults])
        return resolved

    def gather(self, value: Any, place: Callable[[Path], str]) -> tuple[Any, list[tuple[Path, ConfigError]]]:
        """The same data with every reference replaced, by nothing where it fails, and each failure with its path."""
        faults: list[tuple[Path, ConfigError]] = []
        return self._walk(value, (), place, faults), faults

    def _walk(
        self, value: Any, path: Path, place: Callable[[Path], str], faults: list[tuple[Path, ConfigError]]
    ) -> Any:
        if isinstance(value, dict):
            return {key: self._walk(item, (*path, key), place, faults) for key, item in value.items()}
        if isinstance(value, list):
            return [self._walk(item, (*path, index), place, faults) for index, item in enumerate(value)]
        if not isinstance(value, str) or "${" not in value:
            return value

        def replace(found: re.Match[str]) -> str:
            if found[1]:
                return found[0][1:]
            try:
                return self._reference(found[2], place(path))
            except ConfigError as error:
                faults.append((path, error))
                return ""

        return _REFERENCE.sub(replace, value)

    def _reference(self, text: str, where: str) -> str:
        kind, colon, name = (part.strip() for part in text.partition(":"))
        if kind not in {"secret", "env"} or not colon:
            raise ConfigError(
                f"${{{text[:60]}}} is not a reference.",
                code="CFG-REFERENCE",
                where=where,
                fix=did_you_mean(kind, ["secret", "env"])
                + " Write ${secret:NAME} or ${env:NAME}; $${ stands for a plain ${.",
            )
        if not _NAME.match(name):
            raise ConfigError(
                f"{name[:60]!r} is not a name for a {kind}.",
                code="CFG-REFERENCE",
                where=where,
                fix="Use letters, digits and _.",
            )
        value = self.get(name) if kind == "secret" else self.env(name)
        if value is None:
            raise self._missing(kind, name, where)
        return value

    def _missing(self, kind: str, name: str, where: str) -> ConfigError:
        if kind == "env":
            return ConfigError(
                f"the environment variable {name} is not set.",
                code="CFG-ENV", where=where, fix=f"Set {name} in the environment, or add the line {name}=... to .env.",
            )  # fmt: skip
        state = "is set, but empty" if name in self._env else "is not set"
        return ConfigError(
            f"the secret {name} {state}.",
            code="CFG-SECRET",
            where=where,
            fix=f"Set the environment variable {name}, add the line {name}=... to .env in the project directory, "
            f"or write it into the file {self._folder.name}/{name}.",
        )

    def _from_file(self, name: str) -> str | None:
        file = self._folder / name
        try:
            raw = file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(
                f"the secret file cannot be read: {error.strerror}.", code="CFG-SECRET", where=f"{self._folder.name}/{name}",
                fix="Make it readable for the user that runs the hub.",
            ) from None  # fmt: skip
        try:
            return raw[:_MAX_FILE].decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ConfigError(
                "the secret file is not UTF-8 text.", code="CFG-SECRET", where=f"{self._folder.name}/{name}"
            ) from None


def references(value: Any) -> list[tuple[Path, str, str]]:
    """Every reference inside plain data, as (path, kind, name), without resolving any."""
    found: list[tuple[Path, str, str]] = []

    def walk(item: Any, path: Path) -> None:
        if isinstance(item, dict):
            for key, inner in item.items():
                walk(inner, (*path, key))
        elif isinstance(item, list):
            for index, inner in enumerate(item):
                walk(inner, (*path, index))
        elif isinstance(item, str):
            for match in _REFERENCE.finditer(item):
                if not match[1]:
                    kind, _, name = match[2].partition(":")
                    found.append((path, kind.strip(), name.strip()))

    walk(value, ())
    return found


def together(faults: list[ConfigError]) -> ConfigError:
    """Several faults as one error, so that a person can mend them all at once."""
    first = faults[0]
    if len(faults) == 1:
        return first
    others = "; ".join(f"{fault.where}: {fault.message.rstrip('.')}" for fault in faults[1:])
    return ConfigError(f"{first.message} Also {others}.", code=first.code, where=first.where, fix=first.fix)
