"""OpenAPI 3.0 and 3.1, and Swagger 2: the operations of a description and the shapes of what they take and give.

https://spec.openapis.org/oas/v3.1.1.html, https://spec.openapis.org/oas/v2.0.html. References are followed inside the file; what lies in
another file is not described here, and nothing is complained about in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import unquote, urlsplit

from hub.errors import ConfigError
from hub.sdk.testing.specs.shapes import OPEN, Absent, Operation, Shape, plain, segments

Json = dict[str, Any]
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_UNCHECKED_HEADERS = frozenset({"accept", "content-type", "authorization"})
"""Header parameters of these names have no meaning in OpenAPI: "If in is header and the name field is Accept, Content-Type or ..."."""
_DEEPEST = 40


class OpenApi:
    """One description."""

    kind = "openapi"

    def __init__(self, data: Json, name: str) -> None:
        if not isinstance(data.get("paths", data.get("webhooks")), dict):
            raise ConfigError("it is no OpenAPI description: it has no paths.", code="CFG-SPEC", where=name)
        self.data = data
        self.name = name
        self._old = "swagger" in data

    # --- finding an operation

    @cached_property
    def _paths(self) -> list[tuple[list[str], str, Json]]:
        """Every path with its segments, the most concrete ones first."""
        found = []
        for path, item in _object(self.data.get("paths")).items():
            if isinstance(path, str) and path.startswith("/"):
                found.append((segments(plain(path)), path, self.resolved(item)))
        return sorted(found, key=lambda one: sum("{}" in part for part in one[0]))

    @cached_property
    def _bases(self) -> list[list[str]]:
        """What may stand before a path: the paths of the servers."""
        if self._old:
            return [segments(str(self.data.get("basePath") or ""))]
        servers = [one for one in _list(self.data.get("servers")) if isinstance(one, dict)]
        return [segments(plain(urlsplit(str(one.get("url") or "")).path)) for one in servers] or [[]]

    def operation(self, method: str, path: str, base: str) -> Operation | Absent:
        """The operation of the path that fits best."""
        asked = [segments(path), segments(base + path)]
        fitting = [(path_, item) for parts, path_, item in self._paths if self._fit(asked, parts, item, method)]
        for name, item in fitting:
            if isinstance(item.get(method.lower()), dict):
                return self._operation(method, name, item, item[method.lower()])
        if fitting:
            name, item = fitting[0]
            offered = ", ".join(sorted(one.upper() for one in item if one in _METHODS)) or "nothing"
            return Absent(f"{name} takes no {method}, only {offered}.")
        return Absent(f"there is no path {path!r}.", tuple(plain(one) for _, one, _ in self._paths), path)

    def _fit(self, asked: list[list[str]], parts: list[str], item: Json, method: str) -> bool:
        for given in asked:
            for wanted in (parts, *(base + parts for base in self._bases)):
                if len(given) == len(wanted) and all(
                    self._segment_fits(one, other, item, method) for one, other in zip(given, wanted, strict=True)
                ):
                    return True
        return False

    def _segment_fits(self, given: str, wanted: str, item: Json, method: str) -> bool:
        """The same text, or a text where the description has a parameter that takes it."""
        if given == wanted:
            return True
        if "{}" not in wanted or "{}" in given:
            return False
        # A fixed text in the place of a parameter: right only where the parameter is a text that may be this one.
        found = re.fullmatch(re.escape(wanted).replace(r"\{\}", "'?(.+?)'?"), given)
        if found is None:
            return False
        schemas = [self._schema_of(one) for one in self._parameters(item, item.get(method.lower()) or {}, "path")]
        return any(_takes(schema, found[1]) for schema in schemas) or not schemas

    # --- one operation

    def _operation(self, method: str, path: str, item: Json, node: Json) -> Operation:
        name = f"{method} {path}"
        query = {str(one.get("name")): one for one in self._parameters(item, node, "query")}
        headers = {str(one.get("name")).lower(): one for one in self._parameters(item, node, "header")}
        headers = {one: node for one, node in headers.items() if one not in _UNCHECKED_HEADERS}
        required = {one for one, node in {**query, **headers}.items() if node.get("required")}
        body, form = self._bodies(name, item, node)
        answers = {str(status): self._answer(name, one) for status, one in _object(node.get("responses")).items()}
        good = [shape for status, shape in sorted(answers.items()) if status.startswith("2") and shape is not None]
        return Operation(
            name,
            query={one: self._parameter(name, node) for one, node in query.items()},
            headers={one: self._parameter(name, node) for one, node in headers.items()},
            required=frozenset(required),
            body=body,
            form=form,
            answer=good[0] if good else OPEN,
            refusals={
                status.upper(): shape or OPEN
                for status, shape in answers.items()
                if not status.startswith(("1", "2", "3"))
            },
            deprecated=node.get("deprecated") is True,
        )

    def _parameters(self, item: Json, node: Json, where: str) -> list[Json]:
        given = [*_list(item.get("parameters")), *_list(node.get("parameters"))]
        return [one for one in map(self.resolved, given) if one.get("in") == where]

    def _schema_of(self, parameter: Json) -> Json:
        if self._old:
            return parameter
        content = _object(next(iter(_object(parameter.get("content")).values()), {}))
        return self.resolved(parameter.get("schema") or content.get("schema") or {})

    def _parameter(self, name: str, node: Json) -> Shape:
        schema = self._schema_of(node)
        items = self.resolved(schema.get("items") or {})
        values = [str(one) for one in _list(schema.get("enum") or items.get("enum"))]
        return Shape(name, open=True, deprecated=node.get("deprecated") is True, values=values)

    def _bodies(self, name: str, item: Json, node: Json) -> tuple[Shape, Shape]:
        """What the operation takes as JSON, and as a form."""
        if self._old:
            body = next(iter(self._parameters(item, node, "body")), None)
            fields = self._parameters(item, node, "formData")
            form = Shape(
                f"the form of {name}",
                members={str(one.get("name")): self._parameter(name, one) for one in fields},
                required=[str(one.get("name")) for one in fields if one.get("required")],
            )
            return (self.shape(f"the body of {name}", body.get("schema")) if body else OPEN), form if fields else OPEN
        content = _object(self.resolved(node.get("requestBody")).get("content"))
        form_ = _object(content.get("application/x-www-form-urlencoded") or content.get("multipart/form-data"))
        return (
            self.shape(f"the body of {name}", _json_in(content).get("schema")),
            self.shape(f"the form of {name}", form_.get("schema")),
        )

    def _answer(self, name: str, node: Any) -> Shape | None:
        """What an answer holds; none where it holds nothing."""
        node = self.resolved(node)
        schema = node.get("schema") if self._old else _json_in(_object(node.get("content"))).get("schema")
        return self.shape(f"the answer of {name}", schema) if schema is not None else None

    # --- webhooks

    def event(self, topic: str) -> Shape | Absent | None:
        """The body of a webhook, where the description has any (OpenAPI 3.1)."""
        webhooks = self.data.get("webhooks")
        if not isinstance(webhooks, dict):
            return None
        item = self.resolved(webhooks.get(topic))
        if not item:
            return Absent(f"there is no webhook {topic!r}.", tuple(map(str, webhooks)), topic)
        node: Json = next((item[one] for one in ("post", "put") if isinstance(item.get(one), dict)), {})
        return self._bodies(f"the webhook {topic}", item, node)[0]

    # --- data

    def shape(self, of: str, schema: Any) -> Shape:
        """The shape that a schema describes."""
        return _Schema(self, of, schema) if schema not in (None, True, {}) else OPEN

    def resolved(self, node: Any) -> Json:
        """The node, or what it refers to in this file; empty where that lies elsewhere."""
        for _ in range(_DEEPEST):
            if not isinstance(node, dict):
                return {}
            target = node.get("$ref")
            if not isinstance(target, str):
                return node
            node = self._target(target)
        return {}

    def _target(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            return {}
        here: Any = self.data
        for part in reference[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            here = here.get(name) if isinstance(here, dict) else None
        return here


class _Schema(Shape):
    """A JSON Schema as OpenAPI has it, read as far as somebody asks."""

    def __init__(self, api: OpenApi, of: str, schema: Any) -> None:
        self._api = api
        self._nodes = list(_parts(api, schema))
        joined = [node for node, always in self._nodes if always]
        known = any(node.keys() & {"properties", "type", "enum"} for node, _ in self._nodes)
        more = any(_takes_more(node) for node, _ in self._nodes)
        has_names = any(node.get("properties") for node, _ in self._nodes)
        super().__init__(
            of,
            open=more or not known or (not has_names and any(_is_object(node) for node, _ in self._nodes)),
            deprecated=_says(schema, api, "deprecated"),
            writable=not _says(schema, api, "readOnly"),
            values=[str(one) for node, _ in self._nodes for one in _list(node.get("enum")) if one is not None],
            required=[str(name) for node in joined for name in _list(node.get("required"))],
        )

    @cached_property
    def members(self) -> Mapping[str, Shape]:
        """The properties."""
        found: dict[str, Any] = {}
        for node, _ in self._nodes:
            for name, schema in _object(node.get("properties")).items():
                found.setdefault(str(name), []).append(schema)
        return {
            name: _Schema(self._api, f"{name} of {self.of}", schemas[0] if len(schemas) == 1 else {"anyOf": schemas})
            for name, schemas in found.items()
        }

    def child(self, name: str) -> Shape | None:
        """A property; else what the schema says of further ones."""
        if name in self.members or not self.open:
            return self.members.get(name)
        more = next((node["additionalProperties"] for node, _ in self._nodes if "additionalProperties" in node), None)
        return self._api.shape(f"{name} of {self.of}", more) if isinstance(more, dict) else OPEN


def _parts(api: OpenApi, schema: Any, *, always: bool = True, depth: int = 0) -> Iterator[tuple[Json, bool]]:
    """The schemas that one is put together of, each with "does it always count?"; of a list, those of its items."""
    node = api.resolved(schema)
    if depth > _DEEPEST:
        return
    if not node and schema:  # in another file: anything
        yield {"additionalProperties": True}, always
        return
    if "items" in node:
        yield from _parts(api, node["items"], always=always, depth=depth + 1)
        return
    yield node, always
    for one in _list(node.get("allOf")):
        yield from _parts(api, one, always=always, depth=depth + 1)
    for word in ("oneOf", "anyOf"):
        for one in _list(node.get(word)):
            yield from _parts(api, one, always=False, depth=depth + 1)


def _object(value: Any) -> Json:
    """The value where it is an object; descriptions are not always what they should be."""
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _takes_more(node: Json) -> bool:
    return node.get("additionalProperties") not in (None, False)


def _is_object(node: Json) -> bool:
    kind = node.get("type")
    return (kind is None and "enum" not in node) or kind == "object" or (isinstance(kind, list) and "object" in kind)


def _says(schema: Any, api: OpenApi, word: str) -> bool:
    """Does the schema say this of itself, or the one that it refers to?"""
    own = isinstance(schema, dict) and schema.get(word) is True
    return own or api.resolved(schema).get(word) is True


def _takes(schema: Json, text: str) -> bool:
    """May a parameter of a path be this text?"""
    if schema.get("enum"):
        return text in map(str, schema["enum"])
    if schema.get("type") in ("integer", "number"):
        return text.lstrip("-").isdigit()
    if schema.get("format") in ("uuid", "date", "date-time", "int32", "int64"):
        return False
    pattern = schema.get("pattern")
    try:
        return not pattern or re.search(str(pattern), text) is not None
    except re.error:
        return True


def _json_in(content: Json) -> Json:
    """The JSON among the media types."""
    for wanted in ("application/json", "+json", "json", "*/*"):
        for kind, node in content.items():
            if wanted in str(kind) and isinstance(node, dict):
                return node
    return {}
