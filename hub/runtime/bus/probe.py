"""Ask a broker whether it is there, for `hub doctor`: a connection, a log-in, and nothing else."""

from __future__ import annotations

import pika
from pika.exceptions import AMQPError

from hub.errors import ConfigError


def probe(url: str, timeout: float = 5.0) -> str:
    """The broker's product and version. Raises `ConfigError`, without the password of the address."""
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError):
        raise ConfigError(
            "the broker address cannot be read.", code="BUS-URL", fix="Write amqp://user@host:5672/vhost."
        ) from None
    parameters.socket_timeout = parameters.stack_timeout = parameters.blocked_connection_timeout = timeout
    parameters.connection_attempts = 1
    try:
        connection = pika.BlockingConnection(parameters)
    except (AMQPError, OSError) as error:
        place = f"{parameters.host}:{parameters.port}"
        raise ConfigError(
            f"the broker at {place} does not let the hub in ({type(error).__name__}).",
            code="BUS-DOWN",
            fix="Start it, and check address, user, password and virtual host. Until then everything still flows, only slower.",
        ) from None
    try:
        said = getattr(connection._impl, "server_properties", None) or {}  # noqa: SLF001 - pika has no public way
        return f"{_text(said.get('product', 'AMQP broker'))} {_text(said.get('version', ''))}".strip()
    finally:
        connection.close()


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
