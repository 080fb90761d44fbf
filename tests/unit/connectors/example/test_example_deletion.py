"""The operation that the Example ERP's file leaves to Python: an item is blocked with the etag that it has now."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from connectors.example import ExampleConnector
from connectors.example.simulator import ExampleSimulator
from hub.errors import Rejected, RetryLater
from hub.sdk.records import DeliverResult, OutboundRecord
from hub.sdk.testing.bench import Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    with Bench(ExampleConnector, ExampleSimulator) as made:
        yield made


def deletion(external_id: str | None) -> OutboundRecord:
    return OutboundRecord("variant", "delete", {}, "k", "m", external_id)


def test_it_blocks_once_and_is_read_as_a_deletion(bench: Bench) -> None:
    external_id = bench.sim.seed_records("variant", 1)[0]
    connector = bench.connector()
    assert connector.deliver(deletion(external_id)) == DeliverResult(external_id, "deleted")
    assert connector.find_effect(deletion(external_id)) is None
    assert connector.deliver(deletion(external_id)) == DeliverResult(external_id, "unchanged")
    assert [effect.kind for effect in bench.sim.effects()] == ["variant.delete"]
    messages, _ = bench.drain("variant")
    assert [(message.external_id, message.deleted) for message in messages] == [(external_id, True)]


def test_an_item_that_is_not_there_is_gone_already(bench: Bench) -> None:
    assert bench.connector().deliver(deletion("99")) == DeliverResult("99", "unchanged")
    for odd in (None, "", "../1", "1)/x"):
        with pytest.raises(Rejected):
            bench.connector().deliver(deletion(odd))


def test_a_change_between_the_two_requests_is_not_run_over(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    external_id = bench.sim.seed_records("variant", 1)[0]
    connector, answer = bench.connector(), bench.sim.respond

    def changed_before_the_block(request):
        if request.path.endswith("Example.Block"):
            bench.sim.change("variant", external_id)
        return answer(request)

    monkeypatch.setattr(bench.sim, "respond", changed_before_the_block)
    with pytest.raises(RetryLater):
        connector.deliver(deletion(external_id))
    assert bench.sim.effects() == []
