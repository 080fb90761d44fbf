"""Classes made of files: what they claim, what Python takes over, and webhooks."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from hub.errors import ConfigError, InputRefused, Rejected, Unauthenticated, Unsupported
from hub.sdk.connector import Support
from hub.sdk.declarative import DeclarativeConnector, load_file
from hub.sdk.jsonio import dump_json
from hub.sdk.records import DeliverResult, ExternalRef, InboundRequest, NaturalKey, OutboundRecord, Page
from hub.sdk.testing.simulator import Response
from hub.sdk.webhooks import sign_hmac_base64

from .conftest import HEAD, RowSimulator, at_door, described

MODULE = """
from hub.sdk.declarative import DeclarativeConnector
from hub.sdk.records import DeliverResult, ExternalRef, Page

class RowsConnector(DeclarativeConnector, file="rows.yaml"):
    def poll_row(self, cursor, limit):
        rows = [{"id": 5, "v": 2, "at": "2026-03-01T00:00:00Z"}]
        return Page([self.message("row", row) for row in rows], {"seen": 1})

    def find_row(self, key):
        return ExternalRef("5") if key.value == "five" else None

    def create_row(self, record):
        return DeliverResult("5", "created")

    def find_effect_row(self, record):
        return DeliverResult("5", "adopted")
"""
OWN = """
streams:
  row:
    entity: customer
    id: {field: id, kind: integer}
    version: v
    natural_key: email
    poll: python
    find: python
    create: python
    fetch: {get: "/rows/{id}"}
    delete: {not: "Rows are archived by hand."}
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A module with a connector's class, beside its file."""

    def make(source: str = MODULE, file: str = HEAD + OWN) -> Any:
        (tmp_path / "rows.yaml").write_text(file)
        (tmp_path / "own_rows.py").write_text(source)
        monkeypatch.syspath_prepend(str(tmp_path))
        monkeypatch.delitem(sys.modules, "own_rows", raising=False)
        import own_rows  # type: ignore[import-not-found]

        return own_rows.RowsConnector

    yield make
    sys.modules.pop("own_rows", None)


def record(operation: Any = "create", external_id: str | None = None) -> OutboundRecord:
    return OutboundRecord("row", operation, {}, "k", "m", external_id)


def test_python_takes_the_place_of_a_part(module) -> None:
    sim = RowSimulator()
    made = at_door(module(), sim)
    page: Page = made.poll("row", None, 10)
    assert (page.messages[0].external_id, page.messages[0].source_version) == ("5", f"{2:020d}")
    assert made.find("row", NaturalKey("email", "five")) == ExternalRef("5")
    assert made.deliver(record()) == DeliverResult("5", "created")
    assert made.find_effect(record()) == DeliverResult("5", "adopted")
    sim.put(5)
    fetched = made.fetch("row", "5")
    assert fetched is not None
    assert fetched.payload["id"] == 5, "the rest is as the file says"
    stream = made.manifest.streams["row"]
    assert stream.find.support is Support.FULL
    assert stream.natural_key == "email"
    assert stream.delete.reason == "Rows are archived by hand."
    with pytest.raises(Unsupported):
        made.deliver(record("delete", "5"))


def test_python_makes_requests_as_the_file_describes_them(module) -> None:
    sim = RowSimulator()
    made = at_door(module(), sim)
    sim.put(5)
    assert made.call({"get": "/rows/{id}"}, id=5).data["id"] == 5
    assert made.call({"get": "/rows/{id}"}, id=6).missing
    with pytest.raises(ConfigError, match=r"no \{number\}"):
        made.call({"get": "/rows/{number}"}, id=5)


def test_a_method_that_is_missing_is_named(module) -> None:
    with pytest.raises(ConfigError, match="leaves create of row to Python, and RowsConnector has no create_row"):
        module(MODULE.replace("def create_row", "def create_rows"))


def test_the_file_of_a_class_must_be_there(module) -> None:
    with pytest.raises(ConfigError) as caught:
        module(MODULE.replace("rows.yaml", "rowz.yaml"))
    assert caught.value.where == "rowz.yaml"


def test_settings_are_checked_and_described() -> None:
    head, _, tail = HEAD.partition("  token:")
    more = textwrap.dedent(
        """\
          company: {description: The company., pattern: "[0-9]{2}", default: "01"}
          mode: {kind: choice, choices: [live, test], default: test, description: Which.}
          most: {kind: integer, optional: true, description: How many.}
        """
    )
    text = f"{head}{textwrap.indent(more, '  ')}  token:{tail}rate: {{window: {{calls: 120, seconds: 60}}, concurrency: 2}}\nsettle: 90\n"
    cls = described('streams: {row: {entity: order, id: id, fetch: {get: "/rows/{id}"}}}\n', text)
    config = cls.Config.model_validate({"url": "https://x"})
    assert (config.rate, config.concurrency, config.settle) == (2.0, 2, 90)
    assert "t0ken" not in repr(config)
    for wrong in (
        {"url": "ftp://x"},
        {},
        {"url": "https://x", "company": "1"},
        {"url": "https://x", "mode": "prod"},
        {"url": "https://x", "compny": "01"},
    ):
        with pytest.raises(ValidationError):
            cls.Config.model_validate(wrong)
    schema = cls.Config.model_json_schema()
    assert schema["properties"]["company"]["description"] == "The company."


def test_check_says_what_it_finds() -> None:
    text = 'streams: {row: {entity: order, id: id, fetch: {get: "/rows/{id}"}}}\n'
    head = HEAD.replace(
        "check: {get: /ping}",
        'check: {get: /ping, must: {version: [2, 3]}, say: "{answer.name} answers", fix: Ask for version 2.}',
    )
    sim = RowSimulator()
    made = at_door(described(text, head), sim)
    sim.answers += [
        Response.json({"version": 3, "name": "Rows Ltd."}),
        Response.json({"version": 1}),
        Response.json({"version": 2}),
    ]
    first, second, third = made.check(), made.check(), made.check()
    assert (first.ok, first.summary) == (True, "Rows Ltd. answers")
    assert (second.ok, second.fix) == (False, "Ask for version 2.")
    assert (third.ok, third.summary) == (True, "Rows answers")
    sim.answers.append(Response(404))
    with pytest.raises(Rejected):
        made.check()


# --- webhooks

HOOK = """
streams:
  row: {entity: order, id: {field: id, kind: integer}, version: v, fetch: {get: "/rows/{id}"}}
  bare: {entity: customer, id: id, fetch: {get: "/bare/{id}"}}
webhook:
  signature: {kind: hmac_base64, header: X-Sign, secret: "{config.token}", prefix: "v1=", signed: time.body, time: X-Time}
  topic: {field: event, streams: {row.changed: row, row.gone: row, bare.changed: bare}, deleted: [row.gone]}
  row: data
  event: id
"""


def hook(
    made: DeclarativeConnector, body: Any, *, secret: str = "t0ken-of-rows", ago: int = 0, **headers: str
) -> InboundRequest:
    raw = body if isinstance(body, bytes) else dump_json(body)
    stamp = str(int(made.io.clock.now().timestamp()) - ago)
    sign = "v1=" + sign_hmac_base64(secret, f"{stamp}.".encode() + raw)
    return InboundRequest(
        "POST", "/", {"content-type": "application/json", "x-sign": sign, "x-time": stamp, **headers}, raw
    )


def test_a_webhook_is_the_same_fact_as_a_poll() -> None:
    made = at_door(described(HOOK), RowSimulator())
    row = {"id": 7, "v": 3}
    (told,) = made.webhook(hook(made, {"id": "e1", "event": "row.changed", "data": row}))
    assert told.stream == "row"
    assert told.dedupe_key == made.message("row", row).dedupe_key
    (gone,) = made.webhook(hook(made, {"id": "e2", "event": "row.gone", "data": row}))
    assert gone.deleted
    assert gone.dedupe_key != told.dedupe_key
    (bare,) = made.webhook(hook(made, {"id": "e3", "event": "bare.changed", "data": {"id": "a"}}))
    assert bare.dedupe_key == "webhook:bare.changed:e3", "a row without a version is known by the sender's event"


@pytest.mark.parametrize(
    ("change", "kind", "code"),
    [
        ({"secret": "another"}, Unauthenticated, "IN-UNAUTHENTICATED"),
        ({"ago": 4000}, Unauthenticated, "IN-TIMESTAMP"),
        ({"x-sign": "no prefix"}, Unauthenticated, "IN-UNAUTHENTICATED"),
        ({"body": {"id": "e"}}, InputRefused, "IN-TOPIC-MISSING"),
        ({"body": {"event": "row.other", "data": {}}}, InputRefused, "IN-TOPIC"),
        ({"body": {"event": "row.changed"}}, InputRefused, "IN-UNUSABLE"),
        ({"body": {"event": "row.changed", "data": [1]}}, InputRefused, "IN-UNUSABLE"),
        ({"body": {"event": "row.changed", "data": {"id": "7/../8"}}}, InputRefused, "IN-UNUSABLE"),
        ({"body": b"[]"}, InputRefused, "IN-NOT-AN-OBJECT"),
    ],
)
def test_webhooks_that_are_refused(change: dict[str, Any], kind: type[Exception], code: str) -> None:
    made = at_door(described(HOOK), RowSimulator())
    body = change.pop("body", {"event": "row.changed", "data": {"id": 7}})
    with pytest.raises(InputRefused) as caught:
        list(made.webhook(hook(made, body, **change)))
    assert isinstance(caught.value, kind)
    assert caught.value.code == code


def test_without_a_secret_no_webhook_is_taken() -> None:
    text = HOOK.replace("{config.token}", "{config.hook}")
    head = HEAD.replace("  token:", "  hook: {kind: secret, optional: true, description: The secret.}\n  token:")
    made = at_door(described(text, head), RowSimulator())
    with pytest.raises(Unauthenticated, match="no webhook secret"):
        list(made.webhook(hook(made, {}, secret="")))


def test_loading_a_good_file_gives_its_parts(tmp_path: Path) -> None:
    (tmp_path / "rows.yaml").write_text(HEAD + HOOK)
    assert set(load_file(tmp_path / "rows.yaml").streams) == {"row", "bare"}
