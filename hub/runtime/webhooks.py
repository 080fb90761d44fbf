"""Webhook subscriptions at the vendors: made, looked after, paused and ended.

Vendors end a subscription whose address did not answer for a while, and tell nobody. So the subscriptions are verified by a schedule;
what is gone is made again, what came meanwhile is polled, and the exceptions desk is told that it happened.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from hub.errors import ConfigError, Unsupported
from hub.pipeline import refused_message
from hub.project import Project
from hub.runtime.connections import Connections
from hub.runtime.scheduler import poll_name, webhooks_name
from hub.sdk.connector import Connector, Support
from hub.sdk.jsonio import dump_json
from hub.sdk.records import SubscriptionReport
from hub.store import CursorMove, DueSchedule, NewMessage, Schedule, Store
from hub.telemetry import get_logger, metrics

log = get_logger(__name__)

CURSOR = "webhooks:"
"""The cursor under which it is kept what was subscribed when it was last looked at; no stream has a colon in its name."""
WHILE_CLOSED = 60.0


class Webhooks:
    """The subscriptions of every connection; also the job behind ``webhooks:<connection>`` schedules."""

    def __init__(self, store: Store, project: Project, connections: Connections) -> None:
        self._store = store
        self._project = project
        self._connections = connections

    # --- what people ask

    def do(self, name: str, action: str, **given: Any) -> dict[str, Any]:
        """One of the four actions by its name. ``given``: url, streams, dry_run, each where the action has it."""
        url, dry_run = str(given.get("url") or ""), bool(given.get("dry_run"))
        self._project.connection(name)
        match action:
            case "list":
                return self.look(name, url)
            case "ensure":
                return self.ensure(name, url, list(given.get("streams") or ()), dry_run=dry_run)
            case "pause":
                return self.pause(name, dry_run=dry_run)
            case "remove" if url:
                return self.remove(name, url, dry_run=dry_run)
        raise ConfigError(f"there is no webhook action {action[:20]!r} of this form.", code="CLI-USAGE")

    def look(self, name: str, url: str = "") -> dict[str, Any]:
        """What the vendor has, what is missing of what the project wants, and whether it is paused. Changes nothing."""
        connector = self._connections.get(name)
        address = self.address(name, url)
        found = connector.subscriptions()
        wanted = self.streams(name)
        report = connector.subscribe(wanted, address, dry_run=True) if wanted else SubscriptionReport({})
        return {
            "connection": name,
            "url": address,
            "paused": self._store.schedule_rests(webhooks_name(name)),
            "streams": wanted,
            "missing": list(report.made),
            "subscriptions": [
                {
                    "id": one.external_id, "topic": one.topic, "stream": one.stream, "url": one.url, "since": one.since,
                    "ours": one.url == address,
                }
                for one in found
            ],
        }  # fmt: skip

    def ensure(self, name: str, url: str = "", streams: Sequence[str] = (), *, dry_run: bool = False) -> dict[str, Any]:
        """Make what is missing, and end a pause. A dry run only tells what is missing."""
        connector = self._connections.get(name)
        address, wanted = self.address(name, url), self.streams(name, streams)
        report = connector.subscribe(wanted, address, **({"dry_run": True} if dry_run else {}))
        if not dry_run and not url:
            self._switch(name, on=True)
            self._remember(name, address, report, connector, [])
        return self._said(name, address, report.outcome, made=list(report.made), dry_run=dry_run)

    def pause(self, name: str, *, dry_run: bool = False) -> dict[str, Any]:
        """Have the vendor send nothing to this hub until `ensure`; the verification rests meanwhile."""
        address = self.address(name)
        if not dry_run:
            self._switch(name, on=False)
        return self.remove(name, address, dry_run=dry_run) | {"paused": not dry_run}

    def remove(self, name: str, url: str, *, dry_run: bool = False) -> dict[str, Any]:
        """End every subscription to an address, such as one that the hub had before."""
        connector = self._connections.get(name)
        topics = _topics(connector, url)
        if not dry_run:
            connector.unsubscribe(url)
        return self._said(name, url, {}, removed=topics, dry_run=dry_run)

    # --- what the schedule does

    def __call__(self, schedule: DueSchedule, until: float) -> float | None:  # noqa: ARG002 - a verification is short
        """Verify the subscriptions of one connection, and put right what is not."""
        name = schedule.connection
        state = self._store.connection_states().get(name)
        if state is not None and state.paused:
            return WHILE_CLOSED
        connector = self._connections.get(name)
        address, wanted = self.address(name), self.streams(name)
        if not wanted:
            return None
        report = connector.subscribe(wanted, address)
        known = self._store.cursor(name, CURSOR) or {}
        had = set(known.get("topics", ())) if known.get("url") == address else set()
        lost = [topic for topic in report.made if topic in had]
        self._remember(name, address, report, connector, lost)
        if lost:
            metrics.RESUBSCRIBED.labels(name).inc(len(lost))
            log.warning("webhooks.remade", connection=name, topics=lost, url=address)
            for stream in wanted:
                self._store.run_schedule_now(poll_name(name, stream))
        elif report.made:
            log.info("webhooks.made", connection=name, topics=list(report.made), url=address)
        return None

    # --- inside

    def address(self, name: str, url: str = "") -> str:
        """The address that the vendor is to send to. Raises `ConfigError` where the project does not say it."""
        said = self._project.connection(name)
        if url or self._project.public_url:
            return url or f"{str(self._project.public_url).rstrip('/')}/webhooks/{name}"
        raise ConfigError(
            f"hub.yaml does not say at what address {said.connector} reaches the hub.",
            code="CFG-PUBLIC-URL",
            where=said.where,
            fix="Set public_url in hub.yaml, as https://hub.example.com; or give --url.",
        )

    def streams(self, name: str, given: Collection[str] = ()) -> list[str]:
        """The streams to subscribe: those given, else those of hub.yaml, else those whose entity a flow takes from here."""
        said = self._project.connection(name)
        sent = {
            stream.name: stream
            for stream in self._connections.get(name).manifest.streams.values()
            if stream.webhook.support in (Support.FULL, Support.VERSIONED)
        }
        chosen = list(given) or list(said.webhooks.streams if said.webhooks else ())
        if chosen:
            from hub.project.checks import unknown

            for stream in chosen:
                if stream not in sent:
                    raise unknown(f"{said.connector} sends no webhook for {stream!r}.", stream, sent, said.where)
            return chosen
        entities = {flow.entity for flow in self._project.flows if flow.source == name}
        return [stream.name for stream in sent.values() if stream.entity in entities]

    def _switch(self, name: str, *, on: bool) -> None:
        said = self._project.connection(name).webhooks
        if said is not None:
            self._store.switch_schedule(Schedule(webhooks_name(name), name, interval=said.every), on=on)

    def _remember(
        self, name: str, address: str, report: SubscriptionReport, connector: Connector[Any], lost: Sequence[str]
    ) -> None:
        """Keep what is subscribed now, together with what the desk is to be told of what was lost."""
        topics = sorted({*_topics(connector, address), *report.made})
        told: list[NewMessage] = []
        if lost:
            said = f"{name} had no webhook subscription any more for {', '.join(lost)}; made again, and its polls were started"
            body = dump_json({"lost": list(lost), "url": address})
            key = f"webhooks:{self._store.now():.0f}"
            told = [refused_message(name, body, "CON-WEBHOOKS", said, dedupe_key=key, topic="webhooks/lost")]
        self._store.accept(told, CursorMove(name, CURSOR, {"url": address, "topics": topics}))

    def _said(self, name: str, url: str, outcome: Any, **more: Any) -> dict[str, Any]:
        return {"connection": name, "url": url, "streams": dict(outcome), **more}


def _topics(connector: Connector[Any], url: str) -> list[str]:
    """The topics that go to an address; none where the connector cannot tell."""
    try:
        return [one.topic for one in connector.subscriptions() if one.url == url]
    except Unsupported:
        return []
