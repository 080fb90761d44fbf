"""Whether the broker lets the hub in; for `hub doctor`."""

from __future__ import annotations

import pika

from hub.errors import AuthFailed, Unreachable
from hub.runtime.bus.rabbit import connection_parameters


def probe(url: str) -> str:
    """Connect to the broker and say which it is ("RabbitMQ 3.13.7"). Raises `Unreachable`, `AuthFailed` or `ConfigError`."""
    try:
        connection = pika.BlockingConnection(connection_parameters(url))
    except (pika.exceptions.ProbableAuthenticationError, pika.exceptions.ProbableAccessDeniedError):
        raise AuthFailed(
            "the broker refuses the user or the virtual host.",
            code="BUS-AUTH",
            fix="Check broker: in hub.yaml, or HUB_BROKER_URL.",
        ) from None
    except (pika.exceptions.AMQPError, OSError) as error:
        raise Unreachable(
            f"the broker does not answer ({type(error).__name__}).", code="BUS-DOWN",
            fix="Check that RabbitMQ runs, and the address in broker: of hub.yaml. Meanwhile all work is found by sweeping.",
        ) from None  # fmt: skip
    try:
        said = getattr(getattr(connection, "_impl", None), "server_properties", None) or {}
        return f"{_text(said.get('product', 'AMQP broker'))} {_text(said.get('version', ''))}".strip()
    finally:
        connection.close()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
