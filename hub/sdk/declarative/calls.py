"""A request of the file, compiled: its address, parameters, headers and body as functions of a scope."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from hub.documents import Path
from hub.errors import Rejected
from hub.sdk.declarative.file.common import CallPart
from hub.sdk.declarative.maker import Maker, Pairs
from hub.sdk.declarative.paths import ABSENT
from hub.sdk.declarative.templates import Fill, Scope

Made = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """One request. `request` fills it in."""

    method: str
    url: Fill
    query: Pairs
    headers: Pairs
    body: Fill | None
    form: Pairs | None

    def request(self, scope: Scope, query: Mapping[str, Any] | None = None, url: str | None = None) -> Made:
        """The arguments of the HTTP client for this scope, with further parameters. A given ``url`` is used as it is."""
        made: Made = {"headers": {name.lower(): str(value) for name, value in self.headers(scope).items()}}
        if url is not None:
            made["url"] = url
        else:
            address = self.url(scope)
            if address is ABSENT:
                raise Rejected("the address of the request needs a value that the record does not have")
            made["url"] = address
            made["params"] = {**self.query(scope), **(query or {})}
        if self.form is not None:
            made["data"] = self.form(scope)
        elif self.body is not None and (body := self.body(scope)) is not ABSENT:
            made["json"] = body
        return made


class Calls:
    """Compiles the requests of one file: paths begin at its address, and every request has its headers.

    A path that begins with one of the ``addresses``, settings that are addresses themselves, is used as it is.
    """

    def __init__(self, maker: Maker, url: str, headers: Mapping[str, Any], addresses: Collection[str] = ()) -> None:
        self.maker = maker
        self._whole = ("http://", "https://", *(f"{{config.{name}}}" for name in addresses))
        self.base = maker.constant(url, ("url",)).rstrip("/")
        self._headers = dict(headers)

    def make(self, spec: CallPart, at: Path, *names: str) -> Call:
        """The request that a part of the file describes; ``names`` are the placeholders that it may hold."""
        maker, path = self.maker, spec.path
        place = (*at, spec.method.lower())
        whole = path.startswith(self._whole)
        fill = maker.text(path, place, *names, escape=True)
        base = "" if whole else self.base + ("" if path.startswith("/") else "/")
        return Call(
            method=spec.method,
            url=fill if whole else _behind(base, fill),
            query=maker.pairs(spec.query, (*at, "query"), *names),
            headers=maker.pairs({**self._headers, **spec.headers}, (*at, "headers"), *names),
            body=maker.data(spec.body, (*at, "body"), *names) if spec.body is not None else None,
            form=maker.pairs(spec.form, (*at, "form"), *names) if spec.form is not None else None,
        )


def _behind(base: str, fill: Fill) -> Fill:
    def address(scope: Scope) -> Any:
        path = fill(scope)
        return path if path is ABSENT else base + path

    return address
