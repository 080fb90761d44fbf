"""What is sent to the hub: orders that change, and shipments of them. Planned from a seed, so that both sides know every fact."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hub.sdk.webhooks import sign_hmac_base64

SECRET = "the-secret-of-the-chaos-ring"
_BEGIN = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Fact:
    """One webhook: the ``number``-th version of an order, or its ``number``-th shipment."""

    record: int
    kind: str
    number: int

    @property
    def name(self) -> str:
        """Unique; it is the event id too: ``order-17-2``."""
        return f"{self.kind}-{self.record}-{self.number}"


def plan(seed: int, messages: int) -> list[list[Fact]]:
    """The facts of each record, in the order in which its sender tells them."""
    rnd = random.Random(seed)
    records: list[list[Fact]] = []
    left = messages
    while left > 0:
        record = len(records)
        versions = rnd.choices((1, 2, 3, 5), (60, 22, 12, 6))[0]
        shipments = rnd.choices((0, 1, 2), (70, 20, 10))[0]
        rest = [Fact(record, "order", number) for number in range(2, versions + 1)]
        for number in range(1, shipments + 1):  # between the versions, in the order of their numbers
            rest.insert(rnd.randint(0, len(rest)), Fact(record, "shipment", number))
        ships = iter(sorted((fact for fact in rest if fact.kind == "shipment"), key=lambda fact: fact.number))
        facts = [Fact(record, "order", 1), *(next(ships) if fact.kind == "shipment" else fact for fact in rest)]
        records.append(facts[:left])
        left -= len(records[-1])
    return records


def shuffled(records: list[list[Fact]], rnd: random.Random, window: int = 12) -> Iterator[Fact]:
    """All facts, those of about a dozen records mixed at any time; each record's own stay in order."""
    waiting = [iter(facts) for facts in records]
    active: list[Iterator[Fact]] = []
    while waiting or active:
        while waiting and len(active) < window:
            active.append(waiting.pop(0))
        chosen = rnd.choice(active)
        fact = next(chosen, None)
        if fact is None:
            active.remove(chosen)
        else:
            yield fact


def request(fact: Fact) -> tuple[dict[str, str], bytes]:
    """The signed webhook: headers and body."""
    body = json.dumps(_order(fact) if fact.kind == "order" else _shipment(fact)).encode()
    stamp = str(int(time.time()))
    headers = {
        "content-type": "application/json",
        "x-timestamp": stamp,
        "x-topic": "orders/updated" if fact.kind == "order" else "shipments/create",
        "x-event-id": fact.name,
        "x-signature": sign_hmac_base64(SECRET, f"{stamp}.".encode() + body),
    }
    return headers, body


def _order(fact: Fact) -> dict[str, Any]:
    updated = (_BEGIN + timedelta(minutes=fact.number)).isoformat()
    return {
        "id": f"o{fact.record}", "name": f"#{fact.record}", "currency": "EUR", "created_at": _BEGIN.isoformat(),
        "updated_at": updated, "financial_status": "paid", "note": str(fact.number),
        "shipping_address": {"name": "Anna Meyer", "address1": "Hauptstr. 1", "zip": "10115", "city": "Berlin", "country_code": "DE"},
        "line_items": [{"id": 1, "sku": "SKU-1", "title": "A shirt", "quantity": 2, "price": "19.90"}],
        "total_tax": "6.36", "total_price": "39.80",
    }  # fmt: skip


def _shipment(fact: Fact) -> dict[str, Any]:
    return {
        "id": f"s{fact.record}-{fact.number}",
        "order_id": f"o{fact.record}",
        "number": f"{fact.record}-{fact.number}",
    }
