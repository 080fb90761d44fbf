"""OpenTelemetry spans of what the pipeline has done, told after the fact; and W3C trace context from the sender to the vendor.

Off unless the usual variable OTEL_EXPORTER_OTLP_ENDPOINT (or ..._TRACES_ENDPOINT) is set and the extra ``spokehub[otel]`` is
installed; then it costs nothing. The hub's own trace is in its tables: what is exported here is a copy for people who watch
many systems in one place, and losing it loses no fact.

Spans are named by what they are about ("accept 17", "deliver 42.1"), and their ids follow from those names: so a worker can
name the span of another process as its parent without asking anybody.
"""

from __future__ import annotations

import hashlib
import os
import re
from contextvars import ContextVar
from typing import Any

_HEADER = re.compile(r"00-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})\Z")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")

outgoing: ContextVar[str] = ContextVar("outgoing", default="")
"""The traceparent header of the vendor calls that this thread makes now."""

_processor: Any = None
_resource: Any = None
_installation = ""


def configure(installation: str, role: str) -> bool:
    """Begin to export spans, where the environment says where to. False = off. Raises nothing: a watcher must not stop the hub."""
    global _processor, _resource, _installation
    if _processor is not None or not any(os.environ.get(name) for name in _ENDPOINTS):
        return _processor is not None
    from hub.telemetry import get_logger

    log = get_logger(__name__)
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        log.warning("tracing.off", fix="pip install 'spokehub[otel]', or unset OTEL_EXPORTER_OTLP_ENDPOINT")
        return False
    _installation = installation
    _resource = Resource.create({"service.name": f"spokehub-{role}", "service.namespace": installation})
    _processor = BatchSpanProcessor(OTLPSpanExporter())
    log.info("tracing.on", role=role)
    return True


def shutdown() -> None:
    """Export what is left, and stop."""
    global _processor
    processor, _processor = _processor, None
    if processor is not None:
        processor.shutdown()


def on() -> bool:
    """Are spans exported? Ask before making anything up for `record`."""
    return _processor is not None


def accepted_header(value: str) -> str:
    """A sender's traceparent header if it is one, else nothing."""
    return value if value and _HEADER.match(value) else ""


def header(trace: str, correlation: int, span: str) -> str:
    """The traceparent header that names ``span`` as the caller."""
    return f"00-{_trace_id(trace, correlation):032x}-{_span_id(span):016x}-01"


def record(
    name: str, trace: str, correlation: int, span: str, parent: str, began: float, ended: float, *, calls: bool = False,
    error: str = "", **attributes: str | float,
) -> None:  # fmt: skip
    """Export one span.

    ``trace`` is the sender's traceparent header, if one came with the message; else the trace's id follows from the correlation
    id. ``parent`` names the span above it; none = the sender's own. Times are seconds since 1970; ``calls`` marks a call of a vendor.
    ``attributes`` get the prefix ``hub.``; say ids, codes and names, never values of records.
    """
    if _processor is None:
        return
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

    flags, trace_id = TraceFlags(TraceFlags.SAMPLED), _trace_id(trace, correlation)
    found = _HEADER.match(trace)
    above = _span_id(parent) if parent else int(found[2], 16) if found else None
    _processor.on_end(
        ReadableSpan(
            name,
            context=SpanContext(trace_id, _span_id(span), is_remote=False, trace_flags=flags),
            parent=SpanContext(trace_id, above, is_remote=True, trace_flags=flags) if above else None,
            resource=_resource,
            attributes={f"hub.{key}": value for key, value in attributes.items()},
            kind=SpanKind.CLIENT if calls else SpanKind.INTERNAL,
            status=Status(StatusCode.ERROR, error) if error else Status(StatusCode.OK),
            start_time=int(began * 1e9),
            end_time=int(max(began, ended) * 1e9),
        )
    )


def _trace_id(trace: str, correlation: int) -> int:
    found = _HEADER.match(trace)
    return int(found[1], 16) if found else _number(f"trace {correlation}", 16)


def _span_id(span: str) -> int:
    return _number(f"span {span}", 8)


def _number(text: str, size: int) -> int:
    digest = hashlib.blake2b(f"{_installation} {text}".encode(), digest_size=size).digest()
    return int.from_bytes(digest) or 1
