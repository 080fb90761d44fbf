"""A file with faults is never a traceback: every fault has a line, what is wrong, and what to do."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from hub.documents import parse
from hub.errors import ConfigError
from hub.sdk.declarative import connector_class, inspect_file, load_file
from hub.sdk.declarative.loading import checked
from hub.sdk.declarative.schemas import NAME, schema, schema_text

FOLDER = Path(__file__).parents[4]
CORPUS = Path(os.environ.get("HUB_CORPUS", FOLDER.parent / "shared" / "corpus")) / "mapping"

GOOD = """\
connector: 1
name: acme
title: Acme
vendor: Acme
docs: https://docs.acme.example/api
settings:
  url: {kind: url, description: Where it is.}
  token: {kind: secret, description: The token.}
url: "{config.url}/api"
auth: {kind: token, token: "{config.token}"}
check: {get: /ping, say: "{answer.name} answers"}
rate: {bucket: {rate: 4, burst: 40}, headers: {left: X-Left}}
errors:
- {status: 409, where: {code: EXISTS}, is: duplicate, id: existing}
streams:
  order:
    entity: order
    id: {field: id, kind: integer}
    version: version
    poll:
      get: /orders
      rows: items
      paging: {kind: after, query: {after_id: "{after.id}"}, size: limit}
      changes: {field: updated_at, query: {since: "{since}"}, sorted: true}
    parts:
      lines: {get: "/orders/{id}/lines", rows: items, paging: {kind: page, page: page}}
    fetch: {get: "/orders/{id}"}
    find: {by: number, get: /orders, query: {number: "{key}"}, rows: items}
    create: {post: /orders, add: {reference: "{marker}"}}
    update: {put: "/orders/{id}", whole: true}
    delete: {not: Orders are cancelled.}
    once: {header: Idempotency-Key, look_up: {get: /orders, query: {reference: "{marker}"}, rows: items}}
  item:
    entity: variant
    id: ItemId
    odata: {set: /odata/Items, changed: ModifiedAt, find: {sku: ItemNo}, write: {create: true, marker: Ref}}
webhook:
  signature: {kind: hmac_hex, header: x-sign, secret: "{config.token}"}
  topic: {header: x-topic, streams: {order.changed: order}}
"""


def faults_of(text: str) -> list[ConfigError]:
    try:
        document = parse(text, file=Path("acme.yaml"), name="acme.yaml")
    except ConfigError as fault:
        return [fault]
    file, faults = checked(document)
    if not faults:
        assert file is not None
        connector_class(file)
    return faults


def test_the_good_file_is_good() -> None:
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "line", "said", "fix"),
    [
        ("kind: token,", "kind: tokn,", 10, "no kind 'tokn'", "'token'"),
        ("kind: token, ", "", 10, "'auth.kind' is missing", "token, query, basic"),
        ("{config.token}", "{config.tokn}", 10, "no {config.tokn}", "'token'"),
        ("rows: items\n      paging", "rowz: items\n      paging", 22, "no setting 'rowz'", "'rows'"),
        ("entity: order", "entity: ordr", 17, "no entity 'ordr'", "'order'"),
        ("{after.id}", "{aftr.id}", 23, "no {aftr} here", "'after'"),
        ("size: limit}", "sise: limit}", 23, "no setting 'sise'", "'size'"),
        ('"{since}"', "{since}", 24, "streams.order.poll.changes.query.since", ""),
        ("kind: integer", "kind: number", 18, "'integer'", ""),
        ("fetch: {get:", "fetch: {gett:", 27, "no setting 'gett'", "'get'"),
        ("fetch: {get:", 'fetch: {put: "/x", get:', 27, "exactly one of get", ""),
        ("    fetch: {get: \"/orders/{id}\"}\n", "", 29, "reads the order first", "Describe its fetch"),
        ("create: {post", "create: {pots", 29, "no setting 'pots'", "'post'"),
        ("is: duplicate, id: existing", "is: duplicate", 14, "names the place of the id", ""),
        ("is: duplicate, id: existing", "is: duplicat, id: existing", 14, "'duplicate'", "'duplicate'"),
        ("{code: EXISTS}", "{code..x: EXISTS}", 14, "JSON Pointer", ""),
        ("streams: {order.changed: order}", "streams: {order.changed: ordr}", 39, "no stream 'ordr'", "'order'"),
        ("changes: {field: updated_at,", "changes: {field: updated_at, format: iso8601,", 24, "no time format", ""),
        ("changes: {field: updated_at,", "changes: {field: updated_at, zone: Europe/Berln,", 24, "no time zone", ""),
        ("      changes: {field: updated_at, query: {since: \"{since}\"}, sorted: true}\n", "", 23, "need its time of change", "changes"),
        ("rate: 4, burst: 40", "rate: 0, burst: 40", 12, "greater than 0", ""),
        ("  url: {kind: url,", "  deadline: {kind: url,", 7, "has a setting 'deadline' already", ""),
        ("description: The token.", "default: 7, description: The token.", 8, "is no secret", ""),
        ("settings:\n", "setings:\n", 6, "no setting 'setings'", "'settings'"),
        ("name: acme", "name: Acme Inc", 2, "name", ""),
        ("connector: 1", "connector: 2", 1, "connector", ""),
        ("    delete: {not: Orders are cancelled.}", "    delete: {nott: Orders are cancelled.}", 31, "no setting 'nott'", ""),
        ("find: {sku: ItemNo}", "find: {sku: ItemNo, code: X}", 36, "find", ""),
        ("/ping, say", "/ping, put: /x, say", 11, "exactly one", ""),
        ("create: {post", "create: {bulk: {post: /all}, post", 29, "no setting 'bulk'", ""),
        ("  topic: {header", "  subscribe: {create: {post: /hooks}}\n  topic: {header", 39, "no setting 'subscribe'", ""),
        ("title: Acme", "title: [", 3, "YAML", "bracket"),
        ("title: Acme", "title: &x Acme", 3, "anchors", ""),
        ("title: Acme", "title: !!python/object:os.system Acme", 3, "tag", ""),
        ("name: acme", "name: acme\nname: acme", 3, "twice", ""),
        ("name: acme", "\tname: acme", 2, "YAML", "spaces"),
    ],
)  # fmt: skip
def test_a_fault_has_its_line_and_says_what_to_do(old: str, new: str, line: int, said: str, fix: str) -> None:
    assert old in GOOD
    faults = faults_of(GOOD.replace(old, new, 1))
    fitting = [fault for fault in faults if said in fault.message]
    assert fitting, [str(fault) for fault in faults]
    assert re.match(rf"acme\.yaml:{line}(:\d+)?$", fitting[0].where), fitting[0].where
    assert fix in fitting[0].fix


def must_be_said(text: str) -> None:
    for fault in faults_of(text):
        assert re.match(r"acme\.yaml(:\d+)+$", fault.where), str(fault)
        assert fault.message
        assert "Traceback" not in str(fault)
        assert "pydantic" not in str(fault).lower()


WORDS = st.sampled_from(
    ["{", "}", "[", "]", ":", "- ", "null", "true", "0123", "1e9", '"', "'", "{config.x}", "kind: ", "not: ", "python", "&a", "*a", "!!set",
     "<<: ", "\t", "\u2028", "\x00", "😀", "é", "~", "|", ">", "#", "%", "@", "`", "?", "---\n", "...\n", "{{", "}}"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(at=st.integers(0, len(GOOD)), cut=st.integers(0, 60), words=st.lists(WORDS, max_size=4))
def test_no_broken_text_breaks_the_loader(at: int, cut: int, words: list[str]) -> None:
    must_be_said(GOOD[:at] + "".join(words) + GOOD[at + cut :])


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 10**12), st.floats(allow_nan=False), st.text(max_size=12), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["get", "kind", "query", "id", "x", "not"]), inner, max_size=3)),
    max_leaves=6,
)  # fmt: skip


def places(data: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [at, *(place for name, value in inside for place in places(value, (*at, name)))]


DATA = YAML(typ="safe").load(GOOD)
PLACES = [place for place in places(DATA) if place]


@settings(max_examples=250, deadline=None)
@given(place=st.sampled_from(PLACES), value=JSON, remove=st.booleans())
def test_no_wrong_value_breaks_the_loader(place: tuple[Any, ...], value: Any, remove: bool) -> None:
    data = json.loads(json.dumps(DATA))
    here = data
    for step in place[:-1]:
        here = here[step]
    if remove:
        del here[place[-1]]
    else:
        here[place[-1]] = value
    must_be_said(json.dumps(data, ensure_ascii=False))


@pytest.mark.skipif(not CORPUS.is_dir(), reason=f"the corpus of bad files is not at {CORPUS}")
def test_the_corpus_of_bad_files_is_refused_with_a_line() -> None:
    files = sorted(CORPUS.glob("*.yaml"))
    assert files
    for file in files:
        _, faults = inspect_file(file)
        assert faults, file.name
        for fault in faults:
            assert fault.where.startswith(file.name), str(fault)


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "acme.yaml"
    empty.write_text("")
    assert {fault.code for fault in inspect_file(empty)[1]} == {"CFG-MISSING"}
    with pytest.raises(ConfigError, match="more faults"):
        load_file(empty)
    for raw in (b"\xff\xfe", b"a: \xc3\x28", b"[1]", b"just text", b"x" * (1024 * 1024 + 1)):
        empty.write_bytes(raw)
        assert inspect_file(empty)[1]
    with pytest.raises(ConfigError, match="cannot be read"):
        load_file(tmp_path / "none.yaml")


# --- the schema for editors


def test_the_schema_is_up_to_date() -> None:
    assert (FOLDER / "schemas" / NAME).read_text(encoding="utf-8") == schema_text(), (
        "run `make schemas` and commit the result"
    )
    Draft202012Validator.check_schema(schema())


def test_the_schema_takes_what_the_loader_takes() -> None:
    assert list(Draft202012Validator(schema()).iter_errors(DATA)) == []


@pytest.mark.parametrize(
    "old", ["kind: token,", "rows: items\n      paging", "post: /orders", "connector: 1", "kind: integer"]
)
def test_the_schema_refuses_what_the_loader_refuses(old: str) -> None:
    wrong = YAML(typ="safe").load(GOOD.replace(old, old.replace(":", "x:", 1), 1))
    assert list(Draft202012Validator(schema()).iter_errors(wrong))


def test_every_word_of_the_vocabulary_is_explained() -> None:
    parts = schema()["$defs"]
    for name, part in parts.items():
        assert part.get("description") or part.get("enum"), f"{name} has no description"
