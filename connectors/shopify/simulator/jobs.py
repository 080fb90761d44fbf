"""What the simulated shop takes on at once and carries out a little later."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from connectors.shopify.simulator.graph import Resolver
from connectors.shopify.simulator.shop import Shop

Json = dict[str, Any]


class Jobs:
    """Jobs by their global id. Each is done ``takes`` seconds after it was begun: seen at the next request, in the order of beginning."""

    def __init__(self, shop: Shop, now: Callable[[], datetime]) -> None:
        self._shop = shop
        self._now = now
        self._jobs: dict[str, Json] = {}
        self.takes = 0.5

    def tables(self) -> dict[str, Resolver]:
        """The fields."""
        return {"QueryRoot.job": lambda _, __, id: self._jobs.get(id)}  # noqa: A006

    def begin(self, work: Callable[[], None]) -> Json:
        """Take work on."""
        gid = f"gid://shopify/Job/{self._shop.next_id()}"
        self._jobs[gid] = {
            "id": gid, "done": False, "work": work, "due": self._now() + timedelta(seconds=self.takes)
        }  # fmt: skip
        return {"id": gid, "done": False}

    def carry_out(self) -> None:
        """Do what is due."""
        for job in self._jobs.values():
            if not job["done"] and job["due"] <= self._now():
                job["done"] = True
                job["work"]()
