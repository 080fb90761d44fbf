"""The OData v4 face of the Example ERP: the entity set ``Items``.

``$filter``, ``$orderby``, ``$select``, ``$count``, ``$top`` and ``$skip``; pages by the server (``Prefer: odata.maxpagesize``) with
``@odata.nextLink``; etags, without which no change is taken (428), and with an old one neither (412); the bound action ``Example.Block``.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

from connectors.example.simulator.filters import NoFilter, Row, filter_of
from hub.errors import InputRefused
from hub.sdk import dump_json, read_json
from hub.sdk.testing.simulator import Request, Response, Simulator

PAGE = 50
PROPERTIES = frozenset(
    ("ItemId", "ItemNo", "Description", "UnitPrice", "Currency", "Blocked", "ExternalRef", "CreatedAt", "ModifiedAt")
)
WRITABLE = frozenset(("ItemNo", "Description", "UnitPrice", "Currency", "ExternalRef"))
_OPTIONS = frozenset(("$filter", "$orderby", "$select", "$count", "$top", "$skip", "$skiptoken"))
_ENTITY = re.compile(r"/odata/Items\((\d{1,15})\)(/Example\.Block)?")


class Refused(Exception):
    """A request that the service does not carry out. ``target`` is what the error is about."""

    def __init__(self, status: int, code: str, message: str, target: str = "") -> None:
        super().__init__(message)
        self.status, self.code, self.target = status, code, target


class Items:
    """The entity set and its service. Its rows are kept by id, each with a ``version`` beside it that becomes the etag."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self.rows: dict[int, Row] = {}
        self._versions: dict[int, int] = {}
        self._serial = 500

    # --- state

    def insert(self, data: Row) -> Row:
        """A new item."""
        self._serial += 1
        at = data.get("ModifiedAt") or self._now()
        usual = {"Description": "", "UnitPrice": Decimal("0.00"), "Currency": "EUR", "ExternalRef": None}
        row = {"ItemId": self._serial, **usual, "Blocked": False, **data, "CreatedAt": at, "ModifiedAt": at}
        self.rows[self._serial], self._versions[self._serial] = row, 1
        return row

    def touch(self, row: Row, **changes: Any) -> Row:
        """Change an item: its time of change moves, and its etag is another one."""
        row.update(changes, ModifiedAt=self._now())
        self._versions[row["ItemId"]] += 1
        return row

    def _now(self) -> str:
        return time_text(self._sim.clock.now())

    # --- the service

    def respond(self, request: Request) -> Response:
        """Answer one request below ``/odata``."""
        try:
            return self._answer(request)
        except Refused as error:
            said = {"code": error.code, "message": str(error), **({"target": error.target} if error.target else {})}
            return Response.json({"error": said}, error.status, {"odata-version": "4.0"})

    def _answer(self, request: Request) -> Response:
        if request.path == "/odata/Items":
            if request.method == "POST":
                return self._create(request)
            return self._list(request)
        found = _ENTITY.fullmatch(request.path)
        row = self.rows.get(int(found[1])) if found else None
        if found is None or row is None:
            raise Refused(404, "NotFound", "the resource was not found")
        if request.method == "GET" and not found[2]:
            return self._entity(request, row)
        self._must_match(request, row)
        if found[2] and request.method == "POST":
            self._sim.effect("variant.delete", str(row["ItemId"]), self.touch(row, Blocked=True))
            return Response(204, {"etag": self._etag(row)})
        if request.method != "PATCH" or found[2]:
            raise Refused(405, "MethodNotAllowed", f"{request.method} is not allowed here")
        self.touch(row, **_data(request))
        self._sim.effect("variant.update", str(row["ItemId"]), row)
        return self._entity(request, row)

    def _create(self, request: Request) -> Response:
        data = _data(request)
        if not data.get("ItemNo"):
            raise Refused(400, "BadRequest", "ItemNo must have a value", "ItemNo")
        mark = data.get("ExternalRef")
        taken = next((row for row in self.rows.values() if mark is not None and row["ExternalRef"] == mark), None)
        if taken is not None:
            raise Refused(409, "DuplicateExternalRef", f"an item has the ExternalRef {mark}", str(taken["ItemId"]))
        row = self.insert(data)
        self._sim.effect("variant.create", str(row["ItemId"]), row)
        return self._entity(request, row, 201)

    def _must_match(self, request: Request, row: Row) -> None:
        given = request.headers.get("if-match", "")
        if not given:
            raise Refused(428, "PreconditionRequired", "the request needs an If-Match")
        if given not in ("*", self._etag(row)):
            raise Refused(412, "PreconditionFailed", "the item was changed by somebody else")

    def _list(self, request: Request) -> Response:
        asked = request.query
        if request.method != "GET":
            raise Refused(405, "MethodNotAllowed", f"{request.method} is not allowed here")
        if unknown := sorted(name for name in asked if name.startswith("$") and name not in _OPTIONS):
            raise Refused(400, "BadRequest", f"the query option {unknown[0]} is not supported")
        orders = _orders(asked.get("$orderby", ""))
        rows = _sorted(self._filtered(asked.get("$filter", "")), orders)
        count = len(rows)
        if "$skiptoken" in asked:
            last = _read_token(asked["$skiptoken"], orders)
            rows = [row for row in rows if _behind(row, last, orders)]
        rows = rows[_number(asked, "$skip", 0) :]
        top = _number(asked, "$top", len(rows))
        size = min(top, _page_size(request))
        answer: Row = {"value": [self._shown(request, row) for row in rows[:size]]}
        if asked.get("$count") == "true":
            answer["@odata.count"] = count
        if size and min(top, len(rows)) > size:
            answer["@odata.nextLink"] = _next_link(asked, _token(rows[size - 1], orders), top - size)
        return Response.json(self._with_context(request, answer, "Items"), headers={"odata-version": "4.0"})

    def _filtered(self, text: str) -> list[Row]:
        if not text:
            return list(self.rows.values())
        try:
            test = filter_of(text, PROPERTIES)
        except NoFilter as error:
            raise Refused(400, "BadRequest", f"invalid $filter: {error}") from None
        return [row for row in self.rows.values() if test(row)]

    def _entity(self, request: Request, row: Row, status: int = 200) -> Response:
        shown = self._with_context(request, self._shown(request, row), "Items/$entity")
        headers = {"etag": self._etag(row), "odata-version": "4.0"}
        if status == 201:
            headers["location"] = f"/odata/Items({row['ItemId']})"
        return Response.json(shown, status, headers)

    def _shown(self, request: Request, row: Row) -> Row:
        names = [name.strip() for name in request.query.get("$select", "").split(",") if name.strip()]
        if unknown := [name for name in names if name not in PROPERTIES]:
            raise Refused(400, "BadRequest", f"could not find a property named {unknown[0]!r}")
        shown = {name: row[name] for name in names} if names else dict(row)
        return shown if _bare(request) else {"@odata.etag": self._etag(row), **shown}

    def _with_context(self, request: Request, answer: Row, what: str) -> Row:
        return answer if _bare(request) else {"@odata.context": f"/odata/$metadata#{what}", **answer}

    def _etag(self, row: Row) -> str:
        return f'W/"{row["ItemId"]}.{self._versions[row["ItemId"]]}"'


def time_text(at: Any) -> str:
    """A time as the service writes it: UTC with microseconds, so that texts sort as times do."""
    return f"{at.replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _bare(request: Request) -> bool:
    """Does the caller want no control information in the rows?"""
    return "odata.metadata=none" in request.headers.get("accept", "")


def _data(request: Request) -> Row:
    data = request.json()
    if not isinstance(data, dict):
        raise Refused(400, "BadRequest", "the body is no entity")
    if unknown := sorted(data.keys() - WRITABLE):
        raise Refused(400, "BadRequest", f"the property {unknown[0]!r} cannot be written", unknown[0])
    price = data.get("UnitPrice", 0)
    if isinstance(price, bool) or not isinstance(price, (int, Decimal)):
        raise Refused(400, "BadRequest", "UnitPrice must be a number", "UnitPrice")
    return data


def _orders(text: str) -> list[tuple[str, bool]]:
    """The properties to sort by, each with "downwards?"; at last by the key, so that the order is always a whole one."""
    orders = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, way = part.partition(" ")
        if name not in PROPERTIES or way not in ("", "asc", "desc"):
            raise Refused(400, "BadRequest", f"invalid $orderby: {part}")
        orders.append((name, way == "desc"))
    return orders if "ItemId" in dict(orders) else [*orders, ("ItemId", False)]


def _place(value: Any) -> tuple[bool, Any]:
    """Where a value sorts: null comes first."""
    return value is not None, value if value is not None else 0


def _sorted(rows: list[Row], orders: list[tuple[str, bool]]) -> list[Row]:
    for name, down in reversed(orders):
        rows = sorted(rows, key=lambda row: _place(row[name]), reverse=down)
    return rows


def _behind(row: Row, last: Row, orders: list[tuple[str, bool]]) -> bool:
    for name, down in orders:
        if row[name] != last[name]:
            return bool(_place(row[name]) > _place(last[name])) != down
    return False


def _token(row: Row, orders: list[tuple[str, bool]]) -> str:
    return urlsafe_b64encode(dump_json({name: row[name] for name, _ in orders})).decode()


def _read_token(text: str, orders: list[tuple[str, bool]]) -> Row:
    try:
        last = read_json(urlsafe_b64decode(text))
    except (ValueError, InputRefused):
        last = None
    if not isinstance(last, dict) or last.keys() != {name for name, _ in orders}:
        raise Refused(400, "BadRequest", "the $skiptoken is not one of this list")
    return last


def _next_link(asked: dict[str, str], token: str, left: int) -> str:
    kept = {name: value for name, value in asked.items() if name not in ("$skip", "$top", "$skiptoken")}
    further = {"$top": left} if "$top" in asked else {}
    return f"/odata/Items?{urlencode({**kept, **further, '$skiptoken': token})}"


def _number(asked: dict[str, str], name: str, default: int) -> int:
    text = asked.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise Refused(400, "BadRequest", f"{name} must be a whole number")
    return int(text)


def _page_size(request: Request) -> int:
    wanted = re.search(r"maxpagesize=(\d{1,6})", request.headers.get("prefer", ""))
    return max(1, min(int(wanted[1]), PAGE)) if wanted else PAGE
