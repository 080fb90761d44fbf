from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from hub.cli.main import main
from hub.cli.options import root_project
from hub.cli.views import console
from hub.project import load
from hub.project.scaffold import make_project
from hub.store import (
    AttemptMade,
    Finished,
    Frozen,
    Link,
    NewDelivery,
    NewMessage,
    Record,
    Settlement,
    Step,
    Store,
    Trouble,
)
from hub.store.archive import sha_of

CANARY = "shpat_canary_4711"


@dataclass(frozen=True)
class Result:
    """What one run of the command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Hub = Callable[..., Result]


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("HUB_PROJECT", "HUB_DATABASE_URL", "HUB_BROKER_URL", "HUB_SECRETS_DIR", "HUB_DEBUG", "HUB_API_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERMINAL_WIDTH", "160")
    token = root_project.set(None)
    yield
    root_project.reset(token)


@pytest.fixture
def hub(capsys: pytest.CaptureFixture[str]) -> Hub:
    def run(*arguments: object) -> Result:
        console.fresh()
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        console.fresh()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        return Result(code, said.out, said.err)

    return run


@pytest.fixture
def company(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A new project, entered."""
    folder = tmp_path / "company"
    make_project(folder)
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def tell() -> Callable[[str], None]:
    """Writes a story into a store: order 1001 is in the ERP, order 1002 names an unknown SKU."""

    def write(url: str) -> None:
        store = Store.open(url)
        _deliver_first(store)
        _refuse_second(store)
        store.close()

    return write


@pytest.fixture
def busy(company: Path, tell: Callable[[str], None]) -> Path:
    """A project whose SQLite store holds the story."""
    tell(load(company).database)
    return company


def _message(number: int) -> NewMessage:
    body = json.dumps({"name": f"#{number}", "id": number}).encode()
    return NewMessage("shop", "order", f"gid://shopify/Order/{number}", f"d{number}", body, topic="orders/create")


def _deliver_first(store: Store) -> None:
    store.accept([_message(1001)])
    store.accept([_message(1001)])
    claimed = store.claim_messages()[0]
    order = json.dumps({"number": "#1001", "lines": [{"sku": "VALVE-10"}]}).encode()
    sha = sha_of(order)
    steps = [
        Step("translate", "ok", before=claimed.payload, after=order, mapping="shopify/order.to_canonical.yaml"),
        Step("merge", "created", before=None, after=sha),
        Step("route", "ok", detail="orders-to-erp"),
    ]
    delivery = NewDelivery("orders-to-erp", "erp", "order:ord-1", "order", "order", "upsert", "ord-1", 1, sha)
    done = Finished(
        claimed.id, claimed.epoch, "done",
        records=[Record("ord-1", "order", 1, order, sha, natural_key="#1001", origin="shop")],
        links=[Link("order", "shop", "gid://shopify/Order/1001", "ord-1")],
        deliveries=[delivery], steps=steps, search_keys=[("order", "1001"), ("sku", "VALVE-10")],
    )  # fmt: skip
    store.finish_messages([done])
    sending = store.claim_deliveries()[0]
    request = b'{"stream": "order", "data": {"name": "1001"}}'
    store.freeze_requests([Frozen(sending.id, sending.epoch, request, "key-1")])
    exchange = {
        "method": "POST", "url": "http://127.0.0.1:9102/json/2/sale.order/create", "status": 200, "seconds": 0.045,
        "request_headers": {"authorization": f"Bearer {CANARY}", "content-type": "application/json"},
        "request_body": '{"vals_list": [{"client_order_ref": "1001"}]}', "response_headers": {}, "response_body": "[42]",
        "started_at": "2026-11-21T06:00:00Z", "error": "",
    }  # fmt: skip
    now = store.now()
    attempt = AttemptMade(now - 0.05, now, "done", exchanges=json.dumps([exchange]).encode())
    link = Link("order", "erp", "S00042", "ord-1", applied_version=1)
    store.settle_deliveries([Settlement(sending.id, claimed.id, sending.epoch, "done", links=[link], attempt=attempt)])


def _refuse_second(store: Store) -> None:
    store.accept([_message(1002)])
    claimed = store.claim_messages()[0]
    trouble = Trouble(
        "MAP-LOOKUP", "the SKU PUMP-9 is not in the lookup units", where="mappings/shopify/order.to_canonical.yaml:14"
    )
    step = Step("translate", "failed", trouble.code, trouble.detail)
    store.finish_messages(
        [
            Finished(
                claimed.id,
                claimed.epoch,
                "exception",
                trouble.code,
                trouble=trouble,
                steps=[step],
                search_keys=[("order", "1002")],
            )
        ]
    )
