"""Change polling loses nothing to Odoo's clock, and repeats little."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from connectors.odoo import OdooConnector
from connectors.odoo.simulator import OdooSimulator
from hub.sdk.records import Cursor, RawMessage
from hub.sdk.testing.io import make_io


class Watch:
    """A clock that stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.at = datetime(2026, 11, 21, 2, 17, 6, 100_000, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def sleep(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def sim(watch: Watch) -> OdooSimulator:
    return OdooSimulator(clock=watch)


@pytest.fixture
def odoo(sim: OdooSimulator, watch: Watch) -> Iterator[OdooConnector]:
    with sim.serve() as server:
        config = OdooConnector.Config(**sim.connection_config(server.url), overlap=10)
        yield OdooConnector(config, make_io(clock=watch))
        assert server.errors == []


def drain(odoo: OdooConnector, stream: str, cursor: Cursor | None, limit: int = 10) -> tuple[list[RawMessage], Cursor]:
    messages: list[RawMessage] = []
    for _ in range(200):
        page = odoo.poll(stream, cursor, limit)
        messages += page.messages
        cursor = page.cursor
        if not page.more:
            return messages, cursor
    raise AssertionError("the poll never ends")


def skus(messages: list[RawMessage]) -> list[str]:
    return [m.payload["default_code"] for m in messages if str(m.payload["default_code"]).startswith("SKU")]


def test_a_change_later_in_the_same_second_is_found(sim: OdooSimulator, odoo: OdooConnector, watch: Watch) -> None:
    sim.add_product("SKU-1", "One", 1)
    _, cursor = drain(odoo, "variant", None)
    watch.at += timedelta(milliseconds=600)  # still 02:17:06 for everyone who asks Odoo
    sim.add_product("SKU-2", "Two", 2)
    with sim.work() as env:
        env["product.product"].change(sim.product("SKU-1"), {"list_price": 9})
    again, cursor = drain(odoo, "variant", cursor)
    assert sorted(skus(again)) == ["SKU-1", "SKU-2"]
    assert drain(odoo, "variant", cursor)[0] == []


def test_two_states_within_one_second_are_two_facts(sim: OdooSimulator, odoo: OdooConnector) -> None:
    sim.add_product("SKU-1", "One", 1)
    first, cursor = drain(odoo, "variant", None)
    with sim.work() as env:
        env["product.product"].change(sim.product("SKU-1"), {"list_price": 9})
    second, _ = drain(odoo, "variant", cursor)
    keys = {m.dedupe_key for m in [*first, *second] if m.payload["default_code"] == "SKU-1"}
    assert len(keys) == 2


def test_reading_the_same_state_again_gives_the_same_dedupe_key(sim: OdooSimulator, odoo: OdooConnector) -> None:
    sim.add_product("SKU-1", "One", 1)
    first, _ = drain(odoo, "variant", None)
    second, _ = drain(odoo, "variant", None)
    assert [m.dedupe_key for m in first] == [m.dedupe_key for m in second]


def test_more_records_than_a_page_in_one_second_all_come(sim: OdooSimulator, odoo: OdooConnector, watch: Watch) -> None:
    with sim.work():
        for number in range(57):
            sim.add_product(f"SKU-{number:02d}", "x", 1)
    watch.at += timedelta(seconds=1)
    sim.add_product("SKU-99", "after", 1)
    messages, cursor = drain(odoo, "variant", None, limit=10)
    assert set(skus(messages)) == {f"SKU-{number:02d}" for number in [*range(57), 99]}
    assert drain(odoo, "variant", cursor)[0] == []


def test_a_long_transaction_that_shows_its_old_stamp_late_is_found(
    sim: OdooSimulator, odoo: OdooConnector, watch: Watch
) -> None:
    began = watch.at
    watch.at += timedelta(seconds=5)
    sim.add_product("SKU-NEW", "committed first", 1)
    _, cursor = drain(odoo, "variant", None)
    sim.add_product("SKU-LATE", "committed later, stamped earlier", 1)
    with sim.lock:
        sim.product("SKU-LATE")["write_date"] = began
    late, _ = drain(odoo, "variant", cursor)
    assert skus(late) == ["SKU-LATE"]


def test_a_record_changed_while_pages_are_read_is_not_skipped(
    sim: OdooSimulator, odoo: OdooConnector, watch: Watch
) -> None:
    for number in range(12):
        watch.at += timedelta(seconds=1)
        sim.add_product(f"SKU-{number:02d}", "x", 1)
    page = odoo.poll("variant", None, 5)
    watch.at += timedelta(seconds=1)
    with sim.work() as env:  # it jumps from the unread part to the end
        env["product.product"].change(sim.product("SKU-08"), {"list_price": 7})
    rest, _ = drain(odoo, "variant", page.cursor, limit=5)
    assert set(skus([*page.messages, *rest])) == {f"SKU-{number:02d}" for number in range(12)}
    assert any(m.payload["lst_price"] == 7 for m in rest)


def test_a_stamp_from_the_future_does_not_carry_the_walk_past_the_present(
    sim: OdooSimulator, odoo: OdooConnector, watch: Watch
) -> None:
    sim.add_product("SKU-1", "restored from a server whose clock was wrong", 1)
    with sim.lock:
        sim.product("SKU-1")["write_date"] = watch.at + timedelta(days=400)
    _, cursor = drain(odoo, "variant", None)
    watch.at += timedelta(seconds=1)
    sim.add_product("SKU-2", "Two", 2)
    later, _ = drain(odoo, "variant", cursor)
    assert "SKU-2" in skus(later)


def test_archived_products_are_read_too(sim: OdooSimulator, odoo: OdooConnector, watch: Watch) -> None:
    sim.add_product("SKU-1", "One", 1)
    _, cursor = drain(odoo, "variant", None)
    watch.at += timedelta(seconds=30)
    with sim.work() as env:
        env["product.product"].change(sim.product("SKU-1"), {"active": False})
    messages, _ = drain(odoo, "variant", cursor)
    assert [m.payload["active"] for m in messages] == [False]


def test_a_poll_reads_related_records_in_batches(sim: OdooSimulator, odoo: OdooConnector) -> None:
    sim.add_product("SKU-1", "One", 1, {"WH": 1000})
    partner = _customer(sim)
    for number in range(40):
        _order(sim, partner, f"hub-t-{number}")
        sim.ship(f"hub-t-{number}", tracking=f"T{number}")
    odoo.poll("shipment", None, 1)
    before = len(sim.journal)
    page = odoo.poll("shipment", None, 50)
    assert len(page.messages) == 40
    assert len(sim.journal) - before <= 8


def test_stock_is_reported_when_it_is_reserved_shipped_counted_or_on_its_way(
    sim: OdooSimulator, odoo: OdooConnector, watch: Watch
) -> None:
    sim.add_product("SKU-1", "One", 1, {"WH": 10, "EAST": 4})
    sim.add_product("SKU-2", "Two", 1, {"WH": 7})
    first, cursor = drain(odoo, "inventory_level", None)
    assert {(m.payload["default_code"], m.payload["warehouse"]["code"], m.payload["free_qty"]) for m in first} == {
        ("SKU-1", "WH", 10), ("SKU-1", "EAST", 4), ("SKU-2", "WH", 7), ("SKU-2", "EAST", 0),
    }  # fmt: skip
    known = {m.dedupe_key for m in first}

    def news() -> dict[str, tuple[int, int, int]]:
        nonlocal cursor
        watch.at += timedelta(seconds=2)
        messages, cursor = drain(odoo, "inventory_level", cursor)
        fresh = [m for m in messages if m.dedupe_key not in known]
        known.update(m.dedupe_key for m in fresh)
        return {
            f"{m.payload['default_code']}@{m.payload['warehouse']['code']}": (
                int(m.payload["qty_available"]), int(m.payload["free_qty"]), int(m.payload["virtual_available"]),
            )
            for m in fresh
        }  # fmt: skip

    news()
    watch.at += timedelta(seconds=30)
    _order(sim, _customer(sim), "hub-t-1", 3)
    assert news()["SKU-1@WH"] == (10, 7, 7)
    sim.ship("hub-t-1", {"SKU-1": 1})
    assert news()["SKU-1@WH"] == (9, 7, 7)
    sim.set_stock("SKU-1", "EAST", 0)  # the quant is deleted; its move tells
    assert news()["SKU-1@EAST"] == (0, 0, 0)
    sim.set_stock("SKU-2", "WH", 7)
    assert news() == {}


def test_a_clean_up_that_leaves_no_trace_is_found_by_the_daily_full_reading(
    sim: OdooSimulator, odoo: OdooConnector, watch: Watch
) -> None:
    """Odoo merges quants by SQL and leaves their write_date as it was, as its source says and the real 19 was seen to do."""
    sim.add_product("SKU-1", "One", 1, {"WH": 10})
    _, cursor = drain(odoo, "inventory_level", None)
    watch.at += timedelta(hours=1)
    sim.add_product("SKU-2", "Two", 1, {"WH": 5})
    _, cursor = drain(odoo, "inventory_level", cursor)
    with sim.lock:
        next(iter(sim.env["stock.quant"].rows.values()))["reserved_quantity"] = 4
    messages, cursor = drain(odoo, "inventory_level", cursor)
    assert messages == []
    watch.at += timedelta(hours=24)
    messages, cursor = drain(odoo, "inventory_level", cursor)
    assert (10, 6) in [(m.payload["qty_available"], m.payload["free_qty"]) for m in messages]
    watch.at += timedelta(hours=1)
    assert drain(odoo, "inventory_level", cursor)[0] == []


def _customer(sim: OdooSimulator) -> int:
    with sim.work() as env:
        return int(env["res.partner"].insert({"name": "Jane"})["id"])


def _order(sim: OdooSimulator, partner: int, marker: str, quantity: int = 1) -> None:
    with sim.work() as env:
        line = {"product_id": sim.product("SKU-1")["id"], "product_uom_qty": quantity}
        order = env["sale.order"].insert(
            {"partner_id": partner, "client_order_ref": marker, "order_line": [[0, 0, line]]}
        )
        env["sale.order"].action_confirm([order["id"]])


def test_a_customer_is_told_with_its_addresses_when_one_of_them_changes(
    odoo: OdooConnector, sim: OdooSimulator, watch: Watch
) -> None:
    with sim.work() as env:
        partners = env["res.partner"]
        company = partners.insert({"name": "ACME", "is_company": True, "customer_rank": 1})["id"]
        stock = partners.insert({"name": "Depot", "type": "delivery", "parent_id": company, "street": "Weg 1"})["id"]
        person = partners.insert({"name": "Jane", "parent_id": company})["id"]
        partners.insert({"name": "A supplier"})
    first, cursor = drain(odoo, "customer", None)
    assert {(m.external_id, len(m.payload["addresses"])) for m in first} == {(str(company), 1), (str(person), 0)}
    watch.at += timedelta(seconds=60)
    with sim.work() as env:
        env["res.partner"].change(env["res.partner"].get(stock), {"street": "Weg 2"})
    changed, cursor = drain(odoo, "customer", cursor)
    assert [(m.external_id, m.payload["addresses"][0]["street"]) for m in changed] == [(str(company), "Weg 2")]
    assert changed[0].source_version > next(m.source_version for m in first if m.external_id == str(company))
    assert drain(odoo, "customer", cursor)[0] == []
