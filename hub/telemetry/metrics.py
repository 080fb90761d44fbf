"""What the hub counts about itself, in Prometheus' terms. One registry a process; `/metrics` renders it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

REGISTRY = CollectorRegistry(auto_describe=True)

ACCEPTED = Counter(
    "hub_messages_accepted",
    "Messages accepted, by connection and by what became of them.",
    ["connection", "outcome"],
    registry=REGISTRY,
)
REFUSED = Counter(
    "hub_requests_refused", "Webhook requests refused before anything was stored, by code.", ["code"], registry=REGISTRY
)
PROCESSED = Counter("hub_messages_processed", "Messages translated and routed.", registry=REGISTRY)
DELIVERED = Counter("hub_deliveries_worked", "Deliveries worked, by connection.", ["connection"], registry=REGISTRY)
POLLED = Counter(
    "hub_polls", "Polls, by connection, stream and outcome.", ["connection", "stream", "outcome"], registry=REGISTRY
)
EVENTS = Counter(
    "hub_events_published",
    "Canonical events that the broker has confirmed, by entity; unrouted = no queue was bound for them.",
    ["entity", "outcome"],
    registry=REGISTRY,
)
EVENTS_WAITING = Gauge(
    "hub_events_oldest_waiting_seconds",
    "Age of the oldest canonical event that is not published yet.",
    registry=REGISTRY,
)
RESUBSCRIBED = Counter(
    "hub_webhook_subscriptions_lost",
    "Webhook subscriptions that the vendor had ended and the hub made again, by connection.",
    ["connection"],
    registry=REGISTRY,
)
BREAKER = Gauge(
    "hub_breaker_open", "1 while the connection's circuit breaker is open.", ["connection"], registry=REGISTRY
)
PAUSED = Gauge("hub_connection_paused", "1 while the connection is paused.", ["connection"], registry=REGISTRY)
LAG = Gauge(
    "hub_oldest_due_seconds",
    "Age of the oldest delivery that is due, by connection, whether or not it may be called at present.",
    ["connection"],
    registry=REGISTRY,
)
WAITING = Gauge(
    "hub_deliveries_waiting",
    "Deliveries due now or at a later retry, by connection.",
    ["connection"],
    registry=REGISTRY,
)
INBOUND_LAG = Gauge(
    "hub_oldest_unprocessed_seconds",
    "Age of the oldest message that waits to be processed, by the connection that it came from.",
    ["connection"],
    registry=REGISTRY,
)
INBOUND = Gauge(
    "hub_messages_unprocessed",
    "Messages that wait to be processed, by the connection that they came from.",
    ["connection"],
    registry=REGISTRY,
)
EXCEPTIONS = Gauge("hub_exceptions_open", "Open exceptions, by reason code.", ["code"], registry=REGISTRY)
LEDGER = Gauge(
    "hub_conservation", "in = delivered + filtered + superseded + exceptions + in flight.", ["part"], registry=REGISTRY
)
ARCHIVE_BYTES = Gauge(
    "hub_archive_bytes",
    "Room that payloads take in the database, by keeper: a connection, flow:NAME, or all.",
    ["keeper"],
    registry=REGISTRY,
)
ARCHIVE_BUDGET = Gauge(
    "hub_archive_budget_bytes",
    "Room that payloads may take, by keeper; at twice as much nothing more is taken in.",
    ["keeper"],
    registry=REGISTRY,
)
REQUEST_SECONDS = Histogram(
    "hub_request_seconds",
    "Time to answer an HTTP request.",
    ["route", "status"],
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
IN_FLIGHT = Gauge("hub_requests_in_flight", "Webhook requests being answered.", registry=REGISTRY)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def render() -> bytes:
    """The whole registry as Prometheus reads it."""
    return generate_latest(REGISTRY)
