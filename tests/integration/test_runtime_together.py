"""Deliveries that go out together: one call for many, an outcome for each, and what is in doubt goes on by itself."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.errors import HubError, OutcomeUnknown, Rejected, RetryLater
from hub.project import load
from hub.runtime.hub import Hub
from hub.sdk.connector import FULL, Connector, ConnectorConfig, Manifest, Stream
from hub.sdk.plugins import load_connectors
from hub.sdk.records import DeliverResult, OutboundRecord, Page, RawMessage

INBOUND = """\
mapping: 1
from: bulk/variant
to: canonical/variant@1
key: "{{ src.sku }}"
output: {sku: "{{ src.sku }}", name: {und: "{{ src.title }}"}}
"""
OUTBOUND = """\
mapping: 1
from: canonical/variant@1
to: bulk/variant
output: {sku: "{{ src.sku }}", title: "{{ src.name.und }}"}
"""


class BulkConfig(ConnectorConfig):
    """A made-up system that takes many records in one call."""

    settle: float = 0.0


class BulkConnector(Connector[BulkConfig]):
    manifest = Manifest(
        "bulk", "test", "Bulk",
        streams={"variant": Stream("variant", "variant", poll=FULL, create=FULL, update=FULL, batch=20)},
    )  # fmt: skip
    Config = BulkConfig
    articles: ClassVar[list[str]]
    calls: ClassVar[list[list[str]]]
    single: ClassVar[list[str]]
    effects: ClassVar[Counter[str]]
    trouble: ClassVar[dict[str, Exception]]
    raises: ClassVar[list[Exception]]

    def poll(self, stream: str, cursor: Any, limit: int) -> Page:
        since = (cursor or {}).get("after", 0)
        rows = self.articles[since : since + limit]
        messages = [RawMessage("variant", sku, {"sku": sku, "title": f"Article {sku}"}, f"p:{sku}") for sku in rows]
        return Page(messages, {"after": since + len(rows)})

    def deliver_many(self, records: Sequence[OutboundRecord]) -> list[DeliverResult | HubError]:
        assert not any(record.maybe_sent for record in records)
        self.calls.append([record.data["sku"] for record in records])
        if self.raises:
            error = self.raises.pop(0)
            if isinstance(error, OutcomeUnknown):
                self.effects.update(record.data["sku"] for record in records)
            raise error
        return [self._one(record) for record in records]

    def _one(self, record: OutboundRecord) -> DeliverResult | HubError:
        sku = record.data["sku"]
        trouble = self.trouble.get(sku)
        if trouble is None or isinstance(trouble, OutcomeUnknown):
            self.effects[sku] += 1
        if isinstance(trouble, RetryLater):
            del self.trouble[sku]
        return DeliverResult(f"id-{sku}", "created") if trouble is None else trouble  # type: ignore[return-value]

    def find_effect(self, record: OutboundRecord) -> DeliverResult | None:
        sku = record.data["sku"]
        return DeliverResult(f"id-{sku}", "adopted") if self.effects[sku] else None

    def deliver(self, record: OutboundRecord) -> DeliverResult:
        self.single.append(record.data["sku"])
        self.effects[record.data["sku"]] += 1
        return DeliverResult(f"id-{record.data['sku']}", "created")


@pytest.fixture
def bulk() -> type[BulkConnector]:
    class Fresh(BulkConnector):
        articles: ClassVar[list[str]] = []
        calls: ClassVar[list[list[str]]] = []
        single: ClassVar[list[str]] = []
        effects: ClassVar[Counter[str]] = Counter()
        trouble: ClassVar[dict[str, Exception]] = {}
        raises: ClassVar[list[Exception]] = []

    return Fresh


@pytest.fixture
def hub(tmp_path: Path, bulk: type[BulkConnector], backend: Any) -> Iterator[Hub]:
    (tmp_path / "hub.yaml").write_text(
        "hub: 1\nname: bulky\nconnections:\n  src: {connector: bulk, poll: {variant: 1h}}\n"
        "  dst: {connector: bulk, config: {concurrency: 1}}\n"
    )
    for folder in ("flows", "mappings/bulk"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "flows" / "flows.yaml").write_text("- {flow: v, entity: variant, from: src, to: dst}\n")
    (tmp_path / "mappings" / "bulk" / "variant.to_canonical.yaml").write_text(INBOUND)
    (tmp_path / "mappings" / "bulk" / "variant.from_canonical.yaml").write_text(OUTBOUND)
    catalog = load_connectors()
    catalog.connectors["bulk"] = bulk
    catalog.dists["bulk"] = "test"
    hub = Hub(load(tmp_path, env={}, catalog=catalog, database=backend[0], broker=backend[1]), catalog, sweep=0.2)
    yield hub
    hub.stop(5)


def flow(hub: Hub, bulk: type[BulkConnector], count: int) -> None:
    """Let so many articles wait at the target, then let them go out."""
    hub.store.pause("dst", "PAUSED", "until all are there")
    bulk.articles += [f"S-{number:03}" for number in range(count)]
    hub.start()
    assert until(lambda: hub.store.in_flight().get("delivery.pending", 0) == count), hub.store.in_flight()
    hub.resume("dst")


def until(holds: Any, seconds: float = 40.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def done(hub: Hub) -> bool:
    return not hub.store.in_flight()


def test_many_go_out_in_few_calls_and_each_has_its_own_trace(hub: Hub, bulk: type[BulkConnector]) -> None:
    flow(hub, bulk, 60)
    assert until(lambda: done(hub))
    assert bulk.effects == Counter(bulk.articles)
    assert max(map(len, bulk.calls)) > 1
    assert len(bulk.calls) + len(bulk.single) < 30
    message = hub.store.find_messages(connection="src", limit=1)[0]
    (delivery,) = hub.store.trace(message["id"]).deliveries
    assert (delivery["state"], len(delivery["attempts"])) == ("done", 1)


def test_what_one_does_wrong_harms_no_other(hub: Hub, bulk: type[BulkConnector]) -> None:
    bulk.trouble.update({
        "S-003": Rejected("no", code="CON-REJECTED"),
        "S-005": RetryLater("later"),
        "S-007": OutcomeUnknown("who knows"),
        "S-009": ValueError("a bug"),
    })  # fmt: skip
    flow(hub, bulk, 20)
    assert until(lambda: done(hub))
    assert {one["code"] for one in hub.store.exceptions()} == {"CON-REJECTED", "HUB-BUG"}
    # What was in doubt was looked up, and not sent again.
    assert "S-007" not in bulk.single
    assert bulk.effects == Counter(set(bulk.articles) - {"S-003", "S-009"})


@pytest.mark.parametrize(
    "error", [OutcomeUnknown("the answer was lost"), RetryLater("down"), json.JSONDecodeError("x", "", 0)]
)
def test_an_error_stands_for_all_of_its_call(hub: Hub, bulk: type[BulkConnector], error: Exception) -> None:
    bulk.raises.append(error)
    flow(hub, bulk, 12)
    assert until(lambda: done(hub))
    if isinstance(error, (OutcomeUnknown, RetryLater)):
        assert bulk.effects == Counter(bulk.articles)
        assert hub.store.exceptions() == []
    else:
        assert {one["code"] for one in hub.store.exceptions()} == {"HUB-BUG"}
        assert len(hub.store.exceptions()) == len(bulk.calls[0])
