"""How fast the mapping engine is: one order of about 40 fields and 5 lines, and one flat price record.

The measure is a hand-written Python function that makes the same output with the same two filters; both are timed in turns in
one process, so that a busy machine slows both. Run it with `python tests/benchmarks/bench_mapping.py`.
"""

from __future__ import annotations

import json
import re
import tempfile
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from ruamel.yaml import YAML

from hub.canonical import InventoryLevel
from hub.mapping import Lookups, Mapping, MappingSet, NoLinks
from hub.mapping.mapping_set import builtin_filters

ROUNDS = 80
CENT = Decimal("0.01")


def cents(value: str) -> str:
    """A cheap filter, so that the engine is measured and not the filter."""
    return str(Decimal(value).quantize(CENT))


def words(value: str) -> list[str]:
    """Another cheap filter."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _address(number: int) -> dict[str, Any]:
    return {
        "first_name": "Ada", "last_name": f"Lovelace {number}", "company": "Analytical Engines", "address1": "12 St James Sq",
        "address2": None if number == 1 else "Floor 2", "city": "London", "zip": "SW1Y 4JH", "province_code": "ENG",
        "country_code": "GB", "phone": "+442079460000",
    }  # fmt: skip


def _line(number: int) -> dict[str, Any]:
    return {
        "id": 866550311766439000 + number, "sku": f"VALVE-{number}", "title": f"Valve {number}", "variant_title": "brass",
        "quantity": number + 1, "price": f"{19 + number * 10}.90", "grams": 567, "taxable": True, "vendor": "Acme",
        "tax_lines": [{"title": "VAT", "price": "3.98", "rate": Decimal("0.2")}],
        "discount_allocations": [{"amount": f"{number}.50", "discount_application_index": 0}] if number % 2 else [],
        "properties": [{"name": "engraving", "value": f"Hello {number}"}],
    }  # fmt: skip


ORDER: dict[str, Any] = {
    "id": 820982911946154500, "admin_graphql_api_id": "gid://shopify/Order/820982911946154508", "name": "#9999",
    "email": " Jon@Example.COM ", "created_at": "2026-11-20T14:27:12-05:00", "updated_at": "2026-11-20T14:27:12-05:00",
    "currency": "GBP", "financial_status": "paid", "fulfillment_status": None, "test": False, "total_price": "403.00",
    "subtotal_price": "393.00", "total_tax": "19.90", "total_discounts": "5.00", "total_weight": 2835, "taxes_included": True,
    "note": "Please ring the bell", "tags": "vip, wholesale, eu", "source_name": "web",
    "customer": {
        "id": 115310627314723950, "email": "jon@example.com", "first_name": "Jon", "last_name": "Smith", "phone": None,
        "verified_email": True,
    },
    "billing_address": _address(1), "shipping_address": _address(2), "line_items": [_line(number) for number in range(5)],
    "shipping_lines": [{"title": "Generic Shipping", "code": "STD", "price": "10.00"}],
    "discount_codes": [{"code": "WELCOME", "amount": "5.00"}], "note_attributes": [{"name": "po_number", "value": "PO-77"}],
}  # fmt: skip

_ADDRESS = """
    name: "{{{{ {a}.first_name ~ ' ' ~ {a}.last_name }}}}"
    company: "{{{{ {a}.company }}}}"
    street: ["{{{{ {a}.address1 }}}}", "{{{{ {a}.address2 or '' }}}}"]
    city: "{{{{ {a}.city }}}}"
    postcode: "{{{{ {a}.zip }}}}"
    region: "{{{{ {a}.province_code }}}}"
    country: "{{{{ {a}.country_code }}}}"
    phone: "{{{{ {a}.phone }}}}"
"""
ORDER_MAPPING = f"""
mapping: 1
from: bench/order
to: canonical/order@1
key: "{{{{ src.admin_graphql_api_id }}}}"
output:
  kind: order
  schema_version: "1.0"
  external_id: "{{{{ src.id | string }}}}"
  number: "{{{{ src.name | replace('#', '') }}}}"
  source: "shop:{{{{ src.source_name }}}}"
  status: {{$match: "{{{{ src.financial_status }}}}", paid: confirmed, pending: new, refunded: closed}}
  fulfilment: "{{{{ src.fulfillment_status or 'unfulfilled' }}}}"
  placed_at: "{{{{ src.created_at }}}}"
  updated_at: "{{{{ src.updated_at }}}}"
  currency: "{{{{ src.currency | upper }}}}"
  email: "{{{{ src.email | trim | lower }}}}"
  test: "{{{{ src.test }}}}"
  note: "{{{{ src.note | default('') }}}}"
  channel: "{{{{ src.channel | default('web') }}}}"
  tags: "{{{{ src.tags | words }}}}"
  tax_included: "{{{{ src.taxes_included }}}}"
  total: "{{{{ src.total_price | cents }}}}"
  subtotal: "{{{{ src.subtotal_price | cents }}}}"
  tax_total: "{{{{ src.total_tax | cents }}}}"
  discount_total: "{{{{ src.total_discounts | cents }}}}"
  weight: "{{{{ src.total_weight }}}}"
  customer:
    external_id: "{{{{ src.customer.id | string }}}}"
    email: "{{{{ src.customer.email | lower }}}}"
    name: "{{{{ src.customer.first_name }}}} {{{{ src.customer.last_name }}}}"
    phone: "{{{{ src.customer.phone or src.shipping_address.phone }}}}"
    guest: "{{{{ not src.customer.verified_email }}}}"
  billing: {_ADDRESS.format(a="src.billing_address")}
  shipping: {_ADDRESS.format(a="src.shipping_address")}
  lines:
    $for: line in src.line_items
    $each:
      position: "{{{{ loop.index }}}}"
      external_id: "{{{{ line.id | string }}}}"
      sku: "{{{{ line.sku }}}}"
      title: "{{{{ line.title if not line.variant_title else line.title ~ ' / ' ~ line.variant_title }}}}"
      quantity: "{{{{ line.quantity }}}}"
      unit_price: "{{{{ line.price | cents }}}}"
      taxable: "{{{{ line.taxable }}}}"
      weight: "{{{{ line.grams * line.quantity }}}}"
      taxes:
        $for: tax in line.tax_lines
        $each: {{name: "{{{{ tax.title }}}}", rate: "{{{{ tax.rate }}}}", amount: "{{{{ tax.price | cents }}}}"}}
      discounts:
        $for: discount in line.discount_allocations
        $each:
          amount: "{{{{ discount.amount | cents }}}}"
          code: "{{{{ src.discount_codes[discount.discount_application_index].code }}}}"
  shipping_lines:
    $for: row in src.shipping_lines
    $each: {{code: "{{{{ row.code }}}}", title: "{{{{ row.title }}}}", amount: "{{{{ row.price | cents }}}}"}}
  gift:
    $if: src.note_attributes and src.note_attributes[0].name == 'gift'
    $then: "{{{{ src.note_attributes[0].value }}}}"
    $else: null
"""

_STATUS = {"paid": "confirmed", "pending": "new", "refunded": "closed"}


def _hand_address(a: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": a["first_name"] + " " + a["last_name"], "company": a["company"], "street": [a["address1"], a["address2"] or ""],
        "city": a["city"], "postcode": a["zip"], "region": a["province_code"], "country": a["country_code"], "phone": a["phone"],
    }  # fmt: skip


def by_hand(src: dict[str, Any]) -> dict[str, Any]:
    """What a programmer would write instead of the mapping."""
    customer, codes, attributes = src["customer"], src["discount_codes"], src["note_attributes"]
    lines = [
        {
            "position": position, "external_id": str(line["id"]), "sku": line["sku"],
            "title": line["title"] if not line["variant_title"] else line["title"] + " / " + line["variant_title"],
            "quantity": line["quantity"], "unit_price": cents(line["price"]), "taxable": line["taxable"],
            "weight": line["grams"] * line["quantity"],
            "taxes": [{"name": tax["title"], "rate": tax["rate"], "amount": cents(tax["price"])} for tax in line["tax_lines"]],
            "discounts": [
                {"amount": cents(row["amount"]), "code": codes[row["discount_application_index"]]["code"]}
                for row in line["discount_allocations"]
            ],
        }
        for position, line in enumerate(src["line_items"], 1)
    ]  # fmt: skip
    return {
        "kind": "order", "schema_version": "1.0", "external_id": str(src["id"]), "number": src["name"].replace("#", ""),
        "source": "shop:" + src["source_name"], "status": _STATUS[src["financial_status"]],
        "fulfilment": src["fulfillment_status"] or "unfulfilled", "placed_at": src["created_at"], "updated_at": src["updated_at"],
        "currency": src["currency"].upper(), "email": src["email"].strip().lower(), "test": src["test"],
        "note": src.get("note", ""), "channel": src.get("channel", "web"), "tags": words(src["tags"]),
        "tax_included": src["taxes_included"], "total": cents(src["total_price"]), "subtotal": cents(src["subtotal_price"]),
        "tax_total": cents(src["total_tax"]), "discount_total": cents(src["total_discounts"]), "weight": src["total_weight"],
        "customer": {
            "external_id": str(customer["id"]), "email": customer["email"].lower(),
            "name": customer["first_name"] + " " + customer["last_name"],
            "phone": customer["phone"] or src["shipping_address"]["phone"], "guest": not customer["verified_email"],
        },
        "billing": _hand_address(src["billing_address"]), "shipping": _hand_address(src["shipping_address"]), "lines": lines,
        "shipping_lines": [
            {"code": row["code"], "title": row["title"], "amount": cents(row["price"])} for row in src["shipping_lines"]
        ],
        "gift": attributes[0]["value"] if attributes and attributes[0]["name"] == "gift" else None,
    }  # fmt: skip


FLAT = {
    "sku": "VALVE-10",
    "price": "19.90",
    "currency": "EUR",
    "stock": 12,
    "warehouse": "MAIN",
    "at": "2026-11-20T14:27:12Z",
}
FLAT_MAPPING = """
mapping: 1
from: bench/level
to: canonical/inventory_level@1
key: "{{ src.sku }}"
output:
  sku: "{{ src.sku }}"
  warehouse: "{{ src.warehouse }}"
  available: "{{ src.stock }}"
  as_of: "{{ src.at }}"
"""


def _mapping(text: str, connector: str = "bench") -> tuple[Mapping, float]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, connector, "order.to_canonical.yaml")
        file.parent.mkdir()
        file.write_text(text, encoding="utf-8")
        filters = {**builtin_filters(), "cents": cents, "words": words}
        loaded = MappingSet.load([folder], lookups=Lookups(), filters=filters)
        started = time.perf_counter()
        loaded = MappingSet.load([folder], lookups=Lookups(), filters=filters)
        mapping = next(iter(loaded))
        return mapping, (time.perf_counter() - started) * 1000


def _leaf_by_leaf() -> Callable[[], Any]:
    """The same order with one expression of Jinja compiled for every field: what an engine without a compiler does."""
    environment = Environment(undefined=StrictUndefined)
    environment.filters |= {"cents": cents, "words": words, "string": str}
    document = YAML(typ="safe", pure=True).load(ORDER_MAPPING)["output"]

    def leaf(text: str) -> Callable[[dict[str, Any]], Any]:
        found = environment.compile_expression(text, undefined_to_none=False)
        return lambda names: found(**names)

    def built(node: Any) -> Callable[[dict[str, Any]], Any]:
        if isinstance(node, list):
            parts = [built(item) for item in node]
            return lambda names: [part(names) for part in parts]
        if isinstance(node, str) and "{{" in node:
            pieces = list(re.split(r"\{\{(.*?)\}\}", node))
            made = [leaf(piece) if number % 2 else piece for number, piece in enumerate(pieces)]
            if pieces[0] == pieces[-1] == "" and len(pieces) == 3:
                return made[1]  # type: ignore[return-value]
            return lambda names: "".join(part if isinstance(part, str) else str(part(names)) for part in made)
        if not isinstance(node, dict):
            return lambda names: node
        if "$for" in node:
            name, _, path = node["$for"].partition(" in ")
            items, each = leaf(path), built(node["$each"])
            return lambda names: [
                each({**names, name: item, "loop": {"index": index}}) for index, item in enumerate(items(names), 1)
            ]
        if "$if" in node:
            test, then, other = leaf(node["$if"]), built(node["$then"]), built(node["$else"])
            return lambda names: then(names) if test(names) else other(names)
        if "$match" in node:
            value, branches = built(node["$match"]), {key: item for key, item in node.items() if key != "$match"}
            return lambda names: branches[value(names)]
        fields = {key: built(item) for key, item in node.items()}
        return lambda names: {key: part(names) for key, part in fields.items()}

    whole = built(document)
    assert whole({"src": ORDER}) == by_hand(ORDER)
    return lambda: whole({"src": ORDER})


def _in_turns(functions: dict[str, Callable[[], Any]], calls: int) -> dict[str, list[float]]:
    """The time of one call in microseconds, for each function once a round: what is compared runs next to each other."""
    taken: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(ROUNDS):
        for name, function in functions.items():
            started = time.perf_counter()
            for _ in range(calls):
                function()
            taken[name].append((time.perf_counter() - started) / calls * 1e6)
    return taken


def _best(function: Callable[[], Any], calls: int) -> float:
    return min(_in_turns({"it": function}, calls)["it"])


def _ratio(one: list[float], other: list[float]) -> float:
    """Of the best rounds: a busy machine only ever makes a round slower."""
    return min(one) / min(other)


def run() -> dict[str, float]:
    """Every figure by its name."""
    links, meta = NoLinks(), {"connection": "shop", "received_at": "2026-11-20T14:27:12Z"}
    order, compile_ms = _mapping(ORDER_MAPPING)
    flat, _ = _mapping(FLAT_MAPPING)
    assert order.run(ORDER, meta=meta, links=links).record == by_hand(ORDER)

    def recorded() -> None:
        lineage = order.run(ORDER, meta=meta, links=links, lineage=True).lineage
        assert lineage is not None
        lineage.snapshot()

    times = _in_turns(
        {
            "hand": lambda: by_hand(ORDER),
            "engine": lambda: order.run(ORDER, meta=meta, links=links),
            "lineage": recorded,
        },
        50,
    )
    validate = InventoryLevel.model_validate

    def mapped_and_validated() -> None:
        validate(flat.run(FLAT, meta=meta, links=links).record)

    level = _best(mapped_and_validated, 300)
    leaf_by_leaf = _in_turns({"leaf": _leaf_by_leaf(), "engine": lambda: order.run(ORDER, meta=meta, links=links)}, 2)

    def told() -> None:
        lineage = order.run(ORDER, meta=meta, links=links, lineage=True).lineage
        assert lineage is not None
        assert lineage.origins

    story = _best(told, 1)
    engine = min(times["engine"])
    return {
        "mapping.order.hand_written_us": round(min(times["hand"]), 2),
        "mapping.order.us_per_record": round(engine, 2),
        "mapping.order.ratio_to_hand_written": round(_ratio(times["engine"], times["hand"]), 3),
        "mapping.order.lineage_overhead": round(_ratio(times["lineage"], times["engine"]) - 1, 3),
        "mapping.order.times_faster_than_an_expression_a_leaf": round(
            _ratio(leaf_by_leaf["leaf"], leaf_by_leaf["engine"]), 1
        ),
        "mapping.order.explain_us": round(story),
        "mapping.flat.records_per_s": round(1e6 / level),
        "mapping.compile_ms": round(compile_ms, 1),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=1))
