"""What each format gives, and what is said of a file that is broken: the line, and what is wrong there."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.files.config import Reading
from connectors.files.formats import csv_rows, fixed_rows, json_rows, jsonl_rows, xml_rows
from connectors.files.formats.base import FileFault, Position, Row
from hub.sdk.files import LocalFolder
from hub.sdk.testing.io import make_io
from tests.unit.connectors.files.conftest import payloads, refusals

BEGINNING = Position()
FORMATS = {"csv": csv_rows, "fixed": fixed_rows, "jsonl": jsonl_rows, "json": json_rows, "xml": xml_rows}


def parse(tmp_path: Path, content: bytes, at: Position = BEGINNING, **settings: Any) -> list[Row]:
    (tmp_path / "file").write_bytes(content)
    spec = Reading.model_validate({"path": "in", **settings})
    reader = LocalFolder(make_io(), tmp_path).read("file")
    assert reader is not None
    try:
        return list(FORMATS[spec.format].rows(reader, spec, at))
    finally:
        reader.close()


def fault(tmp_path: Path, content: bytes | str, **settings: Any) -> str:
    with pytest.raises(FileFault) as caught:
        parse(tmp_path, content if isinstance(content, bytes) else content.encode(), **settings)
    return str(caught.value)


FIXED = [{"name": "sku", "width": 6}, {"name": "price", "width": 8, "align": "right"}]


def test_text_stays_text(tmp_path):
    rows = parse(tmp_path, b'sku,price,note\r\n00123,1.50,"a ""b"", c\nd"\r\n007,-3," x "\r\n')
    assert [row.payload for row in rows] == [
        {"sku": "00123", "price": "1.50", "note": 'a "b", c\nd'},
        {"sku": "007", "price": "-3", "note": " x "},
    ]
    assert [(row.number, row.line) for row in rows] == [(1, 2), (2, 4)]


@pytest.mark.parametrize(
    ("encoding", "bom"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("latin-1", b""), ("cp1252", b""), ("utf-16", b"\xff\xfe"), ("utf-16", b"\xfe\xff"),
     ("utf-16-le", b""), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"")],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "fixed"])
def test_encodings(tmp_path, encoding, bom, kind):
    codec = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}.get(bom, encoding)
    text = {
        "csv": "sku,price\nMüß,1\nB,2\n", "jsonl": '{"sku":"Müß","price":"1"}\n{"sku":"B","price":"2"}\n',
        "json": '[{"sku":"Müß","price":"1"},\n{"sku":"B","price":"2"}]', "fixed": "Müß          1\nB            2\n",
    }[kind]  # fmt: skip
    more = {"columns": [{"name": "sku", "width": 6}, {"name": "price", "width": 8}]} if kind == "fixed" else {}
    rows = parse(tmp_path, bom + text.encode(codec), format=kind, encoding=encoding, **more)
    assert [row.payload for row in rows] == [{"sku": "Müß", "price": "1"}, {"sku": "B", "price": "2"}]
    # Going on behind the first row gives the second, whatever the encoding.
    first = rows[0]
    again = parse(
        tmp_path, bom + text.encode(codec), Position(first.number, first.offset, first.next_line), format=kind,
        encoding=encoding, **more,
    )  # fmt: skip
    assert [(row.payload["sku"], row.number, row.line) for row in again] == [("B", 2, rows[1].line)]


@pytest.mark.parametrize(
    ("encoding", "content", "said"),
    [
        ("utf-8", "sku,name\nA,ok\nB,M\xfc\n".encode("latin-1"), "line 3: the byte 0xfc is not UTF-8 text"),
        ("cp1252", b"sku,name\nA,\x81\n", "line 2: the byte 0x81 is not Windows-1252 text"),
        ("utf-16", "sku,name\nA,b\n".encode("utf-16") + b"\x00", "is not UTF-16-LE text"),
        ("utf-8", "sku,name\nA,b\n".encode("utf-16-le"), "U+0000"),
        ("utf-8", b"sku,name\nA,b\nB,c\x00\n", "line 3: there is a character U+0000"),
    ],
)
def test_wrong_bytes_have_a_line(tmp_path, encoding, content, said):
    assert said in fault(tmp_path, content, encoding=encoding)


def test_a_wrong_byte_far_down_has_its_line_too(tmp_path):
    content = b"sku\n" + b"".join(b"%d\n" % n for n in range(200_000)) + b"\xff\n"
    assert fault(tmp_path, content) == "line 200002: the byte 0xff is not UTF-8 text"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "there is no header"),
        ("sku,price,sku\n", "line 1: two columns have the name 'sku'"),
        ("sku,,price\n", "line 1: column 2 has no name"),
        ("id,price\n", "line 1: there is no column 'sku'"),
        ('sku,price\nA,"1\n', "line 2: the file ends inside a quoted field"),
        ('sku,price\nA,"1"2\n', "line 2: there is something behind the closing quote of a field"),
    ],
)
def test_csv_that_is_broken(tmp_path, content, said):
    assert said in fault(tmp_path, content, id=["sku"])


def test_a_row_with_the_wrong_number_of_fields_is_told_with_its_line(tmp_path):
    rows = parse(tmp_path, b'sku,price\nA,1\n"B\nb",2,3\nC\nD,4\n')
    assert [(row.line, row.fault) for row in rows if row.fault] == [
        (3, "3 fields, and the header names 2 columns"), (5, "1 fields, and the header names 2 columns"),
    ]  # fmt: skip
    assert [row.payload for row in rows if not row.fault] == [{"sku": "A", "price": "1"}, {"sku": "D", "price": "4"}]


def test_dialects(tmp_path):
    rows = parse(
        tmp_path,
        b"exported by ERP\n;;\nA;'1;5'\n",
        delimiter=";",
        quote="'",
        header=False,
        columns=["sku", "price"],
        skip_lines=2,
    )
    assert [row.payload for row in rows] == [{"sku": "A", "price": "1;5"}]


def test_a_quote_that_is_never_closed_stops_early(tmp_path):
    content = b'sku,note\nA,"' + b"x\n" * 4_000_000
    assert "a quote that is never closed?" in fault(tmp_path, content, max_record=65_536)


def test_fixed_width(tmp_path):
    rows = parse(tmp_path, b"A-1       1.50\nLONGER1     1.5\nB\n\nC-1      22.00   \n", format="fixed", columns=FIXED)
    assert [row.payload for row in rows if not row.fault] == [
        {"sku": "A-1", "price": "1.50"},
        {"sku": "C-1", "price": "22.00"},
    ]
    assert [(row.line, row.fault) for row in rows if row.fault] == [
        (2, "15 characters, and the columns have 14"), (3, "1 characters, and the columns have 14"),
    ]  # fmt: skip


def test_json_lines(tmp_path):
    rows = parse(tmp_path, b'{"sku":"A","price":1.10}\n\n[1]\n{"sku":"B","sku":"C"}\n{"sku":"D"}', format="jsonl")
    assert [row.payload for row in rows if not row.fault] == [{"sku": "A", "price": Decimal("1.10")}, {"sku": "D"}]
    assert [(row.line, row.fault) for row in rows if row.fault] == [
        (3, "the body must be a JSON object, and is an array"),
        (4, "an object has the same name twice, so it is not clear which value is meant"),
    ]


def test_a_json_array_and_one_under_a_name(tmp_path):
    array = b'[{"a": "x]\\"}{"}, {"a": [1, {"b": 2}]}\n ,{"a": 1.50}]\n'
    assert [row.payload["a"] for row in parse(tmp_path, array, format="json")] == [
        'x]"}{',
        [1, {"b": 2}],
        Decimal("1.50"),
    ]
    named = b'{"total": 3, "more": {"items": [1]}, "items": ' + array + b', "end": true}'
    rows = parse(tmp_path, named, format="json", records="items")
    assert [row.line for row in rows] == [1, 1, 2]
    assert parse(tmp_path, b" [ ] ", format="json") == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'[{"a":1},{"a":', "not JSON"),
        (b'[{"a":1}', "the file ends before the array does"),
        (b'[{"a":1} {"a":2}]', ", or ] is missing"),
        (b'{"a":1}', "the file is no JSON array"),
        (b'[{"a":1}]{"a":2}', "there is something behind the array"),
        (b'[{"a":\n1},\n{"a":x}]', "line 3: not JSON"),
        (b"[" + b"[" * 5000 + b"]" * 5000 + b"]", "nested"),
    ],
)
def test_json_that_is_broken(tmp_path, content, said):
    try:
        rows = parse(tmp_path, content, format="json")
    except FileFault as e:
        assert said in str(e)
    else:
        assert any(said in row.fault for row in rows), rows


def test_one_long_line_of_json_is_read_in_pieces(tmp_path):
    items = [{"sku": f"S{n}", "text": "ü" * 50} for n in range(20_000)]
    content = json.dumps(items, ensure_ascii=False, separators=(",", ":")).encode()
    assert b"\n" not in content
    rows = parse(tmp_path, content, format="json", max_record=4096)
    assert [row.payload for row in rows] == items


XML = """<?xml version="1.0" encoding="UTF-8"?>
<e:Export xmlns:e="urn:x"><Head><Order>no</Order></Head><Orders>
<e:Order e:no="0012"><Name>M&amp;M &#252;</Name><Line sku="A">1</Line><Line sku="B">2</Line><Empty/></e:Order>
<Order><Tag>only</Tag></Order></Orders></e:Export>"""


def test_xml(tmp_path):
    rows = parse(tmp_path, XML.encode(), format="xml", records="Export/Orders/Order", lists=["Tag"])
    assert [row.payload for row in rows] == [
        {
            "@no": "0012",
            "Name": "M&M ü",
            "Line": [{"@sku": "A", "#text": "1"}, {"@sku": "B", "#text": "2"}],
            "Empty": "",
        },
        {"Tag": ["only"]},
    ]
    assert [row.line for row in rows] == [3, 4]
    assert [
        row.number
        for row in parse(tmp_path, XML.encode(), Position(rows=1), format="xml", records="Export/Orders/Order")
    ] == [2]


@pytest.mark.parametrize("codec", ["latin-1", "cp1252", "utf-16"])
def test_xml_names_its_own_encoding(tmp_path, codec):
    declared = {"latin-1": "iso-8859-1", "cp1252": "windows-1252", "utf-16": "utf-16"}[codec]
    content = f'<?xml version="1.0" encoding="{declared}"?><a><b><c>Müß</c></b></a>'.encode(codec)
    assert [row.payload for row in parse(tmp_path, content, format="xml", records="a/b")] == [{"c": "Müß"}]
    if codec != "utf-16":
        bare = "<a><b><c>Müß</c></b></a>".encode(codec)
        assert [row.payload for row in parse(tmp_path, bare, format="xml", records="a/b", encoding=codec)] == [
            {"c": "Müß"}
        ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('<!DOCTYPE a [<!ENTITY x "boom">]><a><b><c>&x;</c></b></a>', "document type"),
        ('<!DOCTYPE a SYSTEM "http://127.0.0.1/evil.dtd"><a/>', "document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a><b><c>&x;</c></b></a>', "document type"),
        ("<a><b><c>&x;</c></b></a>", "undefined entity"),
        ("<a>\n<b><c>1</b></a>", "line 2: not well-formed XML: mismatched tag"),
        ("<a><b><c>1</c></b>", "not well-formed XML"),
        ("", "not well-formed XML"),
        ("<a><b>" + "<c>" * 100 + "</c>" * 100 + "</b></a>", "nested deeper than 64"),
        ("<a><b><c>" + "x" * 3_000_000 + "</c></b></a>", "larger than"),
    ],
)
def test_xml_that_is_broken_or_an_attack(tmp_path, content, said):
    assert said in fault(tmp_path, content, format="xml", records="a/b")


def test_xml_with_a_million_entities_costs_nothing(tmp_path):
    bomb = (
        "<!DOCTYPE a ["
        + "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10 if n else "ha"}">' for n in range(10))
        + "]><a><b>&l9;</b></a>"
    )
    assert "document type" in fault(tmp_path, bomb, format="xml", records="a/b")


CELLS = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(CELLS, CELLS), max_size=6), st.sampled_from(["utf-8", "utf-16"]), st.sampled_from(",;\t|"))
def test_whatever_csv_a_program_writes_comes_back_and_can_be_resumed_anywhere(
    tmp_path_factory, rows, encoding, delimiter
):
    """The standard library's own writer is the other program."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    writer.writerows(rows)
    content = text.getvalue().encode(encoding)
    folder = tmp_path_factory.mktemp("csv")
    whole = parse(folder, content, encoding=encoding, delimiter=delimiter)
    assert [(row.payload["a"], row.payload["b"]) for row in whole] == rows
    for row in whole:
        rest = parse(
            folder, content, Position(row.number, row.offset, row.next_line), encoding=encoding, delimiter=delimiter
        )
        assert [(r.payload, r.number, r.line) for r in rest] == [
            (r.payload, r.number, r.line) for r in whole[row.number :]
        ]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(list(FORMATS)))
def test_whatever_bytes_there_are_it_is_rows_or_a_fault(tmp_path_factory, content, kind):
    more: dict[str, Any] = {"columns": FIXED} if kind == "fixed" else {"records": "a/b"} if kind == "xml" else {}
    try:
        rows = parse(tmp_path_factory.mktemp("any"), content, format=kind, **more)
    except FileFault as e:
        assert str(e)
    else:
        assert all(row.fault or isinstance(row.payload, dict) for row in rows)


def test_rows_of_one_record_are_put_together(world):
    world.put("a.csv", "no,sku,qty\n1,A,2\n1,B,3\n2,A,1\n1,C,9\n")
    found = world.read(id=["no"], group=True)
    assert [(m.external_id, [row["sku"] for row in m.payload["rows"]]) for m in found] == [
        ("1", ["A", "B"]),
        ("2", ["A"]),
        ("1", ["C"]),
    ]
    assert found[0].payload["no"] == "1"
    assert found[0].source_version < found[1].source_version < found[2].source_version


def test_a_page_ends_between_records_never_inside_one(world):
    world.put("a.csv", "no,sku\n" + "".join(f"{n // 3},S{n}\n" for n in range(30)))
    found = world.read(id=["no"], group=True, limit=1)
    assert [(m.external_id, len(m.payload["rows"])) for m in found] == [(str(n), 3) for n in range(10)]


def test_ids_of_several_fields_and_deletions(world):
    world.put(
        "a.jsonl", '{"k":{"a":7,"b":"x"},"gone":true,"v":3}\n{"k":{"a":8,"b":"y"},"v":4,"gone":false}\n{"k":{"a":9}}\n'
    )
    found = world.read(
        format="jsonl", id=["k.a", "k.b"], deleted={"field": "gone", "values": ["true"]}, version="v", bad_rows="set_aside", file_field="_f",
    )  # fmt: skip
    assert [(m.external_id, m.deleted, m.source_version) for m in found[:2]] == [
        ("7/x", True, "3"),
        ("8/y", False, "4"),
    ]
    assert refusals(found) == ["a.jsonl: line 3: the field k.b, which is a part of the id, is missing or empty"]
    assert payloads(found)[0]["_f"] == "a.jsonl"


def test_without_an_id_the_row_is_the_id(world):
    world.put("log.csv", "a\nx\ny\n")
    found = world.read(id=[])
    assert [m.external_id for m in found] == ["log.csv:1", "log.csv:2"]
