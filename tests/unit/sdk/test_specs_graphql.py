"""The check of a source against a GraphQL schema: what is found, and how, on small connectors that say what they send in many ways."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

from hub.errors import ConfigError
from hub.sdk.testing.specs import load, moving
from hub.sdk.testing.specs.graphql import GraphQL

SCHEMA = """
directive @once(key: String!) on FIELD
type Query { order(id: ID!, first: Int): Order  shop: Shop! }
type Shop { name: String! }
type Order { id: ID!  name: String!  state: State  note: String @deprecated(reason: "use remarks")  lines: [Line!]! }
type Line { sku: String  quantity: Int!  amount: Money }
type Money { amount: String!  currency: String! }
enum State { OPEN CLOSED GONE @deprecated(reason: "says nothing") }
type Mutation { change(input: ChangeInput!): Changed }
type Changed { order: Order  errors: [Problem!]! }
type Problem { message: String! }
input ChangeInput { id: ID!  state: State  note: String  lines: [LineInput!]  old: String @deprecated(reason: "gone soon") }
input LineInput { sku: String!  quantity: Int!  price: MoneyInput }
input MoneyInput { amount: String!  currency: String! }
"""
ORDER = "query order($id: ID!) { order(id: $id) { ...Whole } }\nfragment Whole on Order { id name state lines { sku quantity amount { amount } } }\n"
CHANGE = "mutation change($input: ChangeInput!) { change(input: $input) { order { id name } errors { message } } }\n"


@pytest.fixture
def schema() -> GraphQL:
    from graphql import build_schema

    return GraphQL(build_schema(SCHEMA), "test")


def found(schema: GraphQL, folder: Path, code: str, **documents: str) -> list[tuple[str, int, str, str]]:
    for name, text in {"order": ORDER, "change": CHANGE, **documents}.items():
        (folder / f"{name}.graphql").write_text(text)
    (folder / "api.py").write_text(dedent(code))
    checked = schema.check(folder, "acme")
    return [(Path(one.file).name, one.line, str(one.kind), one.what) for one in checked.misfits]


GOOD = """
    def send(api, data):
        order = api.query("order", id=data["id"])["order"]
        change = {"id": order["id"], "lines": [{"sku": line["sku"], "quantity": 1} for line in order["lines"]]}
        return api.mutate("change", input=change)["order"]["name"]
"""


def test_what_fits_is_left_alone(schema, tmp_path):
    assert found(schema, tmp_path, GOOD) == []


@pytest.mark.parametrize(
    ("document", "wrong"),
    [
        ("query d { shop { nam } }", ("unknown", "nam")),
        ("query d { order(idd: 1, id: 2) { id } }", ("unknown", "idd")),
        ("query d { order { id } }", ("missing", "order")),
        ("query d { order(id: 1) { note } }", ("deprecated", "note")),
        ("query d { order(id: 1) @twice { id } }", ("unknown", "twice")),
        ("mutation d { change(input: {id: 1, stat: OPEN}) { errors { message } } }", ("unknown", "stat")),
        ("mutation d { change(input: {id: 1, state: SHUT}) { errors { message } } }", ("unknown", "SHUT")),
        ("mutation d { change(input: {state: OPEN}) { errors { message } } }", ("missing", "")),
        ("query d($id: String!) { order(id: $id) { id } }", ("mismatch", "")),
        ("query d { shop { name } ", ("mismatch", "d")),
    ],
)
def test_a_document_that_does_not_fit(schema, tmp_path, document, wrong):
    (tmp_path / "api.py").write_text("")
    (tmp_path / "d.graphql").write_text(f"# what it is for\n{document}\n")
    (one,) = schema.check(tmp_path, "acme").misfits
    assert (Path(one.file).name, one.line, str(one.kind), one.what) == ("d.graphql", max(2, one.line), *wrong)


def test_fragments_are_told_once_at_their_own_place_also_unused_ones(schema, tmp_path):
    spread = "query a { order(id: 1) { ...F } }"
    rows = found(
        schema, tmp_path, "", a=spread, b=spread.replace("query a", "query b"),
        f="fragment F on Order {\n  id\n  wrong\n}\nfragment Unused on Order {\n  alsoWrong\n}\n",
    )  # fmt: skip
    assert rows == [("f.graphql", 3, "unknown", "wrong"), ("f.graphql", 6, "unknown", "alsoWrong")]


@pytest.mark.parametrize(
    ("body", "line", "wrong"),
    [
        ('api.mutate("change", input={"id": 1, "stat": "OPEN"})', 2, ("unknown", "ChangeInput.stat")),
        ('api.mutate("change", input={"id": 1, "state": "SHUT"})', 2, ("unknown", "State.SHUT")),
        ('api.mutate("change", input={"id": 1, "state": "GONE"})', 2, ("deprecated", "State.GONE")),
        ('api.mutate("change", input={"id": 1, "old": "x"})', 2, ("deprecated", "ChangeInput.old")),
        ('api.mutate("change", input={"note": "x"})', 2, ("missing", "ChangeInput.id")),
        ('api.mutate("change")', 2, ("missing", "change($input)")),
        ('api.mutate("change", input={"id": 1}, key=2)', 2, ("unknown", "change($key)")),
        ('given = {"id": 1}\n    given["stat"] = 2\n    api.mutate("change", input=given)', 3, ("unknown", "ChangeInput.stat")),
        ('given = {"id": 1} | ({"stat": 2} if data else {})\n    api.mutate("change", input=given)', 2, ("unknown", "ChangeInput.stat")),
        ('api.mutate("change", input={"id": 1, **{name: data[name] for name in NAMES}})', 2, None),
        ('api.mutate("change", input={"id": 1, **{name: data[key] for key, name in TABLE.items()}})', 10, ("unknown", "ChangeInput.remark")),
        ('api.mutate("change", input={"id": 1, "lines": lines(data)})', 14, ("unknown", "LineInput.amount")),
        ('api.mutate("change", input=Maker(data).made())', 20, ("unknown", "ChangeInput.nott")),
        ('rows = []\n    rows.append({"sku": "x", "quantity": 1, "qty": 1})\n    api.mutate("change", input={"id": 1, "lines": rows})', 3, ("unknown", "LineInput.qty")),
        ('api.query("order", id=1)["order"]["nam"]', 2, ("unasked", "nam")),
        ('api.query("order", id=1)["order"]["note"]', 2, ("unasked", "note")),
        ('first(api.query("order", id=1)["order"])', 23, ("unasked", "code")),
        ('[line["skuu"] for line in api.query("order", id=1)["order"]["lines"]]', 2, ("unasked", "skuu")),
        ('sorted(api.query("order", id=1)["order"]["lines"], key=lambda line: line["place"])', 2, ("unasked", "place")),
        ('api.mutate("change", input={"id": 1})["errors"][0]["text"]', 2, ("unasked", "text")),
        ('api.query("order", id=1)["order"].get("nam")', 2, ("unasked", "nam")),
    ],
)  # fmt: skip
def test_what_the_code_sends_and_reads(schema, tmp_path, body, line, wrong):
    code = "def send(api, data):\n    " + body + "\n"
    code += "\n" * (8 - code.count("\n"))
    code += dedent('''\
        TABLE = {
            "note": "note", "remark": "remark",
        }
        NAMES = ("note", "state")
        def lines(data):
            return [{"sku": one["sku"], "quantity": 1, "amount": {}} for one in data]
        class Maker:
            def __init__(self, data):
                self.data = data
            def made(self):
                held = self.data
                return {"id": held["id"], "nott": held["note"]}
        def first(node):
            for line in node["lines"]:
                return line["code"]
        ''')  # fmt: skip
    rows = [(at, kind, what) for file, at, kind, what in found(schema, tmp_path, code) if file == "api.py"]
    assert rows == ([(line, *wrong)] if wrong else [])


def test_what_one_of_several_answers_has_may_be_read(schema, tmp_path):
    code = """
        def total(node):
            return node["sku"] if "sku" in node else node["message"]
        def send(api):
            total(api.query("order", id=1)["order"]["lines"][0])
            total(api.mutate("change", input={"id": 1})["errors"][0])
    """
    assert found(schema, tmp_path, code) == []


def test_a_key_that_is_one_of_two_is_right_where_one_of_the_inputs_has_it(schema, tmp_path):
    code = """
        def send(api, short):
            word = "price" if short else "note"
            api.mutate("change", input={"id": 1, "lines": [{"sku": "x", "quantity": 1, word: None}]})
            api.mutate("change", input={"id": 1, word: None, "PRICE" if short else "note": "x"})
    """
    assert [(at, what) for _, at, _, what in found(schema, tmp_path, code)] == [(5, "ChangeInput.PRICE")]


def test_simulators_and_tests_are_no_part_of_what_is_sent(schema, tmp_path):
    (tmp_path / "simulator").mkdir()
    (tmp_path / "simulator" / "s.graphql").write_text("query s { nothing }")
    (tmp_path / "simulator" / "s.py").write_text("api.query('order', idd=1)")
    assert found(schema, tmp_path, GOOD) == []


def test_moving_tells_what_is_gone_there_and_not_here(tmp_path):
    from graphql import build_schema

    for name, text in {"order": ORDER, "change": CHANGE}.items():
        (tmp_path / f"{name}.graphql").write_text(text)
    (tmp_path / "api.py").write_text(dedent(GOOD))
    later = SCHEMA.replace("sku: String  quantity", "quantity").replace("quantity: Int!  price", "amount: Int!  price")
    now, other = (GraphQL(build_schema(text), "x").check(tmp_path, "acme") for text in (SCHEMA, later))
    assert now.misfits == []
    told = [(Path(one.file).name, str(one.kind), one.what) for one in moving(now, other).misfits]
    assert told == [
        ("api.py", "missing", "LineInput.amount"),
        ("api.py", "removed", "LineInput.quantity"),
        ("order.graphql", "removed", "sku"),
    ]


def test_files_that_are_no_description(tmp_path):
    with pytest.raises(ConfigError, match="no such file"):
        load([tmp_path / "none.graphql"])
    for text in ("type Query {", "{}", '{"data": 1}', "\x00", "[]"):
        (tmp_path / "s.graphql").write_text(text)
        with pytest.raises(ConfigError) as told:
            load([tmp_path / "s.graphql"])
        assert told.value.where == str(tmp_path / "s.graphql")


def test_source_that_is_no_python(schema, tmp_path):
    (tmp_path / "api.py").write_text("def f(:\n")
    with pytest.raises(ConfigError) as told:
        schema.check(tmp_path, "acme")
    assert str(told.value.where).endswith("api.py:1")
