"""Files out: what they look like, and that each record is written once however often it is tried."""

from __future__ import annotations

import csv
import io
import itertools
import json
import threading
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.files.config import Writing
from connectors.files.formats.writing import file_of
from hub.errors import HubError, OutcomeUnknown, Rejected, RetryLater
from hub.sdk.files import LocalFolder
from tests.unit.connectors.files.conftest import record


def writer(world, **writing):
    return world.connector(write={"variant": {"path": "out", **writing}})


def one_file(world) -> bytes:
    (name,) = world.names("out")
    return (world.root / "out" / name).read_bytes()


# --- formats


@pytest.mark.parametrize(
    ("writing", "data", "expected"),
    [
        ({}, {"sku": "00123", "price": "1.50", "n": None, "ok": True}, b"sku,price,n,ok\n00123,1.50,,true\n"),
        ({"delimiter": ";", "line_end": "\r\n", "header": False, "columns": ["b", "a"]}, {"a": "1;2", "b": 'x"y'}, b'"x""y";"1;2"\r\n'),
        ({"bom": True}, {"a": "ü"}, b"\xef\xbb\xbfa\n\xc3\xbc\n"),
        ({"encoding": "cp1252"}, {"a": "ü€"}, b"a\n\xfc\x80\n"),
        ({"encoding": "utf-16"}, {"a": "ü"}, b"\xff\xfea\x00\n\x00\xfc\x00\n\x00"),
        ({}, {"no": "1", "rows": [{"sku": "A"}, {"sku": "B"}]}, b"no,sku\n1,A\n1,B\n"),
        ({"format": "jsonl"}, {"a": "ü", "rows": [{"x": 1}]}, '{"a":"ü","rows":[{"x":1}]}\n'.encode()),
        ({"format": "json", "records": "items"}, {"a": 1}, b'{"items":[{"a":1}]}\n'),
        ({"format": "fixed", "columns": [{"name": "a", "width": 4}, {"name": "b", "width": 5, "align": "right"}]}, {"a": "x", "b": "1.5"}, b"x     1.5\n"),
        (
            {"format": "xml", "records": "Orders/Order", "encoding": "latin-1"},
            {"@id": '1"<', "name": "A & ü", "line": [{"sku": "A"}, {"sku": "B"}], "note": None},
            '<?xml version="1.0" encoding="iso-8859-1"?>\n<Orders>\n<Order id=\'1"&lt;\'><name>A &amp; ü</name><line><sku>A</sku></line>'
            "<line><sku>B</sku></line><note/></Order>\n</Orders>\n".encode("latin-1"),
        ),
    ],
)  # fmt: skip
def test_what_files_look_like(world, writing, data, expected):
    writer(world, **writing).deliver(record(**data))
    assert one_file(world) == expected
    if writing.get("format") == "xml":
        assert ET.fromstring(expected).find("Order/name").text == "A & ü"


@pytest.mark.parametrize(
    "value", ["=1+1", "+cmd|x", "-2+3", "@SUM(A1)", "\tx", "\r=x", '=HYPERLINK("http://x")', "+49 30 1234"]
)
def test_formulas_are_marked_as_text(world, value):
    writer(world).deliver(record(a=value, b="x"))
    ((_, _), (cell, other)) = list(csv.reader(io.StringIO(one_file(world).decode(), newline="")))
    assert cell == f"'{value}"
    assert other == "x"


@pytest.mark.parametrize("value", ["-3.50", "+4930901820", "-1,234.00", "a=b", "00123", "", "'"])
def test_what_is_no_formula_stays_as_it_is(world, value):
    writer(world).deliver(record(a=value, b="x"))
    assert next(itertools.islice(csv.reader(one_file(world).decode().splitlines()), 1, None))[0] == value


def test_the_guard_can_be_switched_off_for_programs(world):
    writer(world, formula_guard=False).deliver(record(a="=1", b="-x"))
    assert one_file(world) == b"a,b\n=1,-x\n"


@pytest.mark.parametrize(
    ("writing", "data", "said"),
    [
        ({"encoding": "latin-1"}, {"a": "漢"}, "U+6F22 cannot be written in latin-1"),
        ({}, {"a": {"b": 1}}, "the value of a is an object"),
        ({"columns": ["a"]}, {"a": 1, "b": 2}, "the record has a field 'b'"),
        ({"format": "fixed", "columns": [{"name": "a", "width": 2}]}, {"a": "abc"}, "has 3 characters, and 2 fit"),
        ({"format": "fixed", "columns": [{"name": "a", "width": 9}]}, {"a": "a\nb"}, "line break"),
        ({"format": "xml", "records": "a/b"}, {"x y": 1}, "no name of an XML element"),
        ({"format": "xml", "records": "a/b"}, {"x": "\x0b"}, "U+000B cannot be in XML"),
    ],
)
def test_what_cannot_be_written_exactly_is_refused_and_nothing_is_left(world, writing, data, said):
    with pytest.raises(Rejected) as caught:
        writer(world, **writing).deliver(record(**data))
    assert said in str(caught.value)
    assert [path for path in (world.root / "out").rglob("*") if path.is_file()] == []


# --- names, ids, operations


def test_names_and_ids(world):
    connector = writer(world, name="{stream}_{id}_{time}.{ending}", id=["sku"])
    result = connector.deliver(record(1, sku="A/1 ..\\x"))
    assert result.external_id == "A/1 ..\\x"
    assert world.names("out") == ["variant_A-1-..-x_20261128T080000000000Z.csv"]


def test_without_an_id_the_marker_is_the_id_and_an_update_keeps_it(world):
    connector = writer(world)
    made = connector.deliver(record(1))
    assert (made.external_id, made.applied) == ("hub-t-rec1", "created")
    again = connector.deliver(replace(record(2, "update"), external_id=made.external_id))
    assert (again.external_id, again.applied) == ("hub-t-rec1", "updated")
    assert world.names("out") == ["variant-hub-t-1.csv", "variant-hub-t-2.csv"]


def test_deletions_are_told_where_the_file_has_a_field_for_it(world):
    with pytest.raises(Rejected, match="cannot be taken back"):
        writer(world).deliver(record(1, "delete"))
    writer(world, operation_field="op").deliver(record(1, "delete", sku="A"))
    assert one_file(world) == b"sku,op\nA,delete\n"


def test_a_marker_follows_the_file(world):
    writer(world, done_suffix=".done").deliver(record())
    assert world.names("out") == ["variant-hub-t-1.csv", "variant-hub-t-1.csv.done"]


# --- exactly once


class Flaky(LocalFolder):
    """A folder whose ``fail_at``-th call breaks off, before or after it had its effect."""

    count = 0
    fail_at = -1
    after = False

    def _call(self, verb, path, work, **more):
        number, self.count = self.count, self.count + 1
        if number == self.fail_at and not self.after:
            raise OutcomeUnknown("lost") if more.get("effect") else RetryLater("lost")
        result = super()._call(verb, path, work, **more)
        if number == self.fail_at:
            if verb == "READ" and result is not None:
                result.close()
            raise OutcomeUnknown("lost") if more.get("effect") else RetryLater("lost")
        return result


def flaky(world, **writing):
    connector = writer(world, **writing)
    folder = Flaky(connector.io, world.root)
    outbox = connector._outbox
    connector._folder = outbox._publisher._folder = outbox._batches._folder = folder
    return connector, folder


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("collected", [False, True])
def test_one_file_whichever_call_is_lost_even_when_the_receiver_has_taken_it_away(world, after, collected):
    for position in range(30):
        number = position + 1
        connector, folder = flaky(world)
        folder.fail_at, folder.after = position, after
        one = record(number, sku=f"S{number}")
        taken: list[str] = []

        def collect(taken=taken):
            for name in world.names("out"):
                taken.append(name)
                if collected:
                    (world.root / "out" / name).unlink()

        result = None
        for attempt in range(1, 5):
            try:
                # The hub looks first, and then writes again: in another process, most likely.
                maybe = attempt > 1
                again = replace(one, attempt=attempt, maybe_sent=maybe)
                found = connector.find_effect(again) if maybe else None
                result = found or connector.deliver(again)
                break
            except (OutcomeUnknown, RetryLater):
                collect()
                connector = writer(world)
        collect()
        assert result is not None
        assert result.external_id == f"hub-t-rec{number}"
        assert len(taken if collected else set(taken)) == 1, (position, taken)
        for name in world.names("out"):
            (world.root / "out" / name).unlink()
        if folder.count <= position:
            return
    raise AssertionError("a write has no end of calls")


def test_eight_workers_with_the_same_write_make_one_file(world):
    one = record(7)
    outcomes: list[object] = []
    start = threading.Barrier(8)

    def work() -> None:
        connector = writer(world)
        start.wait()
        try:
            outcomes.append(connector.deliver(one).external_id)
        except HubError as e:
            outcomes.append(e)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "hub-t-rec7" in outcomes
    assert {type(one) for one in outcomes} <= {str, RetryLater}
    assert world.names("out") == ["variant-hub-t-7.csv"]
    left = [path.name for path in (world.root / "out/.hub").iterdir()]
    assert left == ["hub-t-7.sent"]


def test_a_write_that_died_while_it_wrote_its_note(world):
    connector = writer(world)
    connector._outbox._publisher.work("out")
    (world.root / "out/.hub/hub-t-1.sent").write_bytes(b"")
    with pytest.raises(RetryLater, match="another worker"):
        connector.deliver(record(1))
    again = replace(record(1), attempt=2, maybe_sent=True)
    assert connector.find_effect(again) is None
    connector.deliver(again)
    assert world.names("out") == ["variant-hub-t-1.csv"]


def test_a_folder_that_is_gone_is_told_and_nothing_is_lost(world):
    connector = writer(world, path="out/far")
    with pytest.raises(Rejected, match="there is no folder"):
        connector.deliver(record(1))
    (world.root / "out/far").mkdir()
    connector.deliver(replace(record(1), attempt=2))
    assert world.names("out/far") == ["variant-hub-t-1.csv"]


def test_old_notes_are_forgotten(world):
    connector = writer(world)
    connector.deliver(record(1))
    world.clock.advance(40 * 86_400)
    connector.deliver(record(2))
    left = sorted(path.name for path in (world.root / "out/.hub").iterdir())
    assert left[-1] == "hub-t-2.sent"
    # The clock of the folder is the machine's own: the first note is 40 days old for the hub alone.
    assert "hub-t-1.sent" not in left


# --- batches

BATCH = {"format": "csv", "columns": ["sku", "price"], "batch": {"records": 3, "minutes": 10}}


def rows(world) -> list[list[str]]:
    return [
        list(csv.reader((world.root / "out" / name).read_text().splitlines()))[1:] for name in world.names("out")
    ]  # fmt: skip


def test_a_batch_closes_when_it_is_full(world):
    connector = writer(world, **BATCH)
    for number in range(1, 8):
        connector.deliver(record(number))
    assert [[row[0] for row in one] for one in rows(world)] == [["S1", "S2", "S3"], ["S4", "S5", "S6"]]


def test_a_batch_closes_when_it_is_old(world):
    connector = writer(world, **BATCH)
    connector.deliver(record(1))
    assert list(connector.poll("variant", None, 10).messages) == []
    assert world.names("out") == []
    world.clock.advance(601)
    connector.poll("variant", None, 10)
    assert [[row[0] for row in one] for one in rows(world)] == [["S1"]]
    connector.poll("variant", None, 10)
    assert len(world.names("out")) == 1


def test_a_repeated_record_is_in_one_batch_only(world):
    connector = writer(world, **BATCH)
    for number in (1, 1, 2, 2, 3, 1, 2, 3):
        connector.deliver(replace(record(number), attempt=2, maybe_sent=True))
    assert [[row[0] for row in one] for one in rows(world)] == [["S1", "S2", "S3"]]
    assert connector.find_effect(record(2)).applied == "adopted"
    assert connector.find_effect(record(9)) is None


@pytest.mark.parametrize("after", [False, True])
def test_each_record_is_in_one_file_whichever_call_of_a_batch_is_lost(world, after):
    for position in itertools.count():
        first = 10 * position + 1
        connector, folder = flaky(world, **BATCH)
        folder.fail_at, folder.after = position, after
        for number in range(first, first + 3):
            for attempt in range(1, 5):
                again = replace(record(number), attempt=attempt, maybe_sent=attempt > 1)
                try:
                    if attempt == 1 or connector.find_effect(again) is None:
                        connector.deliver(again)
                    break
                except (OutcomeUnknown, RetryLater):
                    connector = writer(world, **BATCH)
        lost = folder.count > position
        world.clock.advance(3600)
        writer(world, **BATCH).poll("variant", None, 1)
        written = sorted(row[0] for one in rows(world) for row in one)
        assert written == [f"S{number}" for number in range(first, first + 3)], position
        for name in world.names("out"):
            (world.root / "out" / name).unlink()
        if not lost:
            assert position > 15
            return


def test_batches_in_json_keep_numbers_and_order(world):
    connector = writer(world, format="json", batch={"records": 2})
    connector.deliver(record(1, sku="B", price=1))
    world.clock.advance(1)
    connector.deliver(record(2, sku="A", price=2))
    assert json.loads(one_file(world)) == [{"sku": "B", "price": 1}, {"sku": "A", "price": 2}]


CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["\n", "\r\n"]),
)
def test_any_reader_of_csv_reads_what_was_written(cells, delimiter, line_end):
    spec = Writing.model_validate({"path": "out", "delimiter": delimiter, "line_end": line_end, "formula_guard": False})
    content = file_of([{"a": one, "b": other} for one, other in cells], spec).decode()
    read = list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter, strict=True))
    assert [tuple(row) for row in read] == [("a", "b"), *cells]
