"""One record, eight workers at once, every second answer lost: what the shop has in the end is there once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Barrier
from typing import Any

import pytest

from connectors.shopify.connector import ShopifyConnector
from connectors.shopify.simulator import ShopifySimulator
from hub.errors import HubError, OutcomeUnknown, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.faults import Reset

WORKERS = 8
MUTATIONS = {
    "order": "orderCreate(",
    "product": "productSet(",
    "variant": "productSet(",
    "customer": "customerSet(",
    "inventory_level": "inventorySetQuantities(",
    "price": "quantityPricingByVariantUpdate(",
    "shipment": "fulfillmentCreate(",
    "return": "returnCreate(",
    "refund": "refundCreate(",
}


@pytest.mark.parametrize("stream", sorted(MUTATIONS))
def test_eight_workers_and_lost_answers_make_one(
    connect: Callable[..., ShopifyConnector], sim: ShopifySimulator, stream: str
) -> None:
    record = OutboundRecord(
        stream,
        "create",
        sim.sample_outbound(stream),
        "key-once",
        "hub-test-once",
        first_sent_at=sim.clock.now().isoformat(),
    )
    sim.faults.add("POST /admin", [Reset(after_effect=True), None] * 4, match=MUTATIONS[stream])
    start = Barrier(WORKERS)

    def work(number: int) -> DeliverResult | HubError:
        """One try, and after an unclear outcome what the hub does: look the effect up, and only then write again."""
        shop = connect(deadline=30)
        start.wait()
        outcome: Any = None
        for attempt in range(1, 6):
            again = replace(record, attempt=attempt, maybe_sent=attempt > 1)
            try:
                outcome = (shop.find_effect(again) if attempt > 1 else None) or shop.deliver(again)
                break
            except (OutcomeUnknown, RetryLater) as unclear:
                outcome = unclear
            except HubError as refused:
                return refused
        assert outcome is not None
        return outcome  # type: ignore[no-any-return]

    with ThreadPoolExecutor(WORKERS) as pool:
        told = list(pool.map(work, range(WORKERS)))
    done = [one for one in told if isinstance(one, DeliverResult)]
    assert done, told[:1]
    assert len({one.external_id for one in done}) == 1
    made = Counter(effect.kind for effect in sim.effects() if effect.verb == "create")
    assert made[f"{stream}.create"] <= 1, made
    if stream != "inventory_level":
        assert made[f"{stream}.create"] == 1
    refused = [one for one in told if isinstance(one, HubError)]
    assert not refused, refused[:1]
