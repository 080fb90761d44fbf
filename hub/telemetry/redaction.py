"""Keep secrets out of everything that is shown, logged or traced: by their value, and by the name of the key they stand under."""

from __future__ import annotations

import base64
import json
import re
import threading
import urllib.parse
from typing import Any

MASK = "***"
SHORTEST = 6
"""Shorter values are not masked by value: they would blacken ordinary text. Masking by key name still covers them."""

_SECRET_KEY = re.compile(
    r"(?i)(passw|passphrase|secret|token|api[-_]?key|private[-_]?key|access[-_]?key|authorization|cookie|credential|signature|hmac)"
)
_NO_SECRET = re.compile(r"(?i)(token_type|secret_name|next_?page_?token|idempotency)")
_USERINFO = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://[^/\s:@]*):([^/\s@]+)@")

_lock = threading.Lock()
_values: set[str] = set()
_pattern: re.Pattern[str] | None = None


def register_secret(value: str) -> None:
    """From now on mask this value, also where it is URL-quoted, JSON-escaped or base64-encoded."""
    global _pattern
    if len(value) < SHORTEST or value in _values:
        return
    with _lock:
        _values.update({value, urllib.parse.quote(value, safe=""), json.dumps(value)[1:-1]})
        _values.add(base64.b64encode(value.encode()).decode().rstrip("="))
        longest_first = sorted(_values, key=len, reverse=True)
        _pattern = re.compile("|".join(map(re.escape, longest_first)))


def redact(text: str) -> str:
    """The text with every registered secret, and every password inside a URL, masked."""
    text = _USERINFO.sub(rf"\1:{MASK}@", text) if "://" in text else text
    return _pattern.sub(MASK, text) if _pattern else text


def is_secret_key(name: str) -> bool:
    """Whether what stands under this key or header is masked whatever its value."""
    return bool(_SECRET_KEY.search(name)) and not _NO_SECRET.search(name)


def redact_data(data: Any) -> Any:
    """A copy of plain data with secrets masked, by value and by key name."""
    if isinstance(data, dict):
        return {
            key: MASK
            if isinstance(key, str) and is_secret_key(key) and isinstance(value, str) and value
            else redact_data(value)
            for key, value in data.items()
        }
    if isinstance(data, (list, tuple)):
        return [redact_data(item) for item in data]
    return redact(data) if isinstance(data, str) else data
