"""Spans over real OTLP/HTTP, and W3C trace context from the sender through the hub to the vendor."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hub.telemetry import tracing

trace_service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")

SENDER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@pytest.fixture
def collector(monkeypatch):
    """An OTLP collector on loopback; ``spans`` is what it got."""
    spans = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said = trace_service.ExportTraceServiceRequest()
            said.ParseFromString(self._body())
            spans.extend(span for r in said.resource_spans for s in r.scope_spans for span in s.spans)
            self.send_response(200)
            self.end_headers()

        def _body(self):
            import gzip

            body = self.rfile.read(int(self.headers["content-length"]))
            return gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{server.server_address[1]}")
    yield spans
    tracing.shutdown()
    server.shutdown()
    server.server_close()


@pytest.fixture
def sent(target, monkeypatch):
    """The headers of what the target was asked to write."""
    seen, respond = [], target.respond

    def record(request):
        if request.method == "POST":
            seen.append(request.headers)
        return respond(request)

    monkeypatch.setattr(target, "respond", record)
    return seen


def _request(order_webhook, number, **headers):
    from dataclasses import replace

    request = order_webhook(number)
    return replace(request, headers={**request.headers, **headers})


def test_one_trace_from_the_sender_to_the_vendor(open_hub, sent, order_webhook, collector, backend):
    hub = open_hub(backend)
    assert tracing.configure(hub.project.name, "embedded")
    with hub:
        hub.accept_webhook("src", _request(order_webhook, 1, traceparent=SENDER))
        hub.accept_webhook("src", _request(order_webhook, 2))
        assert hub.drain()
    tracing.shutdown()
    by_name = {}
    for span in collector:
        by_name.setdefault(span.name, []).append(span)
    assert {name: len(found) for name, found in by_name.items()} == {
        "accept order": 2,
        "process order": 2,
        "deliver order": 2,
    }
    mine = {name: next(s for s in found if s.trace_id.hex() == SENDER[3:35]) for name, found in by_name.items()}
    assert mine["accept order"].parent_span_id.hex() == SENDER[36:52]
    assert mine["process order"].parent_span_id == mine["accept order"].span_id
    assert mine["deliver order"].parent_span_id == mine["process order"].span_id
    other = {span.trace_id for found in by_name.values() for span in found} - {mine["accept order"].trace_id}
    assert len(other) == 1, "an order without a context has one trace of its own"
    callers = [headers["traceparent"] for headers in sent]
    assert f"00-{SENDER[3:35]}-{mine['deliver order'].span_id.hex()}-01" in callers
    said = {a.key for span in collector for a in span.attributes}
    assert {"hub.connection", "hub.message", "hub.outcome"} <= said
    assert "anna@example.com" not in str(collector)


def test_without_the_variable_nothing_is_exported_and_no_header_sent(open_hub, sent, order_webhook, monkeypatch):
    monkeypatch.delenv("OTEL_EXPORTER_OTLP_ENDPOINT", raising=False)
    assert not tracing.configure("x", "embedded")
    with open_hub() as hub:
        hub.accept_webhook("src", _request(order_webhook, 1, traceparent=SENDER))
        assert hub.drain()
    assert len(sent) == 1
    assert "traceparent" not in sent[0]


@pytest.mark.parametrize(
    "header", ["", "00-xyz", "00-" + "0" * 32 + "-b7ad6b7169203331-01", SENDER.upper(), SENDER + " "]
)
def test_what_is_no_trace_context_is_left_out(header):
    assert tracing.accepted_header(header) == ""
