"""A hub moves from SQLite to PostgreSQL and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.cli.main import main
from hub.cli.views import console
from hub.errors import StoreError
from hub.store import (
    AttemptMade,
    CursorMove,
    Finished,
    Frozen,
    Link,
    NewDelivery,
    NewMessage,
    Record,
    Schedule,
    Settlement,
    Step,
    Store,
    Trouble,
)
from hub.store import copy as copying
from hub.store.archive import sha_of


def fill(store: Store) -> None:
    """A bit of everything."""
    store.register_connections(["shop", "erp"])
    store.plan([Schedule("poll", interval=30.0), Schedule("night", cron="0 3 * * *")])
    store.accept([NewMessage("shop", "order", f"o{i}", f"d{i}", b'{"n": %d, "\xc3\xa4": 1}' % i) for i in range(5)])
    store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")], CursorMove("shop", "order", {"page": 7}))
    claimed = store.claim_messages()
    for message in claimed[:3]:
        body = b'{"number": "%d"}' % message.id
        record = Record(f"ord_{message.id}", "order", 1, body, sha_of(body), f"nat{message.id}", False, "shop")
        new = NewDelivery("f", "erp", record.id, "order", "order", "upsert", record.id, 1, record.sha)
        store.finish_messages([
            Finished(
                message.id, message.epoch, "done", records=[record], deliveries=[new], steps=[Step("route", "ok")],
                links=[Link("order", "shop", message.external_id, record.id)], search_keys=[("order", str(message.id))],
            )
        ])  # fmt: skip
    store.finish_messages(
        [Finished(claimed[3].id, claimed[3].epoch, "exception", "MAP-TYPE", trouble=Trouble("MAP-TYPE", "wrong"))]
    )
    one, two = store.claim_deliveries("erp", limit=2)
    store.freeze_requests([Frozen(one.id, one.epoch, b'{"a": 1}', "k1"), Frozen(two.id, two.epoch, b'{"a": 2}', "k2")])
    store.settle_deliveries(
        [Settlement(one.id, one.message_id, one.epoch, "done", attempt=AttemptMade(1.25, 2.5, "done", exchanges=b"[]"))]
    )
    store.tokens("erp").refresh("t", lambda _: {"access": "x"})


@pytest.mark.postgres
def test_a_hub_moves_to_the_other_database_and_back(tmp_path: Path, postgres_url: str) -> None:
    small = Store.open(f"sqlite:///{tmp_path / 'a.db'}")
    fill(small)
    large = Store.open(postgres_url)
    copied = small.copy_to(large)
    assert (copied["message"], copied["delivery"], copied["link"]) == (5, 3, 3)
    assert large.conservation() == small.conservation()
    assert large.in_flight() == small.in_flight()
    assert large.trace(1) == small.trace(1)
    assert large.cursor("shop", "order") == {"page": 7}
    back = Store.open(f"sqlite:///{tmp_path / 'b.db'}")
    assert large.copy_to(back) == copied
    for store in (large, back):  # and work goes on, with ids that were never used before
        (answer,) = store.accept([NewMessage("shop", "order", "o9", "d9", b"{}")])
        assert (answer.id, answer.duplicate) == (6, False)
        assert store.accept([NewMessage("shop", "order", "o1", "d1", b"{}")])[0].duplicate
        assert [one.record_id for one in store.claim_deliveries("erp")] == ["ord_3"]
        assert store.release([one["id"] for one in store.exceptions()]) == {""}
    with pytest.raises(StoreError) as refused:
        small.copy_to(back)
    assert refused.value.code == "STO-NOTEMPTY"
    for store in (small, large, back):
        store.close()


@pytest.mark.postgres
def test_the_command_copies_and_refuses(tmp_path: Path, postgres_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    small = f"sqlite:///{tmp_path / 'a.db'}"

    def run(*arguments: str) -> tuple[int, str]:
        console.fresh()
        code = main(["db", "copy", *arguments, "--json"])
        said = capsys.readouterr()
        console.fresh()
        return code, said.out + said.err

    code, said = run(small, postgres_url)
    assert (code, "STO-ABSENT" in said) == (1, True)
    store = Store.open(small)
    fill(store)
    code, said = run(small, postgres_url)
    assert (code, "STO-LOCKED" in said) == (1, True)
    store.close()
    code, said = run(small, postgres_url)
    assert code == 0, said
    assert json.loads(said)["rows"]["message"] == 5
    assert json.loads(said)["leases_ended"] == 2
    code, said = run(small, postgres_url)
    assert (code, "STO-NOTEMPTY" in said) == (1, True)
    code, said = run(postgres_url, f"sqlite:///{tmp_path / 'b.db'}")
    assert code == 0, said
    assert json.loads(said)["leases_ended"] == 0


@pytest.mark.postgres
def test_an_interrupted_copy_leaves_the_target_empty(tmp_path: Path, postgres_url: str) -> None:
    def stop(table: str, _: int) -> None:
        if table == "step":
            raise KeyboardInterrupt

    source, target = Store.open(f"sqlite:///{tmp_path / 'a.db'}"), Store.open(postgres_url)
    fill(source)
    with pytest.raises(KeyboardInterrupt):
        copying.copy(source.database, target.database, stop)
    assert target.conservation().in_ == 0
    assert source.copy_to(target)["message"] == 5  # and it can be begun again
    source.close()
    target.close()
