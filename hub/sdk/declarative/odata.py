"""What follows from OData for a stream that is an entity set: the same parts of the file as anybody could write by hand."""

from __future__ import annotations

from typing import Any

from hub.sdk.declarative.file.streams import Id, OData, StreamPart

ETAG = "/@odata.etag"
NEXT = "/@odata.nextLink"
DELTA = "/@odata.deltaLink"


def expanded(stream: StreamPart) -> StreamPart:
    """The stream with its operations written out. What the file says itself about an operation stays."""
    spec = stream.odata
    if spec is None:
        return stream
    said = stream.id if isinstance(stream.id, Id) else Id(field=stream.id)
    key = f"({{id{'' if said.kind == 'uuid' else ':odata'}}})"
    made: dict[str, Any] = {"poll": _poll(spec, said.field), "fetch": {"get": spec.set + key, "query": _shape(spec)}}
    if stream.etag is None:
        made["etag"] = {"field": ETAG}
    if spec.find:
        made["find"] = _find(spec)
    made.update(_writes(spec, key))
    given = stream.model_dump(by_alias=True, exclude_none=True, exclude_unset=True, exclude={"odata"})
    return StreamPart.model_validate({**{name: part for name, part in made.items() if name not in given}, **given})


def _shape(spec: OData) -> dict[str, str]:
    """The parameters that say what an entity looks like."""
    said = {"$select": ",".join(spec.select), "$expand": ",".join(spec.expand)}
    return {name: text for name, text in said.items() if text}


def _poll(spec: OData, key: str) -> dict[str, Any]:
    query = {**_shape(spec), "$orderby": f"{spec.changed},{key}" if spec.changed else key}
    if spec.filter:
        query["$filter"] = spec.filter
    poll: dict[str, Any] = {"get": spec.set, "query": query, "rows": "value"}
    if spec.paging == "skip":
        poll["paging"] = {"kind": "offset", "offset": "$skip", "size": "$top", "most": spec.most}
    else:
        poll["paging"] = {"kind": "next_url", "field": NEXT, "delta": DELTA, "most": spec.most}
        poll["headers"] = {"Prefer": "odata.maxpagesize={limit}"}
    if spec.changed:
        since = f"{spec.changed} ge {{since}}"
        changes = {"$filter": f"({spec.filter}) and {since}" if spec.filter else since}
        poll["changes"] = {"field": spec.changed, "query": changes, "sorted": True}
    return poll


def _find(spec: OData) -> dict[str, Any]:
    (by, field), *_ = spec.find.items()
    asked = f"{field} eq {{key:odata}}"
    query = {**_shape(spec), "$filter": f"({spec.filter}) and {asked}" if spec.filter else asked, "$top": 2}
    return {"by": by, "field": field, "get": spec.set, "query": query, "rows": "value"}


def _writes(spec: OData, key: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    write = spec.write
    marker = {write.marker: "{marker}"} if write.marker else {}
    if write.create:
        made["create"] = {"post": spec.set, "headers": {"Prefer": "return=representation"}, "add": marker}
    if write.create and write.marker:
        asked = {"$filter": f"{write.marker} eq {{marker:odata}}"}
        made["once"] = {"look_up": {"get": spec.set, "query": asked, "rows": "value", "where": marker}}
    if write.update:
        made["update"] = {"patch": spec.set + key, "if_match": True}
    if write.delete:
        made["delete"] = {"delete": spec.set + key, "headers": {"If-Match": "*"}}
    return made
