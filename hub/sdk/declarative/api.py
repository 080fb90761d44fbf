"""One connection's way to its system: every request with its proof, at the system's pace, and every answer judged."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub.sdk.connector import ConnectorIO
from hub.sdk.declarative.answers import Answer, Judge
from hub.sdk.declarative.calls import Call
from hub.sdk.declarative.limits import Pace
from hub.sdk.declarative.proofs import Caller
from hub.sdk.declarative.templates import Scope


class Api:
    """Makes the requests of a connector."""

    def __init__(self, io: ConnectorIO, caller: Caller, judge: Judge, pace: Pace) -> None:
        self.io = io
        self._caller = caller
        self._judge = judge
        self._pace = pace

    def read(self, call: Call, scope: Scope, query: Mapping[str, Any] | None = None, url: str | None = None) -> Answer:
        """A request that has no effect."""
        return self._send(call.method, call.request(scope, query, url), effect=False)

    def write(self, call: Call, scope: Scope, *, json: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        """A request that writes. ``json`` is its body where the file gives none."""
        made = call.request(scope)
        if json is not None and "json" not in made and "data" not in made:
            made["json"] = json
        made["headers"].update(headers or {})
        return self._send(call.method, made, effect=True)

    def _send(self, method: str, made: dict[str, Any], *, effect: bool) -> Answer:
        self._pace.wait()
        response = self._caller.call(method, made.pop("url"), effect=effect, **made)
        self._pace.learn(response)
        return self._judge(response)
