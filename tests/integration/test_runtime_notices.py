"""Notices: a webhook that carries only an id, and the hub reads the record before it translates it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from hub.errors import AuthFailed, RateLimited, Rejected, RetryLater
from hub.project import load
from hub.runtime.hub import Hub
from hub.sdk.connector import FULL, Connector, ConnectorConfig, Manifest, Stream
from hub.sdk.plugins import load_connectors
from hub.sdk.records import InboundRequest, RawMessage
from hub.sdk.webhooks import read_body

MAPPING = """\
mapping: 1
from: shelf/variant
to: canonical/variant@1
key: "{{ src.id }}"
output: {sku: "{{ src.sku }}", name: {und: "{{ src.title }}"}}
"""


class ShelfConfig(ConnectorConfig):
    """A made-up system that tells of changes by id alone."""


class ShelfConnector(Connector[ShelfConfig]):
    manifest = Manifest(
        "shelf",
        "test",
        "Shelf",
        streams={
            "variant": Stream("variant", "variant", fetch=FULL),
            "variant_notice": Stream("variant_notice", "variant", webhook=FULL, notice_of="variant"),
        },
    )
    Config = ShelfConfig
    articles: ClassVar[dict[str, dict[str, Any]]]
    trouble: ClassVar[list[Exception]]
    pause: ClassVar[float]
    reads: ClassVar[list[str]]

    def webhook(self, request: InboundRequest) -> Iterable[RawMessage]:
        said = read_body(request)
        return [RawMessage("variant_notice", said["id"], said, f"n:{said['event']}", topic="changed")]

    def fetch(self, stream: str, external_id: str) -> RawMessage | None:
        assert stream == "variant"
        self.reads.append(external_id)
        time.sleep(self.pause)
        if self.trouble:
            raise self.trouble.pop(0)
        found = self.articles.get(external_id)
        if found is None:
            return None
        return RawMessage("variant", external_id, found, f"f:{time.monotonic()}", source_version=found["version"])


@pytest.fixture
def shelf() -> type[ShelfConnector]:
    class Fresh(ShelfConnector):
        articles: ClassVar[dict[str, dict[str, Any]]] = {}
        trouble: ClassVar[list[Exception]] = []
        pause: ClassVar[float] = 0.0
        reads: ClassVar[list[str]] = []

    return Fresh


@pytest.fixture
def hub(project_dir: Path, shelf: type[ShelfConnector], backend: Any, target: Any) -> Iterator[Hub]:
    (project_dir / "hub.yaml").write_text(
        "hub: 1\nname: notices\nconnections:\n  shelf: {connector: shelf}\n"
        f"  dst: {{connector: webhook, config: {{url: '{target.url}'}}, allow_hosts: ['127.0.0.1']}}\n"
    )
    (project_dir / "flows" / "flows.yaml").write_text("- {flow: v, entity: variant, from: shelf, to: dst}\n")
    (project_dir / "mappings" / "shelf").mkdir(parents=True)
    (project_dir / "mappings" / "shelf" / "variant.to_canonical.yaml").write_text(MAPPING)
    catalog = load_connectors()
    catalog.connectors["shelf"] = shelf
    catalog.dists["shelf"] = "test"
    hub = Hub(load(project_dir, env={}, catalog=catalog, database=backend[0], broker=backend[1]), catalog, sweep=0.1)
    yield hub.start()
    hub.stop(5)


def article(shelf: type[ShelfConnector], name: str, version: str = "1") -> None:
    shelf.articles[name] = {"id": name, "sku": f"SKU-{name}", "title": f"Article {version}", "version": version}


def tell(hub: Hub, name: str, event: str = "1") -> int:
    body = f'{{"id": "{name}", "event": "{name}-{event}"}}'.encode()
    request = InboundRequest("POST", "/", {"content-type": "application/json"}, body)
    return hub.accept_webhook("shelf", request).ids[0]


def state(hub: Hub, message: int) -> tuple[str, str]:
    row = hub.store.trace(message).message
    return row["state"], row["reason"]


def until(holds: Any, seconds: float = 25.0) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.05)
    return False


def steps(hub: Hub, message: int) -> list[dict[str, Any]]:
    return [dict(step) for step in hub.store.trace(message).steps]


def test_the_record_is_read_and_goes_its_way(hub: Hub, shelf: type[ShelfConnector], target: Any) -> None:
    article(shelf, "a")
    message = tell(hub, "a")
    assert until(lambda: state(hub, message)[0] == "done")
    accepted, fetched, translated = steps(hub, message)[:3]
    assert [accepted["name"], fetched["name"], translated["name"]] == ["accept", "fetch", "translate"]
    assert (fetched["before"], fetched["after"]) == (accepted["after"], translated["before"])
    assert hub.drain(20)
    assert len(target.effects()) == 1


def test_the_newest_state_is_read_whatever_the_order_of_notices(hub: Hub, shelf: type[ShelfConnector]) -> None:
    shelf.pause = 0.6  # longer than a batch waits: the message is put back, and the answer is found at the next claim
    article(shelf, "a", "1")
    first = tell(hub, "a", "1")
    article(shelf, "a", "2")
    second = tell(hub, "a", "2")
    assert until(lambda: state(hub, second)[0] in {"done", "filtered"})
    assert state(hub, first)[0] == "done"
    assert state(hub, second) == ("filtered", "FLT-UNCHANGED")
    assert len(shelf.reads) == 2


def test_a_system_that_fails_is_asked_again(hub: Hub, shelf: type[ShelfConnector]) -> None:
    shelf.trouble += [RetryLater("down"), RateLimited("slow", after=0.5), ValueError("a bug of the connector")]
    article(shelf, "a")
    message = tell(hub, "a")
    assert until(lambda: state(hub, message)[0] == "exception")
    assert state(hub, message)[1] == "HUB-BUG"
    (open_one,) = hub.store.exceptions()
    hub.release(open_one["id"])
    assert until(lambda: state(hub, message)[0] == "done")
    assert [step["outcome"] for step in steps(hub, message) if step["name"] == "fetch"] == [
        "retry",
        "retry",
        "failed",
        "ok",
    ]


def test_a_refusal_stops_at_the_desk(hub: Hub, shelf: type[ShelfConnector]) -> None:
    shelf.trouble += [Rejected("may not be read", code="CON-REJECTED")]
    message = tell(hub, "a")
    assert until(lambda: state(hub, message) == ("exception", "CON-REJECTED"))


def test_what_is_not_there_is_waited_for_and_then_passed_over(
    hub: Hub, shelf: type[ShelfConnector], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hub.pipeline.notice.APPEARS_WITHIN", 1.5)
    gone, late = tell(hub, "gone"), tell(hub, "late")
    assert until(lambda: "late" in shelf.reads)
    article(shelf, "late")
    assert until(lambda: state(hub, late)[0] == "done")
    assert until(lambda: state(hub, gone) == ("filtered", "FLT-GONE"))
    ledger = hub.store.conservation()
    assert ledger.holds


def test_a_connection_without_rights_pauses_and_its_notices_wait(hub: Hub, shelf: type[ShelfConnector]) -> None:
    shelf.trouble += [AuthFailed("no")]
    article(shelf, "a")
    message = tell(hub, "a")
    assert until(lambda: hub.store.connection_states()["shelf"].paused)
    time.sleep(1.0)
    assert len(shelf.reads) == 1
    hub.resume("shelf")
    assert until(lambda: state(hub, message)[0] == "done")


def test_others_do_not_wait_for_a_slow_read(hub: Hub, shelf: type[ShelfConnector]) -> None:
    shelf.pause = 5.0
    article(shelf, "slow")
    slow = tell(hub, "slow")
    assert until(lambda: shelf.reads == ["slow"])
    shelf.pause = 0.0
    article(shelf, "quick")
    began = time.monotonic()
    quick = tell(hub, "quick")
    assert until(lambda: state(hub, quick)[0] == "done")
    assert time.monotonic() - began < 4.0
    assert until(lambda: state(hub, slow)[0] == "done")
    assert shelf.reads == ["slow", "quick"]
