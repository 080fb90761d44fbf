"""Shared fixtures of the integration tests: real databases, a real broker, and projects on a temporary directory."""

import os
import secrets
import shutil
import subprocess
from urllib.parse import quote, urlsplit, urlunsplit

import pytest

POSTGRES = os.environ.get("HUB_TEST_POSTGRES_URL", "")
AMQP = os.environ.get("HUB_TEST_AMQP_URL", "")


@pytest.fixture
def postgres_url():
    """A database of its own, dropped afterwards."""
    if not POSTGRES:
        pytest.skip("HUB_TEST_POSTGRES_URL is not set")
    import psycopg

    admin = POSTGRES.replace("postgresql+psycopg://", "postgresql://", 1)
    name = f"hub_test_{secrets.token_hex(5)}"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    parts = urlsplit(admin)
    yield urlunsplit(("postgresql+psycopg", parts.netloc, f"/{name}", parts.query, ""))
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def amqp_vhost():
    """A virtual host of its own on the broker, removed afterwards; the given one where rabbitmqctl cannot be used."""
    if not AMQP:
        pytest.skip("HUB_TEST_AMQP_URL is not set")
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        yield AMQP
        return
    name = f"hub-test-{secrets.token_hex(4)}"
    parts = urlsplit(AMQP)
    run = ["rabbitmqctl", "--quiet"]
    subprocess.run([*run, "add_vhost", name], check=True, timeout=60, stdout=subprocess.DEVNULL)
    user = parts.username or "guest"
    subprocess.run([*run, "set_permissions", "-p", name, user, ".*", ".*", ".*"], check=True, timeout=60)
    yield urlunsplit((parts.scheme, parts.netloc, "/" + quote(name, safe=""), parts.query, ""))
    subprocess.run([*run, "delete_vhost", name], check=True, timeout=60, stdout=subprocess.DEVNULL)


@pytest.fixture
def close_amqp_connections(amqp_vhost):
    """A function that cuts every connection to the test's virtual host, as a network fault would."""
    name = urlsplit(amqp_vhost).path.lstrip("/")
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        pytest.skip("rabbitmqctl cannot be used")

    def close():
        subprocess.run(
            ["rabbitmqctl", "--quiet", "close_all_connections", "--vhost", name, "a test"], check=True, timeout=60
        )

    return close
