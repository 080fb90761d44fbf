"""Filters for lists of records."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from hub.mapping.filters.base import ABSENT, EXACT, exact, filter_, masked, need_list, need_text, wrong

_GROUP = "lists"
_SMALL = 10**30
_ATTRS = {"attrs": [{"name": "gift", "value": "yes"}, {"name": "color", "value": "red"}]}
_LINES = {"lines": [{"sku": "B", "qty": 2}, {"sku": "A", "qty": "1.5"}, {"sku": "B", "qty": 1}]}


def _field(item: Any, key: str, name: str) -> Any:
    if not isinstance(item, dict):
        raise wrong(f"`{name}` needs a list of objects, but one item is {masked(item)}.")
    if key not in item:
        raise wrong(
            f"`{name}` found an item without the field {key!r}.", "Filter first: `| where(...)`.", code="MAP-MISSING"
        )
    return item[key]


def _has(item: Any, key: str, value: Any) -> bool:
    return isinstance(item, dict) and key in item and same(item[key], value)


def same(left: Any, right: Any) -> bool:
    """Are two values equal, with true and 1 kept apart?"""
    kind = left.__class__
    if kind is right.__class__ and (kind is str or kind is int):
        return bool(left == right)
    if any(isinstance(value, Decimal) and not value.is_finite() for value in (left, right)):
        return False
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


@filter_(
    "pick",
    _GROUP,
    ("src.attrs | pick('name', 'gift', 'value')", _ATTRS, "yes"),
    ("src.attrs | pick('name', 'size', 'value') | default('none')", _ATTRS, "none"),
    may_be_absent=True,
)
def pick(value: Any, key: Any, wanted: Any, result: Any = None) -> Any:
    """Finds the first object whose field `key` is `wanted`, and gives its field `result`, or all of it.

    Without a match it counts as a missing field, so that `default(...)` or $optional can follow.
    """
    key = need_text(key, "pick")
    for item in need_list(value, "pick"):
        if _has(item, key, wanted):
            return item if result is None else item.get(need_text(result, "pick"), ABSENT)
    return ABSENT


@filter_(
    "where",
    _GROUP,
    ("src.lines | where('sku', 'B') | pluck('qty')", _LINES, [2, 1]),
    ("src.lines | where('note') | length", _LINES, 0),
)
def where(value: Any, key: Any, *wanted: Any) -> list[Any]:
    """Keeps the objects whose field `key` is one of the values given; without values, those where it is there and not empty."""
    key = need_text(key, "where")
    items = need_list(value, "where")
    if not wanted:
        return [item for item in items if isinstance(item, dict) and item.get(key) not in (None, "", [], {}, False)]
    if len(wanted) == 1:
        (only,) = wanted
        return [item for item in items if _has(item, key, only)]
    return [item for item in items if any(_has(item, key, one) for one in wanted)]


@filter_("where_not", _GROUP, ("src.lines | where_not('sku', 'B') | pluck('sku')", _LINES, ["A"]))
def where_not(value: Any, key: Any, *wanted: Any) -> list[Any]:
    """Drops the objects that `where` would keep."""
    kept = where(value, key, *wanted)
    identities = {id(item) for item in kept}
    return [item for item in value if id(item) not in identities]


@filter_(
    "pluck",
    _GROUP,
    ("src.lines | pluck('sku')", _LINES, ["B", "A", "B"]),
    ("src.lines | pluck('note', skip_missing=true)", _LINES, []),
    refused=(("src.lines | pluck('note')", _LINES, "MAP-MISSING"),),
)
def pluck(value: Any, key: Any, skip_missing: Any = False) -> list[Any]:
    """Gives one field of every object of a list."""
    key = need_text(key, "pluck")
    items = need_list(value, "pluck")
    if skip_missing:
        items = [item for item in items if isinstance(item, dict) and item.get(key) is not None]
    return [_field(item, key, "pluck") for item in items]


@filter_(
    "group",
    _GROUP,
    (
        "src.lines | group('sku')",
        {"lines": [{"sku": "B", "q": 2}, {"sku": "A", "q": 1}, {"sku": "B", "q": 1}]},
        [
            {"key": "B", "items": [{"sku": "B", "q": 2}, {"sku": "B", "q": 1}]},
            {"key": "A", "items": [{"sku": "A", "q": 1}]},
        ],
    ),
)
def group(value: Any, key: Any) -> list[dict[str, Any]]:
    """Puts objects with the same field `key` together: a list of {key, items} in the order of first appearance."""
    key = need_text(key, "group")
    groups: dict[Any, dict[str, Any]] = {}
    for item in need_list(value, "group"):
        found = _field(item, key, "group")
        groups.setdefault(_mark(found), {"key": found, "items": []})["items"].append(item)
    return list(groups.values())


def _mark(value: Any) -> Any:
    """Something hashable that is equal exactly for equal JSON values."""
    if isinstance(value, dict):
        return ("object", frozenset((key, _mark(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("list", tuple(_mark(item) for item in value))
    if isinstance(value, (Decimal, float)):
        value = exact(value, "unique")
    return (isinstance(value, bool), value)


@filter_(
    "sum",
    _GROUP,
    ("src.lines | sum('qty')", _LINES, Decimal("4.5")),
    ("[1, '2.50'] | sum", {}, Decimal("3.50")),
    ("src.none | sum", {"none": []}, Decimal(0)),
)
def sum_(value: Any, key: Any = None) -> Decimal:
    """Adds the numbers of a list, or of one field of its objects, exactly."""
    items = need_list(value, "sum")
    if key is not None:
        key = need_text(key, "sum")
        items = [_field(item, key, "sum") for item in items]
    total: int | Decimal = 0
    for item in items:
        if item.__class__ is int and total.__class__ is int and -_SMALL < item < _SMALL and -_SMALL < total < _SMALL:
            total += item
        else:
            total = EXACT.add(total, exact(item, "sum"))
    return Decimal(total)


@filter_(
    "unique",
    _GROUP,
    ("src.lines | pluck('sku') | unique", _LINES, ["B", "A"]),
    ("src.lines | unique('sku') | length", _LINES, 2),
)
def unique(value: Any, key: Any = None) -> list[Any]:
    """Drops what is there already, by the whole value or by one field; the first stays."""
    seen: set[Any] = set()
    kept = []
    for item in need_list(value, "unique"):
        mark = _mark(item if key is None else _field(item, need_text(key, "unique"), "unique"))
        if mark not in seen:
            seen.add(mark)
            kept.append(item)
    return kept


def _finite(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, Decimal) and value.is_finite()
    )


@filter_(
    "sort",
    _GROUP,
    ("['b', 'C', 'a'] | sort", {}, ["C", "a", "b"]),
    ("src.lines | sort('sku') | pluck('sku')", _LINES, ["A", "B", "B"]),
    ("[2, 10, 1] | sort(reverse=true)", {}, [10, 2, 1]),
    refused=(("[1, 'a'] | sort", {}, "MAP-TYPE"),),
)
def sort(value: Any, key: Any = None, reverse: Any = False) -> list[Any]:
    """Sorts a list by value, or by one field of its objects: text by its characters, numbers by size. Equals keep their order."""
    items = need_list(value, "sort")
    keys = items if key is None else [_field(item, need_text(key, "sort"), "sort") for item in items]
    if not (all(isinstance(k, str) for k in keys) or all(_finite(k) for k in keys)):
        raise wrong(
            "`sort` needs values that are all text or all numbers.",
            "Write `| pluck(...)` first, or name the field to sort by.",
        )
    order = sorted(range(len(items)), key=lambda place: keys[place], reverse=bool(reverse))
    return [items[place] for place in order]


@filter_(
    "first",
    _GROUP,
    ("src.tags | first", {"tags": ["new", "sale"]}, "new"),
    ("src.tags | first | default('-')", {"tags": []}, "-"),
    may_be_absent=True,
)
def first(value: Any) -> Any:
    """Gives the first item; an empty list counts as a missing field."""
    items = need_list(value, "first")
    return items[0] if items else ABSENT


@filter_("last", _GROUP, ("src.gid | split('/') | last", {"gid": "gid://shopify/Order/123"}, "123"), may_be_absent=True)
def last(value: Any) -> Any:
    """Gives the last item; an empty list counts as a missing field."""
    items = need_list(value, "last")
    return items[-1] if items else ABSENT


@filter_("length", _GROUP, ("src.tags | length", {"tags": ["new", "sale"]}, 2), ("src.a | length", {"a": "four"}, 4))
def length(value: Any) -> int:
    """Counts the items of a list, the fields of an object, or the characters of a text."""
    if isinstance(value, (list, dict, str)):
        return len(value)
    raise wrong(f"`length` needs a list, an object or text, but got {masked(value)}.")


@filter_("reverse", _GROUP, ("[1, 2, 3] | reverse", {}, [3, 2, 1]))
def reverse(value: Any) -> list[Any]:
    """Turns a list round."""
    return need_list(value, "reverse")[::-1]


@filter_("compact", _GROUP, ("[src.a, src.b, 'x'] | compact", {"a": None, "b": ""}, ["x"]))
def compact(value: Any) -> list[Any]:
    """Drops null and empty text from a list."""
    return [item for item in need_list(value, "compact") if item is not None and item != ""]


@filter_("flatten", _GROUP, ("src.pages | flatten", {"pages": [[1, 2], [3]]}, [1, 2, 3]))
def flatten(value: Any) -> list[Any]:
    """Makes one list of a list of lists."""
    return [item for items in need_list(value, "flatten") for item in need_list(items, "flatten")]


@filter_(
    "index_by",
    _GROUP,
    ("(src.lines | index_by('sku')).A.qty", {"lines": [{"sku": "A", "qty": 2}]}, 2),
    refused=(("src.lines | index_by('sku')", _LINES, "MAP-TYPE"),),
)
def index_by(value: Any, key: Any) -> dict[str, Any]:
    """Makes an object of a list of objects, each under the text of its field `key`. The same key twice is refused."""
    key = need_text(key, "index_by")
    table: dict[str, Any] = {}
    for item in need_list(value, "index_by"):
        found = _field(item, key, "index_by")
        mark = (
            str(found)
            if isinstance(found, (int, str)) and not isinstance(found, bool)
            else need_text(found, "index_by")
        )
        if mark in table:
            raise wrong(f"`index_by` found the same {key!r} twice.", "Use `| unique(...)` or `| group(...)`.")
        table[mark] = item
    return table


@filter_("entries", _GROUP, ("src.o | entries", {"o": {"a": 1}}, [{"key": "a", "value": 1}]))
def entries(value: Any) -> list[dict[str, Any]]:
    """Makes a list of {key, value} of an object, so that $for can go through it."""
    if not isinstance(value, dict):
        raise wrong(f"`entries` needs an object, but got {masked(value)}.")
    return [{"key": key, "value": item} for key, item in value.items()]
