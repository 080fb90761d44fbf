"""A small project with one mapping, its tests, its samples and a lookup table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

MAPPING = """\
mapping: 1
from: shop/order
to: canonical/order@1
key: "{{ src.id | string }}"
let:
  cur: "{{ src.currency }}"
output:
  number: "{{ src.name }}"
  placed_at: "{{ src.created_at | datetime }}"
  currency: "{{ cur }}"
  note: {$optional: "{{ src.note }}"}
  status: {$match: "{{ src.financial_status }}", paid: submitted, pending: review, $else: {$error: "unknown financial status"}}
  customer: {$link: customer, key: "{{ src.customer.id | string }}", optional: true}
  lines:
    $for: line in src.line_items
    $where: line.quantity > 0
    $each:
      id: "{{ line.id | string }}"
      sku: "{{ line.sku }}"
      quantity: "{{ line.quantity }}"
      unit_price: "{{ line.price | money(cur) }}"
      title: "{{ loop.index }}. {{ line.title | trim }}"
  payment:
    status: {$lookup: terms, key: "{{ src.gateway }}", default: unknown}
  totals:
    goods: "{{ src.total | money(cur) }}"
    total: "{{ src.total | money(cur) }}"
"""
OUTBOUND = """\
mapping: 1
from: canonical/order@1
to: erp/order
output:
  reference: "{{ src.number }}"
  lines:
    $for: line in src.lines
    $each: {sku: "{{ line.sku }}", qty: "{{ line.quantity | number }}", price: "{{ line.unit_price.amount | number }}"}
"""
TESTS = """\
cases:
- name: a paid order
  given: samples/order.json
  links: {customer: {"7": cus_1}}
  expect: samples/order.canonical.json
- name: unknown status stops with a clear error
  given: samples/order.json
  patch: {financial_status: mystery}
  error: {code: MAP-ERROR, at: output.status}
- name: an unknown way of paying
  given: samples/order.json
  patch: {gateway: barter}
  has: {payment.status: unknown}
- name: with another table
  given: samples/order.json
  lookups: {terms: {invoice: authorized}}
  has: {payment.status: authorized, "lines[0].quantity": "2"}
"""
ORDER: dict[str, Any] = {
    "id": 1001,
    "name": "#1001",
    "currency": "EUR",
    "created_at": "2026-03-10T12:00:00+01:00",
    "note": None,
    "financial_status": "paid",
    "gateway": "invoice",
    "total": "39.80",
    "customer": {"id": 7, "email": "anna@home.example", "first_name": "Anna", "last_name": "Meyer"},
    "line_items": [
        {"id": 11, "sku": "A-1", "quantity": 2, "price": "19.90", "title": " Blue shirt "},
        {"id": 12, "sku": "B-2", "quantity": 0, "price": "5.00", "title": "Red shirt"},
    ],
}
CANONICAL = {
    "number": "#1001",
    "placed_at": "2026-03-10T11:00:00Z",
    "currency": "EUR",
    "status": "submitted",
    "customer": "cus_1",
    "lines": [
        {
            "id": "11",
            "sku": "A-1",
            "quantity": "2",
            "title": "1. Blue shirt",
            "unit_price": {"amount": "19.90", "currency": "EUR"},
        }
    ],
    "payment": {"status": "pending"},
    "totals": {"goods": {"amount": "39.80", "currency": "EUR"}, "total": {"amount": "39.80", "currency": "EUR"}},
}


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the mappings, in a project of its own."""
    folder = tmp_path / "mappings" / "shop"
    (folder / "samples").mkdir(parents=True)
    (tmp_path / "mappings" / "erp").mkdir()
    (tmp_path / "lookups").mkdir()
    (tmp_path / "lookups" / "terms.csv").write_text("key,value\ninvoice,pending\npaypal,paid\n")
    (folder / "order.to_canonical.yaml").write_text(MAPPING)
    (folder / "order.to_canonical.test.yaml").write_text(TESTS)
    (folder / "samples" / "order.json").write_text(json.dumps(ORDER))
    (folder / "samples" / "order.canonical.json").write_text(json.dumps(CANONICAL))
    (tmp_path / "mappings" / "erp" / "order.from_canonical.yaml").write_text(OUTBOUND)
    monkeypatch.chdir(tmp_path)
    return folder


@pytest.fixture
def order() -> dict[str, Any]:
    """One record of the shop."""
    copy: dict[str, Any] = json.loads(json.dumps(ORDER))
    return copy
