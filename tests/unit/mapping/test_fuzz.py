"""Random expressions and random documents: nothing but mapping errors comes out, both forms agree, and so does Jinja.

HUB_FUZZ=20000 runs that many examples of each test; the default keeps the suite quick.
"""

import json
import os
import pathlib
import tempfile
import time
from decimal import Decimal

import jinja2.runtime
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import StrictUndefined

from hub.errors import MappingError
from hub.mapping import Lookups, MappingInvalid, MappingSet, NoLinks
from hub.mapping import expression as ex
from hub.mapping.document import read
from hub.mapping.filters import ABSENT, FILTERS
from hub.mapping.mapping_set import builtin_filters
from hub.mapping.runtime import text as as_text

EXAMPLES = int(os.environ.get("HUB_FUZZ", "150"))
META = {"connection": "shop", "received_at": "2026-01-01T00:00:00Z"}
MANY = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    derandomize="HUB_FUZZ" not in os.environ,
)
TABLES = Lookups.of({"t": {"a": "A", "1": 1, "*": "other"}, "u": {"b": "B"}})

# --- data

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 10**20),
    st.sampled_from(["", "a", "abc", "12.50", "x,y", "2026-01-01T00:00:00Z", "EUR", "é😀", "0012"]),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abcx"), inner, max_size=3)),
    max_leaves=8,
)
sources = st.fixed_dictionaries(
    {"a": values, "b": values, "l": st.lists(values, max_size=4)}, optional={"c": values, "x": values}
)

# --- expressions

paths = st.sampled_from(
    [
        "src.a",
        "src.b",
        "src.c",
        "src.l",
        "src.a.b",
        "src.b.a.c",
        "src.l[0]",
        "src.l[-1].a",
        "src.gone",
        "src.gone.deep",
        "x",
        "x.a",
        "x[0]",
        "meta.connection",
        "src['a']",
        "src.l[src.a]",
        "src[x]",
    ]
)
literals = st.sampled_from(
    [
        "1",
        "0",
        "-2",
        "1.50",
        "'a'",
        "''",
        "'x,y'",
        "none",
        "true",
        "false",
        "[]",
        "{}",
        "99999999999999999999",
        "'{'",
        "'\\''",
    ]
)
without_arguments = sorted(name for name in FILTERS if name not in ("sha256",))


def larger(inner):
    arguments = st.lists(inner, max_size=3).map(", ".join)
    return st.one_of(
        st.tuples(inner, st.sampled_from(without_arguments)).map(lambda p: f"({p[0]} | {p[1]})"),
        st.tuples(inner, st.sampled_from(without_arguments), arguments).map(lambda p: f"({p[0]} | {p[1]}({p[2]}))"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} | default({p[1]}))"),
        st.tuples(inner, inner).map(lambda p: f"({p[0]} | default({p[1]}, true))"),
        st.tuples(
            inner,
            st.sampled_from(["+", "-", "*", "/", "//", "%", "~", "and", "or", "==", "!=", "<", ">=", "in", "not in"]),
            inner,
        ).map(lambda p: f"({p[0]} {p[1]} {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} if {p[1]} else {p[2]})"),
        st.tuples(inner, inner, inner).map(lambda p: f"({p[0]} < {p[1]} <= {p[2]})"),
        inner.map(lambda p: f"(not {p})"),
        inner.map(lambda p: f"(-{p})"),
        st.tuples(
            inner,
            st.sampled_from(
                [
                    "none",
                    "defined",
                    "undefined",
                    "string",
                    "number",
                    "empty",
                    "even",
                    "mapping",
                    "divisibleby(2)",
                    "in([1, 'a'])",
                ]
            ),
        ).map(lambda p: f"({p[0]} is {p[1]})"),
        st.lists(inner, max_size=3).map(lambda p: f"[{', '.join(p)}]"),
        st.tuples(inner, inner).map(lambda p: f"{{'k': {p[0]}, 'm': {p[1]}}}"),
        st.tuples(inner, inner).map(lambda p: f"{p[0]}[{p[1]}]"),
        inner.map(lambda p: f"{p}.a"),
        inner.map(lambda p: f"{p}[1:3]"),
        inner.map(lambda p: f"{p}.startswith('a')"),
        inner.map(lambda p: f"{p}.items()"),
    )


expressions = st.recursive(st.one_of(paths, literals), larger, max_leaves=6)
junk = st.text(alphabet="src.ab[]{}()'\"|~*+-%<>=!,: _x01\\\n", max_size=30)
texts = st.one_of(
    expressions.map(lambda e: f"{{{{ {e} }}}}"),
    st.tuples(expressions, expressions).map(lambda p: f"{{{{ {p[0]} }}}} - {{{{ {p[1]} }}}}"),
    st.tuples(expressions, expressions).map(lambda p: f"{{{{ {p[0]} if {p[1]} }}}}"),
)

# --- documents


def directives(inner):
    items = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        st.dictionaries(st.sampled_from(["p", "q", "r"]), inner, max_size=3),
        st.lists(inner, max_size=3),
        st.fixed_dictionaries(
            {
                "$for": st.sampled_from(["i in src.l", "i in src.a", "k, i in src.b", "i in x | default([])"]),
                "$each": inner,
            },
            optional={"$where": expressions, "$key": st.just("i")},
        ),
        st.fixed_dictionaries({"$if": expressions, "$then": inner}, optional={"$else": inner}),
        st.fixed_dictionaries(
            {"$match": texts}, optional={"a": inner, "1": inner, "true": inner, "$null": inner, "$else": inner}
        ),
        st.fixed_dictionaries({"$first": items}, optional={"default": inner}),
        st.fixed_dictionaries({"$optional": inner}),
        st.fixed_dictionaries({"$merge": items}),
        st.fixed_dictionaries(
            {"$lookup": st.sampled_from("tu"), "key": texts}, optional={"default": inner, "optional": st.booleans()}
        ),
        st.fixed_dictionaries({"$link": st.just("customer"), "key": texts}, optional={"optional": st.booleans()}),
        st.fixed_dictionaries({"$let": st.fixed_dictionaries({"y": inner}), "$in": inner}),
        st.fixed_dictionaries({"$error": texts}),
        st.just({"$omit": True}),
    )


documents = st.recursive(
    st.one_of(texts, st.sampled_from([1, True, None, "text", "{{ i }}", "{{ loop.index }}{{ loop.last }}", "{{ y }}"])),
    directives,
    max_leaves=8,
)


class SomeLinks:
    def resolve(self, entity, key, natural):
        return f"<{key}>" if len(key) < 3 else None


def mapping_of(output, let):
    document = {"mapping": 1, "from": "canonical/order@1", "to": "odoo/order", "let": {"x": let}, "output": output}
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder, "order.from_canonical.json")
        file.write_text(json.dumps(document), encoding="utf-8")
        return MappingSet.load([folder], lookups=TABLES).by_file(file)


def outcome(act):
    try:
        return "made", repr(act())
    except MappingError as error:
        return error.code, ""


def run_both(output, let, source):
    try:
        mapping = mapping_of(output, let)
    except MappingInvalid as error:
        assert all(finding.code.startswith("MAP0") for finding in error.findings)
        return None
    before = repr(source)
    started = time.perf_counter()
    fast = outcome(lambda: mapping.run(source, meta=META, links=SomeLinks()).record)
    checked = outcome(lambda: mapping.checked(source, META, SomeLinks()).record)
    assert time.perf_counter() - started < 5
    assert repr(source) == before
    if fast[0] != "MAP-LIMIT":
        assert fast == checked
    return mapping


@MANY
@given(texts, texts, sources)
def test_expressions(text, let, source):
    run_both({"v": text}, let, source)


@MANY
@given(documents, texts, sources)
def test_documents(output, let, source):
    run_both(output, let, source)


@MANY
@given(documents, texts, sources)
def test_lineage_of_anything_can_be_told(output, let, source):
    mapping = run_both(output, let, source)
    if mapping is None:
        return
    try:
        made = mapping.run(source, meta=META, links=SomeLinks(), lineage=True)
    except MappingError:
        return
    assert json.dumps(made.lineage.compact())
    assert all(origin.as_dict()["line"] for origin in made.lineage.origins)


@MANY
@given(junk, junk)
def test_junk(text, more):
    run_both(
        {"v": f"{{{{ {text} }}}}{more}", "w": {"$for": text, "$where": more, "$each": text}},
        "{{ src.a }}",
        {"a": 1, "l": []},
    )


@MANY
@given(st.text(alphabet="abc:-[]{}\"'|>&*!%@`#?,~<\n\t 01.eE_\x00", max_size=60))
def test_any_text_as_a_file(text):
    for name in ("f.yaml", "f.json"):
        try:
            read(text, name)
        except MappingInvalid as error:
            assert all(finding.line >= 1 and finding.column >= 1 for finding in error.findings)


# --- Jinja's own code generator as the oracle


class Oracle(type(ex._environment())):
    """Jinja as it is, but fields before methods, exact decimals, and our way to write a value into text."""

    def getattr(self, obj, attribute):
        try:
            return obj[attribute]
        except (TypeError, LookupError, AttributeError):
            return self.undefined(obj=obj, name=attribute)

    getitem = getattr


def oracle():
    environment = Oracle(undefined=StrictUndefined)
    environment.filters = {**builtin_filters(), "default": environment.filters["default"]}
    environment.tests["empty"] = lambda value: value is None or value in ("", [], {})
    return environment


ORACLE = oracle()


def holds_nothing(value):
    if isinstance(value, jinja2.Undefined) or value is ABSENT:
        return True
    if isinstance(value, dict):
        return any(map(holds_nothing, value.values()))
    return isinstance(value, (list, tuple)) and any(map(holds_nothing, value))


def plain(value):
    if isinstance(value, tuple):
        return list(value)
    return value


NOT_JINJA = ("/", ".items()", ".startswith", "| json", "is mapping", "sum")


@MANY
@given(expressions, sources)
def test_jinja_agrees(text, source):
    if any(mark in text for mark in NOT_JINJA) or "x" in text.replace("'x,y'", ""):
        return
    original, jinja2.runtime.str_join = jinja2.runtime.str_join, lambda parts: "".join(map(as_text, parts))
    try:
        theirs = ORACLE.compile_expression(text, undefined_to_none=False)(src=source, meta=META)
    except Exception:
        return
    finally:
        jinja2.runtime.str_join = original
    if holds_nothing(theirs) or isinstance(theirs, float):
        return
    try:
        mapping = mapping_of({"v": f"{{{{ {text} }}}}"}, 1)
        ours = mapping.run(source, meta=META, links=NoLinks()).record["v"]
    except MappingInvalid:
        return
    except MappingError as error:
        assert error.code in ("MAP-TYPE", "MAP-LIMIT", "MAP-MISSING")
        return
    assert same(ours, plain(theirs)), (ours, theirs)


def same(ours, theirs):
    if isinstance(ours, list) and isinstance(theirs, (list, tuple)):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, dict) and isinstance(theirs, dict):
        return ours.keys() == theirs.keys() and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, Decimal) or isinstance(theirs, (Decimal, float)):
        return ours == theirs
    return type(ours) is type(theirs) and ours == theirs
