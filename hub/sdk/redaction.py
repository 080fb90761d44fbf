"""Secrets taken out of what is kept: by their value, wherever they turn up, and by the name that they stand under."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
_SHORTEST = 4

_WORDS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "api-key",
    "api_key",
    "accesskey",
    "access-key",
    "access_key",
    "privatekey",
    "private-key",
    "private_key",
    "authorization",
    "signature",
    "credential",
    "sessionid",
    "session-id",
    "session_id",
    "cookie",
    "jwt",
    "hmac",
)
_STEMS = (
    "pass",
    "secret",
    "token",
    "key",
    "authorization",
    "signature",
    "credential",
    "session",
    "cookie",
    "jwt",
    "hmac",
)
"""One of these is in every text that holds one of the words; looking for them first spares most texts the slow search."""
_SCHEMES = ("bearer", "basic", "oauth", "digest")
_NAME = f"(?:{'|'.join(_WORDS)})"
# The quotes may be escaped: JSON is often found as a text inside other JSON.
_IN_JSON = re.compile(
    rf"""({_NAME}[^"\\\n]{{0,60}}\\*"\s*:\s*)"""
    r"""(?:(\\+")[^"]*?\\+"|"(?:[^"\\]|\\.)*"?|-?[0-9][^\s,}\]]*)""",
    re.IGNORECASE | re.ASCII,
)
_IN_FORM = re.compile(rf"({_NAME}[\w.%\[\]-]{{0,60}}=)[^&;\s\"']+", re.IGNORECASE | re.ASCII)
_SCHEME = re.compile(r"\b(Bearer|Basic|OAuth|Digest)\s+[A-Za-z0-9._~+/=,\"-]{4,}", re.IGNORECASE)


@lru_cache(1024)
def is_secret_name(name: str) -> bool:
    """Does a field, header or parameter of this name hold a secret?"""
    low = name.lower()
    return any(word in low for word in _WORDS)


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
        if "=" in text or '"' in text:
            low = text.lower()
            if _has_one(low, _STEMS):
                text = _IN_JSON.sub(_hide_value, text)
                text = _IN_FORM.sub(rf"\1{HIDDEN}", text)
        if " " in text and _has_one(text.lower(), _SCHEMES):
            text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
        return text

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """``headers`` without secrets."""
        return {name: HIDDEN if is_secret_name(name) else self.text(value) for name, value in headers.items()}


def _has_one(text: str, words: tuple[str, ...]) -> bool:
    for word in words:  # noqa: SIM110 - a plain loop is three times as fast as any()
        if word in text:
            return True
    return False


def _hide_value(found: re.Match[str]) -> str:
    quote_mark = found[2] or '"'
    return f"{found[1]}{quote_mark}{HIDDEN}{quote_mark}"
