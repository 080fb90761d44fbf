"""What the tests against a real Odoo have in common: connections, records to send, and a network that loses answers."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from connectors.odoo import OdooConnector
from hub.errors import OutcomeUnknown, RetryLater
from hub.sdk.records import Cursor, DeliverResult, OutboundRecord, RawMessage
from hub.sdk.testing.io import make_io

WRITES = ("load", "write", "create", "action_confirm", "action_post", "button_validate", "js_assign_outstanding_line")


def connect(settings: dict[str, Any], **more: Any) -> OdooConnector:
    host = urlsplit(str({**settings, **more}["url"])).hostname or ""
    config = OdooConnector.Config(**{**settings, **more})
    return OdooConnector(config, make_io(allow_hosts=["127.0.0.1", host], deadline=config.deadline))


def count(odoo: OdooConnector, product: int, quantity: int) -> None:
    """Count a product's stock in the first warehouse."""
    warehouse = odoo.client.search_read("stock.warehouse", [], ["lot_stock_id"], limit=1)[0]
    values = {"product_id": product, "location_id": warehouse["lot_stock_id"][0], "inventory_quantity": quantity}
    quant = odoo.client.create("stock.quant", values, context={"inventory_mode": True})
    odoo.client.call("stock.quant", "action_apply_inventory", [quant], effect=True)


def order(products: dict[str, int], marker: str, quantity: int = 2, **more: Any) -> OutboundRecord:
    sku, product = next(iter(products.items()))
    line = {
        "line": "gid://shopify/LineItem/1", "product_id": str(product), "name": sku, "product_uom_qty": str(quantity),
        "price_unit": "10.00", "tax_rates": ["0.15"],
    }  # fmt: skip
    address = {"name": "Jane Döe", "street": "Main St 1", "city": "Berlin", "zip": "01067", "country_code": "DE"}
    total = str((Decimal(quantity) * 10 * Decimal("1.15")).quantize(Decimal("0.01")))
    data = {
        "partner_id": None, "origin": "#1001", "currency": "USD", "date_order": "2026-11-20T10:00:00Z", "total": total,
        "invoice_address": address, "order_line": [line], **more,
    }  # fmt: skip
    return OutboundRecord("order", "create", data, f"key-{marker}", marker)


class Lossy(BaseHTTPRequestHandler):
    """A proxy that loses requests before they reach Odoo, and answers on their way back: cut off, or later than anybody waits."""

    protocol_version = "HTTP/1.1"
    target: ClassVar[str] = ""
    wait: ClassVar[float] = 0.0
    """For how many seconds a lost answer is awaited in vain; 0 = the connection breaks at once."""
    seen: ClassVar[int] = 0
    lost: ClassVar[int] = 0

    def do_GET(self) -> None:
        self.do_POST()

    def do_POST(self) -> None:
        type(self).seen += 1
        number = self.seen
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        writes = any(f"/{name}" in self.path or f'"{name}"'.encode() in body for name in WRITES)
        if number % 11 == 5:
            return self._lose(0.0)
        connection = http.client.HTTPConnection(self.target, timeout=120)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        connection.request(self.command, self.path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if writes and number % 3 == 0:
            return self._lose(self.wait)  # the effect is there, the answer is not
        try:
            self._give(answer, content)
        except OSError:  # the caller has gone: Odoo took longer than it waits
            self.close_connection = True
        return None

    def _give(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("content-length", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _lose(self, wait: float) -> None:
        type(self).lost += 1
        time.sleep(wait)
        self.close_connection = True
        self.connection.close()

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def losing(settings: dict[str, Any], wait: float = 0.0) -> Iterator[tuple[str, type[Lossy]]]:
    """The proxy before this Odoo; its address, and what it has lost."""
    handler = type("Losing", (Lossy,), {"target": urlsplit(settings["url"]).netloc, "wait": wait})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", handler
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def by_eight_workers(jobs: Iterable[Callable[[], Any]]) -> list[BaseException]:
    """Do the jobs with eight workers; what failed."""
    work, lock, failures = iter(list(jobs)), threading.Lock(), []

    def worker() -> None:
        while True:
            with lock:
                job = next(work, None)
            if job is None:
                return
            try:
                job()
            except BaseException as error:
                failures.append(error)

    _run([threading.Thread(target=worker) for _ in range(8)])
    return failures


def at_once(job: Callable[[], str]) -> list[str]:
    """What eight workers say who do the same at the same moment; those who must try again say so."""
    start, outcomes = threading.Barrier(8), []

    def worker() -> None:
        start.wait()
        try:
            outcomes.append(job())
        except (RetryLater, OutcomeUnknown) as error:
            outcomes.append(type(error).__name__)

    _run([threading.Thread(target=worker) for _ in range(8)])
    return outcomes


def _run(workers: list[threading.Thread]) -> None:
    for one in workers:
        one.start()
    for one in workers:
        one.join()


def settle(make: Callable[[], OdooConnector], record: OutboundRecord, tries: int = 40) -> DeliverResult:
    """Deliver as the hub does: after an unknown outcome look the effect up before anything is sent again."""
    maybe = False
    for attempt in range(1, tries):
        now = replace(record, attempt=attempt, maybe_sent=maybe)
        try:
            found = make().find_effect(now) if maybe else None
            return found or make().deliver(now)
        except OutcomeUnknown:
            maybe = True
        except RetryLater:
            time.sleep(0.05 * attempt)
    raise AssertionError("never settled")


def drain(odoo: OdooConnector, stream: str, cursor: Cursor | None = None) -> tuple[list[RawMessage], Cursor]:
    messages: list[RawMessage] = []
    for _ in range(500):
        page = odoo.poll(stream, cursor, 100)
        messages += page.messages
        cursor = page.cursor
        if not page.more:
            return messages, cursor
    raise AssertionError("the poll never ends")


def billing(order_id: str, marker: str, **more: Any) -> OutboundRecord:
    data = {
        "kind": "invoice",
        "order_id": order_id,
        "number": f"RE-{marker}",
        "currency": "USD",
        "total": "23.00",
        **more,
    }
    return OutboundRecord("invoice", "create", data, "k", marker)


def paying(order_id: str, marker: str, **more: Any) -> OutboundRecord:
    memo = f"{marker.split('-')[1]} books"
    data = {
        "kind": "payment",
        "order_id": order_id,
        "amount": "23.00",
        "currency": "USD",
        "memo": memo,
        "date": "2026-11-20",
        **more,
    }
    return OutboundRecord("payment", "create", data, "k", marker)


def crediting(order_id: str, marker: str) -> OutboundRecord:
    line = {"order_line": "gid://shopify/LineItem/1", "quantity": "1", "price_unit": "10.00", "name": "-"}
    return billing(order_id, marker, kind="credit_note", total="11.50", lines=[line])


def refunding(order_id: str, marker: str) -> OutboundRecord:
    return paying(order_id, marker, kind="refund", amount="11.50")
