"""Secrets taken out of what is kept: by their value, wherever they turn up, and by the name that they stand under."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
_SHORTEST = 4

_NAME = (
    r"(?:pass(?:word|wd|phrase)|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|authorization|signature|credential"
    r"|session[-_]?id|cookie|jwt|hmac)"
)
_NAMES = re.compile(_NAME, re.IGNORECASE)
_IN_JSON = re.compile(
    rf'("[^"\\\n]{{0,60}}?{_NAME}[^"\\\n]{{0,60}}"\s*:\s*)("(?:[^"\\]|\\.)*"?|-?[0-9][^\s,}}\]]*)', re.IGNORECASE
)
_IN_FORM = re.compile(rf"((?:^|[?&;\s])[\w.%\[\]-]{{0,60}}?{_NAME}[\w.%\[\]-]{{0,60}}=)[^&;\s\"']+", re.IGNORECASE)
_SCHEME = re.compile(r"\b(Bearer|Basic|OAuth|Digest)\s+[A-Za-z0-9._~+/=,\"-]{4,}", re.IGNORECASE)


def is_secret_name(name: str) -> bool:
    """Does a field, header or parameter of this name hold a secret?"""
    return bool(_NAMES.search(name))


class Redactor:
    """Takes secrets out of texts. Values known to be secret are hidden in every usual spelling of them."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._spellings: tuple[str, ...] = ()
        for value in secrets:
            self.add(value)

    def add(self, value: str) -> None:
        """Hide ``value`` from now on. Values of fewer than four characters would hide half of every text, and are left out."""
        if len(value) < _SHORTEST:
            return
        encoded = base64.b64encode(value.encode("utf-8", "surrogatepass")).decode()
        spelled = {
            value,
            json.dumps(value)[1:-1],
            quote(value, safe=""),
            quote_plus(value),
            encoded,
            encoded.rstrip("="),
        }
        # The longest first: otherwise the end of a padded spelling would stay.
        self._spellings = tuple(sorted({*self._spellings, *spelled}, key=len, reverse=True))

    def text(self, text: str) -> str:
        """``text`` without secrets."""
        for spelling in self._spellings:
            if spelling in text:
                text = text.replace(spelling, HIDDEN)
        if _NAMES.search(text):
            text = _IN_JSON.sub(rf'\1"{HIDDEN}"', text)
            text = _IN_FORM.sub(rf"\1{HIDDEN}", text)
        return _SCHEME.sub(rf"\1 {HIDDEN}", text)

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """``headers`` without secrets."""
        return {name: HIDDEN if is_secret_name(name) else self.text(value) for name, value in headers.items()}
