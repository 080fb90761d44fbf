"""Polling: the cursor moves with what it brought, faults show on the connection, and a paused connection is left alone."""

import time
from typing import ClassVar

import pytest
from pydantic import Field

from hub.errors import AuthFailed, RateLimited, Unreachable
from hub.project import load
from hub.runtime.hub import Hub
from hub.sdk.connector import FULL, Connector, ConnectorConfig, Manifest, Stream
from hub.sdk.plugins import load_connectors
from hub.sdk.records import Page, RawMessage


class ShelfConfig(ConnectorConfig):
    """A made-up system, read by polling alone."""

    page: int = Field(default=3)


class ShelfConnector(Connector[ShelfConfig]):
    """Lists articles by a growing number. Errors put into ``trouble`` are raised by the next polls."""

    manifest = Manifest("shelf", "test", "Shelf", streams={"variant": Stream("variant", "variant", poll=FULL)})
    Config = ShelfConfig
    articles: ClassVar[list] = []
    trouble: ClassVar[list] = []
    polls = 0

    def poll(self, stream, cursor, limit):
        type(self).polls += 1
        if self.trouble:
            raise self.trouble.pop(0)
        since = (cursor or {}).get("after", 0)
        found = self.articles[since : since + self.config.page]
        messages = [
            RawMessage("variant", str(number), {"id": number, "sku": f"S-{number}", "title": "x"}, f"poll:{number}")
            for number in found
        ]
        return Page(messages, {"after": since + len(found)}, more=since + len(found) < len(self.articles))


MAPPING = """\
mapping: 1
from: shelf/variant
to: canonical/variant@1
key: "{{ src.id | text }}"
output: {sku: "{{ src.sku }}", name: {und: "{{ src.title }}"}}
"""


@pytest.fixture
def shelf():
    class Fresh(ShelfConnector):
        articles: ClassVar[list] = []
        trouble: ClassVar[list] = []
        polls = 0

    return Fresh


@pytest.fixture
def polling(project_dir, tmp_path, shelf, backend):
    (project_dir / "hub.yaml").write_text(
        "hub: 1\nname: polls\nconnections:\n"
        "  shelf: {connector: shelf, poll: {variant: 1s}}\n"
        f"  dst: {{connector: webhook, config: {{url: '{_url(project_dir)}'}}, allow_hosts: ['127.0.0.1']}}\n"
    )
    (project_dir / "flows" / "flows.yaml").write_text("- {flow: v, entity: variant, from: shelf, to: dst}\n")
    folder = project_dir / "mappings" / "shelf"
    folder.mkdir(parents=True)
    (folder / "variant.to_canonical.yaml").write_text(MAPPING)
    catalog = load_connectors()
    catalog.connectors["shelf"] = shelf
    catalog.dists["shelf"] = "test"
    project = load(project_dir, env={}, catalog=catalog, database=backend[0], broker=backend[1])
    hub = Hub(project, catalog, sweep=0.2)
    yield hub
    hub.stop(5)


def _url(folder):
    import re

    return re.search(r'url: "([^"]+)"', (folder / "hub.yaml").read_text())[1]


def _until(condition, seconds=15):
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.02)
    assert condition()


def test_pages_come_in_and_the_cursor_moves_with_them(polling, shelf, target):
    shelf.articles = list(range(1, 9))
    polling.start()
    _until(lambda: len(target.effects("variant")) == 8)
    assert polling.store.cursor("shelf", "variant") == {"after": 8}
    assert {effect.data["sku"] for effect in target.effects("variant")} == {f"S-{n}" for n in range(1, 9)}
    shelf.articles.append(9)
    assert polling.poll_now("shelf", "variant")
    _until(lambda: len(target.effects("variant")) == 9)
    assert polling.drain(10)
    assert polling.store.conservation().in_ == 9


def test_an_unreachable_system_is_asked_again_ever_more_rarely(polling, shelf, target):
    shelf.articles = [1]
    shelf.trouble = [Unreachable("down"), Unreachable("down")]
    polling.start()
    _until(lambda: len(target.effects("variant")) == 1)
    assert shelf.polls == 3
    assert polling.store.connection_states()["shelf"].failures == 0


def test_wrong_credentials_pause_the_connection(polling, shelf, target):
    shelf.articles = [1]
    shelf.trouble = [AuthFailed("no")]
    polling.start()
    _until(lambda: polling.store.connection_states()["shelf"].paused)
    polls = shelf.polls
    time.sleep(1.5)
    assert shelf.polls == polls
    assert polling.store.connection_states()["shelf"].pause_code == "CON-AUTH"
    polling.resume("shelf")
    assert polling.poll_now("shelf", "variant")
    _until(lambda: len(target.effects("variant")) == 1)


def test_a_named_pace_silences_the_connection(polling, shelf):
    shelf.trouble = [RateLimited("slow", after=30)]
    polling.start()
    _until(lambda: polling.store.connection_states()["shelf"].rate_until is not None)
    polls = shelf.polls
    polling.poll_now("shelf", "variant")
    time.sleep(0.8)
    assert shelf.polls == polls
