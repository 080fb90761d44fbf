"""The small parts that a file is compiled into: paths, texts with placeholders, times, conditions."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.sdk.declarative import times
from hub.sdk.declarative.conditions import condition
from hub.sdk.declarative.paths import ABSENT, getter
from hub.sdk.declarative.templates import TemplateFault, compile_text
from hub.sdk.jsonio import read_json

DATA = read_json('{"a": {"b": [{"c": 1.50}, {"c": null}]}, "@odata.nextLink": "u", "a/b": 2, "x-y": "z", "n": null}')
KNOWN = {"config": frozenset({"url", "company", "token"}), "id": None, "record": None, "key": None}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("a.b[0].c", Decimal("1.50")), ("/a/b/0/c", Decimal("1.50")), ("a.b[1].c", None), ("a.b[2].c", None), ("a.b.c", None),
        ("/@odata.nextLink", "u"), ("/a~1b", 2), ("x-y", "z"), ("n", None), ("n.m", None), ("missing", None),
    ],
)  # fmt: skip
def test_paths(path: str, value: object) -> None:
    assert getter(path)(DATA) == value


@pytest.mark.parametrize("data", [None, 1, "a", [], [1], ABSENT])
def test_a_path_in_something_else_finds_nothing(data: object) -> None:
    assert getter("a.b[0]")(data) is None
    assert getter("a", ABSENT)(data) is ABSENT


@pytest.mark.parametrize("path", ["", "a..b", ".a", "a.", "a[b]", "a[-1]", "{a}", "a b.[0]", "[0]"])
def test_what_is_no_path_says_how_to_write_one(path: str) -> None:
    with pytest.raises(ValueError, match="JSON Pointer"):
        getter(path)


@pytest.mark.parametrize(
    ("text", "scope", "result"),
    [
        ("plain", {}, "plain"),
        ("{id}", {"id": 7}, 7),
        ("/orders/{id}", {"id": 7}, "/orders/7"),
        ("{record.lines}", {"record": {"lines": [1]}}, [1]),
        ("{record.lines}!", {"record": {"lines": [Decimal("1.50")]}}, "[1.50]!"),
        ("{record.none}", {"record": {"none": None}}, None),
        ("{record.none}!", {"record": {"none": None}}, ABSENT),
        ("{record.gone}", {"record": {}}, ABSENT),
        ("{id}", {}, ABSENT),
        ("Name eq {key:odata}", {"key": "O'Brien"}, "Name eq 'O''Brien'"),
        ("{id:odata}", {"id": 7}, "7"),
        ("sku:{key:quoted}", {"key": 'a"b\\'}, 'sku:"a\\"b\\\\"'),
        ("{key:number}", {"key": "1 OR 1=1"}, "-1"),
        ("{{id}} {id}", {"id": True}, "{id} true"),
        ("{config.company}-{id}", {"id": 1}, "01-1"),
        ("{config.company}", {}, "01"),
        ("{config.token}", {}, ABSENT),
    ],
)
def test_texts(text: str, scope: dict[str, object], result: object) -> None:
    constants = {"config": {"company": "01", "token": None}}
    assert compile_text(text, KNOWN).bind(constants)(scope) == result


def test_values_in_a_path_cannot_leave_it() -> None:
    fill = compile_text("/{config.company}/orders/{id}", KNOWN).bind({"config": {"company": "a/b"}}, escape=True)
    assert fill({"id": "../../admin?x=1#y"}) == "/a/b/orders/..%2F..%2Fadmin%3Fx%3D1%23y"


@pytest.mark.parametrize(
    ("text", "said", "fix"),
    [
        ("{idd}", "no {idd} here", "'id'"),
        ("{config.compny}", "no {config.compny}", "'company'"),
        ("{config}", "no {config}", "company, token, url"),
        ("{id:odta}", "no format 'odta'", "'odata'"),
        ("{id", "single '{'", "{{"),
        ("id}", "single '}'", "}}"),
        ("{}", "no placeholder", "{name}"),
        ("{1+1}", "no placeholder", "{name}"),
        ("{record.a..b}", "no path", ""),
        ("{__class__}", "no {__class__} here", ""),
        ("{id.__class__!r}", "no path|no placeholder|JSON", ""),
    ],
)
def test_texts_that_cannot_be_read(text: str, said: str, fix: str) -> None:
    try:
        made = compile_text(text, KNOWN)
    except TemplateFault as fault:
        assert any(part in str(fault) for part in said.split("|"))
        assert fix in fault.fix
    else:
        # A path is only names: it never reaches an attribute of Python.
        assert made.bind({})({"id": "x"}) is ABSENT


@given(st.text(max_size=40))
def test_no_text_breaks_the_reader(text: str) -> None:
    try:
        compile_text(text, KNOWN).bind({"config": {}})({"id": 1, "record": {}, "key": "k"})
    except TemplateFault as fault:
        assert str(fault)


@given(st.text(max_size=30))
def test_no_path_breaks_the_reader(text: str) -> None:
    try:
        getter(text)(DATA)
    except ValueError as fault:
        assert str(fault)


AT = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "zone", "text"),
    [
        ("iso", "UTC", "2026-03-29T01:30:00.123456Z"), ("iso_seconds", "UTC", "2026-03-29T01:30:00Z"),
        ("iso_offset", "UTC", "2026-03-29T01:30:00.123456+00:00"), ("iso_offset", "Europe/Berlin", "2026-03-29T03:30:00.123456+02:00"),
        ("date", "UTC", "2026-03-29"), ("seconds", "UTC", 1774747800), ("milliseconds", "UTC", 1774747800123),
        ("odata2", "UTC", "datetime'2026-03-29T01:30:00'"), ("%d.%m.%Y %H:%M", "Europe/Berlin", "29.03.2026 03:30"),
    ],
)  # fmt: skip
def test_times_are_written_and_rounded_down(form: str, zone: str, text: object) -> None:
    assert times.writer(form, times.zone_of(zone))(AT) == text


@pytest.mark.parametrize(
    ("value", "zone", "read"),
    [
        ("2026-03-29T01:30:00Z", "UTC", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-03-29T01:30:00.1234567Z", "UTC", AT),
        ("2026-03-29 03:30:00", "Europe/Berlin", datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
        ("2026-03-29", "UTC", datetime(2026, 3, 29, tzinfo=UTC)),
        ("/Date(1774747800123)/", "UTC", AT.replace(microsecond=123000)),
        (1774747800, "UTC", AT.replace(microsecond=0)),
        (1774747800123, "UTC", AT.replace(microsecond=123000)),
        (Decimal("1774747800.5"), "UTC", AT.replace(microsecond=500000)),
        ("yesterday", "UTC", None), (True, "UTC", None), (None, "UTC", None), ("", "UTC", None), (10**30, "UTC", None),
        ("/Date(99999999999999999)/", "UTC", None),
    ],
)  # fmt: skip
def test_times_are_read(value: object, zone: str, read: datetime | None) -> None:
    assert times.reader(times.zone_of(zone))(value) == read


def test_local_times_are_compared_as_utc() -> None:
    read = times.reader(ZoneInfo("Europe/Berlin"))
    before, after = read("2026-10-25 01:59:00"), read("2026-10-25 03:01:00")
    assert before is not None
    assert after is not None
    assert (after - before).total_seconds() == 62 * 60 + 3600, "an hour came twice in between"


@pytest.mark.parametrize("form", ["iso8601", "", "date "])
def test_an_unknown_format_names_those_there_are(form: str) -> None:
    with pytest.raises(ValueError, match="iso_seconds"):
        times.writer(form)


@pytest.mark.parametrize(
    ("where", "has", "holds"),
    [
        ({"a.b[0].c": "1.50"}, [], True), ({"a.b[0].c": [2, "1.50"]}, [], True), ({"a.b[0].c": 2}, [], False),
        ({"n": None}, [], True), ({"gone": None}, [], True), ({"x-y": None}, [], False),
        ({}, ["a.b"], True), ({}, ["n"], False), ({}, ["a", "gone"], False), ({"/a~1b": 2}, ["x-y"], True),
    ],
)  # fmt: skip
def test_conditions(where: dict[str, object], has: list[str], holds: bool) -> None:
    assert condition(where, has)(DATA) is holds


def test_truth_is_compared_as_it_is_written() -> None:
    assert condition({"ok": False})({"ok": False})
    assert not condition({"ok": False})({"ok": 0})
    assert condition({"code": 1})({"code": "1"})
