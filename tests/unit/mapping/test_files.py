"""Mapping files on disk: which one wins, `extends`, hashes, and edits while the hub runs."""

import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from hub.errors import MappingError
from hub.mapping import MappingFault, MappingInvalid, MappingSet, NoLinks

META = {"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}
ORDER = """
mapping: 1
from: shop/order
to: canonical/order@1
key: "{{ src.id }}"
let:
  cur: "{{ src.currency }}"
output:
  number: "{{ src.name }}"
  currency: "{{ cur }}"
  channel: {$lookup: channels, key: "{{ src.channel }}"}
  lines:
    $for: line in src.lines
    $each: {sku: "{{ line.sku }}", title: "{{ line.title }}"}
"""
CUSTOMER = 'mapping: 1\nfrom: shop/order\nto: canonical/customer@1\nkey: src.customer.id\nwhen: src.customer is not none\noutput: {email: "{{ src.customer.email }}"}\n'
SRC = {
    "id": 1,
    "name": "#1",
    "currency": "EUR",
    "channel": "w",
    "lines": [{"sku": "A", "title": "a"}],
    "customer": {"id": 5, "email": "e"},
}


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    later = time.time_ns() + write.__dict__.setdefault("tick", 0) * 1_000_000
    write.__dict__["tick"] += 1
    os.utime(path, ns=(later, later))
    return path


@pytest.fixture
def folders(tmp_path):
    """A project's folder before a connector's default folder, and the lookups of both."""
    own, default = tmp_path / "project" / "mappings", tmp_path / "defaults" / "shop"
    write(default / "order.to_canonical.yaml", ORDER)
    write(default / "order_customer.to_canonical.yaml", CUSTOMER)
    write(tmp_path / "project" / "lookups" / "channels.csv", "key,value\nw,web\n")
    own.mkdir(parents=True)
    return own, default


def made(mapping):
    return mapping.run(SRC, meta=META, links=NoLinks()).record


def test_one_stream_can_make_several_records_those_referred_to_first(folders):
    loaded = MappingSet.load(folders)
    assert [mapping.entity for mapping in loaded.inbound("shop", "order")] == ["customer", "order"]
    customer, order = loaded.inbound("shop", "order")
    assert (customer.connector, customer.stream, customer.direction) == ("shop", "order", "inbound")
    assert order.run(SRC, meta=META, links=NoLinks()).key == "1"
    assert made(order)["channel"] == "web"


def test_the_project_wins_over_the_connector(folders):
    own, _ = folders
    write(own / "shop" / "order.to_canonical.yaml", ORDER.replace("{{ src.name }}", "own {{ src.name }}"))
    order = MappingSet.load(folders).inbound("shop", "order")[1]
    assert made(order)["number"] == "own #1"


EXTENDING = """
mapping: 1
from: shop/order
to: canonical/order@1
extends: default
let:
  more: "{{ cur ~ '!' }}"
output:
  number: "{{ src.name }} {{ more }}"
  channel: {$omit: true}
  note: new
  lines:
    $each:
      title: "{{ line.title | upper }}"
"""


def test_a_project_overrides_single_fields(folders):
    own, _ = folders
    file = write(own / "shop" / "order.to_canonical.yaml", EXTENDING)
    order = MappingSet.load(folders).inbound("shop", "order")[1]
    assert made(order) == {"number": "#1 EUR!", "currency": "EUR", "lines": [{"sku": "A", "title": "A"}], "note": "new"}
    with pytest.raises(MappingFault) as error:
        order.run({**SRC, "lines": [{"sku": "A", "title": None}]}, meta=META, links=NoLinks())
    assert error.value.where.startswith("mappings/shop/order.to_canonical.yaml:14 ")
    with pytest.raises(MappingFault) as error:
        order.run({**SRC, "lines": [{"title": "t"}]}, meta=META, links=NoLinks())
    assert error.value.where.startswith("shop/order.to_canonical.yaml:14 ")
    write(file, EXTENDING.replace("extends: default", "extends: shop/nothing.yaml"))
    with pytest.raises(MappingInvalid, match="MAP021"):
        MappingSet.load(folders).inbound("shop", "order")


def test_an_edit_is_taken_and_a_bad_one_is_not(folders):
    _, default = folders
    loaded = MappingSet.load(folders)
    order = loaded.inbound("shop", "order")[1]
    assert loaded.refresh() == []
    assert loaded.inbound("shop", "order")[1] is order

    file = default / "order.to_canonical.yaml"
    write(file, ORDER.replace("{{ src.name }}", "new {{ src.name }}"))
    assert loaded.refresh() == []
    changed = loaded.inbound("shop", "order")[1]
    assert made(changed)["number"] == "new #1"
    assert changed.hash != order.hash

    for bad in (
        "mapping: 1\n  x: [",
        ORDER.replace("src.name", "scr.name"),
        ORDER.replace("shop/order", "shop//"),
        "",
        "\x00",
    ):
        write(file, bad)
        problems = loaded.refresh()
        assert problems, bad
        assert "order.to_canonical.yaml" in problems[0].file
        assert loaded.inbound("shop", "order")[1] is changed
    write(file, ORDER)
    assert loaded.refresh() == []
    assert made(loaded.inbound("shop", "order")[1])["number"] == "#1"
    assert loaded.inbound("shop", "order")[1].hash == order.hash


def test_a_new_mapping_and_a_removed_one(folders):
    _, default = folders
    loaded = MappingSet.load(folders)
    loaded.inbound("shop", "order")
    (default / "order_customer.to_canonical.yaml").unlink()
    write(
        default / "order.from_canonical.yaml",
        'mapping: 1\nfrom: canonical/order@1\nto: shop/order\noutput: {n: "{{ src.number }}"}\n',
    )
    assert loaded.refresh() == []
    assert [mapping.entity for mapping in loaded.inbound("shop", "order")] == ["order"]
    assert loaded.outbound("order", "shop").direction == "outbound"


def test_the_hash_follows_lookups_and_fragments(folders):
    own, default = folders
    write(default / "order.to_canonical.yaml", ORDER + "  to: {$include: part.yaml}\n")
    part = write(default / "part.yaml", "fragment: 1\noutput: {a: 1}\n")
    loaded = MappingSet.load(folders)
    first = loaded.inbound("shop", "order")[1]
    write(own.parent / "lookups" / "channels.csv", "key,value\nw,shop\n")
    assert loaded.refresh() == []
    second = loaded.inbound("shop", "order")[1]
    assert (made(first)["channel"], made(second)["channel"]) == ("web", "shop")
    write(part, "fragment: 1\noutput: {a: 2}\n")
    loaded.refresh()
    third = loaded.inbound("shop", "order")[1]
    assert made(third)["to"] == {"a": 2}
    assert len({first.hash, second.hash, third.hash}) == 3
    write(part, "fragment: 1\noutput: {a: {{ }\n")
    assert loaded.refresh()[0].file.endswith("part.yaml")
    assert loaded.inbound("shop", "order")[1] is third


def test_a_message_is_not_translated_by_halves(folders):
    _, default = folders
    write(default / "order_customer.to_canonical.yaml", "mapping: 1\n  x: [")
    with pytest.raises(MappingInvalid, match="MAP001"):
        MappingSet.load(folders).inbound("shop", "order")


def test_the_same_files_have_the_same_hash_elsewhere(folders, tmp_path):
    other = write(tmp_path / "elsewhere" / "shop" / "order_customer.to_canonical.yaml", CUSTOMER)
    one = MappingSet.load(folders).inbound("shop", "order")[0]
    assert MappingSet.load([other.parent]).inbound("shop", "order")[0].hash == one.hash


def test_two_files_for_the_same_thing_are_a_problem(folders):
    _, default = folders
    write(default / "again.to_canonical.yaml", ORDER)
    loaded = MappingSet.load(folders)
    assert [finding.code for finding in loaded.check()] == ["MAP027"]


HEADERS = {
    "no header": ("a: 1", "MAP010"),
    "not an object": ("[1]", "MAP011"),
    "wrong version": (ORDER.replace("mapping: 1", "mapping: 2"), "MAP011"),
    "unknown key": (ORDER + "outputs: {}\n", "MAP010"),
    "unknown entity": (ORDER.replace("canonical/order@1", "canonical/ordre@1"), "MAP024"),
    "unknown version": (ORDER.replace("order@1", "order@2"), "MAP011"),
    "no key": (ORDER.replace('key: "{{ src.id }}"\n', ""), "MAP011"),
    "constant key": (ORDER.replace("{{ src.id }}", "id"), "MAP014"),
    "no output": ("mapping: 1\nfrom: shop/order\nto: canonical/order@1\nkey: src.id\n", "MAP011"),
    "unknown table": (ORDER.replace("channels", "chanels"), "MAP023"),
    "unknown directive": (ORDER.replace("$each", "$eech"), "MAP019"),
    "stray part of a directive": (ORDER.replace("number:", "$then:"), "MAP018"),
    "unquoted expression": (ORDER.replace('"{{ src.name }}"', "{{ src.name }}"), "MAP009"),
    "unknown filter": (ORDER.replace("src.name", "src.name | uper"), "MAP015"),
    "unknown name": (ORDER.replace("src.name", "scr.name"), "MAP014"),
    "let before it is known": (ORDER.replace("{{ src.currency }}", "{{ later }}"), "MAP014"),
    "bad entity of a link": (ORDER + "  a: {$link: custmer, key: '{{ src.id }}'}\n", "MAP024"),
    "number that loses its form": (ORDER + "  a: 0123\n", "MAP008"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_what_is_wrong_with_a_file_is_said_with_line_and_column(folders, name):
    _, default = folders
    text, code = HEADERS[name]
    write(default / "order.to_canonical.yaml", text)
    loaded = MappingSet.load(folders)
    found = [finding for finding in loaded.check() if finding.code == code]
    assert found, loaded.problems
    assert found[0].file.endswith("order.to_canonical.yaml")
    assert found[0].line >= 1
    assert found[0].column >= 1
    with pytest.raises(MappingError):
        loaded.by_file(default / "order.to_canonical.yaml")


def test_all_that_is_wrong_is_said_at_once(folders):
    _, default = folders
    write(
        default / "order.to_canonical.yaml",
        ORDER.replace("src.name", "scr.name").replace("line.title", "lin.title | uper"),
    )
    problems = MappingSet.load(folders).check()
    assert [(finding.code, finding.line) for finding in problems] == [("MAP014", 9), ("MAP014", 14)]
    assert problems[0].fix == "Did you mean 'src'?"
    assert str(problems[0]).startswith("shop/order.to_canonical.yaml:9:11: error MAP014: Unknown name 'scr'.")


def test_json_is_as_good_as_yaml(folders):
    own, _ = folders
    write(
        own / "shop" / "order.to_canonical.json",
        '{\n\t"mapping": 1, "from": "shop/order", "to": "canonical/order@1",\n\t"key": "src.id", "output": {"number": "\\u00e9 {{ src.name }}", "u": "a\\/b"}}',
    )
    order = MappingSet.load(folders).inbound("shop", "order")[1]
    assert made(order) == {"number": "é #1", "u": "a/b"}
    write(own / "shop" / "order.to_canonical.json", '{"mapping": 1,}')
    found = MappingSet.load(folders).problems
    assert (found[0].code, found[0].line, found[0].column) == ("MAP001", 1, 15)


def test_a_file_that_is_not_utf8_or_too_long(folders):
    _, default = folders
    (default / "order.to_canonical.yaml").write_bytes("mapping: 1 # ü".encode("latin-1"))
    (default / "order_customer.to_canonical.yaml").write_text("#" * 1_100_000)
    assert sorted(finding.code for finding in MappingSet.load(folders).problems) == ["MAP001", "MAP006"]


def test_a_project_filter(folders):
    from hub.mapping.mapping_set import builtin_filters

    _, default = folders
    write(default / "order.to_canonical.yaml", ORDER.replace("src.name", "src.name | shout(2)"))
    filters = {**builtin_filters(), "shout": lambda value, times: value + "!" * times}
    order = MappingSet.load(folders, filters=filters).inbound("shop", "order")[1]
    assert made(order)["number"] == "#1!!"
    broken = {**filters, "shout": lambda value, times: 1 / 0}
    with pytest.raises(MappingFault, match="`shout` cannot take this value"):
        MappingSet.load(folders, filters=broken).inbound("shop", "order")[1].run(SRC, meta=META, links=NoLinks())


def test_a_byte_order_mark_and_windows_line_ends(folders):
    _, default = folders
    (default / "order.to_canonical.yaml").write_bytes(("\ufeff" + ORDER.strip()).replace("\n", "\r\n").encode())
    assert made(MappingSet.load(folders).inbound("shop", "order")[1])["number"] == "#1"


def test_an_expression_in_a_block_keeps_its_type(folders):
    _, default = folders
    write(
        default / "order.to_canonical.yaml",
        ORDER + "  all: >\n    {{ src.lines\n       | length }}\n  text: |\n    a\n    b\n",
    )
    record = made(MappingSet.load(folders).inbound("shop", "order")[1])
    assert (record["all"], record["text"]) == (1, "a\nb\n")


def test_messages_are_translated_while_files_change(folders):
    _, default = folders
    file = default / "order.to_canonical.yaml"
    loaded = MappingSet.load(folders)
    seen, stop = set(), threading.Event()

    def translate():
        while not stop.is_set():
            seen.add(made(loaded.inbound("shop", "order")[1])["number"])

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(translate) for _ in range(2)]
        for number in range(12):
            write(file, ORDER.replace("{{ src.name }}", f"{number}") if number % 3 else "mapping: [")
            loaded.refresh()
        stop.set()
        for one in running:
            one.result()
    assert seen <= {"#1", *map(str, range(12))}


def test_the_filters_of_a_project(folders):
    own, default = folders
    write(default / "order.to_canonical.yaml", ORDER.replace("src.name", "src.name | shout(2)"))
    file = write(
        own.parent / "filters.py",
        "from os.path import join\n\ndef shout(value, times):\n    return value + '!' * times\n\ndef _private():\n    pass\n",
    )
    one = MappingSet.load(folders)
    assert one.problems == []
    assert made(one.inbound("shop", "order")[1])["number"] == "#1!!"
    write(file, file.read_text().replace("'!'", "'?'"))
    two = MappingSet.load(folders)
    assert made(two.inbound("shop", "order")[1])["number"] == "#1??"
    assert one.inbound("shop", "order")[1].hash != two.inbound("shop", "order")[1].hash
    assert one.inbound("shop", "order")[0].hash == two.inbound("shop", "order")[0].hash
    write(file, "def upper(value):\n    return value\n\ndef shout():\n    pass\n")
    assert [(finding.code, finding.file, finding.line) for finding in MappingSet.load(folders).problems] == [
        ("MAP031", "filters.py", 1),
        ("MAP031", "filters.py", 4),
    ]
    write(file, "def (")
    assert MappingSet.load(folders).problems[0].message == "The file cannot be loaded (SyntaxError)."


def test_a_name_that_nothing_uses_is_told_and_stops_nothing(folders):
    _, default = folders
    write(default / "order.to_canonical.yaml", ORDER.replace("let:", "let:\n  spare: 1\n  other: '{{ src.id }}'"))
    order = MappingSet.load(folders).inbound("shop", "order")[1]
    assert [(finding.code, finding.severity, finding.line) for finding in order.warnings] == [
        ("MAP026", "warning", 7),
        ("MAP026", "warning", 8),
    ]
    assert made(order)["number"] == "#1"


def test_a_stored_story_is_told_by_the_version_that_made_it(folders):
    _, default = folders
    loaded = MappingSet.load(folders)
    stored = loaded.inbound("shop", "order")[1].run(SRC, meta=META, links=NoLinks(), lineage=True).lineage.snapshot()
    assert MappingSet.load(folders).lineage(stored, SRC, META).at("number")[0].data == {"src.name": "#1"}
    write(default / "order.to_canonical.yaml", ORDER.replace("src.name", "src.id"))
    loaded.refresh()
    loaded.inbound("shop", "order")
    assert loaded.lineage(stored, SRC, META).at("number")[0].data == {"src.name": "#1"}
    with pytest.raises(MappingError, match="has changed since"):
        MappingSet.load(folders).lineage(stored, SRC, META)


SLIPS = {
    "{{ src.a b }}": "expected '}}', got 'b'",
    "{{ src.a | default(' }}": "a quote is not closed",
    "{{ src.a": "unexpected the end of the text",
    "{{ src.a | dafault(1) }}": "Did you mean 'default'?",
    "{{ upper(src.a) }}": "`value | upper`",
    "{{ src-a }}": "whose name has a hyphen",
    "{{ src.a }} }}": "without its '{{'",
    "{{ src.a | replace(1) }}": "It takes: old, new, count.",
    "{{ src.a is defind }}": "Did you mean 'defined'?",
    "{{ loop.index }}": "only inside $for",
}


@pytest.mark.parametrize("text", SLIPS)
def test_a_slip_of_the_pen_is_explained(make, text):
    with pytest.raises(MappingInvalid) as error:
        make({"a": text})
    assert SLIPS[text] in str(error.value.findings[0])
