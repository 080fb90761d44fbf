"""Live and ready, for those who restart and route: of a receiver, and of a relay or a worker that answers nothing else."""

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from hub.api.server import WebServer


def _ask(url, path="/health/ready"):
    try:
        with urllib.request.urlopen(url + path, timeout=10) as answer:
            return answer.status, json.loads(answer.read()) if path != "/metrics" else answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read() or b"{}")


def test_ready_says_no_while_stopping(open_hub, backend):
    hub = open_hub(backend)
    with WebServer(hub) as server:
        assert _ask(server.url)[0] == 200
        hub.stopping = True
        assert _ask(server.url) == (503, {"status": "not ready", "code": "HUB-STOPPING"})
        assert _ask(server.url, "/health/live") == (200, {"status": "live"})


def test_ready_says_no_while_migrations_are_missing(open_hub, backend):
    hub = open_hub(backend)
    database = hub.store.database
    with WebServer(hub) as server:
        with database.write() as connection:
            before = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
            connection.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
        try:
            assert _ask(server.url) == (503, {"status": "not ready", "code": "STO-VERSION"})
        finally:
            with database.write() as connection:
                connection.execute(sa.text("UPDATE alembic_version SET version_num = :v"), {"v": before})
        assert _ask(server.url)[0] == 200


class Road:
    """The way to a server, over a port of its own, that can be closed and opened."""

    def __init__(self, host, port):
        self._to = (host, port)
        self._open: list[socket.socket] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.passable = True
        threading.Thread(target=self._take, daemon=True).start()

    def _take(self):
        while True:
            try:
                near, _ = self._listener.accept()
            except OSError:
                return
            if not self.passable:
                near.close()
                continue
            far = socket.create_connection(self._to)
            self._open += [near, far]
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(one, other), daemon=True).start()

    @staticmethod
    def _carry(one, other):
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                other.sendall(data)
        with contextlib.suppress(OSError):
            other.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.passable = False
        for one in self._open:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)

    def end(self):
        self.close()
        self._listener.close()
        for one in self._open:
            one.close()


@pytest.mark.postgres
@pytest.mark.parametrize("role", ["web", "relay", "worker"])
def test_ready_says_no_while_the_database_is_away(open_hub, postgres_url, amqp_vhost, role):
    url = make_url(postgres_url)
    road = Road(url.host, url.port or 5432)
    through = url.set(host="127.0.0.1", port=road.port).render_as_string(hide_password=False)
    hub = open_hub((through, amqp_vhost), role=role)
    try:
        with WebServer(hub, only_health=role != "web") as server:
            assert _ask(server.url)[0] == 200
            road.close()
            assert _ask(server.url) == (503, {"status": "not ready", "code": "STO-DOWN"})
            assert _ask(server.url, "/health/live")[0] == 200
            road.passable = True
            assert _ask(server.url)[0] == 200
            assert b"hub_conservation" in _ask(server.url, "/metrics")[1]
            assert _ask(server.url, "/api/messages")[0] == (404 if role != "web" else 401)
    finally:
        hub.stop(5)
        road.end()
