"""A PostgreSQL and a RabbitMQ of the ring's own, on free ports of the loopback, in a folder that goes away: it kills and freezes them."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pika
import psycopg

STARTS_WITHIN = 60.0


class Unavailable(Exception):
    """What is needed is not on this machine; the text says what to install."""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Service:
    """A server process that can be killed and started again with its data."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, without waiting until it answers."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Does it?"""
        raise NotImplementedError

    @property
    def running(self) -> bool:
        """Is the process there?"""
        return self.process is not None and self.process.poll() is None

    def wait(self, seconds: float = STARTS_WITHIN) -> None:
        """Wait until it answers; start it again where it gave up."""
        until = time.monotonic() + seconds
        while not self.answers():
            if time.monotonic() > until:
                raise Unavailable(f"{type(self).__name__} does not start; its log is in {self.folder}")
            if not self.running:
                self.start()
            time.sleep(0.2)

    def kill(self) -> None:
        """kill -9 of the process and all of its group."""
        if self.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def _spawn(self, command: list[str], **options: object) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options
            )  # type: ignore[call-overload]


class Postgres(Service):
    """One PostgreSQL cluster. ``disk`` is the folder for its data: a small file system, where it shall run full."""

    def __init__(self, folder: Path, disk: Path) -> None:
        super().__init__(folder)
        self._bin = _postgres_programs()
        self._as: dict[str, object] = {}
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
            names = {entry.pw_name for entry in pwd.getpwall()}
            user = next(name for name in ("postgres", "nobody") if name in names)
            shutil.chown(folder, user)
            shutil.chown(disk, user)
            self._as = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
        self._data = disk / "data"
        init = [
            str(self._bin / "initdb"),
            "-D",
            str(self._data),
            "-U",
            "hub",
            "-A",
            "trust",
            "-E",
            "UTF8",
            "--locale=C",
            "-N",
        ]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, cwd=folder, **self._as)  # type: ignore[call-overload]

    def url(self, database: str) -> str:
        """The address as the hub writes it."""
        return f"postgresql+psycopg://hub@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start the postmaster."""
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": str(self.folder), "max_wal_size": "64MB",
            "min_wal_size": "32MB", "max_connections": 200, "shared_buffers": "64MB", "log_min_messages": "fatal",
        }  # fmt: skip
        arguments = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._spawn([str(self._bin / "postgres"), "-D", str(self._data), *arguments], cwd=self.folder, **self._as)

    def answers(self) -> bool:
        """Can one connect?"""
        try:
            self._connect("postgres").close()
        except psycopg.Error:
            return False
        return True

    def create(self, database: str) -> str:
        """A new database; returns its address."""
        with self._connect("postgres") as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def stop_immediately(self) -> None:
        """``pg_ctl stop -m immediate``: every process ends at once, and the next start recovers from the log."""
        if self.process is not None and self.running:
            self.process.send_signal(signal.SIGQUIT)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()

    def kill_backend(self) -> None:
        """kill -9 of one of its processes, upon which PostgreSQL ends all others and recovers."""
        if self.process is None:
            return
        listing = ["ps", "--no-headers", "-o", "pid,args", "--ppid", str(self.process.pid)]
        for line in subprocess.run(listing, capture_output=True, text=True, check=False).stdout.splitlines():
            pid, _, said = line.strip().partition(" ")
            if "127.0.0.1" in said:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
                return

    def _connect(self, database: str) -> psycopg.Connection:
        where = f"host=127.0.0.1 port={self.port} user=hub dbname={database} connect_timeout=3"
        return psycopg.connect(where, autocommit=True)


class Rabbit(Service):
    """One RabbitMQ node, with an Erlang port mapper of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._program = _rabbit_program()
        mapper, distribution = free_port(), free_port()
        (folder / "home").mkdir()
        (folder / "rabbitmq.conf").write_text(
            "log.console = false\ndisk_free_limit.absolute = 10MB\n", encoding="utf-8"
        )
        (folder / "plugins").write_text("[].\n", encoding="utf-8")
        self._environment = {
            "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "LANG": "C.UTF-8",
            "RABBITMQ_NODENAME": f"chaos{self.port}@localhost", "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port), "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"), "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONF_ENV_FILE": str(folder / "none"), "ERL_EPMD_PORT": str(mapper), "ERL_EPMD_ADDRESS": "127.0.0.1",
            # few scheduler threads that do not spin, since the machine has other work
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 2:2 +sbwt none +sbwtdcpu none +sbwtdio none",
        }  # fmt: skip
        with (folder / "log").open("ab") as log:
            self._mapper = subprocess.Popen(
                ["epmd", "-port", str(mapper), "-address", "127.0.0.1"], env=self._environment, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def url(self) -> str:
        """The address as the hub writes it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start the node."""
        self._spawn([self._program], env=self._environment, cwd=self.folder)

    def answers(self) -> bool:
        """Can one connect?"""
        try:
            self.connect().close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True

    def control(self, *command: str) -> None:
        """Run a command of ``rabbitmqctl`` on it."""
        program = str(Path(self._program).with_name("rabbitmqctl"))
        node = self._environment["RABBITMQ_NODENAME"]
        subprocess.run(
            [program, "--quiet", "-n", node, *command],
            check=True,
            timeout=60,
            env=self._environment,
            stdout=subprocess.DEVNULL,
        )

    def connect(self) -> pika.BlockingConnection:
        """A connection for the ring itself."""
        parameters = pika.URLParameters(f"{self.url}/%2F?socket_timeout=3&stack_timeout=5&blocked_connection_timeout=5")
        return pika.BlockingConnection(parameters)

    def close(self) -> None:
        """End the node and its port mapper."""
        self.kill()
        self._mapper.kill()
        self._mapper.wait()


class Disk:
    """A small file system that can be filled, where this process may mount one; else a plain folder, and ``why`` says so."""

    def __init__(self, folder: Path, megabytes: int | None) -> None:
        self.folder = folder
        self.why = ""
        self._ballast = folder / "ballast"
        folder.mkdir(parents=True)
        if megabytes is None:
            self.why = "not asked for"
            return
        if os.geteuid() != 0:
            self.why = "only root may mount a small file system"
            return
        command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            self.why = f"no small file system can be mounted here ({done.stderr.strip()})"

    def fill(self) -> None:
        """Leave not a byte."""
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(1 << 16))
        with self._ballast.open("ab", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(512))

    def free(self) -> None:
        """Give the space back."""
        self._ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount."""
        if not self.why:
            subprocess.run(["umount", "--lazy", str(self.folder)], check=False, capture_output=True)


@contextlib.contextmanager
def services(folder: Path, megabytes: int) -> Iterator[tuple[Postgres, Rabbit, Disk]]:
    """Both services, answering. Raises `Unavailable`."""
    _postgres_programs()
    _rabbit_program()
    with contextlib.ExitStack() as stack:
        for name in ("database", "broker"):
            (folder / name).mkdir()
        disk = Disk(folder / "disk", megabytes)
        stack.callback(disk.close)
        rabbit = Rabbit(folder / "broker")
        stack.callback(rabbit.close)
        rabbit.start()
        postgres = Postgres(folder / "database", disk.folder)
        postgres.start()
        stack.callback(postgres.kill)
        stack.callback(postgres.stop_immediately)
        postgres.wait()
        rabbit.wait()
        yield postgres, rabbit, disk


def _postgres_programs() -> Path:
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), *_path_of("initdb")):
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise Unavailable("PostgreSQL's server programs are not installed (Debian: apt install postgresql)")


def _rabbit_program() -> str:
    # Debian's own /usr/sbin/rabbitmq-server changes the user; the program that it wraps does not
    for program in sorted(Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*/sbin/rabbitmq-server"), reverse=True):
        return str(program)
    found = shutil.which("rabbitmq-server")
    if found is None or shutil.which("epmd") is None:
        raise Unavailable("RabbitMQ is not installed (Debian: apt install rabbitmq-server)")
    return found


def _path_of(program: str) -> Iterator[Path]:
    found = shutil.which(program)
    if found:
        yield Path(found).resolve().parent
