"""A system with one list of rows, which can be asked for in every way that the declarative connector knows."""

from __future__ import annotations

import functools
import textwrap
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from hub.documents import parse
from hub.sdk.declarative import DeclarativeConnector, connector_class
from hub.sdk.declarative.loading import checked
from hub.sdk.jsonio import dump_json
from hub.sdk.testing.io import make_io
from hub.sdk.testing.server import SimulatorServer
from hub.sdk.testing.simulator import Request, Response, SimClock, Simulator

HEAD = """\
connector: 1
name: rows
title: Rows
vendor: Rows
docs: none
settings:
  url: {kind: url, description: Where it is.}
  token: {kind: secret, default: t0ken-of-rows, description: The token.}
url: "{config.url}"
auth: {kind: token, token: "{config.token}"}
check: {get: /ping}
"""


@functools.cache
def described(text: str, head: str = HEAD) -> type[DeclarativeConnector]:
    """The class for a file's text; its faults are the test's."""
    document = parse(head + textwrap.dedent(text), file=Path("rows.yaml"), name="rows.yaml")
    file, faults = checked(document)
    assert not faults, [str(fault) for fault in faults]
    assert file is not None
    return connector_class(file)


class RowSimulator(Simulator):
    """Rows by id, each with a time of change. ``way`` says how its list is divided, ``order`` how it is sorted."""

    name = "rows"

    def __init__(
        self, way: str = "offset", order: str = "time", *, exclusive: bool = False, cap: int = 1000, resolution: int = 0
    ) -> None:
        super().__init__(clock=SimClock(datetime(2026, 3, 1, tzinfo=UTC)))
        self.clock.freeze()
        self.way, self.order, self.exclusive, self.cap, self.resolution = way, order, exclusive, cap, resolution
        self.rows: dict[int, dict[str, Any]] = {}
        self.serial = 0
        self.answers: list[Response] = []
        self.seen: list[Request] = []

    def connection_config(self, url: str) -> dict[str, Any]:
        return {"url": url}

    # what users do

    def put(self, number: int | None = None) -> int:
        """Make a row, or change one."""
        if number is None:
            self.serial += 1
            number = self.serial
        before = self.rows.pop(number, {"n": 0})
        at = self.clock.now()
        self.rows[number] = {"id": number, "n": before["n"] + 1, "at": at.isoformat()}
        return number

    def remove(self, number: int) -> None:
        self.rows.pop(number, None)

    # the API

    def respond(self, request: Request) -> Response:
        self.seen.append(request)
        if self.answers:
            return self.answers.pop(0)
        if request.path == "/ping":
            return Response.json({"ok": True})
        if request.path.startswith("/rows/"):
            row = self.rows.get(int(request.path[6:]))
            return Response.json(row) if row else Response.json({"message": "no such row"}, 404)
        return self._list(request.query)

    def _list(self, query: Mapping[str, str]) -> Response:
        rows = self._sorted()
        if "since" in query:
            since = datetime.fromisoformat(query["since"])
            later: Callable[[datetime], bool] = (lambda at: at > since) if self.exclusive else (lambda at: at >= since)
            rows = [row for row in rows if later(datetime.fromisoformat(row["at"]))]
        if "after_id" in query:
            mark = (query["after_time"], int(query["after_id"]))
            rows = [row for row in rows if (row["at"], row["id"]) > mark]
        size = min(int(query.get("limit", 1000)), self.cap)
        start = int(query.get("offset") or 0) + (int(query.get("page") or 1) - 1) * size + int(query.get("token") or 0)
        page = rows[start : start + size]
        more = start + size < len(rows)
        data: dict[str, Any] = {"rows": page, "meta": {"more": more, "total": len(rows)}}
        headers: dict[str, str] = {}
        if more and self.way == "token":
            data["meta"]["next"] = str(start + size)
        following = "/rows?" + urlencode({**query, "token": start + size})
        if more and self.way == "next_url":
            data["next"] = following
        if more and self.way == "link":
            headers["link"] = f'<{following}>; rel="next"'
        return Response.json(data, headers=headers)

    def _sorted(self) -> list[dict[str, Any]]:
        if self.order == "time":
            return sorted(self.rows.values(), key=lambda row: (row["at"], row["id"]))
        return sorted(self.rows.values(), key=lambda row: row["id"])


class Door:
    """Sends requests to a simulator without a socket."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator

    def call(self, method: str, url: str, *, effect: bool = False, **options: Any) -> Any:
        from hub.sdk.http import HttpResponse

        target = url.removeprefix("http://rows")
        if params := options.get("params"):
            target += ("&" if "?" in target else "?") + urlencode(params, doseq=True)
        body = dump_json(options["json"]) if "json" in options else b""
        answer = self.simulator.handle(Request.at(method, target, options.get("headers") or {}, body))
        return HttpResponse(answer.status, answer.headers, answer.body, url, effect)


def at_door(cls: type[DeclarativeConnector], simulator: Simulator, **config: Any) -> DeclarativeConnector:
    """A connector at the simulator's door."""
    io = make_io(clock=simulator.clock)
    made = cls(cls.Config.model_validate({"url": "http://rows", **config}), io)
    made.api._caller = Door(simulator)
    return made


@pytest.fixture
def rows() -> RowSimulator:
    return RowSimulator()


@pytest.fixture
def served(rows: RowSimulator) -> Iterator[SimulatorServer]:
    with rows.running() as server:
        yield server
        assert not server.errors
