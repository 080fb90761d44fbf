"""The simulated shop's tokens: for an hour with a refresh token that changes, or for a day by client credentials."""

from __future__ import annotations

import random
from typing import Any

from hub.sdk.testing.simulator import Response

HOUR, DAY = 3600.0, 86_400.0


class Tokens:
    """Gives out access tokens, and knows which are still good."""

    def __init__(self, clock: Any, dice: random.Random, secret: str) -> None:
        self._clock = clock
        self._dice = dice
        self._secret = secret
        self._ends: dict[str, float] = {}
        self.client_id = f"{dice.getrandbits(128):032x}"
        self.refresh_token = self._new("shprt")
        self._before = ""
        self.given = 0

    def good(self, token: str | None) -> bool:
        """Is this a token that has not run out?"""
        return token is not None and self._ends.get(token, 0.0) > self._clock.now().timestamp()

    def expire(self) -> None:
        """All tokens run out now."""
        self._ends.clear()

    def answer(self, form: dict[str, str]) -> Response:
        """The answer to a request for a token."""
        if form.get("client_id") != self.client_id or form.get("client_secret") != self._secret:
            return Response.json({"error": "invalid_client"}, 401)
        if form.get("grant_type") == "client_credentials":
            return Response.json(
                {"access_token": self._issue(DAY), "scope": "write_orders", "expires_in": int(DAY - 1)}
            )
        if form.get("grant_type") != "refresh_token":
            return Response.json({"error": "unsupported_grant_type"}, 400)
        # The refresh token before stays good until the one that took its place is used.
        if form.get("refresh_token") not in {self.refresh_token, self._before}:
            return Response.json(
                {"error": "invalid_request", "error_description": "The refresh token is not valid"}, 400
            )
        if form["refresh_token"] == self.refresh_token:
            self._before, self.refresh_token = self.refresh_token, self._new("shprt")
        body = {"access_token": self._issue(HOUR), "expires_in": int(HOUR), "refresh_token": self.refresh_token,
                "refresh_token_expires_in": 7_776_000, "scope": "write_orders"}  # fmt: skip
        return Response.json(body)

    def _issue(self, seconds: float) -> str:
        token = self._new("shpat")
        self._ends[token] = self._clock.now().timestamp() + seconds
        self.given += 1
        return token

    def _new(self, prefix: str) -> str:
        return f"{prefix}_{self._dice.getrandbits(128):032x}"
