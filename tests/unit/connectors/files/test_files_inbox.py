"""Files in: when one is taken, in which order, what becomes of it, and that nothing is lost or doubled whenever the hub stops."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from pydantic import ValidationError

from connectors.files.config import FilesConfig
from connectors.files.connector import FilesConnector
from hub.errors import ConfigError, Rejected, RetryLater, Unsupported
from hub.sdk.testing.bench import through_json
from tests.unit.connectors.files.conftest import payloads, refusals, spec

CORPUS = Path(os.environ.get("HUB_CORPUS", Path(__file__).parents[5] / "shared" / "corpus"))


# --- when a file is taken


def test_a_file_is_taken_when_it_has_stayed_the_same(world):
    file = world.put("a.csv", "sku\nA\n")
    reading = {"stable_for": 10}
    assert world.read(**reading) == []
    world.clock.advance(6)
    file.write_bytes(b"sku\nA\nB\n")
    assert world.read(**reading) == []
    world.clock.advance(6)
    assert world.read(**reading) == []
    world.clock.advance(6)
    assert [m.external_id for m in world.read(**reading)] == ["A", "B"]


def test_an_old_time_of_change_is_no_proof_that_nobody_is_writing(world):
    """rsync -t and cp -p give a file its old time while they are still writing it."""
    world.put("a.csv", "sku\nA\n", at=-86_400)
    assert world.read(stable_for=10) == []


@pytest.mark.parametrize("name", ["a.csv.part", "a.csv.tmp", ".a.csv", "a.csv.filepart", "a.csv~", "b.txt"])
def test_unfinished_and_other_names_are_never_taken(world, name):
    world.put(name, "sku\nA\n")
    assert world.read(pattern="*.csv*") == []
    assert world.names() == [name]


def test_a_done_marker(world):
    world.put("a.csv", "sku\nA\n")
    world.put("b.csv", "sku\nB\n")
    world.put("b.csv.done", "")
    assert [m.external_id for m in world.read(done_suffix=".done")] == ["B"]
    assert world.names() == ["a.csv"]


def test_links_and_folders_are_not_files(world, tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("sku\nA\n")
    (world.root / "in" / "link.csv").symlink_to(secret)
    (world.root / "in" / "sub.csv").mkdir()
    os.mkfifo(world.root / "in" / "pipe.csv")
    assert world.read() == []


@pytest.mark.parametrize(("order", "expected"), [("time", ["Z10", "Z9", "A2"]), ("name", ["A2", "Z9", "Z10"])])
def test_the_order_of_files(world, order, expected):
    for name, at in (("f2.csv", 0.0), ("f9.csv", -5.0), ("f10.csv", -9.0)):
        world.put(name, f"sku\n{'A' if name == 'f2.csv' else 'Z'}{name[1:-4]}\n", at=at)
    found = world.read(order=order)
    assert [m.external_id for m in found] == expected
    assert [m.source_version for m in found] == sorted(m.source_version for m in found)


def test_what_is_read_later_is_newer_also_in_another_round(world):
    world.put("b.csv", "sku,v\nA,1\n")
    first = world.read()
    world.put("a.csv", "sku,v\nA,2\n", at=-3600)
    second = world.read()
    assert second[0].source_version > first[0].source_version
    assert first[0].dedupe_key != second[0].dedupe_key


# --- what becomes of it


def test_a_file_goes_to_the_archive_only_after_its_last_page_was_stored(world):
    world.put("a.csv", "sku\n" + "".join(f"S{n}\n" for n in range(7)))
    connector = world.connector(read={"variant": spec()})
    cursor, seen = None, []
    for _ in range(10):
        page = connector.poll("variant", cursor, 3)
        seen.append((len(page.messages), world.names(), len(world.names("in/archive"))))
        cursor = through_json(page.cursor, "cursor")
        if not page.more:
            break
    assert seen == [(3, ["a.csv"], 0), (3, ["a.csv"], 0), (1, ["a.csv"], 0), (0, [], 1)]
    (kept,) = world.names("in/archive")
    assert kept.startswith("a.20261128T08")
    assert kept.endswith("Z.csv")


def test_delete_and_keep(world):
    world.put("a.csv", "sku\nA\n")
    assert len(world.read(after="keep")) == 1
    assert world.read(after="keep") == []
    assert world.names() == ["a.csv"]
    world.put("a.csv", "sku\nB\n", at=1)
    assert [m.external_id for m in world.read(after="keep")] == ["B"]
    world.cursor = None
    assert [m.external_id for m in world.read(after="delete")] == ["B"]
    assert world.names() == []
    assert not (world.root / "in" / "archive").exists()


def test_the_memory_of_kept_files_does_not_grow(world):
    for n in range(30):
        path = world.put(f"{n}.csv", f"sku\nS{n}\n", at=n)
        assert len(world.read(after="keep")) == 1
        path.unlink()
    assert world.read(after="keep") == []
    assert "kept" not in (world.cursor or {})


@pytest.mark.parametrize("check_first", [True, False])
def test_a_broken_file_goes_to_quarantine_with_its_reason_and_an_exception(world, check_first):
    world.put("a.csv", b"sku,name\nA,1\nB,\xfc\nC,3\n")
    world.put("b.csv", "sku,name\nD,4\n", at=1)
    found = world.read(check_first=check_first)
    good = ["D"] if check_first else ["A", "D"]
    assert [m.external_id for m in found if m.refused is None] == good
    rows = "nothing of it was taken" if check_first else "the 1 rows before it were taken"
    assert refusals(found) == [f"a.csv: line 3: the byte 0xfc is not UTF-8 text; {rows}"]
    assert {m.refused[0] for m in found if m.refused} == {"IN-FILE"}
    assert world.names() == []
    broken, reason = world.names("in/quarantine")
    assert (world.root / "in/quarantine" / broken).read_bytes() == b"sku,name\nA,1\nB,\xfc\nC,3\n"
    text = (world.root / "in/quarantine" / reason).read_text()
    assert reason == f"{broken}.reason.txt"
    assert "line 3: the byte 0xfc is not UTF-8 text" in text
    told = next(m for m in found if m.refused)
    assert told.payload["quarantine"] == f"quarantine/{broken}"


def test_all_bad_rows_are_told_at_once(world):
    world.put("a.csv", "sku,name\nA\nB,2\nC,3,4\n,5\n")
    found = world.read()
    assert payloads(found) == []
    (told,) = found
    assert told.payload["why"] == [
        "line 2: 1 fields, and the header names 2 columns", "line 4: 3 fields, and the header names 2 columns",
        "line 5: the field sku, which is a part of the id, is missing or empty",
    ]  # fmt: skip


def test_bad_rows_can_be_set_aside(world):
    world.put("a.csv", "sku,name\nA\nB,2\nC,3,4\nD,4\n")
    found = world.read(bad_rows="set_aside")
    assert [m.external_id for m in found if m.refused is None] == ["B", "D"]
    assert refusals(found) == [
        "a.csv: line 2: 1 fields, and the header names 2 columns", "a.csv: line 4: 3 fields, and the header names 2 columns",
    ]  # fmt: skip
    assert found[0].payload["text"] == "A"
    assert len({m.dedupe_key for m in found}) == 4
    assert len(world.names("in/archive")) == 1


def test_a_corrected_file_is_taken_again(world):
    world.put("a.csv", "sku,name\nA\n")
    assert len(refusals(world.read())) == 1
    world.put("a.csv", "sku,name\nA,1\n", at=1)
    assert payloads(world.read()) == [{"sku": "A", "name": "1"}]


# --- nothing lost, nothing doubled


@pytest.mark.parametrize("kind", ["csv", "jsonl", "json", "xml", "fixed"])
@pytest.mark.parametrize("seed", range(4))
def test_a_hub_that_is_killed_anywhere_goes_on_without_losing_or_doubling_a_row(world, kind, seed):
    """Every page may be read and never stored; every instance may be the last of its process. What counts is what was stored."""
    random_ = random.Random(seed)
    expected = []
    for number in range(3):
        rows = [f"{number}-{n:04d}" for n in range(random_.randrange(30, 80))]
        expected += rows
        world.put(f"f{number}.x", FILES[kind](rows), at=number)
    more = {"xml": {"records": "a/b"}, "fixed": {"columns": [{"name": "sku", "width": 8}]}}.get(kind, {})
    stored: dict[str, str] = {}
    order: list[str] = []
    connector = None
    for _ in range(2000):
        if connector is None or random_.random() < 0.5:
            connector = world.connector(read={"variant": spec(format=kind, **more)})
        page = connector.poll("variant", world.cursor, random_.randrange(1, 20))
        if random_.random() < 0.4:
            continue  # killed before the transaction
        for message in page.messages:
            if message.dedupe_key not in stored:
                order.append(message.external_id)
            stored[message.dedupe_key] = message.external_id
        world.cursor = through_json(page.cursor, "cursor")
        if not page.more:
            break
    assert order == expected
    assert world.names() == []
    assert len(world.names("in/archive")) == 3


FILES = {
    "csv": lambda rows: "sku\n" + "".join(f"{row}\n" for row in rows),
    "jsonl": lambda rows: "".join(json.dumps({"sku": row}) + "\n" for row in rows),
    "json": lambda rows: json.dumps([{"sku": row} for row in rows], indent=1),
    "xml": lambda rows: "<a>" + "".join(f"<b><sku>{row}</sku></b>" for row in rows) + "</a>",
    "fixed": lambda rows: "".join(f"{row:<8}\r\n" for row in rows),
}


def test_killed_between_the_move_and_everything_after_it(world):
    world.put("a.csv", "sku\nA\n")
    connector = world.connector(read={"variant": spec()})
    page = connector.poll("variant", None, 10)
    again = connector.poll("variant", page.cursor, 10)
    assert len(world.names("in/archive")) == 1
    # The page behind the move was not stored: the old cursor comes back.
    once_more = world.connector(read={"variant": spec()}).poll("variant", page.cursor, 10)
    assert (list(again.messages), list(once_more.messages)) == ([], [])
    assert len(world.names("in/archive")) == 1


def test_a_database_from_yesterday_finds_the_file_in_the_archive(world):
    world.put("a.csv", "sku\n" + "".join(f"S{n}\n" for n in range(9)))
    connector = world.connector(read={"variant": spec()})
    page = connector.poll("variant", None, 4)
    backup = page.cursor
    while page.more:
        page = connector.poll("variant", page.cursor, 4)
    assert world.names() == []
    world.cursor = backup
    assert [m.external_id for m in world.read()] == ["S4", "S5", "S6", "S7", "S8"]


def test_a_file_that_is_replaced_while_it_is_read(world):
    world.put("a.csv", "sku\n" + "".join(f"S{n}\n" for n in range(9)))
    page = world.connector(read={"variant": spec()}).poll("variant", None, 4)
    world.put("a.csv", "sku\nNEW\n", at=60)
    world.cursor = page.cursor
    found = world.read()
    assert [m.external_id for m in found if m.refused is None] == ["NEW"]
    assert refusals(found) == [
        "a.csv: it was taken away or replaced while it was being read; only its first 4 rows were taken"
    ]
    assert len(world.names("in/archive")) == 1


def test_a_file_that_is_replaced_after_it_was_read_is_not_archived_unread(world):
    world.put("a.csv", "sku\nOLD\n")
    connector = world.connector(read={"variant": spec()})
    page = connector.poll("variant", None, 10)
    world.put("a.csv", "sku\nNEW\n", at=60)
    world.cursor = page.cursor
    assert [m.external_id for m in world.read(connector)] == ["NEW"]
    archived = [(world.root / "in/archive" / name).read_text() for name in world.names("in/archive")]
    assert archived == ["sku\nNEW\n"]


def test_replaced_in_the_very_moment_of_the_move(world, monkeypatch):
    file = world.put("a.csv", "sku\nOLD\n")
    connector = world.connector(read={"variant": spec()})
    page = connector.poll("variant", None, 10)
    rename = connector._folder.rename

    def swapped(source, target, **more):
        if source == "in/a.csv" and file.read_text() == "sku\nOLD\n":
            world.put("a.csv", "sku\nNEWER\n", at=60)
        return rename(source, target, **more)

    monkeypatch.setattr(connector._folder, "rename", swapped)
    with pytest.raises(RetryLater, match="was replaced while it was put away"):
        connector.poll("variant", page.cursor, 10)
    world.cursor = page.cursor
    assert [m.external_id for m in world.read(connector)] == ["NEWER"]


def test_a_large_file_is_read_on_from_an_open_file_and_the_same_after_a_restart(world):
    world.put("a.csv", "sku,note\n" + "".join(f"S{n},{'x' * 90}\n" for n in range(15_000)))
    connector = world.connector(read={"variant": spec()})
    page = connector.poll("variant", None, 100)
    assert connector._inbox._open
    going_on = connector.poll("variant", page.cursor, 100)
    restarted = world.connector(read={"variant": spec()}).poll("variant", page.cursor, 100)
    assert [m.dedupe_key for m in going_on.messages] == [m.dedupe_key for m in restarted.messages]
    assert going_on.messages[0].external_id == "S100"
    connector.close()
    assert not connector._inbox._open


def test_hostile_names(world):
    for name in ("a\nb.csv", "=cmd.csv", "ü .csv", "a;rm -rf.csv"):
        world.put(name, f"sku\n{len(name)}\n")
    odd = os.fsencode(world.root / "in") + b"/\xff.csv"
    Path(os.fsdecode(odd)).write_text("sku\nX\n")
    assert len(payloads(world.read())) == 3
    logged = world.made[-1].io.log.text
    assert "files.odd_name" in logged
    assert "\n b" not in logged


# --- the corpus of bad inputs


def corpus(category: str) -> list[dict]:
    index = CORPUS / "index.json"
    return (
        [case for case in json.loads(index.read_text())["cases"] if case["category"] == category]
        if index.is_file()
        else []
    )


@pytest.mark.skipif(
    not corpus("csv"), reason=f"the corpus of bad inputs is not at hand ({CORPUS}; HUB_CORPUS says where it is)"
)
@pytest.mark.parametrize("case", corpus("csv"), ids=lambda case: case["id"])
def test_the_csv_cases_of_the_corpus(world, case):
    """Whatever is in such a file: no record of it is taken, it is kept, the reason is told, and the next file is read."""
    assert case["expect"]["effects_per_target"] == 0
    content = (CORPUS / case["file"]).read_bytes()
    world.put(Path(case["file"]).name, content)
    world.put("next.csv", "sku\nA\n", at=1)
    found = world.read()
    assert payloads(found) == [{"sku": "A"}]
    (told,) = refusals(found)
    expected = {"FIELD_TOO_LONG": "a field is longer than", "ARCHIVE_TOO_LARGE": "which no text has"}
    assert expected[case["expect"]["reason"]] in told or "is not UTF-8 text" in told
    quarantined = [name for name in world.names("in/quarantine") if not name.endswith(".reason.txt")]
    assert [(world.root / "in/quarantine" / name).read_bytes() for name in quarantined] == [content]


# --- settings


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "one of folder and sftp"),
        (
            {"folder": "/x", "sftp": {"host": "h", "user": "u", "password": "p", "host_key": "k"}},
            "one of folder and sftp",
        ),
        ({"folder": "/x", "read": {"oder": spec()}}, "there is no stream 'oder'"),
        ({"folder": "/x", "read": {"order": spec(path="../etc")}}, "below the folder"),
        ({"folder": "/x", "read": {"order": spec(path="/etc")}}, "below the folder"),
        ({"folder": "/x", "read": {"order": spec(format="fixed")}}, "needs columns"),
        ({"folder": "/x", "read": {"order": spec(format="xml")}}, "XML needs records"),
        ({"folder": "/x", "read": {"order": spec(id=[], group=True)}}, "group needs an id"),
        ({"folder": "/x", "read": {"order": spec(header=False)}}, "without a header needs columns"),
        ({"folder": "/x", "write": {"order": {"path": "out", "name": "orders.csv"}}}, "must hold {key}"),
        ({"folder": "/x", "write": {"order": {"path": "out", "name": "../{key}"}}}, "has no /"),
        ({"folder": "/x", "write": {"order": {"path": "out", "batch": {}}}}, "a batch in CSV needs columns"),
        ({"sftp": {"host": "h", "user": "u", "host_key": "k"}}, "a password or a private_key"),
        ({"sftp": {"host": "h", "user": "u", "password": "p"}}, "host_key"),
    ],
)
def test_settings_that_cannot_be(settings, said):
    with pytest.raises(ValidationError) as caught:
        FilesConfig.model_validate(settings)
    assert said in str(caught.value)


def test_a_stream_that_is_not_set_up(world):
    connector = world.connector(read={"order": spec()})
    with pytest.raises(ConfigError, match="does not say how to read files of variant"):
        connector.poll("variant", None, 1)
    with pytest.raises(Unsupported):
        connector.poll("nothing", None, 1)


def test_check_says_which_folder_is_missing(world):
    assert world.connector(read={"order": spec()}).check().ok
    health = world.connector(read={"order": spec(path="in/orders")}, write={"order": {"path": "out"}}).check()
    assert (health.ok, health.summary) == (False, "there is no folder in/orders")
    with pytest.raises(Rejected, match="there is no folder 'in/orders'"):
        world.connector(read={"order": spec(path="in/orders")}).poll("order", None, 1)


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_folder_without_permission(world):
    (world.root / "in").chmod(0)
    try:
        with pytest.raises(Rejected) as caught:
            world.read()
        assert caught.value.code == "CON-SCOPE"
    finally:
        (world.root / "in").chmod(0o700)


def test_it_is_a_connector():
    assert FilesConnector.manifest.name == "files"


# --- full lists of which only the changes count


def listing(rows: dict[str, str]) -> str:
    return "sku,price\n" + "".join(f"{sku},{price}\n" for sku, price in rows.items())


def test_only_changed_rows_of_a_full_list_are_told(world):
    rows = {f"S{n}": "1.00" for n in range(50)}
    world.put("a.csv", listing(rows))
    assert len(world.read(changed_only=True)) == 50
    rows |= {"S7": "2.00", "S50": "3.00"}
    del rows["S9"]
    world.put("b.csv", listing(rows), at=1)
    assert payloads(world.read(changed_only=True)) == [{"sku": "S7", "price": "2.00"}, {"sku": "S50", "price": "3.00"}]
    # Back to what it was in the first file: a change all the same.
    rows["S7"] = "1.00"
    world.put("c.csv", listing(rows), at=2)
    assert payloads(world.read(changed_only=True)) == [{"sku": "S7", "price": "1.00"}]
    world.put("d.csv", listing(rows), at=3)
    assert world.read(changed_only=True) == []
    assert len(world.names("in/archive")) == 4


def test_the_last_row_of_an_id_counts(world):
    world.put("a.csv", "sku,price\nA,1\nA,2\n")
    assert len(world.read(changed_only=True)) == 2
    world.put("b.csv", "sku,price\nA,3\nA,2\nA,2\n", at=1)
    assert [m.payload["price"] for m in world.read(changed_only=True)] == ["3", "2"]


def test_without_the_file_before_everything_is_told(world):
    world.put("a.csv", listing({"A": "1"}))
    world.read(changed_only=True)
    for path in (world.root / "in/archive").iterdir():
        path.unlink()
    world.put("b.csv", listing({"A": "1"}), at=1)
    assert len(world.read(changed_only=True)) == 1


@pytest.mark.parametrize("seed", range(6))
def test_a_comparison_survives_being_killed(world, seed, monkeypatch):
    """After any restart the last row told of each id is the last one in the file, and nothing that is the same is told again."""
    monkeypatch.setattr("connectors.files.inbox.MOST_PASSED", 5)
    random_ = random.Random(seed)
    first = [(f"S{random_.randrange(20)}", str(random_.randrange(3))) for _ in range(60)]
    second = [(f"S{random_.randrange(20)}", str(random_.randrange(3))) for _ in range(60)]
    for number, rows in enumerate((first, second)):
        world.put(f"{number}.csv", "sku,price\n" + "".join(f"{sku},{price}\n" for sku, price in rows), at=number)
    known: dict[str, str] = {}
    told = 0
    for _ in range(3000):
        connector = world.connector(read={"variant": spec(changed_only=True)})
        page = connector.poll("variant", world.cursor, random_.randrange(1, 9))
        if random_.random() < 0.3:
            continue
        for message in page.messages:
            if "0.csv" not in message.topic:
                assert known.get(message.external_id) != message.payload["price"]
                told += 1
            known[message.external_id] = message.payload["price"]
        world.cursor = through_json(page.cursor, "cursor")
        if not page.more:
            break
    assert known == {**dict(first), **dict(second)}
    assert told < 60
