"""Lineage proved by changing the source: what changes in the output is exactly what the lineage said would."""

import copy
import json
import zlib
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.errors import MappingError
from hub.mapping import Lineage, NoLinks
from hub.mapping.filters import ABSENT

META = {"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}
OUTPUT = {
    "number": "{{ src.name }}",
    "placed_at": "{{ src.created_at | datetime }}",
    "currency": "{{ cur }}",
    "status": {"$match": "{{ src.state }}", "paid": "submitted", "open": "{{ src.reason }}", "$else": "review"},
    "note": {"$optional": "{{ src.note }}"},
    "title": {"$first": ["{{ src.nick }}", "{{ src.full.name }}"], "default": "nobody"},
    "greeting": "Dear {{ src.full.name | upper }} ({{ src.name }})",
    "vip": "{{ 'yes' if src.points > 100 else src.level }}",
    "terms": {"$lookup": "terms", "key": "{{ src.gateway }}", "default": "{{ src.level }}"},
    "fallback": "{{ src.extra.code | default(src.level) }}",
    "lines": {
        "$for": "line in src.lines",
        "$where": "line.qty > 0",
        "$each": {
            "sku": "{{ line.sku }}",
            "price": "{{ line.price | money(cur) }}",
            "label": "{{ loop.index }}. {{ line.sku }}",
            "taxes": {"$for": "tax in line.taxes", "$each": {"of": "{{ line.sku }}", "amount": "{{ tax.amount }}"}},
            "gift": {"$if": "line.gift", "$then": "{{ line.text }}"},
        },
    },
    "all": {"$merge": [{"$for": "x in src.lines", "$each": "{{ x.sku }}"}, ["{{ src.name }}", "{{ src.level }}"]]},
    "first": "{{ src.lines[0].sku }}",
    "found": "{{ src.attributes | pick('k', 'color', 'v') | default(none) }}",
    "copied": "{{ src.full }}",
    "to": {"$let": {"c": "{{ src.full.city ~ cur }}"}, "$in": {"city": "{{ c }}", "also": "{{ c }}"}},
}
LET = {"cur": "{{ src.currency }}"}
SRC = {
    "name": "#1",
    "created_at": "2026-01-01T00:00:00Z",
    "currency": "EUR",
    "state": "paid",
    "reason": "r",
    "note": None,
    "nick": "",
    "full": {"name": "Ada", "city": "Ulm"},
    "points": 5,
    "level": "gold",
    "gateway": "visa",
    "extra": {},
    "unread": "u",
    "lines": [
        {"sku": "A", "qty": 1, "price": "1.10", "gift": False, "text": "t", "taxes": [{"amount": 1, "unread": 1}]},
        {"sku": "B", "qty": 0, "price": "2.10", "gift": True, "text": "t", "taxes": []},
        {
            "sku": "C",
            "qty": 2,
            "price": "3.10",
            "gift": True,
            "text": "t",
            "taxes": [{"amount": 2, "unread": 1}, {"amount": 3, "unread": 1}],
        },
    ],
    "attributes": [{"k": "size", "v": "L"}, {"k": "color", "v": "red"}],
}
OTHERS = {
    str: st.sampled_from(["zz", "open", "paid", "color", "USD", "visa", "cash", "", "9.90", "2027-05-05T00:00:00Z"]),
    int: st.integers(0, 200),
    bool: st.booleans(),
    type(None): st.sampled_from(["text", "", None]),
}


@pytest.fixture
def mapping(make):
    return make(OUTPUT, let=LET, lookups={"terms": {"visa": "card", "cash": "now"}})


def leaves(value, path):
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            yield from leaves(inner, f"{path}.{name}")
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from leaves(inner, f"{path}[{index}]")
    else:
        yield path, value


def places(value, steps=()):
    if isinstance(value, (dict, list)):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*steps, key))
    else:
        yield steps


def shown(steps):
    return "src" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def around(at):
    """A path and everything it is in: a value also changes place when the list around it does."""
    while at:
        yield at
        cut = max(at.rfind("."), at.rfind("["))
        at = at[:cut] if cut > 0 else ""


def named(origins, at, path):
    """Does the lineage say that the value at ``at`` depends on ``path``?"""
    inside = [origin for origin in origins if origin.at == at or origin.at.startswith((f"{at}.", f"{at}["))]
    return any(origin.names(path) for origin in origins if origin.at in set(around(at))) or any(
        origin.names(path) for origin in inside
    )


PLACES = list(places(SRC))


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.data())
def test_what_changes_was_named(data):
    mapping = MAPPING[0]
    steps = data.draw(st.sampled_from(PLACES))
    changed = copy.deepcopy(SRC)
    parent = changed
    for step in steps[:-1]:
        parent = parent[step]
    other = data.draw(OTHERS[type(parent[steps[-1]])])
    parent[steps[-1]] = other
    before = mapping.run(SRC, meta=META, links=NoLinks(), lineage=True)
    try:
        after = mapping.run(changed, meta=META, links=NoLinks(), lineage=True)
    except MappingError:
        return
    one, two = dict(leaves(before.record, "output")), dict(leaves(after.record, "output"))
    different = {
        at for at in one.keys() | two.keys() if at not in one or at not in two or repr(one[at]) != repr(two[at])
    }
    for at in different:
        assert named(before.lineage.origins, at, shown(steps)), (at, shown(steps), other)
        assert named(after.lineage.origins, at, shown(steps))
    if steps[-1] == "unread":
        assert not different


MAPPING = []


@pytest.fixture(autouse=True)
def _shared(mapping):
    MAPPING[:] = [mapping]


@pytest.mark.parametrize(
    "steps", [steps for steps in PLACES if isinstance(SRC.get(steps[0]), (str, list, dict))], ids=shown
)
def test_what_was_named_as_content_changes(mapping, steps):
    """The other direction: a path named as content, not only as control, changes the value when it changes."""
    changed = copy.deepcopy(SRC)
    parent = changed
    for step in steps[:-1]:
        parent = parent[step]
    fresh = {
        "created_at": "2027-07-07T00:00:00Z",
        "currency": "CHF",
        "price": "7.70",
        "qty": 7,
        "amount": 7,
        "state": "paid",
    }
    parent[steps[-1]] = fresh.get(
        steps[-1], parent[steps[-1]] if isinstance(parent[steps[-1]], bool) else f"{parent[steps[-1]]}x"
    )
    if steps[-1] in ("k", "gift", "nick", "gateway", "points", "unread", "qty", "state"):
        return  # these steer; or they are looked for in a list, where most of the list does not matter
    before = mapping.run(SRC, meta=META, links=NoLinks(), lineage=True)
    one, two = (
        dict(leaves(before.record, "output")),
        dict(leaves(mapping.run(changed, meta=META, links=NoLinks()).record, "output")),
    )
    for origin in before.lineage.origins:
        if shown(steps) in origin.data and origin.kind == "value" and not origin.at.startswith("let."):
            below = [at for at in one if at == origin.at or at.startswith((f"{origin.at}.", f"{origin.at}["))]
            assert any(repr(one[at]) != repr(two.get(at)) for at in below), origin


def test_every_value_has_an_origin(mapping):
    made = mapping.run(SRC, meta=META, links=NoLinks(), lineage=True)
    assert mapping.deviations == 0
    for at, _ in leaves(made.record, "output"):
        found = made.lineage.at(at)
        assert found, at
        assert all(origin.line and origin.file for origin in found)


def test_the_story_of_one_value(mapping):
    lineage = mapping.run(SRC, meta=META, links=NoLinks(), lineage=True).lineage
    (price,) = lineage.at("lines[1].price")
    assert price.data == {"src.lines[2].price": "3.10", "src.currency": "EUR"}
    assert price.control == {"src.lines[]": 3, "src.lines[2].qty": 2}
    assert price.filters == ("money",)
    assert lineage.at("lines[1].price.amount") == [price]
    (status,) = lineage.at("status")
    assert (status.data, status.control, status.branches) == ({}, {"src.state": "paid"}, ("$match: paid",))
    (terms,) = lineage.at("terms")
    assert terms.lookup is not None
    assert (terms.lookup.table, terms.lookup.key) == ("terms", ("visa",))
    assert terms.lookup.version
    (note,) = lineage.at("note")
    assert (note.kind, note.control) == ("left out", {"src.note": None})
    (fallback,) = lineage.at("fallback")
    assert fallback.control == {"src.extra.code": ABSENT}
    (last,) = lineage.at("all[4]")
    assert last.data == {"src.level": "gold"}


def test_a_stored_story_is_small_and_can_be_told_again(make, known_links):
    mapping = make(
        {
            "c": {"$link": "customer", "key": "{{ src.id }}"},
            "l": {"$for": "x in src.l", "$each": {"a": "{{ x.a }}", "b": "{{ x.b }}"}},
        }
    )
    src = {"id": "7", "l": [{"a": n, "b": n} for n in range(50)]}
    lineage = mapping.run(src, meta=META, links=known_links({("customer", "7"): "cus_1"}), lineage=True).lineage
    stored = json.dumps(lineage.snapshot())
    assert len(stored) < 400
    again = Lineage.restore(mapping, src, META, json.loads(stored))
    assert [origin.as_dict() for origin in again.origins] == [origin.as_dict() for origin in lineage.origins]
    assert again.at("c")[0].link == "customer"
    assert len(zlib.compress(json.dumps(lineage.compact()).encode())) < 600
    with pytest.raises(MappingError, match="has changed"):
        Lineage.restore(make({"c": 1}), src, META, json.loads(stored))


def test_amounts_and_ids_are_shown_as_they_were(make):
    lineage = make({"a": "{{ src.a }}"}).run({"a": Decimal("1.10")}, meta=META, links=NoLinks(), lineage=True).lineage
    assert lineage.at("a")[0].data == {"src.a": Decimal("1.10")}
