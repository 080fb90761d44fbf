"""The shop and the ERP of the pipeline benchmark in one process: it sends signed webhooks and takes what the hub delivers.

`python -m tests.benchmarks.pipeline.driver URL COUNT` with the settings of `Plan` as options; prints one JSON object. It prints
its own address first, because the hub's project must name it. Written for little CPU a message, since it shares the cores.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import hmac
import json
import re
import sys
import time
from collections import deque
from hashlib import sha256
from typing import Any
from urllib.parse import urlsplit

SECRET = b"pipeline-bench-key"
_MARK = re.compile(rb'"note": ?"bench-(\d+)-')
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)


def order(number: int) -> dict[str, Any]:
    """An order of about 4.5 kB in the plain shape of the generic connector: five lines, two addresses, taxes, and more."""
    lines = [
        {
            "id": number * 10 + line, "sku": f"VALVE-{line}", "title": f"Valve {line} with a brass body", "quantity": line + 1,
            "price": f"{19 + line * 10}.90", "grams": 567, "taxable": True, "vendor": "Acme", "requires_shipping": True,
            "tax_lines": [{"title": "VAT", "price": "3.98", "rate": "0.2"}], "fulfillable_quantity": line + 1,
            "properties": [{"name": "engraving", "value": f"Hello {line}"}], "gift_card": False, "product_exists": True,
            "variant_title": "brass", "name": f"Valve {line} with a brass body - brass", "total_discount": "0.00",
        }
        for line in range(5)
    ]  # fmt: skip
    address = {
        "name": "Ada Lovelace", "company": "Analytical Engines", "address1": "12 St James Sq", "address2": "Floor 2",
        "city": "London", "zip": "SW1Y 4JH", "province": "England", "country_code": "GB", "phone": "+442079460000",
    }  # fmt: skip
    goods = sum((19.9 + line * 10) * (line + 1) for line in range(5))
    return {
        "id": number, "name": f"#{number}", "currency": "GBP", "created_at": "2026-11-20T14:27:12Z",
        "updated_at": "2026-11-20T14:27:12Z", "financial_status": "paid", "note": f"bench-{number}-",
        "customer": {
            "id": 5_000_000 + number % 1000, "email": f"ada{number % 1000}@example.com", "first_name": "Ada",
            "last_name": "Lovelace", "orders_count": 3, "total_spent": "1203.00", "tags": "dealer, london",
        },
        "shipping_address": address, "billing_address": address, "line_items": lines, "discounts": [],
        "shipping_lines": [{"title": "Express", "price": "12.00", "code": "EXP"}], "total_tax": "100.00",
        "taxes_included": True, "total_price": f"{goods + 12:.2f}",
        "note_attributes": [{"name": f"attribute {n}", "value": "a value of some length, as themes and apps add them"} for n in range(9)],
        "client_details": {"browser_ip": "192.0.2.1", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"},
    }  # fmt: skip


class Template:
    """The bytes of an order with the places where its number goes: several times cheaper than writing the JSON anew."""

    def __init__(self) -> None:
        number, customer = 7_777_777_000, 7_777_777_000 % 1000
        text = json.dumps(order(number)).replace(f'"id": {5_000_000 + customer}', '"id": @C')
        text = text.replace(f"ada{customer}@", "ada@C@").replace(str(number // 1000), "@N")
        self._parts = re.split(r"(@[NC])", text)

    def body(self, number: int) -> bytes:
        """The order with this number (a multiple of a thousand is added, so that all have the same length)."""
        whole = 7_777_777 + number
        values = {"@N": str(whole), "@C": str(5_000_000 + number % 1000)}
        return "".join(values.get(part, part) for part in self._parts).encode()


class Run:
    """What is under way and what has come back."""

    def __init__(self, plan: argparse.Namespace) -> None:
        self.plan = plan
        self.sent: dict[int, float] = {}
        self.next = 0
        self.accepted = self.refused = self.delivered = self.doubled = self.slow = 0
        self.accepted_at = self.done_at = 0.0
        self.latencies: list[float] = []
        self.arrivals: deque[float] = deque()
        self.finished = asyncio.Event()
        self.senders: deque[Sender] = deque()
        self.template = Template()
        self.again: deque[int] = deque()

    def take(self) -> int | None:
        """The number of the next order to send, none while the window is full."""
        if self.again:
            return self.again.popleft()
        if self.next >= self.plan.count or len(self.sent) >= self.plan.window:
            return None
        self.next += 1
        return self.next - 1

    def arrived(self, number: int) -> None:
        """The ERP has it."""
        now = time.perf_counter()
        began = self.sent.pop(number, None)
        if began is None:
            self.doubled += 1
            return
        self.delivered += 1
        self.latencies.append(now - began)
        self.arrivals.append(now)
        if self.delivered == self.plan.count:
            self.done_at = now
            self.finished.set()
        elif not self.plan.rate:
            while self.senders and (following := self.take()) is not None:
                self.senders.popleft().send(following)


class Sender(asyncio.Protocol):
    """One kept connection of the shop."""

    def __init__(self, run: Run, host: str) -> None:
        self._run = run
        self._host = host
        self._number = -1
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self.rest()

    def rest(self) -> None:
        """Send the next order, or wait for one."""
        number = None if self._run.plan.rate else self._run.take()
        if number is None:
            self._run.senders.append(self)
        else:
            self.send(number)

    def send(self, number: int) -> None:
        """Send one order."""
        run = self._run
        self._number = number
        body = run.template.body(number)
        stamp = str(int(time.time()))
        signature = base64.b64encode(hmac.digest(SECRET, stamp.encode() + b"." + body, sha256)).decode()
        run.sent.setdefault(number, time.perf_counter())
        self._transport.write(
            f"POST /webhooks/shop HTTP/1.1\r\nhost: {self._host}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\nx-topic: orders/create\r\nx-event-id: e{number}\r\nx-timestamp: {stamp}\r\n"
            f"x-signature: {signature}\r\n\r\n".encode()
            + body
        )

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = _LENGTH.search(head)
        if length is None or len(rest) < int(length[1]):
            return
        self._buffer = b""
        run = self._run
        if head[9:10] == b"2":
            run.accepted += 1
            run.accepted_at = time.perf_counter()
        else:
            run.refused += 1
            if not head.startswith(b"HTTP/1.1 503"):
                sys.exit(f"the hub answered {head[:15]!r} {rest[:300]!r}")
            number = self._number
            asyncio.get_running_loop().call_later(0.2, run.again.append, number)
        self.rest()


class Erp(asyncio.Protocol):
    """The target: takes every order and answers with an id. A slow one takes its time for each, and is not counted."""

    def __init__(self, run: Run, delay: float = 0.0) -> None:
        self._run = run
        self._delay = delay
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while True:
            head, found, rest = self._buffer.partition(b"\r\n\r\n")
            if not found:
                return
            length = _LENGTH.search(head)
            size = int(length[1]) if length else 0
            if len(rest) < size:
                return
            body, self._buffer = rest[:size], rest[size:]
            mark = _MARK.search(body)
            number = int(mark[1]) // 1000 - 7_777_777 if mark else 0
            if self._delay:
                asyncio.get_running_loop().call_later(self._delay, self._answer, number)
            else:
                self._answer(number)
                self._run.arrived(number)

    def _answer(self, number: int) -> None:
        body = f'{{"id": "so-{number}"}}'.encode()
        self._transport.write(
            b"HTTP/1.1 201 Created\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s"
            % (len(body), body)
        )
        self._run.slow += bool(self._delay)


async def main(plan: argparse.Namespace) -> dict[str, Any]:
    """Serve the ERP, wait for the hub's address on standard input, send everything, and count."""
    loop = asyncio.get_running_loop()
    run = Run(plan)
    server = await loop.create_server(lambda: Erp(run), "127.0.0.1", 0)
    slow = await loop.create_server(lambda: Erp(run, plan.delay or 0.05), "127.0.0.1", 0)
    print(*(f"http://127.0.0.1:{one.sockets[0].getsockname()[1]}" for one in (server, slow)), flush=True)
    url = urlsplit((await loop.run_in_executor(None, sys.stdin.readline)).strip())
    began = time.perf_counter()
    for _ in range(plan.connections):
        await loop.create_connection(lambda: Sender(run, url.netloc), url.hostname, url.port)
    if plan.rate:
        for tick in range(plan.count):
            await asyncio.sleep(max(0.0, began + tick / plan.rate - time.perf_counter()))
            if run.senders:
                number = run.take()
                assert number is not None
                run.senders.popleft().send(number)
    try:
        await asyncio.wait_for(run.finished.wait(), plan.seconds)
    except TimeoutError:
        run.done_at = time.perf_counter()
    # without the first tenth, in which connections are opened and mappings compiled
    latencies = sorted(run.latencies[len(run.latencies) // 10 :]) or [0.0]
    # the steady middle: without the start, when nothing is under way yet, and without the tail
    arrivals = list(run.arrivals)
    middle = arrivals[len(arrivals) // 10 : -max(1, len(arrivals) // 10)] or arrivals
    return {
        "delivered": run.delivered, "slow": run.slow, "accepted": run.accepted,
        "accepted_per_s": run.accepted / (run.accepted_at - began) if run.accepted else 0.0, "refused": run.refused, "doubled": run.doubled,
        "seconds": run.done_at - began,
        "per_s": (len(middle) - 1) / (middle[-1] - middle[0]) if len(middle) > 1 else 0.0,
        "p50_ms": latencies[len(latencies) // 2] * 1000, "p99_ms": latencies[int(len(latencies) * 0.99)] * 1000,
        "bytes": len(run.template.body(0)),
    }  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="The shop and the ERP of the pipeline benchmark.")
    parser.add_argument("count", type=int)
    parser.add_argument("--connections", type=int, default=32, help="connections of the shop")
    parser.add_argument("--window", type=int, default=400, help="orders under way at the most")
    parser.add_argument(
        "--rate", type=float, default=0.0, help="orders a second; 0 = as many as the window lets through"
    )
    parser.add_argument("--delay", type=float, default=0.0, help="seconds that the slow ERP takes for an order")
    parser.add_argument("--seconds", type=float, default=300.0, help="give up after so long")
    print(json.dumps(asyncio.run(main(parser.parse_args()))))
