"""Every webhook case of the corpus of bad inputs, over real sockets: the answer, the reason, and the effects at the target."""

import importlib.util
import json
import os
import pathlib
import sys
import threading

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPUS = pathlib.Path(os.environ.get("HUB_CORPUS", ROOT.parent / "shared" / "corpus"))
if not (CORPUS / "index.json").is_file():
    pytest.skip("the corpus is not here (HUB_CORPUS)", allow_module_level=True)

# The corpus' own sender leaves files for the collector to close.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]
CASES = {
    case["id"]: case
    for case in json.loads((CORPUS / "index.json").read_text())["cases"]
    if case["send"]["via"] == "webhook"
}
LAST = ("update-older-than-current", "echo-loop")
REASONS = {
    # the corpus' words, and the codes of hub/canonical/reasons.py that say the same
    "INVALID_CHARACTER": {"IN-INVALID-CHARACTER"},
    "NUMBER_OUT_OF_RANGE": {"IN-NUMBER-OUT-OF-RANGE"},
    "PRECISION": {"IN-PRECISION", "MAP-TYPE"},
    "UNKNOWN_TOPIC": {"IN-TOPIC"},
    "UNKNOWN_SKU": {"ITM-UNKNOWN", "XREF-MISSING"},
    "VALIDATION": {"IN-UNUSABLE", "MAP-MISSING", "MAP-TYPE", "MAP-ERROR", "SCH-INVALID"},
    "NEGATIVE_QUANTITY": {"MAP-ERROR"},
    "TOTAL_MISMATCH": {"AMT-TOTAL"},
    "INVALID_DATE": {"MAP-TYPE"},
    "FIELD_TOO_LONG": {"MAP-ERROR"},
    "UNKNOWN_COUNTRY": {"SCH-INVALID"},
}
for _case in CASES.values():
    _signed = _case["send"]["hmac"]
    if _signed.startswith("of:") and not (CORPUS / _signed[3:]).is_file():
        _case["send"]["hmac"] = "of:json/ok-baseline.json"  # any other body than its own
ENDINGS = {"STALE_VERSION": {"SEQ-STALE"}, "ECHO": {"FLT-ECHO", "FLT-UNCHANGED"}}
SHOP_MAPPING = """\
mapping: 1
description: The rig's shop writes local times without a zone, in Berlin.
from: webhook/order
to: canonical/order@1
extends: default
output:
  placed_at: "{{ src.created_at | datetime('Europe/Berlin') }}"
"""
TARGET_MAPPING = """\
mapping: 1
description: The rig's target knows articles by their SKU, and takes no order for one that it does not know.
from: canonical/order@1
to: webhook/order
output:
  $merge:
    - "{{ src }}"
    - articles:
        $for: line in src.lines
        $each: {$link: variant, natural: "{{ line.sku }}"}
"""


@pytest.fixture(scope="module")
def reference():
    """The corpus' own sender, with the header names of the generic connector."""
    sys.path.insert(0, str(CORPUS))
    spec = importlib.util.spec_from_file_location("corpus_send", CORPUS / "send.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.path.remove(str(CORPUS))
    module.H["connection"] = "src"
    return module


@pytest.fixture
def rig(project_dir, open_hub, target):
    """The hub behind its receiver, with SKU-1 known at the target."""
    from hub.api.limits import Limits
    from hub.api.server import WebServer

    mappings = project_dir / "mappings" / "webhook"
    mappings.mkdir(parents=True)
    (mappings / "order.to_canonical.yaml").write_text(SHOP_MAPPING)
    (mappings / "order.from_canonical.yaml").write_text(TARGET_MAPPING)
    with open_hub() as hub, WebServer(hub, limits=Limits(body_seconds=3.0)) as server:
        hub.url = server.url
        product = {"id": 77, "sku": "SKU-1", "title": "Blue shirt", "price": "19.90", "currency": "EUR", "stock": 5,
                   "description": "plain", "updated_at": "2026-01-01T00:00:00Z"}  # fmt: skip
        hub.accept_webhook("src", target.signed("products/update", json.dumps(product).encode()))
        assert hub.drain(10)
        assert [effect.data["sku"] for effect in target.effects("variant")] == ["SKU-1"]
        yield hub


def _answers(reference, base, case):
    secret = b"webhook-simulator-key"
    answers = []

    def send():
        try:
            answers.append(reference.send(base, case, secret))
        except Exception as error:
            answers.append(repr(error))

    repeat, width = case["send"].get("repeat", 1), case["send"].get("concurrency", 1)
    for start in range(0, repeat, width):
        threads = [threading.Thread(target=send) for _ in range(min(width, repeat - start))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return answers


def _number(reference, case):
    """The order number in the case's body, where it can be read at all."""
    _, body, _ = reference.build(case, b"x")
    try:
        return json.loads(body.decode("utf-8-sig"))["name"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def test_every_webhook_case_gets_its_class(rig, target, reference):
    wrong = []
    before = len(target.effects("variant"))
    order = [*(case for case in CASES if case not in LAST), *LAST]
    for name in order:
        case = CASES[name]
        answers = _answers(reference, rig.url, case)
        if not answers or any(answer not in case["expect"]["http"] for answer in answers):
            wrong.append(f"{name}: answered {sorted(set(map(str, answers)))}, expected {case['expect']['http']}")
    assert rig.drain(20), str(_open(rig))
    by_event = _by_event(rig)
    codes = {}
    for row in rig.store.exceptions(None, 1000):
        codes.setdefault(row["message_id"], set()).add(row["code"])
    made = [effect.data["number"] for effect in target.effects("order") if effect.verb == "create"]
    for name in order:
        case = CASES[name]
        wrong += [f"{name}: {fault}" for fault in _faults(case, by_event, codes, made, _number(reference, case))]
    assert len(target.effects("variant")) == before, "a stale update or an echo reached the target"
    assert not wrong, "\n".join(wrong)
    ledger = rig.store.conservation()
    assert ledger.holds
    assert ledger.in_flight == 0
    assert len(CASES) == 103


def _open(hub):
    """What is still under way, for the message of a failure."""
    with hub.store.database.read() as connection:
        statement = "SELECT d.*, m.dedupe_key FROM delivery AS d JOIN message AS m ON m.id = d.message_id WHERE d.state = 'pending'"
        return [dict(row._mapping) for row in hub.store.database.rows(connection, statement)], hub.overview()


def _by_event(hub):
    """Messages by event id. A refused body has none: it is kept under its own hash."""
    with hub.store.database.read() as connection:
        rows = hub.store.database.rows(connection, "SELECT id, dedupe_key, state, reason, duplicates FROM message")
    return {row.dedupe_key.rpartition(":")[2]: row for row in rows}


def _faults(case, by_event, codes, made, number):
    import hashlib

    expect, event = case["expect"], case["send"]["event_id"]
    row = by_event.get(event)
    if row is None and case["file"]:
        row = by_event.get(hashlib.sha256(b"/\0" + (CORPUS / case["file"]).read_bytes()).hexdigest())
    match expect["class"]:
        case "rejected":
            if row is not None:
                yield f"something was stored: {row.state}"
        case "accepted":
            if made.count(number) != 1:
                yield f"{made.count(number)} effects for {number}, {codes.get(row.id) if row else 'not stored'}"
        case "quarantined":
            if row is None:
                yield "nothing was kept"
            elif not codes.get(row.id, set()) & REASONS[expect["reason"]]:
                yield f"{codes.get(row.id)} instead of {expect['reason']} ({row.state} {row.reason})"
            elif number is not None and number in made:
                yield "an effect at the target"
        case "accepted_duplicate":
            if case["send"].get("repeat"):
                if row is None or row.duplicates != case["send"]["repeat"] - 1 or made.count(number) != 1:
                    yield f"{made.count(number)} effects, {row and row.duplicates} duplicates"
            elif row is None or row.reason not in ENDINGS[expect["reason"]]:
                yield f"ended as {row and (row.state, row.reason)}"


def test_two_hundred_slow_senders_do_not_stop_a_webhook(rig, target, reference, order_webhook):
    import socket
    import time
    import urllib.request
    from urllib.parse import urlsplit

    where = urlsplit(rig.url)
    slow = []
    for _ in range(200):
        connection = socket.create_connection((where.hostname, where.port), 5)
        connection.sendall(
            b"POST /webhooks/src HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 500\r\n\r\n{"
        )
        slow.append(connection)
    request = order_webhook(1)
    call = urllib.request.Request(
        f"{rig.url}/webhooks/src", data=request.body, headers=dict(request.headers), method="POST"
    )
    began = time.perf_counter()
    with urllib.request.urlopen(call, timeout=5) as answer:
        assert answer.status == 200
    assert time.perf_counter() - began < 2
    answers = []
    for connection in slow:
        connection.settimeout(10)
        answers.append(connection.recv(4096).split(b" ", 2)[1])
        connection.close()
    assert set(answers) == {b"408"}
