"""The same answers on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def either(company: Path, database_url: str, monkeypatch: pytest.MonkeyPatch, tell: Callable[[str], None]) -> Path:
    monkeypatch.setenv("HUB_DATABASE_URL", database_url)
    tell(database_url)
    return company


def test_looking(hub, either):
    for key in ("1001", "#1001", "VALVE-10", "S00042", "gid://shopify/Order/1001", "ord-1"):
        traced = hub("trace", key, "--json").json
        assert [trace["message"]["id"] for trace in traced["traces"]] == [1], key
        assert traced["summary"]["records"][0]["known_as"]["erp"] == "S00042"
    assert [one["id"] for one in hub("messages", "--json").json["messages"]] == [2, 1]
    assert hub("deliveries", "--to", "erp", "--state", "done", "--json").json["deliveries"][0]["maybe_sent"] is False
    assert hub("records", "show", "1001", "--json").json["records"][0]["body"]["number"] == "#1001"
    assert hub("exceptions", "--json").json["exceptions"][0]["code"] == "MAP-LOOKUP"
    assert hub("status", "--json").json["conservation"]["holds"]
    assert hub("db", "status").code == 0
    for arguments in (
        ["trace", "1001", "--payloads"],
        ["messages"],
        ["deliveries"],
        ["records", "list"],
        ["exceptions"],
        ["status"],
    ):
        assert hub(*arguments).code == 0


def test_acting(hub, either):
    assert hub("exceptions", "release", "--code", "map-lookup", "--json").json == {"released": [1]}
    assert hub("exceptions", "release", "--code", "MAP-LOOKUP").code == 1
    assert hub("replay", "message", "1").code == 0
    assert hub("replay", "delivery", "1").code == 0
    assert hub("connections", "pause", "erp").code == 0
    assert hub("connections", "resume", "erp").code == 0
    assert hub("status", "--json").json["conservation"]["in_flight"] == 3


def test_doctor(hub, either):
    found = {one["area"]: one for one in hub("doctor", "--json").json["diagnoses"]}
    assert found["database"]["verdict"] == "ok"
    assert "all accounted for" in found["database"]["summary"]
