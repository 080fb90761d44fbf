"""Canonical ids: the entity's prefix and a ULID, so that they sort by the time they were made."""

from __future__ import annotations

import os
import re
import time

from hub.canonical import ENTITIES

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ID = re.compile(rf"({'|'.join(entity.prefix for entity in ENTITIES.values())})_[{_ALPHABET}]{{26}}")


def new_id(entity: str) -> str:
    """A new canonical id: ``ord_01J...``."""
    number = (int(time.time() * 1000) << 80) | int.from_bytes(os.urandom(10))
    digits = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{ENTITIES[entity].prefix}_{''.join(digits)}"


def is_id(text: str) -> bool:
    """Is this a canonical id, and not an external id or a natural key?"""
    return _ID.fullmatch(text) is not None
