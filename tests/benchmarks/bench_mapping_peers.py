"""The same order translated by other mapping languages, each as far as its language goes (none of them formats money here).

Measured are those that are installed: jmespath, glom and jq from the extra `bench`; JSONata where node and its npm package are
(`npm install --prefix build/peers jsonata`, which `make bench` does where npm is). A peer that does less of the job has the advantage.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

from hub.mapping import NoLinks
from tests.benchmarks.bench_mapping import ORDER, ORDER_MAPPING, _best, _mapping

PEERS = Path(__file__).parents[2] / "build" / "peers"
TEXT = json.dumps(ORDER, default=lambda value: float(value) if isinstance(value, Decimal) else str(value))
PLAIN = json.loads(TEXT)

_ADDRESS = (
    "{name: join(' ', [first_name, last_name]), company: company, street: [address1, address2], city: city, postcode: zip, "
    "region: province_code, country: country_code, phone: phone}"
)
JMESPATH = f"""{{external_id: id, number: name, source: source_name, status: financial_status, fulfilment: fulfillment_status || 'unfulfilled',
placed_at: created_at, updated_at: updated_at, currency: currency, email: email, test: test, note: note, channel: channel || 'web', tags: tags,
tax_included: taxes_included, total: total_price, subtotal: subtotal_price, tax_total: total_tax, discount_total: total_discounts,
weight: total_weight, customer: customer.{{external_id: id, email: email, name: join(' ', [first_name, last_name]), phone: phone}},
billing: billing_address.{_ADDRESS}, shipping: shipping_address.{_ADDRESS},
lines: line_items[].{{external_id: id, sku: sku, title: join(' / ', [title, variant_title]), quantity: quantity, unit_price: price,
taxable: taxable, weight: grams, taxes: tax_lines[].{{name: title, rate: rate, amount: price}}, discounts: discount_allocations[].{{amount: amount}}}},
shipping_lines: shipping_lines[].{{code: code, title: title, amount: price}}}}"""

_JQ_ADDRESS = (
    '{name: (.first_name + " " + .last_name), company, street: [.address1, (.address2 // "")], city, postcode: .zip, '
    "region: .province_code, country: .country_code, phone}"
)
JQ = f""". as $src | {{kind: "order", external_id: (.id|tostring), number: (.name|sub("#"; "")), source: ("shop:" + .source_name),
status: ({{paid: "confirmed", pending: "new", refunded: "closed"}}[.financial_status]), fulfilment: (.fulfillment_status // "unfulfilled"),
placed_at: .created_at, updated_at, currency: (.currency|ascii_upcase), email: (.email|ascii_downcase), test, note: (.note // ""),
channel: (.channel // "web"), tags: (.tags|split(", ")), tax_included: .taxes_included, total: .total_price, subtotal: .subtotal_price,
tax_total: .total_tax, discount_total: .total_discounts, weight: .total_weight,
customer: (.customer | {{external_id: (.id|tostring), email: (.email|ascii_downcase), name: (.first_name + " " + .last_name),
phone: (.phone // $src.shipping_address.phone), guest: (.verified_email|not)}}), billing: (.billing_address | {_JQ_ADDRESS}),
shipping: (.shipping_address | {_JQ_ADDRESS}),
lines: [.line_items | to_entries[] | .key as $i | .value | {{position: ($i + 1), external_id: (.id|tostring), sku,
title: (.title + " / " + .variant_title), quantity, unit_price: .price, taxable, weight: (.grams * .quantity),
taxes: [.tax_lines[] | {{name: .title, rate, amount: .price}}],
discounts: [.discount_allocations[] | {{amount, code: $src.discount_codes[.discount_application_index].code}}]}}],
shipping_lines: [.shipping_lines[] | {{code, title, amount: .price}}]}}"""

_JSONATA_ADDRESS = (
    '{"name": first_name & " " & last_name, "company": company, "street": [address1, address2 ? address2 : ""], "city": city, '
    '"postcode": zip, "region": province_code, "country": country_code, "phone": phone}'
)
JSONATA = f"""( $src := $; {{"kind": "order", "external_id": $string(id), "number": $replace(name, "#", ""), "source": "shop:" & source_name,
"status": $lookup({{"paid": "confirmed", "pending": "new", "refunded": "closed"}}, financial_status),
"fulfilment": fulfillment_status ? fulfillment_status : "unfulfilled", "placed_at": created_at, "updated_at": updated_at,
"currency": $uppercase(currency), "email": $lowercase($trim(email)), "test": test, "note": note ? note : "",
"channel": channel ? channel : "web", "tags": $split(tags, ", "), "tax_included": taxes_included, "total": total_price,
"subtotal": subtotal_price, "tax_total": total_tax, "discount_total": total_discounts, "weight": total_weight,
"customer": customer.{{"external_id": $string(id), "email": $lowercase(email), "name": first_name & " " & last_name,
"phone": phone ? phone : $src.shipping_address.phone, "guest": $not(verified_email)}},
"billing": billing_address.{_JSONATA_ADDRESS}, "shipping": shipping_address.{_JSONATA_ADDRESS},
"lines": line_items#$i.{{"position": $i + 1, "external_id": $string(id), "sku": sku, "title": title & " / " & variant_title,
"quantity": quantity, "unit_price": price, "taxable": taxable, "weight": grams * quantity,
"taxes": [tax_lines.{{"name": title, "rate": rate, "amount": price}}],
"discounts": [discount_allocations.{{"amount": amount, "code": $src.discount_codes[$$.discount_application_index].code}}]}},
"shipping_lines": [shipping_lines.{{"code": code, "title": title, "amount": price}}]}} )"""
_NODE = """
const jsonata = require(process.argv[2]);
const {order, expression, rounds} = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const compiled = jsonata(expression);
  for (let i = 0; i < 200; i++) await compiled.evaluate(order);
  let best = Infinity;
  for (let r = 0; r < rounds; r++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < 50; i++) await compiled.evaluate(order);
    best = Math.min(best, Number(process.hrtime.bigint() - started) / 50 / 1000);
  }
  console.log(best);
})();
"""


def run() -> dict[str, float]:
    """Microseconds of each peer that is here, and how many times faster the hub's engine is in the same run."""
    mapping, _ = _mapping(ORDER_MAPPING)
    links, meta = NoLinks(), {"connection": "shop", "received_at": "2026-11-20T14:27:12Z"}
    found: dict[str, float] = {}
    for name, measured in _peers().items():
        before = _best(lambda: mapping.run(ORDER, meta=meta, links=links), 20)
        taken = measured()
        engine = min(before, _best(lambda: mapping.run(ORDER, meta=meta, links=links), 20))
        found[f"mapping.peers.{name}_us"] = round(taken, 1)
        found[f"mapping.peers.{name}_times_slower"] = round(taken / engine, 1)
    return found


def _peers() -> dict[str, Callable[[], float]]:
    found: dict[str, Callable[[], float]] = {}
    for name, measured in (("jmespath", _jmespath), ("glom", _glom), ("jq", _jq)):
        if importlib.util.find_spec(name):
            found[name] = measured
    if shutil.which("node") and (PEERS / "node_modules" / "jsonata").is_dir():
        found["jsonata"] = _jsonata
    return found


def _jmespath() -> float:
    import jmespath  # type: ignore[import-untyped,unused-ignore]

    compiled = jmespath.compile(JMESPATH.replace("\n", " "))
    assert len(compiled.search(PLAIN)["lines"]) == 5
    return _best(lambda: compiled.search(PLAIN), 10)


def _jq() -> float:
    import jq  # type: ignore[import-not-found,unused-ignore]

    program = jq.compile(JQ)
    assert program.input_value(PLAIN).first()["lines"][1]["discounts"][0]["code"] == "WELCOME"
    return _best(lambda: program.input_value(PLAIN).first(), 10)


def _glom() -> float:
    from glom import Coalesce, T, glom  # type: ignore[import-untyped,import-not-found,unused-ignore]

    def address(path: str) -> Any:
        fields = {
            "name": lambda a: a["first_name"] + " " + a["last_name"], "company": "company", "street": ["address1"],
            "city": "city", "postcode": "zip", "region": "province_code", "country": "country_code", "phone": "phone",
        }  # fmt: skip
        return (path, {**fields, "street": lambda a: [a["address1"], a["address2"] or ""]})

    plain = (
        "created_at",
        "updated_at",
        "test",
        "total_price",
        "subtotal_price",
        "total_tax",
        "total_discounts",
        "total_weight",
    )
    spec = {
        **{name: name for name in plain}, "external_id": ("id", str), "number": T["name"].replace("#", ""),
        "currency": T["currency"].upper(), "email": T["email"].strip().lower(), "channel": Coalesce("channel", default="web"),
        "tags": T["tags"].split(", "), "customer": ("customer", {"external_id": ("id", str), "email": T["email"].lower()}),
        "billing": address("billing_address"), "shipping": address("shipping_address"),
        "lines": ("line_items", [{
            "external_id": ("id", str), "sku": "sku", "title": lambda line: line["title"] + " / " + line["variant_title"],
            "quantity": "quantity", "unit_price": "price", "taxable": "taxable", "weight": lambda line: line["grams"] * line["quantity"],
            "taxes": ("tax_lines", [{"name": "title", "rate": "rate", "amount": "price"}]),
            "discounts": ("discount_allocations", [{"amount": "amount"}]),
        }]),
        "shipping_lines": ("shipping_lines", [{"code": "code", "title": "title", "amount": "price"}]),
    }  # fmt: skip
    assert len(glom(PLAIN, spec)["lines"]) == 5
    return _best(lambda: glom(PLAIN, spec), 5)


def _jsonata() -> float:
    asked = json.dumps({"order": PLAIN, "expression": JSONATA.replace("\n", " "), "rounds": 40})
    library = str(PEERS / "node_modules" / "jsonata")
    done = subprocess.run(
        ["node", "-e", _NODE, library, library], input=asked, capture_output=True, text=True, timeout=120, check=True
    )
    return float(done.stdout)


if __name__ == "__main__":
    started = time.perf_counter()
    for metric, value in run().items():
        print(f"{metric:48} {value}")
    print(f"{time.perf_counter() - started:.1f} s")
