"""Coverage, round trips, comparisons, documents, new mappings, cases out of payloads, and speed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from hub.errors import ConfigError
from hub.mapping.tools import cases as cases_of
from hub.mapping.tools.bench import speed
from hub.mapping.tools.coverage import coverage, sample_records
from hub.mapping.tools.difference import difference
from hub.mapping.tools.document import document
from hub.mapping.tools.lint import mapping_files
from hub.mapping.tools.making import make_case, new_inbound, new_outbound
from hub.mapping.tools.opening import open_mapping
from hub.mapping.tools.roundtrip import round_trip
from hub.mapping.tools.scrub import Scrubber
from hub.mapping.tools.testing import run_tests


def _order(shop: Path) -> Any:
    return open_mapping(shop / "order.to_canonical.yaml")


def test_coverage_says_what_is_lost(shop: Path) -> None:
    opened = _order(shop)
    report = coverage(opened, sample_records(opened, ()))
    assert [unused.path for unused in report.unread] == ["customer.email", "customer.first_name", "customer.last_name"]
    assert "buyer_email" in {unused.path for unused in report.unset}
    assert "lines[].unit_price.amount" not in {unused.path for unused in report.unset}


def test_coverage_lists_what_no_lookup_row_has(shop: Path, order: dict[str, Any]) -> None:
    report = coverage(_order(shop), [order, {**order, "gateway": "barter"}, {**order, "gateway": "barter"}])
    assert [(table, key) for table, key, _ in report.missing] == [("terms", "barter")]
    assert report.missing[0][2] >= 2


def test_coverage_knows_what_is_lost_on_purpose(shop: Path) -> None:
    tests = shop / "order.to_canonical.test.yaml"
    tests.write_text(tests.read_text() + "not_mapped: {customer: it has a mapping of its own}\n")
    opened = _order(shop)
    report = coverage(opened, sample_records(opened, ()))
    assert report.unexplained == []
    assert report.unread[0].why == "it has a mapping of its own"


def test_round_trip_lists_what_the_second_mapping_never_reads(shop: Path, order: dict[str, Any]) -> None:
    outbound = open_mapping(shop.parent / "erp" / "order.from_canonical.yaml")
    report = round_trip(_order(shop), outbound, [order])
    assert report.arrived == 1
    lost = {entry.path for entry in report.lost}
    assert {"currency", "status", "lines[].title"} <= lost
    assert "lines[].sku" not in lost
    with pytest.raises(ConfigError):
        round_trip(outbound, _order(shop), [order])


def test_difference_is_grouped_by_line_with_the_money(shop: Path, order: dict[str, Any]) -> None:
    old = _order(shop)
    text = (shop / "order.to_canonical.yaml").read_text()
    changed = shop.parent / "draft" / "order.to_canonical.yaml"
    changed.parent.mkdir()
    changed.write_text(text.replace("line.price | money(cur)", "line.price | number | round(0) | money(cur)"))
    odd = {**order, "line_items": [{**order["line_items"][0], "price": "many"}]}
    report = difference(old, open_mapping(changed), [("order 1", order), ("order 2", order), ("odd", odd)])
    assert (report.records, report.changed, report.both_fail, report.same) == (3, 2, 1, False)
    (change,) = report.by_line()
    assert (change.path, change.times, change.money) == ("lines[].unit_price.amount", 2, {"EUR": Decimal("0.20")})
    assert change.line.endswith("draft/order.to_canonical.yaml:21")
    assert difference(old, old, [("order 1", order)]).same


def test_difference_lists_newly_failing_and_passing(shop: Path, order: dict[str, Any]) -> None:
    old = _order(shop)
    changed = shop.parent / "draft" / "order.to_canonical.yaml"
    changed.parent.mkdir()
    changed.write_text((shop / "order.to_canonical.yaml").read_text().replace(", pending: review", ", mystery: review"))
    samples = [(status, {**order, "financial_status": status}) for status in ("paid", "pending", "mystery")]
    report = difference(old, open_mapping(changed), samples)
    assert [name for name, _ in report.failing] == ["pending"]
    assert report.passing == ["mystery"]


def test_document_says_in_words_what_happens(shop: Path, order: dict[str, Any]) -> None:
    opened = [_order(shop), open_mapping(shop.parent / "erp" / "order.from_canonical.yaml")]
    text = document(opened, {"order": {"owner": "shop", "fields": {"note": "erp"}}}, {opened[0].file: [order]})
    assert "| number | name | The number that people use, such as #1001. | shop |" in text
    assert "| note | note (left out where missing or empty) | text (personal) | erp |" in text
    assert 'by financial_status: "paid" gives submitted; "pending" gives review' in text
    assert 'looked up in the table terms by gateway; if it is not there, always "unknown"' in text
    assert "- `customer.email`" in text
    assert "## hub order → erp order" in text


def test_case_replaces_personal_data_and_passes(shop: Path, order: dict[str, Any]) -> None:
    made = make_case(_order(shop), {**order, "note": "Call Anna Meyer"}, "A real order")
    assert made.outcome == "is translated"
    written = made.files[0].read_text() + made.files[1].read_text()
    for personal in ("anna@home.example", "Anna", "Meyer"):
        assert personal not in written
    outcomes = run_tests([shop])
    assert len(outcomes) == 5
    assert all(outcome.passed for outcome in outcomes)


def test_case_of_a_failing_payload_expects_the_error(shop: Path, order: dict[str, Any]) -> None:
    made = make_case(_order(shop), {**order, "financial_status": "mystery"}, "mystery")
    assert made.outcome == "stops with MAP-ERROR"
    assert all(outcome.passed for outcome in run_tests([shop]))


def test_case_goes_to_the_end_of_the_list_and_leaves_the_rest(shop: Path, order: dict[str, Any]) -> None:
    tests = shop / "order.to_canonical.test.yaml"
    tests.write_text(tests.read_text() + "\n# Why.\nnot_mapped: {customer: elsewhere}\n")
    make_case(_order(shop), order, "one more")
    make_case(_order(shop), order, "and another")
    assert tests.read_text().endswith("\n\n# Why.\nnot_mapped: {customer: elsewhere}\n")
    assert [case.name for case in cases_of.read_cases(tests)][-2:] == ["one more", "and another"]
    tests.write_text("cases:\n  - name: indented\n    given: samples/order.json\n    has: {currency: EUR}\n")
    make_case(_order(shop), order, "a third")
    assert [case.name for case in cases_of.read_cases(tests)] == ["indented", "a third"]


def test_same_person_gets_the_same_stand_in_everywhere() -> None:
    scrubbed = Scrubber().scrub(
        {
            "email": "anna@home.example",
            "contact_email": "anna@home.example",
            "customer": {
                "name": "Anna Meyer",
                "default_address": {"name": "Anna Meyer", "zip": "10115", "phone": "+49 30 123456"},
            },
            "line_items": [{"name": "Blue shirt for Anna Meyer", "sku": "10115"}],
            "name": "#1001",
            "client_details": {"browser_ip": "203.0.113.9"},
        }
    )
    assert scrubbed["email"] == scrubbed["contact_email"] != "anna@home.example"
    assert scrubbed["customer"]["name"] == scrubbed["customer"]["default_address"]["name"]
    assert scrubbed["line_items"][0]["name"] == f"Blue shirt for {scrubbed['customer']['name']}"
    assert scrubbed["name"] == "#1001"
    assert "Meyer" not in json.dumps(scrubbed)
    assert "203.0.113.9" not in json.dumps(scrubbed)


def test_new_mapping_compiles_and_runs_over_its_sample(shop: Path, order: dict[str, Any]) -> None:
    folder = shop.parent / "market"
    folder.mkdir()
    path = folder / "order.to_canonical.yaml"
    path.write_text(new_inbound("market", "order", "order", order))
    opened = open_mapping(path)
    text = path.read_text()
    assert "$for: item in src.line_items" in text
    assert 'unit_price: "{{ item.price | money(src.currency) }}"' in text
    assert opened.entity == "order"
    other = folder / "shipment.from_canonical.yaml"
    other.write_text(new_outbound("market", "parcel", "shipment"))
    assert open_mapping(other).entity == "shipment"


def test_speed_is_measured(shop: Path, order: dict[str, Any]) -> None:
    figures = speed(_order(shop), order, seconds=0.2).as_dict()
    assert figures["us_per_record"] > 0
    assert figures["records_per_s"] == pytest.approx(1e6 / figures["us_per_record"], rel=0.01)


def test_references_and_canonical_records_are_scrubbed_too() -> None:
    odoo = Scrubber("customer").scrub(
        {"name": "Anna Meyer", "partner_id": [7, "Anna Meyer"], "product_id": [9, "Blue shirt"], "vat": "DE136695976"}
    )
    assert "Meyer" not in json.dumps(odoo)
    assert odoo["product_id"] == [9, "Blue shirt"]
    assert odoo["partner_id"] == [7, odoo["name"]]
    record = {
        "bill_to": {"lines": ["Hauptstr. 1"], "postcode": "10115", "country": "DE"},
        "lines": [{"title": "Blue"}],
        "buyer_email": "a@b.example",
    }
    scrubbed = Scrubber("order", ["buyer_email"]).scrub(record)
    assert scrubbed["bill_to"]["lines"] != ["Hauptstr. 1"]
    assert scrubbed["bill_to"]["country"] == "DE"
    assert scrubbed["lines"] == [{"title": "Blue"}]
    assert "a@b.example" not in json.dumps(scrubbed)


def test_what_shipped_mappings_lose_is_lost_on_purpose() -> None:
    """Where a test file of a shipped mapping says what is left out, it says so of everything."""
    unexplained = {}
    for path in mapping_files([Path(__file__).parents[3] / "mappings"]):
        opened = open_mapping(path)
        tests = cases_of.tests_of(path)
        if tests is not None and any(cases_of.notes_of(tests)):
            report = coverage(opened, sample_records(opened, ()))
            unexplained[report.mapping] = [unused.path for unused in report.unexplained]
    assert len(unexplained) > 10
    assert not any(unexplained.values()), f"say why under not_mapped: {unexplained}"
