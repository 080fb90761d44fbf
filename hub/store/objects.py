"""The object store behind the payload archive: a folder, or anything that speaks S3. Days that nobody works on any more move there.

Payloads are put there as packs: many compressed texts one after the other in one object, named by the sha256 of the whole below the
name of their shelf. So a shelf goes by its prefix, and whatever an interrupted run left behind goes with it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from hub.errors import ConfigError, StoreError
from hub.store.shelves import Shelf

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_S3 = "s3://"
_PROBE = "probe"
_CALL = {"timeout": "30s", "connect_timeout": "3s"}
_RETRY: Any = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


@dataclass(frozen=True)
class Objects:
    """Where packs lie. ``url`` is a folder, ``file:///folder`` or ``s3://bucket/prefix``; ``name`` keeps installations apart.

    The S3 settings are optional: without them the library looks where AWS's own programs look. Every method but the making of one
    raises `StoreError` (ARC-DOWN) where the store does not answer.
    """

    url: str
    name: str
    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        return f"Objects({self.url!r}, {self.name!r})"

    @cached_property
    def _store(self) -> ObjectStore:
        try:
            from obstore.store import LocalStore, S3Store
        except ImportError:
            raise ConfigError(
                "the archive has an object store, and the library for it is not installed.",
                code="CFG-ARCHIVE",
                fix="Install it: pip install 'spokehub[archive]'.",
            ) from None
        if not self.url.startswith(_S3):
            return LocalStore(self._folder, mkdir=True)
        bucket, _, prefix = self.url.removeprefix(_S3).partition("/")
        said = {
            "endpoint": self.endpoint, "region": self.region, "access_key_id": self.access_key, "secret_access_key": self.secret_key,
        }  # fmt: skip
        options: dict[str, Any] = {**_CALL, "allow_http": (self.endpoint or "").startswith("http://")}
        return S3Store(
            bucket, prefix=f"{prefix.strip('/')}/{self.name}".lstrip("/"), client_options=cast("Any", options), retry_config=_RETRY,
            virtual_hosted_style_request=False, **cast("Any", {name: value for name, value in said.items() if value}),
        )  # fmt: skip

    @cached_property
    def _folder(self) -> Path | None:
        """The folder, where it is one."""
        return None if self.url.startswith(_S3) else Path(self.url.removeprefix("file://")) / self.name

    def put(self, shelf: Shelf, pack: bytes) -> str:
        """Put a pack of a shelf there, and return its name. When it returns, the pack is kept; the same pack again changes nothing."""
        name = f"{shelf.folder}/{hashlib.sha256(pack).hexdigest()}"
        with self._calls():
            self._store.put(name, pack)
            if self._folder is not None:
                _to_disk(self._folder, name)
        return name

    def get(self, pack: str, places: Collection[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
        """Parts of a pack, by their (start, length)."""
        wanted = sorted(places)
        try:
            with self._calls():
                parts = self._store.get_ranges(
                    pack, starts=[start for start, _ in wanted], lengths=[length for _, length in wanted]
                )
        except FileNotFoundError:
            raise StoreError(
                "the object store does not have a pack that the archive put there",
                code="ARC-LOST",
                where=f"{self.url} {pack}",
                fix="Look whether archive.store in hub.yaml still names the same place, and who deletes there.",
            ) from None
        return {place: bytes(part) for place, part in zip(wanted, parts, strict=True)}

    def folders(self) -> list[Shelf]:
        """The shelves of which something lies there."""
        with self._calls():
            found = self._store.list_with_delimiter("")["common_prefixes"]
        return [shelf for name in found if (shelf := Shelf.named(str(name).strip("/")))]

    def keep_only(self, shelf: Shelf, packs: Collection[str]) -> int:
        """Delete what lies there of a shelf but for these packs. Returns how many objects went."""
        with self._calls():
            gone = [name for name in self._names(shelf) if name not in packs]
            for start in range(0, len(gone), 1000):
                self._store.delete(gone[start : start + 1000])
        return len(gone)

    def _names(self, shelf: Shelf) -> Iterator[str]:
        for some in self._store.list(f"{shelf.folder}/"):
            yield from (str(found["path"]) for found in some)

    def check(self) -> None:
        """Write, read and delete something small."""
        with self._calls():
            self._store.put(_PROBE, b"hub")
            same = bytes(self._store.get_range(_PROBE, start=0, length=3)) == b"hub"
            self._store.delete([_PROBE])
        if not same:
            raise StoreError(
                "the object store does not give back what was put there", code="ARC-DOWN", fix="Look at the store."
            )

    @contextmanager
    def _calls(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            if "NoSuchBucket" in str(error):
                raise self._down("there is no such bucket") from None
            raise
        except StoreError:
            raise
        except Exception as error:
            if isinstance(error, ConfigError):
                raise
            raise self._down(_cause(error)) from error

    def _down(self, why: str) -> StoreError:
        return StoreError(
            f"the object store of the archive cannot be used ({why})",
            code="ARC-DOWN",
            where=self.url,
            fix="Check archive.store in hub.yaml, its credentials, and that it is up: hub doctor. Nothing is lost meanwhile.",
        )


def _to_disk(folder: Path, name: str) -> None:
    """Make sure that a file, and the names that lead to it, outlive a power cut: the library does not."""
    place = folder / name
    for path in (place, place.parent, folder, folder.parent):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _cause(error: Exception) -> str:
    """The kind of a fault in words. Its text names addresses and answers of the store, which belong in no message."""
    kinds: Mapping[str, str] = {
        "PermissionDeniedError": "permission denied", "UnauthenticatedError": "wrong credentials", "GenericError": "no answer",
        "PermissionError": "permission denied",
    }  # fmt: skip
    return kinds.get(type(error).__name__, type(error).__name__)
