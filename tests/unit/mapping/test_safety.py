"""Nothing but data can be reached from a mapping, and no run can cost more than its budget: the attacks, one by one."""

import ast
import json
import os
import pathlib
import time
import tracemalloc
from decimal import Decimal

import pytest

from hub.errors import MappingError
from hub.mapping import Lookups, MappingFault, MappingInvalid, MappingSet, NoLinks
from hub.mapping.document import read

ROOT = pathlib.Path(__file__).resolve().parents[3]
CORPUS = pathlib.Path(os.environ.get("HUB_CORPUS", ROOT.parent / "shared" / "corpus"))
META = {"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}
ORDER = {"id": 1, "total_price": "10.00", "line_items": [{"sku": "A"}], "note": "x" * 1000}

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ src.__class__ }}",
    "{{ src._private }}",
    "{{ ''|attr('__class__') }}",
    "{{ ('{0.__class__}'|attr('format'))(src) }}",
    "{{ '{0.__class__}'.format(src) }}",
    "{{ '{a.__class__}'.format_map({'a': src}) }}",
    "{{ cycler.__init__.__globals__ }}",
    "{{ lipsum.__globals__['os'] }}",
    "{{ self._TemplateReference__context }}",
    "{{ namespace(a=1) }}",
    "{{ joiner() }}",
    "{{ range(10) }}",
    "{{ dict(a=1) }}",
    "{{ (src.items()|map('string')).gi_frame }}",
    "{{ [src]|map(attribute='__class__')|list }}",
    "{{ src.update({'a': 1}) }}",
    "{{ src.clear() }}",
    "{{ src.pop('id') }}",
    "{{ src.line_items.append(1) }}",
    "{{ config.items() }}",
    "{{ request.application }}",
    "{{ secrets.erp_password }}",
    "{{ env.HOME }}",
    "{{ __import__('os') }}",
    "{{ eval('1') }}",
    "{{ open('/etc/passwd') }}",
    "{% include '../../etc/passwd' %}",
    "{% import 'os' as os %}{{ os.environ }}",
    "{% extends 'base' %}",
    "{# x #}",
    "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
    "{% set s='a' %}{{ s }}",
    "{{ 9 ** 9 }}",
    "{{ 9 ** (9 ** 9) }}",
    "{{ 1 if true else 9 ** (9 ** 9) }}",
    "{{ 'x'|center(2000000000) }}",
    "{{ 'aaab'|regex_replace('(a+)+$','') }}",
    "{{ src|xmlattr }}",
    "{{ 'x'|urlize }}",
    "{{ src|pprint }}",
    "{{ 'a'|format(1) }}",
    "{{ src() }}",
    "{{ (1).bit_length() }}",
    "{{ ''.join(['a']) }}",
    "{{ 'a'.encode() }}",
    "{{ src.x(*[1]) }}",
    "{{ loop }}",
    "{{ src[1:2:3] }}",
    "{{ 'a\\x00b' }}",
    "{{ '\\ud800' }}",
    "{{ 1j }}",
    "{{ " + "9" * 5000 + " }}",
    "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
    "{{ " + "-" * 3000 + "1 }}",
    "{{ " + "[" * 300 + "]" * 300 + " }}",
    "{{ src" + ".a" * 1500 + " }}",
    "{{ " + " ~ ".join(["'x'"] * 1500) + " }}",
    "{{ 'a' 'b'",
]


@pytest.mark.parametrize("text", ESCAPES, ids=lambda text: text[:40])
def test_an_escape_is_refused_before_it_runs(make, text):
    with pytest.raises(MappingInvalid) as error:
        make({"ref": text})
    finding = error.value.findings[0]
    assert finding.code.startswith("MAP0")
    assert finding.line == 1


BOMBS = {
    "text times number": "{{ 'x' * 3000000000 }}",
    "list times number": "{{ [0] * 2000000000 }}",
    "width in percent": "{{ '%02000000000d' % 1 }}",
    "huge product": "{{ 99999999999999999999 * 99999999999999999999 * 9 }}",
    "huge power by products": "{{ " + " * ".join(["99999999999999999999"] * 30) + " }}",
    "number that never ends": "{{ 1 / 3 * 99999999999999999999999999999 }}",
    "ten megabytes": "{{ 'x' | pad(10485760) }}",
    "replace that grows": "{{ 'aaaaaaaaaaaaaaaa' " + "| replace('a', 'aaaaaaaaaaaaaaaa') " * 8 + "}}",
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_ends_with_a_code(make, name):
    mapping = make({"ref": BOMBS[name]})
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(MappingFault) as error:
        mapping.run(ORDER, meta=META, links=NoLinks())
    taken, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.value.code in ("MAP-TYPE", "MAP-LIMIT")
    assert taken < 3
    assert peak < 60_000_000


def doubling(pattern, times, start):
    names = {"a0": start}
    for number in range(1, times):
        names[f"a{number}"] = pattern.replace("$", f"a{number - 1}")
    return names


GROWING = {
    "text that doubles": {"let": doubling("{{ $ ~ $ }}", 40, "{{ src.note }}"), "output": "{{ a39 }}"},
    "text that doubles with +": {"let": doubling("{{ $ + $ }}", 40, "{{ src.note }}"), "output": "{{ a39 }}"},
    "lists of lists": {"let": doubling("{{ [$, $] }}", 40, "{{ src.line_items }}"), "output": "{{ a39 }}"},
    "objects of objects": {
        "let": doubling("{{ {'x': $, 'y': $} }}", 40, "{{ src.line_items }}"),
        "output": "{{ a39 }}",
    },
    "lists that double": {
        "let": {
            "a0": "{{ src.line_items }}",
            **{f"a{n}": {"$merge": [f"{{{{ a{n - 1} }}}}"] * 2} for n in range(1, 40)},
        },
        "output": "{{ a39 }}",
    },
    "loops in loops": {
        "output": {
            "$for": "a in src.many",
            "$each": {"$for": "b in src.many", "$each": {"$for": "c in src.many", "$each": 1}},
        }
    },
    "a long text in every round": {
        "output": {"$for": "a in src.many", "$each": {"$for": "b in src.many", "$each": "{{ src.long }}"}}
    },
    "text made in every round": {
        "output": {"$for": "a in src.many", "$each": {"$for": "b in src.many", "$each": "{{ a }}{{ src.long }}"}}
    },
    "search in every round": {
        "output": {"$for": "a in src.many", "$each": {"$for": "b in src.many", "$each": "{{ a in src.many }}"}}
    },
    "long text everywhere": {"output": {f"f{n}": "{{ src.long ~ 'x' }}" for n in range(200)}},
    "one value in many fields": {"output": {f"f{n}": "{{ src.long }}" for n in range(500)}},
    "padding everywhere": {"output": {f"f{n}": "{{ 'x' | pad(900000) }}" for n in range(200)}},
}


@pytest.mark.parametrize("name", GROWING)
def test_growth_ends_with_the_budget(make, name):
    header = dict(GROWING[name])
    mapping = make(header.pop("output"), **header)
    source = {**ORDER, "many": list(range(600)), "long": "y" * 200_000}
    tracemalloc.start()
    started = time.perf_counter()
    with pytest.raises(MappingFault) as error:
        mapping.run(source, meta=META, links=NoLinks())
    taken, (_, peak) = time.perf_counter() - started, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert error.value.code == "MAP-LIMIT"
    assert error.value.line == 1
    assert error.value.at.startswith(("output", "let."))
    assert taken < 25  # tracing memory slows it tenfold
    assert peak < 150_000_000


def test_an_order_of_ten_thousand_lines_is_no_bomb(make):
    mapping = make(
        {
            "lines": {
                "$for": "x in src.l",
                "$each": {"sku": "{{ x.sku }}", "label": "{{ loop.index }} {{ x.sku }} {{ src.cur }}"},
            }
        }
    )
    made = mapping.run({"cur": "EUR", "l": [{"sku": f"S{n}"} for n in range(10_000)]}, meta=META, links=NoLinks())
    assert len(made.record["lines"]) == 10_000
    assert mapping.deviations == 0


def test_what_does_not_fit_in_a_huge_list_is_found_in_time(make):
    mapping = make({"lines": {"$for": "x in src.l", "$each": "{{ x.sku }}"}})
    lines = [{"sku": "A"}] * 9_999 + [{}]
    started = time.perf_counter()
    with pytest.raises(MappingFault) as error:
        mapping.run({"l": lines}, meta=META, links=NoLinks())
    assert error.value.at == "output.lines[9999]"
    assert time.perf_counter() - started < 3


def test_the_last_line_of_a_huge_order_gets_its_own_error(make):
    fields = {f"f{number}": f"{{{{ x.sku ~ '-{number}' }}}}" for number in range(25)}
    mapping = make({"lines": {"$for": "x in src.l", "$each": {**fields, "z": "{{ x.z }}"}}})
    lines = [{"sku": "A", "z": 1}] * 7_999 + [{"sku": "A"}]
    with pytest.raises(MappingFault) as error:
        mapping.run({"l": lines}, meta=META, links=NoLinks())
    assert (error.value.code, error.value.at) == ("MAP-MISSING", "output.lines[7999].z")


def test_deep_data_does_not_break_the_engine(make):
    deep: dict = {}
    inner = deep
    for _ in range(100_000):
        inner["a"] = {}
        inner = inner["a"]
    mapping = make({"a": "{{ src }}", "b": "{{ src == src.a }}"})
    with pytest.raises(MappingFault):
        mapping.run(deep, meta=META, links=NoLinks())
    while deep:  # Python itself frees such a thing by recursion
        deep = deep.pop("a", {})


def test_the_generated_function_has_no_attribute_access_and_few_names(make):
    output = {
        "a": "{{ src.a.b | upper }}{{ src.c.startswith('x') }}",
        "l": {"$for": "x in src.l", "$where": "x.n > 1", "$each": "{{ x.n * 2 }}"},
        "m": {"$match": "{{ src.m }}", "a": 1, "b": "{{ src.n }}"},
        "o": {"$optional": "{{ src.o.p }}"},
        "f": {"$first": ["{{ src.f }}", 1]},
    }
    code = make(output).text
    names = set()
    for node in ast.walk(ast.parse(code)):
        assert not isinstance(node, ast.Attribute | ast.Import | ast.ImportFrom | ast.Lambda | ast.Global)
        if isinstance(node, ast.Name):
            names.add(node.id)
    assert {name for name in names if name.startswith("__")} == set()


def test_names_of_python_cannot_become_names_of_a_mapping(make):
    for name in ("_x", "src", "loop", "none", "a-b", "a b", "1a", "a\nb"):
        with pytest.raises(MappingInvalid):
            make({"a": 1}, let={name: "{{ src.a }}"})
    mapping = make({"class": "{{ exec }}", "import": "{{ len }}"}, let={"exec": "{{ src.a }}", "len": "{{ exec }}"})
    assert mapping.run({"a": 1}, meta=META, links=NoLinks()).record == {"class": 1, "import": 1}


def test_strings_of_a_mapping_stay_strings(make):
    nasty = "'; import os #\n\\ \" {x} %s \N{GRINNING FACE} {{ '{{' }}"
    mapping = make({nasty[:-10]: nasty, "b": '{{ src["it\'s \\""] }}'})
    record = mapping.run({"it's \"": 1}, meta=META, links=NoLinks()).record
    assert record == {nasty[:-10]: nasty.replace("{{ '{{' }}", "{{"), "b": 1}


def test_fragments_come_from_below_the_folders_only(make, tmp_path):
    (tmp_path.parent / "outside.yaml").write_text("fragment: 1\noutput: 1\n", encoding="utf-8")
    for path in ("../outside.yaml", "/etc/passwd", "a/../../outside.yaml", "..\\outside.yaml", "c:/x", "", "gone.yaml"):
        with pytest.raises(MappingInvalid) as error:
            make({"a": {"$include": path}})
        assert error.value.findings[0].code == "MAP020"
    (tmp_path / "odoo").mkdir(exist_ok=True)
    (tmp_path / "odoo" / "link.yaml").symlink_to("/etc/hostname")
    with pytest.raises(MappingInvalid):
        make({"a": {"$include": "link.yaml"}})


def test_fragments_that_include_each_other_are_refused(make):
    files = {
        "a.yaml": "fragment: 1\noutput: {x: {$include: b.yaml}}\n",
        "b.yaml": "fragment: 1\noutput: {x: {$include: a.yaml}}\n",
    }
    with pytest.raises(MappingInvalid, match=r"a\.yaml -> b\.yaml -> a\.yaml") as error:
        make({"a": {"$include": "a.yaml"}}, files=files)
    assert error.value.findings[0].code == "MAP020"


def test_fragments_cannot_multiply_without_end(make):
    files = {
        f"f{n}.yaml": f"fragment: 1\noutput: [{', '.join([f'{{$include: f{n + 1}.yaml}}'] * 20)}]\n" for n in range(7)
    }
    files["f7.yaml"] = "fragment: 1\noutput: 1\n"
    started = time.perf_counter()
    with pytest.raises(MappingInvalid):
        make({"a": {"$include": "f0.yaml"}}, files=files)
    assert time.perf_counter() - started < 10


# --- the shared corpus, with its own words for the reasons

REASONS = {
    "YAML_SYNTAX": {"MAP001", "MAP007"},
    "YAML_TAG": {"MAP003"},
    "YAML_ALIAS": {"MAP002"},
    "DUPLICATE_KEY": {"MAP004"},
    "TYPE": {"MAP005"},
    "TOO_DEEP": {"MAP006"},
    "UNKNOWN_KEY": {"MAP010"},
    "SECRET_REFERENCE": {"MAP030"},
    "TEMPLATE_SYNTAX": {"MAP012", "MAP015"},
    "UNDEFINED": {"MAP-MISSING", "MAP030"},  # names of settings are refused when the file is saved already
    "TEMPLATE_SECURITY": {"MAP013", "MAP015"},
    "TEMPLATE_LIMIT": {"MAP-LIMIT", "MAP-TYPE", "MAP013", "MAP015"},  # repetition and ** are not in the language at all
    "INCLUDE_PATH": {"MAP013", "MAP020"},
    "INCLUDE_CYCLE": {"MAP020"},
    "OUTPUT_TOO_LARGE": {"MAP-TYPE", "MAP-LIMIT"},
    "INVALID_CHARACTER": {"MAP028"},
    "UNKNOWN_TARGET_FIELD": {"MAP040"},
}


def corpus_cases():
    if not (CORPUS / "index.json").is_file():
        return []
    cases = json.loads((CORPUS / "index.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in cases if case["category"] == "mapping"]


@pytest.mark.skipif(not corpus_cases(), reason="the corpus is not here (HUB_CORPUS)")
@pytest.mark.parametrize("case", corpus_cases(), ids=lambda case: case["id"])
def test_the_corpus(case, make, tmp_path):
    code = None
    try:
        node = read((CORPUS / case["file"]).read_text(encoding="utf-8"), case["file"])
        if case["id"] == "include-cycle-a":
            files = {
                name: f"fragment: 1\noutput: {{$include: {other}}}\n"
                for name, other in (("a.yaml", "b.yaml"), ("b.yaml", "a.yaml"))
            }
            make({"x": {"$include": "a.yaml"}}, files=files)
        elif case["id"] == "yaml-unknown-key":
            make({"x": 1}, outputt={})
        elif case["id"] == "map-unknown-target-field":
            code = lint_code(tmp_path)
        else:
            text = node.value["fields"].value["ref"].value
            make({"ref": text}, let={"order": "{{ src }}"}).run(ORDER, meta=META, links=NoLinks())
    except MappingInvalid as error:
        code = error.findings[0].code
    except MappingError as error:
        code = error.code
    assert code in REASONS[case["expect"]["reason"]]


def lint_code(folder):
    from hub.mapping.tools.lint import lint_paths

    file = folder / "shop" / "order.to_canonical.yaml"
    file.parent.mkdir()
    file.write_text(
        'mapping: 1\nfrom: shop/order\nto: canonical/order@1\nkey: src.id\noutput: {no_such_field: "{{ src.id }}"}\n',
        encoding="utf-8",
    )
    return next(finding.code for finding in lint_paths([file])[1] if "no_such_field" in finding.message)


def test_memory_stays_flat(make):
    mapping = make(
        {"a": "{{ src.a | upper }} {{ src.b }}", "c": {"$lookup": "t", "key": "{{ src.b }}", "optional": True}},
        lookups={"t": {"x": 1}},
    )

    def work(times):
        for number in range(times):
            mapping.run({"a": "x", "b": number}, meta=META, links=NoLinks(), lineage=True)

    work(3_000)  # the report of missing keys keeps a bounded number
    tracemalloc.start()
    work(100)
    before, _ = tracemalloc.get_traced_memory()
    work(10_000)
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 50_000
    assert mapping.deviations == 0


HARD_VALUES = [
    Decimal("NaN"),
    Decimal("Infinity"),
    Decimal("1E+999"),
    1.5,
    float("nan"),
    10**50,
    "\ud800",
    "x" * 2_000_000,
    True,
]


@pytest.mark.parametrize("value", HARD_VALUES, ids=lambda value: repr(value)[:12])
def test_hard_values_end_well(make, value):
    mapping = make(
        {
            "a": "{{ src.v + 1 }}",
            "b": "{{ src.v > 1 }}",
            "c": "x{{ src.v }}",
            "d": "{{ src.v | number }}",
            "e": "{{ src.v }}",
        }
    )
    with pytest.raises(MappingFault) as error:
        mapping.run({"v": value}, meta=META, links=NoLinks())
    assert all(fault.code in ("MAP-TYPE", "MAP-LIMIT") for fault in (error.value, *error.value.also))


def test_a_source_of_fifty_megabytes(make):
    mapping = make({"a": "{{ src.big }}", "n": "{{ src.big | length }}"})
    big = "x" * 50_000_000
    assert mapping.run({"big": big}, meta=META, links=NoLinks()).record["n"] == 50_000_000
    with pytest.raises(MappingFault, match="MAP-LIMIT"):
        make({"a": "{{ src.big }}!"}).run({"big": big}, meta=META, links=NoLinks())


def test_a_broken_lookup_folder_does_not_stop_the_rest(tmp_path):
    assert MappingSet.load([tmp_path / "nowhere"], lookups=Lookups()).pairs == []
