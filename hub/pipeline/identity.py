"""Canonical ids: the entity's prefix and a ULID, so that they sort by the time they were made."""

from __future__ import annotations

import base64
import os
import re
import time

from hub.canonical import ENTITIES

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", _ALPHABET.encode())
_ID = re.compile(rf"({'|'.join(entity.prefix for entity in ENTITIES.values())})_[{_ALPHABET}]{{26}}")


def new_id(entity: str) -> str:
    """A new canonical id: ``ord_01J...``."""
    number = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10))
    # 26 digits of 5 bits: the last of the 32 that 20 bytes make
    digits = base64.b32encode(number.to_bytes(20))[6:].translate(_CROCKFORD)
    return f"{ENTITIES[entity].prefix}_{digits.decode()}"


def is_id(text: str) -> bool:
    """Is this a canonical id, and not an external id or a natural key?"""
    return _ID.fullmatch(text) is not None
