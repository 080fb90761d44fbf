"""OData says things about a row beside its data: etags, contexts, links. They are no part of what tells one fact from another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import connectors.example
from connectors.example.simulator import ExampleSimulator
from hub.documents import parse
from hub.sdk.declarative import DeclarativeConnector, connector_class
from hub.sdk.declarative.loading import checked
from hub.sdk.declarative.rows import fingerprint
from hub.sdk.testing.bench import Bench


def with_control_information(*, changed: bool) -> type[DeclarativeConnector]:
    """The Example ERP's items as the service gives them by itself: each row with its etag, a single one with a context as well."""
    text = (Path(connectors.example.__file__).parent / "example.yaml").read_text(encoding="utf-8")
    text = text.replace("headers: {Accept: application/json;odata.metadata=none}\n", "").replace(
        "    etag: {header: etag}\n", ""
    )
    text = text.replace("    delete: python\n", "")
    if not changed:
        text = text.replace("      changed: ModifiedAt\n", "")
    file, faults = checked(parse(text, file=Path("example.yaml"), name="example.yaml"))
    assert file is not None
    assert not faults
    return connector_class(file)


@pytest.mark.parametrize("changed", [True, False], ids=["read by time of change", "all read each time"])
def test_an_unchanged_record_is_the_same_fact_in_a_list_and_by_itself(changed: bool) -> None:
    with Bench(with_control_information(changed=changed), ExampleSimulator) as bench:
        (external_id,) = bench.sim.seed_records("variant", 1)
        (polled,), cursor = bench.drain("variant")
        fetched = bench.connector().fetch("variant", external_id)
        assert fetched is not None
        assert "@odata.context" in fetched.payload
        assert "@odata.context" not in polled.payload
        assert polled.dedupe_key.split(":")[-1] == fetched.dedupe_key.split(":")[-1]
        # What is young may come again: it is then the same fact.
        assert {one.dedupe_key for one in bench.drain("variant", cursor)[0]} <= {polled.dedupe_key}
        bench.sim.change("variant", external_id)
        again, _ = bench.drain("variant", cursor)
        assert len({one.dedupe_key for one in again} - {polled.dedupe_key}) == 1


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ({"Id": 1, "@odata.etag": "a", "Lines@odata.context": "b"}, {"Id": 1, "@odata.etag": "c"}, True),
        (
            {"Id": 1, "Lines": [{"No": 1, "@odata.etag": "a"}]},
            {"Id": 1, "Lines": [{"No": 1, "@odata.etag": "b"}]},
            True,
        ),
        (
            {"Id": 1, "Lines": [{"No": 1, "@odata.etag": "a"}]},
            {"Id": 1, "Lines": [{"No": 2, "@odata.etag": "a"}]},
            False,
        ),
        ({"Id": 1, "odata.etag": "a"}, {"Id": 1}, True),
        ({"Id": 1, "__metadata": {"etag": "a"}}, {"Id": 1, "__metadata": {"etag": "b"}}, True),
        ({"Id": 1, "note": "@odata.etag"}, {"Id": 1, "note": "@odata.other"}, False),
        ({"Id": 1, "@id": "a"}, {"Id": 1, "@id": "b"}, False),
    ],
)
def test_what_a_fingerprint_holds(one: Any, other: Any, same: bool) -> None:
    assert (fingerprint(one) == fingerprint(other)) is same
