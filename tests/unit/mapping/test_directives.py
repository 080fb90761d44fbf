"""Every directive: what it makes, what it leaves out, and what it says when it cannot. Both forms must agree on all of it."""

from decimal import Decimal

import pytest

from hub.errors import LinkMissing, MappingError
from hub.mapping import MappingFault, MappingInvalid, NoLinks

META = {"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}
LINES = [
    {"sku": "A", "qty": 1, "tags": ["x"]},
    {"sku": "B", "qty": 0, "tags": []},
    {"sku": "C", "qty": 3, "tags": ["y", "z"]},
]
SRC = {
    "name": "#1",
    "lines": LINES,
    "note": None,
    "empty": "",
    "status": "paid",
    "flag": True,
    "map": {"k": "v", "l": "w"},
    "n": 2,
}


def both(mapping, src=SRC, links=None):
    """The record by the fast form, which must not have needed the checked one, and which must say the same."""
    links = links or NoLinks()
    fast = mapping.run(src, meta=META, links=links)
    assert mapping.deviations == 0
    checked = mapping.checked(src, META, links)
    assert repr(checked.record) == repr(fast.record)
    assert checked.key == fast.key
    return fast.record


CASES = {
    "native types": (
        {"a": "{{ src.n }}", "b": "{{ src.lines[0].tags }}", "c": "{{ src.flag }}", "d": "{{ src.note }}"},
        {"a": 2, "b": ["x"], "c": True, "d": None},
    ),
    "literals": (
        {"a": 1, "b": True, "c": None, "d": "text", "e": []},
        {"a": 1, "b": True, "c": None, "d": "text", "e": []},
    ),
    "text keeps zeros": ({"a": "{{ '00123' }}", "b": "{{ 1.10 }}"}, {"a": "00123", "b": Decimal("1.10")}),
    "text around makes text": ({"a": "no. {{ src.n }}{{ src.flag }}"}, {"a": "no. 2true"}),
    "a literal with a point is exact": (
        {"a": "{{ 1.19 * 3 }}", "b": "{{ 10 / 4 }}", "c": "{{ 0.1 + 0.2 }}"},
        {"a": Decimal("3.57"), "b": Decimal("2.5"), "c": Decimal("0.3")},
    ),
    "for": ({"l": {"$for": "line in src.lines", "$each": "{{ line.sku }}"}}, {"l": ["A", "B", "C"]}),
    "for where": (
        {
            "l": {
                "$for": "line in src.lines",
                "$where": "line.qty > 0",
                "$each": {"s": "{{ line.sku }}", "i": "{{ loop.index }}", "z": "{{ loop.last }}"},
            }
        },
        {"l": [{"s": "A", "i": 1, "z": False}, {"s": "C", "i": 2, "z": True}]},
    ),
    "for inside for": (
        {
            "l": {
                "$for": "line in src.lines",
                "$each": {"$for": "tag in line.tags", "$each": "{{ line.sku }}{{ tag }}{{ loop.index0 }}"},
            }
        },
        {"l": [["Ax0"], [], ["Cy0", "Cz1"]]},
    ),
    "for over an object": (
        {"l": {"$for": "k, v in src.map", "$each": ["{{ k }}", "{{ v }}", "{{ loop.length }}"]}},
        {"l": [["k", "v", 2], ["l", "w", 2]]},
    ),
    "for with key": (
        {"l": {"$for": "line in src.lines", "$key": "line.sku", "$each": "{{ line.qty }}"}},
        {"l": {"A": 1, "B": 0, "C": 3}},
    ),
    "items left out": ({"l": {"$for": "line in src.lines", "$each": "{{ line.sku if line.qty }}"}}, {"l": ["A", "C"]}),
    "if": ({"a": {"$if": "src.flag", "$then": 1, "$else": 2}, "b": {"$if": "not src.flag", "$then": 1}}, {"a": 1}),
    "if with structure": (
        {
            "a": {
                "$if": "src.flag",
                "$then": {"l": {"$for": "x in src.lines", "$each": "{{ x.qty }}"}},
                "$else": {"$error": "no"},
            }
        },
        {"a": {"l": [1, 0, 3]}},
    ),
    "match": ({"a": {"$match": "{{ src.status }}", "paid": "yes", "open": "no"}}, {"a": "yes"}),
    "match else": ({"a": {"$match": "{{ src.status }}", "x": "yes", "y": "no", "$else": "{{ src.n }}"}}, {"a": 2}),
    "match null": (
        {
            "a": {"$match": "{{ src.note }}", "x": 1, "$null": 2},
            "b": {"$match": "{{ src.note }}", "x": 1, "y": 2, "$null": 3, "$else": 4},
        },
        {"a": 2, "b": 3},
    ),
    "match a number and a boolean": (
        {"a": {"$match": "{{ src.n }}", "2": "two"}, "b": {"$match": "{{ src.flag }}", "true": "{{ src.n }}"}},
        {"a": "two", "b": 2},
    ),
    "match escaped": ({"a": {"$match": "{{ '$x' }}", "$$x": 1}}, {"a": 1}),
    "first": ({"a": {"$first": ["{{ src.gone.deep }}", "{{ src.note }}", "{{ src.empty }}", "{{ src.n }}"]}}, {"a": 2}),
    "first default": (
        {"a": {"$first": ["{{ src.gone }}"], "default": None}, "b": {"$optional": {"$first": ["{{ src.gone }}"]}}},
        {"a": None},
    ),
    "first keeps zero and false": (
        {"a": {"$first": ["{{ src.lines[1].qty }}", "{{ src.n }}"]}, "b": {"$first": ["{{ src.flag and false }}", 1]}},
        {"a": 0, "b": False},
    ),
    "optional": (
        {
            "a": {"$optional": "{{ src.gone.deep }}"},
            "b": {"$optional": "{{ src.note }}"},
            "c": {"$optional": "{{ src.empty | trim }}"},
            "d": {"$optional": "{{ src.note | trim }}"},
            "e": {"$optional": "{{ src.name | trim }}"},
            "f": {"$optional": "{{ src.lines[1].qty }}"},
        },
        {"e": "#1", "f": 0},
    ),
    "optional object": (
        {
            "a": {"$optional": {"x": "{{ src.gone }}"}},
            "b": {"$optional": {"x": "{{ src.n }}"}},
            "c": {"$optional": "{{ src.gone ~ 'x' }}"},
        },
        {"b": {"x": 2}},
    ),
    "default": (
        {
            "a": "{{ src.gone | default('x') }}",
            "b": "{{ src.note | default('x') }}",
            "c": "{{ src.note | default('x', true) }}",
            "d": "{{ src.gone.deep | default(1) }}",
            "e": "{{ src.note.deep | default(1) }}",
        },
        {"a": "x", "b": None, "c": "x", "d": 1, "e": 1},
    ),
    "defined": (
        {
            "a": "{{ src.gone.deep is defined }}",
            "b": "{{ src.note is defined }}",
            "c": "{{ src.gone is undefined }}",
            "d": "{{ src.note is none }}",
        },
        {"a": False, "b": True, "c": True, "d": True},
    ),
    "a filter that finds nothing": (
        {"a": "{{ src.lines | pick('sku', 'Z', 'qty') | default(none) }}", "b": {"$optional": "{{ [] | first }}"}},
        {"a": None},
    ),
    "if without else is left out": (
        {"a": "{{ src.n if src.note }}", "b": ["{{ 1 if src.flag }}", "{{ 2 if src.note }}"]},
        {"b": [1]},
    ),
    "merge objects": (
        {"a": {"$merge": [{"x": 1, "y": 1}, {"$if": "src.flag", "$then": {"y": 2}}, {"$omit": True}]}},
        {"a": {"x": 1, "y": 2}},
    ),
    "merge lists": (
        {"a": {"$merge": [{"$for": "x in src.lines", "$each": "{{ x.sku }}"}, ["Z"]]}},
        {"a": ["A", "B", "C", "Z"]},
    ),
    "let inside": (
        {"a": {"$let": {"x": "{{ src.n + 1 }}", "y": "{{ x * 2 }}"}, "$in": {"s": "{{ x + y }}"}}},
        {"a": {"s": 9}},
    ),
    "omit": ({"a": {"$omit": True}, "b": 1}, {"b": 1}),
    "dollar": ({"$$ref": "{{ src.n }}"}, {"$ref": 2}),
    "literal tables": (
        {"a": "{{ {'paid': 'P', 'open': 'O'}[src.status] }}", "b": "{{ [1, 2][src.n - 1] }}"},
        {"a": "P", "b": 2},
    ),
    "slices and methods": (
        {
            "a": "{{ src.status[1:3] }}",
            "b": "{{ src.status.startswith('pa') }}",
            "c": "{{ src.map.get('zz', 'none') }}",
            "d": "{{ src.map.items() }}",
        },
        {"a": "ai", "b": True, "c": "none", "d": [["k", "v"], ["l", "w"]]},
    ),
    "item before method": ({"a": "{{ src.m.items }}"}, None),
}


@pytest.mark.parametrize("name", [name for name, (_, expected) in CASES.items() if expected is not None])
def test_a_directive(make, name):
    output, expected = CASES[name]
    assert repr(both(make(output))) == repr(expected)


def test_a_field_called_like_a_method_is_the_field(make):
    assert both(make({"a": "{{ src.m.items }}"}), {"m": {"items": [1]}}) == {"a": [1]}


def test_lookup(make):
    tables = {"terms": {"visa": "card", "*": "other"}, "plain": {"a": 1}, "two": {"a / b": "ab"}}
    output = {
        "a": {"$lookup": "terms", "key": "{{ src.name }}"},
        "b": {"$lookup": "plain", "key": "{{ src.gone }}", "default": "{{ src.n }}"},
        "c": {"$lookup": "plain", "key": "{{ src.note }}", "optional": True},
        "d": {"$lookup": "two", "key": ["{{ 'a' }}", "b"]},
        "e": {"$lookup": "plain", "key": "zz", "optional": True},
    }
    assert both(make(output, lookups=tables)) == {"a": "other", "b": 2, "d": "ab"}


def test_lookup_without_a_row_names_the_value(make):
    mapping = make({"a": {"$lookup": "t", "key": "{{ src.status }}"}}, lookups={"t": {"x": 1}})
    with pytest.raises(MappingFault, match="no row for 'paid'") as error:
        mapping.run(SRC, meta=META, links=NoLinks())
    assert (error.value.code, error.value.at, error.value.source) == ("MAP-LOOKUP", "output.a", "src.status")


def test_link(make, known_links):
    output = {
        "a": {"$link": "customer", "key": "{{ src.n }}"},
        "b": {"$link": "variant", "natural": "{{ src.status }}"},
        "c": {"$link": "customer", "key": "{{ src.note }}", "optional": True},
        "d": {"$link": "customer", "key": "unknown", "optional": True},
    }
    links = known_links({("customer", "2"): "c2", ("variant", "natural:paid"): "v"})
    mapping = make(output)
    assert both(mapping, links=links) == {"a": "c2", "b": "v"}
    used = mapping.run(SRC, meta=META, links=links).links_used
    assert used == [("customer", "2", False, "c2"), ("variant", "paid", True, "v")]


def test_all_missing_links_are_told_at_once(make):
    output = {"l": {"$for": "x in src.lines", "$each": {"$link": "variant", "natural": "{{ x.sku }}"}}}
    with pytest.raises(LinkMissing) as error:
        make(output).run(SRC, meta=META, links=NoLinks())
    assert error.value.missing == [("variant", "A", True), ("variant", "B", True), ("variant", "C", True)]
    assert error.value.code == "XREF-MISSING"


def test_include(make):
    files = {
        "fragments/address.yaml": 'fragment: 1\nparams: [a]\noutput: {city: "{{ a.city }}", of: "{{ src.n }}", deep: {$include: fragments/deep.yaml, with: {a: "{{ a.city }}"}}}\n',
        "fragments/deep.yaml": 'fragment: 1\nparams: [a]\noutput: "{{ a | upper }}"\n',
    }
    output = {"to": {"$include": "fragments/address.yaml", "with": {"a": "{{ src.address }}"}}}
    mapping = make(output, files=files)
    assert both(mapping, {"n": 1, "address": {"city": "Ulm"}}) == {"to": {"city": "Ulm", "of": 1, "deep": "ULM"}}
    with pytest.raises(MappingFault) as error:
        mapping.run({"n": 1, "address": {}}, meta=META, links=NoLinks())
    assert "fragments/address.yaml:3" in str(error.value)
    assert error.value.at == "output.to.city"
    assert error.value.source == "src.address.city"


def test_let_key_and_when(make, tmp_path):
    text = """
mapping: 1
from: shop/order
to: canonical/order@1
key: src.id
when: open and src.kind == 'order'
let:
  open: "{{ src.state != 'closed' }}"
  later: "{{ src.only_in_orders.x }}"
output: {number: "{{ later }}"}
"""
    (tmp_path / "shop").mkdir()
    mapping = make(text=text)
    made = mapping.run(
        {"id": 7, "kind": "order", "state": "x", "only_in_orders": {"x": "1"}}, meta=META, links=NoLinks()
    )
    assert (made.key, made.record, made.filtered) == ("7", {"number": "1"}, None)
    filtered = mapping.run({"id": 7, "kind": "refund", "state": "x"}, meta=META, links=NoLinks())
    assert filtered.record is None
    assert filtered.filtered.endswith(":6: when: open and src.kind == 'order'")
    assert mapping.deviations == 0
    with pytest.raises(MappingFault, match="`key` needs an id, but got null"):
        mapping.run(
            {"id": None, "kind": "order", "state": "x", "only_in_orders": {"x": "1"}}, meta=META, links=NoLinks()
        )


FAULTS = {
    "missing": ({"a": "{{ src.lines[0].sko }}"}, "MAP-MISSING", "output.a", "src.lines[0].sko", "Did you mean 'sku'?"),
    "null on the way": ({"a": "{{ src.note.x }}"}, "MAP-MISSING", "output.a", "src.note.x", "src.note is null"),
    "null in text": ({"a": "x{{ src.note }}"}, "MAP-TYPE", "output.a", "src.note", "null in it"),
    "wrong type on the way": ({"a": "{{ src.name.x }}"}, "MAP-TYPE", "output.a", "src.name.x", "has no field 'x'"),
    "in a loop": (
        {"l": {"$for": "x in src.lines", "$where": "x.qty > 0", "$each": {"a": "{{ x.tags[1] }}"}}},
        "MAP-MISSING",
        "output.l[0].a",
        "src.lines[0].tags[1]",
        "only 1 items",
    ),
    "no list": ({"l": {"$for": "x in src.note", "$each": 1}}, "MAP-TYPE", "output.l", "src.note", "needs a list"),
    "match": ({"a": {"$match": "{{ src.status }}", "open": 1}}, "MAP-MATCH", "output.a", "src.status", "'paid'"),
    "match null": ({"a": {"$match": "{{ src.note }}", "open": 1}}, "MAP-MATCH", "output.a", "src.note", "for null"),
    "error": ({"a": {"$error": "not {{ src.status }}"}}, "MAP-ERROR", "output.a", "", "not paid"),
    "compare": ({"a": "{{ src.name > 1 }}"}, "MAP-TYPE", "output.a", "src.name", "cannot be compared"),
    "add": ({"a": "{{ src.name + 1 }}"}, "MAP-TYPE", "output.a", "src.name", "write `~`"),
    "multiply text": ({"a": "{{ 'x' * 3 }}"}, "MAP-TYPE", "output.a", "", "needs numbers"),
    "percent on text": ({"a": "{{ '%d' % 3 }}"}, "MAP-TYPE", "output.a", "", "needs numbers"),
    "divide by zero": ({"a": "{{ 1 / 0 }}"}, "MAP-TYPE", "output.a", "", "by zero"),
    "nothing to choose": ({"a": {"$first": ["{{ src.gone }}"]}}, "MAP-MISSING", "output.a", "", "None of the values"),
    "key twice": (
        {"a": {"$for": "x in src.lines", "$key": "'k'", "$each": 1}},
        "MAP-TYPE",
        "output.a",
        "",
        "same name twice",
    ),
    "merge": ({"a": {"$merge": [{"x": 1}, [1]]}}, "MAP-TYPE", "output.a", "", "only objects or only lists"),
    "empty id": ({"a": {"$link": "customer", "key": "{{ src.empty }}"}}, "MAP-TYPE", "output.a", "", "needs an id"),
    "filter": ({"a": "{{ src.note | upper }}"}, "MAP-TYPE", "output.a", "src.note", "`upper` needs text"),
    "nothing found": ({"a": "{{ [] | first }}"}, "MAP-MISSING", "output.a", "", "found nothing"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_names_its_place(make, name):
    output, code, at, source, said = FAULTS[name]
    with pytest.raises(MappingFault) as error:
        make(output).run(SRC, meta=META, links=NoLinks())
    found = error.value
    assert (found.code, found.at) == (code, at)
    assert said in str(found)
    assert not source or found.source == source or source in str(found)
    assert "order.from_canonical.json:1" in found.where


def test_every_failing_field_is_told(make):
    output = {
        "a": "{{ src.x }}",
        "b": {"c": "{{ src.y }}"},
        "l": {"$for": "z in src.lines", "$each": "{{ z.w }}"},
        "ok": 1,
    }
    with pytest.raises(MappingFault) as error:
        make(output).run(SRC, meta=META, links=NoLinks())
    assert [error.value.at, *(fault.at for fault in error.value.also)] == [
        "output.a",
        "output.b.c",
        "output.l[0]",
        "output.l[1]",
        "output.l[2]",
    ]


def test_personal_data_is_not_in_an_error(make):
    secret = "Ada Lovelace, ada@example.com"
    mapping = make(
        {
            "a": "{{ src.name + 1 }}",
            "b": "{{ src.name.x }}",
            "c": "{{ src.name | number }}",
            "d": {"$match": "{{ src.name }}", "x": 1},
        }
    )
    with pytest.raises(MappingFault) as error:
        mapping.run({"name": secret}, meta=META, links=NoLinks())
    assert len(error.value.also) == 3
    assert not any("Ada" in str(fault) or "example.com" in str(fault) for fault in (error.value, *error.value.also))


def test_a_missing_mapping_and_a_broken_one(make, tmp_path):
    from hub.mapping import Lookups, MappingSet

    (tmp_path / "odoo").mkdir()
    (tmp_path / "odoo" / "order.from_canonical.yaml").write_text("mapping: 1\n  bad: [", encoding="utf-8")
    loaded = MappingSet.load([tmp_path], lookups=Lookups())
    assert loaded.problems[0].code == "MAP001"
    with pytest.raises(MappingInvalid, match="MAP001"):
        loaded.outbound("order", "odoo")
    with pytest.raises(MappingError, match="MAP-NONE"):
        loaded.outbound("order", "magento")
    assert loaded.inbound("shopify", "order") == []
