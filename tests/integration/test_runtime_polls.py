"""Polling: the cursor moves with what it brought, faults show on the connection, and a paused connection is left alone."""

import dataclasses
import json
import time
from typing import ClassVar

import pytest
from pydantic import Field

from hub.api.server import WebServer
from hub.cli.main import main
from hub.cli.views import console
from hub.errors import AuthFailed, ConfigError, HubError, RateLimited, Unreachable
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
    overlap = 0

    def cursor_since(self, stream, moment):
        return {"after": moment.day - 1}

    def poll(self, stream, cursor, limit):
        type(self).polls += 1
        if self.trouble:
            raise self.trouble.pop(0)
        since = max(0, (cursor or {}).get("after", 0) - self.overlap)
        found = self.articles[since : since + self.config.page]
        messages = [
            RawMessage(
                "variant",
                str(number),
                {"id": number, "sku": f"S-{number}", "title": "x"},
                f"poll:{number}",
                deleted=number == 99,
            )
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


def test_what_lies_in_the_overlap_of_two_polls_is_absorbed(polling, shelf, target):
    """Vendors' times are coarse and late, so each poll begins a little before the last one ended."""
    shelf.articles, shelf.overlap = list(range(1, 6)), 2
    polling.start()
    _until(lambda: len(target.effects("variant")) == 5)
    for number in range(6, 9):
        shelf.articles.append(number)
        polls = shelf.polls
        assert polling.poll_now("shelf", "variant")
        _until(lambda: shelf.polls > polls and len(target.effects("variant")) == number)  # noqa: B023
    assert polling.drain(10)
    ledger = polling.store.conservation()
    assert ledger.in_ == 8
    assert ledger.duplicates > 0
    assert sorted(effect.data["sku"] for effect in target.effects("variant")) == [f"S-{n}" for n in range(1, 9)]


def _statuses(said):
    return {row["external_id"]: row["status"] for row in said["records"]}


def test_a_dry_run_shows_what_would_come_in_and_stores_nothing(polling, shelf):
    shelf.articles = [1, 2, 3, 4, 5]
    polling.reading.read("shelf", "variant", since="beginning", keep="src.id <= 2", dry_run=False)
    said = polling.reading.read("shelf", "variant", keep="src.id != 4")
    assert _statuses(said) == {"1": "known", "2": "known", "3": "new", "4": "left out", "5": "new"}
    assert (said["read"], said["new"], said["known"], said["left_out"], said["more"]) == (5, 2, 2, 1, False)
    assert polling.store.conservation().in_ == 2
    assert polling.store.cursor("shelf", "variant") is None
    assert "payload" not in said["records"][0]
    shown = polling.reading.read("shelf", "variant", since="2026-03-05", payloads=True)
    assert [json.loads(row["payload"])["sku"] for row in shown["records"]] == ["S-5"]


def test_reading_by_hand_takes_in_what_is_missing_and_leaves_the_position(polling, shelf, target):
    shelf.articles = list(range(1, 8))
    polling.start()
    _until(lambda: len(target.effects("variant")) == 7)
    assert polling.drain(10)
    cursor = polling.store.cursor("shelf", "variant")
    polling.scheduler.stop(5)
    shelf.articles[2:2] = [99, 100, 101]  # they were there all the time, and no poll told of them
    said = polling.reading.read("shelf", "variant", since="2026-03-02", dry_run=False, limit=4, keep="src.id != 100")
    assert _statuses(said) == {"2": "known", "99": "new", "100": "left out", "101": "new"}
    assert said["more"]
    _until(lambda: any(effect.data.get("sku") == "S-101" for effect in target.effects("variant")))
    assert polling.store.cursor("shelf", "variant") == cursor
    again = polling.reading.read("shelf", "variant", since="2026-03-02", dry_run=False, limit=4, keep="src.id != 100")
    assert again["new"] == 0


def test_reading_by_hand_says_what_is_wrong(polling, shelf):
    shelf.articles = [1]

    def code(*arguments, **how):
        with pytest.raises(HubError) as said:
            polling.reading.read(*arguments, **how)
        return said.value.code

    assert code("shelf", "order") == "CFG-STREAM"
    assert code("nobody", "variant") == "CFG-CONNECTION"
    assert code("shelf", "variant", since="yesterday") == "CLI-USAGE"
    assert code("shelf", "variant", keep="src.id >") == "CFG-FILTER"
    assert code("shelf", "variant", keep="src.nope == 1") == "CFG-FILTER"
    assert code("dst", "order") == "CFG-STREAM"
    with pytest.raises(ConfigError, match="src has no field 'nope'"):
        polling.reading.read("shelf", "variant", keep="src.nope == 1")
    polling.store.pause("shelf", "PAUSED", "")
    assert code("shelf", "variant") == "CON-PAUSED"
    assert shelf.polls == 2  # the two whose filter failed at a record, and no other
    assert polling.store.conservation().in_ == 0


def test_a_connection_that_the_project_pauses_is_not_read_by_hand(polling, shelf):
    """Also before any hub has run, and so has written the pause down."""
    polling.project.connections["shelf"] = dataclasses.replace(polling.project.connections["shelf"], paused=True)
    with pytest.raises(HubError, match=r"paused in hub\.yaml") as said:
        polling.reading.read("shelf", "variant")
    assert said.value.code == "CON-PAUSED"
    assert shelf.polls == 0


def _command(capsys, *arguments):
    console.fresh()
    capsys.readouterr()
    code = main(list(arguments))
    said = capsys.readouterr()
    console.fresh()
    return code, said.out, said.err


@pytest.mark.parametrize("running", [False, True])
def test_the_command_reads_directly_or_asks_the_running_hub(
    polling, shelf, project_dir, capsys, monkeypatch, running, tmp_path
):
    """Embedded, a running hub holds the database; the command then asks it over its REST API."""
    monkeypatch.setattr("hub.cli.opening.catalog", lambda: polling.catalog)
    monkeypatch.setenv("HUB_DATABASE_URL", polling.project.database)
    monkeypatch.setenv("HUB_API_TOKEN", "token-4711")
    shelf.articles = [1, 2, 3]
    here = ("shelf", "variant", "--project", str(project_dir))
    with WebServer(polling, token="token-4711") as server:
        file = project_dir / "hub.yaml"
        file.write_text(file.read_text() + f"listen: 127.0.0.1:{server.port}\n")
        if not running:
            polling.stop(5)
        code, text, error = _command(capsys, "poll", *here, "--dry-run", "--filter", "src.id > 1")
        assert code == 0, error
        assert "read 3: 2 would come in, 0 known before, 1 left out" in text
        code, text, error = _command(capsys, "poll", *here, "--since", "beginning", "--limit", "2", "--json")
        assert code == 0, error
        assert (json.loads(text)["new"], json.loads(text)["more"]) == (2, True)
        code, text, _ = _command(capsys, "poll", *here, "--dry-run")
        assert "1 would come in, 2 known before" in text
        code, _, error = _command(capsys, "poll", *here, "--since", "soon")
        asked = running and polling.project.database.startswith("sqlite")
        assert (code, "not a point in time" in error) == (1 if asked else 2, True)
        code, _, error = _command(capsys, "poll", "shelf", "varient", "--dry-run", "--project", str(project_dir))
        assert "Did you mean 'variant'?" in error
