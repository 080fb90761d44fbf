"""Looking at a store with a story in it: trace, lists, exceptions, records, status."""

from __future__ import annotations

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["1001"],
        ["#1001"],
        ["--order", "#1001"],
        ["--sku", "valve-10"],
        ["VALVE-10"],
        ["S00042"],
        ["ord-1"],
        ["gid://shopify/Order/1001"],
        ["--id", "1"],
    ],
)
def test_an_order_is_found_by_each_of_its_keys(hub, busy, arguments):
    said = hub("trace", *arguments, "--json")
    assert said.code == 0
    assert [trace["message"]["id"] for trace in said.json["traces"]] == [1]
    assert said.json["summary"]["records"][0]["known_as"] == {"erp": "S00042", "shop": "gid://shopify/Order/1001"}
    assert said.json["summary"]["state"] == "done"


def test_a_trace_for_a_person(hub, busy):
    said = hub("trace", "1001")
    for text in (
        "translate",
        "shopify/order.to_canonical.yaml",
        "orders-to-erp",
        "erp S00042",
        "attempt 1",
        "200",
        "absorbed",
    ):
        assert text in said.out
    assert "VALVE-10" not in said.out, "payloads only when they are asked for"


def test_payloads_and_http_are_shown_without_secrets(hub, busy):
    said = hub("trace", "1001", "--payloads", "--http")
    assert "VALVE-10" in said.out
    assert "client_order_ref" in said.out
    assert "authorization: ***" in said.out
    everything = said.out + hub("trace", "1001", "--json").out
    assert "canary" not in everything


def test_json_has_times_for_programs(hub, busy):
    message = hub("trace", "1001", "--json").json["traces"][0]["message"]
    assert message["received_at"].endswith("Z")
    assert message["deleted"] is False


def test_an_exception_says_why_and_what_to_do(hub, busy):
    said = hub("trace", "1002")
    assert "waits for a person: MAP-LOOKUP" in said.out
    assert "order.to_canonical.yaml:14" in said.out
    assert "hub exceptions release 1" in said.out


def test_an_unknown_key(hub, busy):
    said = hub("trace", "9999")
    assert said.code == 1
    assert "TRC-UNKNOWN" in said.err
    assert "hub poll" in said.err
    assert hub("trace", "--id", "77").code == 1


@pytest.mark.parametrize("arguments", [[], ["1001", "--sku", "X"], ["--id", "1", "--order", "1001"]])
def test_exactly_one_key(hub, busy, arguments):
    said = hub("trace", *arguments)
    assert said.code == 2
    assert "give one key" in said.err


def test_messages(hub, busy):
    assert [one["id"] for one in hub("messages", "--json").json["messages"]] == [2, 1]
    assert [one["id"] for one in hub("messages", "--state", "exception", "--json").json["messages"]] == [2]
    assert [one["id"] for one in hub("messages", "#1001", "--json").json["messages"]] == [1]
    assert hub("messages", "--connection", "erp", "--json").json["messages"] == []
    assert "no messages" in hub("messages", "--connection", "erp").out
    assert "MAP-LOOKUP" in hub("messages").out


def test_wrong_filters(hub, busy):
    assert "Did you mean 'exception'?" in hub("messages", "--state", "exeption").err
    assert "Did you mean 'shop'?" in hub("messages", "--connection", "shp").err
    assert "Did you mean 'pending'?" in hub("deliveries", "--state", "pendin").err
    assert "Did you mean 'order'?" in hub("records", "list", "--entity", "ordr").err


def test_deliveries(hub, busy):
    found = hub("deliveries", "--to", "erp", "--json").json["deliveries"]
    assert [(one["flow"], one["state"], one["target"]) for one in found] == [("orders-to-erp", "done", "erp")]
    assert hub("deliveries", "--state", "failed", "--json").json["deliveries"] == []
    assert "orders-to-erp" in hub("deliveries").out


def test_exceptions(hub, busy):
    found = hub("exceptions", "--json").json["exceptions"]
    assert found[0]["code"] == "MAP-LOOKUP"
    assert found[0]["owner"] == "analyst"
    assert found[0]["fix"].endswith("hub exceptions release 1")
    assert hub("exceptions", "list", "--json").json["exceptions"] == found
    shown = hub("exceptions").out
    assert "the SKU PUMP-9 is not in the lookup units" in shown
    assert "order 1002" in shown
    assert hub("exceptions", "list", "--state", "resolved", "--json").json["exceptions"] == []


def test_one_exception_with_its_trace(hub, busy):
    assert "translate" in hub("exceptions", "show", "1").out
    assert hub("exceptions", "show", "1", "--json").json["trace"]["message"]["id"] == 2
    assert "EXC-UNKNOWN" in hub("exceptions", "show", "99").err


@pytest.mark.parametrize("key", ["#1001", "1001", "ord-1", "S00042"])
def test_a_record_is_found_by_each_of_its_keys(hub, busy, key):
    record = hub("records", "show", key, "--json").json["records"][0]
    assert record["body"]["number"] == "#1001"
    assert {link["connection"] for link in record["links"]} == {"erp", "shop"}
    assert "S00042" in hub("records", "show", key).out


def test_records(hub, busy):
    assert [one["id"] for one in hub("records", "list", "--entity", "order", "--json").json["records"]] == ["ord-1"]
    assert "ord-1" in hub("records", "list").out
    assert "REC-UNKNOWN" in hub("records", "show", "nothing").err


def test_status_shows_that_nothing_is_missing(hub, busy):
    data = hub("status", "--json").json
    assert data["conservation"] == {
        "in": 2, "delivered": 1, "filtered": 0, "superseded": 0, "exceptions": 1, "in_flight": 0, "duplicates": 1, "holds": True,
    }  # fmt: skip
    assert data["open_exceptions"] == {"MAP-LOOKUP": 1}
    said = hub("status")
    assert "in 2 = delivered 1 + filtered 0 + superseded 0 + exceptions 1 + in flight 0" in said.out


def test_looking_changes_nothing_and_needs_no_lock(hub, busy):
    from hub.project import load
    from hub.store import Store

    held = Store.open(load(busy).database)
    try:
        assert hub("status").code == 0
        assert hub("trace", "1001").code == 0
    finally:
        held.close()


def test_before_the_first_start(hub, company):
    said = hub("status")
    assert said.code == 1
    assert "STO-ABSENT" in said.err


def test_a_database_that_does_not_answer(hub, company, monkeypatch):
    monkeypatch.setenv("HUB_DATABASE_URL", "postgresql+psycopg://hub:canary-pw@127.0.0.1:1/hub")
    said = hub("status")
    assert said.code == 1
    assert "STO-" in said.err
    assert "canary" not in said.err


def test_hostile_text_cannot_steer_the_terminal(hub, company):
    from hub.project import load
    from hub.store import NewMessage, Store

    store = Store.open(load(company).database)
    store.accept([NewMessage("shop", "order", "x\x1b[2J[bold]y[/bold]", "d", b"{}")])
    store.close()
    said = hub("messages")
    assert "\x1b" not in said.out
    assert "x\\x1b[2J[bold]y[/bold]" in said.out


def test_exceptions_with_one_cause_are_shown_and_released_together(hub, company):
    from hub.project import load
    from hub.store import Finished, NewMessage, Store, Trouble

    store = Store.open(load(company).database)
    for number in range(6):
        store.accept([NewMessage("shop", "order", f"o{number}", f"d{number}", b"{}")])
        claimed = store.claim_messages()[0]
        trouble = Trouble("MAP-LOOKUP", "the unit BOX is not in the lookup units")
        store.finish_messages([Finished(claimed.id, claimed.epoch, "exception", trouble.code, trouble=trouble)])
    store.close()
    shown = hub("exceptions").out
    assert "and 3 more like it: 4, 5, 6" in shown
    assert "hub exceptions release --code MAP-LOOKUP" in shown
    assert hub("exceptions", "release", "--code", "map-lookup", "--json").json == {"released": [1, 2, 3, 4, 5, 6]}
    assert hub("exceptions", "release").code == 2
    assert hub("exceptions", "resolve", "1", "--code", "X").code == 2


def test_repeated_steps_are_counted(hub, company):
    from hub.project import load
    from hub.store import NewMessage, Store

    store = Store.open(load(company).database)
    for _ in range(5):
        store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])
    store.close()
    assert "4 times" in hub("trace", "o1").out
