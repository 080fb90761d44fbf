"""The OData face of the Example ERP refuses what an OData service refuses; else the connector would be proven against too little."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from connectors.example.simulator import ExampleSimulator
from connectors.example.simulator.simulator import TOKEN
from hub.sdk import dump_json, read_json
from hub.sdk.testing.simulator import Request, Response


@pytest.fixture
def erp() -> ExampleSimulator:
    """Five items; the third one's number has a quote in it, the fifth is blocked."""
    sim = ExampleSimulator()
    for index, number in enumerate(["A", "B", "O'Brien", "D", "E"]):
        sim.add_item(
            number,
            UnitPrice=Decimal(10 * index),
            Blocked=number == "E",
            ModifiedAt=f"2026-03-0{index + 1}T00:00:00.000000Z",
        )
    return sim


def call(
    sim: ExampleSimulator,
    method: str,
    path: str,
    body: Any = None,
    /,
    headers: dict[str, str] | None = None,
    **query: Any,
) -> Response:
    asked = {f"${name}": str(value) for name, value in query.items()}
    known = {"authorization": f"Bearer {TOKEN}", **(headers or {})}
    return sim.handle(Request(method, path, asked, known, b"" if body is None else dump_json(body)))


def numbers(sim: ExampleSimulator, **query: Any) -> list[str]:
    answer = call(sim, "GET", "/odata/Items", **query)
    assert answer.status == 200, answer.body
    return [row["ItemNo"] for row in read_json(answer.body)["value"]]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("ItemNo eq 'O''Brien'", ["O'Brien"]),
        ("UnitPrice gt 20", ["D", "E"]),
        ("UnitPrice ge 20.00 and not (Blocked eq true)", ["O'Brien", "D"]),
        ("ModifiedAt ge 2026-03-04T01:00:00+01:00", ["D", "E"]),
        ("ModifiedAt gt 2026-03-04T00:00:00Z", ["E"]),
        ("ItemNo eq 'A' or ItemNo eq 'B' and Blocked eq true", ["A"]),
        ("(ItemNo eq 'A' or ItemNo eq 'E') and Blocked eq true", ["E"]),
        ("ExternalRef ne null", []),
        ("ItemNo eq '*'", []),
        ("UnitPrice eq 'x'", []),
    ],
)
def test_a_filter(erp: ExampleSimulator, text: str, wanted: list[str]) -> None:
    assert numbers(erp, filter=text) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "ItemNo",
        "Colour eq 'x'",
        "ItemNo like 'x'",
        "ItemNo eq x",
        "(ItemNo eq 'x'",
        "ItemNo eq 'x",
        "ItemNo eq 'x' ItemNo",
    ],
)
def test_a_filter_that_is_none_is_refused(erp: ExampleSimulator, text: str) -> None:
    assert call(erp, "GET", "/odata/Items", filter=text).status == 400


def test_order_top_and_skip(erp: ExampleSimulator) -> None:
    assert numbers(erp, orderby="UnitPrice desc", top=2, skip=1) == ["D", "O'Brien"]
    assert call(erp, "GET", "/odata/Items", orderby="Colour").status == 400
    assert call(erp, "GET", "/odata/Items", top="-1").status == 400
    assert call(erp, "GET", "/odata/Items", expand="Lines").status == 400


@pytest.mark.parametrize("order", ["ModifiedAt,ItemId", "Currency desc,UnitPrice desc", "ExternalRef"])
def test_the_next_link_goes_on_behind_the_last_row(erp: ExampleSimulator, order: str) -> None:
    answer = call(erp, "GET", "/odata/Items", headers={"prefer": "odata.maxpagesize=2"}, orderby=order)
    found: list[str] = []
    for _ in range(4):
        data = read_json(answer.body)
        found += [row["ItemNo"] for row in data["value"]]
        if "@odata.nextLink" not in data:
            break
        link = urlsplit(data["@odata.nextLink"])
        asked = {name.removeprefix("$"): value for name, value in parse_qsl(link.query)}
        answer = call(erp, "GET", link.path, headers={"prefer": "odata.maxpagesize=2"}, **asked)
    assert found == numbers(erp, orderby=order)
    assert len(found) == 5
    assert call(erp, "GET", "/odata/Items", skiptoken="zzzz").status == 400


def test_a_change_needs_the_etag_that_is_true_now(erp: ExampleSimulator) -> None:
    path = "/odata/Items(501)"
    etag = call(erp, "GET", path).headers["etag"]
    assert read_json(call(erp, "GET", path).body)["@odata.etag"] == etag
    assert call(erp, "PATCH", path, {"Description": "x"}).status == 428
    changed = call(erp, "PATCH", path, {"Description": "x"}, headers={"if-match": etag})
    assert changed.status == 200
    assert changed.headers["etag"] != etag
    assert call(erp, "PATCH", path, {"Description": "y"}, headers={"if-match": etag}).status == 412
    assert call(erp, "POST", f"{path}/Example.Block", headers={"if-match": etag}).status == 412
    assert erp.items.rows[501]["Description"] == "x"
    assert [effect.kind for effect in erp.effects()] == ["variant.update"]


def test_one_mark_makes_one_item(erp: ExampleSimulator) -> None:
    first = call(erp, "POST", "/odata/Items", {"ItemNo": "N", "ExternalRef": "m"})
    again = call(erp, "POST", "/odata/Items", {"ItemNo": "N", "ExternalRef": "m"})
    assert (first.status, again.status) == (201, 409)
    assert read_json(again.body)["error"]["target"] == str(read_json(first.body)["ItemId"])
    assert call(erp, "POST", "/odata/Items", {"Description": "x"}).status == 400
    assert call(erp, "POST", "/odata/Items", {"ItemNo": "N", "Colour": "x"}).status == 400


@pytest.mark.parametrize("path", ["/odata/Items", "/api/customers"])
def test_a_body_that_is_no_json_is_refused(erp: ExampleSimulator, path: str) -> None:
    assert erp.handle(Request("POST", path, {}, {"authorization": f"Bearer {TOKEN}"}, b"rubbish")).status == 400
    assert erp.effects() == []
