"""Recorded messages of a project's store, as records that a mapping can be run over. Nothing is changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hub.cli.opening import open_project, open_store
from hub.errors import ConfigError, HubError
from hub.mapping.tools.data import parse_json
from hub.mapping.tools.difference import Sample
from hub.mapping.tools.opening import Opened
from hub.project import Project


def recorded(opened: Opened, limit: int, project: Path | None = None) -> list[Sample]:
    """The newest recorded records of the kind that this mapping translates, with the message or delivery they came from."""
    found_project = open_project(project)
    names = [name for name, one in found_project.connections.items() if one.connector == opened.connector]
    if not names:
        raise ConfigError(
            f"The project has no connection of the connector {opened.connector}.",
            where="hub.yaml",
            fix="Use samples instead of traffic.",
        )
    found = list(
        _inbound(found_project, opened, names, limit)
        if opened.inbound
        else _outbound(found_project, opened, names, limit)
    )
    if not found:
        raise ConfigError("No such message was recorded yet.", fix="Use samples instead of traffic.")
    return found[:limit]


def payload_of(message_id: int, project: Path | None = None) -> tuple[str, str, Any]:
    """(connector, stream, payload) of one recorded message."""
    found_project = open_project(project)
    with open_store(found_project) as store:
        view = store.trace(message_id)
        body = store.payloads({view.message["payload"]}).get(view.message["payload"])
    if body is None:
        raise ConfigError(
            f"The payload of message {message_id} is not kept any more.", fix="Choose a newer message: hub messages."
        )
    connection = found_project.connections.get(view.message["connection"])
    if connection is None:
        raise ConfigError(f"The connection of message {message_id} is not in hub.yaml any more.", where="hub.yaml")
    return connection.connector, str(view.message["stream"]), parse_json(body, f"message {message_id}")


def _inbound(project: Project, opened: Opened, names: list[str], limit: int) -> Iterator[Sample]:
    with open_store(project) as store:
        for name in names:
            rows = [
                row
                for row in store.find_messages(connection=name, limit=limit * 4)
                if row["stream"] == opened.mapping.stream
            ]
            bodies = store.payloads({row["payload"] for row in rows[:limit]})
            for row in rows[:limit]:
                yield from _record(f"message {row['id']}", bodies.get(row["payload"]))


def _outbound(project: Project, opened: Opened, names: list[str], limit: int) -> Iterator[Sample]:
    from hub.store.listing import find_deliveries

    with open_store(project) as store:
        for name in names:
            found = find_deliveries(store.database, target=name, limit=limit * 4)
            ids = {row["message_id"] for row in found if row["entity"] == opened.entity}
            for message_id in sorted(ids, reverse=True)[:limit]:
                for delivery in store.trace(message_id).deliveries:
                    if delivery["target"] == name and delivery["entity"] == opened.entity and delivery.get("snapshot"):
                        body = store.payloads({delivery["snapshot"]}).get(delivery["snapshot"])
                        yield from _record(f"delivery {delivery['id']}", body)


def _record(name: str, body: bytes | None) -> Iterator[Sample]:
    if body is None:
        return
    try:
        record = parse_json(body, name)
    except HubError:
        return
    if isinstance(record, dict):
        yield name, record
