"""A faulty system at the other end, a process of its own: ``python -m tests.chaos.target``. Every effect is in its journal, on disk.

``keyed`` and ``ordered`` do the same idempotency key once; ``marker`` knows no keys, and can be asked for a marker.
What goes wrong with a call is drawn from a seed: see `Faults`. POST /calm ends all faults.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
import os
import random
import socket
import struct
import threading
import time
from collections import Counter, defaultdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclasses.dataclass(frozen=True)
class Faults:
    """The share of calls that go wrong in each way, and the times in seconds."""

    refused: float = 0.05
    """503, and nothing was done."""
    pace: float = 0.01
    """429 with Retry-After 1."""
    reset: float = 0.03
    """The connection is reset, and nothing was done."""
    hang: float = 0.004
    """No answer for longer than the caller waits, and nothing was done."""
    late: float = 0.03
    """The connection is reset, and the effect comes ``lateness`` seconds later."""
    lost_answer: float = 0.04
    """The effect is there, and the connection is reset."""
    failed_answer: float = 0.03
    """The effect is there, and the answer is 500."""
    hung_answer: float = 0.004
    """The effect is there, and no answer comes."""
    lookup: float = 0.03
    """A look-up is answered with 503."""
    lateness: float = 1.2
    hanging: float = 3.0
    slow: float = 0.01
    """Every call takes up to twice as long as this."""


CALM = Faults(0, 0, 0, 0, 0, 0, 0, 0, 0)


class Target:
    """What the system holds. All state is in memory; all effects are in the journal before they are answered."""

    def __init__(self, kind: str, journal: Path, faults: Faults, seed: int) -> None:
        self.kind = kind
        self.faults = faults
        self.rnd = random.Random(seed)
        self.lock = threading.Lock()
        self.struck: Counter[str] = Counter()
        self._journal = journal.open("ab", buffering=0)
        self._ids = itertools.count(1)
        self._answers: dict[str, dict[str, Any]] = {}
        self._by_marker: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)

    def drawn(self, *names: str) -> str:
        """Which of these faults strikes this call, if any."""
        with self.lock:
            chance = self.rnd.random()
            for name in names:
                chance -= getattr(self.faults, name)
                if chance < 0:
                    self.struck[name] += 1
                    return name
        return ""

    def apply(self, call: dict[str, Any], late: bool = False) -> dict[str, Any]:
        """The effect of a write, and its answer."""
        with self.lock:
            key = call["key"]
            if self.kind != "marker" and key in self._answers:
                self.struck["same key again"] += 1
                return self._answers[key]
            created = call["verb"] == "create"
            identity = f"{call['stream']}-{next(self._ids)}" if created else call["id"]
            answer = {"id": identity}
            if created:
                self._by_marker[f"{call['stream']} {call['marker']}"].append(answer)
            line = {**call, "id": identity, "late": late, "at": round(time.time(), 3)}
            self._journal.write(json.dumps(line).encode() + b"\n")
            os.fsync(self._journal.fileno())
            self._answers[key] = answer
            return answer

    def found(self, stream: str, marker: str) -> list[dict[str, Any]]:
        """The records with this marker."""
        with self.lock:
            return list(self._by_marker.get(f"{stream} {marker}", ()))


class Face(BaseHTTPRequestHandler):
    """The target's HTTP side."""

    protocol_version = "HTTP/1.1"
    target: Target

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        """A look-up by marker, or what struck so far."""
        parts = urlsplit(self.path)
        if parts.path == "/struck":
            return self._answer(200, dict(self.target.struck))
        if self.target.drawn("lookup"):
            return self._answer(503, {})
        marker = parse_qs(parts.query).get("marker", [""])[0]
        return self._answer(200, self.target.found(parts.path.strip("/"), marker))

    def do_PUT(self) -> None:
        """A change of a record."""
        self._write("update")

    def do_POST(self) -> None:
        """A new record."""
        if self.path == "/calm":
            self.target.faults = dataclasses.replace(CALM, slow=self.target.faults.slow)
            return self._answer(200, {})
        return self._write("create")

    def _write(self, verb: str) -> None:
        data = json.loads(self.rfile.read(int(self.headers["content-length"])))
        stream, _, identity = self.path.strip("/").partition("/")
        call = {
            "stream": stream, "verb": verb, "id": identity, "key": self.headers["idempotency-key"],
            "marker": self.headers["x-marker"], "number": data.get("number"), "note": data.get("note"),
        }  # fmt: skip
        target, faults = self.target, self.target.faults
        time.sleep(faults.slow * random.uniform(0, 2))
        match target.drawn("refused", "pace", "reset", "hang", "late"):
            case "refused":
                return self._answer(503, {})
            case "pace":
                return self._answer(429, {}, {"retry-after": "1"})
            case "reset":
                return self._reset()
            case "hang":
                time.sleep(faults.hanging)
                return self._reset()
            case "late":
                threading.Timer(faults.lateness, target.apply, (call, True)).start()
                return self._reset()
        answer = target.apply(call)
        match target.drawn("lost_answer", "failed_answer", "hung_answer"):
            case "lost_answer":
                return self._reset()
            case "failed_answer":
                return self._answer(500, {})
            case "hung_answer":
                time.sleep(faults.hanging)
                return self._reset()
        return self._answer(201 if verb == "create" else 200, answer)

    def _answer(self, status: int, data: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(data).encode()
        lines = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
        self.send_response_only(status)
        for name, value in lines.items():
            self.send_header(name, value)
        try:
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # the caller was killed, or gave up

    def _reset(self) -> None:
        # Linger 0 makes close() send RST instead of FIN.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class Server(ThreadingHTTPServer):
    """One thread a connection."""

    daemon_threads = True
    request_queue_size = 256

    def shutdown_request(self, request: Any) -> None:
        """Close at once: a polite goodbye before it would spoil a reset."""
        self.close_request(request)

    def handle_error(self, *_: object) -> None:
        """A connection that broke is nothing to speak of here."""


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--kind", choices=("keyed", "marker", "ordered"), required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--journal", type=Path, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--faults", type=json.loads, default={}, help="JSON: where they differ from the usual ones")
    given = parser.parse_args()
    Face.target = Target(given.kind, given.journal, dataclasses.replace(Faults(), **given.faults), given.seed)
    Server(("127.0.0.1", given.port), Face).serve_forever()


if __name__ == "__main__":
    main()
