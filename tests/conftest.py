"""Fixtures for the whole suite: the two databases that everything durable is tested on."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from sqlalchemy.engine import make_url

from hub.store import Store

# A busy machine makes examples slow; that says nothing about the code under test.
settings.register_profile("hub", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("hub")

START_POSTGRES = (
    "docker run -d -e POSTGRES_HOST_AUTH_METHOD=trust -p 127.0.0.1:5432:5432 postgres:16 && "
    "export HUB_TEST_POSTGRES_URL=postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)
START_RABBITMQ = (
    "docker run -d -p 127.0.0.1:5672:5672 rabbitmq:4 && export HUB_TEST_AMQP_URL=amqp://guest:guest@127.0.0.1:5672"
)


def _absent(why: str) -> None:
    """A service that is not there skips a test on a developer's machine and fails it in CI."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[str]:
    """The address of a PostgreSQL database of this run's own, dropped at the end."""
    server = os.environ.get("HUB_TEST_POSTGRES_URL")
    if not server:
        _absent(f"PostgreSQL is not configured. Start it: {START_POSTGRES}")
    url = make_url(server or "")
    name = f"hub_test_{uuid.uuid4().hex[:12]}"
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        with psycopg.connect(plain, autocommit=True, connect_timeout=5) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
    except psycopg.OperationalError as error:
        _absent(f"PostgreSQL does not answer ({error}). Start it: {START_POSTGRES}")
    yield url.set(drivername="postgresql+psycopg", database=name).render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def amqp_vhost() -> Iterator[str]:
    """The address of a virtual host of this run's own on the broker; the given one where rabbitmqctl cannot be used."""
    server = os.environ.get("HUB_TEST_AMQP_URL", "")
    if not server:
        _absent(f"RabbitMQ is not configured. Start it: {START_RABBITMQ}")
    if shutil.which("rabbitmqctl") is None or os.geteuid() != 0:
        yield server
        return
    name = f"hub-test-{secrets.token_hex(4)}"
    parts = urlsplit(server)
    run = ["rabbitmqctl", "--quiet"]
    subprocess.run([*run, "add_vhost", name], check=True, timeout=60, stdout=subprocess.DEVNULL)
    user = parts.username or "guest"
    subprocess.run([*run, "set_permissions", "-p", name, user, ".*", ".*", ".*"], check=True, timeout=60)
    yield urlunsplit((parts.scheme, parts.netloc, "/" + quote(name, safe=""), parts.query, ""))
    subprocess.run([*run, "delete_vhost", name], check=True, timeout=60, stdout=subprocess.DEVNULL)


@pytest.fixture(params=["embedded", pytest.param("cluster", marks=[pytest.mark.postgres, pytest.mark.rabbitmq])])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, str | None]:
    """The two sizes of the hub: (database URL, broker URL or none)."""
    if request.param == "embedded":
        return f"sqlite:///{tmp_path}/data/hub.db", None
    return str(request.getfixturevalue("postgres_url")), str(request.getfixturevalue("amqp_vhost"))


@pytest.fixture
def postgres_url(postgres_database: str) -> str:
    """The address of an empty PostgreSQL database."""
    plain = make_url(postgres_database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        tables = [row[0] for row in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
        for shelf in [name for name in tables if name.startswith("payload_")]:
            connection.execute(f'DROP TABLE "{shelf}"')
            tables.remove(shelf)
        if kept := [f'"{name}"' for name in tables if name != "alembic_version"]:
            connection.execute(f"TRUNCATE {', '.join(kept)} RESTART IDENTITY")
    return postgres_database


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'hub.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def open_store(database_url: str) -> Iterator[Callable[..., Store]]:
    """Opens the store of this test's database; closes it at the end."""
    opened: list[Store] = []

    def opening(**options: object) -> Store:
        opened.append(Store.open(database_url, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield opening
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: Callable[..., Store]) -> Store:
    """An empty store."""
    return open_store()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    """The address of a real S3 server of this run's own, on loopback, with the bucket ``hub``."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(300):
            try:
                with urllib.request.urlopen(urllib.request.Request(f"{url}/hub", method="PUT"), timeout=10):
                    break
            except OSError:
                assert server.poll() is None, "the S3 server ended"
                time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(20)
