"""The AsyncAPI 3.0 description of the canonical events, generated from the canonical model and the project."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import urlsplit

from hub import __version__
from hub.canonical import ENTITIES
from hub.canonical.schemas import schema
from hub.project import Events, Project
from hub.runtime.events.envelope import CONTENT_TYPE, event_type

VERBS = {
    "created": "the first that the hub hears of the record",
    "updated": "fields changed; `changed` names them",
    "deleted": "the record is gone at its owner; `data` is its last state",
}

_ENVELOPE: dict[str, Any] = {
    "type": "object",
    "description": "A CloudEvents 1.0 message in the JSON format, structured mode.",
    "required": [
        "specversion", "id", "source", "type", "subject", "time", "dataschema", "recordversion", "sequence", "correlationid",
        "causationid",
    ],
    "properties": {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "description": "Record id and version. The same event may come more than once; by this it is recognised."},
        "source": {"type": "string", "format": "uri-reference", "description": "/<installation>/<connection that the change came from>"},
        "type": {"type": "string"},
        "subject": {"type": "string", "description": "The canonical id of the record."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": {"type": "string", "const": "application/json"},
        "dataschema": {"type": "string", "format": "uri"},
        "recordversion": {"type": "integer", "minimum": 1, "description": "Grows by one with every change of the record."},
        "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "The place in the stream; sorts as text."},
        "correlationid": {"type": "string", "description": "The message that began it all: hub trace shows its way."},
        "causationid": {"type": "string", "description": "The message that made this change."},
        "changed": {"type": "string", "description": "The fields that changed, with commas between them."},
        "dataref": {"type": "string", "format": "uri-reference", "description": "Where to fetch an event whose record is too large."},
        "data": {"type": "object"},
    },
}  # fmt: skip


def document(project: Project | None = None) -> dict[str, Any]:
    """The description of a project's events; without a project, or where it has none switched on, of all that there may be."""
    events = (project.events if project else None) or Events(frozenset(ENTITIES))
    connections = sorted(project.connections) if project else []
    entities = [entity for entity in ENTITIES if entity in events.entities]
    said: dict[str, Any] = {
        "asyncapi": "3.0.0",
        "info": {
            "title": f"Canonical events of {project.name}" if project else "Canonical events",
            "version": __version__,
            "description": "Every change of a canonical record, in order for each record, at least once. Bind a queue of your own to the "
            "exchange. Over the REST API the same stream is GET /api/events.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": CONTENT_TYPE,
    }
    if server := _server(project):
        said["servers"] = {"broker": server}
    said["channels"] = {entity: _channel(entity, events.exchange, connections) for entity in entities}
    said["operations"] = {f"tell_{entity}": _operation(entity) for entity in entities}
    said["components"] = {
        "messages": {entity: _message(entity) for entity in entities},
        "schemas": {"CloudEvent": copy.deepcopy(_ENVELOPE), **_schemas(entities)},
    }
    return said


def _server(project: Project | None) -> dict[str, Any] | None:
    """Where the broker is, without the name and the password that lead in."""
    address = project.broker if project else None
    if not address or not address.startswith("amqp"):
        return None
    parts = urlsplit(address.split(";")[0])
    host = parts.hostname or "localhost"
    place = f"{f'[{host}]' if ':' in host else host}:{parts.port or (5671 if parts.scheme == 'amqps' else 5672)}"
    said = {"host": place, "protocol": parts.scheme, "protocolVersion": "0-9-1"}
    return said | ({"pathname": parts.path} if parts.path not in ("", "/") else {})


def _channel(entity: str, exchange: str, connections: Collection[str]) -> dict[str, Any]:
    connection: dict[str, Any] = {"description": "The connection that the change came from."}
    if connections:
        connection["enum"] = list(connections)
    return {
        "address": f"{entity}.{{verb}}.{{connection}}",
        "title": f"Changes of {entity} records",
        "messages": {entity: {"$ref": f"#/components/messages/{entity}"}},
        "parameters": {
            "verb": {
                "enum": list(VERBS),
                "description": "; ".join(f"{verb}: {what}" for verb, what in VERBS.items()),
            },
            "connection": connection,
        },
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": exchange, "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operation(entity: str) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{entity}"},
        "summary": f"A {entity} record was created, updated or deleted.",
        "messages": [{"$ref": f"#/channels/{entity}/messages/{entity}"}],
        "bindings": {"amqp": {"deliveryMode": 2, "mandatory": True, "timestamp": True, "bindingVersion": "0.3.0"}},
    }


def _message(entity: str) -> dict[str, Any]:
    own = {
        "type": "object",
        "properties": {
            "type": {"enum": [event_type(entity, verb) for verb in VERBS]},
            "dataschema": {"const": f"hub:canonical/{entity}@1"},
            "data": {"$ref": f"#/components/schemas/{_name(entity)}"},
        },
    }
    return {
        "name": entity,
        "title": f"A change of a {entity} record",
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {"allOf": [{"$ref": "#/components/schemas/CloudEvent"}, own]},
    }


def _schemas(entities: Collection[str]) -> dict[str, Any]:
    """The canonical schemas with their parts side by side, as AsyncAPI wants them."""
    found: dict[str, Any] = {}
    for entity in entities:
        whole = schema(entity)
        parts = {**whole.pop("$defs", {}), _name(entity): whole}
        for name, part in parts.items():
            placed = _placed(part)
            if found.setdefault(name, placed) != placed:
                raise AssertionError(f"two different parts of the canonical model are named {name}")
    return dict(sorted(found.items()))


def _name(entity: str) -> str:
    return ENTITIES[entity].__name__


def _placed(part: Any) -> Any:
    """A part of a schema with its references as they are in the whole document."""
    if isinstance(part, Mapping):
        kept = {name: _placed(value) for name, value in part.items() if name not in ("$schema", "$id")}
        if isinstance(kept.get("$ref"), str):
            kept["$ref"] = kept["$ref"].replace("#/$defs/", "#/components/schemas/")
        return kept
    return [_placed(item) for item in part] if isinstance(part, list) else part
