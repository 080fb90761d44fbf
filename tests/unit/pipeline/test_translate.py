"""Translating and guarding: what is told, and what must never be told."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from hub.canonical import Order
from hub.errors import MappingError
from hub.pipeline.context import Flow
from hub.pipeline.guard import guard, stops
from hub.pipeline.identity import is_id, new_id
from hub.pipeline.route import lane_of, route
from hub.pipeline.translate import dump, translate, validate
from hub.store import Record


class Mapping:
    """A mapping that gives what it was told to."""

    entity, file, hash = "customer", "mappings/x.yaml", "abc"

    def __init__(self, record: Any, key: str | None = "c1", filtered: str | None = None) -> None:
        self.answer = SimpleNamespace(record=record, key=key, filtered=filtered, lineage=None)

    def run(self, payload: Any, *, meta: Any, links: Any, lineage: bool) -> Any:
        return self.answer


def test_a_record_becomes_its_canonical_text() -> None:
    done = translate({}, Mapping({"name": "Ann", "email": "Ann@example.com"}), {}, None)
    assert done.body == b'{"email":"Ann@example.com","name":"Ann"}'
    assert done.model is not None
    assert done.model.natural_key() == "ann@example.com"


def test_what_is_not_said_stays_out_and_null_stays_in() -> None:
    assert translate({}, Mapping({"name": "Ann", "phone": None}), {}, None).data == {"name": "Ann", "phone": None}


def test_a_filtered_record_says_by_which_rule() -> None:
    assert translate({}, Mapping(None, None, "x.yaml:3: when"), {}, None).filtered == "x.yaml:3: when"


def test_a_record_without_a_key_is_refused() -> None:
    with pytest.raises(MappingError) as refused:
        translate({}, Mapping({"name": "Ann"}, key=""), {}, None)
    assert refused.value.code == "MAP-MISSING"


def test_a_record_that_does_not_fit_is_refused_by_field_and_without_its_values() -> None:
    with pytest.raises(MappingError) as refused:
        validate(
            "customer",
            {"name": "Ann Secret", "kind": "alien", "email": 7, "nosuch": "Ann Secret", "language": "zz-secret"},
        )
    said = str(refused.value)
    assert refused.value.code == "SCH-INVALID"
    assert all(name in said for name in ("kind", "email", "nosuch", "language"))
    assert "Secret" not in said
    assert "zz-secret" not in said


def test_the_text_of_a_record_does_not_depend_on_the_order_of_its_fields() -> None:
    assert dump({"a": 1, "b": 2}) == dump({"b": 2, "a": 1})


def test_ids_are_canonical_and_sort_by_time() -> None:
    ids = [new_id("order") for _ in range(50)]
    assert len(set(ids)) == 50
    assert all(is_id(one) and re.fullmatch(r"ord_[0-9A-HJKMNP-TV-Z]{26}", one) for one in ids)
    assert not is_id("ord_1")
    assert not is_id("VALVE-10")
    assert [one[:11] for one in ids] == sorted(one[:11] for one in ids)


def order(goods: str = "20.00", total: str = "25.00", **more: Any) -> Order:
    money = {"currency": "EUR"}
    return Order.model_validate({
        "number": "#1", "placed_at": "2026-01-01T00:00:00Z", "currency": "EUR",
        "lines": [{"id": "1", "quantity": "2", "unit_price": {"amount": "10.00", **money}}],
        "totals": {
            "goods": {"amount": goods, **money}, "freight": {"amount": "5.00", **money}, "total": {"amount": total, **money},
            **{name: {"amount": amount, **money} for name, amount in more.pop("totals", {}).items()},
        },
        **more,
    })  # fmt: skip


@pytest.mark.parametrize(
    ("record", "codes"),
    [
        (order(), []),
        (order(total="24.00", totals={"discount": "1.00"}), []),
        (order(total="29.00", totals={"tax": "4.00"}), []),
        (order(total="25.00", totals={"tax": "4.00"}, tax_included=True), []),
        (order(total="25.01"), ["AMT-ROUNDING"]),
        (order(total="30.00"), ["AMT-TOTAL"]),
        (order(goods="30.00", total="35.00"), ["AMT-TOTAL"]),
    ],
)
def test_the_sums_of_an_order_are_checked(record: Order, codes: list[str]) -> None:
    found = guard(record)
    assert [trouble.code for trouble in found] == codes
    assert [stops(trouble) for trouble in found] == [code == "AMT-TOTAL" for code in codes]


def test_a_change_goes_where_its_flows_say_and_never_back() -> None:
    record = Record("ord_1", "order", 3, b"{}", "sha")
    flows = [
        Flow("to-erp", "order", "shop", "erp"),
        Flow("big", "order", "shop", "bi", when=lambda data: data["total"] > 100),
        Flow("any", "order", "*", "archive", "orders"),
        Flow("back", "order", "*", "shop"),
        Flow("other", "customer", "shop", "erp"),
        Flow("gone", "order", "shop", "erp", operation="delete"),
    ]
    routing = route(record, {"total": 5}, "shop", flows, lambda target, stream: target == "erp")
    assert [(one.flow, one.target, one.stream, one.state_carrying) for one in routing.deliveries] == [
        ("to-erp", "erp", "order", True), ("any", "archive", "orders", False),
    ]  # fmt: skip
    assert routing.passed_by == ("big", "gone")
    assert {one.lane for one in routing.deliveries} == {"ord_1"}


def test_the_events_of_an_order_follow_it_in_its_lane() -> None:
    assert lane_of("shipment", "shp_1", {"order": "ord_1"}) == "ord_1"
    assert lane_of("order", "ord_1", {}) == "ord_1"
