"""What the receiver lets in: sizes, times and numbers. Every limit is a setting, and each default is safe."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The receiver's limits.

    ``body`` bytes of one request; ``body_seconds`` to send them all; ``header_seconds`` to send a request's head.
    ``retry_after`` and ``retry_after_full`` (no room for more payloads) are seconds in the answer 503.
    ``in_flight`` and ``per_connection`` count webhooks between their last byte and their answer.
    """

    body: int = MIB
    body_seconds: float = 15.0
    header_seconds: float = 10.0
    keep_alive_seconds: int = 30
    sockets: int = 4096
    in_flight: int = 1024
    per_connection: int = 512
    batch: int = 200
    linger: float = 0.002
    commit_seconds: float = 10.0
    retry_after: int = 2
    retry_after_full: int = 60
