"""Writes as a file describes them: what is sent, what comes of it, and how a repeat is recognised."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from hub.errors import Duplicate, OutcomeUnknown, Rejected, RetryLater, Unsupported
from hub.sdk.declarative import DeclarativeConnector
from hub.sdk.records import OutboundRecord
from hub.sdk.testing.simulator import Response

from .conftest import RowSimulator, at_door, described

STREAMS = """
errors:
- {status: 409, is: duplicate, id: existing}
streams:
  row:
    entity: customer
    id: {field: id, kind: integer}
    version: v
    etag: {header: etag}
    fetch: {get: "/rows/{id}"}
    create: {post: /rows, wrap: data.row, add: {reference: "{marker}", tag: "{record.none}"}, row: data.row, query: {by: "{connection}"}}
    update: {put: "/rows/{id}", whole: true, if_match: true}
    delete: {post: "/rows/{id}/archive", body: {reason: "of {installation}"}}
    once:
      header: Idempotency-Key
      keeps: 24
      look_up: {get: /rows, query: {ref: "{marker}"}, rows: rows, where: {reference: "{marker}"}}
  plain:
    entity: variant
    id: code
    create: {post: /plain, location: true, form: {name: "{record.name}"}}
    update: {patch: "/plain/{id}"}
    delete: {delete: "/plain/{id}"}
  keyed:
    entity: variant
    id: id
    create: {post: /keyed}
    once: {header: X-Key, keeps: 1}
"""


@pytest.fixture
def sim() -> RowSimulator:
    return RowSimulator()


@pytest.fixture
def made(sim: RowSimulator) -> DeclarativeConnector:
    return at_door(described(STREAMS), sim)


def record(
    stream: str = "row", operation: Any = "create", external_id: str | None = None, **data: Any
) -> OutboundRecord:
    given = data or {"name": "Anna"}
    return OutboundRecord(
        stream, operation, given, "key-1", "hub-test-1", external_id, first_sent_at="2026-03-01T00:00:00+00:00"
    )


def test_a_create_is_wrapped_marked_and_keyed(made: DeclarativeConnector, sim: RowSimulator) -> None:
    sim.answers.append(Response.json({"data": {"row": {"id": 7, "v": 3}}}, 201))
    result = made.deliver(record(name="Anna", lines=[{"sku": "1"}]))
    assert (result.external_id, result.applied, result.version) == ("7", "created", f"{3:020d}")
    sent = sim.seen[0]
    assert sent.json() == {"data": {"row": {"name": "Anna", "lines": [{"sku": "1"}], "reference": "hub-test-1"}}}
    assert sent.headers["idempotency-key"] == "key-1"
    assert sent.query == {"by": "test"}


@pytest.mark.parametrize(
    "answer", [Response.json({"ok": True}), Response.json({"data": {"row": {"id": None}}}), Response(204)]
)
def test_a_success_that_does_not_name_what_it_made_is_no_success(made, sim, answer: Response) -> None:
    sim.answers.append(answer)
    with pytest.raises(OutcomeUnknown, match="without the id"):
        made.deliver(record())


def test_an_id_from_the_header_location(made: DeclarativeConnector, sim: RowSimulator) -> None:
    for address, wanted in (
        ("/plain/15", "15"),
        ("http://x/Items('A-1')", "A-1"),
        ("/Items(15)/", "15"),
        ("/plain/a%2Fb", "a/b"),
    ):
        sim.answers.append(Response(201, {"location": address}))
        assert made.deliver(record("plain", name="x")).external_id == wanted
    assert sim.seen[0].body == b""
    sim.answers.append(Response(201))
    with pytest.raises(OutcomeUnknown):
        made.deliver(record("plain", name="x"))


def test_an_update_keeps_what_others_wrote(made: DeclarativeConnector, sim: RowSimulator) -> None:
    there = {"id": 7, "v": 3, "name": "Anna", "credit": "100"}
    sim.answers += [Response.json(there, headers={"etag": '"e3"'}), Response.json({**there, "v": 4})]
    result = made.deliver(record(operation="update", external_id="7", name="Berta"))
    assert (result.external_id, result.applied, result.version) == ("7", "updated", f"{4:020d}")
    sent = sim.seen[1]
    assert sent.json() == {"id": 7, "v": 3, "name": "Berta", "credit": "100"}
    assert sent.headers["if-match"] == '"e3"'


def test_an_update_that_another_overtook_is_made_again_later(made: DeclarativeConnector, sim: RowSimulator) -> None:
    sim.answers += [Response.json({"id": 7, "v": 3}, headers={"etag": '"e3"'}), Response(412)]
    with pytest.raises(RetryLater):
        made.deliver(record(operation="update", external_id="7"))


def test_an_update_of_what_is_gone(made: DeclarativeConnector, sim: RowSimulator) -> None:
    with pytest.raises(Rejected, match="not there any more"):
        made.deliver(record(operation="update", external_id="7"))
    with pytest.raises(Rejected, match="cannot be the id"):
        made.deliver(record(operation="update", external_id="../7"))
    with pytest.raises(Rejected, match="not known"):
        made.deliver(record(operation="update"))
    sim.answers.append(Response.json({"message": "gone"}, 404))
    with pytest.raises(Rejected, match="gone"):
        made.deliver(record("plain", "update", "A1"))


def test_an_upsert_updates_what_is_known_and_makes_the_rest(made: DeclarativeConnector, sim: RowSimulator) -> None:
    sim.answers.append(Response(200))
    assert made.deliver(record("plain", "upsert", "A/1")).applied == "updated"
    assert sim.seen[0].method == "PATCH"
    sim.answers.append(Response(201, {"location": "/plain/9"}))
    assert made.deliver(record("plain", "upsert", name="x")).applied == "created"


def test_deletions(made: DeclarativeConnector, sim: RowSimulator) -> None:
    sim.answers += [Response(204), Response.json({"error": "gone"}, 404), Response.json({"error": "gone"}, 410)]
    assert [made.deliver(record("plain", "delete", "A1")).applied for _ in range(3)] == [
        "deleted",
        "unchanged",
        "unchanged",
    ]
    assert made.deliver(record("plain", "delete")).applied == "unchanged"
    sim.answers.append(Response(200))
    assert made.deliver(record(operation="delete", external_id="7")).applied == "deleted"
    assert (sim.seen[-1].path, sim.seen[-1].json()) == ("/rows/7/archive", {"reason": "of hubtest"})


def test_a_duplicate_names_what_is_there(made: DeclarativeConnector, sim: RowSimulator) -> None:
    sim.answers.append(Response.json({"existing": 12}, 409))
    with pytest.raises(Duplicate) as caught:
        made.deliver(record())
    assert caught.value.external_id == "12"


def test_an_earlier_attempt_is_looked_up_by_its_marker(made: DeclarativeConnector, sim: RowSimulator) -> None:
    mine, other = {"id": 7, "v": 1, "reference": "hub-test-1"}, {"id": 8, "v": 1, "reference": "hub-test-10"}
    sim.answers += [Response.json({"rows": [other]}), Response.json({"rows": [other, mine]})]
    assert made.find_effect(record()) is None
    found = made.find_effect(record())
    assert found is not None
    assert (found.external_id, found.applied) == ("7", "adopted")
    assert sim.seen[0].query == {"ref": "hub-test-1"}
    sim.answers.append(Response.json({"rows": [mine, {**mine, "id": 9}]}))
    with pytest.raises(Rejected) as caught:
        made.find_effect(record())
    assert caught.value.code == "HUB-DUPLICATE"
    assert made.find_effect(record(operation="update", external_id="7")) is None
    assert made.find_effect(record(operation="delete", external_id="7")) is None


def test_an_idempotency_key_is_as_good_as_the_systems_memory(made: DeclarativeConnector, sim: RowSimulator) -> None:
    assert made.find_effect(record("keyed")) is None, "the same key may simply be sent again"
    sim.clock.advance(3700)
    with pytest.raises(Unsupported, match="forgotten"):
        made.find_effect(record("keyed"))
    late = (sim.clock.now() - timedelta(minutes=5)).isoformat()
    assert made.find_effect(replace(record("keyed"), first_sent_at=late)) is None
    with pytest.raises(Unsupported, match="neither"):
        made.find_effect(record("plain"))
    with pytest.raises(Unsupported):
        made.deliver(record("keyed", "update", "1"))
