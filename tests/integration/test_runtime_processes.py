"""Real processes of the command line, killed without warning: nothing is lost and nothing is doubled."""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request

import psycopg
import pytest

from hub.sdk.testing.faults import Delay, Timeout

SECRETS = {
    "WEBHOOK_SECRET": "webhook-simulator-key",
    "TARGET_TOKEN": "Bearer target-token-1234",
    "HUB_API_TOKEN": "api-token-12345",
}


class Process:
    """One `hub` command in a process group of its own."""

    def __init__(self, folder, *arguments, **environment):
        command = [sys.executable, "-m", "hub", *arguments, "--project", str(folder), "--log-level", "warning"]
        self.log = (folder / f"{arguments[0]}-{time.monotonic_ns()}.log").open("wb+")
        env = {**os.environ, **SECRETS, **environment, "NO_COLOR": "1", "COLUMNS": "200"}
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=self.log, env=env, start_new_session=True
        )

    def started(self):
        """Wait for the line that says it runs; returns what it says as JSON, where it was asked for JSON."""
        line = self.process.stdout.readline().decode()
        assert line.strip(), self.text()
        return json.loads(line) if line.startswith("{") else line

    def text(self):
        """What it wrote to standard error."""
        self.log.seek(0)
        return self.log.read().decode()

    def kill(self):
        """kill -9 of the process and of everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def end(self):
        """SIGTERM; returns the exit code and the seconds that it took."""
        began = time.monotonic()
        self.process.terminate()
        code = self.process.wait(20)
        return code, time.monotonic() - began

    def close(self):
        self.kill()
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def start(project_dir):
    running = []

    def make(*arguments, **environment):
        process = Process(project_dir, *arguments, **environment)
        running.append(process)
        return process

    yield make
    for process in reversed(running):
        process.close()


def _send(url, request, tries=1200):
    """Send as a shop does: until it is answered with 2xx."""
    for _ in range(tries):
        try:
            call = urllib.request.Request(
                f"{url}/webhooks/src", data=request.body, headers=dict(request.headers), method="POST"
            )
            with urllib.request.urlopen(call, timeout=5):
                return
        except (OSError, urllib.error.URLError):
            time.sleep(0.05)
    raise AssertionError("never accepted")


def _until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)
    return condition()


def _numbers(target):
    return sorted(effect.data["number"] for effect in target.effects("order") if effect.verb == "create")


def test_embedded_killed_in_the_middle_of_its_work(start, target, order_webhook, free_port):
    target.faults.add(on="POST /order", then=[Delay(0.05)] * 200)
    arguments = ("run", "--port", str(free_port))
    url = f"http://127.0.0.1:{free_port}"
    hub = start(*arguments)
    hub.started()
    for number in range(40):
        if number in {12, 26}:
            hub.kill()
            hub = start(*arguments)
        _send(url, order_webhook(number))
    assert _until(lambda: len(_numbers(target)) >= 40), hub.text()
    time.sleep(0.5)
    assert _numbers(target) == sorted(f"#{1000 + number}" for number in range(40))
    code, took = hub.end()
    assert code == 0
    assert took < 10
    assert "Traceback" not in hub.text()


def test_cluster_with_its_parts_killed(start, target, order_webhook, free_port, postgres_url, amqp_vhost):
    target.faults.add(on="POST /order", then=[Delay(0.02)] * 300)
    where = {"HUB_DATABASE_URL": postgres_url, "HUB_BROKER_URL": amqp_vhost}
    url = f"http://127.0.0.1:{free_port}"
    roles = {"web": ("web", "--port", str(free_port)), "relay": ("relay",), "worker": ("worker", "--processes", "2")}
    parts = {name: start(*arguments, **where) for name, arguments in roles.items()}
    parts["web"].started()
    kills = {10: "worker", 20: "relay", 30: "web", 40: "worker"}
    for number in range(60):
        if number in kills:
            name = kills[number]
            parts[name].kill()
            parts[name] = start(*roles[name], **where)
        _send(url, order_webhook(number))
    assert _until(lambda: len(_numbers(target)) >= 60, 90), "".join(part.text() for part in parts.values())
    time.sleep(0.5)
    assert _numbers(target) == sorted(f"#{1000 + number}" for number in range(60))
    for name, part in parts.items():
        code, took = part.end()
        assert code == 0, (name, part.text())
        assert took < 13
        assert "Traceback" not in part.text()


def test_supervised_workers_are_started_again(start, target, order_webhook, free_port, postgres_url, amqp_vhost):
    where = {"HUB_DATABASE_URL": postgres_url, "HUB_BROKER_URL": amqp_vhost}
    web, relay = start("web", "--port", str(free_port), **where), start("relay", **where)
    workers = start("worker", "--processes", "2", **where)
    web.started()
    relay.started()
    assert _until(lambda: len(_children(workers.process.pid)) == 2, 20)
    for child in _children(workers.process.pid):
        os.kill(child, signal.SIGKILL)
    _send(f"http://127.0.0.1:{free_port}", order_webhook(1))
    assert _until(lambda: _numbers(target) == ["#1001"], 60)
    assert _until(lambda: len(_children(workers.process.pid)) == 2, 20)


def _children(pid):
    found = subprocess.run(
        ["ps", "--no-headers", "-o", "pid", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [int(line) for line in found.stdout.split()]


@pytest.fixture
def free_port():
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def test_every_role_ends_within_ten_seconds_and_gives_its_leases_back_though_a_target_hangs(
    start, target, order_webhook, free_port, postgres_url, amqp_vhost, project_dir
):
    """SIGTERM while a call hangs: the order is not lost, not doubled, and free for the next worker long before its lease ends."""
    file = project_dir / "hub.yaml"
    file.write_text(file.read_text().replace("deadline: 5", "deadline: 40"))
    target.faults.add(on="POST /order", then=[Timeout(after_effect=True, seconds=60)])
    where = {"HUB_DATABASE_URL": postgres_url, "HUB_BROKER_URL": amqp_vhost}
    web = start("web", "--port", str(free_port), **where)
    parts = {"relay": start("relay", **where), "worker": start("worker", **where)}
    web.started()
    url = f"http://127.0.0.1:{free_port}"
    _send(url, order_webhook(1))
    assert _until(lambda: target.faults.hit, 60)
    for name, part in {**parts, "web": web}.items():
        code, took = part.end()
        assert (code, took < 10) == (0, True), (name, code, took, part.text())
        assert "Traceback" not in part.text()
    with psycopg.connect(postgres_url.replace("+psycopg", "")) as connection:
        assert connection.execute("SELECT count(*) FROM delivery WHERE state = 'leased'").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM message WHERE state = 'leased'").fetchone() == (0,)
    worker = start("worker", **where)
    assert _until(lambda: _done(postgres_url) == 1, 60), worker.text()
    assert _numbers(target) == ["#1001"]


def test_an_embedded_hub_ends_within_ten_seconds_though_a_target_hangs(
    start, target, order_webhook, free_port, project_dir
):
    """The same for the hub as one process: started again, it looks the effect up before anything is sent a second time."""
    file = project_dir / "hub.yaml"
    file.write_text(file.read_text().replace("deadline: 5", "deadline: 40"))
    target.faults.add(on="POST /order", then=[Timeout(after_effect=True, seconds=60)])
    database = project_dir / "data" / "stop.db"
    where = {"HUB_DATABASE_URL": f"sqlite:///{database}"}
    hub = start("run", "--port", str(free_port), **where)
    hub.started()
    _send(f"http://127.0.0.1:{free_port}", order_webhook(1))
    assert _until(lambda: target.faults.hit, 60)
    code, took = hub.end()
    assert (code, took < 10) == (0, True), (code, took, hub.text())
    assert "Traceback" not in hub.text()

    def states(kind):
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            return [row[0] for row in connection.execute(f"SELECT state FROM {kind}")]

    assert (states("message"), states("delivery")) == (["done"], ["pending"])
    hub = start("run", "--port", str(free_port), **where)
    assert _until(lambda: states("delivery") == ["done"], 60), hub.text()
    assert _numbers(target) == ["#1001"]


def _done(url):
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        return connection.execute("SELECT count(*) FROM delivery WHERE state = 'done'").fetchone()[0]
